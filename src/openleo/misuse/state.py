"""What detectors remember of each terminal: so many bytes, however long it reports."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.misuse.thresholds import KINDS

SESSIONS = 4  # the last that followed one another
FIELDS: dict[str, tuple[type, tuple[int, ...], float]] = {
    "score": (np.float32, (len(KINDS),), 0.0),
    "raised": (np.bool_, (len(KINDS),), 0),
    "held": (np.bool_, (len(KINDS),), 0),
    "peak": (np.float32, (len(KINDS),), 0.0),  # the highest score ever, over what holds: for evaluation
    "scored_at_s": (np.float64, (), np.nan),
    "at_s": (np.float64, (), np.nan),  # of the last position that is believed
    "latitude_deg": (np.float32, (), np.nan),  # to a metre and a half
    "longitude_deg": (np.float32, (), np.nan),
    "uncertainty_m": (np.float32, (), np.nan),
    "cell": (np.uint64, (), 0),  # beside that position
    "run_cell": (np.uint64, (), 0),  # where it began to speed
    "run_hours": (np.float32, (), 0.0),  # of speeding that no cell has borne out so far
    "sessions": (np.uint64, (SESSIONS,), 0),  # the newest last
    "account": (np.int32, (), -1),
    "class_": (np.int32, (), -1),
    "quota": (np.int32, (), -1),
    "day": (np.int32, (), -1),  # the last on which it reported
    "windows_abroad": (np.uint8, (), 0),  # of that day
    "windows_at_home": (np.uint8, (), 0),
}
BYTES_A_TERMINAL = sum(np.dtype(kind).itemsize * int(np.prod(shape)) for kind, shape, _ in FIELDS.values())


class State:
    """Arrays with a row a terminal, by its number; rows are added as terminals are met."""

    def __init__(self) -> None:
        self.rows = 0
        self.arrays: dict[str, NDArray[Any]] = {
            name: np.full((0, *shape), fill, kind) for name, (kind, shape, fill) in FIELDS.items()
        }

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.arrays[name]

    def grow(self, rows: int) -> None:
        """Have a row for each of so many terminals; room is doubled, so that growing is rare."""
        if rows <= self.rows:
            return
        self.rows = rows
        room = len(self.arrays["day"])
        if rows <= room:
            return
        more = max(rows, 2 * room) - room
        for name, (kind, shape, fill) in FIELDS.items():
            self.arrays[name] = np.concatenate([self.arrays[name], np.full((more, *shape), fill, kind)])

    @property
    def bytes_used(self) -> int:
        return sum(array.nbytes for array in self.arrays.values())
