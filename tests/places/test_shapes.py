"""Strips around outlines: every distance against pyproj's geodesics on WGS 84."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import shapely
from pyproj import Geod

from openleo.places import land, shapes
from openleo.places.territories import territories

WGS84 = Geod(ellps="WGS84")
# (territory, width): long, over the antimeridian, at a pole, of islets, small, and as wide as strips may be.
STRIPS = [
    ("CHL", 100.0),
    ("FJI", 100.0),
    ("RUS", 100.0),
    ("ATA", 100.0),
    ("TON", 22.224),
    ("MDA", 20.0),
    ("MCO", 1.0),
    ("GRL", 900.0),
    ("ATA", 1000.0),
]


@cache
def outline(id_):
    return shapes.edges_of(shapes.land_polygon(frozenset({id_})))


@cache
def strip(id_, width_km):
    return shapes.strip(outline(id_), width_km)


@cache
def points_on(id_, spacing_km):
    """Points along the outline, straight in longitude and latitude, no further apart: axes (point, lon/lat)."""
    a, b = outline(id_)[:, 0], outline(id_)[:, 1]
    count = np.maximum(np.ceil(np.hypot(*(b - a).T) * 111.2 / spacing_km), 1).astype(int)
    which = np.repeat(np.arange(len(a)), count)
    share = (np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)) / count[which]
    return a[which] + share[:, np.newaxis] * (b - a)[which]


def geodesic_km(id_, width_km, longitude, latitude):
    """The geodesic from a point to the nearest point on the outline, by trying all of them."""
    x, y = points_on(id_, min(4.0, width_km / 20.0)).T
    return WGS84.inv(np.full(len(x), longitude), np.full(len(x), latitude), x, y)[2].min() / 1000.0


@pytest.mark.slow
@pytest.mark.parametrize(("id_", "width_km"), STRIPS)
def test_the_edge_of_a_strip_is_its_width_away_against_pyproj(id_, width_km):
    """100 km around Chile within half a kilometre, as the docs promise, and everywhere else as well."""
    middles = shapes.edges_of(strip(id_, width_km)).mean(axis=1)
    rng = np.random.default_rng(4)
    for longitude, latitude in middles[rng.choice(len(middles), min(len(middles), 25), replace=False)]:
        assert geodesic_km(id_, width_km, longitude, latitude) == pytest.approx(
            width_km, abs=min(shapes.MOST_ERROR_KM, 0.05 * width_km)
        )


@pytest.mark.slow
@pytest.mark.parametrize(("id_", "width_km"), STRIPS)
def test_random_points_are_in_a_strip_as_their_geodesic_says(id_, width_km):
    rng = np.random.default_rng(5)
    along = points_on(id_, 2.0)
    start = along[rng.integers(len(along), size=50)]
    azimuth, out_km = rng.uniform(0.0, 360.0, 50), rng.uniform(0.0, 2.0 * width_km, 50)
    x, y, _ = WGS84.fwd(start[:, 0], start[:, 1], azimuth, out_km * 1000.0)
    inside = shapely.contains_xy(strip(id_, width_km), x, y)
    exact = np.array([geodesic_km(id_, width_km, *point) for point in zip(x, y, strict=True)])
    clear = np.abs(exact - width_km) > min(shapes.MOST_ERROR_KM, 0.05 * width_km)
    assert clear.sum() > 30
    np.testing.assert_array_equal(inside[clear], exact[clear] < width_km)
    assert inside.any()


@pytest.mark.parametrize(("id_", "width_km"), STRIPS)
def test_strips_are_polygons_within_the_map(id_, width_km):
    shape = strip(id_, width_km)
    assert shape.is_valid
    assert shape.geom_type in ("Polygon", "MultiPolygon")
    west, south, east, north = shape.bounds
    assert west >= -180.0
    assert east <= 180.0
    assert south >= -90.0
    assert north <= 90.0


def test_the_pole_is_within_a_strip_that_reaches_it():
    """From Greenland's north coast at 83.6°N the pole is 712 km away."""
    everywhere = np.arange(-180.0, 181.0, 7.5)
    assert shapely.intersects_xy(strip("GRL", 900.0), everywhere, np.full(len(everywhere), 90.0)).all()
    assert not shapely.intersects_xy(shapes.strip(outline("GRL"), 650.0), everywhere, 89.99).any()


