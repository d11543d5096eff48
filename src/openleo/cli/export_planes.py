"""`openleo export planes`: the shells, planes and slots of a constellation, inferred or as filed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openleo.cli.common import ScenarioFile, check_png, load_scenario, note


def planes(
    scenario: ScenarioFile,
    out: Annotated[Path, typer.Option(metavar="F.csv|F.parquet", help="The file to write: a row a satellite.")],
    plot: Annotated[Path | None, typer.Option(metavar="F.png", help="Draw the planes of the largest shells.")] = None,
) -> None:
    """Write which shell, plane and slot each satellite is in, and why it is in none.

    Planes of element sets are inferred from the orbits at the newest epoch. Those in none are spare (beside their
    shell's slots), raising or deorbiting (below it), or unplaced.
    """
    from openleo.errors import counted
    from openleo.report import planes as table
    from openleo.report.rows import RowsWriter, check_ending
    from openleo.report.staging import Outputs, check_distinct

    check_ending(out, "--out")
    check_png(plot, "--plot", "planes.png")
    asked_for = {"--out": out, "--plot": plot}
    check_distinct(asked_for, {"SCENARIO": scenario})
    case = load_scenario(scenario).case
    constellation = case.network.constellation
    with Outputs(asked_for) as to:
        with RowsWriter(to["--out"], table.COLUMNS) as writer:
            writer.write(table.rows(constellation))
        if picture := to.get("--plot"):
            table.draw(constellation, case.name, picture)
    shells = len(constellation.shell_names)
    found = int((constellation.plane >= 0).sum())
    note(
        f"{found} of {counted(constellation.satellites, 'satellite')} in {counted(constellation.planes, 'plane')} of "
        f"{counted(shells, 'shell')}, written to {out}"
    )
    if plot:
        note(f"Drawn to {plot}")
