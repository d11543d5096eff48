"""CAN, with everybody else on the network: what links carry, what is asked for, and what rate each cell gets in a slot.

radios + sky ─► link_budget ─► rates (Mbit/s by elevation) ─┐
candidates (who could serve whom) ──────────────────────────┼─► beams (who serves whom, on which channel) ─► share
caps + demand ──────────────────────────────────────────────┘

Knows nothing of rules, and of a scenario only the value `CapacityCase`.
"""
