"""The Earth as rules tell it apart: the kinds of cells under some regions, and the kinds of places within them.

Takes an index of cells and the regions that rules speak of; gives Ground. Two places of one label inside the same
regions are one place here, however far apart. A cell's kind says which of them it may hold: all pairs of a label that
it touches and a way to lie in the regions that cross it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from openleo.places.cell_index import CellIndex, cells_of_region
from openleo.places.expressions import Difference, Expression, Intersection, Labels, Region, Union

Ints = NDArray[np.int64]
Numbers = NDArray[np.int32]
Flags = NDArray[np.bool_]

OUTSIDE, CROSSED, INSIDE = range(3)  # how a cell lies to a region
MOST_TOLD_APART = 4  # regions that cross one cell; of further ones it is not known whether they hold a place
MOST_KEPT = 8  # grounds
MOST_EXTENTS = 4096  # areas, of one ground


@dataclass(frozen=True)
class HeldPlaces:
    """The places of an area: `place` (row,) by number, in order; `unsure` (row,) where it may lie outside."""

    place: Numbers
    unsure: Flags


@dataclass(frozen=True, eq=False)
class Ground:
    """The places of kind k are `member[first[k]:first[k + 1]]`; `kind` (cell,).

    A place has a label, and `inside` (place, region): 1 inside, 0 outside, −1 not known.
    """

    index: CellIndex
    regions: tuple[Region, ...]
    kind: Numbers
    first: Ints
    member: Numbers
    label: Numbers
    inside: NDArray[np.int8]
    _by_label: tuple[Numbers, Ints] = field(repr=False)  # places sorted by label, and where each label's start
    _extents: dict[Expression, HeldPlaces] = field(default_factory=dict, repr=False)

    def extent(self, area: Expression) -> HeldPlaces:
        """The places that an area holds, or may hold; kept for the areas asked for last."""
        if (found := self._extents.get(area)) is None:
            found = self._of_labels(area.ids) if isinstance(area, Labels) else self._of_any(area)
            while len(self._extents) >= MOST_EXTENTS:
                self._extents.pop(next(iter(self._extents)), None)
            self._extents[area] = found
        return found

    def _of_labels(self, ids: frozenset[str]) -> HeldPlaces:
        place, start = self._by_label
        wanted = self._numbers(ids)
        places = np.sort(np.concatenate([place[:0], *(place[start[one] : start[one + 1]] for one in wanted)]))
        return HeldPlaces(places, np.zeros(len(places), dtype=bool))

    def _numbers(self, ids: frozenset[str]) -> list[int]:
        """A label that no cell can have is a fault: a forbid on it would forbid nothing."""
        number = self.index.number_of_label
        if unknown := sorted(ids - number.keys()):
            raise ValueError(f"the index has no label {', '.join(unknown)}")
        return sorted(number[id_] for id_ in ids)

    def _of_any(self, area: Expression) -> HeldPlaces:
        true, false = self._holds(area)
        places = np.flatnonzero(~false)
        return HeldPlaces(places.astype(np.int32), ~true[places])

    def _holds(self, area: Expression) -> tuple[Flags, Flags]:
        """Kleene's values of every place: (true, false), neither where it is not known."""
        match area:
            case Labels(ids):
                here = np.isin(self.label, self._numbers(ids))
                return here, ~here
            case Region():
                inside = self.inside[:, self.regions.index(area)]
                return inside == 1, inside == 0
            case Union(parts):
                every = [self._holds(part) for part in parts]
                return _any([true for true, _ in every], len(self.label)), _all(
                    [no for _, no in every], len(self.label)
                )
            case Intersection(parts):
                every = [self._holds(part) for part in parts]
                return _all([true for true, _ in every], len(self.label)), _any(
                    [no for _, no in every], len(self.label)
                )
            case Difference(base, without):
                (true, false), (out, stays) = self._holds(base), self._holds(without)
                return true & stays, false | out


def _any(flags: list[Flags], count: int) -> Flags:
    return np.logical_or.reduce(flags) if flags else np.zeros(count, dtype=bool)


def _all(flags: list[Flags], count: int) -> Flags:
    return np.logical_and.reduce(flags) if flags else np.ones(count, dtype=bool)


