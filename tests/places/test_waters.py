"""Strips of sea: distances against pyproj's geodesics, and the nearer coast between two."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from openleo.places import land, waters
from openleo.places.land import Land
from openleo.places.territories import territories

WGS84 = Geod(ellps="WGS84")
NEAR_TAIWAN = (118.0, 21.0, 126.0, 28.0)
NEAR_FIJI = (176.0, -20.0, 180.0, -14.0)


def made_of(**polygons):
    """A land of a few territories; `owner` numbers into their names."""
    pieces = np.array(list(polygons.values()), dtype=object)
    return Land(tuple(polygons), np.arange(len(pieces), dtype=np.int32), pieces, shapely.STRtree(pieces))


@cache
def real_coasts(bounds):
    return waters.coasts(land.load(), np.array([shapely.box(*bounds)], dtype=object))


def label(coasts, latitude_deg, longitude_deg):
    return coasts.label(np.array([latitude_deg]), np.array([longitude_deg]))[0]


# --- against geodesics --------------------------------------------------------------------------------------------

# (a territory with one straight coast, a point on that coast, the azimuth out to sea)
COASTS = {
    "equator, facing north": (shapely.box(-2.0, -2.0, 2.0, 0.0), (0.0, 0.0), 0.0),
    "equator, facing east": (shapely.box(-2.0, -2.0, 0.0, 2.0), (0.0, 0.0), 90.0),
    "25 north, facing west": (shapely.box(121.0, 23.0, 123.0, 27.0), (25.0, 121.0), 270.0),
    "60 north, facing south": (shapely.box(8.0, 60.0, 12.0, 62.0), (60.0, 10.0), 180.0),
    "75 south, facing east": (shapely.box(0.0, -77.0, 20.0, -73.0), (-75.0, 20.0), 90.0),
    "antimeridian, facing east": (shapely.box(176.0, -19.0, 180.0, -15.0), (-17.0, 180.0), 90.0),
}


AT_SEA = [(22.0, "A.sea12"), (22.5, "A.sea200"), (0.1, "A.sea12"), (367.0, "A.sea200"), (374.0, "high-seas")]
# So far out, a geodesic by the pole bends away from its parallel and comes nearer to the coast's end.
STRAIGHT_OUT = [(name, *out) for name in COASTS for out in AT_SEA if name != "75 south, facing east" or out[0] < 300.0]


@pytest.mark.parametrize(("name", "out_km", "strip"), STRAIGHT_OUT)
def test_strips_end_at_12_and_200_nautical_miles_against_pyproj(name, out_km, strip):
    """12 nautical miles are 22.224 km, 200 are 370.4; the sphere and the ellipsoid are up to 0.6 % apart."""
    polygon, (latitude, longitude), azimuth = COASTS[name]
    lon, lat, _ = WGS84.fwd(longitude, latitude, azimuth, out_km * 1000.0)
    assert label(waters.coasts(made_of(A=polygon)), lat, lon) == strip


def brute_force_km(pieces, latitude, longitude):
    """The geodesic to the nearest vertex of some polygons; the 10m atlas has one every kilometre or so."""
    x, y = shapely.get_coordinates(pieces).T
    _, _, metres = WGS84.inv(np.full(len(x), longitude), np.full(len(y), latitude), x, y)
    return metres.min() / 1000.0


@given(st.floats(122.1, 123.5), st.floats(23.5, 25.0))
@settings(deadline=None, max_examples=25)
def test_distance_to_the_nearest_coast_against_pyproj(longitude, latitude):
    distance, owner = real_coasts(NEAR_TAIWAN).distance_km(np.array([latitude]), np.array([longitude]))
    if land.load().territory_of([longitude], [latitude])[0] >= 0:
        return
    expected = {id_: brute_force_km(land.load().of({id_}), latitude, longitude) for id_ in ("TWN", "JPN")}
    assert distance[0] == pytest.approx(min(expected.values()), rel=0.01, abs=1.5)
    if abs(expected["TWN"] - expected["JPN"]) > 4.0:
        assert land.load().territories[owner[0]] == min(expected, key=expected.get)


def test_between_taiwan_and_yonaguni_the_nearer_coast_has_the_sea():
    """Yonaguni is 108 km from Taiwan: the strips meet in the middle, and 12 miles are around each."""
    east_of_taiwan = np.linspace(121.95, 122.9, 39)
    found = [label(real_coasts(NEAR_TAIWAN), 24.45, longitude) for longitude in east_of_taiwan]
    assert list(dict.fromkeys(found)) == ["TWN.sea12", "TWN.sea200", "JPN.sea200", "JPN.sea12"]
    middle = east_of_taiwan[found.index("JPN.sea200")]
    taiwan, japan = (brute_force_km(land.load().of({id_}), 24.45, middle) for id_ in ("TWN", "JPN"))
    assert abs(taiwan - japan) < 6.0  # two steps of 2.5 km


def test_two_shores_share_a_strait_down_the_middle():
    shores = made_of(A=shapely.box(0.0, 0.0, 1.0, 1.0), B=shapely.box(1.3, 0.0, 2.3, 1.0))
    coasts = waters.coasts(shores)
    assert label(coasts, 0.5, 1.14) == "A.sea12"
    assert label(coasts, 0.5, 1.16) == "B.sea12"


def test_what_is_as_near_to_two_coasts_is_the_first_ids_whatever_else_is_near():
    """Off the corner where two lands meet, all the sea of a sector has their common point as the nearest of both."""
    west, south = shapely.Polygon([(0, 0), (-1, 1), (-1, 0)]), shapely.Polygon([(0, 0), (-1, 0), (-1, -1)])
    off = np.linspace(0.01, 2.0, 40)
    for owners in ([0, 1], [1, 0]):
        for others in (0, 1, 7, 60):
            islets = [shapely.box(8.0 + k, 3.0, 8.5 + k, 3.5) for k in range(others)]
            pieces = np.array([west, south, *islets], dtype=object)
            number = np.array(owners + [2] * others, dtype=np.int32)
            coasts = waters.coasts(Land(("A", "B", "C"), number, pieces, shapely.STRtree(pieces)))
            assert {one[0] for one in coasts.label(np.zeros(40), off)} == {"A"}


# --- where maps break ---------------------------------------------------------------------------------------------


def test_either_side_of_the_antimeridian_is_near_fiji():
    coasts = real_coasts(NEAR_FIJI)
    west, east = (-17.4, 179.9), (-17.4, -179.9)
    distances = coasts.distance_km(*np.array([west, east]).T)[0]
    for (latitude, longitude), distance in zip((west, east), distances, strict=True):
        assert label(coasts, latitude, longitude).startswith("FJI.sea")
        assert distance == pytest.approx(
            brute_force_km(land.load().of({"FJI"}), latitude, longitude), rel=0.01, abs=1.0
        )


def test_coasts_are_looked_for_across_the_antimeridian():
    """Asked for cells that lie east of it alone, the coasts west of it count too."""
    east = waters.coasts(land.load(), np.array([shapely.box(-180.0, -18.0, -179.7, -17.0)], dtype=object))
    assert label(east, -17.4, -179.9) == label(real_coasts(NEAR_FIJI), -17.4, -179.9)


def test_the_poles_have_their_waters():
    everywhere = waters.coasts(land.load())
    assert label(everywhere, 89.9, 0.0) == "high-seas"
    # 200 nautical miles from the edge of Antarctica in the Ross Sea; the pole itself is land.
    assert label(everywhere, -77.5, -170.0).startswith("ATA.")


def test_far_out_nobody_is_near():
    coasts = waters.coasts(land.load(), np.array([shapely.box(-130.0, -45.0, -125.0, -40.0)], dtype=object))
    distance, owner = coasts.distance_km(np.array([-42.0]), np.array([-127.0]))
    assert np.isinf(distance[0])
    assert owner[0] == -1
    assert label(coasts, -42.0, -127.0) == "high-seas"


def test_without_land_all_is_high_seas():
    nowhere = Land((), np.empty(0, np.int32), np.empty(0, object), shapely.STRtree([]))
    assert waters.coasts(nowhere).label(np.array([0.0]), np.array([0.0])).tolist() == ["high-seas"]


def test_every_label_names_a_territory():
    latitude, longitude = (grid.ravel() for grid in np.meshgrid(np.arange(-80.0, 81.0, 10.0), np.arange(-180, 180, 10)))
    labels = set(waters.coasts(land.load()).label(latitude, longitude))
    assert {one.partition(".")[0] for one in labels} <= {*territories(), "high-seas"}
    assert "high-seas" in labels


def test_a_strip_ignores_the_cuts_between_pieces():
    """Land is stored in pieces; a point at sea is never nearer to a cut than to the coast before it."""
    whole = made_of(A=shapely.box(0.0, 0.0, 2.0, 2.0))
    pieces = np.array([shapely.box(0.0, 0.0, 1.0, 2.0), shapely.box(1.0, 0.0, 2.0, 2.0)], dtype=object)
    cut = Land(("A",), np.zeros(2, np.int32), pieces, shapely.STRtree(pieces))
    out = np.linspace(2.05, 4.0, 20)
    at = np.full(len(out), 1.0)
    np.testing.assert_allclose(
        waters.coasts(cut).distance_km(at, out)[0], waters.coasts(whole).distance_km(at, out)[0], rtol=1e-12
    )
