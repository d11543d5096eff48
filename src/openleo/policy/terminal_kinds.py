"""Terminals of which rules see no difference, together: the same place, class, and side of all that is asked there.

Takes terminals and rule sets; gives TerminalKinds. First every terminal is placed (`settle`, once for all rule sets
over the same regions). Then those that the rules of their place cannot tell apart become one kind (`kinds`): they agree
in every word that a rule asks for there, and lie on the same side of every bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.places.expressions import Region
from openleo.places.point import Where
from openleo.places.points import where_each
from openleo.policy.kernels import decisions
from openleo.policy.kernels import terminals as kernels
from openleo.policy.request import STALE_AFTER_S
from openleo.policy.rule_arrays import Places, RuleArrays, Test, places_of, rule_arrays, starts
from openleo.policy.rules import RuleSet
from openleo.policy.terminal_columns import Coded
from openleo.policy.terminals import ASKED_NUMBERS, CODED, Terminals

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Numbers = NDArray[np.int32]
OnProgress = Callable[[str, int, int], None]

STRADDLING, UNKNOWN = "(several)", "(not known)"  # in the place of a label
SPARSE = 4  # a place with more possible keys than this for every terminal is sorted, and not counted


@dataclass(frozen=True, eq=False)
class Settled:
    """Where every terminal is: `place` (terminal,) into `wheres`, which ends with two that are None.

    These are positions that are not known (or so roughly that they say nothing, or too old) and those of unknown
    uncertainty.
    `order`: the terminals sorted by group: of one place, class, groups, source and home territory. Group g has rows
    `first[g]` to `first[g + 1]` of it. `value` (input of ASKED_NUMBERS, row): what rules may ask of them in numbers.
    """

    place: Numbers
    wheres: tuple[Where | None, ...]
    regions: tuple[Region, ...]
    order: Ints
    first: Ints
    value: Floats
    single: int  # terminals that were placed one by one
    known: dict[object, Any] = field(default_factory=dict, repr=False)  # what else was found of their places

    @property
    def nowhere(self) -> int:
        """The place of terminals of which it is not known where they are."""
        return len(self.wheres) - 2

    @cached_property
    def of_group(self) -> Numbers:
        """The group of each row of `order`."""
        return np.repeat(np.arange(len(self.first) - 1, dtype=np.int32), np.diff(self.first))

    @cached_property
    def places(self) -> Places:
        return places_of(self.wheres)


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
    first = np.flatnonzero(np.diff(key[order], prepend=-1) != 0)
    value = np.stack([getattr(terminals, name)[order] for name in ASKED_NUMBERS])
    wheres = (*found.wheres, None, None)
    return Settled(place, wheres, regions, order, np.append(first, len(order)), value, found.single)


# --- kinds --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class TerminalKinds:
    """Terminals that some rule sets cannot tell apart, at any instant: `of_row` (row of `settled.order`,), their kind.

    By kind: `row`, a terminal of it; `count`; `place`, into `settled.wheres`; all of a kind have one class.
    """

    terminals: Terminals
    settled: Settled
    of_row: Numbers
    row: Ints
    count: Ints
    place: Numbers
    rules: tuple[RuleArrays, ...]  # of the rule sets

    def __len__(self) -> int:
        return len(self.row)

    @cached_property
    def number(self) -> Numbers:
        """(terminal,): the kind of each."""
        found = np.empty(len(self.of_row), dtype=np.int32)
        found[self.settled.order] = self.of_row
        return found

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

    def tally_of(self, count: Ints) -> Ints:
        """The sum of numbers of kinds by (label, class); the last class is unknown."""
        classes = len(self.terminals.class_.values) + 1
        key = self.label.astype(np.int64) * classes + self.class_ % classes
        made = np.bincount(key, weights=count, minlength=len(self.labels) * classes)
        return made.astype(np.int64).reshape(len(self.labels), classes)

    def of(self, rule_set: RuleSet) -> RuleArrays:
        """One of the rule sets, over the places of the terminals. Raises ValueError for one that is none of them."""
        for arrays in self.rules:
            if arrays.rule_set.sha256 == rule_set.sha256:
                return arrays
        raise ValueError("these kinds were not made for this rule set, and may not tell apart what it does")

    def holds(self, tests: Sequence[Test]) -> NDArray[np.uint8]:
        """(kind, test): whether a test holds, Kleene's."""
        found = np.empty((len(tests), len(self)), dtype=np.uint8)
        false, true = np.uint8(decisions.FALSE), np.uint8(decisions.TRUE)
        known: dict[str, tuple[NDArray[Any], NDArray[np.bool_]]] = {}
        for test, answer in zip(tests, found, strict=True):
            column = getattr(self.terminals, test.attribute)
            if test.attribute not in known:
                value = column.code[self.row] if isinstance(column, Coded) else column[self.row]
                known[test.attribute] = value, value < 0 if isinstance(column, Coded) else np.isnan(value)
            value, unknown = known[test.attribute]
            if test.words is not None:
                of_code = np.array([_holds(one, test.words) for one in (*column.values, "")], dtype=bool)
                answer[:] = np.where(of_code[value], true, false)
            else:
                answer[:] = np.where(value > test.bound if test.above else value <= test.bound, true, false)
            answer[unknown] = decisions.UNKNOWN
        return np.ascontiguousarray(found.T)


