"""What shared beams take and give back, by hand and for any network; it is never what rules take."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from network.capacity_cases import line
from openleo import cells as h3cells
from openleo.network.capacity.allocation import SlotDemand
from openleo.network.capacity.caps import Caps
from openleo.places.expressions import Labels
from openleo.places.parts import Parts
from openleo.policy import mask
from openleo.policy.rules import Rule, RuleSet, union
from openleo.policy.when import Window
from openleo.service.amounts import NOTHING, Amount, Moved
from openleo.service.change import Side, between
from openleo.service.displaced import ByBeams, by_beams
from openleo.service.effect import Extras, Shared, effect
from openleo.service.reached import Reached
from openleo.service.statistics import RTT_BINS, CellStatistics
from service.test_capacity_service import BOTH, ONLY_A, one_beam
from service.test_capacity_service import PARTS as TWO
from service.test_capacity_service import reached as two_reached

ONE_BEAM = Caps(beams=1, channels=1, shares=4)
FIXED = ("fixed",)
AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def places(territory: list[str], cell: list[int], area_km2: list[float], people: list[float]) -> Parts:
    return Parts(
        h3cells.world(1)[: max(cell) + 1], np.array(cell, np.int32), np.array(territory, object),
        np.zeros((len(cell), 0), bool), np.array(area_km2), np.array(people),
    )  # fmt: skip


def reached(parts: Parts, share: list[float]) -> Reached:
    can = np.array(share)
    counts = np.zeros((len(can), RTT_BINS), np.uint16)
    counts[:, 300] = np.round(4 * can)
    rest = (np.zeros(len(can)),) * 5
    statistics = CellStatistics(4, can, 1 - can, 0 * can, counts, *rest)  # type: ignore[arg-type]
    return Reached(parts, statistics, mask.kinds_of(parts, ()))


def permits(*territories: str) -> RuleSet:
    return union([Rule(name, "b", "permit", Labels(frozenset({name}))) for name in territories])


def may_of(on: Reached, *territories: str) -> np.ndarray:
    """(kind, class): YES where a rule permits it."""
    return mask.decide_kinds(permits(*territories), on.kinds, FIXED, None).may == mask.YES


def given_of(on: Reached, asked_mbps: np.ndarray, caps: Caps, *territories: str) -> np.ndarray:
    """(part, class): the part of what they ask for that cells get of one satellite, when only some may be served."""
    cells = len(asked_mbps)
    may = may_of(on, *territories)[on.kinds.of_part, 0]
    permitted = np.bincount(on.parts.cell, may, minlength=cells) > 0.0
    slot = line(cells, 1, np.ones((cells, 1)), 400.0, caps, SlotDemand.of(asked_mbps))
    rate = slot.allocate(permitted=permitted).rate_down_mbps
    return np.where(permitted, rate / asked_mbps, 1.0)[on.parts.cell, np.newaxis]


def moved(on: Reached, asked_mbps: np.ndarray, caps: Caps, before: list[str], after: list[str]) -> ByBeams:
    sides = before, after
    may = may_of(on, *before), may_of(on, *after)
    shares = [given_of(on, asked_mbps, caps, *some) for some in sides]
    return by_beams((on, on), may, (shares[0], shares[1]), FIXED)


# --- by hand --------------------------------------------------------------------------------------------------------


def test_two_territories_that_share_one_beam_displace_each_other_by_the_amount_computed_by_hand() -> None:
    """One beam of 400 Mbit/s stands over two cells, one of each territory, which ask for 300 each.

    JPN has 900 people on 90 km², TWN 600 on 60 km², and both are reached all of the time. Alone JPN has all its 300;
    with TWN each has 200, which is two thirds. So switching TWN on displaces a third of JPN's: 900 (1 − 2/3) = 300
    people and 90 (1 − 2/3) = 30 km², in one cell. TWN's own 600 are gained, and none of them is displaced.
    Switching TWN off frees as many; and the other way round 600 (1 − 2/3) = 200 people of TWN.
    """
    on = reached(places(["JPN", "TWN"], [0, 1], [90.0, 60.0], [900.0, 600.0]), [1.0, 1.0])
    asked = np.array([300.0, 300.0])
    third = Amount(1, 30.0, 300)
    switched_on = moved(on, asked, ONE_BEAM, ["JPN"], ["JPN", "TWN"])
    assert switched_on.of == {("JPN", "fixed"): Moved(third, NOTHING), ("TWN", "fixed"): Moved(NOTHING, NOTHING)}
    assert switched_on.totals == {"fixed": Moved(third, NOTHING)}
    switched_off = moved(on, asked, ONE_BEAM, ["JPN", "TWN"], ["JPN"])
    assert switched_off.of["JPN", "fixed"] == Moved(NOTHING, third)
    other = moved(on, asked, ONE_BEAM, ["TWN"], ["JPN", "TWN"])
    assert other.of["TWN", "fixed"] == Moved(Amount(1, 20.0, 200), NOTHING)
    lost = between((on, on), Side(permits("JPN", "TWN"), None), Side(permits("JPN"), None), FIXED).rows
    assert {row.territory: row.lost.people for row in lost} == {"JPN": 0, "TWN": 600}


def test_who_is_reached_part_of_the_time_is_displaced_for_that_part() -> None:
    """JPN is reached half of the time before and a quarter of it after: 0.25 × (1 − 0.4) of 1000 people and 100 km²."""
    parts = places(["JPN"], [0], [100.0], [1000.0])
    on = reached(parts, [0.5]), replace(reached(parts, [0.25]))
    may = np.ones((1, 1), bool)
    found = by_beams(on, (may, may), (np.array([[1.0]]), np.array([[0.4]])), FIXED)
    assert found.of["JPN", "fixed"] == Moved(Amount(1, 15.0, 150), NOTHING)
    dark = by_beams((on[0], reached(parts, [0.0])), (may, may), (np.array([[1.0]]), np.array([[0.4]])), FIXED)
    assert dark.of["JPN", "fixed"] == Moved()


def test_a_border_cell_counts_for_both_territories_and_once_in_all() -> None:
    """200 people of JPN and 100 of TWN share a cell that gets a tenth less; TWN's other cell has a tenth more."""
    on = reached(places(["JPN", "TWN", "TWN"], [0, 0, 1], [20.0, 10.0, 40.0], [200.0, 100.0, 500.0]), [1.0, 1.0])
    may = np.ones((2, 1), bool)
    found = by_beams((on, on), (may, may), (np.array([[0.9], [0.9], [0.7]]), np.full((3, 1), 0.8)), FIXED)
    assert found.of["JPN", "fixed"] == Moved(Amount(1, 2.0, 20), NOTHING)
    assert found.of["TWN", "fixed"] == Moved(Amount(1, 1.0, 10), Amount(1, 4.0, 50))
    assert found.totals["fixed"] == Moved(Amount(1, 3.0, 30), Amount(1, 4.0, 50))


