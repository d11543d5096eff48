"""One thread against several: how much sooner, beside an empty loop that shares nothing: the machine's best.

`run` says it of two threads; `growth` draws it for as many as the machine has.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from numba import njit

from benchmarks import settings
from openleo import cells as h3cells
from openleo.network.pairs import times_between
from openleo.network.reach import cell_users, reach

RUNS = 5


@njit(nogil=True)
def _spin(rounds: int) -> int:
    state = 1
    for _ in range(rounds):
        state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state


def control(threads: int) -> None:
    """The same number of empty pieces for any number of threads."""
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(_spin, [20_000_000] * 16))


def cities() -> Callable[[int], None]:
    sky, places = settings.sky_of(settings.satellites_of(settings.SHELL_1)), settings.cities(100)
    seconds = settings.GRID.seconds(0, 2048).tolist()

    def work(threads: int) -> None:
        for _ in times_between(sky, places, settings.START, seconds, threads):
            pass

    return work


def cells() -> Callable[[int], None]:
    network = settings.network()
    users, grid = cell_users(network, h3cells.world(3)), replace(settings.GRID, slots=192)

    def work(threads: int) -> None:
        for _ in reach(network, grid, users, threads=threads):
            pass

    return work


def _wall_s(work: Callable[[int], None], threads: int) -> float:
    started = time.perf_counter()
    work(threads)
    return time.perf_counter() - started


def gain(work: Callable[[int], None], threads: int) -> tuple[float, float]:
    """(how many times sooner than on one thread, the same of an empty loop): medians of runs taken in turn."""
    work(1)
    control(1)
    gains, best = [], []
    for _ in range(RUNS):
        gains.append(_wall_s(work, 1) / _wall_s(work, threads))
        best.append(_wall_s(control, 1) / _wall_s(control, threads))
    return statistics.median(gains), statistics.median(best)


def run(_: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    works = [("RTT between 100 cities, 1,584 satellites", cities), ("41,162 cells, 4,408 satellites", cells)]
    for name, prepare in works:
        sooner, possible = gain(prepare(), 2)
        share = sooner / possible
        rows.append({"name": name, "threads": 2, "gain": sooner, "empty_loop_gain": possible, "share": share})
        print(f"{name:58} two threads {sooner:.2f}×, an empty loop {possible:.2f}×: {share:.2f}", flush=True)
    return rows
