"""What a scenario says of capacity and demand, made into a CapacityCase.

Takes the checked records; reads the radios and tables that they name; gives the frozen value that `network.capacity`
computes with, and where its inputs come from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from importlib.resources import files
from pathlib import Path

import numpy as np

from openleo import cells as h3cells
from openleo.capacity_file import CapacityRecord, DemandRecord
from openleo.errors import InputError, Problem, Together, given
from openleo.network.capacity import demand_file, radios
from openleo.network.capacity.case import CapacityCase, DemandCase
from openleo.network.capacity.demand import EMERGENCY, EVERYBODY, Listed, PerSubscriber, PriorityClass
from openleo.network.capacity.subscribers import Penetration, Subscribers
from openleo.network.jamming import Disturbed
from openleo.policy.terminals import read_terminals
from openleo.results import Source
from openleo.scenario_file import ScenarioRecord

NONE = "none"
COMMON_WAYS = (
    "Capacity is computed over common ways: each gateway hands its traffic to the PoP nearest to it, whichever PoP "
    "serves a territory."
)
BEAMS_RESOLUTION = 5  # H3 of 253 km² on the average: the cells of the operator's own map of availability
# How many times as likely somebody in a town subscribes as somebody in the country, by income (docs/demand.md).
IN_TOWNS = {"high": 0.02, "upper-middle": 0.2, "lower-middle": 2.5, "low": 2.5}
FIRST = PriorityClass(EMERGENCY, share=0.0, priority=0)
LIMITS = {"beams_per_satellite": "beams", "channels": "channels", "time_shares": "shares"}  # others as in `Caps`


def read_capacity(
    capacity: CapacityRecord, demand: DemandRecord, resolution: int, folder: Path, file: str,
    jammed: tuple[Disturbed, ...] = (),
) -> tuple[CapacityCase, dict[str, Source]]:  # fmt: skip
    """The case, and where its inputs come from. Raises InputError with every problem."""
    problems = Together()
    problems.found += [Problem(file, "demand", fault) for fault in demand.faults()]
    known = problems.read(lambda: radios.read([folder / name for name in capacity.radios]))
    pieces = (
        (known.satellite, capacity.satellite_radio, "satellite_radio"),
        (known.terminal, capacity.terminal, "terminal"),
        (known.gateway, capacity.gateway_radio, "gateway_radio"),
    ) if known else ()  # fmt: skip
    found = [problems.read(partial(find, name, file, f"capacity.{key}")) for find, name, key in pieces]
    of_shell = {
        shell: problems.read(partial(known.satellite, name, file, f"capacity.radio_of_shell.{shell}"))
        for shell, name in capacity.radio_of_shell.items()
    } if known else {}  # fmt: skip
    asked = problems.read(lambda: _demand(demand, resolution, folder))
    if len(found) == 3 and found[0] is not None:
        ends = [(found[1], "terminal"), (found[2], "gateway_radio")]
        for end, key in ends:
            if end is not None:
                problems.found += radios.misfits(found[0], end, f"{file}: capacity.{key}")  # type: ignore[arg-type]
    problems.done()
    satellite, terminal, gateway = found
    asked_, sources = given(asked)
    case = CapacityCase(
        satellite, terminal, gateway,  # type: ignore[arg-type]
        capacity.percent, asked_, capacity.objective, capacity.hysteresis, limits_of(capacity), capacity.every_slots,
        capacity.rate_slots,
        {shell: given(one) for shell, one in of_shell.items()},
        capacity.other_site_km,
        capacity.ways,
        jammed,
    )  # fmt: skip
    return case, {"capacity": Source(f"{Path(file).name}, [capacity] and [demand]", case.sha256), **sources}


def notes_on_capacity(record: ScenarioRecord, *, serves_by_table: bool) -> list[str]:
    """What of the tables has no effect, and what capacity assumes. serves_by_table: there are serving PoPs."""
    if record.capacity.enabled:
        return [*([COMMON_WAYS] if serves_by_table else []), *of_cells(record.ground.resolution)]
    idle = ["[capacity]"] if record.capacity.model_fields_set - {"enabled"} else []
    idle += ["[demand]"] if "demand" in record.model_fields_set else []
    if not idle:
        return []
    has = "has" if len(idle) == 1 else "have"
    return [f"{' and '.join(idle)} {has} no effect: without `enabled = true` in [capacity] everybody is alone."]


def of_cells(resolution: int) -> list[str]:
    """What is to be said of cells that are larger or smaller than those of an operator's beams.

    >>> of_cells(4)[0].partition(":")[0], of_cells(5)
    ('A cell of resolution 4 (1,770 km² on the average) has the channels of one cell of beams', [])
    """
    if resolution == BEAMS_RESOLUTION:
        return []
    mean_km2 = h3cells.mean_area_km2(resolution)
    mean = f"{mean_km2:,.0f}" if mean_km2 >= 10.0 else f"{mean_km2:.2g}"
    size, than = ("larger", "less") if resolution < BEAMS_RESOLUTION else ("smaller", "more")
    note = f"A cell of resolution {resolution} ({mean} km² on the average) has the channels of one cell of beams"
    return [f"{note}: it is {size} than an operator's, so towns get {than} than at resolution {BEAMS_RESOLUTION}."]


def limits_of(record: CapacityRecord) -> dict[str, float]:
    """What the record states of `Caps`."""
    stated = {name: LIMITS.get(name, name) for name in CapacityRecord.model_fields if name in LIMITS or "mbps" in name}
    stated["interference_deg"] = "interference_deg"
    return {cap: float(value) for name, cap in stated.items() if (value := getattr(record, name)) is not None}


def _demand(record: DemandRecord, resolution: int, folder: Path) -> tuple[DemandCase, dict[str, Source]]:
    problems = Together()
    classes = tuple(
        PriorityClass(one.name, one.share, 0 if one.name == EMERGENCY and "priority" not in one.model_fields_set
                      else one.priority, one.weight)
        for one in record.class_
    ) or (PriorityClass(EVERYBODY),)  # fmt: skip
    known = classes if any(one.name == EMERGENCY for one in classes) else (*classes, FIRST)
    sources: dict[str, Source] = {}
    subscriptions = None
    if record.subscriptions != NONE and record.table is None:
        subscriptions = problems.read(lambda: demand_file.read_subscriptions(record.subscriptions, folder))
        if subscriptions:
            sources["subscriptions"] = Source(record.subscriptions, subscriptions[1])
    curve = problems.read(lambda: demand_file.read_curve(record.curve, folder))
    table = listed = None
    if record.table is not None:
        name = record.table
        table = problems.read(lambda: demand_file.read_cell_table(name, folder, resolution, known))
        if table:
            sources["demand"] = Source(name, table.sha256)
    if record.terminals is not None and record.table is None:
        path = folder / record.terminals
        listed = problems.read(lambda: read_listed(path, known))
        if listed:
            sources["terminals"] = Source(record.terminals, hashlib.sha256(path.read_bytes()).hexdigest())
    problems.done()
    each = (
        PerSubscriber(record.busy_hour_mbps_down, record.busy_hour_mbps_up)
        if record.oversubscription is None or record.plan_mbps_down is None or record.plan_mbps_up is None
        else PerSubscriber.of_plan(record.plan_mbps_down, record.plan_mbps_up, record.oversubscription)
    )
    penetration = penetration_of(record, subscriptions[0] if subscriptions else {})
    return DemandCase(penetration, each, given(curve), classes, table, listed), sources


def penetration_of(record: DemandRecord, subscriptions: Mapping[str, Subscribers]) -> Penetration:
    """Who subscribes."""
    counts = {name: one.count for name, one in subscriptions.items()}
    spans = {name: (one.low, one.high) for name, one in subscriptions.items()}
    if record.in_towns is not None:
        return Penetration(counts, record.penetration, record.factor, {}, record.in_towns, spans)
    in_towns = {name: IN_TOWNS[group] for name, group in income().items()}
    return Penetration(counts, record.penetration, record.factor, in_towns, IN_TOWNS["upper-middle"], spans)


def income() -> dict[str, str]:
    """Territories by income (World Bank, fiscal year 2025); those that are not named are of upper middle income."""
    text = (files("openleo.data") / "capacity" / "income.csv").read_text("utf-8")
    rows = [line.split(",") for line in text.splitlines()[1:]]
    return {row[0]: row[1] for row in rows}


def read_listed(path: Path, classes: tuple[PriorityClass, ...]) -> Listed:
    """A table of terminals as a demand has it: where each is, and its class.

    A terminal of a class that has no priority of its own counts as of the first. Raises InputError.
    """
    terminals = read_terminals(path)
    numbers = {one.name: number for number, one in enumerate(classes)}
    of_code = np.array([*(numbers.get(word, 0) for word in terminals.class_.values), 0], np.int32)
    if len(terminals) == 0:
        raise InputError(Problem(str(path), "", "holds no terminal; a row is one."))
    return Listed(terminals.latitude_deg, terminals.longitude_deg, of_code[terminals.class_.code], classes)