def _holds(value: str | frozenset[str], words: frozenset[str]) -> bool:
    return not value.isdisjoint(words) if isinstance(value, frozenset) else value in words


@dataclass(frozen=True)
class _Asked:
    """What rules ask of terminals at a place: words of each input, and the bounds of each number."""

    words: dict[str, frozenset[str]]
    bounds: dict[str, tuple[float, ...]]


def kinds(terminals: Terminals, settled: Settled, rule_sets: Sequence[RuleSet]) -> TerminalKinds:
    """The kinds of terminals that the rule sets tell apart. Their regions have to be among the settled ones."""
    for rule_set in rule_sets:
        if missing := set(rule_set.regions) - set(settled.regions):
            raise ValueError(f"terminals are not settled for {', '.join(region.text for region in missing)}")
    rules = tuple(rule_arrays(rule_set, settled.places) for rule_set in rule_sets)
    asked, ask_of_place = _asks(rules, len(settled.wheres))
    order, group_first = settled.order, settled.first
    group_row = order[group_first[:-1]]  # a terminal of each group
    group_place = settled.place[group_row]
    category, categories = _categories(terminals, group_row, asked, ask_of_place[group_place])
    first = group_first[np.searchsorted(group_place, np.arange(len(settled.wheres) + 1))]  # rows of each place
    sizes = [size * _intervals(ask.bounds) for size, ask in zip(categories, asked, strict=True)]
    key = np.empty(len(order), dtype=np.int64)
    offset, total = np.full(len(settled.wheres), -1, dtype=np.int64), 0
    for place, rows in enumerate(np.diff(first).tolist()):
        ask = int(ask_of_place[place])
        if sizes[ask] <= SPARSE * rows + 64:
            offset[place] = total
            total += sizes[ask]
        elif rows:
            part = slice(first[place], first[place + 1])
            local = category[settled.of_group[part]]
            for name, bounds in asked[ask].bounds.items():
                x = settled.value[ASKED_NUMBERS.index(name), part]
                interval = np.where(np.isnan(x), 0, 1 + np.searchsorted(np.array(bounds), x, side="left"))
                local = np.unique(local * (len(bounds) + 2) + interval, return_inverse=True)[1].ravel()
            key[part] = total + local
            total += int(local.max()) + 1
    every = [(ASKED_NUMBERS.index(name), bounds) for ask in asked for name, bounds in ask.bounds.items()]
    kernels.number(
        first, offset, category, settled.of_group, ask_of_place,
        starts([len(ask.bounds) for ask in asked]), np.array([input_ for input_, _ in every], dtype=np.int64),
        starts([len(bounds) for _, bounds in every]),
        np.array([bound for _, bounds in every for bound in bounds], dtype=np.float64), settled.value, key,
    )  # fmt: skip
    kind, row, count = np.full(total, -1, np.int32), np.empty(total, np.int64), np.empty(total, np.int64)
    of_row = np.empty(len(order), dtype=np.int32)
    made = kernels.gather(key, kind, row, count, of_row)
    row, count = order[row[:made]], count[:made].copy()
    return TerminalKinds(terminals, settled, of_row, row, count, settled.place[row], rules)