_grounds: OrderedDict[tuple[object, ...], Ground] = OrderedDict()
_lock = Lock()


def ground(index: CellIndex, regions: Sequence[Region] = ()) -> Ground:
    """The ground under some regions; kept for those asked for last."""
    ordered = tuple(sorted(set(regions), key=lambda region: (region.sha256, region.text)))
    key = (id(index), *((region.sha256, region.text) for region in ordered))
    with _lock:
        if key in _grounds and _grounds[key].index is index:
            _grounds.move_to_end(key)
            return _grounds[key]
    made = lay(index, ordered)
    with _lock:
        _grounds[key] = made
        while len(_grounds) > MOST_KEPT:
            _grounds.popitem(last=False)
    return made


def forget() -> None:
    """Let go of the grounds that are kept: the next ones are laid anew, as a benchmark wants."""
    with _lock:
        _grounds.clear()


def lay(index: CellIndex, regions: tuple[Region, ...]) -> Ground:
    """As `ground`, whatever there is already.

    The kinds of the index come first, and its labels outside of all regions are the first places: only what regions
    touch is new.
    """
    kind, known = index.kind.copy(), len(index.first) - 1
    base = np.arange(known)  # of each kind: the kind of the index it comes from
    state = np.full((known, len(regions)), OUTSIDE, dtype=np.int8)
    touched = [np.empty(0, dtype=np.int64)]
    for number, region in enumerate(regions):
        found = cells_of_region(region, index)
        for cells, how in ((found.inside, INSIDE), (found.crossed, CROSSED)):
            before, new = np.unique(kind[cells], return_inverse=True)
            more = state[before]
            more[:, number] = how
            kind[cells] = len(base) + new.ravel()
            base, state = np.concatenate([base, base[before]]), np.concatenate([state, more])
            touched.append(cells)
    in_regions = np.unique(np.concatenate(touched))
    used, new = np.unique(kind[in_regions], return_inverse=True)  # kinds on the way to others are dropped
    kind[in_regions] = known + new.ravel()
    return _with_places(index, regions, kind, base[used], state[used])


def _with_places(
    index: CellIndex, regions: tuple[Region, ...], kind: Numbers, base: Ints, state: NDArray[np.int8]
) -> Ground:
    """`base` and `state` of the kinds that come after the index's own."""
    outside = bytes(len(regions))
    number = {(label, outside): label for label in range(len(index.labels))}
    ways_of: dict[bytes, list[bytes]] = {}
    member: list[int] = []
    size: list[int] = []
    for start, end, states in zip(index.first[base].tolist(), index.first[base + 1].tolist(), state, strict=True):
        if (ways := ways_of.get(states.tobytes())) is None:
            ways = ways_of[states.tobytes()] = [way.tobytes() for way in _ways(states)]
        labels = index.member[start:end].tolist()
        member += [number.setdefault((label, way), len(number)) for label in labels for way in ways]
        size.append(len(labels) * len(ways))
    label = np.array([label for label, _ in number], dtype=np.int32)
    inside = np.array([list(way) for _, way in number], dtype=np.uint8).view(np.int8)
    order = np.argsort(label, kind="stable").astype(np.int32)
    return Ground(
        index,
        regions,
        kind,
        np.concatenate([index.first, index.first[-1] + np.cumsum(np.array(size, dtype=np.int64))]),
        np.concatenate([index.member, np.array(member, dtype=np.int32)]),
        label,
        inside.reshape(len(label), len(regions)),
        (order, np.searchsorted(label[order], np.arange(len(index.labels) + 1))),
    )


def _ways(states: NDArray[np.int8]) -> NDArray[np.int8]:
    """The ways a place of a cell can lie in the regions, axes (way, region)."""
    crossed = np.flatnonzero(states == CROSSED)
    told, untold = crossed[:MOST_TOLD_APART], crossed[MOST_TOLD_APART:]
    ways = np.tile((states == INSIDE).astype(np.int8), (2 ** len(told), 1))
    ways[:, told] = np.array(list(product((0, 1), repeat=len(told))), dtype=np.int8).reshape(len(ways), len(told))
    ways[:, untold] = -1
    return ways
