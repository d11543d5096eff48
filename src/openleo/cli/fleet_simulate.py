"""`openleo fleet simulate`: labelled traces of a simulated fleet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli.common import progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyarrow import Table

    from openleo.results import OnProgress

SCENARIO_HELP = "all: misuse and jamming; honest: jamming alone; quiet: neither."


def simulate(
    out: Annotated[Path, typer.Option(metavar="F.parquet", help="The trace to write.")],
    terminals: Annotated[int, typer.Option(min=1, metavar="N", help="Honest terminals.")] = 1_000,
    days: Annotated[float, typer.Option(min=0.01, metavar="D", help="How long they are followed.")] = 7.0,
    seed: Annotated[int, typer.Option(min=0, metavar="S", help="The same seed gives the same trace.")] = 0,
    scenario: Annotated[str, typer.Option(metavar="NAME", help=SCENARIO_HELP)] = "all",
) -> None:
    """Simulate a fleet in central Europe, and write what it reports, labelled.

    Households, some on borders; people who move and travel; vehicles, ships and aircraft; holders with many terminals;
    positions kept to 1 km; jammers. Beside them each kind of misuse, a fortieth of the honest terminals: the column
    `label` says which rows are. docs/misuse.md has the columns.
    """
    from openleo.errors import InputError, Problem, near_names
    from openleo.fleet import trace
    from openleo.fleet.simulate import PART_S, SCENARIOS, Asked, Simulation
    from openleo.report.staging import StagedFile, blaming
    from openleo.units import SECONDS_PER_DAY

    problems = []
    if scenario not in SCENARIOS:
        way_out = near_names(scenario, SCENARIOS) or f"There are {', '.join(SCENARIOS)}."
        problems.append(Problem("--scenario", "", f'there is no scenario "{scenario}".', way_out))
    if out.suffix.lower() != ".parquet":
        problems.append(Problem(f"--out {out}", "", "is not named as a Parquet file.", "Name it F.parquet."))
    if problems:
        raise InputError(problems)
    parts = max(1, round(days * SECONDS_PER_DAY / PART_S))
    with progress(kernels=False) as tell, StagedFile(out) as path, blaming(out):
        tell("drawing the fleet", 0, parts)
        made = Simulation(Asked.of(terminals, days, seed, scenario))
        rows = trace.write(_told(made.parts(), parts, tell), path)
    typer.echo(f"wrote {out}: {rows:,} reports of {len(made.cast.devices):,} devices over {days:g} days")


def _told(made: Iterator[Table], parts: int, tell: OnProgress) -> Iterator[Table]:
    for number, part in enumerate(made, 1):
        yield part
        tell("quarters of days", number, parts)
