"""Masks over time: at every change and just before it, as computed from nothing; and nothing happens in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.places.cell_index import CellIndex
from openleo.places.expressions import Labels
from openleo.policy import states
from openleo.policy.conditions import Selector
from openleo.policy.entries import entries_of
from openleo.policy.mask_world import NO, YES, compute
from openleo.policy.rules import Rule, union
from openleo.policy.states import Masks
from openleo.policy.when import Period, Window

START = datetime(2026, 3, 20, tzinfo=UTC)  # clocks of the zones below are set forward nine days later
HOUR, MOMENT = timedelta(hours=1), timedelta(microseconds=1)
ZONES = ["UTC", "Europe/Kyiv", "America/New_York", "Australia/Lord_Howe"]
CLASSES = ("fixed", "vehicle")
# Four cells: A, B, C, and one on the border of A and B.
INDEX = CellIndex(0, np.arange(4, dtype=np.uint64), ("A", "B", "C"), np.arange(4, dtype=np.int32),
                  np.array([0, 1, 2, 3, 5]), np.array([0, 1, 2, 0, 1], np.int32), 0, "")  # fmt: skip

hours = st.integers(0, 500).map(lambda number: START + number * HOUR)
clocks = st.integers(0, 23).map(lambda hour: hour * 3600)
periods = st.builds(Period, st.frozensets(st.integers(0, 6), min_size=1), clocks, clocks, st.sampled_from(ZONES))
windows = st.builds(
    lambda ends, weekly: Window(*ends, tuple(weekly)),
    st.tuples(st.none() | hours, st.none() | hours).filter(lambda one: None in one or one[0] < one[1]),
    st.lists(periods, max_size=2),
)


@st.composite
def rule_sets(draw):
    made = []
    for number in range(draw(st.integers(1, 6))):
        effect = draw(st.sampled_from(["permit", "permit", "forbid", "suspend"]))
        made.append(
            Rule(
                id=f"r{number}",
                book="operator",
                effect=effect,
                territory=Labels(draw(st.frozensets(st.sampled_from("ABC"), min_size=1))),
                selector=Selector(draw(st.sampled_from([None, frozenset({"fixed"}), frozenset({"maritime"})]))),
                window=draw(windows),
                emergency=None if effect == "permit" else "cut",
            )
        )
    return union(made)


def afresh(rule_set, at):
    return compute(INDEX, entries_of(rule_set, at, CLASSES), CLASSES)


def same(one, other):
    rules = [[mask.entries[n].rule if n >= 0 else None for c in CLASSES for n in mask.rule(c)] for mask in (one, other)]
    return (one.yes == other.yes).all() and (one.no == other.no).all() and rules[0] == rules[1]


@settings(max_examples=60, deadline=None)
@given(rule_sets(), hours)
def test_masks_at_each_change_and_just_before_it_are_those_computed_afresh(rule_set, at):
    masks = Masks(rule_set, INDEX, CLASSES, most_kept=2)
    for _ in range(12):
        assert same(masks.at(at), afresh(rule_set, at))
        change = masks.next_change(at)
        if change is None:
            break
        assert change > at
        assert same(masks.at(change - MOMENT), afresh(rule_set, change - MOMENT))
        at = change


@settings(max_examples=60, deadline=None)
@given(rule_sets(), hours, st.lists(st.floats(0.0, 1.0, exclude_max=True), max_size=8))
def test_nothing_changes_between_two_changes(rule_set, at, shares):
    masks = Masks(rule_set, INDEX, CLASSES)
    here, change = masks.at(at), masks.next_change(at)
    assert change is None or masks.state(change) != masks.state(at)
    until = change or at + timedelta(days=400)
    for share in (*shares, 0.999999):
        between = min(at + (until - at) * share, until - MOMENT)  # a share near 1 is rounded up
        assert masks.at(between) is here
        assert same(here, afresh(rule_set, between))


def a_rule(id_, window, effect="permit", classes=None):
    return Rule(id=id_, book="b", effect=effect, territory=Labels(frozenset("A")), window=window,
                selector=Selector(classes), emergency=None if effect == "permit" else "cut")  # fmt: skip


NIGHTS = Window(weekly=(Period(frozenset(range(7)), 20 * 3600, 6 * 3600, "UTC"),))


def test_a_night_that_comes_back_has_the_mask_of_the_night_before():
    masks = Masks(union([a_rule("p", Window()), a_rule("nights", NIGHTS, "forbid")]), INDEX)
    day, night = START + 12 * HOUR, START + 22 * HOUR
    assert masks.at(day).may("fixed").tolist() == [YES, NO, NO, 1]
    assert masks.at(night).may("fixed").tolist() == [NO, NO, NO, NO]
    for days in range(1, 15):
        assert masks.at(day + timedelta(days)) is masks.at(day)
        assert masks.at(night + timedelta(days)) is masks.at(night)
    assert masks.next_change(day) == START + 20 * HOUR
    assert masks.next_change(night) == START + 30 * HOUR
    assert (masks.rules_in_force(day), masks.rules_in_force(night)) == (1, 2)


def test_only_so_many_masks_are_kept_and_the_one_used_last_stays(monkeypatch):
    made = []
    monkeypatch.setattr(states, "compute", lambda *given: made.append(given) or compute(*given))
    windows = [Window(START + n * HOUR, START + (n + 1) * HOUR) for n in range(5)]
    rules = union([a_rule(f"r{n}", window) for n, window in enumerate(windows)])
    masks = Masks(rules, INDEX, most_kept=2)
    for n in (0, 1, 0, 2, 0):
        masks.at(START + n * HOUR)
    assert len(made) == 3
    masks.at(START + HOUR)
    assert len(made) == 4


def test_a_rule_for_others_changes_nothing():
    ends = Window(None, START + HOUR)
    masks = Masks(union([a_rule("ships", ends, classes=frozenset({"maritime"}))]), INDEX, ["fixed"])
    assert masks.next_change(START) is None
    assert Masks(union([a_rule("ships", ends)]), INDEX, ["fixed"], applies_to="beam").next_change(START) is None
    assert Masks(union([a_rule("ships", ends)]), INDEX, ["fixed"]).next_change(START) == START + HOUR
