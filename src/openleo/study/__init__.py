"""Studies: one scenario computed many times, with some of its keys set to other values in each run.

    study file ─► reading ─► plan (factors) ─► runs ─► addresses ─► executor ─► store ─► dataset, summary

A run is known by the address of all that it is computed from, before it is computed: what the store holds under that
address is not computed again, whoever computed it, and wherever.
"""
