"""Two rule sets compared: nothing is overlooked, nothing is told that is not so, and the text is as it was read."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from test_decide_properties import LABELS, NOON, full_requests, rule_lists, rules, wheres

from openleo.places.expressions import Labels, Region, difference, union
from openleo.places.point import at
from openleo.policy import rules as rule_sets
from openleo.policy.conditions import AtMost, OneOf, Selector
from openleo.policy.decide import Outcome, decide
from openleo.policy.diff import KeyChange, RuleChange, area_change, by_territory, compare
from openleo.policy.diff_words import as_json, text
from openleo.policy.rules import Rule
from openleo.policy.when import Window

FIJI, TONGA = Labels(frozenset({"FJI", "FJI.sea12"})), Labels(frozenset({"TON", "TON.sea12"}))
LICENCE = Rule("fiji", "regulator:FJI", "permit", FIJI, authority="regulator:FJI", reason="service is licensed")
BARRED = Rule("tonga", "court", "forbid", TONGA, emergency="keep", authority="court", reason="an order")


def difference_of(old, new):
    return compare(rule_sets.union(old), rule_sets.union(new))


# --- nothing is overlooked ----------------------------------------------------------------------------------------

EDITS = {
    "effect": (replace(BARRED, effect="suspend"), ("effect", "forbid", "suspend")),
    "who.classes": (replace(BARRED, selector=Selector(frozenset({"fixed"}))), ("who.classes", None, ["fixed"])),
    "who.groups": (replace(BARRED, selector=Selector(groups=frozenset({"b", "a"}))), ("who.groups", None, ["a", "b"])),
    "conditions": (
        replace(BARRED, selector=Selector(conditions=(AtMost("speed_kmh", 75.0),))),
        ("conditions.speed_kmh_max", None, 75.0),
    ),
    "except": (
        replace(BARRED, unless=Selector(conditions=(OneOf("home_territory", frozenset({"TON"})),))),
        ("except.home_territory", None, ["TON"]),
    ),
    "territory": (replace(BARRED, territory=union([FIJI, TONGA])), ("territory", "TON", "FJI, TON")),
    "from": (replace(BARRED, window=Window(begins=NOON)), ("from", None, "2026-11-20T12:00:00Z")),
    "until": (replace(BARRED, window=Window(ends=NOON)), ("until", None, "2026-11-20T12:00:00Z")),
    "applies_to": (replace(BARRED, applies_to="beam"), ("applies_to", "terminal", "beam")),
    "emergency": (replace(BARRED, emergency="cut"), ("emergency", "keep", "cut")),
    "land_in": (replace(BARRED, land_in=frozenset({"FJI"})), ("land_in", None, ["FJI"])),
    "authority": (replace(BARRED, authority="high court"), ("authority", "court", "high court")),
    "reason": (replace(BARRED, reason="appeal"), ("reason", "an order", "appeal")),
    "legal_reference": (replace(BARRED, legal_reference="17/2026"), ("legal_reference", None, "17/2026")),
    "review_by": (replace(BARRED, review_by=date(2027, 1, 31)), ("review_by", None, "2027-01-31")),
}


@pytest.mark.parametrize(("edited", "key"), EDITS.values(), ids=EDITS)
def test_every_key_that_changes_is_told(edited, key):
    (change,) = difference_of([BARRED, LICENCE], [LICENCE, edited]).changed
    assert change.keys == (KeyChange(*key),)


def test_every_key_that_a_rule_can_change_is_tried():
    assert {one[1][0].partition(".")[0] for one in EDITS.values()} == {
        "effect", "who", "conditions", "except", "territory", "from", "until", "applies_to", "emergency", "land_in",
        "authority", "reason", "legal_reference", "review_by",
    }  # fmt: skip


@pytest.mark.slow
@given(rule_lists, rule_lists)
@settings(deadline=None, max_examples=50)
def test_a_difference_leads_from_one_to_the_other_and_back(old, new):
    old = old + [replace(rule, reason="another") for rule in new[:2] if rule.id not in {one.id for one in old}]
    there, back = difference_of(old, new), difference_of(new, old)
    kept = {rule.key: rule for rule in old} | {one.new.key: one.new for one in there.changed}
    made = [rule for rule in (*kept.values(), *there.added) if rule not in there.removed]
    assert rule_sets.union(made).sha256 == rule_sets.union(new).sha256
    assert (there.added, there.removed) == (back.removed, back.added)
    assert [(one.old, one.new) for one in there.changed] == [(one.new, one.old) for one in back.changed]
    assert there.unchanged == back.unchanged
    assert difference_of(new, new[::-1]).empty


@given(rules(), rules())
@settings(deadline=None, max_examples=50)
def test_a_change_always_has_a_key(old, new):
    new = replace(new, id=old.id)
    for change in difference_of(labels_alone([old]), labels_alone([LICENCE, new])[1:]).changed:
        assert change.keys


# --- nothing is told that is not so -------------------------------------------------------------------------------


@given(rules(), rules(), full_requests, wheres)
@settings(deadline=None, max_examples=120)
def test_narrower_and_wider_are_held_against_decisions(old, new, request, where):
    """As permits, alone: what a narrower one permits, the other permits."""
    keys = ("selector", "unless", "window", "territory")
    for kept in keys:
        old_, new_ = (replace(one, id="r", effect="permit", emergency=None) for one in (old, new))
        new_ = replace(old_, **{kept: getattr(new_, kept)})
        change = RuleChange(old_, new_, (), area_change(old_.territory, old_.territory))
        before, after = (decide(rule_sets.union([one]), request, where).outcome for one in (old_, new_))
        if change.narrower and after is Outcome.PERMITTED:
            assert before is Outcome.PERMITTED
        if change.wider and before is Outcome.PERMITTED:
            assert after is Outcome.PERMITTED


@given(rule_lists, rule_lists, full_requests, st.sampled_from(LABELS))
@settings(deadline=None, max_examples=100)
def test_where_decisions_differ_the_territory_is_listed(old, new, request, label):
    """At a place outside of every polygon; see the next for those."""
    listed = {one.label for one in by_territory(difference_of(labels_alone(old), labels_alone(new)))}
    before, after = (decide(rule_sets.union(labels_alone(one)), request, at(label)).outcome for one in (old, new))
    assert before is after or label in listed


def labels_alone(made):
    return [replace(rule, territory=Labels(frozenset(LABELS[: 1 + number % 3]))) for number, rule in enumerate(made)]


def test_the_ground_of_polygons_is_told_by_label():
    box = Region("box", "box", shapely.box(6.0, 49.6, 6.6, 49.8))  # Luxembourg, and Germany across the Moselle
    luxembourg = Labels(frozenset({"LUX"}))
    found = area_change(luxembourg, union([luxembourg, box]))
    assert (found.gains, found.loses, found.loses_part) == (frozenset(), frozenset(), frozenset())
    assert found.gains_part == {"DEU"}
    found = area_change(luxembourg, difference(luxembourg, box))
    assert (found.gains, found.gains_part, found.loses) == (frozenset(), frozenset(), frozenset())
    assert found.loses_part == {"LUX"}
    found = area_change(box, box)
    assert not found.any


def test_polygons_of_one_name_are_told_apart():
    files = [Region("zone.geojson", sha, shapely.box(6, 49, east, 50)) for sha, east in (("0" * 64, 7), ("1" * 64, 8))]
    (change,) = difference_of(*([replace(LICENCE, territory=one)] for one in files)).changed
    (key,) = change.keys
    assert key.key == "territory"
    assert key.before != key.after
    assert "DEU" in change.area.gains_part


# --- the text -----------------------------------------------------------------------------------------------------

OLD = [LICENCE, BARRED, replace(LICENCE, id="gone")]
NEW = [
    replace(
        LICENCE,
        territory=union([FIJI, TONGA]),
        selector=Selector(frozenset({"fixed"}), conditions=(AtMost("speed_kmh", 75.0),)),
    ),
    replace(BARRED, window=Window(ends=NOON + timedelta(days=30)), reason="an order, until the hearing"),
    replace(LICENCE, id="gone", book="operator"),
    replace(LICENCE, id="sea", territory=Labels(frozenset({"high-seas"}))),
]
GOLDEN = """\
Rules: 3 -> 4: 2 added, 1 removed, 2 changed, 0 unchanged.

