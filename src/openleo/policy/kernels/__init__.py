"""The compiled loops of masks: plain functions on arrays, shapes in their docstrings, no state."""
