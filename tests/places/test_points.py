"""Positions placed together against `point.where`, which places each by itself."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from openleo.geodesy import up
from openleo.places import land, point, points
from openleo.places.expressions import Region

RADII_M = (0.0, 10.0, 150.0, 1_000.0, 8_000.0, 60_000.0, 2e6, np.nan)
HOW_OFTEN = (0.2, 0.2, 0.2, 0.2, 0.13, 0.03, 0.02, 0.02)


@pytest.fixture(scope="module")
def corners():
    """Corners of coasts and borders, (longitude, latitude)."""
    return shapely.get_coordinates(land.load().pieces)


def zones(corners: np.ndarray) -> list[Region]:
    """Discs around some corners, and one across the antimeridian."""
    chosen = corners[np.random.default_rng(2).integers(0, len(corners), 4)]
    world = shapely.box(-180, -90, 180, 90)
    shapes = [shapely.Point(*middle).buffer(3.0).intersection(world) for middle in chosen]
    shapes.append(shapely.union(shapely.box(176, -20, 180, -14), shapely.box(-180, -20, -178, -14)))
    return [Region(f"zone-{number}", f"zone-{number}", shape) for number, shape in enumerate(shapes)]


def differing(latitude, longitude, radius_m, regions) -> list[tuple[float, float, float]]:
    """The positions that are said to touch something else when placed together."""
    found = points.where_each(latitude, longitude, radius_m, regions)
    wrong = []
    for row, (north, east, out) in enumerate(
        zip(latitude.tolist(), longitude.tolist(), radius_m.tolist(), strict=True)
    ):
        known = north == north and east == east and out == out
        expected = point.where(north, east, out, regions) if known else None
        number = found.number[row]
        if expected != (None if number < 0 else found.wheres[number]):
            wrong.append((north, east, out))
    assert len(set(found.wheres)) == len(found.wheres)
    assert {*found.number.tolist()} - {-1} == {*range(len(found.wheres))}
    return wrong


@pytest.mark.slow
def test_positions_near_coasts_and_borders(corners):
    """4,000 of them, a metre to a degree away from a corner of some coast or border, with circles of all sizes."""
    random = np.random.default_rng(1)
    count = 4_000
    near = corners[random.integers(0, len(corners), count)]
    off = random.normal(0.0, 1.0, (count, 2)) * 10 ** random.uniform(-5, 0, (count, 1))
    longitude = (near[:, 0] + off[:, 0] + 180.0) % 360.0 - 180.0
    latitude = np.clip(near[:, 1] + off[:, 1], -90.0, 90.0)
    radius_m = random.choice(RADII_M, count, p=HOW_OFTEN)
    latitude[::50] = np.nan
    assert differing(latitude, longitude, radius_m, zones(corners)) == []


def test_positions_at_the_antimeridian_and_the_poles(corners):
    random = np.random.default_rng(3)
    fiji = random.uniform(-19.0, -15.5, 300), (random.uniform(176.5, 182.0, 300) + 180.0) % 360.0 - 180.0
    polar = (
        random.choice([-1.0, 1.0], 200) * (90.0 - 10 ** random.uniform(-5, 0.7, 200)),
        random.uniform(-180, 180, 200),
    )
    chukotka = random.uniform(66.0, 69.0, 300), (random.normal(180.0, 0.1, 300) + 180.0) % 360.0 - 180.0
    edges = np.array([90.0, -90.0, -16.8, -16.8, 0.0]), np.array([10.0, 0.0, 180.0, -180.0, 180.0])
    latitude, longitude = (np.concatenate(one) for one in zip(fiji, polar, chukotka, edges, strict=True))
    radius_m = random.choice([0.0, 100.0, 5_000.0, 100_000.0], len(latitude))
    assert differing(latitude, longitude, radius_m, zones(corners)) == []


def test_corners_themselves(corners):
    """Exactly on a corner of a coast or border, where two territories may meet."""
    chosen = corners[np.random.default_rng(4).integers(0, len(corners), 1_000)]
    radius_m = np.random.default_rng(5).choice([0.0, 0.5, 20.0], len(chosen))
    assert differing(chosen[:, 1].copy(), chosen[:, 0].copy(), radius_m, ()) == []


@pytest.mark.slow
def test_positions_at_sea_as_near_to_one_coast_as_to_another(corners):
    """Off the end of a land border, the point nearest to a position is both neighbours'."""
    here = land.load()
    owner = np.repeat(here.owner, shapely.get_num_coordinates(here.pieces))
    points_, which = np.unique(corners, axis=0, return_inverse=True)
    least, most = np.full(len(points_), 999), np.full(len(points_), -1)
    np.minimum.at(least, which.ravel(), owner)
    np.maximum.at(most, which.ravel(), owner)
    shared = points_[least != most]
    turn = np.linspace(0.0, 2.0 * np.pi, 12)
    around = (shared[:, np.newaxis] + 0.02 * np.stack([np.cos(turn), np.sin(turn)], axis=1)).reshape(-1, 2)
    around = around[here.territory_of(around[:, 0], around[:, 1]) < 0]
    coast = point.world_coasts()
    chord, nearest = coast.tree.query(up(around[:, 1], around[:, 0]), k=2)
    tied = (coast.owner[nearest[:, 0]] != coast.owner[nearest[:, 1]]) & (np.diff(chord)[:, 0] == 0.0)
    chosen = around[tied][:150]
    assert len(chosen) > 50
    assert differing(chosen[:, 1].copy(), chosen[:, 0].copy(), np.zeros(len(chosen)), ()) == []


def test_most_positions_inland_are_settled_together():
    random = np.random.default_rng(6)
    latitude, longitude = random.uniform(46.0, 49.0, 20_000), random.uniform(-2.0, 6.0, 20_000)
    found = points.where_each(latitude, longitude, np.full(20_000, 50.0), ())
    assert found.single < 20
    france = [number for number, where in enumerate(found.wheres) if where == point.at("FRA")]
    assert np.isin(found.number, france).mean() > 0.9


def test_nothing_is_known_of_no_position():
    found = points.where_each(
        np.array([np.nan, 25.0, 25.0]), np.array([121.0, np.nan, 121.0]), np.array([1.0, 1.0, 2e6])
    )
    assert found.number.tolist() == [-1, -1, -1]
    assert found.wheres == ()
    assert points.where_each(*np.empty((3, 0)), ()).number.tolist() == []
