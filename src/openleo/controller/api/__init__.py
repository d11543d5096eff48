"""The routes of the HTTP service, one file a kind of thing."""
