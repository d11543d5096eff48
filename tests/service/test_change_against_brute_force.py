"""What a change of rules takes and gives, against part by part with `decide`; and would we notice a fault in it?

Every part of every cell is decided for itself, before and after, and counted in dictionaries. Then faults are put into
change and reached one by one (see against.mutants), and the comparison has to object to each.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import shapely

from against.mutants import Mutant, noticed, put_in
from openleo import cells as h3cells
from openleo.instants import civil_instant
from openleo.network.reach import Reach
from openleo.places import point
from openleo.places.expressions import Difference, Intersection, Labels, Region, Union
from openleo.places.parts import Parts
from openleo.policy import mask
from openleo.policy.conditions import AtMost, MoreThan, Selector
from openleo.policy.decide import Decision, Outcome, decide, rules_at
from openleo.policy.request import Request
from openleo.policy.rules import Rule, RuleKey, RuleSet, rule_names, union
from openleo.policy.when import Window
from openleo.service import change
from openleo.service.amounts import EffectRow
from openleo.service.change import Side
from openleo.service.reached import Reached
from openleo.service.statistics import RTT_BINS, CellStatistics, Counter, quantile_ms

LABELS = ("TWN", "kinmen", "JPN", "JPN.sea12", "high-seas")
ZONES = tuple(Region(f"zone {x}", f"{x}", shapely.box(x, 0.0, x + 1.5, 1.0)) for x in range(2))
CLASSES = ("fixed", "maritime", "emergency")
AT = civil_instant("2026-11-20T12:00:00Z")
SIZES = {Outcome.PERMITTED: 2, Outcome.INDETERMINATE: 1}  # how much a decision gives; 0: nothing
ROUNDED_KM2, ROUNDED_PEOPLE = 1e-3, 0.51


@dataclass(frozen=True)
class Case:
    """A network, two rule sets, and the rows that counting part by part gives."""

    parts: Parts
    statistics: CellStatistics
    old: RuleSet
    new: RuleSet
    expected: dict[tuple[str, str], Expected]


@dataclass
class Expected:
    """Of one territory and class: (cells, km², people) by what happens; the median RTT of both sides; the rules."""

    amounts: dict[str, tuple[int, float, float]]
    rtt_ms: tuple[float | None, float | None]
    because: set[RuleKey]


def network(random: np.random.Generator) -> tuple[Parts, CellStatistics]:
    """Ten cells with up to four parts each; in some nobody lives, and some are never reached."""
    cells, slots = 10, 12
    satellite = random.integers(-1, 3, (slots, cells)).astype(np.int32)
    satellite[:, random.random(cells) < 0.2] = -1
    rtt_ms = np.where(satellite < 0, np.inf, random.uniform(20.0, 80.0, (slots, cells))).astype(np.float32)
    counter = Counter(cells, 15.0)
    counter.add(Reach(0, satellite, rtt_ms, np.where(satellite < 0, 0, 5).astype(np.int16)))
    rows = sorted(
        {
            (cell, str(random.choice(LABELS)), *(bool(one) for one in random.integers(0, 2, len(ZONES))))
            for cell in range(cells)
            for _ in range(random.integers(1, 5))
        }
    )
    lived_in = np.array([row[1] not in ("high-seas", "JPN.sea12") for row in rows])
    parts = Parts(
        np.sort(random.choice(h3cells.world(1), cells, replace=False)),
        np.array([row[0] for row in rows], np.int32),
        np.array([row[1] for row in rows], object),
        np.array([row[2:] for row in rows], bool),
        random.uniform(1.0, 900.0, len(rows)),
        random.uniform(0.0, 1e6, len(rows)) * lived_in,
    )
    return parts, counter.finish()


def rules_by_chance(random: np.random.Generator) -> list[Rule]:
    made = []
    for number in range(int(random.integers(0, 7))):
        labels = Labels(frozenset(random.choice(LABELS, random.integers(1, 4)).tolist()))
        zone = ZONES[random.integers(len(ZONES))]
        area = (labels, labels, Union((labels, zone)), Intersection((labels, zone)), Difference(labels, zone))[
            random.integers(5)
        ]
        effect = str(random.choice(["permit", "permit", "permit", "forbid", "suspend"]))
        window = (Window(), Window(), Window(), Window(ends=AT), Window(begins=AT))[random.integers(5)]
        made.append(
            Rule(
                f"r{number}", str(random.choice(["operator", "court"])), effect, area, somebody(random),
                somebody(random) if random.random() < 0.2 else None, window,
                emergency=None if effect == "permit" else str(random.choice(["keep", "cut"])), reason="a test",
            )  # type: ignore[arg-type]
        )  # fmt: skip
    return made


def somebody(random: np.random.Generator) -> Selector:
    asked = ((), (), (), (AtMost("speed_kmh", 75.0),), (MoreThan("altitude_m", 3e3),))[random.integers(5)]
    classes = frozenset(random.choice(CLASSES, 2).tolist()) if random.random() < 0.3 else None
    return Selector(classes, frozenset({"aid"}) if random.random() < 0.1 else None, asked)


def counted(parts: Parts, statistics: CellStatistics, old: RuleSet, new: RuleSet) -> dict[tuple[str, str], Expected]:
    found = {}
    for territory in sorted(set(parts.territory)):
        mine = np.flatnonzero(parts.territory == territory)
        weight = parts.people if parts.people[mine].sum() > 0.0 else parts.area_km2
        for class_ in CLASSES:
            kept: dict[str, tuple[set[int], float, float]] = {}
            rtt = [np.zeros(RTT_BINS), np.zeros(RTT_BINS)]
            because: set[RuleKey] = set()
            for part in mine.tolist():
                inside = [zone for zone, holds in zip(ZONES, parts.within[part], strict=True) if holds]
                sides = [decide(one, Request(at=AT, class_=class_), point.at(territory, inside)) for one in (old, new)]
                cell = int(parts.cell[part])
                for side, decision in enumerate(sides):
                    if decision.permitted:
                        rtt[side] += weight[part] * statistics.rtt_counts[cell]
                happened = what_happens(old, new, sides, class_, territory, inside)
                share = float(statistics.can_serve[cell])
                if happened and share > 0.0:
                    because |= reasons(old, new, sides, class_, territory, inside)
                for name in happened:
                    cells, km2, people = kept.get(name, (set(), 0.0, 0.0))
                    cells |= {cell} if share > 0.0 else set()
                    kept[name] = cells, km2 + share * parts.area_km2[part], people + share * parts.people[part]
            amounts = {name: (len(cells), km2, people) for name, (cells, km2, people) in kept.items()}
            medians = tuple(quantile_ms(one, 0.5) for one in rtt)
            found[territory, class_] = Expected(amounts, medians, because)  # type: ignore[arg-type]
    return found


def what_happens(
    old: RuleSet, new: RuleSet, sides: list[Decision], class_: str, label: str, inside: list[Region]
) -> set[str]:
    before, after = (SIZES.get(one.outcome, 0) for one in sides)
    if before == after == 1:
        gone, come = (
            asks(a, class_, label, inside) - asks(b, class_, label, inside) for a, b in ((old, new), (new, old))
        )
        takes = {effect for effect, _ in come} - {"permit"} or "permit" in {effect for effect, _ in gone}
        gives = {effect for effect, _ in gone} - {"permit"} or "permit" in {effect for effect, _ in come}
        return {name for name, so in (("may_lose", takes), ("may_gain", gives)) if so}
    if before == after:
        return set()
    way = "lose" if after < before else "gain"
    return {f"may_{way}" if 1 in (before, after) else {"lose": "lost", "gain": "gained"}[way]}


def asks(rule_set: RuleSet, class_: str, label: str, inside: list[Region]) -> set[tuple[str, str]]:
    """What the rules that may speak of a place ask, whatever they are called."""
    here = point.at(label, inside)
    found = set()
    for rule in rule_set.rules:
        alone = decide(union([rule]), Request(at=AT, class_=class_), here)
        speaks = alone.outcome is not Outcome.NOT_PERMITTED
        if rule.effect != "permit":  # a forbid alone permits nothing: beside a permit it shows
            permit = Rule("any", "b", "permit", Labels(frozenset({label})))
            speaks = not decide(union([rule, permit]), Request(at=AT, class_=class_), here).permitted
        if speaks:
            found.add((rule.effect, str([one.canonical() for one in (rule.selector, *rule.exceptions)])))
    return found


def reasons(
    old: RuleSet, new: RuleSet, sides: list[Decision], class_: str, label: str, inside: list[Region]
) -> set[RuleKey]:
    """Of the rules that do not say the same on the other side: what withholds, or else the permits."""
    request, here = Request(at=AT, class_=class_), point.at(label, inside)
    speaking = [
        {
            rule.key: (rule, value)
            for rule, _ in rules_at(one, here)
            if (value := rule.matches(request, set())) is not False
        }
        for one in (old, new)
    ]
    said = [{says(*pair) for pair in side.values()} for side in speaking]
    alone = [
        {key: pair for key, pair in speaking[side].items() if says(*pair) not in said[1 - side]} for side in (0, 1)
    ]
    before, after = (SIZES.get(one.outcome, 0) for one in sides)
    if before == after:
        return {*alone[0], *alone[1]}
    worse = 0 if before < after else 1
    refusing = {one.key for one in sides[worse].because} & alone[worse].keys()
    refusing = {key for key in refusing if alone[worse][key][0].effect != "permit"}
    return refusing or {key for side in alone for key, (rule, _) in side.items() if rule.effect == "permit"}


def says(rule: Rule, value: bool | None) -> tuple[object, ...]:
    return rule.effect, str([one.canonical() for one in (rule.selector, *rule.exceptions)]), value


@cache
def cases() -> tuple[Case, ...]:
    made = []
    for seed in range(40):
        random = np.random.default_rng(seed)
        parts, statistics = network(random)
        shared, old, new = (rules_by_chance(random) for _ in range(3))
        own = [union({rule.key: rule for rule in [*some, *shared]}.values()) for some in (old, new)]
        made.append(Case(parts, statistics, *own, counted(parts, statistics, *own)))
    return tuple(made)


def sized(row: EffectRow) -> dict[str, tuple[int, float, float]]:
    every = {"lost": row.lost, "gained": row.gained, "may_lose": row.may_lose, "may_gain": row.may_gain}
    return {name: (one.cells, one.area_km2, one.people) for name, one in every.items()}


def changes_are_right() -> None:
    for one in cases():
        reached = Reached(one.parts, one.statistics, mask.kinds_of(one.parts, ZONES))
        rows = change.between((reached, reached), Side(one.old, AT), Side(one.new, AT), CLASSES).rows
        assert [(row.territory, row.class_) for row in rows] == list(one.expected)
        names = rule_names(rule for side in (one.old, one.new) for rule in side.rules)
        for row, expected in zip(rows, one.expected.values(), strict=True):
            for name, (cells, km2, people) in sized(row).items():
                want = expected.amounts.get(name, (0, 0.0, 0.0))
                assert cells == want[0], name
                assert abs(km2 - want[1]) <= ROUNDED_KM2, name
                assert abs(people - want[2]) <= ROUNDED_PEOPLE, name
            assert row.rtt_ms_p50 == expected.rtt_ms
            assert set(row.because) == {names[key] for key in expected.because}


@pytest.mark.slow
def test_changes_against_brute_force() -> None:
    changes_are_right()
    every = [row for one in cases() for row in one.expected.values()]
    for name in ("lost", "gained", "may_lose", "may_gain"):
        assert sum(name in row.amounts for row in every) > 0.05 * len(every), name


MUTANTS = [
    Mutant("who stays as before loses", "service.change:_flags",
           "LOST: {KEPT: (b == YES) & (a == NO)", "LOST: {KEPT: b == YES"),
    Mutant("who stays as before gains", "service.change:_flags",
           "GAINED: {KEPT: (b == NO) & (a == YES)", "GAINED: {KEPT: a == YES"),
    Mutant("what depended and is gone is not lost by anybody", "service.change:_flags",
           "| ((b == DEPENDS) & (a == NO)) | takes", "| takes"),
    Mutant("what depends on both sides never takes", "service.change:_flags", "| takes", ""),
    Mutant("what depends on both sides never gives", "service.change:_flags", "| gives", ""),
    Mutant("the RTT is of those who might be served, too", "service.change:between",
           "one.may == YES", "one.may >= DEPENDS"),
    Mutant("the side of a rule makes no difference", "service.because:in_another_way",
           "(rows.effect == PERMIT) == rows.after", "rows.effect == PERMIT"),
    Mutant("permits are the reason though something refuses", "service.because:deciding",
           "np.where(refused, rows.refuses, rows.effect == PERMIT)", "rows.effect == PERMIT"),
    Mutant("what grants is the reason of a loss", "service.because:differing",
           "np.where(whose, second < first, first < second)", "np.where(whose, first < second, second < first)"),
    Mutant("rules that both sides have are reasons", "service.because:differing",
           "[~np.isin(keys[0], keys[1]), ~np.isin(keys[1], keys[0])]",
           "[np.full(len(keys[0]), True), np.full(len(keys[1]), True)]"),
    Mutant("a cell of two kinds is counted twice", "service.pieces:Pieces._cells",
           "np.unique(np.concatenate(some))", "np.concatenate(some)"),
    Mutant("cells are counted once for all that happens", "service.pieces:Pieces._cells", "mine.tobytes())", 'b"")'),
    Mutant("what is served now and then counts whole", "service.pieces:_pieces",
           "weights=shares * weight[at]", "weights=weight[at]"),
    Mutant("cells that are never reached are counted", "service.pieces:_pieces", "some > 0.0", "some >= 0.0"),
    Mutant("where nobody lives nothing has an RTT", "service.reached:Reached._rtt",
           "np.where(lived_in[self.kinds.of_part], self.parts.people, self.parts.area_km2)", "self.parts.people"),
    Mutant("area weighs where people live", "service.reached:Reached._rtt",
           "np.where(lived_in[self.kinds.of_part], self.parts.people, self.parts.area_km2)", "self.parts.area_km2"),
    Mutant("one median of a territory is that of all its kinds", "service.reached:Reached._median_of",
           "rows[permitted].sum(axis=0)", "rows.sum(axis=0)"),
    Mutant("a kind alone has an RTT though it is not permitted", "service.reached:Reached.medians",
           "permitted[self.start] & alone[:, np.newaxis]", "permitted[self.start] | alone[:, np.newaxis]"),
    Mutant("every kind has the parts of the first", "service.reached:Reached._sum",
           "self.kinds.of_part, weights=values", "self.kinds.of_part * 0, weights=values"),
]  # fmt: skip


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_of_changes_is_killed(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    cases()
    put_in(mutant, monkeypatch)
    assert noticed(changes_are_right), f"nobody noticed that {mutant.name}"


def test_each_has_a_name() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
