"""Whole days, as a user runs them: CPU seconds and peak memory, without a baseline."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import settings
from openleo import cells as h3cells
from openleo.network.pairs import times_between
from openleo.network.reach import cell_users, reach


def city_day() -> None:
    """All pairs of 100 cities over shell 1, 5,760 slots."""
    sky = settings.sky_of(settings.satellites_of(settings.SHELL_1))
    for _ in times_between(sky, settings.cities(100), settings.START, settings.GRID.seconds(0, 5760).tolist()):
        pass


def world_day() -> None:
    """Who serves every res-3 cell over Gen1 and its round-trip time to a gateway, 5,760 slots."""
    network = settings.network()
    for _ in reach(network, settings.GRID, cell_users(network, h3cells.world(3)), threads=1):
        pass


def run(_: Path) -> list[dict[str, object]]:
    rows = []
    works: list[tuple[str, Callable[[], None]]] = [
        ("a day of RTT between 100 cities, 1,584 satellites, 15 s", city_day),
        ("a day of 41,162 cells with gateway RTT, 4,408 satellites, 15 s", world_day),
    ]
    for name, work in works:
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0  # so far: rows grow in size
        row = {"name": name, "cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
        rows.append({**row, "peak_mib": peak_mib})
        print(f"{name:70} {row['cpu_s']:7.1f} CPU-s {row['wall_s']:7.1f} s wall {peak_mib:6.0f} MiB", flush=True)
    return rows
