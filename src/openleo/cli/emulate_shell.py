"""`openleo emulate shell`: into a place of an emulation that runs in another terminal."""

from __future__ import annotations

import os
from typing import Annotated

import typer


def shell(
    place: Annotated[str, typer.Argument(metavar="PLACE", help="A terminal, or a PoP, by its name in the run.")],
    command: Annotated[
        list[str] | None, typer.Argument(metavar="-- COMMAND…", help="What to run there. [default: your shell]")
    ] = None,
) -> None:
    """Enter a place of a running emulation: its addresses, routes and names, with this machine's files."""
    from openleo.emulator import rendezvous
    from openleo.errors import InputError, Problem

    run, name = rendezvous.find(place)
    argv = list(command or [os.environ.get("SHELL", "/bin/sh")])
    try:
        entering = rendezvous.entering(run, name, argv)
        os.execvp(entering[0], entering)  # noqa: S606 - what the user asked for, inside
    except PermissionError:
        rule = f"the namespace of {name} is not yours to enter."
        raise InputError(Problem("openleo emulate shell", "", rule, "Try as the user who runs it.")) from None
