"""Shadow mode: only the rules in force decide, and every difference is counted once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from benchmarks import fleet
from hypothesis import given, settings
from hypothesis import strategies as st
from test_bulk import NOON, around_the_strait
from test_bulk import rules as some_rules
from test_decide_properties import requests, rule_lists

from openleo.instants import civil_instant
from openleo.places.expressions import Labels
from openleo.policy.answer import answer, where_of
from openleo.policy.decide import Outcome, decide
from openleo.policy.request import Request
from openleo.policy.rules import Rule, union
from openleo.policy.shadow import UNKNOWN_PLACE, Change, Shadow, beside

LUX = Request(latitude_deg=49.61, longitude_deg=6.13, uncertainty_m=30.0, class_="fixed", terminal="t-1")
PERMIT = Rule("lux", "operator", "permit", Labels(frozenset({"LUX"})), authority="operator", reason="licensed")
FORBID = Rule("no", "court", "forbid", Labels(frozenset({"LUX"})), emergency="keep", authority="court", reason="order")


# Nowhere, on Fiji, on Tonga, and circles that reach the sea and edges of the polygons that rules are drawn with.
places = st.sampled_from(
    [(None, None, None), (-17.8, 178.0, 0.0), (-21.13, -175.2, 0.0), (-17.8, 178.2, 60e3), (-21.13, -175.2, 30e3)]
)
placed = st.tuples(requests, places).map(
    lambda pair: replace(pair[0], latitude_deg=pair[1][0], longitude_deg=pair[1][1], uncertainty_m=pair[1][2])
)


@pytest.mark.slow
@given(rule_lists, rule_lists, st.lists(placed, max_size=4))
@settings(deadline=None, max_examples=40)
def test_the_rules_in_force_decide_and_the_counts_are_of_both(in_force, beside, asked):
    first, second = union(in_force), union(beside)
    shadow = Shadow(first, second)
    assert [shadow.answer(one) for one in asked] == [answer(first, one) for one in asked]
    both = [(answer(first, one), answer(second, one)) for one in asked]
    tally = shadow.tally
    assert tally.outcomes == Counter((one.outcome, other.outcome) for one, other in both)
    lost = sum(one.permitted and not other.permitted for one, other in both)
    gained = sum(other.permitted and not one.permitted for one, other in both)
    refused = [pair for pair in both if not pair[0].permitted and not pair[1].permitted]
    otherwise = sum((one.outcome, one.because) != (other.outcome, other.because) for one, other in refused)
    assert [tally.of(one) for one in Change] == [lost, gained, otherwise]
    permitted = [pair for pair in both if pair[0].permitted and pair[1].permitted]
    assert tally.other_permits == sum(one.because != other.because for one, other in permitted)
    assert sum(one.count for one in tally.differences) == tally.different == lost + gained + otherwise


def test_a_difference_has_its_place_and_class_and_both_decisions():
    shadow = Shadow(union([PERMIT]), union([PERMIT, FORBID]))
    assert shadow.answer(LUX).outcome is Outcome.PERMITTED
    assert shadow.tally.changes == {("LUX", "fixed", Change.LOST): 1}
    (one,) = shadow.tally.differences
    assert (one.territory, one.class_, one.number, one.terminal, one.count) == ("LUX", "fixed", 0, "t-1", 1)
    assert (one.in_force.outcome, one.beside.outcome) == (Outcome.PERMITTED, Outcome.FORBIDDEN)
    assert [because.rule for because in one.beside.because] == ["no"]
    shadow.answer(Request(class_="fixed"))  # from nowhere: doubtful to both, for other reasons
    assert shadow.tally.changes[UNKNOWN_PLACE, "fixed", Change.REFUSED_OTHERWISE] == 1


def test_the_same_difference_is_kept_once_however_often_it_is_met():
    """Terminals ask again and again: what is told is each difference, and how many requests had it."""
    shadow = Shadow(union([PERMIT]), union([PERMIT, FORBID]))
    for number in range(50):
        at = civil_instant("2026-11-20T00:00:00Z") + timedelta(minutes=number)
        shadow.count(replace(LUX, at=at, terminal=f"t-{number % 7}"))
        shadow.count(replace(LUX, at=at, class_="vehicle"))
    shadow.count(replace(LUX, class_="vehicle"))
    assert [(one.class_, one.count, one.number) for one in shadow.tally.differences] == [
        ("vehicle", 51, 1),
        ("fixed", 50, 0),
    ]


def test_a_place_not_known_is_counted_as_such():
    shadow = Shadow(union([PERMIT]), union([]))
    shadow.answer(Request(class_="fixed"))
    assert shadow.tally.changes == {(UNKNOWN_PLACE, "fixed", Change.REFUSED_OTHERWISE): 1}


def test_a_refusal_by_other_rules_is_a_difference_and_a_permission_by_others_is_told():
    other_permit, other_forbid = (replace(rule, id="other") for rule in (PERMIT, FORBID))
    permits = Shadow(union([PERMIT]), union([other_permit]))
    permits.answer(LUX)
    assert (permits.tally.different, permits.tally.other_permits) == (0, 1)
    refusals = Shadow(union([PERMIT, FORBID]), union([PERMIT, other_forbid]))
    refusals.answer(LUX)
    assert refusals.tally.changes == {("LUX", "fixed", Change.REFUSED_OTHERWISE): 1}
    assert refusals.tally.other_permits == 0


@pytest.mark.slow
def test_a_table_of_terminals_against_its_requests_one_by_one():
    """What is counted in one pass over kinds of terminals is what each terminal's own two decisions say."""
    seen: Counter[Change] = Counter()
    for seed in range(4):
        random = np.random.default_rng(seed)
        table = fleet.terminals(700, seed, 0.06, around_the_strait(random, 700), (0.0, 300.0, 2_000.0, 15_000.0, 2e6))
        old = some_rules(random)
        new = union([*old.rules[3:], *(replace(rule, id=f"new-{rule.id}") for rule in some_rules(random).rules[:4])])
        shadow = Shadow(old, new)
        for row in range(len(table)):
            shadow.count(table.request(row, NOON))
        tally = beside(old, new, table, NOON)
        assert tally.outcomes == shadow.tally.outcomes
        assert tally.changes == shadow.tally.changes
        assert tally.other_permits == shadow.tally.other_permits
        assert {without_example(one): one.count for one in tally.differences} == {
            without_example(one): one.count for one in shadow.tally.differences
        }
        for one in tally.differences:
            pair = [decide(rules, table.request(one.number, NOON), where(table, one, rules)) for rules in (old, new)]
            assert [made.outcome for made in pair] == [one.in_force.outcome, one.beside.outcome]
            assert [made.missing for made in pair] == [one.in_force.missing, one.beside.missing]
            assert [made.because for made in pair] == [one.in_force.because, one.beside.because]
        seen += Counter({change: tally.of(change) for change in Change})
    assert min(seen.values()) > 30, seen


def without_example(one):
    """A difference without whom it was met in first, on whom hangs what would have to be known."""
    said = ((side.outcome, side.because) for side in (one.in_force, one.beside))
    return one.territory, one.class_, *said


def where(table, one, rules):
    return where_of(rules, table.request(one.number, NOON))
