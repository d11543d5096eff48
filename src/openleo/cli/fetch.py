"""`openleo fetch`: current element sets from a public source, politely."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openleo.cli.common import AsJson, note, print_json


def fetch(
    source: Annotated[str, typer.Argument(help="A source, for example celestrak:starlink.")],
    out: Annotated[Path | None, typer.Option(help="Also copy the file here.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Cache folder. [default: the user's]")] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch orbital elements (CelesTrak OMM) once, keep them, and ask again only when that is fair.

    What is younger than the source's minimum age is taken from the cache. A refusal (403 or 429) stops all further
    requests to that source until the user lifts it.
    """
    from shutil import copyfile

    from openleo.report.staging import StagedFile, blaming
    from openleo.sources import celestrak

    fetched = celestrak.fetch(source, cache or celestrak.default_cache())
    if out is not None:
        with StagedFile(out) as path, blaming(out):
            copyfile(fetched.path, path)
    if as_json:
        print_json(fetched.as_json())
        return
    note(fetched.sentence())
    typer.echo(str(out or fetched.path))
