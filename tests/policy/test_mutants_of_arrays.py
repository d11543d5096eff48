"""Would we notice? Faults in the loops and arrays behind masks and terminals in bulk, one by one.

What is right is found before by other means: plain loops over the places of a cell for masks, the decision of each
request for terminals. Both checks have to pass with nothing changed, compiled and as Python.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
import shapely
from benchmarks import fleet
from test_bulk import ALL_ZONES, NOON, ZONES, around_the_strait, rules

from against.mutants import Mutant, interpret, noticed, put_in
from openleo.places import cell_cache
from openleo.places.expressions import Difference, Intersection, Labels, Region, Union, holds
from openleo.policy import bulk, mask_world
from openleo.policy import ground as grounds
from openleo.policy.answer import where_of
from openleo.policy.conditions import Selector
from openleo.policy.decide import Decision, decide
from openleo.policy.kernels import decisions, masks, terminals
from openleo.policy.mask_world import DEPENDS, NO, YES, Entry
from openleo.policy.rules import Rule, RuleKey, RuleSet, union
from openleo.policy.terminal_kinds import settle
from openleo.policy.terminals import Terminals
from openleo.policy.when import Window

MASKS = [
    Mutant("a place that may lie outside lies inside", "policy.kernels.masks:gather", "if unsure[row]:", "if False:"),
    Mutant("what holds is forgotten where a place may lie outside", "policy.kernels.masks:gather",
           "|= holds | may_hold", "|= may_hold"),
    Mutant("what may hold holds", "policy.kernels.masks:gather",
           "held[sure + 1, place[row], word] |= may_hold", "held[sure, place[row], word] |= may_hold"),
    Mutant("forbids are permits", "policy.kernels.masks:gather", "sure = 2 if permits[rule] else 0", "sure = 2"),
    Mutant("a place without a permit is not refused", "policy.kernels.masks:decide",
           "(forbid | ~(permit | permit_maybe))", "forbid"),
    Mutant("a permit that may hold is none", "policy.kernels.masks:decide",
           "~(permit | permit_maybe)", "~permit"),
    Mutant("a forbid that may hold is not looked at", "policy.kernels.masks:decide",
           "~(forbid | forbid_maybe)", "~forbid"),
    Mutant("a permit outranks a forbid", "policy.kernels.masks:decide",
           "yes[place, word] = permit & ~(forbid | forbid_maybe)", "yes[place, word] = permit"),
    Mutant("the last place of a cell speaks for all", "policy.kernels.masks:join",
           "every_yes &= yes", "every_yes = yes"),
    Mutant("one place that is refused refuses the cell", "policy.kernels.masks:join",
           "every_no &= no[member[row], word]",
           "every_no = no[member[row], word] | (every_no if row > first[kind] else np.uint64(0))"),
    Mutant("the first place of a cell is left out", "policy.kernels.masks:join",
           "range(first[kind], first[kind + 1])", "range(first[kind] + 1, first[kind + 1])"),
    Mutant("the 65th class has what the first has", "policy.kernels.masks:spread",
           "of_kind[kind[cell], word]", "of_kind[kind[cell], 0]"),
    Mutant("the last rule is named", "policy.kernels.masks:first_rules",
           "if found[sort, place[row], class_] < 0:", "if True:"),
    Mutant("a rule that may lie elsewhere is named as certain", "policy.kernels.masks:first_rules",
           "holds and not unsure[row]", "holds"),
    Mutant("a permit that may hold is named as a doubt", "policy.kernels.masks:first_rules",
           "(4 if rank[rule] == 2 else 3)", "3"),
]  # fmt: skip

BULK = [
    Mutant("a bound belongs to what lies above it", "policy.kernels.terminals:number",
           "bound[start + interval - 1] < x", "bound[start + interval - 1] <= x"),
    Mutant("an unknown number is the least", "policy.kernels.terminals:number", "if x == x:", "if True:"),
    Mutant("classes and groups are not told apart", "policy.kernels.terminals:number",
           "key = category[of_group[row]]", "key = 0"),
    Mutant("places are not told apart", "policy.kernels.terminals:number",
           "out[row] = offset[place] + key", "out[row] = key"),
    Mutant("an unknown number has no interval of its own", "policy.kernels.terminals:number",
           "key * (end - start + 2)", "key * (end - start + 1)"),
    Mutant("one terminal too many in every kind", "policy.kernels.terminals:gather",
           "count[found] = 0", "count[found] = 1"),
    Mutant("the first terminal stands for all kinds", "policy.kernels.terminals:gather",
           "row[found] = one", "row[found] = 0"),
    Mutant("a suspend forbids", "policy.kernels.decisions:decide", "forbidden |= effect == FORBID", "forbidden = True"),
    Mutant("a forbid on a part of the circle is certain", "policy.kernels.decisions:decide",
           "if value == TRUE and last - first == atoms:", "if value == TRUE:"),
    Mutant("a forbid that may hold is not looked at", "policy.kernels.decisions:decide",
           "elif blocked or atoms == 0", "elif atoms == 0"),
    Mutant("a permit on a part of the circle is enough", "policy.kernels.decisions:decide",
           "not granted[:atoms].all() or not _lands(anywhere[:atoms], either[:atoms])",
           "not granted[:atoms].any()"),
    Mutant("a permit that may hold holds", "policy.kernels.decisions:decide",
           """if value == TRUE:
                    for at in""",
           """if value != FALSE:
                    for at in"""),
    Mutant("where nothing is known a forbid is certain", "policy.kernels.decisions:decide",
           "if atoms == 0 and effect != PERMIT:", "if False:"),
    Mutant("land_in is not looked at", "policy.kernels.decisions:decide",
           "or not _lands(anywhere[:atoms], either[:atoms])", ""),
    Mutant("of two permits of a place the last says where traffic lands", "policy.kernels.decisions:decide",
           "either[at] |= rules.land[rule]", "either[at] = rules.land[rule]"),
    Mutant("traffic that may land anywhere in one place may in all", "policy.kernels.decisions:_lands",
           "if anywhere.all():", "if anywhere.any():"),
    Mutant("an exception is a condition", "policy.kernels.decisions:_value",
           "if selector > rules.selector[rule]:", "if False:"),
    Mutant("one condition is enough", "policy.kernels.decisions:_value", "said = min(said,", "said = max(np.uint8(0),"),
    Mutant("windows are not looked at", "policy.kernels.decisions:_value",
           "answer = in_force[rule]", "answer = np.uint8(TRUE)"),
    Mutant("what is in doubt decides nothing", "policy.kernels.decisions:deciding",
           "decides = effect != PERMIT and value != FALSE", "decides = effect != PERMIT and value == TRUE"),
    Mutant("a permit that may hold is named where others hold all", "policy.kernels.decisions:deciding",
           "(value == TRUE or (left and value == UNKNOWN))", "value != FALSE"),
    Mutant("a forbid on a part is named beside one that holds", "policy.kernels.decisions:deciding",
           "effect == told and value == TRUE and everywhere", "effect == told and value == TRUE"),
    Mutant("above a bound is below it", "policy.rule_arrays:tests_of", "isinstance(condition, MoreThan)", "False"),
    Mutant("groups are not asked", "policy.rule_arrays:tests_of",
           "((CLASS, selector.classes), (GROUPS, selector.groups))", "((CLASS, selector.classes),)"),
    Mutant("rules on beams bind terminals", "policy.rule_arrays:rule_arrays",
           'if rule.applies_to == "terminal"', "if True"),
    Mutant("exceptions are dropped", "policy.rule_arrays:rule_arrays",
           "(rule.selector, *rule.exceptions)", "(rule.selector,)"),
    Mutant("a polygon holds all that its labels do", "policy.rule_arrays:Places.held",
           "holds(area, atoms[one].label, atoms[one].regions.__contains__)", "True"),
    Mutant("every window holds", "policy.rule_arrays:RuleArrays.in_force", "rule.in_force(at, set())", "True"),
    Mutant("the first rule of a place asks for all", "policy.rule_arrays:RuleArrays.asked",
           "np.bitwise_or.reduceat(rows, self.speaking.first[spoken_of], axis=0)",
           "rows[self.speaking.first[spoken_of]]"),
    Mutant("no rule speaks where no place is known", "policy.rule_arrays:_speaking", "if where is None", "if False"),
    Mutant("the instant is not known", "policy.bulk:decide_all", "arrays.in_force(at)", "arrays.in_force(None)"),
    Mutant("who is permitted before loses", "policy.bulk:Compared.lost",
           "& (self.after.of_kind != PERMITTED)", ""),
    Mutant("who is permitted after gains", "policy.bulk:Compared.gained",
           "(self.before.of_kind != PERMITTED) & ", ""),
    Mutant("no permit is a reason of its own", "policy.bulk:Compared.because",
           "chosen[(refused.of_kind[chosen] == NOT_PERMITTED) | ~refused.blocked(chosen)]", "chosen[:0]"),
    Mutant("nothing blocks", "policy.kernels.decisions:blocked", "found[kind] = True", "found[kind] = False"),
    Mutant("rules that both sides have are reasons", "policy.bulk:Compared.because",
           "if side.says_of[rule] not in other.says:", "if True:"),
    Mutant("what granted is the reason of a loss", "policy.bulk:Compared.because",
           "(self.after, self.before, self.lost)", "(self.before, self.after, self.lost)"),
    Mutant("a stale position is still known", "policy.bulk:DecidedTerminals.verdict",
           "unplaced(request) if place == kinds.settled.nowhere else request", "request"),
]  # fmt: skip


# --- masks against plain loops ------------------------------------------------------------------------------------

CLASSES = tuple(f"class-{number}" for number in range(67))  # two words
LOOKED_AT = (0, 1, 63, 64, 66)
LABELS = ("TWN", "TWN.sea12", "TWN.sea200", "JPN", "JPN.sea12", "JPN.sea200", "CHN.sea200", "PHL.sea12", "high-seas")
BOXES = tuple(
    Region(name, name, shapely.box(*bounds))
    for name, bounds in (("west", (119.0, 21.0, 122.5, 24.5)), ("east", (121.0, 23.0, 125.0, 26.0)))
)
# More than are told apart where their edges cross one cell: what is not is not known to lie in them.
MANY = tuple(
    Region(f"{n}", f"{n}", shapely.box(120.0 + 0.01 * n, 23.0, 122.0, 24.0)) for n in range(grounds.MOST_TOLD_APART + 3)
)


@dataclass(frozen=True)
class Mask:
    """Entries, cells by number, and what plain loops say of them: answers and rules by (cell, class of LOOKED_AT)."""

    entries: tuple[Entry, ...]
    cells: np.ndarray
    may: np.ndarray
    rule: np.ndarray


def entries_by_chance(random: np.random.Generator, boxes: tuple[Region, ...]) -> tuple[Entry, ...]:
    made = []
    for number in range(int(random.integers(8, 16))):
        labels = Labels(frozenset(random.choice(LABELS, random.integers(1, 6)).tolist()))
        box = boxes[random.integers(len(boxes))]
        area = (labels, labels, box, Difference(labels, box), Intersection((labels, box)))[random.integers(5)]
        says = random.choice(3, len(CLASSES), p=[0.3, 0.5, 0.2])
        true, maybe = (
            frozenset(name for name, one in zip(CLASSES, says.tolist(), strict=True) if one == which)
            for which in (1, 2)
        )
        effect = str(random.choice(["permit", "permit", "permit", "forbid", "suspend"]))
        made.append(Entry(f"r{number}", effect, area, true, maybe))  # type: ignore[arg-type]
    return tuple(made)


def plainly(entries: tuple[Entry, ...], class_: str, label: str, inside: dict[Region, bool | None]) -> tuple[int, int]:
    """(answer, rule that decides) of one place: by the definition, entry by entry."""
    first: dict[tuple[str, bool | None], int] = {}
    for number, entry in enumerate(entries):
        here = holds(entry.expression, label, lambda region: inside[region])
        says = True if class_ in entry.true else None if class_ in entry.maybe else False
        if here is not False and says is not False:
            first.setdefault((entry.effect, True if here is True and says is True else None), number)
    for effect in ("forbid", "suspend"):
        if (effect, True) in first:
            return NO, first[effect, True]
    if not {("permit", True), ("permit", None)} & first.keys():
        return NO, -1
    doubts = [first[effect, None] for effect in ("forbid", "suspend") if (effect, None) in first]
    if doubts:
        return DEPENDS, min(doubts)
    return (YES, first["permit", True]) if ("permit", True) in first else (DEPENDS, first["permit", None])


@cache
def masks_by_chance() -> tuple[Mask, ...]:
    random, index, made = np.random.default_rng(2), cell_cache.load(3), []
    latitude, longitude = index.centres_deg
    near = np.flatnonzero((abs(latitude - 23.5) < 4.0) & (abs(longitude - 122.0) < 6.0))
    for number in range(8):
        entries = entries_by_chance(random, BOXES if number < 4 else MANY)
        under = grounds.ground(index, {box for entry in entries for box in boxes_of(entry)})
        may, rule = (np.zeros((len(near), len(LOOKED_AT)), dtype=int) for _ in range(2))
        for row, cell in enumerate(near.tolist()):
            kind = under.kind[cell]
            places = under.member[under.first[kind] : under.first[kind + 1]].tolist()
            for column, number in enumerate(LOOKED_AT):
                each = []
                for place in places:
                    state = under.inside[place].tolist()
                    inside = {
                        box: {0: False, 1: True, -1: None}[one] for box, one in zip(under.regions, state, strict=True)
                    }
                    each.append(plainly(entries, CLASSES[number], index.labels[under.label[place]], inside))
                answers = {one for one, _ in each}
                may[row, column] = answers.pop() if len(answers) == 1 else DEPENDS
                against = [rule for one, rule in each if one != YES and rule >= 0]
                rule[row, column] = min(against or [rule for _, rule in each if rule >= 0], default=-1)
        made.append(Mask(entries, near, may, rule))
    return tuple(made)


def boxes_of(entry: Entry) -> Iterator[Region]:
    area = entry.expression
    parts = (area.base, area.without) if isinstance(area, Difference) else getattr(area, "parts", (area,))
    return (part for part in parts if isinstance(part, Region))


def masks_are_right() -> None:
    for one in masks_by_chance():
        made = mask_world.compute(cell_cache.load(3), one.entries, CLASSES)
        for column, number in enumerate(LOOKED_AT):
            assert (made.may(CLASSES[number])[one.cells] == one.may[:, column]).all()
            assert (made.rule(CLASSES[number])[one.cells] == one.rule[:, column]).all()


# --- terminals against the decision of each -----------------------------------------------------------------------


@dataclass(frozen=True)
class Fleet:
    """Terminals and rule sets, with the decision that `decide` gives each at each instant."""

    terminals: Terminals
    rule_sets: tuple[RuleSet, ...]
    expected: tuple[tuple[Decision, ...], ...]  # by rule set


COUNT = 250


@cache
def fleets() -> tuple[Fleet, ...]:
    """Anywhere with any rules; in one place, told apart by numbers; on borders, where permits have to land apart."""
    made = []
    for seed, forms in ((1, (anything, anything)), (2, (anything, permits)), (3, (in_taiwan, permits))):
        random = np.random.default_rng(seed)
        at, radius_m = around_the_strait(random, COUNT), random.choice([0.0, 0.0, 300.0, 15_000.0, 60_000.0], COUNT)
        if in_taiwan in forms:
            at, radius_m = (np.full(COUNT, 25.03), np.full(COUNT, 121.56)), np.zeros(COUNT)
        some = fleet.terminals(COUNT, seed, 0.08, at)
        radius_m = np.where(np.isnan(some.uncertainty_m), np.nan, radius_m)
        some = replace(some, uncertainty_m=np.where(some.uncertainty_m == 20_000.0, 2e6, radius_m))
        bounds = random.choice([np.nan, 30.0, 75.0, 76.0], COUNT)  # on the bounds that rules set
        old = random.choice([0.0, 60.0, 2e5], COUNT, p=[0.5, 0.4, 0.1])
        some = replace(some, speed_kmh=np.where(np.isnan(bounds), some.speed_kmh, bounds), age_s=old)
        every = [form(random) for form in forms * 4]
        others = [replace(rule, book="another") for rule in every[2].rules[:3]]
        every.append(union([*every[4].rules[1:], *others]))  # most of what another says
        rule_sets = tuple(every)
        asked = [some.request(row, NOON) for row in range(COUNT)]
        wheres = [where_of(ALL_ZONES, one) for one in asked]
        expected = tuple(
            tuple(decide(one, request, where) for request, where in zip(asked, wheres, strict=True))
            for one in rule_sets
        )
        made.append(Fleet(some, rule_sets, expected))
    return tuple(made)


def anything(random: np.random.Generator) -> RuleSet:
    return rules(random, 18)


def in_taiwan(random: np.random.Generator) -> RuleSet:
    """A few rules, most of which set bounds."""
    made = [rule for rule in rules(random, 30).rules if rule.selector.conditions and rule.selector.groups is None]
    return union(replace(rule, territory=Labels(frozenset({"TWN"})), land_in=None) for rule in made[:6])


def permits(random: np.random.Generator) -> RuleSet:
    """Permits on lands, waters and zones that meet, with different countries to land in."""
    made = []
    for rule in rules(random, 8).rules:
        labels = Labels(frozenset(random.choice(LABELS[:7], random.integers(3, 8)).tolist()))
        area = (labels, labels, Union((labels, ZONES[0])), Difference(labels, ZONES[0]))[random.integers(4)]
        lands = frozenset(random.choice(["TWN", "JPN", "PHL"], random.integers(1, 3)).tolist())
        who = rule.selector if random.random() < 0.2 else Selector()
        land_in = None if random.random() < 0.15 else lands
        changed = replace(rule, effect="permit", emergency=None, territory=area, land_in=land_in)
        made.append(replace(changed, selector=who, unless=None, window=Window(), applies_to="terminal"))
    return union(made)


def bulk_is_right() -> None:
    for one in fleets():
        settled = settle(one.terminals, ZONES)
        every = [bulk.decide_all(rule_set, one.terminals, settled, NOON) for rule_set in one.rule_sets]
        for decided, expected in zip(every, one.expected, strict=True):
            assert decided.kinds.count.sum() == COUNT
            assert (np.bincount(decided.kinds.number, minlength=len(decided.kinds)) == decided.kinds.count).all()
            kinds = np.arange(len(decided.kinds))
            named = decided.deciding(kinds, kinds, len(kinds))
            for row, decision in enumerate(expected):
                assert bulk.OUTCOMES[decided.outcome[row]] is decision.outcome
                rules_ = named[decided.kinds.number[row]]
                keys = {decided.rules.each[rule].key for rule in np.flatnonzero(rules_).tolist()}
                assert keys == {because.key for because in decision.because}
                assert decided.decided(row).missing == decision.missing
        for old, new in ((0, 1), (2, 3), (4, 6), (7, 5), (4, 8)):
            changes_are_right(one, old, new)


def changes_are_right(one: Fleet, old: int, new: int) -> None:
    settled = settle(one.terminals, ZONES)
    compared = bulk.compare(one.rule_sets[old], one.rule_sets[new], one.terminals, settled, NOON)
    kinds = compared.kinds
    because = compared.because(np.arange(len(kinds)), len(kinds))
    for row, (before, after) in enumerate(zip(one.expected[old], one.expected[new], strict=True)):
        kind = kinds.number[row]
        assert compared.lost[kind] == (before.permitted and not after.permitted)
        assert compared.gained[kind] == (after.permitted and not before.permitted)
        if compared.lost[kind] or compared.gained[kind]:
            refused, granted = (after, before) if compared.lost[kind] else (before, after)
            sides = (one.rule_sets[new], one.rule_sets[old])
            first, second = sides if compared.lost[kind] else sides[::-1]
            refusing, granting = only_there(first, second, refused), only_there(second, first, granted)
            blocked = any(
                rule.effect != "permit" for rule in first.rules if rule.key in {by.key for by in refused.because}
            )
            assert because[kind] == (refusing if blocked else refusing | granting)


def only_there(rule_set: RuleSet, other: RuleSet, decision: Decision) -> set[RuleKey]:
    """The rules of a decision that say what no rule of another set says."""
    said = {says(rule) for rule in other.rules}
    deciding = {because.key for because in decision.because}
    return {rule.key for rule in rule_set.rules if rule.key in deciding and says(rule) not in said}


def says(rule: Rule) -> tuple[object, ...]:
    return rule.effect, rule.selector, rule.exceptions, rule.territory, rule.land_in, rule.window.holds(NOON)


# --- the tests ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_python", [False, True], ids=["compiled", "python"])
def test_nothing_differs_with_nothing_changed(as_python: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (masks, terminals, decisions) if as_python else ():
        interpret(module, monkeypatch)
    masks_are_right()
    bulk_is_right()


def test_the_checks_are_of_all_that_there_is() -> None:
    may = np.concatenate([one.may.ravel() for one in masks_by_chance()])
    assert min((may == one).mean() for one in (NO, DEPENDS, YES)) > 0.05
    outcomes = [decision.outcome for one in fleets() for expected in one.expected for decision in expected]
    assert min(outcomes.count(one) for one in bulk.OUTCOMES) > 0.02 * len(outcomes)


@pytest.mark.parametrize("mutant", MASKS, ids=lambda mutant: mutant.name)
def test_a_mutant_of_masks_is_killed(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    masks_by_chance()
    put_in(mutant, monkeypatch)
    assert noticed(masks_are_right), f"nobody noticed that {mutant.name}"


@pytest.mark.parametrize("mutant", BULK, ids=lambda mutant: mutant.name)
def test_a_mutant_of_terminals_in_bulk_is_killed(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    fleets()
    put_in(mutant, monkeypatch)
    assert noticed(bulk_is_right), f"nobody noticed that {mutant.name}"


def test_each_has_a_name() -> None:
    for some in (MASKS, BULK):
        assert len({mutant.name for mutant in some}) == len(some)
