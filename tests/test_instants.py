"""Instants, durations and the slot grid."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.instants import (
    J2000_JD,
    SlotGrid,
    instant_text,
    julian_date,
    parse_duration_s,
    parse_instant,
    utc,
)

DEMO = datetime(2026, 11, 20, tzinfo=UTC)
ONE_MICROSECOND = timedelta(microseconds=1)
instants = st.datetimes(datetime(1957, 10, 4), datetime(2100, 1, 1), timezones=st.just(UTC))


# --- durations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15s", 15.0),
        ("24h", 86_400.0),
        ("7d", 604_800.0),
        ("90m", 5_400.0),
        ("90min", 5_400.0),
        ("1h30m", 5_400.0),
        ("1 h 30 m", 5_400.0),
        (" 15 s ", 15.0),
        ("0.5h", 1_800.0),
        ("500ms", 0.5),
        ("0s", 0.0),
        ("1d1h1m1s1ms", 90_061.001),
    ],
)
def test_a_duration_reads_as_a_person_writes_it(text, seconds):
    assert parse_duration_s(text) == pytest.approx(seconds, abs=1e-9)


@pytest.mark.parametrize(
    "text", ["", " ", "15", "s", "-5s", "+5s", "15 seconds", "1h,30m", "1.5.2h", "5e3s", "1:30", "inf", "nan", "15S!"]
)
def test_what_is_no_duration_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="15s, 90m, 24h or 7d"):
        parse_duration_s(text)


@given(st.integers(0, 10_000), st.sampled_from(["ms", "s", "m", "h", "d"]))
def test_a_duration_is_its_number_times_its_unit(number, unit):
    seconds = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}[unit]
    assert parse_duration_s(f"{number}{unit}") == pytest.approx(number * seconds)


# --- instants -----------------------------------------------------------------------------------------------------


def test_an_instant_without_a_zone_is_utc_and_another_zone_is_turned_into_it():
    taipei = timezone(timedelta(hours=8))
    assert utc(datetime(2026, 11, 20)) == DEMO
    assert utc(datetime(2026, 11, 20, 8, tzinfo=taipei)) == DEMO
    assert parse_instant("2026-11-20T08:00:00+08:00") == DEMO
    assert parse_instant("2026-11-20") == DEMO
    assert parse_instant("2026-11-20T00:00:00Z").tzinfo is UTC


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-11-20T25:00:00Z", "1763596800"])
def test_what_is_no_instant_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        parse_instant(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_an_instant_that_utc_cannot_hold_is_refused_as_the_others_are(text):
    with pytest.raises(ValueError, match=r"."):
        parse_instant(text)


def test_an_instant_is_written_with_a_fraction_only_when_it_has_one():
    assert instant_text(DEMO) == "2026-11-20T00:00:00Z"
    assert instant_text(DEMO + timedelta(milliseconds=500)) == "2026-11-20T00:00:00.500000Z"


@given(instants)
def test_an_instant_survives_being_written(instant):
    assert parse_instant(instant_text(instant)) == instant


def test_julian_dates_against_the_almanac():
    """J2000 by definition; Sputnik's launch and the Unix epoch as in the Astronomical Almanac."""
    assert sum(julian_date(datetime(2000, 1, 1, 12, tzinfo=UTC))) == J2000_JD
    assert sum(julian_date(datetime(1957, 10, 4, tzinfo=UTC))) == 2_436_115.5
    assert sum(julian_date(datetime(1970, 1, 1, tzinfo=UTC))) == 2_440_587.5


@given(instants)
def test_julian_dates_keep_the_microsecond(instant):
    whole, fraction = julian_date(instant)
    assert whole % 1.0 == 0.5
    assert 0.0 <= fraction < 1.0
    again = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=whole - 2_440_587.5) + timedelta(days=fraction)
    assert abs(again - instant) <= ONE_MICROSECOND


# --- slots --------------------------------------------------------------------------------------------------------


def test_a_day_of_15_s_slots_has_5760_of_them():
    grid = SlotGrid.covering(DEMO, 86_400.0, 15.0)
    assert (grid.start, grid.slots, grid.duration_s) == (DEMO, 5_760, 86_400.0)


def test_a_slot_that_does_not_fit_whole_is_left_out():
    assert SlotGrid.covering(DEMO, 100.0, 15.0).slots == 6


@pytest.mark.parametrize("slot_s", [0.1, 0.3, 1 / 3, 0.7, 15.0])
def test_rounding_loses_no_slot(slot_s):
    assert SlotGrid.covering(DEMO, 1_000 * slot_s, slot_s).slots == 1_000


@given(instants, st.sampled_from([1.0, 5.0, 15.0, 30.0]), st.floats(0.5, 59.5))
@settings(deadline=None)
def test_a_phase_waits_for_the_next_edge_and_no_longer(start, slot_s, phase_s):
    grid = SlotGrid.covering(start, 3_600.0, slot_s, phase_s)
    waited = (grid.start - start).total_seconds()
    past_minute = grid.start.second + grid.start.microsecond * 1e-6
    assert -1e-6 <= waited <= slot_s + 1e-6
    assert abs((past_minute - phase_s + slot_s / 2.0) % slot_s - slot_s / 2.0) < 2e-6
    assert grid.slots == math.floor(3_600.0 / slot_s)


@given(st.integers(0, 5_759), st.floats(0.0, 14.999))
def test_the_slot_that_holds_an_instant(slot, into_s):
    grid = SlotGrid.covering(DEMO, 86_400.0, 15.0, phase_s=12.0)
    assert grid.slot_at(grid.instant(slot) + timedelta(seconds=into_s)) == slot


def test_seconds_are_those_of_starts_middles_and_ends():
    grid = SlotGrid.covering(DEMO, 3_600.0, 15.0)
    np.testing.assert_array_equal(grid.seconds(2, 3), [30.0, 45.0, 60.0])
    np.testing.assert_array_equal(grid.seconds(0, 2, within=0.5), [7.5, 22.5])
    assert grid.instant(4) == DEMO + timedelta(minutes=1)
