"""`openleo init`: a commented starter scenario."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from openleo.cli.common import note


def init(folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to put it.")] = Path()) -> None:
    """Write a commented starter scenario with its rules; files that are there already are left alone."""
    from openleo.errors import InputError, Problem

    template = files("openleo.data") / "starter"
    names = ("scenario.toml", "rules/permitted.toml", "rules/withdrawn.toml")
    there = [name for name in names if (folder / name).exists()]
    if there:
        raise InputError(
            [
                Problem(str(folder / name), "", "is there already.", "Choose another folder; nothing was written.")
                for name in there
            ]
        )
    try:
        for name in names:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(template.joinpath(name).read_bytes())
    except OSError as error:
        raise InputError(Problem(str(folder), "", f"cannot be written: {error.strerror}.")) from None
    note(f"Written: {', '.join(str(folder / name) for name in names)}")
    typer.echo(f"openleo plan {folder / 'scenario.toml'}")
