"""Where a terminal is by the network's own measurements: round trips to satellites whose places are known.

sky (places and velocities of the satellites that were measured) ─► ranges (round trips, what is known of their errors)
─► fix (the place that fits them, with every other place that does) ─► ellipse (its region, and discs that cover it)
─► agreement (whether a reported position can be the same place). `trials` draws measurements as they would be made.
"""
