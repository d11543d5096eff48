"""What a position touches, against points thrown into its circle along geodesics (GeographicLib, by pyproj).

Each point is labelled by itself, with the land's index and the field of distances to coasts: nothing of a circle's own
reckoning. Whatever a point is, the circle has to know of; at land it may know of nothing else.
"""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely

from openleo.places import land as lands
from openleo.places import point, waters
from openleo.places.expressions import Region
from openleo.places.leeway import same_within_km
from openleo.places.point import Atom, where

GEOD = pyproj.Geod(ellps="WGS84")
LUXEMBOURG = Region("lux", "lux", shapely.box(6.0, 49.5, 6.2, 49.7))
DATE_LINE = Region(
    "date-line",
    "date-line",
    shapely.MultiPolygon([shapely.box(179.0, -17.0, 180.0, -16.0), shapely.box(-180.0, -17.0, -179.0, -16.0)]),
)
REGIONS = (LUXEMBOURG, DATE_LINE)

CIRCLES = {
    "Luxembourg": (49.61, 6.13, 300.0),
    "three borders": (49.47, 6.37, 5_000.0),
    "a box and its edge": (49.695, 6.1, 2_000.0),
    "Monaco": (43.7384, 7.4246, 3_000.0),
    "Singapore and Johor": (1.45, 103.8, 8_000.0),
    "Kinmen": (24.45, 118.35, 20_000.0),
    "12 nautical miles off Taiwan": (23.9, 122.0, 15_000.0),
    "200 nautical miles off Tonga": (-21.2, -171.8, 30_000.0),
    "the open Pacific": (-5.0, -140.0, 400_000.0),
    "Taveuni, on the antimeridian": (-16.85, 179.98, 30_000.0),
    "Chukotka, on the antimeridian": (66.0, -179.9, 60_000.0),
    "the North Pole": (89.99, 40.0, 5_000.0),
    "near the North Pole": (89.5, -100.0, 50_000.0),
    "the South Pole": (-90.0, 0.0, 1_000.0),
    "Svalbard": (78.2, 15.6, 60_000.0),
    "Rome and the Vatican": (41.9029, 12.4534, 800.0),
}


