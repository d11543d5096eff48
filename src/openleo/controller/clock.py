"""What time it is, for a system that must not be fooled by its own wall clock.

    wall clock, monotonic clock ─► Timeline.moved ─► SteadyClock.now_s
                                        └─► Jump, which stands until a person confirms it

The timeline is anchored to the wall clock once and then goes by the monotonic one. Between confirmations it never goes
back, and it never precedes what the ledger has seen. `clock_kept` carries both over a restart.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, replace
from typing import Protocol

# The timeline follows the wall clock by no more than this share of the time that passes. It is NTP's own bound on what
# an oscillator errs (RFC 5905 §11.3, MAXFREQ: 500 ppm), so what corrects an oscillator is followed without alarm, a
# leap second within 34 minutes. Whoever sets the clock by many small steps outruns it: they add up to a jump.
FOLLOWS = 500e-6
READ_APART_S = 0.05  # a process can be stopped between its reading of the two clocks, and would see a jump
READ_TIMES = 20


class Clock(Protocol):
    """The two clocks of a machine."""

    def utc_s(self) -> float:
        """Seconds since the Unix epoch, as the wall clock has them."""

    def monotonic_s(self) -> float:
        """Seconds that have passed since some instant; nobody can set it."""


class SystemClock:
    """The machine's own. Where it can, the monotonic one counts on while the machine sleeps: waking is no jump."""

    def utc_s(self) -> float:
        return time.time()

    def monotonic_s(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


@dataclass
class ManualClock:
    """For tests: stands still until somebody moves it."""

    utc: float = 1_795_000_000.0
    monotonic: float = 0.0

    def utc_s(self) -> float:
        return self.utc

    def monotonic_s(self) -> float:
        return self.monotonic

    def pass_s(self, seconds: float) -> None:
        """Time passes, for both."""
        self.utc += seconds
        self.monotonic += seconds

    def step_s(self, seconds: float) -> None:
        """Somebody sets the wall clock."""
        self.utc += seconds


@dataclass(frozen=True)
class Jump:
    """The wall clock and the timeline parted by more than a slot: one of them is wrong."""

    by_s: float  # how far the wall clock was ahead of the timeline when it was seen; below zero: behind
    at_s: float  # on the timeline


@dataclass(frozen=True)
class Timeline:
    """UTC on the monotonic clock."""

    utc_s: float  # where it was anchored
    monotonic_s: float
    most_jump_s: float
    followed_s: float = 0.0  # of what the wall clock was corrected by since
    until_s: float = 0.0  # the monotonic instant that it has come to
    last_s: float = -math.inf  # what was said last
    ledger_s: float = -math.inf  # never before
    jump: Jump | None = None

    @classmethod
    def anchored(cls, utc_s: float, monotonic_s: float, most_jump_s: float) -> Timeline:
        """From here on."""
        return cls(utc_s, monotonic_s, most_jump_s, until_s=monotonic_s, last_s=utc_s)

    @property
    def line_s(self) -> float:
        """Where it is, were there no ledger."""
        return self.utc_s + (self.until_s - self.monotonic_s) + self.followed_s

    def moved(self, utc_s: float, monotonic_s: float) -> Timeline:
        """Time has passed: what the two clocks say now."""
        until_s = max(self.until_s, monotonic_s)
        line_s = self.utc_s + (until_s - self.monotonic_s) + self.followed_s
        ahead_s = utc_s - line_s
        most = FOLLOWS * (until_s - self.until_s)
        jump = self.jump or self._seen(ahead_s, line_s)
        followed = 0.0 if jump else min(max(ahead_s, -most), most)
        last_s = max(line_s + followed, self.last_s, self.ledger_s)
        return Timeline(
            self.utc_s,
            self.monotonic_s,
            self.most_jump_s,
            self.followed_s + followed,
            until_s,
            last_s,
            self.ledger_s,
            jump,
        )

    def _seen(self, ahead_s: float, line_s: float) -> Jump | None:
        behind_ledger_s = self.ledger_s - line_s  # then the wall clock that it was anchored to was wrong
        parted_s = ahead_s if abs(ahead_s) > behind_ledger_s else -behind_ledger_s
        return Jump(parted_s, max(line_s, self.last_s)) if abs(parted_s) > self.most_jump_s else None

    def confirmed(self, utc_s: float, monotonic_s: float) -> Timeline:
        """A person says that the wall clock is right: from here on it goes by that, though never before the ledger.

        The one way back in time. If the ledger is ahead of the wall clock by more than a slot, the jump is seen anew.
        """
        anew = Timeline.anchored(utc_s, monotonic_s, self.most_jump_s)
        return replace(anew, ledger_s=self.ledger_s).moved(utc_s, monotonic_s)

    def not_before(self, at_s: float) -> Timeline:
        return replace(self, ledger_s=max(self.ledger_s, at_s))


class SteadyClock:
    """The timeline of a running controller. Its methods may be called from several threads."""

    def __init__(self, clock: Clock, at: Timeline):
        self._clock = clock
        self._lock = threading.Lock()
        self._at = at

    @classmethod
    def anchored(cls, clock: Clock, most_jump_s: float) -> SteadyClock:
        """To the wall clock, now."""
        return cls(clock, Timeline.anchored(*_both(clock), most_jump_s))

    @property
    def timeline(self) -> Timeline:
        """As of now."""
        with self._lock:
            self._at = self._at.moved(*_both(self._clock))
            return self._at

    def now_s(self) -> float:
        """UTC, in seconds since the Unix epoch."""
        return self.timeline.last_s

    def jump(self) -> Jump | None:
        """While one stands nothing new is permitted and nothing activates; what is in force goes on."""
        return self.timeline.jump

    def not_before(self, at_s: float) -> None:
        """The ledger, or a cosignature under it, is of this instant: time has come to it."""
        with self._lock:
            self._at = self._at.not_before(at_s)

    def confirm(self) -> None:
        """A person says that the wall clock is right."""
        with self._lock:
            self._at = self._at.confirmed(*_both(self._clock))

    def stands(self, jump: Jump) -> None:
        """One that was seen before a restart, or by another controller."""
        with self._lock:
            self._at = replace(self._at, jump=self._at.jump or jump)


def _both(clock: Clock) -> tuple[float, float]:
    """UTC and monotonic of one moment, or of the closest two of READ_TIMES."""
    closest = (math.inf, 0.0, 0.0)
    for _ in range(READ_TIMES):
        before_s, utc_s, after_s = clock.monotonic_s(), clock.utc_s(), clock.monotonic_s()
        closest = min(closest, (after_s - before_s, utc_s, before_s))
        if closest[0] <= READ_APART_S:
            break
    return closest[1:]
