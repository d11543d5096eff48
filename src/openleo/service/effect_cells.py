"""What an effect looks like from above: the state of every cell before and after, and what changes there.

A cell shows what happens to most of its people × time, or of its area × time where nobody lives.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from openleo.policy.mask import DEPENDS, NO, YES, Decided
from openleo.policy.rules import rule_names
from openleo.service import because
from openleo.service.reached import Reached

Codes = NDArray[np.uint8]
Floats = NDArray[np.float64]

LEAST_SHOWN = 0.01  # of what a cell asks for: a change of less is too near to the noise of how beams are dealt out


class State(IntEnum):
    """What the rules of one side say of most of a cell, where that side's network serves it."""

    NO = NO
    DEPENDS = DEPENDS
    YES = YES
    OUT_OF_REACH = 3


class Change(IntEnum):
    """What happens to most of a cell."""

    STAYS_OUT = 0
    STAYS_IN = 1
    LOST = 2
    GAINED = 3
    MAY_CHANGE = 4  # it depends on the terminal, before and after, in another way
    UNREACHED = 5  # the network does not reach it
    STAYS_DEPENDENT = 6  # it depends on the terminal as it did
    MAY_LOSE = 7
    MAY_GAIN = 8
    GETS_LESS = 9  # it stays in, and shared beams give it less of what it asks for
    GETS_MORE = 10


BECOMES = np.array(  # of a state before and a state after: NO, DEPENDS, YES
    [
        [Change.STAYS_OUT, Change.MAY_GAIN, Change.GAINED],
        [Change.MAY_LOSE, Change.STAYS_DEPENDENT, Change.MAY_GAIN],
        [Change.LOST, Change.MAY_LOSE, Change.STAYS_IN],
    ],
    dtype=np.uint8,
)


@dataclass(frozen=True)
class CellEffect:
    """Axes (cell,): `before` and `after` hold State; `change` holds Change."""

    class_: str
    before: Codes
    after: Codes
    change: Codes


def by_cell(networks: tuple[Reached, Reached], before: Decided, after: Decided, class_: str) -> CellEffect:
    """The cells of one class of terminals, in the order of the parts' cells; `networks` before and after."""
    reached = networks[0]
    cell, kind = reached.parts.cell, reached.kinds.of_part
    shares = [network.statistics.can_serve for network in networks]
    most = np.maximum(*shares)
    out = [(most == 0.0) | (share < most / 2.0) for share in shares]  # another network serves it twice as often
    said = [one.may[:, one.classes.index(class_)][kind] for one in (before, after)]
    was, is_ = (np.where(none[cell], np.uint8(NO), may) for none, may in zip(out, said, strict=True))
    change = BECOMES[was, is_]
    changed = np.logical_or(*_in_another_way(before, after))[:, before.classes.index(class_)]
    change[(change == Change.STAYS_DEPENDENT) & changed[kind]] = Change.MAY_CHANGE
    states = [
        np.where(none, np.uint8(State.OUT_OF_REACH), _most(reached, may, len(State)))
        for none, may in zip(out, said, strict=True)
    ]
    shown = np.where(most == 0.0, np.uint8(Change.UNREACHED), _most(reached, change, len(Change)))
    return CellEffect(class_, states[0], states[1], shown)


def with_beams(found: CellEffect, reached: Reached, given: tuple[Floats, Floats]) -> CellEffect:
    """The same with what shared beams do to cells that stay in; given (part,), before and after, of the class."""
    parts, cells = reached.parts, len(reached.parts.cells)
    lived_in = np.bincount(parts.cell, weights=parts.people, minlength=cells) > 0.0
    weight = np.where(lived_in[parts.cell], parts.people, parts.area_km2)
    missing, whole = (
        np.bincount(parts.cell, weights=one, minlength=cells) for one in (weight * (given[0] - given[1]), weight)
    )
    less = missing / whole
    change, stays = found.change.copy(), found.change == Change.STAYS_IN
    change[stays & (less >= LEAST_SHOWN)] = Change.GETS_LESS
    change[stays & (less <= -LEAST_SHOWN)] = Change.GETS_MORE
    return replace(found, change=change)


def _in_another_way(before: Decided, after: Decided) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    names = rule_names(rule for side in (before, after) if side.spoken for rule in side.spoken.rules)
    return because.in_another_way(because.differing(before, after, names))


def _most(reached: Reached, code: Codes, codes: int) -> Codes:
    """The code that most of each cell has."""
    parts, cells = reached.parts, len(reached.parts.cells)
    lived_in = np.bincount(parts.cell, weights=parts.people, minlength=cells) > 0.0
    weight = np.where(lived_in[parts.cell], parts.people, parts.area_km2)
    held = np.bincount(parts.cell * codes + code, weights=weight, minlength=cells * codes).reshape(cells, codes)
    most: Codes = held.argmax(axis=1).astype(np.uint8)
    return most
