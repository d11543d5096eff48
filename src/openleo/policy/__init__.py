"""MAY: who may be served, where, in what state, and when.

rule_file (the file form, checked whole) ─► rules (RuleSet) ─► decide (one request from a place, with reasons) ─► mask
(every part of every cell). `answer` goes from a request with a position to its decision. Knows territories, terminals'
classes and states, and nothing of orbits.
"""