def _intervals(bounds: dict[str, tuple[float, ...]]) -> int:
    """How many ways there are to lie between bounds, or to be unknown."""
    product = 1
    for some in bounds.values():
        product *= len(some) + 2
    return product


def _asks(rules: Sequence[RuleArrays], places: int) -> tuple[list[_Asked], Ints]:
    """(what rules ask at places: distinct, the number of each place's)."""
    every = [test for arrays in rules for test in arrays.tests]
    bits = np.concatenate(
        [np.zeros((places, 0), dtype=bool)]
        + [np.unpackbits(arrays.asked, axis=1, count=len(arrays.tests)).astype(bool) for arrays in rules], axis=1,
    )  # fmt: skip
    told: dict[bytes, int] = {}
    of_place = [told.setdefault(row.tobytes(), len(told)) for row in np.packbits(bits, axis=1)]
    first_place = {ask: place for place, ask in reversed(list(enumerate(of_place)))}
    asked = [
        _asked(every[number] for number in np.flatnonzero(bits[first_place[ask]]).tolist()) for ask in range(len(told))
    ]
    return asked, np.array(of_place, dtype=np.int64)


def _asked(tests: Iterable[Test]) -> _Asked:
    words: dict[str, set[str]] = {}
    bounds: dict[str, set[float]] = {}
    for test in tests:
        if test.words is None:
            bounds.setdefault(test.attribute, set()).add(test.bound)
        else:
            words.setdefault(test.attribute, set()).update(test.words)
    return _Asked(
        {name: frozenset(some) for name, some in words.items()},
        {name: tuple(sorted(some)) for name, some in bounds.items()},
    )


def _categories(terminals: Terminals, row: Ints, asked: Sequence[_Asked], ask: Ints) -> tuple[Ints, list[int]]:
    """What groups of terminals are, of all that is no number: (number of each group, how many there are by ask).

    row (group,): a terminal of each; ask (group,): what is asked at its place, into `asked`. The class always counts.
    """
    code, values = terminals.class_.code, terminals.class_.values
    category = code[row].astype(np.int64) + 1
    sizes = np.full(len(asked), len(values) + 1, dtype=np.int64)
    for name in CODED[1:]:
        column: Coded[Any] = getattr(terminals, name)
        variant: dict[frozenset[str] | None, int] = {}  # None: it is not asked
        of_ask = np.array([variant.setdefault(one.words.get(name), len(variant)) for one in asked])
        table, meanings = np.zeros((len(variant), len(column.values) + 1), np.int64), np.ones(len(variant), np.int64)
        for words, number in variant.items():
            if words is not None:
                meaning: dict[Any, int] = {}
                told = [meaning.setdefault(_told(value, words), len(meaning)) for value in column.values]
                table[number, 1:], meanings[number] = np.array(told, dtype=np.int64) + 1, len(meaning) + 1
        category = category * meanings[of_ask][ask] + table[of_ask[ask], column.code[row] + 1]
        sizes *= meanings[of_ask]
    return category, sizes.tolist()


def _told(value: str | frozenset[str], words: frozenset[str]) -> object:
    """What rules that ask for some words see of a value."""
    return value & words if isinstance(value, frozenset) else value if value in words else None
