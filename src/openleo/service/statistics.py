"""What a run of slots leaves behind for every cell: counts, never the slots themselves.

A day of the whole Earth has 1.7 thousand million cell-slots, so reach is folded in chunk by chunk. Times to the
Internet are counted in bins of a tenth of a millisecond, which is all that percentiles are reported to.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openleo.network.reach import Reach

Floats = NDArray[np.float64]

# Bins of a tenth of a millisecond to 200 ms, of one to 1,200 ms, and a last one for what is slower still.
FINE_MS, FINE_BINS = 0.1, 2000
COARSE_MS, COARSE_BINS = 1.0, 1000
FINE_END_MS = FINE_MS * FINE_BINS
RTT_BINS = FINE_BINS + COARSE_BINS + 1
BIN_MIDDLE_MS = np.concatenate(
    [
        (np.arange(FINE_BINS) + 0.5) * FINE_MS,
        FINE_END_MS + (np.arange(COARSE_BINS) + 0.5) * COARSE_MS,
        [np.nan],  # slower than is told apart
    ]
)


@njit(cache=True, nogil=True, error_model="numpy")
def _bin_of(rtt_ms: float) -> int:
    if rtt_ms < FINE_END_MS:
        return int(rtt_ms / FINE_MS)
    return int(min(FINE_BINS + (rtt_ms - FINE_END_MS) / COARSE_MS, RTT_BINS - 1))


@njit(cache=True, nogil=True, error_model="numpy")
def _fold(
    satellite: NDArray[np.int32], rtt_ms: NDArray[np.float32], seen: NDArray[np.int16],
    reached: NDArray[np.int32], dark: NDArray[np.int32], counts: NDArray[np.uint16],
    least: NDArray[np.int32], total: NDArray[np.int64], run: NDArray[np.int32],
    outages: NDArray[np.int32], longest: NDArray[np.int32], hand_overs: NDArray[np.int32], last: NDArray[np.int32],
) -> None:  # fmt: skip
    slots, cells = satellite.shape
    for slot in range(slots):
        for cell in range(cells):
            n = seen[slot, cell]
            total[cell] += n
            least[cell] = min(least[cell], n)
            server = satellite[slot, cell]
            if server >= 0:
                reached[cell] += 1
                counts[cell, _bin_of(rtt_ms[slot, cell])] += 1
                run[cell] = 0
                if last[cell] >= 0 and last[cell] != server:
                    hand_overs[cell] += 1
            else:
                dark[cell] += n == 0
                outages[cell] += run[cell] == 0
                run[cell] += 1
                longest[cell] = max(longest[cell], run[cell])
            last[cell] = server


class Counter:
    """Folds Reach in, chunk after chunk; `finish` gives the frozen result."""

    def __init__(self, cells: int, slot_s: float):
        self._slot_s = slot_s
        self._slots = 0
        self._reached, self._dark, self._run, self._outages, self._longest, self._hand_overs = (
            np.zeros(cells, np.int32) for _ in range(6)
        )
        self._last = np.full(cells, -1, np.int32)
        self._least = np.full(cells, np.iinfo(np.int32).max, np.int32)
        self._total = np.zeros(cells, np.int64)
        self._counts = np.zeros((cells, RTT_BINS), np.uint16)

    def add(self, reach: Reach) -> None:
        if self._slots + len(reach.satellite) > np.iinfo(np.uint16).max:
            raise ValueError("a run is counted up to 65,535 slots (11 days of 15 s); split it")
        self._slots += len(reach.satellite)
        _fold(
            reach.satellite, reach.rtt_ms, reach.seen, self._reached, self._dark, self._counts, self._least,
            self._total, self._run, self._outages, self._longest, self._hand_overs, self._last,
        )  # fmt: skip

    def finish(self) -> CellStatistics:
        slots = max(self._slots, 1)
        return CellStatistics(
            slots=self._slots,
            can_serve=self._reached / slots,
            no_satellite=self._dark / slots,
            no_gateway=(self._slots - self._reached - self._dark) / slots,
            rtt_counts=self._counts,
            satellites_min=np.where(self._slots, self._least, 0),
            satellites_mean=self._total / slots,
            outages=self._outages,
            outage_s_longest=self._longest.astype(np.float64) * self._slot_s,
            hand_overs=self._hand_overs,
        )


@dataclass(frozen=True)
class CellStatistics:
    """Axes (cell,). Shares of the run's slots; `can_serve + no_satellite + no_gateway = 1`.

    rtt_counts (cell, bin): slots whose RTT fell in each bin (see BIN_MIDDLE_MS). An outage is a run of slots in which
    nobody could serve the cell, whatever the rules.
    """

    slots: int
    can_serve: Floats
    no_satellite: Floats
    no_gateway: Floats
    rtt_counts: NDArray[np.uint16]
    satellites_min: NDArray[np.int32]
    satellites_mean: Floats
    outages: NDArray[np.int32]
    outage_s_longest: Floats
    hand_overs: NDArray[np.int32]

    def rtt_ms(self, quantile: float) -> Floats:
        """The RTT below which a share of each cell's served slots lies; NaN where none was served."""
        return quantiles_ms(self.rtt_counts, quantile)


def quantiles_ms(counts: NDArray[np.number], quantile: float) -> Floats:
    """The quantile of each row of RTT counts, axes (row, bin), at the middle of its bin.

    NaN for a row of zeros, and where the quantile is slower than the bins tell apart.
    """
    found = np.full(len(counts), np.nan)
    for row, bins in enumerate(counts):  # a row at a time: the running sums of all rows would be gigabytes
        total = bins.sum()
        if total > 0:
            found[row] = BIN_MIDDLE_MS[np.searchsorted(np.cumsum(bins, dtype=np.float64), quantile * total)]
    return found


def quantile_ms(counts: NDArray[np.number], quantile: float) -> float | None:
    """The quantile of one row, None where there is none."""
    found = float(quantiles_ms(counts[np.newaxis], quantile)[0])
    return None if math.isnan(found) else round(found, 2)
