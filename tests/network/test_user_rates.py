"""How full cells are, and what a test of the line finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openleo.network.capacity import user_rates
from openleo.network.capacity.demand import FLAT, Curve, PerSubscriber, demand
from openleo.network.capacity.user_rates import FLOW_MBPS, Pressed

positive = st.floats(1e-3, 1e3)


@given(positive, positive, st.floats(1.0, 1e4), st.floats(1.0, 1e4))
def test_a_fuller_cell_is_never_faster(one, other, channel, terminal):
    low, high = sorted((one, other))
    rate = user_rates.user_mbps([low, high], channel, terminal)
    assert rate[0] >= rate[1]
    assert 0.0 <= rate.min() <= rate.max() <= terminal


def test_a_cell_that_nobody_serves():
    full = user_rates.load([10.0], [0.0])
    assert user_rates.user_mbps(full, 700.0, 400.0).tolist() == [0.0]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 5)), min_size=1, max_size=20))
def test_weighted_median_against_repeating(pairs):
    values, weight = (np.array(column, float) for column in zip(*pairs, strict=True))
    repeated = np.sort(np.repeat(values, weight.astype(int)))
    assert user_rates.weighted_median(values, weight) == repeated[(len(repeated) - 1) // 2]


def test_territories_by_hand():
    """Two territories share a cell that is half full in the busiest hour; one of them has an empty one as well."""
    asked = demand(2, np.array([0, 0, 1]), np.zeros(3), np.array([30.0, 20.0, 50.0]), PerSubscriber(4.0, 0.4), FLAT)
    network = Pressed(np.array([400.0, 1e6]), np.array([40.0, 1e6]), np.full(2, 600.0), np.full(2, 60.0))
    names = np.array(["AAA", "BBB", "BBB.sea12"], object)
    made = user_rates.by_territory(asked, names, network, (400.0, 40.0))
    assert made["AAA"].down_mbps_p50 == pytest.approx(300.0)
    assert made["AAA"].up_mbps_p50 == pytest.approx(30.0)
    assert made["AAA"].load_busiest == pytest.approx(0.5)
    assert made["BBB"].subscribers == 70.0
    assert made["BBB"].down_mbps_p50 == 400.0  # 50 of its 70 are in the empty cell, where terminals are the limit


def test_the_night_counts_by_its_traffic():
    """Overfull for half of the day, empty in the other: with next to no traffic at night the day decides."""
    curve = Curve.of([1e-6] * 12 + [1.0] * 12)
    asked = demand(1, np.array([0]), np.zeros(1), np.array([100.0]), PerSubscriber(4.0, 0.4), curve)
    network = Pressed(np.array([200.0]), np.array([20.0]), np.array([600.0]), np.array([60.0]))
    row = user_rates.by_territory(asked, np.array(["AAA"], object), network, (400.0, 40.0))["AAA"]
    assert row.down_mbps_p50 == pytest.approx(FLOW_MBPS / 2.0)
    nobody = demand(1, np.array([0]), np.zeros(1), np.zeros(1), PerSubscriber(4.0, 0.4), curve)
    none = user_rates.by_territory(nobody, np.array(["AAA"], object), network, (400.0, 40.0))["AAA"]
    assert (none.down_mbps_p50, none.up_mbps_p50, none.load_busiest) == (None, None, None)
