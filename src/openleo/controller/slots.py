"""Slots of the running system, counted alike by everybody: number 0 began at the Unix epoch, shifted by the phase."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Slots:
    """`slot_s`: how long each lasts; `phase_s`: how long after a whole multiple of it they begin."""

    slot_s: float
    phase_s: float = 0.0

    def number(self, at_s: float) -> int:
        """The slot that an instant (seconds since the Unix epoch, UTC) lies in.

        >>> Slots(15.0, 12.0).number(1_795_000_000.0), Slots(15.0).number(29.9)
        (119666665, 1)
        """
        return math.floor((at_s - self.phase_s) / self.slot_s)

    def begins_s(self, number: int) -> float:
        """When a slot begins, in seconds since the Unix epoch."""
        return number * self.slot_s + self.phase_s