def test_cuts_of_the_map_are_no_outline():
    """Russia, Fiji and Antarctica are cut at ±180°, where nothing ends."""
    for id_ in ("RUS", "FJI", "ATA"):
        on_cut = (np.abs(outline(id_)[:, :, 0]) == 180.0).all(axis=1)
        assert not on_cut.any(), id_
    assert not shapely.contains_xy(strip("ATA", 100.0), [180.0, -180.0, 0.0], [-86.5, -86.5, -89.9]).any()


def test_a_ring_around_a_pole_has_its_hole_there():
    """A circle at 80°N, as a polygon up to the pole: a strip of 200 km leaves the pole free, a wider one covers it."""
    cap = shapely.box(-180.0, 80.0, 180.0, 90.0)
    narrow, wide = (shapes.strip(shapes.edges_of(cap), width) for width in (200.0, 999.0))
    assert shapely.contains_xy(narrow, [0.0, 90.0, -179.0], [80.0, 81.5, 78.5]).all()
    assert not shapely.contains_xy(narrow, [0.0, 90.0, -179.0], [89.0, 82.0, 78.0]).any()
    distance_to_pole_km = WGS84.inv(0.0, 80.0, 0.0, 90.0)[2] / 1000.0  # 1116.8: not even the widest reaches it
    assert not shapely.contains_xy(wide, 0.0, 89.9)
    assert distance_to_pole_km > 999.0
    beyond = shapes.strip(shapes.edges_of(shapely.box(-180.0, 82.0, 180.0, 90.0)), 999.0)
    assert shapely.contains_xy(beyond, [0.0, 123.0, -45.0], [89.9, 89.9, 89.9]).all()


def test_without_an_outline_there_is_no_strip():
    assert shapes.strip(np.empty((0, 2, 2)), 10.0).is_empty


# --- coasts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id_", ["CHE", "MNG", "BOL", "PRY", "LSO", "VAT"])
def test_landlocked_countries_have_no_coast(id_):
    assert len(shapes.sea_coast(frozenset({id_}))) == 0


@pytest.mark.parametrize("id_", ["TWN", "ISL", "NZL", "FJI", "kinmen"])
def test_islands_are_all_coast(id_):
    def length(segments):
        return WGS84.geometry_length(shapely.multilinestrings(shapely.linestrings(segments)))

    assert length(shapes.sea_coast(frozenset({id_}))) == pytest.approx(length(outline(id_)), rel=1e-3)


def test_a_land_border_is_no_coast():
    """Portugal: nothing of its coast is near Elvas, on the border with Spain; Lisbon and Faro have it near."""
    near = shapes.strip(shapes.sea_coast(frozenset({"PRT"})), 50.0)
    assert shapely.contains_xy(near, [-9.1, -7.9], [38.7, 37.0]).all()
    assert not shapely.contains_xy(near, -7.16, 38.88)
    assert shapely.contains_xy(strip("PRT", 50.0), -7.16, 38.88)


def test_lands_together_have_no_coast_between_them():
    alone, both = (shapes.sea_coast(frozenset(ids)) for ids in ({"PRT"}, {"PRT", "ESP"}))
    assert len(both) > len(alone)
    assert len(shapes.edges_of(shapes.land_polygon(frozenset({"CHE", "LIE"})))) < len(outline("CHE")) + len(
        outline("LIE")
    )


def test_every_territory_with_a_coast_has_water_beside_it():
    """A few steps off each coast lies no land, of a sample of territories over the world."""
    rng = np.random.default_rng(6)
    known = land.load()
    for id_ in rng.choice(list(territories()), 12, replace=False):
        coast = shapes.sea_coast(frozenset({str(id_)}))
        if len(coast) == 0:
            continue
        start, end = coast[rng.integers(len(coast))]
        middle, across = (start + end) / 2.0, (end - start)[::-1] * [1.0, -1.0]
        across = across / np.hypot(*across) * 2e-4
        sides = np.array([middle + across, middle - across])
        assert (known.territory_of(sides[:, 0], sides[:, 1]) < 0).any(), id_
