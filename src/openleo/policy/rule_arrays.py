"""Rules as arrays: what each asks of a terminal, and which of them speak of each place.

Takes a rule set and places; gives RuleArrays, which the kernels read. What rules ask is cut into tests, each of one
input: a test that many rules ask is answered once. It says what `Rule.matches` and `decide.rules_at` say, of all
places together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from openleo.places.expressions import Expression, Labels, holds, possible_labels
from openleo.places.point import Atom, Where
from openleo.policy.conditions import CLASS, GROUPS, MoreThan, OneOf, Selector
from openleo.policy.kernels import decisions as kernels
from openleo.policy.rules import Rule, RuleSet
from openleo.policy.when import Window

Ints = NDArray[np.int64]
Numbers = NDArray[np.int32]
Values = NDArray[np.uint8]

EFFECTS = {"forbid": kernels.FORBID, "suspend": kernels.SUSPEND, "permit": kernels.PERMIT}
KLEENE = {False: kernels.FALSE, None: kernels.UNKNOWN, True: kernels.TRUE}
BITS = 64


@dataclass(frozen=True)
class Test:
    """What a rule asks of one input: to be one of some words (or to hold one of them), or a side of a bound."""

    attribute: str  # of a Request
    words: frozenset[str] | None = None
    bound: float = 0.0
    above: bool = False  # the number has to lie above the bound; else at it or below


def tests_of(selector: Selector) -> list[Test]:
    """All of which have to hold."""
    asked = []
    for input_, words in ((CLASS, selector.classes), (GROUPS, selector.groups)):
        if words is not None:
            asked.append(Test(input_.attribute, words))
    for condition in selector.conditions:
        if isinstance(condition, OneOf):
            asked.append(Test(condition.input.attribute, condition.words))
        else:
            bound, above = float(condition.bound), isinstance(condition, MoreThan)
            asked.append(Test(condition.input.attribute, None, bound, above))
    return asked


@dataclass(frozen=True, eq=False)
class Places:
    """Wheres as arrays: the kinds of place that place p may be are `atoms[atom[first[p]:first[p + 1]]]`."""

    wheres: tuple[Where | None, ...]
    atoms: tuple[Atom, ...]
    first: Ints
    atom: Ints

    @cached_property
    def _by_label(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, atom in enumerate(self.atoms):
            found.setdefault(atom.label, []).append(number)
        return found

    def held(self, area: Expression) -> list[int]:
        """The atoms that an area holds, by number."""
        labels = possible_labels(area)
        near: Iterable[int] = range(len(self.atoms))
        if labels is not None:
            near = [number for label in labels for number in self._by_label.get(label, ())]
        if isinstance(area, Labels):
            return list(near)
        atoms = self.atoms
        return [one for one in near if holds(area, atoms[one].label, atoms[one].regions.__contains__)]


def places_of(wheres: Sequence[Where | None]) -> Places:
    """Wheres, and the kinds of place in them, each once."""
    number: dict[Atom, int] = {}
    atom = [number.setdefault(atom, len(number)) for where in wheres if where for atom in where.atoms]
    sizes = [len(where.atoms) if where else 0 for where in wheres]
    return Places(tuple(wheres), tuple(number), starts(sizes), np.array(atom, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class RuleArrays:
    """The rules of a set that bind terminals. `tests` (test,) are what `rules` numbers."""

    rule_set: RuleSet
    each: tuple[Rule, ...]
    tests: tuple[Test, ...]
    rules: kernels.Rules
    speaking: kernels.Speaking

    def in_force(self, at: datetime | None) -> Values:
        """Whether each rule's window holds an instant, Kleene's."""
        told: dict[Window, bool | None] = {}
        for rule in self.each:
            if rule.window not in told:
                told[rule.window] = rule.in_force(at, set())
        return np.array([KLEENE[told[rule.window]] for rule in self.each], dtype=np.uint8)

    @cached_property
    def asked(self) -> NDArray[np.uint8]:
        """(place, byte): the tests that the rules of each place ask, a bit each, as numpy packs them."""
        selectors, first = self.rules, self.rules.first_test
        of_rule = np.zeros((len(self.each), len(self.tests)), dtype=bool)
        asking = np.repeat(np.arange(len(self.each)), np.diff(first[selectors.selector]))
        of_rule[asking, selectors.test] = True
        packed = np.packbits(of_rule, axis=1)
        found = np.zeros((len(self.speaking.atoms), packed.shape[1]), dtype=np.uint8)
        spoken_of = np.flatnonzero(np.diff(self.speaking.first))
        if len(spoken_of) and packed.shape[1]:
            rows = packed[self.speaking.rule]
            found[spoken_of] = np.bitwise_or.reduceat(rows, self.speaking.first[spoken_of], axis=0)
        return found


def rule_arrays(rule_set: RuleSet, places: Places) -> RuleArrays:
    """The rules of a set, over places."""
    each = tuple(rule for rule in rule_set.rules if rule.applies_to == "terminal")
    selectors = [(rule.selector, *rule.exceptions) for rule in each]
    number: dict[Test, int] = {}
    asked: dict[Selector, list[int]] = {}
    for selector in (one for some in selectors for one in some):
        if selector not in asked:
            asked[selector] = [number.setdefault(test, len(number)) for test in tests_of(selector)]
    flat = [asked[one] for some in selectors for one in some]
    lands = {name: bit for bit, name in enumerate(sorted({name for rule in each for name in rule.land_in or ()}))}
    words = max(-(-len(lands) // BITS), 1)
    land = np.zeros((len(each), words), dtype=np.uint64)
    for row, rule in enumerate(each):
        for name in rule.land_in or ():
            word, bit = divmod(lands[name], BITS)
            land[row, word] |= np.uint64(1 << bit)
    rules = kernels.Rules(
        np.array([EFFECTS[rule.effect] for rule in each], dtype=np.int32),
        starts([len(some) for some in selectors]),
        starts([len(tests) for tests in flat]),
        np.array([test for tests in flat for test in tests], dtype=np.int32),
        np.array([rule.land_in is None for rule in each], dtype=bool),
        land,
    )
    return RuleArrays(rule_set, each, tuple(number), rules, _speaking(each, places))


def _speaking(each: Sequence[Rule], places: Places) -> kernels.Speaking:
    """Which rules speak of which places: those that hold one of its kinds; all of them where no place is known."""
    held: dict[Expression, list[int]] = {}
    for rule in each:
        if rule.territory not in held:
            held[rule.territory] = places.held(rule.territory)
    sizes = [len(held[rule.territory]) for rule in each]
    rule_of = np.repeat(np.arange(len(each)), sizes)
    atom_of = np.array([atom for rule in each for atom in held[rule.territory]], dtype=np.int64)
    order = np.argsort(atom_of, kind="stable")
    rule_of, atom_of = rule_of[order], atom_of[order]
    begins = np.searchsorted(atom_of, np.arange(len(places.atoms) + 1))
    atoms = np.diff(places.first)
    place = np.repeat(np.arange(len(atoms)), atoms)  # of each row of places.atom
    within = np.arange(len(place)) - places.first[place]  # its atoms are numbered from 0
    count = np.diff(begins)[places.atom]
    row = np.repeat(np.arange(len(place)), count)
    rule = rule_of[begins[places.atom][row] + np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)]
    nowhere = [number for number, where in enumerate(places.wheres) if where is None]
    key = np.concatenate([place[row] * len(each) + rule, *(np.arange(len(each)) + one * len(each) for one in nowhere)])
    sort = np.argsort(key, kind="stable")
    key, new = np.unique(key[sort], return_index=True)
    whose, which = np.divmod(key, max(len(each), 1))
    size = np.diff(np.append(new, len(sort)))
    size[atoms[whose] == 0] = 0
    return kernels.Speaking(
        np.searchsorted(whose, np.arange(len(atoms) + 1)),
        which.astype(np.int32),
        starts(size.tolist()),
        within[row][sort[sort < len(row)]].astype(np.int32),
        atoms.astype(np.int32),
    )


def starts(sizes: Sequence[int]) -> Ints:
    """Where runs of these sizes begin, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(np.array(sizes, dtype=np.int64))]).astype(np.int64)
