"""Public sources: fetched once, kept with their provenance, asked again only when that is fair."""
