"""How long a study would take on very many workers, by what its tasks and the work around them take on a few.

Pure: takes seconds that were measured, gives a simulated plan. The scheduler is one process: it gives a task to the
worker that is free first, takes back what came of the one before and keeps it, and while it does so for one worker
others wait. Before all that it finds out what is missing, and after it writes one dataset, both by itself.

>>> free = Overheads(start_s=0.0, hand_s=0.0, alone_s=0.0)
>>> simulated([3.0, 1.0, 2.0], 2, free).wall_s            # 3 on one worker, 1 and then 2 on the other
3.0
>>> simulated([1.0] * 8, 4, Overheads(start_s=2.0, hand_s=0.0, alone_s=0.25)).wall_s     # 2 + 2 × 1 + 8 × 0.25
6.0
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Overheads:
    """Seconds: until a worker is ready; of the scheduler for each task, while workers compute; and before and after."""

    start_s: float  # of a worker: process, modules, its first run beyond what a later one takes
    hand_s: float  # a task: given out, its outcome taken back and kept
    alone_s: float  # a task: looked for before, written into the dataset after


@dataclass(frozen=True)
class Simulated:
    """A study on some workers. `total_s`: what its tasks take together."""

    workers: int
    tasks: int
    total_s: float
    wall_s: float

    @property
    def speed_up(self) -> float:
        """How many times sooner than its tasks one after the other, with nothing around them."""
        return self.total_s / self.wall_s if self.wall_s else 1.0

    @property
    def efficiency(self) -> float:
        """The share of all workers' time that goes into tasks."""
        return self.speed_up / self.workers


def simulated(task_s: Sequence[float], workers: int, overheads: Overheads) -> Simulated:
    """Tasks in their order, each on the worker that is free first."""
    if workers < 1:
        raise ValueError(f"{workers} workers: there is at least one")
    free_s = [overheads.start_s] * min(workers, len(task_s))  # a heap, as all are alike
    scheduler_s, last_s = 0.0, 0.0
    for seconds in task_s:
        scheduler_s = max(scheduler_s, free_s[0]) + overheads.hand_s
        heapq.heapreplace(free_s, scheduler_s + seconds)
        last_s = max(last_s, scheduler_s + seconds)
    return Simulated(workers, len(task_s), sum(task_s), last_s + overheads.alone_s * len(task_s))


def bootstrapped(measured_s: Sequence[float], tasks: int, seed: int) -> list[float]:
    """As many tasks as asked for, each as long as one that was measured, drawn with replacement."""
    drawn: list[float] = np.random.default_rng(seed).choice(np.asarray(measured_s, np.float64), tasks).tolist()
    return drawn


def over_workers(task_s: Sequence[float], workers: Iterable[int], overheads: Overheads) -> list[Simulated]:
    """The same tasks on each of some numbers of workers."""
    return [simulated(task_s, count, overheads) for count in workers]


def saturated(plans: Sequence[Simulated], least: float = 0.5) -> Simulated | None:
    """The plan of fewest workers that spend less than a share of their time on tasks; None where all spend more."""
    return next((one for one in sorted(plans, key=lambda one: one.workers) if one.efficiency < least), None)
