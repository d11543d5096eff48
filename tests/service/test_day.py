"""Availability slot by slot: the same shares as the run's statistics, counted by plain loops."""

from types import SimpleNamespace

import numpy as np
import pytest

from openleo import cells as h3cells
from openleo.network.reach import Reach
from openleo.service.day import DayTally
from openleo.service.statistics import Counter

WHERE = np.sort(np.array([h3cells.at(latitude, 100.0, 4) for latitude in (0.0, 10.0, 20.0)]))


def parts_of(cell, people, area_km2, cells=WHERE):
    return SimpleNamespace(
        cells=cells, cell=np.array(cell), people=np.array(people, float), area_km2=np.array(area_km2, float)
    )


def reach_of(satellite, seen, first=0):
    server = np.array(satellite, np.int32)
    return Reach(first, server, np.where(server >= 0, 30.0, np.inf).astype(np.float32), np.array(seen, np.int16))


def test_shares_are_those_of_a_loop_and_of_the_statistics():
    rng = np.random.default_rng(7)
    parts = parts_of([0, 0, 1, 2], [5.0, 15.0, 30.0, 50.0], [1.0] * 4)
    permitted = np.array([True, False, True, True])
    seen = rng.integers(0, 3, (40, 3))
    server = np.where((seen > 0) & (rng.random((40, 3)) < 0.6), 9, -1)
    tally, counter = DayTally(parts, permitted), Counter(3, 15.0)
    for first in (0, 13, 26):
        last = 40 if first == 26 else first + 13
        chunk = reach_of(server[first:last], seen[first:last], first)
        tally.add(chunk)
        counter.add(chunk)
    day, statistics = tally.finish(), counter.finish()
    people = np.array([5.0, 30.0, 50.0]) / 100.0  # who may be served, by cell
    for slot in range(40):
        served = sum(people[c] for c in range(3) if server[slot, c] >= 0)
        dark = sum(people[c] for c in range(3) if server[slot, c] < 0 and seen[slot, c] == 0)
        assert day.served[slot] == pytest.approx(served)
        assert day.no_satellite[slot] == pytest.approx(dark)
    assert day.not_permitted == pytest.approx(0.15)
    assert day.served.mean() == pytest.approx(people @ statistics.can_serve)
    assert day.no_gateway.mean() == pytest.approx(people @ statistics.no_gateway)
    total = day.served + day.no_satellite + day.no_gateway + day.not_permitted
    assert total == pytest.approx(np.ones(40))
    assert day.weighting == "population"


def test_where_nobody_lives_area_counts():
    tally = DayTally(parts_of([0, 1, 2], [0, 0, 0], [1.0, 2.0, 1.0]), np.ones(3, bool))
    tally.add(reach_of([[1, 1, -1]], [[1, 1, 1]]))
    day = tally.finish()
    assert (day.weighting, day.served.tolist(), day.no_gateway.tolist()) == ("area", [0.75], [0.25])


def test_one_local_time_only_where_people_share_it():
    def longitude(*degrees, people=None):
        cells = np.array([h3cells.at(0.0, one, 4) for one in degrees])
        order = np.argsort(cells)
        weights = np.array(people or [1.0] * len(degrees))[order]
        return DayTally(parts_of(range(len(cells)), weights, weights, cells[order]), np.ones(len(cells), bool)).finish()

    assert longitude(100.0, 110.0).longitude_deg == pytest.approx(105.0, abs=0.5)
    assert abs(longitude(179.0, -179.0).longitude_deg) == pytest.approx(180.0, abs=0.5)
    assert longitude(-100.0, 0.0, 100.0).longitude_deg is None
    assert longitude(0.0, 180.0).longitude_deg is None
    far_islands = longitude(100.0, 170.0, people=[98.0, 2.0])
    assert far_islands.longitude_deg == pytest.approx(100.0, abs=3.0)


def test_what_a_computed_slot_lacks_holds_until_the_next():
    tally = DayTally(parts_of([0, 1, 2], [50.0, 25.0, 25.0], [1.0] * 3), np.ones(3, bool))
    tally.add(reach_of([[1, 1, 1]] * 4 + [[-1, -1, 1]], [[1, 1, 1]] * 5))
    day = tally.finish().sharing(np.array([0.0, 30.0]), np.array([0.2, 0.5]), 15.0)
    assert day.no_capacity == pytest.approx([0.2, 0.2, 0.5, 0.5, 0.25])
    assert day.served == pytest.approx([0.8, 0.8, 0.5, 0.5, 0.0])
    assert sum(day.shares().values()) == pytest.approx(np.ones(5))
