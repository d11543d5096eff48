"""Queue arithmetic: what must hold for any packets, rates and delays."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sorted_queue import SortedLines

from openleo.emulator.lines import FULL, Lines, delay_ns, departure_ns

MS = 1_000_000
GAPS = st.lists(st.integers(0, 5 * MS), min_size=1, max_size=40)
SIZES = st.integers(20, 1500)
RATES = st.floats(0.1, 10_000.0)  # Mbit/s


def out_of(lines, now_ns=10**18):
    while (released := lines.pop(now_ns)) is not None:
        yield released


def carried(lines, gaps, delays):
    """Packets on one line, as they come out: (number, departure, delay, release)."""
    sent, now_ns = [], 0
    for number, (gap, delay) in enumerate(zip(gaps, delays, strict=False)):
        now_ns += gap
        sent.append((now_ns, delay))
        lines.push(0, now_ns + delay, number)
    return [(number, *sent[number], release_ns) for release_ns, number in out_of(lines)]


def in_order(rows):
    return [row[0] for row in rows] == sorted(row[0] for row in rows)


@given(GAPS, st.lists(st.integers(0, 100 * MS), min_size=40, max_size=40))
def test_never_before_departure_and_delay_and_never_out_of_order(gaps, delays):
    rows = carried(Lines(1), gaps, delays)
    assert len(rows) == len(gaps), "all of them come out"
    assert all(release >= departure + delay for _, departure, delay, release in rows)
    assert in_order(rows)


FALLING = ([MS] * 40, [60 * MS] * 20 + [20 * MS] * 20)


def test_order_is_kept_when_the_delay_falls():
    rows = carried(Lines(1), *FALLING)
    assert in_order(rows)
    assert rows[20][3] == rows[19][3], "who would have overtaken comes out with the one before it"


def test_a_sorted_queue_fails_the_same_check():
    assert not in_order(carried(SortedLines(1), *FALLING))


@given(GAPS, st.integers(0, 100 * MS))
def test_a_level_delay_is_exact(gaps, delay):
    assert all(row[3] == row[1] + delay for row in carried(Lines(1), gaps, [delay] * 40))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 50 * MS)), max_size=60))
def test_lines_do_not_touch_each_other_and_come_out_by_time(packets):
    lines, alone = Lines(5), [Lines(1) for _ in range(5)]
    for number, (line, release_ns) in enumerate(packets):
        assert lines.push(line, release_ns, number) == alone[line].push(0, release_ns, number)
    released = list(out_of(lines))
    assert len(released) == len(packets)
    assert [release_ns for release_ns, _ in released] == sorted(release_ns for release_ns, _ in released)


def test_nothing_comes_out_before_its_time():
    lines = Lines(1)
    lines.push(0, 100, "a")
    assert (lines.next_ns, lines.pop(99)) == (100, None)
    assert lines.pop(100) == (100, "a")
    assert lines.next_ns is None


@given(st.lists(SIZES, min_size=1, max_size=200), RATES)
def test_the_rate_is_exact_to_a_nanosecond_a_packet(sizes, rate_mbps):
    busy = 0
    for size in sizes:
        busy = departure_ns(0, busy, size, 8000.0 / rate_mbps, 10**15)
    assert busy == pytest.approx(sum(sizes) * 8000.0 / rate_mbps, abs=len(sizes))


@given(GAPS, SIZES, RATES)
def test_a_shaper_never_exceeds_its_rate(gaps, size, rate_mbps):
    """In no interval more bits depart than the rate allows, but for the packet at its beginning."""
    now = busy = 0
    departures = []
    for gap in gaps:
        now += gap
        busy = departure_ns(now, busy, size, 8000.0 / rate_mbps, 10**15)
        departures.append(busy)
    for before, after in pairwise(departures):
        assert after - before >= round(size * 8000.0 / rate_mbps)


@given(st.integers(0, 50 * MS), st.integers(0, 100 * MS))
def test_who_would_wait_too_long_is_dropped(queue_ns, wait_ns):
    departs = departure_ns(0, wait_ns, 1500, 80.0, queue_ns)
    assert departs == (FULL if wait_ns > queue_ns else wait_ns + 120_000)


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(-500, 1500))
def test_a_delay_lies_between_its_ends(first, last, at):
    delay = delay_ns(at, 0, 1000, first, last)
    assert min(first, last) <= delay <= max(first, last)
    assert delay == (first if at <= 0 else last if at >= 1000 else first + (last - first) * at // 1000)
