"""Shadow mode: only the rules in force decide, and every difference is counted once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from test_decide_properties import requests, rule_lists

from openleo.places.expressions import Labels
from openleo.policy.answer import answer
from openleo.policy.decide import Outcome
from openleo.policy.request import Request
from openleo.policy.rules import Rule, union
from openleo.policy.shadow import UNKNOWN_PLACE, Shadow

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


@given(rule_lists, rule_lists, st.lists(placed, max_size=4))
@settings(deadline=None, max_examples=40)
def test_the_rules_in_force_decide_and_the_counts_are_of_both(in_force, beside, asked):
    first, second = union(in_force), union(beside)
    shadow = Shadow(first, second, most_examples=2)
    assert [shadow.answer(one) for one in asked] == [answer(first, one) for one in asked]
    pairs = [(answer(first, one).outcome, answer(second, one).outcome) for one in asked]
    assert shadow.counts == Counter(pairs)
    assert shadow.differences == Counter(pair for pair in pairs if pair[0] is not pair[1])
    different = [number for number, pair in enumerate(pairs) if pair[0] is not pair[1]]
    assert [one.number for one in shadow.examples] == different[:2]
    assert sum(shadow.by_territory.values()) == len(different)


def test_a_difference_has_its_territory_and_both_decisions():
    shadow = Shadow(union([PERMIT]), union([PERMIT, FORBID]))
    assert shadow.answer(LUX).outcome is Outcome.PERMITTED
    pair = (Outcome.PERMITTED, Outcome.FORBIDDEN)
    assert shadow.differences == {pair: 1}
    assert shadow.by_territory == {("LUX", pair): 1}
    (example,) = shadow.examples
    assert [one.rule for one in example.beside.because] == ["no"]
    shadow.answer(Request(class_="fixed"))  # from nowhere: not known to both
    assert shadow.asked == 2
    assert shadow.differences.total() == 1


def test_a_place_not_known_is_counted_as_such():
    shadow = Shadow(union([PERMIT]), union([]))
    shadow.answer(Request(class_="fixed"))
    assert shadow.by_territory == {(UNKNOWN_PLACE, (Outcome.INDETERMINATE, Outcome.NOT_PERMITTED)): 1}


def test_the_same_decision_by_other_rules_is_no_difference_but_told():
    shadow = Shadow(union([PERMIT]), union([Rule(**{**vars(PERMIT), "id": "other"})]))
    shadow.answer(LUX)
    assert (shadow.differences.total(), shadow.other_reasons) == (0, 1)
