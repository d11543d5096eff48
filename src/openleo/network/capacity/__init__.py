"""CAN, with everybody else on the network: what links carry, what rate each cell gets in a slot, and what stops it.

radios + climate ─► link_budget ─► rates, the Mbit/s of a channel; candidates (who could serve whom, at what rate) +
caps + demand ─► beams (who serves whom, on which channel) ─► share (the rates). Knows no rules and no scenario.
"""
