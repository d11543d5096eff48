"""`openleo export beams`: which satellite serves which cell on which channel, slot by slot."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openleo.cli.common import ScenarioFile, load_scenario, note, progress, tell_lost_in
from openleo.cli.spans import FROM, window


def beams(
    scenario: ScenarioFile,
    out: Annotated[Path, typer.Option(metavar="F.csv|F.parquet", help="The file to write: a row a cell and channel.")],
    cells: Annotated[
        Path | None,
        typer.Option(metavar="F.csv|F.parquet", help="Write what every cell asks for and gets, and what binds it."),
    ] = None,
    start: Annotated[str | None, typer.Option(help=FROM)] = None,
    for_: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="For so long, in whole slots. [default: one slot]")
    ] = None,
) -> None:
    """Write who serves whom with everybody on the network: cell, satellite, channel, and the share of the time.

    For scenarios with [capacity] enabled, under the rules in force at the scenario's start. sub_slots has a 1 for each
    sub-slot in which the beam is there; Mbit/s of a channel are those of all of the time; where the satellite is, is
    Earth-fixed. Slots follow each other, and a satellite is kept from one to the next ([capacity] hysteresis).
    """
    from openleo.errors import InputError, Problem, Together, counted, given
    from openleo.places.areas import parts_of
    from openleo.policy import mask
    from openleo.report import beams as table
    from openleo.report.rows import RowsWriter, check_ending
    from openleo.report.staging import Outputs, check_distinct
    from openleo.results import classes_of, refuse_nothing, regions_of_both
    from openleo.service.rates import demand_of
    from openleo.service.slots_shared import shared_slots

    together = Together()
    together.read(lambda: check_ending(out, "--out"))
    if cells:
        together.read(lambda: check_ending(cells, "--cells"))
    files = {"--out": out, "--cells": cells}
    together.read(lambda: check_distinct(files, {"SCENARIO": scenario}))
    read = together.read(lambda: load_scenario(scenario, under_rules=True))
    together.done()
    case = given(read).case
    if case.capacity is None:
        rule = "is not enabled, and without it nobody has a beam."
        raise InputError(Problem(str(scenario), "capacity.enabled", rule, "Write enabled = true in [capacity]."))
    if case.not_kept:
        raise InputError(case.not_kept)
    shown = window(case.grid, start, for_ or f"{case.grid.slot_s:g}s")
    tell_lost_in(case.network.constellation, shown)
    regions = regions_of_both(case.rules, None)
    parts = parts_of(case.area, case.resolution, tuple(region.polygon for region in regions))
    refuse_nothing(case, parts)
    demand, said = demand_of(case.capacity, parts)
    for one in said:
        note(one)
    classes = classes_of(case)
    may = mask.compute(case.rules, parts, classes, regions, case.grid.start) if case.rules else None
    first, network, written = case.grid.slot_at(shown.start), case.network, 0
    with Outputs(files) as to, RowsWriter(to["--out"], table.COLUMNS) as rows, progress() as tell:
        made = shared_slots(
            case.capacity, network, case.grid, first, shown.slots, parts, demand, may or mask.everything(parts, classes)
        )
        of_cells = []
        for done, slot in enumerate(made):
            tell("sharing out beams", done, shown.slots)
            rows.write(table.rows(slot, parts.cells, network.constellation, network.gateways))
            written += len(slot.allocation.assignment.cell)
            of_cells += list(table.cell_rows(slot, parts.cells)) if cells else []
        if path := to.get("--cells"):
            with RowsWriter(path, table.CELL_COLUMNS) as writer:
                writer.write(of_cells)
    note(f"{counted(written, 'row')} of {counted(shown.slots, 'slot')} written to {out}")
    if cells:
        note(f"{counted(len(parts.cells), 'cell')} of each written to {cells}")
