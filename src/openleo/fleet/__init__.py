"""Simulated terminals: where they are, what they report, and, labelled, what is wrong with some of it."""
