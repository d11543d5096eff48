"""What an effect looks like from above: the state of every cell before and after, and what changes there.

A cell shows what happens to most of its people × time, or of its area × time where nobody lives.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from openleo.policy.mask import DEPENDS, NO, YES, Decided
from openleo.service.reached import Reached

Codes = NDArray[np.uint8]


class Change(IntEnum):
    """What happens to most of a cell."""

    STAYS_OUT = 0
    STAYS_IN = 1
    LOST = 2
    GAINED = 3
    MAY_CHANGE = 4  # it depends on the terminal, before or after
    UNREACHED = 5  # the network does not reach it


@dataclass(frozen=True)
class CellEffect:
    """Axes (cell,): `before` and `after` hold NO, DEPENDS or YES; `change` holds Change."""

    class_: str
    before: Codes
    after: Codes
    change: Codes


def by_cell(networks: tuple[Reached, Reached], before: Decided, after: Decided, class_: str) -> CellEffect:
    """The cells of one class of terminals, in the order of the parts' cells; `networks` before and after."""
    reached = networks[0]
    shares = [network.statistics.can_serve for network in networks]
    less, more = ((one < other / 2.0)[reached.parts.cell] for one, other in (shares[::-1], shares))
    column = before.classes.index(class_)
    was, is_ = (one.may[:, column][reached.kinds.of_part] for one in (before, after))
    change = np.full(len(was), Change.MAY_CHANGE, dtype=np.uint8)
    same = was == is_
    change[same & (was == YES)] = Change.STAYS_IN
    change[same & (was == NO)] = Change.STAYS_OUT
    change[same & (was == YES) & less] = Change.LOST  # another network serves less than half of it
    change[same & (was == YES) & more] = Change.GAINED
    change[(was == YES) & (is_ == NO)] = Change.LOST
    change[(was == NO) & (is_ == YES)] = Change.GAINED
    unreached = np.maximum(*shares) == 0.0
    states = _most(reached, was, DEPENDS + 2), _most(reached, is_, DEPENDS + 2)
    shown = np.where(unreached, np.uint8(Change.UNREACHED), _most(reached, change, len(Change)))
    return CellEffect(class_, states[0], states[1], shown)


def _most(reached: Reached, code: Codes, codes: int) -> Codes:
    """The code that most of each cell has."""
    parts, cells = reached.parts, len(reached.parts.cells)
    lived_in = np.bincount(parts.cell, weights=parts.people, minlength=cells) > 0.0
    weight = np.where(lived_in[parts.cell], parts.people, parts.area_km2)
    held = np.bincount(parts.cell * codes + code, weights=weight, minlength=cells * codes).reshape(cells, codes)
    most: Codes = held.argmax(axis=1).astype(np.uint8)
    return most
