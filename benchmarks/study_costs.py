"""What a run costs by its size, from small runs measured here, and what larger ones come to."""

from __future__ import annotations

import os
import resource
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import rfc8785

from openleo.results import compute
from openleo.scenario import Scenario
from openleo.scenario_file import LONGEST_RUN_SLOTS
from openleo.study.compute import Task, compute_task, rows_of
from openleo.study.costs import TERMS, Constants, Measured, Size, core_hours, disk_bytes, fitted, split
from openleo.study.keys import address_of

HERE = Path(__file__)  # paths in the scenarios start here, and there are none
START = datetime(2026, 11, 20, tzinfo=UTC)
SYSTEMS = ("oneweb", "starlink-shell1", "starlink-gen1")
AREAS = ("LUX", "PAN", "KEN", "IND")
SLOTS = (20, 240)
TIMES = 3  # each is run, and the least taken
WORLD_SLOTS = (4, 24)
DAY, YEAR = 5760, 365 * 5760
RES_5_CELLS = 2_016_842
GEN1 = 4408
PRICE = "PRICE_PER_CORE_HOUR"  # of the environment: adds a column of money


def run() -> dict[str, Any]:
    """Measure, fit and print."""
    measured, row_bytes, head_bytes = _measured()
    constants = fitted(measured)
    print(f"{'cells':>8} {'satellites':>10} {'slots':>6} {'measured s':>10} {'fitted s':>10} {'error':>7}")
    for one, error in zip(measured, constants.errors, strict=True):
        size = one.size
        told = f"{size.cells:8,} {size.satellites:10,} {size.slots:6,}"
        print(f"{told} {one.seconds:10.4f} {constants.of(size):10.4f} {error:+7.1%}")
    for name, seconds in zip(TERMS, constants.seconds, strict=True):
        print(f"{name:26} {seconds * 1e6:12.6f} µs")
    world = _world()
    cells, slot_s, once_s = int(world["cells"]), world["slot_s"], world["once_s"]
    by_fit = constants.of(Size(1, GEN1, cells)) - constants.of(Size(0, GEN1, cells))
    print(
        f"the world at resolution 4, {cells:,} cells: {slot_s:.3f} s a slot, and {once_s:.0f} s once a run; "
        f"cutting it {world['cut_s']:.0f} s once a worker; {world['peak_gb']:.1f} GB; "
        f"the constants above say {by_fit:.3f} s a slot"
    )
    bytes_of = (row_bytes, head_bytes)
    rows = _rows(constants, world, bytes_of)
    price = float(os.environ[PRICE]) if PRICE in os.environ else None
    print("| what | runs | core-hours | disk |" + (" money |" if price else ""))
    print("| --- | ---: | ---: | ---: |" + (" ---: |" if price else ""))
    for row in rows:
        told = f"| {row['what']} | {row['runs']:,} | {row['core_hours']:.3g} | {row['disk_bytes'] / 1e6:.3g} MB |"
        print(told + (f" {row['core_hours'] * price:.3g} |" if price else ""))
    print(f"money is core-hours × the price of one; {PRICE}=… adds it", flush=True)
    return {
        "seconds": dict(zip(TERMS, constants.seconds, strict=True)),
        "worst_error": constants.worst,
        "world": world,
        "row_bytes": row_bytes,
        "rows": rows,
    }


def _tables(system: str, area: str, hours: int = 1) -> dict[str, Any]:
    return {
        "name": "cost",
        "start": START,
        "duration": f"{hours}h",
        "constellation": {"catalogue": system},
        "ground": {"area": [area], "resolution": 4, "gateways": "starlink-2026"},
        "failures": {"random": {"seed": 1, "satellites": {"share": 0.1}}},
    }


def _measured() -> tuple[list[Measured], float, float]:
    """(runs of several sizes, bytes of a row of results, bytes of a file beside its rows)."""
    found, row_bytes, head_bytes = [], 0.0, 250.0
    for system in SYSTEMS:
        for area in AREAS:
            tables = _tables(system, area)
            satellites = Scenario.of(tables, HERE, [], to_run=True).case.network.constellation.satellites
            for slots in SLOTS:
                task = Task(address_of(tables, HERE, slots), tables, str(HERE), slots)
                done = compute_task(task)  # once for nothing: cells are cut, kernels loaded
                assert not done.problems, done.problems
                seconds = min(_cpu_s(task) for _ in range(TIMES))
                found.append(Measured(Size(slots, satellites, int(done.rows[0]["cells"])), seconds))
                row_bytes = max(row_bytes, len(rfc8785.dumps([dict(row) for row in done.rows])) / len(done.rows))
    return found, row_bytes, head_bytes


def _cpu_s(task: Task) -> float:
    begun = time.thread_time()
    compute_task(task)
    return time.thread_time() - begun


def _world() -> dict[str, float]:
    """The whole Earth at resolution 4 over a few slots: seconds of one processor, and memory."""
    read = Scenario.of(_tables("starlink-gen1", "world", hours=24), HERE, [], to_run=True)
    few, more = WORLD_SLOTS

    def timed(slots: int, parts: Any) -> tuple[float, Any]:
        begun = time.process_time()
        done = compute(read.first_slots(slots).case, threads=1, parts=parts)
        return time.process_time() - begun, done

    begun = time.process_time()
    _, first = timed(few, None)
    cut_s = time.process_time() - begun
    short_s, _ = timed(few, first.parts)
    long_s, done = timed(more, first.parts)
    begun = time.process_time()
    rows = rows_of(done)
    rows_s = time.process_time() - begun
    slot_s = (long_s - short_s) / (more - few)
    return {
        "cells": float(len(first.parts.cells)),
        "rows": float(len(rows)),
        "slot_s": slot_s,
        "once_s": max(0.0, short_s - few * slot_s) + rows_s,
        "cut_s": cut_s - short_s,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0**2,
    }


def _rows(constants: Constants, world: dict[str, float], bytes_of: tuple[float, float]) -> list[dict[str, Any]]:
    def row(what: str, runs: int, seconds_a_run: float, rows: int) -> dict[str, Any]:
        hours, disk = core_hours(seconds_a_run, runs), disk_bytes(rows, runs, *bytes_of)
        return {"what": what, "runs": runs, "core_hours": hours, "disk_bytes": disk}

    def earth(what: str, slots: int, times: float = 1.0) -> dict[str, Any]:
        runs = split(slots, LONGEST_RUN_SLOTS)
        seconds = (world["slot_s"] * slots + world["once_s"] * len(runs)) * times + world["cut_s"] * times
        return row(what, len(runs), seconds / len(runs), int(world["rows"]))

    return [
        row("territory of 80 cells, an hour, 1,584 satellites", 1, constants.of(Size(240, 1584, 80)), 1),
        row("the same, a thousand draws", 1000, constants.of(Size(240, 1584, 80)), 1),
        row("country of 1,000 cells, a day, 4,408 satellites", 1, constants.of(Size(DAY, GEN1, 1000)), 1),
        row("the same, every day of a year", 365, constants.of(Size(DAY, GEN1, 1000)), 1),
        earth("the world, resolution 4, a day, 4,408 satellites", DAY),
        earth("the world, resolution 4, a year", YEAR),
        earth("the world, resolution 5, a year (extrapolated by cells)", YEAR, RES_5_CELLS / world["cells"]),
    ]
