"""The scenario that tests of planned tables share: a small constellation with links between its satellites."""

from __future__ import annotations

WALKER = """
[constellation]
isl = "+grid"

[[constellation.shell]]
name = "inclined"
altitude_km = 550
inclination_deg = 53
planes = 24
satellites = 528
phasing = 1
"""


def scenario_text(
    more: str = "", *, name: str = "small", duration: str = "10min", slot: str = "15s", area: str = "POL",
    resolution: int = 3,
) -> str:  # fmt: skip
    """A scenario's file; `more`: tables behind the others."""
    head = f'name = "{name}"\nstart = 2026-11-20T00:00:00Z\nduration = "{duration}"\nslot = "{slot}"\n'
    ground = f'[ground]\narea = ["{area}"]\nresolution = {resolution}\ngateways = "starlink-2026"\n'
    return f"{head}{WALKER}\n{ground}{more}"
