"""`openleo init`: a commented starter scenario."""

from __future__ import annotations

from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from openleo.cli.common import note


def init(folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to put it.")] = Path()) -> None:
    """Write a commented starter scenario with its rules. Refuses, and writes nothing, if one of its files is there."""
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
    made: list[Path] = []
    try:
        for name in names:
            target = folder / name
            missing = [parent for parent in target.parents if not parent.exists()]
            target.parent.mkdir(parents=True, exist_ok=True)
            made += [*reversed(missing), target]
            target.write_bytes(template.joinpath(name).read_bytes())
    except OSError as error:
        for path in reversed(made):
            with suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
        raise InputError(Problem(str(folder), "", f"cannot be written: {error.strerror}.")) from None
    note(f"Written: {', '.join(str(folder / name) for name in names)}")
    typer.echo(f"openleo plan {folder / 'scenario.toml'}")
