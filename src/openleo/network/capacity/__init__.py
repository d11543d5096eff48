"""CAN, with everybody else on the network: what rate each cell gets in a slot, and what stops it from having more.

candidates (who could serve whom, at what rate) + caps + demand ─► beams (who serves whom, on which channel) ─► share
(the rates). Knows nothing of rules or of how a rate comes about.
"""
