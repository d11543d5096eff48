"""CAN: what the network can serve.

constellation ─► ephemeris ─► visibility (with ground) ─► topology ─► routing ─► reach; journeys shows a single user's
share of it. Knows nothing of rules or people.
"""
