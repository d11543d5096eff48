"""Borders and contested areas as the page draws them: GeoJSON, simplified, the same for every network.

Takes the embedded land (Natural Earth 50m); gives one feature a territory. Neighbours are simplified together, so that
they still meet along one line. A contested area is a feature of its own with every name that it goes by and who
administers and who claims it: the page hatches it and takes no side.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from openleo.places import land as lands
from openleo.places.territories import contested_areas, territories

TOLERANCE_DEG = 0.04  # 4 km: half a pixel of a screen on which the Earth is 5,000 pixels round
GRID_DEG = 0.01


@cache
def borders() -> dict[str, Any]:
    """All territories' land as a GeoJSON FeatureCollection, in the order of their ids."""
    land, fine = lands.load("50m"), lands.load("10m")
    drawn = _outlines(land, sorted(land.territories))
    simple = dict(zip(sorted(land.territories), shapely.coverage_simplify(drawn, TOLERANCE_DEG), strict=True))
    # Islets that the 50m edition leaves out: nobody's place is missing from the map.
    left_out = sorted(set(territories()) - set(simple))
    simple |= dict(zip(left_out, shapely.simplify(_outlines(fine, left_out), GRID_DEG), strict=True))
    return {"type": "FeatureCollection", "features": [_feature(id_, simple[id_]) for id_ in sorted(simple)]}


def _outlines(land: lands.Land, ids: Sequence[str]) -> NDArray[np.object_]:
    return np.array([shapely.union_all(land.of({id_})) for id_ in ids], dtype=object)


def _feature(id_: str, outline: shapely.Geometry) -> dict[str, Any]:
    rounded = shapely.set_precision(outline, GRID_DEG)
    if rounded.is_empty:  # smaller than a kilometre: as it is, and not nowhere
        rounded = outline
    area = contested_areas().get(id_)
    said: dict[str, Any] = {"id": id_, "name": territories()[id_].name, "contested": area is not None}
    if area is not None:
        said |= {
            "also_called": list(area.also_called),
            "administered_by": list(area.administered_by),
            "claimed_by": list(area.claimed_by),
        }
    return {"type": "Feature", "properties": said, "geometry": json.loads(shapely.to_geojson(rounded))}
