"""`openleo plan`: compute the service map of a scenario and write what came out."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.common import (
    AsJson,
    Draws,
    ScenarioFile,
    Seed,
    Threads,
    load_scenario,
    note,
    print_json,
    progress,
    tell_lost,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

    from openleo.cells import Cells
    from openleo.network.reach import Reach
    from openleo.results import Results


def plan(
    scenario: ScenarioFile,
    out: Annotated[Path | None, typer.Option(help="Folder for the results. [default: out/NAME]")] = None,
    slots: Annotated[int | None, typer.Option(min=1, help="Only the first N slots.")] = None,
    slots_out: Annotated[
        bool, typer.Option("--slots-out", help="Also write every slot of every cell (slots.zarr).")
    ] = False,
    draws: Draws = 0,
    seed: Seed = 0,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Compute who is served, where and why not; write results and a report.

    Writes summary.json, territories.csv, cells.parquet, report.html and map.png, and effect.json when the scenario
    compares two rule sets; with capacity, rates.png (and rates-after.png). Nothing is written unless everything is.

    With --draws N the network is computed N times more, with what is not known drawn anew (where satellites stand,
    elevation masks, who subscribes, the chain's fitted constants), and up to 16 times more to tell what moves a number
    most: `intervals` in summary.json says where nine of ten draws put each territory's figures.

    report.html opens from a disk in any browser: the network on a map, at up to 96 of the run's slots and as a whole,
    with the report below it.
    """
    from openleo.console.offline import page
    from openleo.console.pages import HOW, files
    from openleo.console.run_slots import Samples
    from openleo.report.slots import SlotsWriter
    from openleo.report.write import check_writable, write
    from openleo.uncertainty import intervals

    read = load_scenario(scenario, under_rules=True, slots=slots)
    folder = out or Path("out") / read.case.name
    check_writable(folder)
    samples, built = Samples(read.case), files()
    with SlotsWriter(folder, read.case) if slots_out else nullcontext() as writer, progress() as tell:

        def on_reach(cells: Cells, chunk: Reach) -> None:
            samples.on_reach(cells, chunk)
            if writer:
                writer.on_reach(cells, chunk)

        results = read.run(threads=threads, on_progress=tell, on_reach=on_reach)
        if draws:
            found = intervals(results, draws, seed, threads=threads, on_progress=tell)
            results = replace(results, intervals=found)
        tell("writing the report", 0, 1)
        written = write(
            results, folder, writer, (lambda report: page(results, samples, report, built)) if built else None
        )
    tell_lost(results.failures)
    if as_json:
        print_json(results.summary())
        return
    _show(results)
    note(f"Written to {folder}: {', '.join(path.name for path in written)}")
    note(f"Open {folder / 'report.html'} in a browser." if built else f"report.html has no map to turn: {HOW}")


def _show(results: Results) -> None:
    """The tables, on stdout; wide enough to be read in a file as on a terminal."""
    from rich.console import Console

    from openleo.report import tables

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    console.print(tables.territory_table(results))
    if results.effect:
        console.print(tables.effect_table(results))
    if results.intervals:
        console.print(_interval_table(results.intervals))


def _interval_table(found: Mapping[str, Any]) -> Table:
    """Where nine of ten draws put each figure, and the source that moves it most."""
    from rich.table import Table

    from openleo.report import how_sure

    table = Table(title=how_sure.title(found))
    shown = how_sure.shown(found)
    for name in ("territory", *(how_sure.COLUMNS[name] for name in shown)):
        table.add_column(name)
    for row in found["territories"]:
        table.add_row(row["territory"], *(how_sure.between(row[name], name) for name in shown))
    return table
