"""Other programs' formats: what they read, made from our inputs and results. Files are written by `cli`."""
