"""Instants and slots: the one place that knows calendars and leap seconds.

An instant enters as UTC and is carried as a `datetime` with its zone. Numerical code asks for Julian dates, split
in two floats so that a microsecond survives. A scenario's time is cut into slots by a `SlotGrid`.
"""

from __future__ import annotations

import math
import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from openleo.units import SECONDS_PER_DAY

J2000_JD = 2451545.0  # 2000-01-01T12:00:00, by definition of the Julian date
UNIX_EPOCH_JD = 2440587.5  # 1970-01-01T00:00:00
FIRST_YEAR, LAST_YEAR = 1957, 2100  # of orbits

# TAI − UTC is not needed for orbits that start from UTC epochs and run for days: SGP4 and the rotation angle both take
# UTC. A run that crosses a leap second would slip by 1 s (7.6 km along the orbit). None has been announced since
# 2017-01-01 (IERS Bulletin C), so the slot grid treats every day as 86,400 s.

# How far other clocks are ahead since then: TAI − UTC is 37 s, GPS = TAI − 19 s, TT = TAI + 32.184 s.
NO_LEAP_SECOND_SINCE = date(2017, 1, 1)
AHEAD_OF_UTC_S = {"UTC": 0.0, "TAI": 37.0, "GPS": 18.0, "TT": 69.184}

LONGEST_S = 1e15  # 30 million years: whatever is longer is a slip, and sums of it are no numbers
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)")
_SECONDS = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "min": Decimal(60),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(SECONDS_PER_DAY),
}


def utc(instant: datetime) -> datetime:
    """The instant in UTC; a `datetime` without a zone is taken as UTC."""
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def parse_instant(text: str) -> datetime:
    """An ISO 8601 instant, UTC unless it says otherwise.

    >>> parse_instant("2026-11-20T00:00:00Z").isoformat()
    '2026-11-20T00:00:00+00:00'
    """
    try:
        return utc(datetime.fromisoformat(text))
    except OverflowError:
        raise ValueError(f"{text!r} lies outside the years 1 to 9999 in UTC") from None


def stated_instant(value: datetime | str) -> datetime:
    """An instant of a scenario, in UTC: a `datetime` or ISO 8601, with its zone, in the years that orbits are for.

    Raises ValueError with what is wrong and what to write.

    >>> stated_instant("2026-11-20T08:00:00+08:00").isoformat()
    '2026-11-20T00:00:00+00:00'
    """
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError(f"is {value!r}; write an instant such as 2026-11-20T00:00:00Z.") from None
    if instant.tzinfo is None:
        raise ValueError(f"is {value}, without its zone; write {instant.isoformat()}Z for UTC.")
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise ValueError(f"is {value}; orbits are computed from {FIRST_YEAR} to {LAST_YEAR}.")
    return utc(instant)


LONGEST_DAY = len("2026-W47-5")
_LEAP_SECOND = re.compile(r"(T|t| )(\d\d:\d\d):60(?:\.\d*)?")


def civil_instant(value: datetime | str) -> datetime:
    """An instant of civil time (a rule's edge, a request's time), in UTC: a `datetime` or ISO 8601, with its zone.

    Every instant of a leap second (23:59:60, at the end of a month of UTC) is carried as the last microsecond before
    midnight: what ends at midnight still holds then, and what begins at midnight does not yet. Raises ValueError with
    what is wrong and what to write.

    >>> civil_instant("2017-01-01T08:59:60+09:00").isoformat()
    '2016-12-31T23:59:59.999999+00:00'
    """
    if (day := _day_of(value)) is not None:
        raise ValueError(f"is {value}, a day without a time; write {day}T00:00:00Z for its beginning in UTC.")
    if not isinstance(value, str | datetime):
        raise ValueError(f"is {value}; write an instant such as 2026-11-20T00:00:00Z.")  # noqa: TRY004 - as all others
    text = value if isinstance(value, str) else ""
    leap = _LEAP_SECOND.search(text) if ":60" in text else None
    try:
        if leap:
            text = text[: leap.start()] + f"{leap[1]}{leap[2]}:59.999999" + text[leap.end() :]
        instant = datetime.fromisoformat(text) if isinstance(value, str) else value
        moment = utc(instant)
    except (ValueError, OverflowError):
        raise ValueError(f"is {value!r}; write an instant such as 2026-11-20T00:00:00Z.") from None
    if instant.tzinfo is None:
        said = value if isinstance(value, str) else instant.isoformat()
        raise ValueError(f"is {said}, without its zone; write {said}Z for UTC.")
    if leap and (moment.day, moment.hour, moment.minute) != (monthrange(moment.year, moment.month)[1], 23, 59):
        raise ValueError(f"is {value}; a leap second ends a month of UTC, at 23:59:60.")
    return moment


