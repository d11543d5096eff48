"""How CPU time grows with satellites, cells and places, and how much sooner more threads are done.

A picture of it in benchmarks/out/growth.png.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from benchmarks import settings, threads
from openleo import cells as h3cells
from openleo.instants import SlotGrid
from openleo.network.pairs import times_between
from openleo.network.reach import cell_users, default_threads, reach

Point = dict[str, float]

RUNS = 3
SATELLITES = ((20, 25), (36, 28), (72, 28), (100, 50), (100, 100), (150, 200))  # planes, in each
RESOLUTIONS = (2, 3, 4, 5)
PLACES = (10, 30, 100, 300, 1000, 3000)


def _cpu_s(work: Callable[[], object]) -> float:
    work()
    runs = []
    for _ in range(RUNS):
        started = time.process_time()
        work()
        runs.append(time.process_time() - started)
    return statistics.median(runs)


def of_satellites(planes: int, per_plane: int) -> float:
    """A slot of 100 cities."""
    sky, slots = settings.sky_of(settings.satellites_of(settings.one_shell(planes, per_plane))), 16
    seconds = settings.GRID.seconds(0, slots).tolist()
    return _cpu_s(lambda: list(times_between(sky, settings.cities(100), settings.START, seconds))) / slots


def of_places(count: int) -> float:
    """A slot over shell 1."""
    sky, slots = settings.sky_of(settings.satellites_of(settings.SHELL_1)), 4 if count > 300 else 16
    places, seconds = settings.cities(count), settings.GRID.seconds(0, slots).tolist()

    def work() -> None:
        for _ in times_between(sky, places, settings.START, seconds):
            pass

    return _cpu_s(work) / slots


def of_cells(resolution: int) -> float:
    """A slot of Gen1 over the world's cells, orbits and ways included."""
    slots = 4 if resolution > 3 else 16
    grid = SlotGrid(settings.START, 15.0, slots)
    users = cell_users(settings.network(), h3cells.world(resolution))

    def work() -> None:
        for _ in reach(settings.network(), grid, users, threads=1):
            pass

    return _cpu_s(work) / slots


def of_threads() -> list[Point]:
    """How many times sooner than on one thread 100 cities over shell 1 are done, beside an empty loop."""
    points = []
    for count in range(1, default_threads() + 1):
        gain, possible = threads.gain(threads.cities(), count) if count > 1 else (1.0, 1.0)
        points.append({"x": count, "gain": gain, "empty_loop_gain": possible})
        print(f"{'threads':12} {count:9.0f} {gain:10.2f}× (an empty loop {possible:.2f}×)", flush=True)
    return points


def _draw_threads(axis: Axes, points: list[Point]) -> None:
    count = [point["x"] for point in points]
    axis.plot(count, [point["empty_loop_gain"] for point in points], color="0.6", marker=".", label="an empty loop")
    axis.plot(count, [point["gain"] for point in points], marker="o", label="RTT of 100 cities")
    axis.set(xlabel="threads", ylabel="times sooner than one thread")
    axis.set_ylim(0.0, 1.1 * max(point["empty_loop_gain"] for point in points))
    axis.set_xticks(count)
    axis.grid(alpha=0.3)
    axis.legend(loc="lower right")


def run(out: Path) -> dict[str, list[Point]]:
    curves: dict[str, list[Point]] = {
        "satellites": [{"x": p * n, "cpu_s": of_satellites(p, n)} for p, n in SATELLITES],
        "places": [{"x": count, "cpu_s": of_places(count)} for count in PLACES],
        "cells": [{"x": len(h3cells.world(r)), "cpu_s": of_cells(r)} for r in RESOLUTIONS],
    }
    titles = {
        "satellites": "satellites (RTT of 100 cities)",
        "places": "places (all pairs, 1,584 satellites)",
        "cells": "cells (4,408 satellites, gateway RTT)",
    }
    figure, axes = plt.subplots(1, 4, figsize=(16, 3.6), layout="constrained")
    for axis, (name, points) in zip(axes, curves.items(), strict=False):
        axis.loglog([point["x"] for point in points], [1e3 * point["cpu_s"] for point in points], marker="o")
        axis.set_xlabel(titles[name])
        axis.grid(alpha=0.3, which="both")
        for point in points:
            print(f"{name:12} {point['x']:9.0f} {1e3 * point['cpu_s']:10.3f} ms a slot", flush=True)
    axes[0].set_ylabel("CPU a slot, one thread (ms)")
    curves["threads"] = of_threads()
    _draw_threads(axes[-1], curves["threads"])
    figure.savefig(out / "growth.png", dpi=120)
    return curves
