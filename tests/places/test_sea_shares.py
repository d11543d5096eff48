"""How a cell's sea is shared out among strips: against brute force, and the same at every resolution."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from openleo import cells
from openleo.places import land, parts, waters
from openleo.places.areas import Area, parts_of

POINTS = 400  # along each side of a cell's box
EARTH_KM2 = 6371.0072**2  # the sphere of H3's areas
PLACES = {
    "Monaco": (43.6, 7.5, 3),
    "Neum": (42.9, 17.5, 3),
    "Singapore": (1.2, 103.9, 4),
    "Jersey": (49.2, -2.2, 4),
    "Fiji, across the antimeridian": (-17.0, 179.8, 3),
    "beyond 200 miles": (36.0, -60.5, 3),
}


def by_brute_force(cell):
    """(km² of each label at sea, by a grid of points over the cell): polygons and nearest coast, point by point."""
    found = {}
    whole = land.load()
    for shape in shapely.get_parts(cells.outlines(np.array([cell]))):
        west, south, east, north = shape.bounds
        wide, high = (east - west) / POINTS, (north - south) / POINTS
        x, y = np.meshgrid(west + wide * (np.arange(POINTS) + 0.5), south + high * (np.arange(POINTS) + 0.5))
        inside = shapely.contains_xy(shape, x, y)
        x, y = x[inside], y[inside]
        sea = whole.territory_of(x, y) < 0
        x, y = x[sea], y[sea]
        km2 = np.radians(wide) * np.radians(high) * np.cos(np.radians(y)) * EARTH_KM2
        label = waters.coasts(whole, np.array([shape])).label(y, x).astype(str)
        for one in np.unique(label).tolist():
            found[one] = found.get(one, 0.0) + float(km2[label == one].sum())
    return found


@pytest.mark.parametrize("name", PLACES)
def test_shares_against_a_grid_of_points(name):
    """160,000 points: their own error is some 0.1 km² along a strip's edge at res 3."""
    cell = cells.at(*PLACES[name])
    cut = parts.cut(np.array([cell]), with_people=False)
    at_sea = np.isin(cut.territory.astype(str), list(land.load().territories), invert=True)
    ours = dict(zip(cut.territory[at_sea].tolist(), cut.area_km2[at_sea].tolist(), strict=True))
    theirs = by_brute_force(cell)
    for label, km2 in theirs.items():
        assert ours.get(label, 0.0) == pytest.approx(km2, rel=0.015, abs=1.5), label
    assert sum(km2 for label, km2 in ours.items() if label not in theirs) < 0.5


@pytest.mark.parametrize(("id_", "km2"), [("MCO.sea12", 133.0), ("BIH.sea12", 13.9)])
def test_a_narrow_strip_is_as_large_at_every_resolution(id_, km2):
    """49 points a cell gave Monaco 255 km² at res 3 and 132 at res 6, and Bosnia none at res 2 and 3."""
    for resolution in (2, 3, 4, 5):
        found = parts_of(Area((id_,)), resolution).area_km2.sum()
        assert found == pytest.approx(km2, rel=0.01, abs=1.0), resolution