+ permit "gone" (operator): service is licensed
    any terminal in FJI; always
    another rule than "gone" of regulator:FJI

+ permit "sea" (regulator:FJI): service is licensed
    any terminal in high-seas; always

- permit "gone" (regulator:FJI): service is licensed
    any terminal in FJI; always
    another rule than "gone" of operator

~ forbid "tonga" (court): an order, until the hearing
    reason: an order -> an order, until the hearing
    until: none -> 2026-12-20T12:00:00Z
    It is narrower: it matches nothing that it did not match before.

~ permit "fiji" (regulator:FJI): service is licensed
    territory: FJI -> FJI, TON
    who.classes: none -> fixed
    conditions.speed_kmh_max: none -> 75
    now also in TON

Territories
  FJI: gains permit "gone" (operator); loses permit "gone" (regulator:FJI); has changed permit "fiji" (regulator:FJI)
  TON: gains permit "fiji" (regulator:FJI); has changed forbid "tonga" (court)
  high-seas: gains permit "sea" (regulator:FJI)
"""


def golden_text():
    """Without the hashes, which renew themselves with the borders."""
    found = text(difference_of(OLD, NEW))
    return [line for line in found.splitlines() if not line.startswith("SHA-256")]


def test_the_text_is_as_it_was_read():
    assert golden_text() == GOLDEN.splitlines()


def test_an_empty_difference_says_so():
    assert text(difference_of(OLD, OLD[::-1])).startswith("No difference: 3 rules, the same in both (SHA-256 ")


def test_json_has_the_same_counts():
    answer = as_json(difference_of(OLD, NEW))
    assert [len(answer[name]) for name in ("added", "removed", "changed")] == [2, 1, 2]
    assert answer["unchanged"] == 0
    assert {row["territory"] for row in answer["territories"]} >= {"TON", "FJI", "high-seas"}


@pytest.mark.parametrize(("before", "after"), [(1_000_000.0, 1_000_001.0), (0.123456789, 0.12345678)])
def test_numbers_are_told_with_all_their_digits(before, after):
    old, new = (
        [replace(BARRED, selector=Selector(conditions=(AtMost("altitude_m", one),)))] for one in (before, after)
    )
    said = text(difference_of(old, new)).partition("conditions.altitude_m_max: ")[2].partition("\n")[0]
    assert [float(one) for one in said.split(" -> ")] == [before, after]
    assert f"altitude up to {after:.10g} m" in text(difference_of([], new))


def test_territories_that_are_not_known_are_named_as_such():
    """Nothing said of them would read as nothing changed."""
    boxes = [Region(f"box-{one}", f"{one}", shapely.box(6, 49, 6.1 + one / 100, 50)) for one in range(9)]
    many, added = replace(LICENCE, territory=union(boxes)), replace(LICENCE, id="new", territory=union(boxes))
    found = difference_of([LICENCE], [many, added])
    names = [(one["rule"], one["book"]) for one in as_json(found)["not_told"]]
    assert names == [added.key[::-1], many.key[::-1]]
    assert 'not told, for too many polygons: those of permit "new" (regulator:FJI) and permit "fiji"' in text(found)
    assert as_json(difference_of(OLD, NEW))["not_told"] == []
