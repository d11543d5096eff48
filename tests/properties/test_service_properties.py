"""What must hold for any cells, any people, any reach and any rules.

DESIGN §2: served + Σ reasons = 1. DESIGN §5: adding a forbid never permits anyone new; the order of rules never
matters. Issue 2: swapping two rule sets swaps gained and lost.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo import cells as h3cells
from openleo.network.reach import Reach
from openleo.places import point
from openleo.places.expressions import Labels
from openleo.places.parts import Parts
from openleo.places.territories import HIGH_SEAS
from openleo.policy import mask
from openleo.policy.conditions import AtMost, MoreThan, Selector
from openleo.policy.decide import Outcome, decide
from openleo.policy.request import Request
from openleo.policy.rules import Rule, RuleSet, union
from openleo.service.amounts import Amount
from openleo.service.effect import Effect, effect
from openleo.service.reached import Reached
from openleo.service.serve import Reason, ServiceMap, serve
from openleo.service.statistics import CellStatistics, Counter
from openleo.service.summary import by_cell, by_territory

TERRITORIES = ("TWN", "kinmen", "JPN", "JPN.sea12", "PHL", HIGH_SEAS)
CLASSES = ("fixed", "maritime", "emergency")
ROUNDED = 5 * 1e-6  # five shares, each rounded to six decimals

seeds = st.integers(0, 2**32 - 1)


def some_statistics(random: np.random.Generator, cells: int) -> CellStatistics:
    slots = int(random.integers(1, 30))
    satellite = random.integers(-1, 3, (slots, cells)).astype(np.int32)
    satellite[:, random.random(cells) < 0.2] = -1
    rtt_ms = np.where(satellite < 0, np.inf, random.uniform(20.0, 80.0, (slots, cells))).astype(np.float32)
    seen = np.where(satellite < 0, random.integers(0, 2, (slots, cells)), 5).astype(np.int16)
    counter = Counter(cells, 15.0)
    counter.add(Reach(0, satellite, rtt_ms, seen))
    return counter.finish()


def some_parts(random: np.random.Generator) -> Parts:
    """Cells with up to three parts each; some where nobody lives, some people without ground of their own."""
    cells = np.sort(random.choice(h3cells.world(1), int(random.integers(1, 8)), replace=False))
    rows = sorted(
        {(cell, str(random.choice(TERRITORIES))) for cell in range(len(cells)) for _ in range(random.integers(1, 4))}
    )
    people = random.uniform(0.0, 1e6, len(rows)) * (random.random(len(rows)) < 0.6)
    area_km2 = np.where((people > 0.0) & (random.random(len(rows)) < 0.2), 0.0, random.uniform(1.0, 900.0, len(rows)))
    return Parts(
        cells,
        np.array([cell for cell, _ in rows], np.int32),
        np.array([territory for _, territory in rows], object),
        np.zeros((len(rows), 0), bool),
        area_km2,
        people,
    )


conditions = st.sampled_from([AtMost("speed_kmh", 75.0), AtMost("speed_kmh", 120.0), MoreThan("altitude_m", 3e3)])
selectors = st.builds(
    Selector,
    classes=st.none() | st.frozensets(st.sampled_from(CLASSES), min_size=1),
    groups=st.none() | st.just(frozenset({"aid"})),
    conditions=st.just(()) | st.tuples(conditions),
)
rules = st.builds(
    partial(Rule, book="operator", authority="operator", reason="a test"),
    id=st.just(""),
    effect=st.sampled_from(["permit", "forbid", "suspend"]),
    territory=st.frozensets(st.sampled_from(TERRITORIES), min_size=1).map(Labels),
    selector=selectors,
    unless=st.none() | selectors,
    emergency=st.sampled_from(["keep", "cut"]),
)


def rule_set(rules: Sequence[Rule]) -> RuleSet:
    """Rules with their places in the list for ids."""
    return union(replace(rule, id=f"rule-{number}") for number, rule in enumerate(rules))


def served(rules: RuleSet, parts: Parts, statistics: CellStatistics) -> list[ServiceMap]:
    decided = mask.compute(rules, parts, CLASSES)
    return [serve(statistics, parts, decided, name) for name in CLASSES]


def change(before: RuleSet, after: RuleSet, parts: Parts, statistics: CellStatistics) -> Effect:
    reached = Reached(parts, statistics, mask.kinds_of(parts, ()))
    return effect(reached, before, after, CLASSES, None, "network")


NOBODY = (0, 0, 0.0)


def sizes(amount: Amount) -> tuple[int, int, float]:
    return (amount.cells, amount.people, amount.area_km2)


rule_lists = st.lists(rules, max_size=6)


@settings(max_examples=120, deadline=None)
@given(rule_lists, seeds)
def test_served_and_the_reasons_make_one(rules: list[Rule], seed: int) -> None:
    random = np.random.default_rng(seed)
    parts = some_parts(random)
    for service in served(rule_set(rules), parts, some_statistics(random, len(parts.cells))):
        np.testing.assert_allclose(service.served + service.because.sum(axis=1), 1.0, atol=1e-12)
        assert (service.because >= 0.0).all()
        assert (service.because[:, 0] == ~service.permitted).all()
        for row in by_territory(service):
            assert row.served + sum(row.not_served_because.values()) == pytest.approx(1.0, abs=ROUNDED)
            assert row.served <= min(row.can_serve, row.may_serve) + ROUNDED
            assert row.may_serve + row.not_served_because["not_permitted"] == pytest.approx(1.0, abs=ROUNDED)
            assert (row.weighting == "area") == (
                service.parts.people[service.parts.territory == row.territory].sum() == 0
            )
            assert (row.rtt_ms_p50 is None) == (row.served == 0.0) or row.served < 1e-6
        table = by_cell(service)
        assert ((table.served >= 0.0) & (table.served <= 1.0 + 1e-12)).all()
        assert (table.served <= table.can_serve + 1e-12).all()
        assert (table.served <= table.may_serve + 1e-12).all()
        assert (np.isnan(table.rtt_ms_p50) == (table.served == 0.0)).all()
        assert ((np.array(table.reason) == Reason.SERVED.word) == (table.served >= 0.5)).all()


@settings(max_examples=60, deadline=None)
@given(rule_lists, seeds)
def test_cells_and_territories_count_the_same_people_and_area(rules: list[Rule], seed: int) -> None:
    random = np.random.default_rng(seed)
    parts = some_parts(random)
    service = served(rule_set(rules), parts, some_statistics(random, len(parts.cells)))[0]
    rows, table = by_territory(service), by_cell(service)
    assert sum(row.area_km2 for row in rows) == pytest.approx(table.area_km2.sum(), abs=0.01)
    assert sum(row.population for row in rows) == pytest.approx(table.population.sum(), abs=len(rows))
    assert table.population.sum() == pytest.approx(parts.people.sum())


@pytest.mark.slow
@settings(max_examples=120, deadline=None)
@given(rule_lists, rules, seeds)
def test_adding_a_forbid_never_serves_anybody_more(rules: list[Rule], one: Rule, seed: int) -> None:
    random = np.random.default_rng(seed)
    parts = some_parts(random)
    statistics = some_statistics(random, len(parts.cells))
    forbid = replace(one, effect=random.choice(["forbid", "suspend"]))
    before, after = served(rule_set(rules), parts, statistics), served(rule_set([*rules, forbid]), parts, statistics)
    for was, is_ in zip(before, after, strict=True):
        assert (is_.served <= was.served).all()
        assert (is_.permitted <= was.permitted).all()
    for row in change(rule_set(rules), rule_set([*rules, forbid]), parts, statistics).rows:
        assert sizes(row.gained) == sizes(row.may_gain) == NOBODY


@settings(max_examples=60, deadline=None)
@given(rule_lists, rules, seeds)
def test_adding_a_permit_never_serves_anybody_less(rules: list[Rule], one: Rule, seed: int) -> None:
    random = np.random.default_rng(seed)
    parts = some_parts(random)
    statistics = some_statistics(random, len(parts.cells))
    permit = replace(one, effect="permit", emergency=None)
    for row in change(rule_set(rules), rule_set([*rules, permit]), parts, statistics).rows:
        assert sizes(row.lost) == sizes(row.may_lose) == NOBODY


@settings(max_examples=80, deadline=None)
@given(rule_lists, rule_lists, seeds)
def test_the_effect_of_going_back_is_the_mirror(one: list[Rule], other: list[Rule], seed: int) -> None:
    random = np.random.default_rng(seed)
    parts = some_parts(random)
    statistics = some_statistics(random, len(parts.cells))
    a, b = rule_set(one), rule_set(other)
    there, back = change(a, b, parts, statistics), change(b, a, parts, statistics)
    assert [(row.territory, row.class_) for row in there.rows] == [(row.territory, row.class_) for row in back.rows]
    for row, mirrored in zip(there.rows, back.rows, strict=True):
        assert (row.lost, row.gained) == (mirrored.gained, mirrored.lost)
        assert (row.may_lose, row.may_gain) == (mirrored.may_gain, mirrored.may_lose)
        assert row.rtt_ms_p50 == mirrored.rtt_ms_p50[::-1]
        assert row.because == mirrored.because
        assert row.lost.people <= parts.people[parts.territory == row.territory].sum() + 1


@settings(max_examples=60, deadline=None)
@given(rule_lists, seeds)
def test_changing_nothing_has_no_effect(rules: list[Rule], seed: int) -> None:
    """Nor do other names of the same rules."""
    random = np.random.default_rng(seed)
    parts = some_parts(random)
    statistics = some_statistics(random, len(parts.cells))
    for row in change(rule_set(rules), rule_set(rules[::-1]), parts, statistics).rows:
        assert not row.changed
        assert sizes(row.lost) == sizes(row.gained) == sizes(row.may_lose) == sizes(row.may_gain) == NOBODY
        assert row.because == ()
        assert row.rtt_ms_p50[0] == row.rtt_ms_p50[1]


@settings(max_examples=60, deadline=None)
@given(rule_lists, rule_lists, st.randoms(use_true_random=False), seeds)
def test_the_order_of_rules_never_matters(one: list[Rule], other: list[Rule], shuffle, seed: int) -> None:  # type: ignore[no-untyped-def]
    random = np.random.default_rng(seed)
    parts = some_parts(random)
    statistics = some_statistics(random, len(parts.cells))
    before, after = rule_set(one), rule_set(other)

    def mixed(rules: RuleSet) -> RuleSet:
        return replace(rules, rules=tuple(shuffle.sample(rules.rules, len(rules.rules))))

    straight = change(before, after, parts, statistics)
    again = change(mixed(before), mixed(after), parts, statistics)
    assert straight.sha256 == again.sha256


@settings(max_examples=60, deadline=None)
@given(rule_lists, rule_lists, seeds)
def test_the_hash_of_an_effect_is_that_of_its_canonical_json_read_back(
    one: list[Rule], other: list[Rule], seed: int
) -> None:
    random = np.random.default_rng(seed)
    parts = some_parts(random)
    statistics = some_statistics(random, len(parts.cells))
    found = change(rule_set(one), rule_set(other), parts, statistics)
    text = json.dumps(found.as_json(), allow_nan=False)
    read = json.loads(text)
    said = read.pop("sha256")
    canonical = rfc8785.dumps(read)
    assert hashlib.sha256(canonical).hexdigest() == said
    assert json.loads(canonical) == read
    for number in numbers_of(read):
        assert isinstance(number, int) or number == round(number, 3)


def numbers_of(said: object) -> list[float]:
    """All numbers of a JSON value."""
    if isinstance(said, dict):
        return [number for value in said.values() for number in numbers_of(value)]
    if isinstance(said, list):
        return [number for value in said for number in numbers_of(value)]
    return [said] if isinstance(said, int | float) and not isinstance(said, bool) else []


@settings(max_examples=60, deadline=None)
@given(rule_lists, rule_lists, seeds)
def test_an_effect_against_one_part_at_a_time(one: list[Rule], other: list[Rule], seed: int) -> None:
    """Brute force: every part is decided by `decide` for itself, and counted in dictionaries."""
    random = np.random.default_rng(seed)
    parts = some_parts(random)
    statistics = some_statistics(random, len(parts.cells))
    a, b = rule_set(one), rule_set(other)
    for row in change(a, b, parts, statistics).rows:
        people, area, cells = 0.0, 0.0, set()
        for part in np.flatnonzero(parts.territory == row.territory):
            was, is_ = (decide(rules, Request(class_=row.class_), point.at(row.territory)).outcome for rules in (a, b))
            share = statistics.can_serve[parts.cell[part]]
            if was is Outcome.PERMITTED and is_ not in (Outcome.PERMITTED, Outcome.INDETERMINATE) and share > 0.0:
                people, area = people + share * parts.people[part], area + share * parts.area_km2[part]
                cells.add(parts.cell[part])
        assert row.lost.people == pytest.approx(people, abs=0.51)
        assert row.lost.area_km2 == pytest.approx(area, abs=1e-3)
        assert row.lost.cells == len(cells)


def speaking(rules: RuleSet, territory: str, class_: str) -> dict[tuple, list[Rule]]:
    """The rules that hold or may, by what they say."""
    found: dict[tuple, list[Rule]] = {}
    for one in rules.rules:
        if territory in one.territory.ids and one.matches(Request(class_=class_), set()) is not False:
            said = one.effect, str(one.selector.canonical()), str([each.canonical() for each in one.exceptions])
            found.setdefault(said, []).append(one)
    return found


def by_hand(a: RuleSet, b: RuleSet, territory: str, class_: str) -> tuple[str, ...]:
    """The rules that make the difference, one decision at a time; ids are the names."""
    sides = [speaking(rules, territory, class_) for rules in (a, b)]
    outcomes = [decide(rules, Request(class_=class_), point.at(territory)) for rules in (a, b)]
    ranks = [[Outcome.INDETERMINATE, Outcome.PERMITTED].index(one.outcome) + 1
             if one.outcome in (Outcome.INDETERMINATE, Outcome.PERMITTED) else 0 for one in outcomes]  # fmt: skip
    alone = [[one for said, some in mine.items() if said not in other for one in some]
             for mine, other in (sides, sides[::-1])]  # fmt: skip
    if ranks[0] == ranks[1]:
        return tuple(sorted({one.id for some in alone for one in some})) if ranks[0] == 1 else ()
    less = ranks.index(min(ranks))
    refusing = {one.key for one in alone[less] if one.effect != "permit"} & {one.key for one in outcomes[less].because}
    permits = {one.key for some in alone for one in some if one.effect == "permit"}
    return tuple(sorted(id_ for _, id_ in refusing or permits))


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(rule_lists, rule_lists, rule_lists, seeds)
def test_the_rules_of_a_change_and_what_may_change_against_one_decision_at_a_time(
    one: list[Rule], other: list[Rule], both: list[Rule], seed: int
) -> None:
    """Some rules stand on both sides. Every cell is reached, so that no row is left without its reasons."""
    random = np.random.default_rng(seed)
    parts = some_parts(random)
    statistics = replace(some_statistics(random, len(parts.cells)), can_serve=np.ones(len(parts.cells)))
    standing = [replace(rule, id=f"both-{number}") for number, rule in enumerate(both)]
    a, b = (union([*rule_set(mine).rules, *standing]) for mine in (one, other))
    found = change(a, b, parts, statistics)
    for row in found.rows:
        assert row.because == by_hand(a, b, row.territory, row.class_)
        outcome, new = (decide(rules, Request(class_=row.class_), point.at(row.territory)).outcome for rules in (a, b))
        depends = Outcome.INDETERMINATE in (outcome, new)
        assert bool(row.may_lose) <= depends
        assert bool(row.may_gain) <= depends
        if outcome is Outcome.INDETERMINATE and new not in (Outcome.INDETERMINATE, Outcome.PERMITTED):
            assert row.may_lose
            assert not row.may_gain
    for total in found.totals:
        for what in ("lost", "gained", "may_lose", "may_gain"):
            rows = {row.territory for row in found.rows if row.class_ == total.class_ and getattr(row, what)}
            amount = getattr(total, what)
            assert amount.cells == len(set(parts.cell[[id_ in rows for id_ in parts.territory]].tolist()))
            assert amount.people == sum(getattr(row, what).people for row in found.rows if row.class_ == total.class_)
