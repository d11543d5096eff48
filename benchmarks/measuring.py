"""Timing a workload beside its baselines, in a process of its own."""

from __future__ import annotations

import json
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import workloads

RUNS = 5


@dataclass(frozen=True)
class Entry:
    """One workload against one baseline; all times of one run of the work (a slot, where there are slots)."""

    name: str
    openleo_cpu_s: float
    baseline: str
    baseline_cpu_s: float
    ratio: float
    peak_mib: float  # of this process while ours ran, libraries and inputs included
    openleo_wall_s: float
    baseline_wall_s: float
    spread: float  # (max − min) / median of our runs


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """(CPU seconds, wall seconds)."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def measure(name: str) -> list[Entry]:
    """All entries of a workload, in a fresh process."""
    workload = dict(workloads.all_workloads())[name]()
    workload.openleo()  # compiles
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    workload.check()
    ours: list[tuple[float, float]] = []
    theirs: dict[str, list[tuple[float, float]]] = {baseline.name: [] for baseline in workload.baselines}
    for _ in range(RUNS):
        ours.append(timed(workload.openleo))
        for baseline in workload.baselines:
            theirs[baseline.name].append(timed(baseline.work))
    cpu, wall = (statistics.median(run[i] for run in ours) / workload.repeats for i in (0, 1))
    spread = (max(run[0] for run in ours) - min(run[0] for run in ours)) / (cpu * workload.repeats)
    return [
        Entry(workload.name, cpu, baseline, their_cpu, their_cpu / cpu, peak_mib, wall, their_wall, spread)
        for baseline, runs in theirs.items()
        for their_cpu, their_wall in [tuple(statistics.median(run[i] for run in runs) for i in (0, 1))]
    ]


def write_results(file: Path, entries: Sequence[Entry], *, anew: bool) -> None:
    """Write entries as JSON: alone, or in the place of the rows of their own workloads and after all others."""
    rows = [] if anew or not file.is_file() else json.loads(file.read_text(encoding="utf-8"))
    measured: dict[str, list[dict[str, object]]] = {}
    for entry in entries:
        measured.setdefault(entry.name, []).append(asdict(entry))
    names = dict.fromkeys([*(row["name"] for row in rows), *measured])
    merged = [row for name in names for row in measured.get(name) or [one for one in rows if one["name"] == name]]
    file.write_text(json.dumps(merged, indent=2) + "\n", encoding="utf-8")


def apart(work: Callable[..., object], *arguments: object) -> object:
    """The answer of a function run in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()
