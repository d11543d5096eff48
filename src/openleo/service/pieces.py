"""What a change of service weighs: kinds of places, apart by what their two networks give.

Takes what reaches the parts before and after (the same, unless the rules change the gateways as well); gives Pieces.
A place that one network serves for a larger share of the time than the other has two: what both give, and the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from openleo.service.reached import Reached

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

LAYERS = 3
KEPT, FEWER, MORE = range(
    LAYERS
)  # what both give; what the first gives and the second does not; and the other way round


@dataclass(frozen=True, eq=False)
class Sums:
    """Axes (territory, class); `cells_in_all` (class,) counts each once, however many territories share it."""

    touched: Flags
    cells: Ints
    area_km2: Floats
    people: Floats
    cells_in_all: Ints


@dataclass(frozen=True, eq=False)
class Pieces:
    """Axes (piece,), in the order of kinds: of which `kind` and `layer`, and what is served, by the share of time.

    The cells of piece p are `cell[first[p]:first[p + 1]]`.
    """

    kind: Ints
    layer: Ints
    territory: Ints
    territories: int
    area_km2: Floats
    people: Floats
    cell: NDArray[np.int32]
    first: Ints
    cells: int  # of the parts
    _shared: tuple[Ints, Ints, NDArray[np.int32]]  # (cells of one piece alone, pieces and cells of all others)
    _known: dict[tuple[int, bytes], int] = field(default_factory=dict)

    def sums(self, flags: Flags) -> Sums:
        """What is flagged, (piece, class)."""
        size = np.diff(self.first)
        touched, cells, area, people = (
            self._by_territory(weight, flags) for weight in (np.ones(len(size)), size, self.area_km2, self.people)
        )
        found = cells.astype(np.intp)
        for territory, column in np.argwhere(touched > 1.0).tolist():
            found[territory, column] = self._cells(territory, flags[:, column])
        return Sums(touched > 0.0, found, area, people, self._in_all(flags))

    def _by_territory(self, weight: Floats, flags: Flags) -> Floats:
        found = np.zeros((self.territories, flags.shape[1]))
        first = np.flatnonzero(np.diff(self.territory, prepend=-1))
        if len(first):
            found[self.territory[first]] = np.add.reduceat(weight[:, np.newaxis] * flags, first, axis=0)
        return found

    def _cells(self, territory: int, flags: Flags) -> int:
        """The cells of several pieces of a territory, each once."""
        first, last = np.searchsorted(self.territory, [territory, territory + 1]).tolist()
        mine = flags[first:last]
        key = (territory, mine.tobytes())
        if key not in self._known:
            some = [self.cell[self.first[p] : self.first[p + 1]] for p in (first + np.flatnonzero(mine)).tolist()]
            self._known[key] = len(np.unique(np.concatenate(some)))
        return self._known[key]

    def _in_all(self, flags: Flags) -> Ints:
        alone, piece, cell = self._shared
        found = alone @ flags
        told: dict[bytes, int] = {}
        for column, mine in enumerate(np.ascontiguousarray(flags.T)):
            key = mine.tobytes()
            if key not in told:
                here = np.zeros(self.cells, dtype=bool)
                here[cell[mine[piece]]] = True
                told[key] = int(np.count_nonzero(here))
            found[column] += told[key]
        return found


def pieces(before: Reached, after: Reached) -> Pieces:
    """The pieces of two networks over the same parts and kinds; found once."""
    if (found := before.known.get(after)) is None:
        found = before.known[after] = _pieces(before, after)
    assert isinstance(found, Pieces)
    return found


def _pieces(before: Reached, after: Reached) -> Pieces:
    parts, kinds = before.parts, len(before.kinds)
    part, number, share = [], [], []
    for layer, some in _layers(before, after):
        mine = np.flatnonzero(some > 0.0)
        part.append(mine)
        number.append(before.kinds.of_part[mine] * LAYERS + layer)
        share.append(some[mine])
    at, shares = np.concatenate(part), np.concatenate(share)
    used, piece = np.unique(np.concatenate(number), return_inverse=True)
    area, people = (
        np.bincount(piece, weights=shares * weight[at], minlength=len(used)).astype(np.float64)
        for weight in (parts.area_km2, parts.people)
    )
    cells = len(parts.cells)
    each = np.unique(piece * cells + parts.cell[at])
    of_piece, cell = np.divmod(each, max(cells, 1))
    kind, layer_ = np.divmod(used, LAYERS)
    single = np.bincount(cell, minlength=cells)[cell] == 1
    alone = np.bincount(of_piece[single], minlength=len(used))
    territory = np.repeat(np.arange(len(before.territories)), np.diff(np.append(before.start, kinds)))[kind]
    return Pieces(
        kind, layer_, territory, len(before.territories), area, people, cell.astype(np.int32),
        np.searchsorted(of_piece, np.arange(len(used) + 1)), cells,
        (alone, of_piece[~single], cell[~single].astype(np.int32)),
    )  # fmt: skip


def _layers(before: Reached, after: Reached) -> list[tuple[int, Floats]]:
    """What of the time (part,) is served by both, and by either alone."""
    was, is_ = before.share, after.share
    if before is after:
        return [(KEPT, was)]
    return [(KEPT, np.minimum(was, is_)), (FEWER, np.maximum(was - is_, 0.0)), (MORE, np.maximum(is_ - was, 0.0))]
