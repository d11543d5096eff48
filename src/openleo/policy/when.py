"""When a rule is in force: from an instant, until an instant, and in weekly periods of some zone's clock.

Takes an instant; gives whether a window holds it, and the next instant at which that changes. A weekly period holds
whenever a clock on the wall of its zone shows a time within it. So in a night when clocks are set forward a period
begins with the first time that the clock does show, and an hour that is shown twice counts both times.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from openleo.instants import instant_text

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_S = 86_400
HORIZON_DAYS = 16  # two weeks and a rest: a period that one change of clocks skips comes again within it
FIRST_DAY, LAST_DAY = date.min + timedelta(days=2), date.max - timedelta(days=HORIZON_DAYS + 2)


@dataclass(frozen=True)
class Period:
    """On some days of the week, by the clock of `zone`, from `from_s` to before `until_s`, in seconds of the day.

    An end before the beginning lies on the next day; 24:00 is the day's own end. Rule files hold none that ends at
    its beginning: whether that is a whole day or nothing, readers would differ.
    """

    days: frozenset[int]  # 0 is Monday; of the beginning
    from_s: int  # 0 ≤ from_s < 86 400
    until_s: int  # 0 ≤ until_s ≤ 86 400
    zone: str  # IANA name

    def holds(self, instant: datetime) -> bool:
        clock = instant.astimezone(ZoneInfo(self.zone))
        today = clock.weekday()
        second = clock.hour * 3600 + clock.minute * 60 + clock.second  # a period's edges are whole seconds
        if self.from_s < self.until_s:
            return today in self.days and self.from_s <= second < self.until_s
        begun_today = today in self.days and second >= self.from_s
        return begun_today or ((today - 1) % 7 in self.days and second < self.until_s)

    def canonical(self) -> dict[str, Any]:
        return {"days": sorted(self.days), "from_s": self.from_s, "until_s": self.until_s, "zone": self.zone}


@dataclass(frozen=True)
class Window:
    """From an instant (inclusive) until another (exclusive), and within one of the weekly periods if there are any."""

    begins: datetime | None = None
    ends: datetime | None = None
    weekly: tuple[Period, ...] = ()

    @property
    def always(self) -> bool:
        return self.begins is None and self.ends is None and not self.weekly

    def holds(self, instant: datetime) -> bool:
        if (self.begins is not None and instant < self.begins) or (self.ends is not None and instant >= self.ends):
            return False
        return not self.weekly or any(period.holds(instant) for period in self.weekly)

    def next_change(self, instant: datetime) -> datetime | None:
        """The first instant after this one at which `holds` is another, or None if there is none."""
        if self.ends is not None and instant >= self.ends:
            return None
        if self.begins is not None and instant < self.begins:
            if not self.weekly or any(period.holds(self.begins) for period in self.weekly):
                return self.begins
            return self._within(_next_edge(self.weekly, self.begins))
        return self._within(_next_edge(self.weekly, instant)) or (self.ends if self.holds(instant) else None)

    def _within(self, edge: datetime | None) -> datetime | None:
        return edge if edge is not None and (self.ends is None or edge < self.ends) else None

    def canonical(self) -> dict[str, Any]:
        return {
            "from": None if self.begins is None else instant_text(self.begins),
            "until": None if self.ends is None else instant_text(self.ends),
            "weekly": sorted((period.canonical() for period in self.weekly), key=str),
        }


ALWAYS = Window()


def _next_edge(weekly: tuple[Period, ...], instant: datetime) -> datetime | None:
    if not weekly:
        return None
    edges = _edges(weekly, instant.astimezone(UTC).date())
    after = bisect_right(edges, instant)
    return edges[after] if after < len(edges) else None


@lru_cache(maxsize=4096)
def _edges(weekly: tuple[Period, ...], day: date) -> tuple[datetime, ...]:
    """The instants from the beginning of a UTC day on at which the union of the periods begins or ceases to hold."""
    if not FIRST_DAY < day < LAST_DAY:
        return ()  # the calendar ends there
    first = datetime.combine(day, time(), UTC)
    state = any(period.holds(first) for period in weekly)
    edges = []
    for instant in sorted({instant for period in weekly for instant in _candidates(period, day)}):
        if instant > first and (now := any(period.holds(instant) for period in weekly)) != state:
            state = now
            edges.append(instant)
    return tuple(edges)


def _candidates(period: Period, day: date) -> Iterator[datetime]:
    """Every instant at which the period may begin or end: its times by the clock, and changes of the clock itself."""
    zone = ZoneInfo(period.zone)
    for number in range(-1, HORIZON_DAYS):
        date_ = day + timedelta(days=number)
        midnight = datetime.combine(date_, time())
        for second in {0, period.from_s, period.until_s}:
            clock = midnight + timedelta(seconds=second)
            yield clock.replace(tzinfo=zone).astimezone(UTC)
            yield clock.replace(tzinfo=zone, fold=1).astimezone(UTC)
        start = datetime.combine(date_, time(), UTC)
        if (change := _change_of_clock(zone, start, start + timedelta(days=1))) is not None:
            yield change


def _change_of_clock(zone: ZoneInfo, start: datetime, end: datetime) -> datetime | None:
    """The second between two UTC instants at which the zone's offset changes, if it does."""

    def offset(instant: datetime) -> timedelta | None:
        return instant.astimezone(zone).utcoffset()

    before = offset(start)
    if before == offset(end):
        return None
    low, high = 0, int((end - start).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if offset(start + timedelta(seconds=middle)) == before:
            low = middle
        else:
            high = middle
    return start + timedelta(seconds=high)
