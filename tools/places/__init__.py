"""Parts of the two builders of `src/openleo/data/places`: see `build_territories.py` and `build_population.py`."""
