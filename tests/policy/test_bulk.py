"""Terminals in bulk against the decision of one request, and against counting by hand."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
import shapely
from benchmarks import fleet
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.instants import civil_instant
from openleo.places.expressions import Difference, Intersection, Labels, Region, Union
from openleo.places.point import Atom, Where
from openleo.policy import bulk
from openleo.policy.answer import where_of
from openleo.policy.conditions import AtMost, MoreThan, OneOf, Selector
from openleo.policy.decide import Outcome, decide
from openleo.policy.request import STALE_AFTER_S, Request
from openleo.policy.rules import CLASSES, Rule, union
from openleo.policy.terminal_columns import Coded
from openleo.policy.terminal_kinds import STRADDLING, UNKNOWN, settle
from openleo.policy.terminal_kinds import kinds as kinds_of
from openleo.policy.terminals import CODED, NUMBERED, Terminals
from openleo.policy.when import Window

NOON = civil_instant("2026-11-20T12:00:00Z")
HOUR = timedelta(hours=1)
ZONES = tuple(
    Region(name, name, shapely.Point(*middle).buffer(radius))
    for name, middle, radius in (
        ("strait", (120.3, 24.3), 1.2),
        ("north", (121.3, 25.1), 0.4),
        ("isles", (118.4, 24.4), 0.2),
    )
)
LANDS = ("TWN", "JPN", "kinmen", "PHL", "CHN")
LABELS = [*LANDS, *(id_ + strip for id_ in LANDS for strip in (".sea12", ".sea200")), "high-seas"]


def somewhere(random: np.random.Generator):
    """Areas around the strait, some of them cut by zones."""
    labels = Labels(frozenset(random.choice(LABELS, random.integers(1, 9)).tolist()))
    zone = ZONES[random.integers(len(ZONES))]
    forms = [
        labels,
        labels,
        labels,
        zone,
        Difference(labels, zone),
        Intersection((labels, zone)),
        Union((labels, zone)),
    ]
    return forms[random.integers(len(forms))]


def somebody(random: np.random.Generator) -> Selector:
    """Whom a rule may speak of: each input is asked for by some."""
    bounds = {"speed_kmh": (0, 30.0, 75), "altitude_m": (200, 300.0), "days_abroad": (2, 5.0),
              "location_age_s": (30.0, 60), "location_uncertainty_m": (30, 2_000.0)}  # fmt: skip
    asked = []
    for name, some in bounds.items():
        if random.random() < 0.15:
            kind = AtMost if random.random() < 0.5 else MoreThan
            asked.append(kind(name, some[random.integers(len(some))]))
    if random.random() < 0.1:
        asked.append(OneOf("home_territory", frozenset(random.choice(fleet.HOMES, 2).tolist())))
    if random.random() < 0.1:
        asked.append(OneOf("location_source", frozenset({"gnss"})))
    classes = frozenset(random.choice(CLASSES, 4).tolist()) if random.random() < 0.5 else None
    groups = frozenset(random.choice(["allow-list", "unpaid", "nobody"], 1).tolist()) if random.random() < 0.2 else None
    return Selector(classes, groups, tuple(asked))


def rules(random: np.random.Generator, count: int = 14):
    made = []
    for number in range(count):
        effect = str(random.choice(["permit", "forbid", "suspend"], p=[0.6, 0.25, 0.15]))
        landing = frozenset({str(random.choice(LANDS))})
        window = Window(*((NOON - HOUR, NOON), (NOON, NOON + HOUR), (None, None), (None, None))[random.integers(4)])
        made.append(
            Rule(
                f"r{number}", "book", effect, somewhere(random), somebody(random),
                somebody(random) if random.random() < 0.2 else None, window,
                "terminal" if random.random() < 0.95 else "beam",
                land_in=landing if effect == "permit" and random.random() < 0.3 else None,
                emergency=None if effect == "permit" else str(random.choice(["keep", "cut"])),
                authority="a", reason="b",
            )
        )  # fmt: skip
    return union(made)


def around_the_strait(random: np.random.Generator, count: int):
    latitude, longitude = random.uniform(21.5, 26.5, count), random.uniform(117.5, 123.5, count)
    return latitude, longitude


ALL_ZONES = union([Rule(zone.text, "b", "permit", zone) for zone in ZONES])


def inputs_of(request: Request) -> list[object]:
    """What rules may ask of a terminal."""
    return [getattr(request, name) for name in (*CODED, *NUMBERED)]


@pytest.mark.slow
def test_every_terminal_against_its_own_request():
    """20,000 pairs of a terminal and a rule set: the same outcome, rules and missing inputs as `decide` gives each."""
    seen: Counter[Outcome] = Counter()
    unknown = 0
    for seed in range(5):
        random = np.random.default_rng(seed)
        fleet_ = fleet.terminals(800, seed, 0.06, around_the_strait(random, 800), (0.0, 300.0, 2_000.0, 15_000.0, 2e6))
        old = np.where(random.random(800) < 0.1, random.choice([STALE_AFTER_S, STALE_AFTER_S + 1, 1e8], 800), np.nan)
        fleet_ = replace(fleet_, age_s=np.where(np.isnan(old), fleet_.age_s, old))
        settled = settle(fleet_, ZONES)
        asked = [fleet_.request(row, NOON) for row in range(len(fleet_))]
        wheres = [where_of(ALL_ZONES, request) for request in asked]
        unknown += sum(None in inputs_of(request) for request in asked)
        for rule_set in [rules(random) for _ in range(5)]:
            decided = bulk.decide_all(rule_set, fleet_, settled, NOON)
            for row, (request, where) in enumerate(zip(asked, wheres, strict=True)):
                expected = decide(rule_set, request, where)
                verdict = decided.decided(row)
                assert bulk.OUTCOMES[decided.outcome[row]] == verdict.outcome == expected.outcome, request
                assert verdict.because == expected.because
                assert verdict.missing == expected.missing
                seen[expected.outcome] += 1
    assert seen.total() == 20_000
    assert min(seen[outcome] for outcome in Outcome) >= 0.02 * seen.total()
    assert unknown >= 0.2 * 4_000


def test_kinds_of_two_rule_sets_against_each_terminal():
    """What is lost and gained, kind by kind, is what each terminal's own two decisions say."""
    random = np.random.default_rng(12)
    fleet_ = fleet.terminals(1_500, 5, 0.05, around_the_strait(random, 1_500))
    old = rules(random)
    new = union([*old.rules[::2], *(replace(rule, id=f"new-{rule.id}") for rule in rules(random).rules[::2])])
    alike = {rule.key for rule in old.rules[::2]}  # they stand on both sides
    effect_of, standing = {rule.key: rule.effect for rule in (*old.rules, *new.rules)}, 0
    settled = settle(fleet_, ZONES)
    compared = bulk.compare(old, new, fleet_, settled, NOON)
    lost, gained = (one[compared.kinds.number] for one in (compared.lost, compared.gained))
    because = compared.because(np.arange(len(compared.kinds)), len(compared.kinds))
    for row in range(len(fleet_)):
        request = fleet_.request(row, NOON)
        before, after = (decide(one, request, where_of(one, request)) for one in (old, new))
        assert lost[row] == (before.permitted and not after.permitted)
        assert gained[row] == (after.permitted and not before.permitted)
        if lost[row] or gained[row]:
            refused, granted = (after, before) if lost[row] else (before, after)
            refusing = {one.key for one in refused.because if effect_of[one.key] != "permit"}
            permits = {one.key for one in (*refused.because, *granted.because)} - refusing
            found = because[compared.kinds.number[row]]
            assert found == (refusing or permits - alike) != set()
            standing += not refusing and bool(permits & alike)
    assert standing > 5
    assert lost.sum() > 25
    assert gained.sum() > 25
    back = bulk.compare(new, old, fleet_, settled, NOON)
    assert (back.lost[back.kinds.number] == gained).all()
    same = bulk.compare(old, old, fleet_, settled, NOON)
    assert not same.lost.any()
    assert not same.gained.any()


