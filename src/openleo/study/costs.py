"""What a study costs, by its size: processor time and disk, from a few small runs that were measured.

    seconds of a run = a + b × satellites + c × cells
                       + slots × (d + e × satellites + f × cells + g × satellites × cells)

Pure: takes measured runs, gives the constants and how far each of them is from what was measured. Reading a scenario
and drawing its failures grow with satellites, and rows with cells; a slot's ways grow with satellites, and what is
served with cells and the satellites above each.
Money is core-hours × the price of a core-hour, which whoever asks knows and this does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

SECONDS_PER_HOUR = 3600.0
TERMS = (
    "run",
    "satellite",
    "cell",
    "slot",
    "slot × satellite",
    "slot × cell",
    "slot × satellite × cell",
)


@dataclass(frozen=True)
class Size:
    """Of one run."""

    slots: int
    satellites: int
    cells: int


@dataclass(frozen=True)
class Measured:
    """A run that was timed: seconds of one processor."""

    size: Size
    seconds: float


@dataclass(frozen=True)
class Constants:
    """Seconds for each of TERMS. `errors`: how much more (+) of each measured run is computed, as a share of it."""

    seconds: tuple[float, ...]
    errors: tuple[float, ...]

    def of(self, size: Size) -> float:
        """Seconds of a run of that size, on one processor."""
        return float(_terms(size) @ np.array(self.seconds))

    @property
    def worst(self) -> float:
        """The largest error of all, either way."""
        return max(map(abs, self.errors), default=0.0)


def _terms(size: Size) -> NDArray[np.float64]:
    slots, satellites, cells = float(size.slots), float(size.satellites), float(size.cells)
    once = np.array([1.0, satellites, cells])
    return np.concatenate([once, slots * np.append(once, satellites * cells)])


def fitted(measured: Sequence[Measured]) -> Constants:
    """Constants, none below 0, with the least sum of squared relative errors."""
    wanted = np.array([one.seconds for one in measured])
    shares = np.stack([_terms(one.size) for one in measured]) / wanted[:, np.newaxis]
    scale = shares.max(axis=0)
    found, _ = nnls(shares / scale, np.ones(len(measured)))
    seconds = found / scale
    return Constants(tuple(seconds.tolist()), tuple((shares @ seconds - 1.0).tolist()))


def core_hours(seconds_a_run: float, runs: int) -> float:
    """Of so many runs.

    >>> core_hours(1.8, runs=1000)
    0.5
    """
    return seconds_a_run * runs / SECONDS_PER_HOUR


def disk_bytes(rows_a_run: int, runs: int, row_bytes: float, head_bytes: float, block_bytes: int = 4096) -> int:
    """Of the files of all runs, each of whole blocks; the dataset beside them is small.

    >>> disk_bytes(rows_a_run=1, runs=1000, row_bytes=400.0, head_bytes=250.0)
    4096000
    """
    return runs * int(-(-(head_bytes + rows_a_run * row_bytes) // block_bytes)) * block_bytes


def split(slots: int, most: int) -> list[int]:
    """The slots of each run of a long time: as few runs as may be, all but the last of one length.

    >>> split(2_102_400, 65_535)[:2], len(split(2_102_400, 65_535))
    ([65535, 65535], 33)
    """
    whole, rest = divmod(slots, most)
    return [most] * whole + ([rest] if rest else [])
