"""`openleo emulate experiment`: what a file says, places and commands and changes of rules with their times."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openleo.cli.common import AsJson, Threads
from openleo.cli.emulate_run import Out, Parquet


def experiment(
    file: Annotated[Path, typer.Argument(metavar="F.toml", help="An experiment's file.")],
    out: Out = None,
    parquet: Parquet = False,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Run an experiment: terminals, servers behind PoPs, commands and changes of rules, each at its time.

    What commands print is told line by line, with the place before it. Leaves with the exit code of the first command
    that failed by itself.
    """
    from openleo.cli import emulate_common
    from openleo.emulator.experiment import read

    asked = read(file)
    emulate_common.check_machine_or_enter()
    target = out or Path("out") / asked.name
    code = emulate_common.carry_out(
        asked, lambda key: (str(file), key), target, parquet=parquet, threads=threads, as_json=as_json, foreground=False
    )
    raise typer.Exit(code)
