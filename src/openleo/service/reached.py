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
from openleo.service.statistics import RTT_BINS, CellStatistics, quantile_ms, quantiles_ms

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

    @cached_property
    def known(self) -> dict[Reached, object]:
        """What was found of this network beside others, by the other."""
        return {}

    @cached_property
    def area_km2(self) -> Floats:
        return self._sum(self.parts.area_km2 * self.share)

    @cached_property
    def people(self) -> Floats:
        return self._sum(self.parts.people * self.share)

    @cached_property
    def people_of_territories(self) -> dict[str, int]:
        """Whom it can serve, by territory."""
        people = np.add.reduceat(self.people, self.start) if len(self.kinds) else np.zeros(0)
        return {id_: round(float(one)) for id_, one in zip(self.territories, people, strict=True)}

    def medians(self, permitted: Flags) -> list[list[float | None]]:
        """(territory, class): the median over the permitted kinds (kind, class), in ms; None where there is none.

        By people, or by area where nobody lives.
        """
        ends = np.append(self.start, len(self.kinds))
        alone = np.diff(ends) == 1
        found = np.where(permitted[self.start] & alone[:, np.newaxis], self._median[self.start, np.newaxis], np.nan)
        told = found.astype(object)
        told[np.isnan(found)] = None
        said: list[list[float | None]] = told.tolist()
        for territory in np.flatnonzero(~alone).tolist():
            mine = permitted[ends[territory] : ends[territory + 1]]
            said[territory] = [self._median_of(territory, mine[:, column]) for column in range(mine.shape[1])]
        return said

    def _median_of(self, territory: int, permitted: Flags) -> float | None:
        key = (territory, permitted.tobytes())
        if key not in self._medians:
            rows = self._rtt[self.start[territory] :][: len(permitted)]
            self._medians[key] = quantile_ms(rows[permitted].sum(axis=0), 0.5)
        return self._medians[key]

    @cached_property
    def _medians(self) -> dict[tuple[int, bytes], float | None]:
        return {}

    @cached_property
    def _median(self) -> Floats:
        """(kind,): of each alone."""
        return quantiles_ms(self._rtt, 0.5).round(2)

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
    def share(self) -> Floats:
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
