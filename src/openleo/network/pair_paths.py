"""One path between two places, hop by hop, over the links that their round-trip times are computed from.

Takes a Sky and two places (`pairs`); gives the paths of `journeys`. For ground links that are admitted by range, which
a Network does not know.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np

from openleo.network import journeys
from openleo.network.journeys import Alternative, End, Path, SkyAt
from openleo.network.pairs import Places, Sky, ground_links, skies


def between(sky: Sky, places: Places, at: datetime) -> Path:
    """The shortest path from the first of two places to the last: the way of `rtt_between`."""
    return journeys.shortest(*_links_at(sky, places, at))


def alternatives(
    sky: Sky, places: Places, at: datetime, count: int, *, disjoint: bool = False
) -> tuple[list[Alternative], str]:
    """(up to `count` paths from the first of two places to the last, why there is none): `journeys.alternatives`."""
    return journeys.several(*_links_at(sky, places, at), count, disjoint=disjoint)


def _links_at(sky: Sky, places: Places, at: datetime) -> tuple[SkyAt, End, End]:
    ((now, position_km, usable),) = skies(sky, at, [0.0])
    offsets, satellite, length_km = ground_links(now, places, position_km, usable)
    range_km = np.full((len(places.names), len(position_km)), np.inf)
    range_km[np.repeat(np.arange(len(places.names)), np.diff(offsets)), satellite] = length_km
    start, end = (End(places.names[n], places.position_km[n], range_km[n]) for n in (0, -1))
    return SkyAt(at, now.constellation.satellite_name, position_km, usable, now.topology), start, end
