"""Terminals in bulk, decided and placed, beside the decision of one request."""

from __future__ import annotations

from functools import cache

import numpy as np

from benchmarks import fleet
from benchmarks.workloads import Baseline, Workload
from openleo.instants import civil_instant
from openleo.places import land, point
from openleo.places.expressions import Difference, Expression, Intersection, Labels
from openleo.places.points import where_each
from openleo.policy import bulk
from openleo.policy.answer import where_of
from openleo.policy.conditions import AtMost, Condition, MoreThan, OneOf, Selector
from openleo.policy.decide import decide
from openleo.policy.rules import CLASSES, Rule, RuleSet, union
from openleo.policy.terminal_kinds import Settled, settle
from openleo.policy.terminals import Terminals

NOON = civil_instant("2026-11-20T12:00:00Z")
TERMINALS, SOME = 2_000_000, 20_000
PERMITS, OTHERS, RULE_SETS = 240, 500, 2
SEED = 11


def rule_set(seed: int) -> RuleSet:
    """A permit of every country with its waters, and 500 rules that ask for class, group, speed and more."""
    from benchmarks.policy import ZONES, zones

    random = np.random.default_rng(seed)
    lands = land.load().territories[:PERMITS]
    countries = [Labels(frozenset({id_, id_ + ".sea12"})) for id_ in lands]
    said = {"authority": "operator", "reason": "as an example"}
    made = [Rule(f"country-{number}", "book", "permit", area, **said) for number, area in enumerate(countries)]
    for number in range(OTHERS):
        area: Expression = countries[random.integers(len(countries))]
        if number % 10 == 0:
            zone = zones()[random.integers(ZONES)]
            area = Difference(area, zone) if random.random() < 0.5 else Intersection((area, zone))
        effect = str(random.choice(["permit", "forbid", "suspend"], p=[0.4, 0.4, 0.2]))
        emergency = None if effect == "permit" else "keep"
        made.append(
            Rule(f"rule-{number}", "book", effect, area, selector(random), emergency=emergency, **said)  # type: ignore[arg-type]
        )
    return union(made)


def selector(random: np.random.Generator) -> Selector:
    """Some classes, now and then a group, and one of the conditions that are met with."""
    asked: list[Condition] = [
        AtMost("speed_kmh", 75.0), MoreThan("speed_kmh", 160.0), AtMost("days_abroad", 60.0),
        AtMost("location_age_s", 300.0), AtMost("location_uncertainty_m", 2_000.0), MoreThan("altitude_m", 3_000.0),
        OneOf("home_territory", frozenset({"TWN"})), OneOf("location_source", frozenset({"gnss"})),
    ]  # fmt: skip
    classes = frozenset(random.choice(CLASSES, 3).tolist())
    groups = frozenset({"allow-list"}) if random.random() < 0.2 else None
    chosen = (asked[random.integers(len(asked))],) if random.random() < 0.6 else ()
    return Selector(classes, groups, chosen)


@cache
def settled() -> tuple[Terminals, Settled]:
    from benchmarks.policy import zones

    terminals = fleet.terminals(TERMINALS, SEED)
    return terminals, settle(terminals, zones())


def placed() -> Workload:
    """Terminals placed exactly, with zones; one by one for some of them, scaled to all."""
    from benchmarks.policy import zones

    terminals = fleet.terminals(TERMINALS // 10, SEED)
    positions = terminals.latitude_deg, terminals.longitude_deg, terminals.uncertainty_m
    point.world_coasts()
    some = np.arange(0, len(terminals), len(terminals) // 2_000)

    def ours() -> object:
        return where_each(*positions, zones())

    def singly() -> list[point.Where | None]:
        everywhere = union([Rule(zone.text, "b", "permit", zone) for zone in zones()])
        return [where_of(everywhere, terminals.request(int(row), NOON)) for row in some]

    def check() -> None:
        found = where_each(*positions, zones())
        for row, where in zip(some, singly(), strict=True):
            assert (None if found.number[row] < 0 else found.wheres[found.number[row]]) == where

    name = f"{len(terminals):,} terminals placed; baseline: {len(some):,} of them"
    return Workload(name, ours, (Baseline("each by itself", singly),), check)


def decided() -> Workload:
    """Terminals that are placed, decided by rule sets never seen before; the baseline decides one of every hundred."""
    terminals, placed_ = settled()
    sets = [rule_set(seed) for seed in range(RULE_SETS)]
    some = np.arange(0, TERMINALS, TERMINALS // SOME)
    asked = [(terminals.request(int(row), NOON), placed_.wheres[placed_.place[row]]) for row in some]

    def ours() -> list[bulk.DecidedTerminals]:
        return [bulk.decide_all(one, terminals, placed_, NOON) for one in sets]

    def singly() -> list[object]:
        return [decide(sets[0], request, where) for request, where in asked if where]

    def check() -> None:
        for one, found in zip(sets, ours(), strict=True):
            for row, (request, where) in zip(some, asked, strict=True):
                assert bulk.OUTCOMES[found.outcome[row]] == decide(one, request, where).outcome

    name = f"{TERMINALS:,} terminals by {PERMITS + OTHERS} rules; baseline: {SOME:,} of them"
    return Workload(name, ours, (Baseline("decide", singly),), check, RULE_SETS)
