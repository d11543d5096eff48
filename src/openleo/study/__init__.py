"""Studies: questions asked of many runs.

One scenario computed many times, with some of its keys set to other values in each run:

    study file ─► reading ─► plan (factors) ─► runs ─► addresses ─► executor ─► store ─► dataset, summary

A run is known by the address of all that it is computed from, before it is computed: what the store holds under that
address is not computed again, whoever computed it, and wherever.

What a territory depends on is asked of runs from which something was withdrawn:

    file ─► withdrawals of a case ─► cases ─► executor ─► served, cuts, sites ─► dependence

What satellites carry where a place's other links are cut is asked of runs with capacity:

    file ─► cuts of links ─► cases ─► executor ─► what satellites bring ─► classes in their order ─► fallback
"""