def test_whichever_rules_decide_a_kind_are_those_that_decide_names():
    """The compiled loop's rules against the scalar decision's: many places have two kinds, and each may land apart."""
    random = np.random.default_rng(21)
    several = landing = 0
    at = around_the_strait(random, 600)
    fleet_ = fleet.terminals(600, 21, 0.06, at, (0.0, 15_000.0, 60_000.0, 200_000.0, 2e6))
    settled = settle(fleet_, ZONES)
    for rule_set in [rules(random) for _ in range(4)]:
        for instant in (NOON, None):
            decided = bulk.decide_all(rule_set, fleet_, settled, instant)
            every = np.arange(len(decided.kinds))
            named = decided.deciding(every, every, len(every))
            for kind in every.tolist():
                verdict = decided.verdict(kind)
                assert bulk.OUTCOMES[decided.of_kind[kind]] == verdict.outcome
                found = {decided.rules.each[rule].id for rule in np.flatnonzero(named[kind]).tolist()}
                assert found == {rule.id for rule in verdict.rules}
                where = settled.wheres[decided.kinds.place[kind]]
                several += where is not None and len(where.atoms) > 1
                landing += any(rule.land_in for rule in verdict.rules)
    assert several > 1_000
    assert landing > 50


def test_traffic_that_cannot_land_wherever_the_terminal_is():
    """On a border, permits on either side that land in different countries hold together for neither."""
    east, west = (Rule(id_, "b", "permit", Labels(frozenset({id_})), land_in=frozenset({lands}))
                  for id_, lands in (("TWN", "JPN"), ("TWN.sea12", "PHL")))  # fmt: skip
    either = Rule("both", "b", "permit", Labels(frozenset({"TWN"})), land_in=frozenset({"PHL"}))
    border = Where(tuple(Atom(id_) for id_ in ("TWN", "TWN.sea12")))
    fleet_ = one()
    settled = replace(settle(fleet_, ()), wheres=(border, None, None))
    for made, expected in (((east, west), Outcome.INDETERMINATE), ((east, west, either), Outcome.PERMITTED)):
        rule_set = union(made)
        assert decide(rule_set, fleet_.request(0, NOON), border).outcome is expected
        assert bulk.OUTCOMES[bulk.decide_all(rule_set, fleet_, settled, NOON).outcome[0]] is expected