def test_a_cell_counts_from_a_thousandth_on_and_its_people_always() -> None:
    on = reached(places(["JPN", "JPN"], [0, 1], [10.0, 10.0], [1e6, 1e6]), [1.0, 1.0])
    may = np.ones((1, 1), bool)
    found = by_beams((on, on), (may, may), (np.ones((2, 1)), np.array([[0.9995], [0.998]])), FIXED)
    assert found.of["JPN", "fixed"].displaced == Amount(1, 0.025, 2500)


def test_what_depends_on_the_terminal_or_is_permitted_on_one_side_is_not_told_here() -> None:
    on = reached(places(["JPN"], [0], [10.0], [1000.0]), [1.0])
    yes, no = np.ones((1, 1), bool), np.zeros((1, 1), bool)
    for may in ((yes, no), (no, yes), (no, no)):
        assert by_beams((on, on), may, (np.ones((1, 1)), np.zeros((1, 1))), FIXED).of["JPN", "fixed"] == Moved()


def test_an_effect_has_both_and_what_users_measure_before_and_after() -> None:
    """The one beam of test_capacity_service: BRN alone has all that it asks for, and both have two thirds of it.

    BRN has 1000 people on a km², SGP 3000. A test of a line finds 100 Mbit/s before, where the load is 0.75, and
    25 / 1.5 = 16.7 after. Ahead rows tell of rules alone.
    """
    shared, alone = one_beam(300.0, 300.0, BOTH, ONLY_A)
    assert shared.rates is not None
    assert alone.rates is not None
    on = Reached(TWO, two_reached(), mask.kinds_of(TWO, ()))
    ends = Window(ends=AT + timedelta(days=1))
    new = union([*permits("BRN").rules, Rule("SGP", "b", "permit", Labels(frozenset({"SGP"})), window=ends)])
    found = effect(on, permits("BRN"), new, FIXED, AT, "network", extras=Extras(rates=(alone.rates, shared.rates)))
    brunei, singapore = found.rows
    assert brunei.moved == Moved(Amount(1, 0.333, 333), NOTHING)
    assert (brunei.down_mbps_p50, brunei.up_mbps_p50) == ((100.0, 16.7), (40.0, 40.0))
    assert singapore.gained == Amount(1, 1.0, 3000)
    assert singapore.moved == Moved()
    assert (singapore.down_mbps_p50, singapore.up_mbps_p50) == ((None, 16.7), (None, 40.0))
    assert found.totals[0].moved == Moved(Amount(1, 0.333, 333), NOTHING)
    assert found.shared == Shared(2, 1)
    (edge,) = found.edges
    assert [row.territory for row in edge.own.rows] == ["SGP"]
    assert all(row.moved is None for one in (edge.own, edge.between) for row in one.rows)
    dark = replace(two_reached(), can_serve=np.array([0.0, 1.0]))  # as a table of serving PoPs may have it
    left_out = Reached(TWO, dark, mask.kinds_of(TWO, ()))
    rates = Extras(rates=(alone.rates, shared.rates))
    untold = effect(left_out, permits("BRN"), new, FIXED, AT, "network", extras=rates).rows[0]
    assert (untold.moved, untold.down_mbps_p50, untold.up_mbps_p50) == (Moved(), (None, None), (None, None))
    off = effect(on, permits("BRN"), new, FIXED, AT, "network")
    assert off.edges == found.edges
    assert off.shared is None
    assert all(row.moved is None and row.down_mbps_p50 == (None, None) for row in off.rows)


