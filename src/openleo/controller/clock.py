"""Clocks: stand-in until jumps of the wall clock are found."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """A wall clock and one that only goes on."""

    def utc_s(self) -> float: ...
    def monotonic_s(self) -> float: ...


class SystemClock:
    """The machine's own."""

    def utc_s(self) -> float:
        return time.time()

    def monotonic_s(self) -> float:
        return time.monotonic()


class SteadyClock:
    """UTC on the monotonic timeline."""

    def __init__(self, clock: Clock, most_jump_s: float):
        self.clock, self.most_jump_s = clock, most_jump_s
        self._ahead_s = clock.utc_s() - clock.monotonic_s()

    def now_s(self) -> float:
        return self.clock.monotonic_s() + self._ahead_s

    def jump(self) -> None:
        return None
