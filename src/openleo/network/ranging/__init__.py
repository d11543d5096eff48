"""Where a terminal is by the network's own measurements: round trips to satellites whose places are known."""
