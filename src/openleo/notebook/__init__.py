"""Results at hand in a notebook: `dataset.openleo` on the table of cells, and a map to turn."""
