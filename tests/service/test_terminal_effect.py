"""Fleets between states of rules: what is decided is not kept for every instant that was ever asked of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from benchmarks import fleet as fleets

from openleo import cells as h3cells
from openleo.places.expressions import Labels
from openleo.places.parts import Parts
from openleo.policy import bulk, mask
from openleo.policy.rules import Rule, RuleSet, union
from openleo.policy.when import Period, Window
from openleo.service import terminal_rows
from openleo.service.change import Side, names_of
from openleo.service.reached import Reached
from openleo.service.statistics import RTT_BINS, CellStatistics
from openleo.service.terminal_effect import MOST_KEPT, Fleet, fleet

AT = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
TAIWAN = Labels(frozenset({"TWN"}))
PERMIT = Rule("p", "b", "permit", TAIWAN)
WEEK = [Window(weekly=(Period(frozenset({day}), 0, 0, "UTC"),)) for day in range(7)]
DAYS = [Rule(f"d{day}", "b", "forbid", TAIWAN, emergency="cut", window=window) for day, window in enumerate(WEEK)]


@pytest.fixture(scope="module")
def rules() -> tuple[RuleSet, RuleSet]:
    """Every day of the week another rule forbids; the old rules have none."""
    return union([PERMIT]), union([PERMIT, *DAYS[:6]])


@pytest.fixture
def some(rules) -> Fleet:
    random = np.random.default_rng(1)
    at = random.uniform(23.5, 24.5, 50), random.uniform(120.6, 121.2, 50)
    return fleet(fleets.terminals(50, 1, 0.0, at), rules, "")


def test_of_many_instants_few_decisions_are_kept_and_states_that_come_back_are_found(some, rules, monkeypatch) -> None:
    """There was one for each instant, with arrays of the whole fleet."""
    base, new = rules
    asked = []
    monkeypatch.setattr(bulk, "decide_all", lambda *said, of=bulk.decide_all: asked.append(said[3]) or of(*said))
    lost = []
    for hour in range(24 * 14):
        at = AT + timedelta(hours=hour)
        found = some.between(Side(base, at), Side(new, at))
        lost.append(sum(one.lost for one in found.values()))
        assert len(some._decided) <= MOST_KEPT
    sunday = [(AT + timedelta(hours=hour)).weekday() == 6 for hour in range(24 * 14)]
    assert [one == 0 for one in lost] == sunday
    assert len(asked) < 20


AREA = [h3cells.at(*where, 5) for where in ((23.6, 120.7), (24.0, 120.9), (24.4, 121.0))]


def network(*shares: float) -> Reached:
    """Serves each cell of AREA for a share of the time."""
    order = np.argsort(np.array(AREA, dtype=np.uint64))
    cells, share = np.array(AREA, dtype=np.uint64)[order], np.array(shares)[order]
    parts = Parts(cells, np.arange(3, dtype=np.int32), np.full(3, "TWN", object), np.zeros((3, 0), bool), np.ones(3),
                  np.ones(3))  # fmt: skip
    counts, rest = np.zeros((3, RTT_BINS), np.uint16), (np.zeros(3),) * 5
    statistics = CellStatistics(1, share, 1 - share, 0 * share, counts, *rest)  # type: ignore[arg-type]
    return Reached(parts, statistics, mask.kinds_of(parts, ()))


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_terminals_whose_time_more_than_halves_are_lost_and_whose_more_than_doubles_gained(rules, share) -> None:
    """Against the sums of people, by hand: 20, 15 and 10 terminals, of which each network leaves so much time.

    People of a whole country lost all but a rest of their time, and none of their terminals did.
    """
    base, new = rules
    at = np.repeat([23.6, 24.0, 24.4], [20, 15, 10]), np.repeat([120.7, 120.9, 121.0], [20, 15, 10])
    table = replace(fleets.terminals(45, 1, 0.0, at), uncertainty_m=np.full(45, 10.0), age_s=np.zeros(45))
    found = fleet(table, rules, "")

    def sums(was: Side, is_: Side, *both: Reached) -> tuple[int, int]:
        of = found.between(was, is_, both).values()  # type: ignore[arg-type]
        lost, gained = sum(one.lost for one in of), sum(one.gained for one in of)
        assert said(was, is_, both).num_rows == lost + gained, "who is counted is listed"
        return lost, gained

    def said(was: Side, is_: Side, both: tuple[Reached, ...]) -> pa.Table:
        return terminal_rows.changed(found, was, is_, both, names_of(base, new), ("gw",))  # type: ignore[arg-type]

    full = network(share, share, share)
    for left, lost in (((1.0, 1.0, 1.0), 0), ((0.0, 0.49, 0.5), 35), ((0.01, 0.6, 1.0), 20), ((0.9, 0.9, 0.1), 10)):
        rest = network(*(share * one for one in left))
        permitted, forbidden = Side(base, AT), Side(new, AT)
        assert sums(permitted, permitted, full, rest) == (lost, 0)
        assert sums(permitted, permitted, rest, full) == (0, lost)
        assert sums(forbidden, forbidden, full, rest) == (0, 0)
        assert sums(permitted, forbidden, full, rest) == (45, 0), "whom the rules forbid lose whatever time is left"
        assert sums(forbidden, permitted, full, rest) == (0, 45 if left[0] else 25)
    words = {
        row["after"]: row["rules"]
        for row in said(permitted, permitted, (full, network(0.0, 0.4 * share, share))).to_pylist()
    }
    assert words == {"OUT_OF_REACH": ["gw"], "REACHED_LESS": ["gw"]}
    (row,) = said(permitted, permitted, (network(share, share, 0.1 * share), full)).slice(0, 1).to_pylist()
    assert (row["before"], row["after"]) == ("REACHED_LESS", "PERMITTED")


def test_terminals_count_where_they_are_and_are_reached(rules) -> None:
    """Fifty in four groups: in cells of the area that both networks reach, one, and none; and outside."""
    base, new = rules
    at = np.repeat([23.6, 24.0, 24.4, 23.2], [20, 15, 10, 5]), np.repeat([120.7, 120.9, 121.0, 120.5], [20, 15, 10, 5])
    table = fleets.terminals(50, 1, 0.0, at)
    table = replace(table, uncertainty_m=np.full(50, 10.0), age_s=np.zeros(50))
    found = fleet(table, rules, "")
    cells = [h3cells.at(*where, 5) for where in ((23.6, 120.7), (24.0, 120.9), (24.4, 121.0), (23.2, 120.5))]
    area = np.sort(np.array(cells[:3], dtype=np.uint64))
    parts = Parts(area, np.arange(3, dtype=np.int32), np.full(3, "TWN", object), np.zeros((3, 0), bool), np.ones(3),
                  np.ones(3))  # fmt: skip
    kinds, rest = mask.kinds_of(parts, ()), (np.zeros(3),) * 5

    def network(*reached: int) -> Reached:
        share = np.isin(area, np.array([cells[one] for one in reached], dtype=np.uint64)).astype(float)
        counts = np.zeros((3, RTT_BINS), np.uint16)
        return Reached(parts, CellStatistics(1, share, 1 - share, 0 * share, counts, *rest), kinds)  # type: ignore[arg-type]

    def sums(was: Side, is_: Side, *networks: Reached) -> list[tuple[int, int]]:
        of = list(found.between(was, is_, networks if networks else None).values())
        if networks:
            rows = terminal_rows.changed(found, was, is_, networks, names_of(base, new))
            assert rows.num_rows == sum(one.lost + one.gained + sum(one.outside) for one in of)
        return [
            (sum(one.lost for one in of), sum(one.gained for one in of)),
            (sum(one.outside[0] for one in of), sum(one.outside[1] for one in of)),
            (sum(one.unreached[0] for one in of), sum(one.unreached[1] for one in of)),
        ]

    was, is_ = Side(base, AT), Side(new, AT)  # on a Monday all are forbidden
    both, first = network(0, 1), network(0)
    assert sums(was, is_) == [(50, 0), (0, 0), (0, 0)]
    assert sums(was, is_, both, both) == [(35, 0), (5, 0), (10, 0)]
    assert sums(is_, was, both, both) == [(0, 35), (0, 5), (0, 10)]
    assert sums(was, is_, both, first) == [(35, 0), (5, 0), (10, 0)]
    assert sums(was, was, both, first) == [(15, 0), (0, 0), (0, 0)], "permitted as before, and out of reach"
    assert sums(is_, was, both, first) == [(0, 20), (0, 5), (0, 10)]
    assert sums(is_, is_, both, first) == [(0, 0), (0, 0), (0, 0)]
