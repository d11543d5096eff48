"""One run of a study, computed: the function that executors are given, in this process or in another.

Takes a Task, which is plain values and so goes anywhere; gives an Outcome, which comes back the same way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from openleo.errors import InputError, Problem
from openleo.places.areas import Area, parts_of
from openleo.places.expressions import Region
from openleo.places.parts import Parts
from openleo.results import Case, Results, compute, regions_of_both
from openleo.scenario import Scenario
from openleo.service.serve import ServiceMap, serve
from openleo.service.summary import TerritoryRow, by_territory
from openleo.study.keys import address_of

Row = Mapping[str, Any]  # the columns of `columns.RECORDED`
KEPT_AREAS = 4  # areas cut into parts that a process remembers


@dataclass(frozen=True)
class Task:
    """A run to compute: the scenario's tables with everything set, where its paths start, and its address."""

    address: str
    tables: Mapping[str, Any]
    scenario: str
    slots: int | None


@dataclass(frozen=True)
class Outcome:
    """What came of a task. `problems`: why there are no rows."""

    address: str
    rows: tuple[Row, ...] = ()
    seconds: float = 0.0
    problems: tuple[Problem, ...] = ()


Compute = Callable[[Task], Outcome]


def compute_task(task: Task) -> Outcome:
    """Read a run's scenario and compute it, on one thread: runs are what is done side by side."""
    begun = time.perf_counter()
    try:
        _check_address(task, "is not the same where the run was sent to be computed: another openleo, or other files.")
        rows = rows_of(_computed(task))
        _check_address(task, "or a file that it names was changed while the run was computed.")
    except InputError as error:
        return Outcome(task.address, problems=error.problems)
    return Outcome(task.address, rows, time.perf_counter() - begun)


def _check_address(task: Task, rule: str) -> None:
    """Raise InputError unless all that the run is computed from is as its address says."""
    if address_of(task.tables, Path(task.scenario), task.slots) != task.address:
        way_out = "Give the command again; on a cluster, install the same version and give the same files everywhere."
        raise InputError(Problem(task.scenario, "", rule, way_out))


def _computed(task: Task) -> Results:
    read = Scenario.of(dict(task.tables), Path(task.scenario), [], to_run=True)
    case = (read if task.slots is None else read.first_slots(task.slots)).case
    return compute(case, threads=1, parts=_parts(case))


def _parts(case: Case) -> Parts:
    return _cut(case.area, case.resolution, regions_of_both(case.rules, case.compare))


@lru_cache(KEPT_AREAS)
def _cut(area: Area, resolution: int, regions: tuple[Region, ...]) -> Parts:
    return parts_of(area, resolution, tuple(region.polygon for region in regions))


def rows_of(results: Results) -> tuple[Row, ...]:
    """A row for each territory, each class, under each rule set."""
    sides = [("rules", results.service), ("compare", results.compared)]
    return tuple(
        _row(one, under, class_)
        for under, service in sides
        if service is not None
        for class_ in service.mask.classes
        for one in by_territory(_of_class(service, class_), results.case.area.order)
    )


def _of_class(service: ServiceMap, class_: str) -> ServiceMap:
    if class_ == service.class_:
        return service
    return serve(service.statistics, service.parts, service.mask, class_, service.rates)


def _row(one: TerritoryRow, under: str, class_: str) -> Row:
    return {
        "territory": one.territory,
        "under": under,
        "class": class_,
        "cells": one.cells,
        "population": one.population,
        "area_km2": one.area_km2,
        "weighting": one.weighting,
        "can_serve": one.can_serve,
        "may_serve": one.may_serve,
        "served": one.served,
        **one.not_served_because,
        "rtt_ms_p50": one.rtt_ms_p50,
        "rtt_ms_p95": one.rtt_ms_p95,
        "down_mbps_p50": one.down_mbps_p50,
        "up_mbps_p50": one.up_mbps_p50,
    }
