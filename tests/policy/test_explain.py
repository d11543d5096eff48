"""An explanation says what the decision says: every verdict on a rule is held against `decide` on that rule alone."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from test_decide_properties import requests, rule_lists, rules, wheres

from openleo.instants import civil_instant
from openleo.places.expressions import Labels
from openleo.places.point import at
from openleo.policy.conditions import AtMost, Selector
from openleo.policy.decide import Outcome, decide
from openleo.policy.explain import explain
from openleo.policy.explain_words import as_json, changes, text
from openleo.policy.request import Request
from openleo.policy.rules import Rule, union

places = st.none() | wheres
ALONE = {Outcome.PERMITTED: True, Outcome.INDETERMINATE: None, Outcome.NOT_PERMITTED: False}


@given(rules(("permit",)), requests, places)
@settings(deadline=None)
def test_a_verdict_on_a_permit_is_the_decision_of_that_permit_alone(rule, request, where):
    alone = union([rule])
    said = explain(alone, request, where)
    verdict = said.readings[0].value if said.readings else False
    assert verdict is ALONE[decide(alone, request, where).outcome]


@given(rule_lists, requests, places)
@settings(deadline=None)
def test_every_rule_is_accounted_for_and_those_that_decide_are_shown(made, request, where):
    rule_set = union(made)
    said = explain(rule_set, request, where)
    assert len(said.readings) + said.silent + said.other == len(made)
    assert said.decision == decide(rule_set, request, where)
    verdicts = {(one.rule.id, one.rule.effect): one.value for one in said.readings}
    expected = {Outcome.FORBIDDEN: ("forbid", True), Outcome.SUSPENDED: ("suspend", True)}.get(said.decision.outcome)
    for because in said.decision.because:
        shown = {key: value for key, value in verdicts.items() if key[0] == because.rule}
        assert shown
        if expected:
            assert shown == {(because.rule, expected[0]): expected[1]}


@given(rule_lists, requests, places)
@settings(deadline=None)
def test_the_text_says_the_decision_its_rules_and_all_that_is_missing(made, request, where):
    said = explain(union(made), request, where)
    words = text(said)
    assert f"Decision: {said.decision.outcome}: " in words
    assert all(f'"{one.rule}"' in words for one in said.decision.because)
    assert all(name in words for name in said.decision.missing)
    assert as_json(said)["decision"] == said.decision.as_json()


@given(rule_lists, requests, places)
@settings(deadline=None)
def test_bringing_what_is_said_to_be_missing_leaves_nothing_missing(made, request, where):
    """Only inputs that `would change it` names are filled in; the same names never come again."""
    rule_set = union(made)
    said = explain(rule_set, request, where)
    filled = {"class": ("class_", "fixed"), "groups": ("groups", frozenset()), "speed_kmh": ("speed_kmh", 0.0),
              "position.age_s": ("age_s", 10.0), "home_territory": ("home_territory", "TON")}  # fmt: skip
    brought = {filled[name][0]: filled[name][1] for name in said.decision.missing if name in filled}
    for name in said.decision.missing:
        asked = "a smaller uncertainty of the position" if name == "position" and where else f"knowing {name}"
        assert any(line.startswith(asked) for line in changes(said))
    again = explain(rule_set, replace(request, **brought), where)
    assert not {name for name in filled if filled[name][0] in brought} & set(again.decision.missing)


def test_what_is_not_known_of_the_place_is_asked_for():
    licensed = union([Rule("lux", "reg", "permit", at_lux())])
    assert changes(explain(licensed, Request(class_="fixed"), None)) == [
        "knowing position: where the terminal is, by lat_deg, lon_deg and uncertainty_m"
    ]
    roughly = Request(class_="fixed", latitude_deg=49.6, longitude_deg=6.1)
    assert changes(explain(licensed, roughly, None)) == [
        "knowing position.uncertainty_m: the radius around the position that holds the terminal"
    ]


def test_what_stands_in_the_way_and_what_would_match_is_said():
    licensed = Rule("lux", "reg", "permit", at_lux(), Selector(conditions=(AtMost("speed_kmh", 75.0),)))
    said = explain(union([licensed]), Request(class_="fixed", speed_kmh=80.0), at("LUX"))
    assert changes(said) == ['permit "lux" (reg) would match with speed up to 75 km/h']
    barred = Rule("out", "reg", "forbid", at_lux(), emergency="keep")
    said = explain(union([licensed, barred]), Request(class_="fixed", speed_kmh=20.0), at("LUX"))
    (line,) = changes(said)
    assert line == (
        'forbid "out" (reg) stands in the way while all of this holds: this place; '
        "all but class emergency (emergency terminals keep service)"
    )


def at_lux():
    from openleo.places.expressions import Labels

    return Labels(frozenset({"LUX"}))


def test_what_is_told_of_afterwards_is_decided_after_the_last_instant_that_it_holds():
    """A bound still holds at its own instant: 60 days abroad are no more than 60."""
    guests = Rule(
        "guests", "operator", "permit", Labels(frozenset({"TON"})), Selector(conditions=(AtMost("days_abroad", 60.0),))
    )
    noon = civil_instant("2026-11-20T12:00:00Z")
    said = explain(union([guests]), Request(at=noon, class_="fixed", days_abroad=59.5), at("TON"))
    assert said.decision.outcome is Outcome.PERMITTED
    assert said.then is not None
    assert said.then.outcome is Outcome.NOT_PERMITTED
