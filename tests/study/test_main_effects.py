"""What moves a figure: means by level against scipy's and by hand, and what chance does beside them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from openleo.study.main_effects import chance, levels_of, main_effect, ranked

MASK = np.array([25, 25, 25, 40, 40, 40])
SEED = np.array([1, 2, 3, 1, 2, 3])
FIGURE = np.array([0.9, 0.8, 1.0, 0.5, 0.4, 0.6])


def test_means_by_level_are_those_of_scipy():
    random = np.random.default_rng(7)
    values, figure = random.uniform(size=200), random.normal(size=200)
    found = main_effect("x", levels_of(values), figure)
    theirs = stats.binned_statistic(values, figure, "mean", np.quantile(values, [0, 0.2, 0.4, 0.6, 0.8, 1]))
    assert found.mean == pytest.approx(theirs.statistic)


def test_what_moves_most_comes_first_and_what_has_one_level_not_at_all():
    small = np.array(["a", "b", "a", "b", "a", "b"], object)
    found = ranked({"small": small, "same": np.ones(6), "mask": MASK}, FIGURE)
    assert [one.factor for one in found] == ["mask", "small"]
    assert found[0].span == pytest.approx(0.4)
    assert (found[0].labels[found[0].least], found[0].labels[found[0].greatest]) == ("40", "25")


def test_a_level_without_the_figure_has_no_mean():
    figure = np.where(MASK == 40, np.nan, FIGURE)
    found = main_effect("mask", levels_of(MASK), figure)
    assert found.mean[0] == pytest.approx(0.9)
    assert np.isnan(found.mean[1])
    assert found.span == 0.0
    assert ranked({"mask": MASK}, np.full(6, np.nan)) == []


def test_chance_is_what_is_left_where_all_else_is_alike():
    found = chance([MASK], FIGURE)
    assert (found.low, found.high) == pytest.approx((-0.1 * 1.5**0.5, 0.1 * 1.5**0.5))


def test_chance_without_other_factors_is_about_the_mean_of_all():
    found = chance([], np.array([1.0, 3.0]))
    assert (found.low, found.high) == pytest.approx((-1.0, 1.0)), "no farther than the least and the greatest"


def test_runs_that_differ_in_all_else_tell_nothing_of_chance():
    assert chance([np.arange(6)], FIGURE) is None


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200))
def test_every_run_has_one_level_and_every_level_a_run(values):
    found = levels_of(np.array(values))
    assert set(found.of_run.tolist()) == set(range(len(found.labels)))
    assert len(found.of_run) == len(values)


@given(st.permutations(range(6)))
def test_the_order_of_runs_does_not_matter(order):
    order = np.array(order)
    ours = main_effect("mask", levels_of(MASK[order]), FIGURE[order])
    assert ours.mean == pytest.approx(main_effect("mask", levels_of(MASK), FIGURE).mean)


@pytest.mark.parametrize("seeds", [2, 3, 10])
def test_chance_is_as_wide_with_few_seeds_as_with_many(seeds):
    random = np.random.default_rng(1)
    cells = np.repeat(np.arange(20_000), seeds)
    found = chance([cells], random.normal(size=len(cells)))
    assert (found.low, found.high) == pytest.approx((-1.645, 1.645), abs=0.03)
