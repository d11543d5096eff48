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


def test_groups_by_hand():
    """Two groups share a cell that is half full in the busiest hour; one of them has an empty one as well."""
    asked = demand(2, np.array([0, 0, 1]), np.zeros(3), np.array([30.0, 20.0, 50.0]), PerSubscriber(4.0, 0.4), FLAT)
    network = Pressed(np.array([400.0, 1e6]), np.array([40.0, 1e6]), np.full(2, 600.0), np.full(2, 60.0))
    counts, group = asked.subscribers.sum(axis=1), np.array([0, 1, 1])
    down, up = user_rates.by_group(asked, counts, group, 2, network, (400.0, 40.0))
    assert (down[0], up[0]) == pytest.approx((300.0, 30.0))
    assert down[1] == 400.0  # 50 of its 70 are in the empty cell, where terminals are the limit


def test_the_night_counts_by_its_traffic():
    """Overfull for half of the day, empty in the other: with next to no traffic at night the day decides."""
    curve = Curve.of([1e-6] * 12 + [1.0] * 12)
    asked = demand(1, np.array([0]), np.zeros(1), np.array([100.0]), PerSubscriber(4.0, 0.4), curve)
    network = Pressed(np.array([200.0]), np.array([20.0]), np.array([600.0]), np.array([60.0]))
    down, _ = user_rates.by_group(asked, np.array([100.0]), np.array([0]), 1, network, (400.0, 40.0))
    assert down[0] == pytest.approx(FLOW_MBPS / 2.0)
    nobody = demand(1, np.array([0]), np.zeros(1), np.zeros(1), PerSubscriber(4.0, 0.4), curve)
    assert np.isnan(user_rates.by_group(nobody, np.zeros(1), np.array([0]), 1, network, (400.0, 40.0))).all()


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 50), st.integers(0, 5)), min_size=1, max_size=30))
def test_medians_of_many_groups_are_each_ones_own(rows):
    group, values, weight = (np.array(column) for column in zip(*rows, strict=True))
    here = group >= 0
    made = user_rates.weighted_medians(group[here], values[here].astype(float), weight[here].astype(float), 4)
    for number in range(4):
        mine = group == number
        alone = user_rates.weighted_median(values[mine].astype(float), weight[mine].astype(float))
        assert made[number] == alone or (alone is None and np.isnan(made[number]))


def test_who_is_out_of_reach_makes_no_test():
    """The cell that nothing reaches has ten times as many subscribers; it is left out."""
    asked = demand(3, np.array([0, 1, 2]), np.zeros(3), np.array([30.0, 20.0, 500.0]), PerSubscriber(4.0, 0.4), FLAT)
    network = Pressed(
        np.array([240.0, 40.0, 0.0]), np.array([40.0, 1e6, 0.0]), np.array([600.0, 600.0, np.nan]),
        np.array([60.0, 60.0, np.nan]),
    )  # fmt: skip
    counts, group = asked.subscribers.sum(axis=1), np.array([0, 0, 0])
    down, up = user_rates.by_group(asked, counts, group, 2, network, (400.0, 40.0))
    reached = user_rates.by_group(asked, counts * [1, 1, 0], group, 2, network, (400.0, 40.0))
    assert down[0] == reached[0][0] == pytest.approx(300.0)  # of the first cell, with 30 of 50: 600 × (1 − 120 / 240)
    assert up[0] == pytest.approx(40.0)
    assert np.isnan([down[1], up[1]]).all()


def test_hours_in_which_nobody_is_on_have_no_tests():
    """Nothing is brought to a cell that asks: its load is infinite, and 0 times that is no number."""
    day = Curve.of([0.0] * 12 + [1.0] * 12)
    asked = demand(1, np.array([0]), np.zeros(1), np.array([30.0]), PerSubscriber(4.0, 0.4), day)
    network = Pressed(np.zeros(1), np.zeros(1), np.full(1, 600.0), np.full(1, 60.0))
    down, up = user_rates.by_group(asked, np.array([30.0]), np.array([0]), 1, network, (400.0, 40.0))
    assert (down.tolist(), up.tolist()) == ([0.0], [0.0])
