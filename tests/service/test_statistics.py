"""What a run leaves behind for every cell, against the same thing counted in plain Python.

Authorities: a fold over lists, written here from the definitions in `CellStatistics`; numpy.quantile with
method="inverted_cdf" (Hyndman and Fan's type 1) for the quantiles of the histogram.
"""

from __future__ import annotations

from itertools import groupby, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.network.reach import Reach
from openleo.service.statistics import (
    BIN_MIDDLE_MS,
    COARSE_MS,
    FINE_END_MS,
    FINE_MS,
    CellStatistics,
    Counter,
    quantile_ms,
    quantiles_ms,
)

SLOT_S = 15.0
ROUNDING_MS = 1e-4  # times come as 32-bit floats


@st.composite
def reaches(draw: st.DrawFn) -> Reach:
    slots, cells, satellites = draw(st.integers(1, 40)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    satellite = random.integers(-1, satellites, (slots, cells)).astype(np.int32)
    if draw(st.booleans()):  # hold on to a satellite, or to nobody, for a while
        satellite = np.repeat(satellite, 5, axis=0)[:slots]
    rtt_ms = random.uniform(11.0, 299.0, (slots, cells)).astype(np.float32)
    rtt_ms[satellite < 0] = np.inf
    seen = random.integers(0, 20, (slots, cells)).astype(np.int16)
    return Reach(0, satellite, rtt_ms, np.where(satellite >= 0, np.maximum(seen, 1), seen).astype(np.int16))


def folded(reach: Reach, chunk: int) -> CellStatistics:
    counter = Counter(reach.satellite.shape[1], SLOT_S)
    for first in range(0, len(reach.satellite), chunk):
        some = slice(first, first + chunk)
        counter.add(Reach(first, reach.satellite[some], reach.rtt_ms[some], reach.seen[some]))
    return counter.finish()


@settings(max_examples=150, deadline=None)
@given(reaches(), st.integers(1, 41))
def test_the_fold_against_plain_python(reach: Reach, chunk: int) -> None:
    found, slots = folded(reach, chunk), len(reach.satellite)
    assert found.slots == slots
    for cell in range(reach.satellite.shape[1]):
        servers, seen = reach.satellite[:, cell].tolist(), reach.seen[:, cell].tolist()
        dark = [len(list(run)) for served, run in groupby(servers, key=lambda one: one >= 0) if not served]
        assert found.can_serve[cell] == pytest.approx(sum(one >= 0 for one in servers) / slots, abs=1e-15)
        assert found.no_satellite[cell] == pytest.approx(
            sum(one < 0 and n == 0 for one, n in zip(servers, seen, strict=True)) / slots, abs=1e-15
        )
        assert found.no_gateway[cell] == pytest.approx(
            sum(one < 0 and n > 0 for one, n in zip(servers, seen, strict=True)) / slots, abs=1e-15
        )
        assert found.outages[cell] == len(dark)
        assert found.outage_s_longest[cell] == max(dark, default=0) * SLOT_S
        assert found.hand_overs[cell] == sum(a >= 0 and b >= 0 and a != b for a, b in pairwise(servers))
        assert found.satellites_min[cell] == min(seen)
        assert found.satellites_mean[cell] == pytest.approx(sum(seen) / slots)
        assert found.rtt_counts[cell].sum() == sum(one >= 0 for one in servers)


@settings(max_examples=150, deadline=None)
@given(reaches(), st.sampled_from([0.05, 0.25, 0.5, 0.75, 0.95, 1.0]))
def test_quantiles_within_half_a_bin_of_numpys(reach: Reach, quantile: float) -> None:
    found = folded(reach, 7).rtt_ms(quantile)
    for cell in range(reach.satellite.shape[1]):
        times = reach.rtt_ms[:, cell][reach.satellite[:, cell] >= 0].astype(np.float64)
        if len(times) == 0:
            assert np.isnan(found[cell])
        else:
            expected_ms = np.quantile(times, quantile, method="inverted_cdf")
            half_a_bin_ms = FINE_MS / 2.0 if expected_ms < FINE_END_MS else COARSE_MS / 2.0
            assert abs(found[cell] - expected_ms) <= half_a_bin_ms + ROUNDING_MS


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2999), st.integers(1, 2000)), min_size=1, max_size=12),
    st.sampled_from([0.05, 0.5, 0.95]),
)
def test_quantiles_of_counts_against_numpys_of_every_value(bins: list[tuple[int, int]], quantile: float) -> None:
    counts = np.zeros(len(BIN_MIDDLE_MS), np.int64)
    for at, many in bins:
        counts[at] += many
    values = np.repeat(BIN_MIDDLE_MS, counts)
    expected_ms = float(np.quantile(values, quantile, method="inverted_cdf"))
    assert quantile_ms(counts, quantile) == pytest.approx(expected_ms, abs=1e-9)


def test_shares_of_people_do_not_move_a_quantile_that_weights_agree_on() -> None:
    counts = np.zeros((2, len(BIN_MIDDLE_MS)))
    counts[:, [300, 400]] = [[1.0, 1.0], [1e-12, 1e-12]]
    assert quantiles_ms(counts, 0.5).tolist() == pytest.approx([30.05, 30.05])
    assert quantiles_ms(counts, 0.51).tolist() == pytest.approx([40.05, 40.05])


def test_nothing_served_has_no_time() -> None:
    assert quantile_ms(np.zeros(3000), 0.5) is None
    assert np.isnan(quantiles_ms(np.zeros((1, 3000)), 0.95)).all()


def test_a_time_beyond_the_last_bin_is_counted_in_it() -> None:
    one = Reach(0, np.zeros((1, 1), np.int32), np.full((1, 1), 4000.0, np.float32), np.ones((1, 1), np.int16))
    counts = folded(one, 1).rtt_counts[0]
    assert (counts[-1], counts.sum()) == (1, 1)


def test_an_outage_that_crosses_chunks_is_one_outage() -> None:
    servers = np.array([[3], [-1], [-1], [-1], [3], [-1]], np.int32)
    one = Reach(0, servers, np.where(servers < 0, np.inf, 40.0).astype(np.float32), np.full((6, 1), 9, np.int16))
    for chunk in (1, 2, 3, 6):
        found = folded(one, chunk)
        assert (found.outages[0], found.outage_s_longest[0], found.hand_overs[0]) == (2, 45.0, 0)


def test_a_run_longer_than_can_be_counted_is_refused() -> None:
    counter = Counter(1, SLOT_S)
    long = np.zeros((65_536, 1))
    with pytest.raises(ValueError, match="65,535"):
        counter.add(Reach(0, long.astype(np.int32), long.astype(np.float32), long.astype(np.int16)))


def test_a_day_fits_its_counts() -> None:
    slots = 65_535
    steady = Reach(
        0, np.zeros((slots, 1), np.int32), np.full((slots, 1), 30.0, np.float32), np.full((slots, 1), 20, np.int16)
    )
    found = folded(steady, 1000)
    assert found.rtt_counts.max() == slots
    assert (found.can_serve[0], found.satellites_mean[0], found.rtt_ms(0.95)[0]) == (1.0, 20.0, pytest.approx(30.05))
