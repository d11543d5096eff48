"""Windows: their edges, the clocks of their zones, and the next change, which a walk by the minute has to find too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from dateutil import tz
from hypothesis import example, given, settings
from hypothesis import strategies as st

from openleo.instants import civil_instant
from openleo.policy.when import DAYS, Period, Window

MINUTE = timedelta(minutes=1)
ZONES = ["UTC", "Europe/Kyiv", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]


def at(text: str) -> datetime:
    return civil_instant(text)


def seconds(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 3600 + int(minute) * 60


def period(days: str, begins: str, ends: str, zone: str = "UTC") -> Period:
    return Period(frozenset(DAYS.index(day) for day in days.split()), seconds(begins), seconds(ends), zone)


# --- from and until -----------------------------------------------------------------------------------------------


def test_from_is_inclusive_and_until_exclusive() -> None:
    window = Window(at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z"))
    assert not window.holds(at("2025-12-31T23:59:59.999999Z"))
    assert window.holds(at("2026-01-01T00:00:00Z"))
    assert window.holds(at("2026-01-31T23:59:59.999999Z"))
    assert not window.holds(at("2026-02-01T00:00:00Z"))


def test_the_next_change_of_a_window() -> None:
    begins, ends = at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z")
    window = Window(begins, ends)
    assert window.next_change(at("2025-06-01T00:00:00Z")) == begins
    assert window.next_change(begins) == ends
    assert window.next_change(ends) is None
    assert Window(begins).next_change(begins) is None
    assert Window().next_change(begins) is None


def test_a_leap_second_belongs_to_the_day_that_it_ends() -> None:
    """The leap second of 2016-12-31, 23:59:60 UTC (IERS Bulletin C 52), and the same instant by Tokyo's clock."""
    leap, midnight = "2016-12-31T23:59:60.5Z", at("2017-01-01T00:00:00Z")
    assert Window(ends=midnight).holds(at(leap))
    assert not Window(begins=midnight).holds(at(leap))
    assert at("2017-01-01T08:59:60+09:00") == at(leap)
    assert not Window(ends=at("2016-12-31T23:59:60Z")).holds(at(leap))
    assert Window(ends=at("2016-12-31T23:59:60Z")).holds(at("2016-12-31T23:59:59.9Z"))
    assert Window(begins=at("2016-12-31T23:59:60Z")).holds(at(leap))


@pytest.mark.parametrize("text", ["2016-12-31T12:59:60Z", "2016-12-30T23:59:60Z", "2017-01-01T00:00:60Z"])
def test_a_leap_second_elsewhere_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="leap second"):
        at(text)


@pytest.mark.parametrize(
    "text", ["2026-01-01", "2026-01-01T00:00:00", "soon", "", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+09:00"]
)
def test_what_is_no_instant_is_refused_with_a_way_out(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        at(text)


# --- weekly periods -----------------------------------------------------------------------------------------------


def test_a_period_by_day() -> None:
    office = Window(weekly=(period("mon tue wed thu fri", "08:00", "18:00", "Asia/Taipei"),))
    assert office.holds(at("2026-11-20T08:00:00+08:00"))  # a Friday
    assert office.holds(at("2026-11-20T17:59:59+08:00"))
    assert not office.holds(at("2026-11-20T18:00:00+08:00"))
    assert not office.holds(at("2026-11-21T12:00:00+08:00"))
    assert office.next_change(at("2026-11-20T18:00:00+08:00")) == at("2026-11-23T08:00:00+08:00")


def test_a_period_over_midnight_belongs_to_the_day_it_begins() -> None:
    night = Window(weekly=(period("sun", "22:00", "06:00"),))
    assert night.holds(at("2026-11-22T22:00:00Z"))  # a Sunday
    assert night.holds(at("2026-11-23T05:59:59Z"))
    assert not night.holds(at("2026-11-23T06:00:00Z"))
    assert not night.holds(at("2026-11-22T03:00:00Z"))
    assert not night.holds(at("2026-11-23T22:00:00Z"))


def test_periods_that_meet_are_one() -> None:
    window = Window(weekly=(period("mon", "00:00", "24:00"), period("tue", "00:00", "12:00")))
    assert window.next_change(at("2026-11-23T00:00:00Z")) == at("2026-11-24T12:00:00Z")


def test_a_period_that_never_ends_has_no_next_change() -> None:
    every_day = Window(weekly=(period(" ".join(DAYS), "00:00", "24:00", "Europe/Kyiv"),))
    assert every_day.holds(at("2026-03-29T03:30:00+03:00"))
    assert every_day.next_change(at("2026-03-20T00:00:00Z")) is None


def test_a_period_ends_with_its_window() -> None:
    window = Window(at("2026-11-23T09:00:00Z"), at("2026-11-23T11:00:00Z"), (period("mon", "10:00", "12:00"),))
    assert window.next_change(at("2026-11-01T00:00:00Z")) == at("2026-11-23T10:00:00Z")
    assert window.next_change(at("2026-11-23T10:00:00Z")) == at("2026-11-23T11:00:00Z")
    assert Window(None, at("2026-11-23T10:00:00Z"), window.weekly).next_change(at("2026-11-23T09:00:00Z")) is None


def test_clocks_set_forward() -> None:
    """Kyiv, 2026-03-29: at 03:00 EET (01:00 UTC) clocks show 04:00 EEST (IANA tz, rule EU)."""
    change = at("2026-03-29T01:00:00Z")
    skipped = Window(weekly=(period("sun", "03:10", "03:50", "Europe/Kyiv"),))
    assert not any(skipped.holds(change + minutes * MINUTE) for minutes in range(-120, 120))
    assert skipped.next_change(at("2026-03-23T00:00:00Z")) == at("2026-04-05T03:10:00+03:00")
    begun = Window(weekly=(period("sun", "03:30", "05:00", "Europe/Kyiv"),))
    assert not begun.holds(change - timedelta(microseconds=1))
    assert begun.holds(change)
    assert begun.next_change(at("2026-03-28T00:00:00Z")) == change
    assert begun.next_change(change) == at("2026-03-29T02:00:00Z")


def test_clocks_set_back() -> None:
    """New York, 2026-11-01: 01:00 to 02:00 is shown twice, from 05:00 and from 06:00 UTC (IANA tz, rule US)."""
    window = Window(weekly=(period("sun", "00:00", "01:30", "America/New_York"),))
    holds = [window.holds(at(f"2026-11-01T{text}Z")) for text in ("04:00", "05:29", "05:30", "05:59", "06:00", "06:30")]
    assert holds == [True, True, False, False, True, False]
    edges = [at("2026-11-01T00:00:00Z")]
    for _ in range(4):
        following = window.next_change(edges[-1])
        assert following is not None
        edges.append(following)
    assert edges[1:] == [at(f"2026-11-01T{text}Z") for text in ("04:00", "05:30", "06:00", "06:30")]


def test_the_ends_of_the_calendar() -> None:
    window = Window(weekly=(period("mon", "10:00", "12:00", "Pacific/Kiritimati"),))
    assert window.next_change(at("1972-01-01T00:00:00Z")) == at("1972-01-03T10:00:00-10:40")
    assert window.next_change(at("9998-12-31T00:00:00Z")) == at("9999-01-04T10:00:00+14:00")
    forever = Window(ends=at("9999-12-31T23:59:59Z"))
    assert forever.next_change(at("9998-12-31T00:00:00Z")) == forever.ends


days = st.frozensets(st.integers(0, 6), min_size=1)
quarters = st.integers(0, 24 * 4 - 1).map(lambda quarter: quarter * 900)
periods = st.builds(Period, days, quarters, quarters.map(lambda end: end + 900), st.sampled_from(ZONES))
instants = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 1)).map(lambda one: one.replace(tzinfo=UTC))


