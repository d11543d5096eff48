"""What is asked for: people × penetration × what each asks × the time of day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo import cells as h3cells
from openleo.network.capacity import demand as asking
from openleo.network.capacity.demand import (
    FLAT,
    Curve,
    Listed,
    PerSubscriber,
    PriorityClass,
    beside,
    demand,
    local_hour,
    on_parts,
)
from openleo.network.capacity.subscribers import PEOPLE_OF_A_HOUSEHOLD, Penetration, by_part, per_person
from openleo.places import parts as places
from openleo.places import population

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def two_cells(curve: Curve = FLAT, classes=asking.ONE_CLASS) -> asking.Demand:
    """1,000 subscribers at Greenwich, in two parts of one cell, and 500 at 90° east; 2 Mbit/s down and 0.5 up each."""
    return demand(
        2, np.array([0, 0, 1]), np.array([0.0, 0.0, 90.0]), np.array([600.0, 400.0, 500.0]), PerSubscriber(2.0, 0.5),
        curve, classes,
    )  # fmt: skip


def test_local_time_is_one_hour_for_fifteen_degrees():
    hours = local_hour(NOON, np.array([0.0, 15.0, 121.5, -90.0, 180.0, -180.0]))
    assert hours.tolist() == pytest.approx([12.0, 13.0, 20.1, 6.0, 0.0, 0.0])


@given(st.lists(st.floats(0.0, 1e6), min_size=24, max_size=24).filter(any))
def test_a_curve_has_a_mean_of_one(relative):
    curve = Curve.of(relative)
    assert curve.relative.mean() == pytest.approx(1.0)
    fine = np.arange(0.0, 24.0, 1.0 / 60.0)  # straight lines between the hours have the hours' mean
    assert curve.at(fine).mean() == pytest.approx(1.0)
    assert curve.of_busiest(fine).max() == pytest.approx(1.0)


def test_a_day_of_other_than_24_hours_is_refused():
    for wrong in ([1.0] * 23, [0.0] * 24, [1.0] * 23 + [-1.0], [1.0] * 23 + [np.nan]):
        with pytest.raises(ValueError, match="24 hours"):
            Curve.of(wrong)


def test_two_cells_by_hand():
    evening = Curve.of([1.0] * 18 + [3.0] * 6)  # three times as much from 18:00
    now = two_cells(evening).at(NOON)  # noon at Greenwich, 18:00 at 90° east
    assert now.down_mbps.tolist() == [[pytest.approx(2000.0 / 3.0)], [pytest.approx(1000.0)]]
    assert now.up_mbps.tolist() == [[pytest.approx(500.0 / 3.0)], [pytest.approx(250.0)]]
    assert now.terminals.tolist() == [1000.0, 500.0]
    at_once = two_cells(evening).at(None)
    assert at_once.down_mbps.ravel().tolist() == [2000.0, 1000.0]


def test_who_may_not_be_served_asks_for_nothing():
    made = two_cells().at(NOON, permitted=np.array([True, False, True]))
    assert made.down_mbps.ravel().tolist() == [1200.0, 1000.0]
    assert made.terminals.tolist() == [600.0, 500.0]


def test_classes_divide_subscribers_and_come_by_priority():
    classes = PriorityClass("homes", 0.75, 1), PriorityClass("emergency", 0.25, 0, weight=2.0)
    made = two_cells(classes=classes).at(NOON)
    assert made.down_mbps.tolist() == [[1500.0, 500.0], [750.0, 250.0]]
    assert made.priority.tolist() == [1, 0]
    assert made.weight.tolist() == [[1500.0, 1000.0], [750.0, 500.0]]
    with pytest.raises(ValueError, match="make 1 together"):
        two_cells(classes=classes[:1])


def test_oversubscription_shares_a_plan():
    assert PerSubscriber.of_plan(100.0, 20.0, 20.0) == PerSubscriber(5.0, 1.0)
    # One beam of 420 Mbit/s up at 20 Mbit/s and 20 to 1 is full with 420 lines (X-Lab 2025: about 420 in a cell).
    assert 420.0 / PerSubscriber.of_plan(100.0, 20.0, 20.0).up_mbps == 420.0


def test_demands_are_joined_by_class():
    others = demand(
        2, np.array([0, 0, 1]), np.array([0.0, 0.0, 90.0]), np.array([0.0, 0.0, 10.0]), PerSubscriber(1.0, 1.0), FLAT,
        [PriorityClass("emergency", priority=0)],
    )  # fmt: skip
    made = beside(two_cells(), others).at(NOON)
    assert made.down_mbps.tolist() == [[2000.0, 0.0], [1000.0, 10.0]]
    assert made.priority.tolist() == [1, 0]
    with pytest.raises(ValueError, match="different curves"):
        beside(two_cells(), two_cells(Curve.of([1.0] * 23 + [2.0])))
    with pytest.raises(ValueError, match="different parts"):
        beside(two_cells(), replace(two_cells(), cell=np.array([0, 1, 1], np.int32)))


def test_what_a_cell_asks_for_is_its_parts_by_people_or_by_area():
    """By hand: of cell 0, 300 of 400 people are of one part; nobody lives in cell 1, three quarters of it are sea."""
    parts = places.Parts(
        h3cells.world(1)[:2], np.array([0, 0, 1, 1], np.int32), np.array(["JPN", "TWN", "TWN", "high-seas"], object),
        np.zeros((4, 0), bool), np.array([20.0, 30.0, 50.0, 150.0]), np.array([100.0, 300.0, 0.0, 0.0]),
    )  # fmt: skip
    of_cells = demand(2, np.array([0, 1]), np.array([0.0, 90.0]), np.array([40.0, 8.0]), PerSubscriber(2.0, 0.5))
    made = on_parts(replace(of_cells, subscribers=np.array([[np.inf], [8.0]])), parts)
    assert made.down_mbps[:, 0].tolist() == [20.0, 60.0, 4.0, 12.0]
    assert made.up_mbps[:, 0].tolist() == [5.0, 15.0, 1.0, 3.0]
    assert made.subscribers[:, 0].tolist() == [np.inf, np.inf, 2.0, 6.0]
    assert made.at(None).down_mbps.tolist() == of_cells.at(None).down_mbps.tolist()


def test_terminals_of_a_list_are_counted_in_their_cells():
    cells = np.sort(np.array([h3cells.at(25.03, 121.56, 5), h3cells.at(22.63, 120.30, 5)], np.uint64))
    classes = PriorityClass("everybody"), PriorityClass("emergency", 0.0, 0)
    listed = Listed(
        np.array([25.03, 25.03, 22.63, 0.0, np.nan]), np.array([121.56, 121.56, 120.30, 0.0, np.nan]),
        np.array([0, 1, 0, 0, 0], np.int32), classes,
    )  # fmt: skip
    made, left_out = listed.demand(cells, PerSubscriber(3.0, 0.3), FLAT)
    taipei = int(np.searchsorted(cells, h3cells.at(25.03, 121.56, 5)))
    assert left_out == 2  # one at sea far away, one of which nobody knows where it is
    assert made.subscribers[taipei].tolist() == [1.0, 1.0]
    assert made.subscribers[1 - taipei].tolist() == [1.0, 0.0]
    assert made.down_mbps.sum() == pytest.approx(9.0)


# --- subscribers --------------------------------------------------------------------------------------------------

people_ = st.lists(st.floats(1.0, 1e6), min_size=1, max_size=30)


@given(people_, st.floats(0.0, 1.2), st.floats(0.05, 20.0), st.randoms(use_true_random=False))
def test_places_together_have_the_count_and_none_more_than_its_households(people, part, in_towns, random):
    people = np.array(people)
    density = np.array([random.choice([10.0, 700.0, 5000.0]) for _ in people])
    count = part * people.sum() / PEOPLE_OF_A_HOUSEHOLD
    rate = per_person(people, density, count, in_towns)
    assert (rate >= 0.0).all()
    assert (rate <= 1.0 / PEOPLE_OF_A_HOUSEHOLD * (1.0 + 1e-12)).all()
    assert (people * rate).sum() == pytest.approx(min(count, people.sum() / PEOPLE_OF_A_HOUSEHOLD), rel=1e-9, abs=1e-9)


def test_towns_by_hand():
    rate = per_person(np.array([1000.0, 1000.0]), np.array([10.0, 3000.0]), 11.0, in_towns=0.1)
    assert rate.tolist() == pytest.approx([0.01, 0.001])
    # Four households' worth in the country, and 396 more than that: the town takes what the country cannot.
    full = per_person(np.array([14.0, 3500.0]), np.array([10.0, 3000.0]), 400.0, in_towns=0.001)
    assert (full * [14.0, 3500.0]).tolist() == pytest.approx([4.0, 396.0])


@pytest.fixture(scope="module")
def taiwan() -> places.Parts:
    return places.cut(places.cells_with_people(["TWN"], 4))


def test_subscribers_of_a_whole_territory_are_those_that_are_known(taiwan):
    here = taiwan.territory.astype(str) == "TWN"
    assert by_part(taiwan, Penetration({"TWN": 12_345.0}, 0.0))[here].sum() == pytest.approx(12_345.0)
    everybody = by_part(taiwan, Penetration({}, 0.002))
    assert everybody.sum() == pytest.approx(0.002 * taiwan.people.sum())


@settings(max_examples=10, deadline=None)
@given(st.floats(1e-6, 0.05), st.floats(0.1, 10.0))
def test_twice_the_penetration_is_twice_the_demand(taiwan, share, in_towns):
    one = by_part(taiwan, Penetration({}, share, in_towns_otherwise=in_towns))
    for twice in (Penetration({}, 2.0 * share, in_towns_otherwise=in_towns), Penetration({}, share, 2.0, {}, in_towns)):
        # Where nobody is at one a household; there twice as much does not fit.
        fits = by_part(taiwan, twice).max(initial=0.0) <= 0.0 or (
            np.divide(by_part(taiwan, twice), taiwan.people, out=np.zeros(len(one)), where=taiwan.people > 0.0).max()
            < 0.999 / PEOPLE_OF_A_HOUSEHOLD
        )
        if fits:
            assert by_part(taiwan, twice) == pytest.approx(2.0 * one)


def test_every_resolution_has_as_many_subscribers(taiwan):
    known = Penetration({"TWN": 10_000.0}, 0.0, in_towns_otherwise=0.1)
    for resolution in (3, 5):
        parts = places.cut(places.cells_with_people(["TWN"], resolution))
        assert by_part(parts, known).sum() == pytest.approx(10_000.0)
    assert by_part(taiwan, known).sum() == pytest.approx(10_000.0)


def test_towns_hold_fewer_than_their_part_of_the_people(taiwan):
    known = Penetration({"TWN": 10_000.0}, 0.0, in_towns_otherwise=0.1)
    _, territory, people = population.estimate()
    taipei = taiwan.cells[taiwan.cell] == h3cells.at(25.03, 121.56, 4)
    alike = by_part(taiwan, Penetration({"TWN": 10_000.0}, 0.0))[taipei].sum()
    assert alike == pytest.approx(10_000.0 * taiwan.people[taipei].sum() / people[territory == "TWN"].sum())
    assert by_part(taiwan, known)[taipei].sum() < 0.8 * alike


def test_where_service_is_not_sold_nobody_subscribes(taiwan):
    sold = taiwan.territory.astype(str) != "TWN"
    assert by_part(taiwan, Penetration({"TWN": 100.0}, 0.0), sold).sum() == 0.0
