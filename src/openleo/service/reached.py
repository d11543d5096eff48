"""The network's reach, summed up as rules tell places apart.

Takes the statistics of cells and the kinds of their parts; gives Reached: per kind what can be served and how fast.
It is made once; the effect of any rules on it is then a matter of a few thousand numbers, however many cells there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from openleo.places.parts import Parts
from openleo.policy.mask import Kinds
from openleo.service.statistics import RTT_BINS, CellStatistics, quantile_ms

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

CELLS_AT_ONCE = 4096  # of RTT counts: 3,001 bins each


@dataclass(frozen=True, eq=False)
class Reached:
    """Parts, what reaches them, and their kinds.

    area_km2, people (kind,): what can be served, by the share of time that it can be.
    """

    parts: Parts
    statistics: CellStatistics
    kinds: Kinds

    @cached_property
    def territories(self) -> tuple[str, ...]:
        """The labels, in the order of kinds."""
        return tuple(dict.fromkeys(self.kinds.label))

    @cached_property
    def start(self) -> NDArray[np.intp]:
        """Where each territory's kinds begin; they follow each other."""
        label = np.array(self.kinds.label, dtype=object)
        return np.flatnonzero(np.concatenate([[True], label[1:] != label[:-1]]) if len(label) else np.zeros(0, bool))

    def kinds_of(self, territory: int) -> slice:
        """The kinds of a territory, by its number."""
        return self._slices[territory]

    @cached_property
    def _slices(self) -> list[slice]:
        return [slice(*ends) for ends in pairwise([*self.start.tolist(), len(self.kinds)])]

    @cached_property
    def area_km2(self) -> Floats:
        return self._sum(self.parts.area_km2 * self._share)

    @cached_property
    def people(self) -> Floats:
        return self._sum(self.parts.people * self._share)

    @cached_property
    def cells(self) -> tuple[NDArray[np.int32], ...]:
        """The numbers of each kind's cells that can be served at some time."""
        order, ends = self._by_kind
        cell = self.parts.cell[order]
        found = self._share[order] > 0.0
        return tuple(np.unique(cell[a:b][found[a:b]]) for a, b in pairwise(ends))

    def cells_of(self, territory: int, chosen: Flags) -> int:
        """How many cells of some of a territory's kinds can be served at some time."""
        cells = [cells for cells, one in zip(self.cells[self.kinds_of(territory)], chosen, strict=True) if one]
        return len(cells[0] if len(cells) == 1 else np.unique(np.concatenate(cells)))

    def rtt_ms_p50(self, territory: int, permitted: Flags) -> float | None:
        """The median over a territory's permitted kinds, by people, or by area where nobody lives; None without one."""
        key = (territory, permitted.tobytes())
        if key not in self._medians:
            rows = np.arange(len(self.kinds))[self.kinds_of(territory)][permitted]
            self._medians[key] = quantile_ms(sum((self._rtt[row] for row in rows), np.zeros(RTT_BINS)), 0.5)
        return self._medians[key]

    @cached_property
    def _medians(self) -> dict[tuple[int, bytes], float | None]:
        return {}

    @cached_property
    def _rtt(self) -> Floats:
        """(kind, bin): slots whose RTT fell in each bin, weighed by people, or by area where nobody lives."""
        whole = self._sum(self.parts.people)
        lived_in = np.repeat(np.add.reduceat(whole, self.start) > 0.0, np.diff(np.append(self.start, len(self.kinds))))
        order, ends = self._by_kind
        weight = np.where(lived_in[self.kinds.of_part], self.parts.people, self.parts.area_km2)[order]
        cell = self.parts.cell[order]
        total = np.zeros((len(self.kinds), RTT_BINS))
        for kind, (begin, end) in enumerate(pairwise(ends)):
            for first in range(begin, end, CELLS_AT_ONCE):
                some = slice(first, min(first + CELLS_AT_ONCE, end))
                total[kind] += weight[some] @ self.statistics.rtt_counts[cell[some]]
        return total

    @cached_property
    def _share(self) -> Floats:
        """(part,): the share of time that it can be served."""
        share: Floats = self.statistics.can_serve[self.parts.cell]
        return share

    @cached_property
    def _by_kind(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """(parts sorted by kind, where each kind's begin and the last one's end)."""
        order = np.argsort(self.kinds.of_part, kind="stable")
        return order, np.searchsorted(self.kinds.of_part[order], np.arange(len(self.kinds) + 1))

    def _sum(self, values: Floats) -> Floats:
        return np.bincount(self.kinds.of_part, weights=values, minlength=len(self.kinds)).astype(np.float64)