# --- for any network ------------------------------------------------------------------------------------------------

LABELS = ("JPN", "KOR", "PHL", "TWN")
SOME = st.lists(st.sampled_from(LABELS), unique=True, max_size=len(LABELS))


@st.composite
def networks(draw: st.DrawFn) -> tuple[Reached, np.ndarray, Caps]:
    """A few cells of four territories below one satellite, which is short of beams or not."""
    cells = draw(st.integers(2, 6))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    territory = [str(random.choice(LABELS)) for _ in range(cells)]
    people = random.integers(0, 10**6, cells).astype(float)
    parts = places(territory, list(range(cells)), random.uniform(1.0, 900.0, cells).tolist(), people.tolist())
    caps = Caps(beams=draw(st.integers(1, 3)), channels=3, shares=draw(st.sampled_from([1, 4, 8])))
    return reached(parts, random.random(cells).tolist()), random.uniform(20.0, 600.0, cells), caps


@given(networks(), SOME)
@settings(max_examples=50, deadline=None)
def test_where_nothing_changes_nobody_is_displaced_and_nobody_freed(network, some) -> None:
    assert set(moved(*network, some, some).of.values()) == {Moved()}


@given(networks(), SOME, st.sampled_from(LABELS))
@settings(max_examples=100, deadline=None)
def test_to_forbid_a_territory_frees_others_and_displaces_nobody(network, some, off) -> None:
    """Below one satellite, where beam time goes to the poorest first, which is exact."""
    for (territory, _), one in moved(
        *network, sorted({*some, off}), [label for label in some if label != off]
    ).of.items():
        assert one.displaced == NOTHING
        assert territory != off or one == Moved()


@given(networks(), SOME, SOME)
@settings(max_examples=100, deadline=None)
def test_nobody_is_lost_and_displaced_as_well(network, before, after) -> None:
    """Of whom the network reaches, what is lost and what is displaced make no more than all of them."""
    on = network[0]
    rows = between((on, on), Side(permits(*before), None), Side(permits(*after), None), FIXED).rows
    found = moved(*network, before, after)
    for row in rows:
        one = found.of[row.territory, "fixed"]
        most = on.people_of_territories[row.territory]
        assert row.lost.people + one.displaced.people <= most + 1
        assert row.gained.people + one.freed.people <= most + 1
        assert not (row.lost or row.gained) or one == Moved()  # a territory is permitted whole here


@given(networks(), SOME, SOME)
@settings(max_examples=50, deadline=None)
def test_the_way_back_frees_whom_the_way_there_displaces(network, before, after) -> None:
    there, back = moved(*network, before, after), moved(*network, after, before)
    for key, one in there.of.items():
        assert (one.displaced, one.freed) == (back.of[key].freed, back.of[key].displaced)
