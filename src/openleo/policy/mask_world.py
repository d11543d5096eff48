"""Who may be served in every cell of the Earth: yes, no, or depends, for any number of classes.

Takes an index of cells and entries (rules with what they say at one instant); gives WorldMask. A cell is `yes` when
every place that it may hold is (and where permits say where traffic lands, one country will do for all of them), `no`
when every one is, and `depends` otherwise: at a border, or where a rule asks what a cell cannot know. `depends` goes to
the decision of one request; `yes` and `no` are final.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from openleo.places.cell_index import CellIndex
from openleo.places.expressions import Expression, Labels, regions_of
from openleo.policy.ground import Ground, ground
from openleo.policy.kernels import masks

Words = NDArray[np.uint64]
Ints = NDArray[np.int64]
Numbers = NDArray[np.int32]
Answers = NDArray[np.uint8]

NO, DEPENDS, YES = masks.NO, masks.DEPENDS, masks.YES
MAY = ("no", "depends", "yes")  # by these numbers
RANKS = {"forbid": 0, "suspend": 1, "permit": 2}
BITS = masks.BITS


@dataclass(frozen=True)
class Entry:
    """A rule at one instant: where, and for which classes it holds there (`true`) or may hold (`maybe`)."""

    rule: str  # as reasons name it
    effect: Literal["permit", "forbid", "suspend"]
    expression: Expression
    true: frozenset[str]
    maybe: frozenset[str] = frozenset()
    land_in: frozenset[str] | None = None  # of a permit: where traffic may leave; None: anywhere


@dataclass(frozen=True, eq=False)
class Compiled:
    """Entries as arrays: `place` and `unsure` rows of entry e from `first[e]` to `first[e + 1]`; words by class."""

    first: Ints
    place: Numbers
    unsure: NDArray[np.bool_]
    rank: Numbers
    true: Words
    maybe: Words


@dataclass(frozen=True, eq=False)
class WorldMask:
    """`yes` and `no` (cell, word): bit i of word w is of class 64 w + i; a cell that has neither depends."""

    index: CellIndex
    classes: tuple[str, ...]
    entries: tuple[Entry, ...]
    yes: Words
    no: Words
    ground: Ground
    compiled: Compiled
    place_yes: Words  # (place of the ground, word)
    place_no: Words

    def may(self, class_: str) -> Answers:
        """NO, DEPENDS or YES of every cell."""
        word, bit = divmod(self.classes.index(class_), BITS)
        yes, no = ((one[:, word] >> np.uint64(bit)) & np.uint64(1) for one in (self.yes, self.no))
        return (DEPENDS + yes.astype(np.int8) - no.astype(np.int8)).astype(np.uint8)

    def rule(self, class_: str) -> Numbers:
        """The entry that decides every cell, by number; −1 where none speaks.

        The least of those that decide a place of the cell that is not `yes`; where there is none, the least of those
        that decide the others. A place is decided by its first forbid, else its first suspend, else by what is in
        doubt, else by its first permit.
        """
        return self._rule_of_kind[:, self.classes.index(class_)][self.ground.kind]

    def rules(self, cells: slice) -> Numbers:
        """As `rule`, of some cells and every class: (cell, class)."""
        chosen: Numbers = self._rule_of_kind[self.ground.kind[cells]]
        return chosen

    @cached_property
    def _rule_of_kind(self) -> Numbers:
        """(kind, class)."""
        of_place = self._rule_of_place
        last = np.where(of_place < 0, len(self.entries), of_place)
        yes = _unpacked(self.place_yes, len(self.classes))
        first, member = self.ground.first[:-1], self.ground.member
        against = np.minimum.reduceat(np.where(yes, len(self.entries), last)[member], first, axis=0)
        any_ = np.minimum.reduceat(last[member], first, axis=0)
        chosen = np.where(against < len(self.entries), against, any_)
        return np.where(chosen < len(self.entries), chosen, -1).astype(np.int32)

    @cached_property
    def _rule_of_place(self) -> Numbers:
        """(place, class): what decides each place, in the order of decisions."""
        made = self.compiled
        found = np.full((5, len(self.ground.label), len(self.classes)), -1, dtype=np.int32)
        masks.first_rules(made.first, made.place, made.unsure, made.rank, made.true, made.maybe, found)
        forbid, suspend, permit, doubt, hope = found
        spoken = (permit >= 0) | (hope >= 0)
        served = np.where(doubt >= 0, doubt, np.where(permit >= 0, permit, hope))
        return np.where(forbid >= 0, forbid, np.where(suspend >= 0, suspend, np.where(spoken, served, -1)))


def compute(index: CellIndex, entries: Iterable[Entry], classes: Sequence[str]) -> WorldMask:
    """The mask of entries for classes. Their order has no meaning but for which rule is named first."""
    entries, classes = tuple(entries), tuple(classes)
    regions = [
        one for entry in entries if not isinstance(entry.expression, Labels) for one in regions_of(entry.expression)
    ]
    under = ground(index, regions)
    made = compiled(under, entries, classes)
    words, places, kinds = made.true.shape[1], len(under.label), len(under.first) - 1
    held = np.zeros((4, places, words), dtype=np.uint64)
    masks.gather(made.first, made.place, made.unsure, made.rank == RANKS["permit"], made.true, made.maybe, held)
    place_yes, place_no, kind_yes, kind_no = (
        np.empty((count, words), dtype=np.uint64) for count in (places, places, kinds, kinds)
    )
    masks.decide(held, _all(len(classes)), place_yes, place_no)
    masks.join(under.first, under.member, place_yes, place_no, kind_yes, kind_no)
    if any(entry.land_in is not None for entry in entries):
        kind_yes &= _landing(under, made, entries, len(classes))
    yes, no = (np.empty((words, len(index)), dtype=np.uint64).T for _ in range(2))
    masks.spread(under.kind, kind_yes, yes)
    masks.spread(under.kind, kind_no, no)
    return WorldMask(index, classes, entries, yes, no, under, made, place_yes, place_no)


def _landing(under: Ground, made: Compiled, entries: Sequence[Entry], classes: int) -> Words:
    """(kind, word): the classes that one and the same country lets land, wherever in a cell of the kind they are.

    A terminal between two places whose permits have no country in common is served in neither: so each country is
    tried, with the permits alone that let traffic leave there.
    """
    words, places, kinds = made.true.shape[1], len(under.label), len(under.first) - 1
    found = np.zeros((kinds, words), dtype=np.uint64)
    yes, no, kind_yes, kind_no = (np.empty((n, words), dtype=np.uint64) for n in (places, places, kinds, kinds))
    for land in sorted({land for entry in entries for land in entry.land_in or ()}):
        there = np.array([entry.land_in is None or land in entry.land_in for entry in entries])[:, np.newaxis]
        held = np.zeros((4, places, words), dtype=np.uint64)
        masks.gather(made.first, made.place, made.unsure, made.rank == RANKS["permit"], made.true * there,
                     made.maybe * there, held)  # fmt: skip
        masks.decide(held, _all(classes), yes, no)
        masks.join(under.first, under.member, yes, no, kind_yes, kind_no)
        found |= kind_yes
    return found


def compiled(under: Ground, entries: Sequence[Entry], classes: Sequence[str]) -> Compiled:
    """Entries as arrays over the places of a ground."""
    extents = [under.extent(entry.expression) for entry in entries]
    bit = {class_: 1 << number for number, class_ in enumerate(classes)}
    packed: dict[frozenset[str], list[int]] = {}
    words = max(-(-len(classes) // BITS), 1)

    def pack(names: frozenset[str]) -> list[int]:
        if (found := packed.get(names)) is None:
            together = sum(bit[name] for name in names if name in bit)
            found = packed[names] = [(together >> (BITS * word)) & (2**BITS - 1) for word in range(words)]
        return found

    none = np.empty(0, dtype=np.int32)
    return Compiled(
        np.concatenate([[0], np.cumsum([len(extent.place) for extent in extents])]).astype(np.int64),
        np.concatenate([none, *(extent.place for extent in extents)]),
        np.concatenate([none.astype(bool), *(extent.unsure for extent in extents)]),
        np.array([RANKS[entry.effect] for entry in entries], dtype=np.int32),
        np.array([pack(entry.true) for entry in entries], dtype=np.uint64).reshape(len(entries), words),
        np.array([pack(entry.maybe) for entry in entries], dtype=np.uint64).reshape(len(entries), words),
    )


def _all(classes: int) -> Words:
    """The bits of all classes, in words."""
    together = (1 << classes) - 1
    words = max(-(-classes // BITS), 1)
    return np.array([(together >> (BITS * word)) & (2**BITS - 1) for word in range(words)], dtype=np.uint64)


def _unpacked(words: Words, classes: int) -> NDArray[np.bool_]:
    """(row, class) of words (row, word)."""
    number = np.arange(classes)
    bits: Words = words[:, number // BITS] >> (number % BITS).astype(np.uint64)
    return (bits & np.uint64(1)).astype(bool)