def test_tally_against_counting_terminals():
    random = np.random.default_rng(9)
    fleet_ = fleet.terminals(2_000, 9, 0.05, around_the_strait(random, 2_000))
    settled = settle(fleet_, ())
    rule_set = union([Rule("permit", "b", "permit", Labels(frozenset({"TWN"})))])
    decided = bulk.decide_all(rule_set, fleet_, settled, NOON)
    kinds = decided.kinds
    table = kinds.tally(decided.of_kind, len(bulk.OUTCOMES))
    expected: Counter[tuple[str, int, int]] = Counter()
    for row in range(len(fleet_)):
        where = settled.wheres[settled.place[row]]
        label = UNKNOWN if where is None else where.labels[0] if len(where.labels) == 1 else STRADDLING
        expected[label, int(fleet_.class_.code[row]), int(decided.outcome[row])] += 1
    assert {(kinds.labels[label], (class_ + 1) % table.shape[1] - 1, outcome): number
            for (label, class_, outcome), number in np.ndenumerate(table) if number} == expected  # fmt: skip
    assert {label for label, _, _ in expected} >= {"TWN", "TWN.sea12", STRADDLING, UNKNOWN}


def one(**inputs: float) -> Terminals:
    """One terminal in Taipei of which nothing is known but its place and some numbers."""
    none = Coded[str](np.array([-1], dtype=np.int32), ())
    numbers = {name: np.array([inputs.get(name, np.nan)]) for name in NUMBERED}
    numbers |= {"latitude_deg": np.array([25.03]), "longitude_deg": np.array([121.56])}
    numbers |= {"uncertainty_m": np.zeros(1)}
    text = pa.array(["t"])
    return Terminals(text, text, text, none, none, none, none, **numbers)


BOUND = st.floats(0.0, 1e6) | st.integers(0, 10**6)


@settings(max_examples=60, deadline=None)
@given(bound=BOUND, others=st.lists(BOUND, max_size=4), data=st.data())
def test_a_value_on_a_bound_is_under_it(bound, others, data):
    """`_max` holds for a value ≤ the bound, `_min` for one above it: the next number above is on the other side."""
    bounds = [float(one) for one in (bound, *others)]
    value = data.draw(st.sampled_from([float(bound), float(np.nextafter(bound, np.inf)), *bounds]))
    taiwan = Labels(frozenset({"TWN"}))
    made = [
        Rule(f"p{n}", "b", "permit", taiwan, Selector(conditions=(AtMost("speed_kmh", x),)))
        for n, x in enumerate(bounds)
    ]
    made += [Rule(f"f{n}", "b", "forbid", taiwan, Selector(conditions=(MoreThan("speed_kmh", x),)), emergency="cut")
             for n, x in enumerate(bounds[:1])]  # fmt: skip
    fleet_ = one(speed_kmh=value)
    decided = bulk.decide_all(union(made), fleet_, settle(fleet_, ()), NOON)
    assert decided.decided(0).outcome == (Outcome.FORBIDDEN if value > bound else Outcome.PERMITTED)


def test_terminals_on_every_side_of_every_bound_are_told_apart():
    """Three values around each of two bounds, and none: as many kinds as there are sides."""
    speed = np.array([74.0, 75.0, np.nextafter(75.0, 99.0), 160.0, 161.0, np.nan])
    many = Terminals(
        pa.array([f"t{n}" for n in range(6)]), pa.nulls(6, pa.string()), pa.nulls(6, pa.string()),
        *(Coded(np.full(6, -1, dtype=np.int32), ()) for _ in range(4)),
        np.full(6, 25.03), np.full(6, 121.56), np.zeros(6), np.full(6, np.nan), speed, *np.full((2, 6), np.nan),
    )  # fmt: skip
    taiwan = Labels(frozenset({"TWN"}))
    permits = [
        Rule(str(bound), "b", "permit", taiwan, Selector(conditions=(AtMost("speed_kmh", bound),)))
        for bound in (75, 160)
    ]
    kinds = kinds_of(many, settle(many, ()), [union(permits)])
    assert kinds.number.tolist() == [0, 0, 1, 1, 2, 3]
    assert sorted(kinds.count.tolist()) == [1, 1, 2, 2]


def test_rules_of_other_regions_are_refused():
    fleet_ = one()
    with pytest.raises(ValueError, match="not settled for north"):
        kinds_of(fleet_, settle(fleet_, ()), [union([Rule("a", "b", "permit", ZONES[1])])])
