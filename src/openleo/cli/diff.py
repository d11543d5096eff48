"""`openleo diff`: what is other in the results of a second run, and which inputs make it so."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from openleo.cli.common import AsJson, print_json

HELP = "Two folders that `openleo plan` wrote: what changed from the first to the second is told."
Folder = Annotated[Path, typer.Argument(help=HELP)]


def diff(run_a: Folder, run_b: Folder, as_json: AsJson = False) -> None:
    """Compare the results of two runs: inputs that differ by hash, notes, territories and cells.

    Territories come with most people affected first; cells by the reason that they had and have. Where the runs are
    of other cells, areas, spans or versions, that is said, and what can be compared is.
    """
    from openleo.errors import Together, given
    from openleo.report import run_diff_words
    from openleo.report.run_diff import compare
    from openleo.report.run_files import read_run

    both = Together()
    a, b = (both.read(partial(read_run, folder)) for folder in (run_a, run_b))
    both.done()
    found = compare(given(a), given(b))
    if as_json:
        print_json(run_diff_words.as_json(found))
        return
    typer.echo(run_diff_words.text(found), nl=False)
