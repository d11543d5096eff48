"""The simulated plan against cases by hand, and what holds of any list schedule (Graham 1966)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openleo.study.scaling import Overheads, bootstrapped, over_workers, saturated, simulated

SECONDS = st.floats(0.0, 100.0)
TASKS = st.lists(st.floats(0.001, 100.0), min_size=1, max_size=40)
OVERHEADS = st.builds(Overheads, SECONDS, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
FREE = Overheads(0.0, 0.0, 0.0)


def test_the_scheduler_serves_one_worker_at_a_time() -> None:
    # Given out at 1, 2 and 3; the first worker is free again at 5, has its second task at 6 and ends at 10.
    assert simulated([4.0, 4.0, 4.0, 4.0], 3, Overheads(0.0, 1.0, 0.0)).wall_s == 10.0
    # Tasks that are shorter than a hand-out: any number of workers waits for the scheduler.
    assert simulated([0.5] * 10, 100, Overheads(0.0, 1.0, 0.0)).wall_s == 10.5


def test_what_is_done_alone_is_added() -> None:
    plan = simulated([1.0] * 4, 4, Overheads(3.0, 0.0, 0.5))
    assert (plan.wall_s, plan.total_s, plan.speed_up, plan.efficiency) == (6.0, 4.0, 4.0 / 6.0, 1.0 / 6.0)


def test_nothing_to_do_takes_nothing() -> None:
    assert simulated([], 8, Overheads(1.0, 1.0, 1.0)).wall_s == 0.0
    with pytest.raises(ValueError, match="at least one"):
        simulated([1.0], 0, FREE)


@given(TASKS, st.integers(1, 50), OVERHEADS)
def test_no_sooner_than_can_be(tasks: list[float], workers: int, overheads: Overheads) -> None:
    plan = simulated(tasks, workers, overheads)
    alone_s, slack = overheads.alone_s * len(tasks), 1.0 + 1e-9
    assert plan.wall_s * slack >= sum(tasks) / workers + alone_s
    assert plan.wall_s * slack >= overheads.start_s + overheads.hand_s + max(tasks) + alone_s
    assert plan.wall_s * slack >= overheads.hand_s * len(tasks) + alone_s
    assert 0.0 <= plan.efficiency <= slack


@given(TASKS, st.integers(1, 50))
def test_within_grahams_bound(tasks: list[float], workers: int) -> None:
    best = max(sum(tasks) / workers, max(tasks))
    assert simulated(tasks, workers, FREE).wall_s <= best * (2.0 - 1.0 / workers) * (1.0 + 1e-9)


@given(TASKS, st.integers(1, 50), OVERHEADS)
def test_a_worker_more_never_takes_longer(tasks: list[float], workers: int, overheads: Overheads) -> None:
    fewer, more = over_workers(tasks, (workers, workers + 1), overheads)
    assert more.wall_s <= fewer.wall_s * (1.0 + 1e-9)


def test_drawn_tasks_are_measured_ones_and_the_same_for_one_seed() -> None:
    drawn = bootstrapped([1.0, 2.0, 4.0], 1000, seed=1)
    assert set(drawn) == {1.0, 2.0, 4.0}
    assert drawn == bootstrapped([1.0, 2.0, 4.0], 1000, seed=1)
    assert 2.0 < sum(drawn) / 1000 < 2.7


def test_where_more_workers_no_longer_help() -> None:
    plans = over_workers([1.0] * 1000, (1, 4, 16, 64), Overheads(0.0, 0.1, 0.0))  # at most ten tasks a second
    found = saturated(plans)
    assert found is not None
    assert found.workers == 64
    assert saturated(plans[:2]) is None