def thrown(latitude: float, longitude: float, radius_m: float, count: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    """Points within a circle, many of them at its rim."""
    random = np.random.default_rng(7)
    azimuth = random.uniform(0.0, 360.0, count)
    far = radius_m * np.sqrt(random.uniform(0.0, 1.0, count))
    far[: count // 3] = radius_m
    east, north, _ = GEOD.fwd(np.full(count, longitude), np.full(count, latitude), azimuth, far)
    return np.asarray(north), np.asarray(east)


def kinds(latitude: np.ndarray, longitude: np.ndarray) -> list[Atom]:
    """Each point by itself."""
    land = lands.load()
    owner = land.territory_of(longitude, latitude)
    label = waters.coasts(land).label(latitude, longitude)
    label[owner >= 0] = np.array(land.territories, dtype=object)[owner[owner >= 0]]
    inside = [shapely.contains_xy(region.polygon, longitude, latitude) for region in REGIONS]
    return [
        Atom(name, frozenset(region for region, holds in zip(REGIONS, row, strict=True) if holds))
        for name, row in zip(label, np.transpose(inside), strict=True)
    ]


@pytest.fixture(scope="module")
def _coasts_once():
    """The world's coasts take a second: hold them for the module."""
    original, made = waters.coasts, waters.coasts(lands.load())
    patch = pytest.MonkeyPatch()
    patch.setattr(
        waters, "coasts", lambda land, near=None, *reach: made if near is None else original(land, near, *reach)
    )
    yield
    patch.undo()


@pytest.mark.usefixtures("_coasts_once")
@pytest.mark.parametrize("name", CIRCLES)
def test_a_circle_against_points_thrown_into_it(name):
    latitude, longitude, radius_m = CIRCLES[name]
    found = where(latitude, longitude, radius_m, REGIONS)
    points = kinds(*thrown(latitude, longitude, radius_m))
    assert set(points) <= set(found.atoms)
    on_land = {atom for atom in found.atoms if "." not in atom.label and atom.label != "high-seas"}
    beyond = kinds(*thrown(latitude, longitude, radius_m * 1.02, 20_000))
    assert on_land <= set(beyond), "a kind of land that no point near the circle has"


@pytest.mark.usefixtures("_coasts_once")
@pytest.mark.parametrize("name", CIRCLES)
def test_an_exact_point_is_of_one_kind(name):
    latitude, longitude, _ = CIRCLES[name]
    (atom,) = where(latitude, longitude, 0.0, REGIONS).atoms
    assert [atom] == kinds(np.array([latitude]), np.array([longitude]))


def test_a_point_on_the_antimeridian_is_on_both_its_sides():
    east, west = where(-16.5, 180.0, 0.0, REGIONS), where(-16.5, -180.0, 0.0, REGIONS)
    assert east == west
    assert all(DATE_LINE in atom.regions for atom in east.atoms)


def test_neighbours_leave_no_sea_between_them():
    """The border of Belgium and Luxembourg, far from any water."""
    assert where(49.9, 5.74, 20_000.0).labels == ("BEL", "LUX")


def test_a_circle_that_could_be_anywhere_is_no_place():
    assert where(0.0, 0.0, 5_000_000.0) is None


def test_the_strips_at_sea_follow_the_distance_and_its_doubt():
    """Off the east coast of Taiwan: 12 nautical miles are 22.2 km."""
    near, twelve, far = (where(23.9, longitude, 500.0).labels for longitude in (121.7, 121.84, 122.2))
    assert near == ("TWN.sea12",)
    assert set(twelve) <= {"TWN.sea12", "TWN.sea200"}
    assert far == ("TWN.sea200",)


@pytest.mark.slow
@pytest.mark.parametrize("radius_m", [0.0, 5_000.0, 60_000.0, 300_000.0, 1_000_000.0])
def test_the_coasts_around_a_circle_are_all_that_matter_to_it(radius_m, monkeypatch):
    """Tiles and the whole world's coasts give the same places, and the first circle does without the world's."""
    random = np.random.default_rng(11)
    places = [
        (23.9, 122.0),
        (-17.0, 179.95),
        (-17.0, -179.95),
        (89.3, 20.0),
        (-77.0, 180.0),
        (42.4, 3.3),
        (-40.0, -100.0),
    ]
    circles = [(lat + random.uniform(-0.6, 0.6), lon, radius_m) for lat, lon in places]
    monkeypatch.setattr(point, "_tiles", {})
    point.world_coasts.cache_clear()
    around = [where(*circle) for circle in circles]
    assert point.world_coasts.cache_info().currsize == 0
    monkeypatch.setattr(point, "MOST_TILES", 0)
    assert around == [where(*circle) for circle in circles]


def test_how_far_everything_is_the_same():
    far = same_within_km(48.0, 5.0, 0.0)
    assert far in (50, 100)  # the Swiss border is 110 km away
    assert where(48.0, 5.0, far * 1000.0).labels == ("FRA",)
    assert same_within_km(49.61, 6.13, 0.0, (LUXEMBOURG,)) < same_within_km(49.61, 6.13, 0.0)
    assert same_within_km(49.9, 5.74, 20_000.0) <= 20


def test_a_circle_over_a_border_moves_only_as_far_as_it_stays_over_it():
    """France and Spain at 42.70, 0.30: two kilometres to the north a circle of two lies in France alone."""
    assert len(where(42.70, 0.30, 2_000.0).atoms) > 1
    assert same_within_km(42.70, 0.30, 2_000.0) <= 2
    random = np.random.default_rng(5)
    for lat, lon in random.uniform((49.45, 5.7), (50.2, 6.5), (12, 2)).tolist():
        far_m = same_within_km(lat, lon, 20_000.0) * 1000.0
        here = where(lat, lon, 20_000.0)
        for azimuth in random.uniform(0.0, 360.0, 6 if far_m else 0):
            there_lon, there_lat, _ = point.ELLIPSOID.fwd(lon, lat, azimuth, 0.98 * far_m)
            assert where(there_lat, there_lon, 20_000.0) == here
