"""One decision after another, beside Cedar's answers to the same questions by the same rules."""

from __future__ import annotations

import json

import cedarpy
import numpy as np

from benchmarks.workloads import Baseline, Workload
from openleo.places import land, point
from openleo.places.expressions import Labels
from openleo.policy.conditions import Selector
from openleo.policy.decide import Decision, decide
from openleo.policy.request import Request
from openleo.policy.rules import CLASSES, Rule, RuleSet, union

PERMITS, FORBIDS, REQUESTS, FOR_CEDAR = 240, 500, 10_000, 100
NO_ENTITIES = cedarpy.Entities.from_json_str("[]")


def rule_set() -> RuleSet:
    """A permit of every country with its waters, and 500 that forbid a country to two classes."""
    random = np.random.default_rng(5)
    countries = [Labels(frozenset({id_, id_ + ".sea12"})) for id_ in land.load().territories[:PERMITS]]
    made = [Rule(f"country-{number}", "book", "permit", area) for number, area in enumerate(countries)]
    for number in range(FORBIDS):
        who = Selector(frozenset(random.choice(CLASSES, 2, replace=False).tolist()))
        area = countries[random.integers(len(countries))]
        made.append(Rule(f"rule-{number}", "book", "forbid", area, who, emergency="cut"))
    return union(made)


def as_cedar(rules: RuleSet) -> cedarpy.PolicySet:
    """A policy for each rule of territories and classes."""
    policies = []
    for rule in rules.rules:
        assert isinstance(rule.territory, Labels)
        asked = [f"{json.dumps(sorted(rule.territory.ids))}.contains(context.label)"]
        if rule.selector.classes is not None:
            asked.append(f"{json.dumps(sorted(rule.selector.classes))}.contains(context.terminal_class)")
        policies.append(f"{rule.effect}(principal, action, resource) when {{ {' && '.join(asked)} }};")
    return cedarpy.PolicySet.from_str("\n".join(policies))


def one_by_one() -> Workload:
    """Requests of every class from places on land and near it; Cedar is asked the first hundred."""
    rules, random = rule_set(), np.random.default_rng(6)
    policies = as_cedar(rules)
    labels = [id_ + sea for id_ in land.load().territories for sea in ("", ".sea12", ".sea200")]
    asked = [
        (Request(class_=str(random.choice(CLASSES))), point.at(str(random.choice(labels)))) for _ in range(REQUESTS)
    ]
    to_cedar = [
        {
            "principal": 'Terminal::"asking"', "action": 'Action::"serve"', "resource": 'Network::"asked"',
            "context": {"label": where.labels[0], "terminal_class": request.class_},
        }
        for request, where in asked[:FOR_CEDAR]
    ]  # fmt: skip

    def ours() -> list[Decision]:
        return [decide(rules, request, where) for request, where in asked]

    def by_cedar() -> list[cedarpy.AuthzResult]:
        return [cedarpy.is_authorized(one, policies, NO_ENTITIES) for one in to_cedar]

    def check() -> None:
        theirs = [answer.allowed for answer in by_cedar()]
        assert [one.permitted for one in ours()[:FOR_CEDAR]] == theirs
        assert 10 < sum(theirs) < FOR_CEDAR - 10

    ours()  # the rules of each label are found once
    name = f"{FOR_CEDAR} decisions by {PERMITS + FORBIDS} rules"
    return Workload(name, ours, (Baseline("cedarpy", by_cedar),), check, REQUESTS // FOR_CEDAR)
