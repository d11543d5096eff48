"""What the maps of an effect show of one cell, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from openleo import cells as h3cells
from openleo.places.expressions import Labels
from openleo.places.parts import Parts
from openleo.policy import mask
from openleo.policy.conditions import MoreThan, Selector
from openleo.policy.rules import Rule, union
from openleo.service.change import Side
from openleo.service.effect_cells import CellEffect, Change, State, by_cell, with_beams
from openleo.service.reached import Reached
from openleo.service.statistics import RTT_BINS, CellStatistics

AT = datetime(2026, 3, 1, tzinfo=UTC)
PARTS = Parts(
    h3cells.world(1)[:1], np.zeros(1, np.int32), np.array(["TON"], object), np.zeros((1, 0), bool), np.full(1, 10.0),
    np.full(1, 100.0),
)  # fmt: skip
KINDS = mask.kinds_of(PARTS, ())
HERE = Labels(frozenset({"TON"}))
PERMIT, FORBID = Rule("p", "b", "permit", HERE), Rule("f", "b", "forbid", HERE, emergency="cut")

LISTED = Rule("p", "b", "permit", HERE, Selector(groups=frozenset({"aid"})))
LIMIT = Rule("f", "b", "forbid", HERE, Selector(conditions=(MoreThan("speed_kmh", 75.0),)), emergency="cut")
FASTER = Rule("f", "b", "forbid", HERE, Selector(conditions=(MoreThan("speed_kmh", 120.0),)), emergency="cut")


def reached(share: float) -> Reached:
    one = np.full(1, share)
    rest = (np.zeros(1),) * 5
    return Reached(PARTS, CellStatistics(4, one, 1 - one, 0 * one, np.zeros((1, RTT_BINS), np.uint16), *rest), KINDS)  # type: ignore[arg-type]


def shown(shares: tuple[float, float], old: list[Rule], new: list[Rule]) -> tuple[State, State, Change]:
    """(before, after, what changes)."""
    both = [Side(union(rules), AT).decided(KINDS, ("fixed",)) for rules in (old, new)]
    found = by_cell((reached(shares[0]), reached(shares[1])), both[0], both[1], "fixed")
    return State(int(found.before[0])), State(int(found.after[0])), Change(int(found.change[0]))


@pytest.mark.parametrize(
    ("shares", "before", "after", "change"),
    [
        ((1.0, 1.0), State.YES, State.YES, Change.STAYS_IN),
        ((1.0, 0.0), State.YES, State.OUT_OF_REACH, Change.LOST),
        ((0.0, 1.0), State.OUT_OF_REACH, State.YES, Change.GAINED),
        ((1.0, 0.4), State.YES, State.OUT_OF_REACH, Change.LOST),  # most of what was served is not any more
        ((1.0, 0.6), State.YES, State.YES, Change.STAYS_IN),
        ((0.0, 0.0), State.OUT_OF_REACH, State.OUT_OF_REACH, Change.UNREACHED),
    ],
)
def test_a_change_of_gateways_shows_on_both_sides(shares, before, after, change) -> None:
    """Both sides showed what the rules say, which is the same."""
    assert shown(shares, [PERMIT], [PERMIT]) == (before, after, change)


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ([LISTED], [LISTED], Change.STAYS_DEPENDENT),
        ([PERMIT, LIMIT], [PERMIT, LIMIT], Change.STAYS_DEPENDENT),
        ([PERMIT, LIMIT], [PERMIT, FASTER], Change.MAY_CHANGE),
        ([LISTED], [LISTED, FORBID], Change.MAY_LOSE),
        ([LISTED, FORBID], [LISTED], Change.MAY_GAIN),
        ([PERMIT], [PERMIT, LIMIT], Change.MAY_LOSE),
        ([LISTED], [PERMIT], Change.MAY_GAIN),
        ([PERMIT], [FORBID], Change.LOST),
        ([FORBID], [PERMIT], Change.GAINED),
        ([FORBID], [FORBID], Change.STAYS_OUT),
    ],
)
def test_what_stays_as_it_was_is_not_drawn_as_changed(old, new, change) -> None:
    """All that depends on the terminal was drawn alike, changed or not."""
    assert shown((1.0, 1.0), old, new)[2] is change


def test_a_permission_where_no_network_of_that_side_serves_gives_nothing() -> None:
    """It was drawn as a gain."""
    assert shown((1.0, 0.0), [FORBID], [PERMIT])[2] is Change.STAYS_OUT
    assert shown((1.0, 0.0), [LISTED], [LISTED])[2] is Change.MAY_LOSE


def test_a_cell_that_stays_in_shows_what_shared_beams_take_or_give_back() -> None:
    """Three quarters of its people get a tenth less and the rest as much: 7.5 % in all; below 1 % nothing shows."""
    parts = Parts(
        PARTS.cells, np.zeros(2, np.int32), np.array(["TON", "WSM"], object), np.zeros((2, 0), bool), np.full(2, 10.0),
        np.array([75.0, 25.0]),
    )  # fmt: skip
    on = Reached(parts, reached(1.0).statistics, mask.kinds_of(parts, ()))
    one = CellEffect("fixed", *(np.array([code], np.uint8) for code in (State.YES, State.YES, Change.STAYS_IN)))

    def change(found: CellEffect, *less: float) -> Change:
        return Change(int(with_beams(found, on, (np.ones(2), 1.0 - np.array(less))).change[0]))

    assert change(one, 0.1, 0.0) is Change.GETS_LESS
    assert change(one, -0.1, 0.0) is Change.GETS_MORE
    assert change(one, 0.01, 0.0) is Change.STAYS_IN
    assert change(replace(one, change=np.array([Change.LOST], np.uint8)), 0.1, 0.1) is Change.LOST
