"""Real packets through the planned network, on one machine: what a plan says becomes delays, rates and silence."""