def _day_of(value: object) -> date | None:
    """The day that a value is, where it is one without a time."""
    if isinstance(value, str):
        if len(value) > LONGEST_DAY:
            return None
        try:
            return date.fromisoformat(value)
        except ValueError:
            return None
    return value if isinstance(value, date) and not isinstance(value, datetime) else None


def instant_text(instant: datetime) -> str:
    """The form written to every file: `2026-11-20T00:00:00Z`, with a fraction only when there is one."""
    return utc(instant).isoformat().replace("+00:00", "Z")


def parse_duration_s(text: str) -> float:
    """Seconds from `15s`, `24h`, `1h30m`, `2d`.

    >>> parse_duration_s("1h30m")
    5400.0
    """
    pieces = _DURATION.findall(text.strip())
    if not pieces or "".join(number + unit for number, unit in pieces) != re.sub(r"\s", "", text):
        raise ValueError(f"{text!r} is not a duration; write for example 15s, 90m, 24h or 7d")
    seconds = float(sum(Decimal(number) * _SECONDS[unit] for number, unit in pieces))
    if seconds > LONGEST_S:
        raise ValueError(f"{text!r} is too long to count in seconds")
    return seconds


def julian_date(instant: datetime) -> tuple[float, float]:
    """Julian date of a UTC instant as (midnight part ending in .5, fraction of the day)."""
    since = utc(instant) - datetime(1970, 1, 1, tzinfo=UTC)
    return UNIX_EPOCH_JD + since.days, (since.seconds + since.microseconds * 1e-6) / SECONDS_PER_DAY


def instant_of(at_s: float) -> datetime:
    """The instant of seconds since the Unix epoch, to the microsecond, in UTC."""
    return datetime.fromtimestamp(at_s, UTC)


@dataclass(frozen=True)
class SlotGrid:
    """The cut of a scenario's time into slots of equal length.

    `start` is the first slot's start. Slot n covers [start + n·slot_s, start + (n+1)·slot_s).
    """

    start: datetime
    slot_s: float
    slots: int

    @classmethod
    def covering(cls, start: datetime, duration_s: float, slot_s: float, phase_s: float | None = None) -> SlotGrid:
        """The slots of a run of `duration_s`; with a phase, the grid shifts on to the first instant that is ≡ `phase_s`
        (mod `slot_s`) past the minute, and keeps its number of slots.

        >>> SlotGrid.covering(parse_instant("2026-11-20T00:00:00Z"), 86400.0, 15.0, phase_s=12.0).instant(1).isoformat()
        '2026-11-20T00:00:27+00:00'
        """
        start = utc(start)
        past_minute_s = start.second + start.microsecond * 1e-6
        wait_s = 0.0 if phase_s is None else (phase_s - past_minute_s) % slot_s
        return cls(start + timedelta(seconds=wait_s), slot_s, math.floor(duration_s / slot_s + 1e-9))

    def seconds(self, first: int, count: int, within: float = 0.0) -> NDArray[np.float64]:
        """Seconds since `start` of `count` slots' instants, at the share `within` (0 start, ½ middle) of each."""
        return (np.arange(first, first + count, dtype=np.float64) + within) * self.slot_s

    def instant(self, slot: int) -> datetime:
        return self.start + timedelta(seconds=slot * self.slot_s)

    def slot_at(self, instant: datetime) -> int:
        """The slot that holds `instant`; may lie outside the grid."""
        return math.floor((utc(instant) - self.start).total_seconds() / self.slot_s + 1e-9)

    @property
    def duration_s(self) -> float:
        return self.slots * self.slot_s
