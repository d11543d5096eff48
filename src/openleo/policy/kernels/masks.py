"""Rules over places and classes, 64 classes to a word.

Words have a bit for each class; `word` numbers them. A rule's places are a run of `place`: those of rule r stand from
`first[r]` to `first[r + 1]`.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Ints = NDArray[np.int64]
Numbers = NDArray[np.int32]
Flags = NDArray[np.bool_]

BITS = 64
NO, DEPENDS, YES = range(3)


@njit(cache=True, nogil=True, error_model="numpy")
def gather(
    first: Ints, place: Numbers, unsure: Flags, permits: Flags, true: Words, maybe: Words, held: Words
) -> None:  # fmt: skip
    """Which effects reach which place and class.

    first (rule + 1,), place and unsure (row,): a place that is unsure may lie outside the rule's area. permits
    (rule,); true and maybe (rule, word): the classes that a rule holds for, and may hold for. held (4, place, word),
    zeros at first: a forbid holds, a forbid may hold, a permit holds, a permit may hold.
    """
    words = true.shape[1]
    for rule in range(len(permits)):
        sure = 2 if permits[rule] else 0
        for word in range(words):
            holds, may_hold = true[rule, word], maybe[rule, word]
            for row in range(first[rule], first[rule + 1]):
                if unsure[row]:
                    held[sure + 1, place[row], word] |= holds | may_hold
                else:
                    held[sure, place[row], word] |= holds
                    held[sure + 1, place[row], word] |= may_hold


@njit(cache=True, nogil=True, error_model="numpy")
def decide(held: Words, all_classes: Words, yes: Words, no: Words) -> None:
    """What holds, decided: held (4, place, word) as of `gather`, all_classes (word,), yes and no (place, word)."""
    for place in range(held.shape[1]):
        for word in range(held.shape[2]):
            forbid, forbid_maybe = held[0, place, word], held[1, place, word]
            permit, permit_maybe = held[2, place, word], held[3, place, word]
            no[place, word] = (forbid | ~(permit | permit_maybe)) & all_classes[word]
            yes[place, word] = permit & ~(forbid | forbid_maybe) & all_classes[word]


@njit(cache=True, nogil=True, error_model="numpy")
def join(first: Ints, member: Numbers, yes: Words, no: Words, all_yes: Words, all_no: Words) -> None:
    """What all places of a kind have in common.

    first (kind + 1,), member (row,): the places of each kind, one at least; yes and no (place, word); all_yes and
    all_no (kind, word).
    """
    for kind in range(len(first) - 1):
        for word in range(yes.shape[1]):
            every_yes, every_no = ~np.uint64(0), ~np.uint64(0)
            for row in range(first[kind], first[kind + 1]):
                every_yes &= yes[member[row], word]
                every_no &= no[member[row], word]
            all_yes[kind, word], all_no[kind, word] = every_yes, every_no


@njit(cache=True, nogil=True, error_model="numpy")
def spread(kind: Numbers, of_kind: Words, of_cell: Words) -> None:
    """Each cell has what its kind has: kind (cell,), of_kind (kind, word), of_cell (cell, word)."""
    for word in range(of_kind.shape[1]):
        for cell in range(len(kind)):
            of_cell[cell, word] = of_kind[kind[cell], word]


@njit(cache=True, nogil=True, error_model="numpy")
def first_rules(
    first: Ints, place: Numbers, unsure: Flags, rank: Numbers, true: Words, maybe: Words, found: Numbers
) -> None:  # fmt: skip
    """The least rule of each sort that reaches a place and class.

    As `gather`; rank (rule,): 0 for a forbid, 1 for a suspend, 2 for a permit. found (5, place, class), −1 at first:
    a forbid holds, a suspend holds, a permit holds, a forbid or suspend may hold, a permit may hold.
    """
    classes = found.shape[2]
    for rule in range(len(rank)):
        for class_ in range(classes):
            bit = np.uint64(1) << np.uint64(class_ % BITS)
            holds = (true[rule, class_ // BITS] & bit) != 0
            if not holds and (maybe[rule, class_ // BITS] & bit) == 0:
                continue
            for row in range(first[rule], first[rule + 1]):
                sort = rank[rule] if holds and not unsure[row] else (4 if rank[rule] == 2 else 3)
                if found[sort, place[row], class_] < 0:
                    found[sort, place[row], class_] = rule
