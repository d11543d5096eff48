"""`openleo export failures`: the outages of a scenario, by chance or not, as a file that a scenario can name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openleo.cli.common import ScenarioFile, load_scenario, note


def failures(
    scenario: ScenarioFile,
    out: Annotated[Path, typer.Option(help="The CSV to write: kind,name,from,until.")],
) -> None:
    """Write every outage of a scenario, so that failures by chance can be read, changed and run again."""
    from openleo.report.staging import StagedFile, blaming, check_distinct
    from openleo.scenario_failures import as_csv

    check_distinct({"--out": out}, {"SCENARIO": scenario})
    network = load_scenario(scenario).case.network
    with StagedFile(out) as path, blaming(out):
        path.write_text(as_csv(network.failures), encoding="utf-8")
    note(f"{len(network.failures.outages)} outages written to {out}")
