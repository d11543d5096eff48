"""Lint fires where it must, is silent where it must, and what it calls useless is useless.

The last is held against `decide`: a rule that lint says never applies or is shadowed is left out, and random requests
at random places are decided with and without it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
import shapely
from hypothesis import event, given, settings
from hypothesis import strategies as st
from test_decide_properties import NOON, full_requests, requests, rule_lists, rules, wheres

from openleo.places.expressions import Difference, Intersection, Labels, Region, Union
from openleo.places.regions import coast
from openleo.places.territories import contested_areas
from openleo.policy.conditions import AtMost, MoreThan, OneOf, Selector
from openleo.policy.decide import Outcome, decide
from openleo.policy.lint import Oddity, lint
from openleo.policy.rules import Rule, union
from openleo.policy.when import Period, Window

FIJI, TONGA = Labels(frozenset({"FJI"})), Labels(frozenset({"TON"}))
BOTH = Labels(frozenset({"FJI", "TON"}))
DAY = timedelta(days=1)


def permit(id_="p", **keys):
    return Rule(id_, "operator", "permit", **{"territory": FIJI, "authority": "operator", "reason": "a test", **keys})


def forbid(id_="f", **keys):
    return replace(permit(id_, **keys), effect="forbid", emergency=keys.get("emergency", "cut"))


def suspend(id_="s", **keys):
    return replace(forbid(id_, **keys), effect="suspend")


def findings(*rules, now=NOON, days=30):
    return [(str(one.kind), one.rule.id) for one in lint(union(rules), now, days)]


def who(classes=None, groups=None, *conditions):
    return Selector(
        None if classes is None else frozenset(classes), None if groups is None else frozenset(groups), conditions
    )


# --- never applies ------------------------------------------------------------------------------------------------

MONDAYS = Period(frozenset({0}), 8 * 3600, 9 * 3600, "UTC")  # NOON is a Friday
NEVER = {
    "over": permit(window=Window(ends=NOON)),
    "no Monday within": permit(window=Window(NOON, NOON + 2 * DAY, (MONDAYS,))),
    "contradicting numbers": permit(selector=who(None, None, AtMost("speed_kmh", 75.0), MoreThan("speed_kmh", 75.0))),
    "contradicting words": permit(
        selector=who(
            None, None, OneOf("home_territory", frozenset({"TON"})), OneOf("home_territory", frozenset({"FJI"}))
        )
    ),
    "excepted by class": permit(selector=who({"fixed"}), unless=who({"fixed", "vehicle"})),
    "excepted by state": permit(
        selector=who({"fixed"}, None, MoreThan("speed_kmh", 80.0)), unless=who(None, None, MoreThan("speed_kmh", 75.0))
    ),
    "emergency alone, and kept": forbid(selector=who({"emergency"}), emergency="keep"),
    "each class by its own exception": forbid(
        selector=who({"emergency", "fixed"}), unless=who({"fixed"}), emergency="keep"
    ),
    "nothing left of it": permit(territory=Difference(FIJI, BOTH)),
    "lands that share nothing": permit(territory=Intersection((FIJI, TONGA))),
    "a polygon far from the land": permit(
        territory=Intersection((FIJI, Region("europe", "e", shapely.box(0, 45, 10, 50))))
    ),
}
SOMETIMES = {
    "not over yet": permit(window=Window(ends=NOON + 400 * DAY)),
    "a Monday within": permit(window=Window(NOON, NOON + 40 * DAY, (MONDAYS,))),
    "in the future": permit(window=Window(begins=NOON + 400 * DAY)),
    "a narrow band": permit(selector=who(None, None, AtMost("speed_kmh", 75.0), MoreThan("speed_kmh", 74.0))),
    "words in common": permit(
        selector=who(
            None, None, OneOf("home_territory", frozenset({"TON", "FJI"})), OneOf("home_territory", frozenset({"FJI"}))
        )
    ),
    "a band of two inputs": permit(selector=who(None, None, AtMost("speed_kmh", 75.0), MoreThan("altitude_m", 75.0))),
    "some excepted": permit(selector=who({"fixed", "vehicle"}), unless=who({"fixed"})),
    "excepted in some groups": permit(selector=who({"fixed"}, {"a"}), unless=who({"fixed"}, {"b"})),
    "excepted in a state": permit(selector=who({"fixed"}), unless=who({"fixed"}, None, MoreThan("speed_kmh", 75.0))),
    "two groups at once": permit(selector=who(None, {"a"}), unless=who(None, {"b"})),
    "emergency and others": forbid(selector=who({"emergency", "fixed"}), emergency="keep"),
    "emergency cut": forbid(selector=who({"emergency"}), emergency="cut"),
    "a part left": permit(territory=Difference(BOTH, FIJI)),
    "a polygon that reaches it": permit(
        territory=Intersection((FIJI, Region("suva", "s", shapely.box(178, -19, 179, -17))))
    ),
}


@pytest.mark.parametrize("rule", NEVER.values(), ids=NEVER)
def test_a_rule_that_matches_nothing_is_found(rule):
    assert findings(rule) == [("never-applies", rule.id)]


@pytest.mark.parametrize("rule", SOMETIMES.values(), ids=SOMETIMES)
def test_a_rule_that_may_match_is_left_alone(rule):
    assert findings(rule) == []


# --- shadowed and contradicting -----------------------------------------------------------------------------------

INNER, OUTER = Region("in", "in", shapely.box(1, 1, 2, 2)), Region("out", "out", shapely.box(0, 0, 3, 3))
INLAND = Region("inland", "inland", shapely.box(177.9, -17.9, 178.1, -17.7))  # of Viti Levu
WEEK = Window(weekly=(Period(frozenset(range(5)), 8 * 3600, 18 * 3600, "UTC"),))
HOURS = Window(weekly=(Period(frozenset({1, 2}), 9 * 3600, 18 * 3600, "UTC"),))
SHADOWED = {
    "the same twice": ("b", [permit("a"), permit("b")]),
    "the same, in order of ids": ("b", [permit("b"), permit("a")]),
    "fewer places": ("p", [permit(), permit("wide", territory=BOTH)]),
    "fewer classes": ("p", [permit(selector=who({"fixed"})), permit("wide", selector=who({"fixed", "vehicle"}))]),
    "a lower speed": (
        "p",
        [
            permit(selector=who(None, None, AtMost("speed_kmh", 50.0))),
            permit("wide", selector=who(None, None, AtMost("speed_kmh", 75.0))),
        ],
    ),
    "a shorter time": ("p", [permit(window=Window(NOON, NOON + 99 * DAY)), permit("wide", window=Window(begins=NOON))]),
    "a later beginning": ("p", [permit(window=Window(begins=NOON + DAY)), permit("wide", window=Window(begins=NOON))]),
    "shorter hours": ("p", [permit(window=HOURS), permit("wide", window=WEEK)]),
    "a polygon in a polygon": ("p", [permit(territory=INNER), permit("wide", territory=OUTER)]),
    "a polygon on a land": ("p", [permit(territory=INLAND), permit("wide", territory=BOTH)]),
    "a strip in a wider strip": (
        "p",
        [permit(territory=coast(TONGA, 20.0)), permit("wide", territory=coast(TONGA, 40.0))],
    ),
    "within a forbid": ("p", [permit(), forbid(territory=BOTH)]),
    "within a forbid that keeps others": (
        "p",
        [permit(selector=who({"fixed"})), forbid(territory=BOTH, emergency="keep")],
    ),
    "within a suspend": (
        "p",
        [permit(window=Window(NOON, NOON + 40 * DAY)), suspend(window=Window(NOON, NOON + 50 * DAY))],
    ),
    "a suspend within a forbid": ("s", [suspend(window=Window(ends=NOON + 40 * DAY)), forbid()]),
    "an exception more": ("p", [permit(unless=who({"fixed", "vehicle"})), permit("wide", unless=who({"fixed"}))]),
    "landing at fewer places": (
        "p",
        [permit(land_in=frozenset({"FJI"})), permit("wide", land_in=frozenset({"FJI", "TON"}))],
    ),
}
DISTINCT = {
    "other places": [permit(), permit("q", territory=TONGA)],
    "other classes": [permit(selector=who({"fixed"})), permit("q", selector=who({"vehicle"}))],
    "a wider forbid has an exception": [permit(), forbid(territory=BOTH, unless=who({"fixed"}))],
    "a wider forbid excepts some of them": [
        permit(selector=who({"fixed", "vehicle"})),
        forbid(territory=BOTH, unless=who({"vehicle"})),
    ],
    "a wider forbid excepts a group": [permit(selector=who(None, {"a"})), forbid(unless=who(None, {"b"}))],
    "a wider forbid keeps emergency": [permit(), forbid(territory=BOTH, emergency="keep")],
    "a wider forbid asks for a speed": [permit(), forbid(selector=who(None, None, MoreThan("speed_kmh", 75.0)))],
    "a wider forbid for a time": [permit(), forbid(window=Window(ends=NOON + 40 * DAY))],
    "beginning before": [permit(window=Window(begins=NOON)), forbid(window=Window(begins=NOON + DAY))],
    "a narrower forbid": [permit(territory=BOTH), forbid()],
    "a forbid within a permit": [permit(), forbid(selector=who({"fixed"}))],
    "a suspend does not outrank a forbid": [
        forbid(window=Window(ends=NOON + 40 * DAY)),
        suspend(territory=BOTH, window=Window(ends=NOON + 50 * DAY)),
    ],
    "groups are not classes": [permit(selector=who(None, {"a"})), permit("q", selector=who(None, {"b"}))],
    "the exceptions differ": [permit(unless=who({"fixed"})), permit("q", unless=who({"vehicle"}))],
    "polygons that cross": [
        permit(territory=INNER),
        permit("q", territory=Region("x", "x", shapely.box(0, 0, 1.5, 3))),
    ],
    "a polygon across a coast": [
        permit(territory=Region("x", "x", shapely.box(177.9, -20, 178.1, -17.7))),
        permit("q", territory=BOTH),
    ],
    "polygons with a common edge": [
        permit(territory=INNER),
        permit("q", territory=Region("x", "x", shapely.box(1, 0, 3, 3))),
    ],
    "hours of another zone": [
        permit(window=HOURS),
        permit("q", window=Window(weekly=(replace(WEEK.weekly[0], zone="Asia/Taipei"),))),
    ],
    "landing elsewhere": [permit(land_in=frozenset({"TON"})), permit("q", land_in=frozenset({"FJI"}))],
    "what lands at some places is no wider": [permit(), permit("q", territory=BOTH, land_in=frozenset({"FJI"}))],
    "beams and terminals": [permit(), forbid(applies_to="beam")],
}


@pytest.mark.parametrize(("id_", "rules"), SHADOWED.values(), ids=SHADOWED)
def test_a_rule_that_another_makes_useless_is_found(id_, rules):
    assert findings(*rules) == [("shadowed", id_)]


@pytest.mark.parametrize("rules", DISTINCT.values(), ids=DISTINCT)
def test_rules_that_matter_are_left_alone(rules):
    assert findings(*rules, days=1) == []


def test_a_permit_of_exactly_what_is_forbidden_is_a_contradiction():
    assert findings(permit(), forbid()) == [("contradicts", "p")]
    narrow = who({"fixed"}, {"a"}, AtMost("speed_kmh", 75.0))
    assert findings(permit(selector=narrow, window=WEEK), forbid(selector=narrow, window=WEEK)) == [
        ("contradicts", "p")
    ]
    assert "permits exactly what forbid" in str(lint(union([permit(), forbid()]), NOON)[0])


# --- contested areas ----------------------------------------------------------------------------------------------

ZONE = Region("zone.geojson", "z", shapely.box(33.0, 44.5, 36.0, 46.5))  # across the north of Crimea


def test_a_polygon_over_a_contested_area_is_said_with_its_parties():
    (found,) = [one for one in lint(union([permit(territory=ZONE)]), NOON) if "crimea" in one.words]
    area = contested_areas()["crimea"]
    assert found.kind is Oddity.CONTESTED
    assert area.in_words in found.words
    assert str(area.as_of) in found.words
    assert "does not name it" in found.words


def test_a_polygon_that_names_it_or_does_not_hold_it_is_left_alone():
    def named_crimea(area):
        return any("crimea" in one.words for one in lint(union([permit(territory=area)]), NOON))

    crimea = Labels(frozenset({"crimea"}))
    assert named_crimea(ZONE)
    assert not named_crimea(Difference(ZONE, crimea))
    assert not named_crimea(Union((ZONE, crimea)))
    assert not named_crimea(Region("far", "far", shapely.box(20, 40, 21, 41)))
    assert not named_crimea(Difference(ZONE, Region("cut", "cut", shapely.box(30, 43, 37, 46.6))))  # cut by a polygon
    assert not named_crimea(Intersection((ZONE, FIJI)))


# --- time ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "days", "expected"),
    [
        ({"window": Window(ends=NOON + 30 * DAY)}, 30, [("expires", "p")]),
        ({"window": Window(ends=NOON + 31 * DAY)}, 30, []),
        ({"window": Window(ends=NOON + 31 * DAY)}, 31, [("expires", "p")]),
        ({"review_by": date(2026, 12, 1)}, 30, [("review", "p")]),
        ({"review_by": date(2026, 11, 20)}, 0.5, [("review", "p")]),  # today
        ({"review_by": date(2026, 11, 19)}, 0, [("review", "p")]),  # overdue
        ({"review_by": date(2027, 11, 19)}, 30, []),
    ],
)
def test_what_ends_or_is_due_soon_is_found(keys, days, expected):
    assert findings(permit(**keys), days=days) == expected


# --- what is called useless is useless ----------------------------------------------------------------------------

USELESS = (Oddity.NEVER_APPLIES, Oddity.SHADOWED, Oddity.CONTRADICTS)
BEGINNING = NOON - timedelta(hours=1)  # of all instants that requests are thrown at


@st.composite
def relatives(draw):
    """Rules of which some differ from another in a few keys only: one is often within the other."""
    made = draw(st.lists(rules(), min_size=1, max_size=3, unique_by=lambda rule: rule.id))
    for number in range(draw(st.integers(1, 3))):
        one, other = draw(st.sampled_from(made)), draw(rules())
        keys = draw(st.frozensets(st.sampled_from(["territory", "selector", "unless", "window", "effect"]), max_size=2))
        changed = {key: getattr(other, key) for key in keys}
        if "effect" in keys or draw(st.booleans()):
            changed |= {"effect": other.effect, "emergency": other.emergency}
        made.append(replace(one, id=f"{one.id}-{number}", **changed))
    return made


@given(rule_lists | relatives(), full_requests, wheres)
@settings(deadline=None, max_examples=150)
def test_what_lint_calls_useless_changes_no_decision_where_all_is_known(made, request, where):
    before = decide(union(made), request, where)
    for one in lint(union(made), BEGINNING):
        if one.kind not in USELESS:
            continue
        event(one.kind)
        after = decide(union([rule for rule in made if rule is not one.rule]), request, where)
        if after.outcome is not before.outcome:
            # The circle lies half in a permit that a forbid takes back: nobody is served, for one reason or the other.
            assert len(where.atoms) > 1
            assert one.rule.effect == "permit"
            assert {before.outcome, after.outcome} == {Outcome.INDETERMINATE, Outcome.NOT_PERMITTED}


@given(rule_lists | relatives(), requests, st.none() | wheres)
@settings(deadline=None, max_examples=150)
def test_what_is_shadowed_serves_and_refuses_nobody_whatever_is_unknown(made, request, where):
    before = decide(union(made), request, where)
    for one in lint(union(made), BEGINNING):
        if one.kind not in USELESS:
            continue
        after = decide(union([rule for rule in made if rule is not one.rule]), request, where)
        if one.kind is Oddity.NEVER_APPLIES and one.rule.effect != "permit":
            # What is not known can leave even such a rule open: then it withholds service until it is known.
            assert after.outcome is before.outcome or before.outcome is Outcome.INDETERMINATE
        else:
            assert after.permitted == before.permitted
            if one.rule.effect != "permit" or one.other is None or one.other.effect == "permit":
                assert after.outcome is before.outcome or one.kind is Oddity.NEVER_APPLIES


def test_a_rule_set_without_rules_is_said_to_permit_nothing():
    assert [str(one) for one in lint(union([]), NOON)] == [
        "empty: the rule set has no rule: nothing is permitted by it."
    ]
