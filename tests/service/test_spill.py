"""Beams across a border: against all pairs of places by the haversine formula, and by hand on a straight border."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo import cells as h3cells
from openleo.places.parts import cut
from openleo.places.samples import Points, labels_at, points_of
from openleo.policy.mask import DEPENDS, NO, YES, Decided, Kinds
from openleo.service.reached import Reached
from openleo.service.spill import Sampled, cells_in_doubt, crossed, spill
from openleo.service.statistics import RTT_BINS, CellStatistics
from openleo.units import EARTH_MEAN_RADIUS_KM


def haversine_km(latitude, longitude):
    """Distances between all pairs of points."""
    phi, lam = np.radians(latitude), np.radians(longitude)
    half = np.sin((phi[:, None] - phi) / 2) ** 2
    half += np.cos(phi[:, None]) * np.cos(phi) * np.sin((lam[:, None] - lam) / 2) ** 2
    return 2 * EARTH_MEAN_RADIUS_KM * np.arcsin(np.sqrt(half))


def decided(kinds: Kinds, may: list[list[int]]) -> Decided:
    return Decided(kinds, ("fixed",), np.array(may, np.uint8), None)


def sampled(latitude, longitude, kind, can_serve=None, people=None) -> Sampled:
    count = len(kind)
    points = Points(
        np.asarray(latitude, float), np.asarray(longitude, float), np.arange(count),
        np.ones(count) if people is None else np.asarray(people, float),
    )  # fmt: skip
    reached = np.ones(count, bool) if can_serve is None else np.asarray(can_serve, bool)
    return Sampled(points, np.asarray(kind), reached)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(1.0, 300.0))
def test_lit_and_dark_against_all_pairs(seed: int, beam_km: float) -> None:
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 60))
    latitude, longitude = random.uniform(60.0, 64.0, count), random.uniform(177.0, 183.0, count)
    some = sampled(latitude, longitude, random.integers(0, 4, count), random.random(count) < 0.8)
    may = random.choice([NO, DEPENDS, YES], 4).astype(np.uint8)
    near = haversine_km(latitude, longitude) <= beam_km
    open_ = may[some.kind] != NO
    lit, dark = crossed(some, may, beam_km)
    assert lit.tolist() == [bool(not open_[i] and (near[i] & open_ & some.can_serve).any()) for i in range(count)]
    assert dark.tolist() == [
        bool(open_[i] and some.can_serve[i] and (near[i] & ~open_).any()) for i in range(count)
    ]  # fmt: skip


def test_a_straight_border_by_hand() -> None:
    """Places every kilometre along the equator; west of 0° is permitted. A beam of 12 km lights 12 places beyond."""
    longitude = (np.arange(-100, 100) + 0.5) / (np.pi / 180 * EARTH_MEAN_RADIUS_KM)
    some = sampled(np.zeros(200), longitude, (longitude > 0).astype(int), people=np.full(200, 10.0))
    kinds = Kinds(np.zeros(0, np.intp), ("EAS", "WES"), np.zeros((2, 0), bool), ())
    some = Sampled(some.points, 1 - some.kind, some.can_serve)  # kinds in the order of labels
    closed, west = (decided(kinds, [[NO], [NO]]), decided(kinds, [[NO], [YES]]))
    found = spill((some, some), kinds, closed, west, 12.001)
    assert (found["EAS", "fixed"].lit, found["EAS", "fixed"].dark) == ((0, 120), (0, 0))
    assert (found["WES", "fixed"].lit, found["WES", "fixed"].dark) == ((0, 0), (0, 120))


def test_nobody_is_lit_by_what_the_network_does_not_reach() -> None:
    lit, dark = crossed(sampled([0, 0], [0, 0.01], [0, 1], [False, True]), np.array([YES, NO], np.uint8), 12.0)
    assert not lit.any()
    assert not dark.any()


@pytest.fixture(scope="module")
def luxembourg():
    cells = h3cells.parents(h3cells.children(np.array([h3cells.at(49.6, 6.1, 4)], dtype=np.uint64), 5), 5)
    return cut(np.unique(cells))


def test_points_stand_for_the_parts_and_their_people(luxembourg) -> None:
    points = points_of(luxembourg, (), 8)
    assert points.people.sum() == pytest.approx(luxembourg.people.sum())
    people = np.bincount(points.part, weights=points.people, minlength=len(luxembourg))
    np.testing.assert_allclose(people, luxembourg.people)
    assert set(points.part) == set(range(len(luxembourg)))
    share = np.bincount(points.part, minlength=len(luxembourg)) / len(points)
    np.testing.assert_allclose(share, luxembourg.area_km2 / luxembourg.area_km2.sum(), atol=0.004)


def test_places_have_the_labels_that_the_atlas_gives() -> None:
    latitude, longitude = np.array([49.61, 50.85, 51.3]), np.array([6.13, 4.35, 2.5])
    outlines = h3cells.outlines(np.array([h3cells.at(50.5, 4.0, 3)], dtype=np.uint64))
    assert labels_at(latitude, longitude, outlines).tolist() == ["LUX", "BEL", "BEL.sea12"]


def test_only_cells_near_a_border_are_in_doubt() -> None:
    cells = h3cells.children(np.array([h3cells.at(49.6, 6.1, 1)], dtype=np.uint64), 4)
    latitude, _ = h3cells.centres_deg(cells)
    count = len(cells)
    south = (latitude < 49.0).astype(np.intp)
    parts = type(cut(cells[:0]))(
        cells, np.arange(count, dtype=np.int32), np.where(south, "S", "N").astype(object), np.zeros((count, 0), bool),
        np.ones(count), np.ones(count),
    )  # fmt: skip
    zero = np.zeros(count)
    statistics = CellStatistics(
        1, zero + 1, zero, zero, np.zeros((count, RTT_BINS), np.uint16), zero, zero, zero, zero, zero
    )
    reached = Reached(parts, statistics, Kinds(south, ("N", "S"), np.zeros((2, 0), bool), ()))
    found = cells_in_doubt(reached, (decided(reached.kinds, [[NO], [YES]]),), 12.0)
    off_km = np.abs(h3cells.centres_deg(found)[0] - 49.0) * 111.2
    assert 20.0 < off_km.max() < 12.0 + 2.0 * h3cells.radius_km(4) + 1.0
    assert len(cells_in_doubt(reached, (decided(reached.kinds, [[YES], [YES]]),), 12.0)) == 0
