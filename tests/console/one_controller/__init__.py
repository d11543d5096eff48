"""Tests that look at one controller, which is started for all of them and ended with the last."""
