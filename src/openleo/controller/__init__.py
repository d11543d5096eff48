"""The running system: slot after slot who is served, leases to terminals, and answers to people and programs.

    ledger ─► in_force ─┐
    network ────────────┼─► slot_plan ─► store ─► apply ─► leases · slots · events
    telemetry ─► misuse ┘

The database keeps records, and is a cache for what is in force: that is the ledger's. `loop` alone moves time on.
"""
