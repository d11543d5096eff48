"""MAY: who may be served, where.

rule_file (the file form, checked whole) ─► rules (RuleSet) ─► decide (one place and class, with reasons) ─► mask (every
part of every cell). Knows territories and terminals' classes, and nothing of orbits.
"""
