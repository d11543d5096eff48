"""IS: what is served, and what would change.

serve (reach × mask ─► ServiceMap: shares and reasons for every part) ─► summary (by territory) ─► effect (two rule
sets on one network). Knows no files, sockets or clocks.
"""
