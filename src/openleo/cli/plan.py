"""`openleo plan`: compute the service map of a scenario and write what came out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openleo.cli.common import AsJson, ScenarioFile, note, print_json, progress


def plan(
    scenario: ScenarioFile,
    out: Annotated[Path | None, typer.Option(help="Folder for the results. [default: out/NAME]")] = None,
    slots: Annotated[int | None, typer.Option(min=1, help="Only the first N slots.")] = None,
    slots_out: Annotated[
        bool, typer.Option("--slots-out", help="Also write every slot of every cell (slots.zarr).")
    ] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads. [default: all processors]")] = None,
    as_json: AsJson = False,
) -> None:
    """Compute who is served, where and why not; write results and a report.

    Writes summary.json, territories.csv, cells.parquet, report.html and map.png, and effect.json when the scenario
    compares two rule sets. Nothing is written unless everything is.
    """
    from openleo.report import write
    from openleo.scenario import Scenario

    read = Scenario.load(scenario)
    if slots is not None:
        read = read.first_slots(slots)
    for said in read.case.notes:
        note(said)
    folder = out or Path("out") / read.case.name
    write.check_writable(folder)
    with write.Output(folder) as output:
        writer = output.slots(read.case) if slots_out else None
        with progress() as tell:
            results = read.run(threads=threads, on_progress=tell, on_reach=writer.add if writer else None)
            tell("writing the report", 0, 1)
            files = output.write(results)
    if as_json:
        print_json(results.summary())
        return
    from openleo.report import tables

    tables.show(results)
    note(f"\nWritten to {folder}: {', '.join(files)}")
