"""How far a link's numbers may be off, because its radios' numbers are.

Takes a pair of radios whose figures have intervals; gives by how many dB each of them moves a link's Es/N0 when it
alone goes to either end, and the interval that they make together: a root of squares, as of independent doubts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from openleo.network.capacity.link_budget import LinkEnds, budget
from openleo.network.capacity.radios import GatewayRadio, SatelliteRadio, Terminal
from openleo.network.capacity.rain_grid import Climate

Radio = TypeVar("Radio", bound=SatelliteRadio | Terminal | GatewayRadio)
Ground = Terminal | GatewayRadio


@dataclass(frozen=True)
class Doubt:
    """What one figure's interval does to a link."""

    radio: str
    key: str
    low_db: float  # the lesser of what its ends do to Es/N0, margin taken off; ≤ 0
    high_db: float  # the greater; ≥ 0


def varied(radio: Radio, key: str, value: float) -> Radio:
    """A radio with another value of one figure; `key` as in its `figures`, `down.eirp_dbw`."""
    side, _, name = key.rpartition(".")
    changed: dict[str, Any] = {name: value}
    if side:
        changed = {side: replace(getattr(radio, side), **changed)}
    return replace(radio, **changed)


def doubts(
    satellite: SatelliteRadio,
    ground: Ground,
    ends_of: Callable[..., LinkEnds],
    altitude_km: float,
    elevation_deg: float,
    climate: Climate | None,
    percent: float,
) -> tuple[Doubt, ...]:
    """The figures that matter to a link, those that matter most first. `ends_of`: radios.down_ends, for example."""

    def spare_db(sky: SatelliteRadio, earth: Ground) -> float:
        """Es/N0 beyond the margin, at the symbol rate as it is: what bandwidth does is not asked here."""
        found = budget(ends_of(sky, earth), altitude_km, elevation_deg, climate, percent)
        return float(found.es_n0_db.ravel()[0]) - sky.margin_db

    usual, made = spare_db(satellite, ground), []
    for key, figure in satellite.figures.items():
        moved = [spare_db(varied(satellite, key, end), ground) - usual for end in (figure.low, figure.high)]
        made.append(Doubt(satellite.name, key, min(*moved, 0.0), max(*moved, 0.0)))
    for key, figure in ground.figures.items():
        moved = [spare_db(satellite, varied(ground, key, end)) - usual for end in (figure.low, figure.high)]
        made.append(Doubt(ground.name, key, min(*moved, 0.0), max(*moved, 0.0)))
    mattering = [one for one in made if one.high_db - one.low_db > 0.005]
    return tuple(sorted(mattering, key=lambda one: one.low_db - one.high_db))


def together_db(found: tuple[Doubt, ...]) -> tuple[float, float]:
    """(≤ 0, ≥ 0): what all doubts make of Es/N0."""
    low = math.sqrt(sum(one.low_db**2 for one in found))
    return -low, math.sqrt(sum(one.high_db**2 for one in found))
