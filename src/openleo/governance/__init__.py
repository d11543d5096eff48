"""PROVEN: who may decide, and what the ledger's entries mean: changes, approvals, quorums, and what is in force.

Knows keys, signatures and hashes; nothing of orbits, and nothing of what a rule says. What is signed is bytes; what
is in force follows from the entries of a ledger alone.
"""
