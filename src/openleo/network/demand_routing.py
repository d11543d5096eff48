"""Ways of routing demands and how many paths they look at: names and numbers alone, for options to state them."""

from __future__ import annotations

from typing import Literal, get_args

DemandRouting = Literal["shortest", "k-paths", "least-loaded"]
ROUTINGS: tuple[DemandRouting, ...] = get_args(DemandRouting)
PATHS = 4  # if nobody says how many
MOST_PATHS = 100  # between two places; the time grows with their number
