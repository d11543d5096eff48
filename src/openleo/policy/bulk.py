"""Millions of terminals decided in one pass, each exactly as `decide` would decide it.

Takes rule sets and terminals; gives Decided, or what changes between two sets. First every terminal is placed
(`settle`, once for all rule sets over the same regions). Then terminals of which rules see no difference become one
kind: the same place, class, and the same side of every bound and list that a rule asks about there (`kinds`). One
terminal of each kind is decided, for all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.places.expressions import Region
from openleo.places.point import Where
from openleo.places.points import where_each
from openleo.policy.conditions import OneOf
from openleo.policy.decide import Because, Outcome, because, judge, rules_at, unplaced
from openleo.policy.kernels import terminals as kernels
from openleo.policy.request import STALE_AFTER_S, Request
from openleo.policy.rules import Rule, RuleSet
from openleo.policy.terminal_columns import Coded
from openleo.policy.terminals import ASKED_NUMBERS, CODED, NUMBERED, Terminals

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Numbers = NDArray[np.int32]
Flags = NDArray[np.bool_]
OnProgress = Callable[[str, int, int], None]

OUTCOMES = tuple(Outcome)  # by the numbers that arrays hold
PERMITTED = OUTCOMES.index(Outcome.PERMITTED)
STRADDLING, UNKNOWN = "(several)", "(not known)"  # in the place of a label
SPARSE = 4  # a place with more possible keys than this for every terminal is sorted, and not counted


@dataclass(frozen=True, eq=False)
class Settled:
    """Where every terminal is: `place` (terminal,) into `wheres`, which ends with two that are None.

    These are positions that are not known (or so roughly that they say nothing, or too old) and those of unknown
    uncertainty.
    `order`: the terminals sorted by group: of one place, class, groups, source and home territory. Group g has rows
    `first[g]` to `first[g + 1]` of it.
    """

    place: Numbers
    wheres: tuple[Where | None, ...]
    regions: tuple[Region, ...]
    order: Ints
    first: Ints
    single: int  # terminals that were placed one by one

    @cached_property
    def of_group(self) -> Numbers:
        """The group of each row of `order`."""
        return np.repeat(np.arange(len(self.first) - 1, dtype=np.int32), np.diff(self.first))


def settle(
    terminals: Terminals,
    regions: Iterable[Region],
    progress: OnProgress | None = None,
    *,
    stale_after_s: float = STALE_AFTER_S,
) -> Settled:
    """Place every terminal, by the exact polygons; `regions` are those that rules ask about."""
    regions = tuple(dict.fromkeys(regions))
    latitude = np.where(terminals.age_s > stale_after_s, np.nan, terminals.latitude_deg)  # an age of NaN: not known
    longitude, uncertainty = terminals.longitude_deg, terminals.uncertainty_m
    found = where_each(latitude, longitude, uncertainty, regions, progress)
    of_unknown_radius = ~np.isnan(latitude + longitude) & np.isnan(uncertainty)
    count = len(found.wheres)
    place = np.where(found.number >= 0, found.number, np.where(of_unknown_radius, count + 1, count)).astype(np.int32)
    key = place.astype(np.int64)
    for name in CODED:
        column: Coded[Any] = getattr(terminals, name)
        key = key * (len(column.values) + 1) + column.code + 1
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.concatenate([[True], np.diff(key[order]) != 0]))
    return Settled(place, (*found.wheres, None, None), regions, order, np.append(first, len(order)), found.single)


# --- kinds --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Kinds:
    """Terminals that some rule sets cannot tell apart, at any instant: `number` (terminal,), the kind of each.

    By kind: `row`, a terminal of it; `count`; `place`, into `settled.wheres`; all of a kind have one class.
    """

    terminals: Terminals
    settled: Settled
    number: Numbers
    row: Ints
    count: Ints
    place: Numbers

    def __len__(self) -> int:
        return len(self.row)

    @property
    def class_(self) -> Numbers:
        """(kind,) into `terminals.class_.values`, −1 unknown."""
        found: Numbers = self.terminals.class_.code[self.row]
        return found

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """What `label` numbers: labels of the Earth, STRADDLING for places with several, UNKNOWN for no place."""
        return (*sorted({where.labels[0] for where in self.settled.wheres if where}), STRADDLING, UNKNOWN)

    @cached_property
    def label(self) -> Numbers:
        """(kind,) into `labels`."""
        number = {label: place for place, label in enumerate(self.labels)}
        of_place = [
            number[UNKNOWN if where is None else where.labels[0] if len(where.labels) == 1 else STRADDLING]
            for where in self.settled.wheres
        ]
        found: Numbers = np.array(of_place, dtype=np.int32)[self.place]
        return found

    def tally(self, of_kind: NDArray[Any], most: int) -> Ints:
        """Terminals by (label, class, number that `of_kind` (kind,) gives, below `most`); the last class is unknown."""
        classes = len(self.terminals.class_.values) + 1
        key = (self.label.astype(np.int64) * classes + self.class_ % classes) * most + of_kind
        made = np.bincount(key, weights=self.count, minlength=len(self.labels) * classes * most)
        return made.astype(np.int64).reshape(len(self.labels), classes, most)


@dataclass(frozen=True)
class _Asked:
    """What rules ask of terminals at a place: words of each input, and the bounds of each number."""

    words: dict[str, frozenset[str]]
    bounds: dict[str, tuple[float, ...]]


def kinds(terminals: Terminals, settled: Settled, rule_sets: Sequence[RuleSet]) -> Kinds:
    """The kinds of terminals that the rule sets tell apart. Their regions have to be among the settled ones."""
    for rule_set in rule_sets:
        if missing := set(rule_set.regions) - set(settled.regions):
            raise ValueError(f"terminals are not settled for {', '.join(region.text for region in missing)}")
    order, group_first = settled.order, settled.first
    group_row = order[group_first[:-1]]  # a terminal of each group
    group_place = settled.place[group_row]
    bounds_of_place = np.searchsorted(group_place, np.arange(len(settled.wheres) + 1))  # groups of each place
    places = np.flatnonzero(np.diff(bounds_of_place))
    coded = {name: (getattr(terminals, name).code[group_row], getattr(terminals, name).values) for name in CODED}
    asked = [
        _asked([rule for one in rule_sets for rule, _ in rules_at(one, settled.wheres[place])]) for place in places
    ]
    category = np.empty(len(group_row), dtype=np.int64)
    sizes = []  # of each place: how many keys there can be
    for place, ask in zip(places, asked, strict=True):
        groups = slice(bounds_of_place[place], bounds_of_place[place + 1])
        size = category_count = _categories(coded, groups, ask, category)
        for bounds in ask.bounds.values():
            size *= len(bounds) + 2
        sizes.append((category_count, size))
    first = group_first[bounds_of_place[np.append(places, places[-1:] + 1)]] if len(places) else np.zeros(1, np.int64)
    dense = [size <= SPARSE * int(rows) + 64 for (_, size), rows in zip(sizes, np.diff(first), strict=True)]
    value, of_group = terminals.numbers, settled.of_group
    key = np.empty(len(order), dtype=np.int64)
    offset, total = np.full(len(places), -1, dtype=np.int64), 0
    for number, ask in enumerate(asked):
        if dense[number]:
            offset[number] = total
            total += sizes[number][1]
            continue
        rows = slice(first[number], first[number + 1])
        local = category[of_group[rows]]
        for name, bounds in ask.bounds.items():
            x = value[ASKED_NUMBERS.index(name), order[rows]]
            interval = np.where(np.isnan(x), 0, 1 + np.searchsorted(np.array(bounds), x, side="left"))
            local = np.unique(local * (len(bounds) + 2) + interval, return_inverse=True)[1].ravel()
        key[rows] = total + local
        total += int(local.max()) + 1
    every = [(ASKED_NUMBERS.index(name), bounds) for ask in asked for name, bounds in ask.bounds.items()]
    kernels.number(
        order, first, offset, category, of_group,
        _starts([len(ask.bounds) for ask in asked]), np.array([input_ for input_, _ in every], dtype=np.int64),
        _starts([len(bounds) for _, bounds in every]),
        np.array([bound for _, bounds in every for bound in bounds], dtype=np.float64), value, key,
    )  # fmt: skip
    kind, row, count = np.full(total, -1, np.int32), np.empty(total, np.int64), np.empty(total, np.int64)
    of_terminal = np.empty(len(order), dtype=np.int32)
    made = kernels.gather(order, key, kind, row, count, of_terminal)
    row, count = row[:made].copy(), count[:made].copy()
    return Kinds(terminals, settled, of_terminal, row, count, settled.place[row])


def _starts(sizes: Sequence[int]) -> Ints:
    return np.concatenate([[0], np.cumsum(np.array(sizes, dtype=np.int64))]).astype(np.int64)


def _asked(rules: Iterable[Rule]) -> _Asked:
    words: dict[str, set[str]] = {}
    bounds: dict[str, set[float]] = {}
    for rule in rules:
        for selector in (rule.selector, *rule.exceptions):
            if selector.groups is not None:
                words.setdefault("groups", set()).update(selector.groups)
            for condition in selector.conditions:
                name = condition.input.attribute
                if isinstance(condition, OneOf):
                    words.setdefault(name, set()).update(condition.words)
                else:
                    bounds.setdefault(name, set()).add(float(condition.bound))
    return _Asked(
        {name: frozenset(some) for name, some in words.items()},
        {name: tuple(sorted(some)) for name, some in bounds.items()},
    )


def _categories(coded: dict[str, tuple[Numbers, tuple[Any, ...]]], groups: slice, ask: _Asked, category: Ints) -> int:
    """Number what groups of terminals at a place are, of all that is no number; how many numbers there are."""
    key = coded["class_"][0][groups].astype(np.int64) + 1
    for name, words in ask.words.items():
        code, values = coded[name]
        code = code[groups]
        meaning: dict[Any, int] = {}
        used, which = np.unique(code, return_inverse=True)
        told = [-1 if one < 0 else meaning.setdefault(_told(values[one], words), len(meaning)) for one in used.tolist()]
        key = key * (len(meaning) + 1) + np.array(told)[which.ravel()] + 1
    distinct, number = np.unique(key, return_inverse=True)
    category[groups] = number.ravel()
    return len(distinct)


def _told(value: str | frozenset[str], words: frozenset[str]) -> object:
    """What rules that ask for some words see of a value."""
    return value & words if isinstance(value, frozenset) else value if value in words else None


# --- decisions ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """A decision without its times: what, which rules make it, what would have to be known."""

    outcome: Outcome
    rules: tuple[Rule, ...]
    missing: tuple[str, ...]
    because: tuple[Because, ...]


@dataclass(frozen=True, eq=False)
class Decided:
    """`of_kind` (kind,) into OUTCOMES. Verdicts of terminals without a known place are found when asked for."""

    rule_set: RuleSet
    at: datetime | None
    kinds: Kinds
    of_kind: NDArray[np.uint8]
    _verdicts: list[Verdict | None]

    @cached_property
    def outcome(self) -> NDArray[np.uint8]:
        """(terminal,) into OUTCOMES."""
        found: NDArray[np.uint8] = self.of_kind[self.kinds.number]
        return found

    def verdict(self, kind: int) -> Verdict:
        """The decision of a kind, with its reasons."""
        if (found := self._verdicts[kind]) is None:
            request = next(requests(self.kinds, self.at, [kind]))
            found = self._verdicts[kind] = _verdict(self.rule_set, *judge(rules_at(self.rule_set, None), request, None))
        return found

    def decided(self, row: int) -> Verdict:
        """The decision of a terminal."""
        return self.verdict(int(self.kinds.number[row]))


def decide_all(
    rule_set: RuleSet, terminals: Terminals, settled: Settled, at: datetime | None, among: Kinds | None = None
) -> Decided:
    """The decision for every terminal at an instant; `among`: kinds that tell apart what this rule set does, if known.

    `age_s` of a terminal is its position's age at that instant.
    """
    found = kinds(terminals, settled, [rule_set]) if among is None else among
    of_kind = np.empty(len(found), dtype=np.uint8)
    verdicts: list[Verdict | None] = [None] * len(found)
    code = {outcome: number for number, outcome in enumerate(OUTCOMES)}
    order = np.argsort(found.place, kind="stable")
    known: dict[tuple[object, ...], Verdict] = {}
    place, where, speaking = -1, None, rules_at(rule_set, None)
    permits = [rule for rule, _ in speaking if rule.effect == "permit"]
    for kind, request in zip(order.tolist(), requests(found, at, order), strict=True):
        if found.place[kind] != place:
            place = found.place[kind]
            where = settled.wheres[place]
            speaking = [] if where is None else rules_at(rule_set, where)
        if where is None:
            of_kind[kind] = code[_without_place(permits, request)]
            continue
        outcome, rules, missing = judge(speaking, request, where)
        key = (outcome, missing, *map(id, rules))
        if (verdict := known.get(key)) is None:
            verdict = known[key] = _verdict(rule_set, outcome, rules, missing)
        verdicts[kind] = verdict
        of_kind[kind] = code[outcome]
    return Decided(rule_set, at, found, of_kind, verdicts)


def _verdict(rule_set: RuleSet, outcome: Outcome, rules: Sequence[Rule], missing: Iterable[str]) -> Verdict:
    return Verdict(outcome, tuple(rules), tuple(sorted(missing)), because(rule_set, rules))


def _without_place(permits: Iterable[Rule], request: Request) -> Outcome:
    """What `judge` says where no place is known: nothing is certain there, but that no permit may hold."""
    if any(rule.matches(request, set()) is not False for rule in permits):
        return Outcome.INDETERMINATE
    return Outcome.NOT_PERMITTED


def requests(found: Kinds, at: datetime | None, chosen: Sequence[int] | Ints) -> Iterator[Request]:
    """A request of each of some kinds; without its position where that is not known, or too old to tell."""
    row, nowhere = found.row[chosen], len(found.settled.wheres) - 2
    columns: list[list[Any]] = []
    for name in CODED:
        column: Coded[Any] = getattr(found.terminals, name)
        columns.append([None if code < 0 else column.values[code] for code in column.code[row].tolist()])
    for name in NUMBERED:
        columns.append([None if x != x else x for x in getattr(found.terminals, name)[row].tolist()])
    names = (*CODED, *NUMBERED)
    asked = (Request(at=at, **dict(zip(names, values, strict=True))) for values in zip(*columns, strict=True))
    places = found.place[chosen].tolist()
    return (unplaced(one) if place == nowhere else one for one, place in zip(asked, places, strict=True))


# --- two rule sets ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Compared:
    """The same terminals under two rule sets, kind by kind."""

    before: Decided
    after: Decided

    @property
    def kinds(self) -> Kinds:
        return self.before.kinds

    @property
    def lost(self) -> Flags:
        """(kind,): permitted before, and not after."""
        found: Flags = (self.before.of_kind == PERMITTED) & (self.after.of_kind != PERMITTED)
        return found

    @property
    def gained(self) -> Flags:
        """(kind,): permitted after, and not before."""
        found: Flags = (self.before.of_kind != PERMITTED) & (self.after.of_kind == PERMITTED)
        return found

    def rules(self, kind: int) -> tuple[Rule, ...]:
        """The rules that make the change: what refuses it on the one side, or else the permits of the other."""
        refused, granted = (self.after, self.before) if self.lost[kind] else (self.before, self.after)
        return refused.verdict(kind).rules or granted.verdict(kind).rules


def compare(
    old: RuleSet, new: RuleSet, terminals: Terminals, settled: Settled, at: datetime | None, among: Kinds | None = None
) -> Compared:
    """Every terminal under two rule sets at an instant."""
    found = kinds(terminals, settled, [old, new]) if among is None else among
    return Compared(*(decide_all(one, terminals, settled, at, found) for one in (old, new)))