def wall_clock_holds(one: Period, instant: datetime) -> bool:
    """The same by dateutil's zones: some day's period, as an interval of what the clock shows, holds what it shows."""
    shown = instant.astimezone(tz.gettz(one.zone)).replace(tzinfo=None)
    for day in (shown.date(), shown.date() - timedelta(days=1)):
        midnight = datetime(day.year, day.month, day.day)
        begins, ends = midnight + timedelta(seconds=one.from_s), midnight + timedelta(seconds=one.until_s)
        ends += timedelta(days=1) if ends <= begins else timedelta()
        if day.weekday() in one.days and begins <= shown < ends:
            return True
    return False


@given(st.lists(periods, min_size=1, max_size=3).map(tuple), instants)
@example((Period(frozenset({6}), 3 * 3600, 4 * 3600, "Europe/Kyiv"),), datetime(2026, 3, 28, tzinfo=UTC))
@example((Period(frozenset({6}), 7200, 9000, "Australia/Lord_Howe"),), datetime(2026, 10, 3, tzinfo=UTC))
@example((Period(frozenset({6}), 5400, 6300, "Australia/Lord_Howe"),), datetime(2026, 4, 4, tzinfo=UTC))
@settings(max_examples=60, deadline=None)
def test_state_and_next_change_against_dateutil_and_a_walk(weekly: tuple[Period, ...], instant: datetime) -> None:
    """Edges here are quarters of an hour, so a walk by quarters misses none within its two weeks and a half."""
    window = Window(weekly=weekly)
    state = window.holds(instant)
    assert state == any(wall_clock_holds(one, instant) for one in weekly)
    quarter = instant.replace(minute=instant.minute // 15 * 15, second=0, microsecond=0)
    walk = (quarter + timedelta(minutes=15 * step) for step in range(1, 4 * 24 * 15))
    found = next((one for one in walk if any(wall_clock_holds(p, one) for p in weekly) != state), None)
    assert window.next_change(instant) == found


@given(periods, instants, st.timedeltas(timedelta(), timedelta(days=20)), st.timedeltas(timedelta(hours=1)))
@settings(max_examples=60, deadline=None)
def test_nothing_changes_before_the_next_change(
    weekly: Period, begins: datetime, length: timedelta, before: timedelta
) -> None:
    window = Window(begins, begins + length + MINUTE, (weekly,))
    instant = begins - min(before, timedelta(days=30))
    for _ in range(20):
        change = window.next_change(instant)
        if change is None:
            assert not window.holds(begins + length + MINUTE)
            break
        assert instant < change
        for share in (0.1, 0.5, 0.999):
            assert window.holds(instant + share * (change - instant)) == window.holds(instant)
        assert window.holds(change) != window.holds(instant)
        instant = change
