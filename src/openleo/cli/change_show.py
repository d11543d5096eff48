"""`openleo change show`: where changes stand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openleo.cli.change_common import DEFAULT_DATA, Data, Database, answers, clock, opened
from openleo.cli.common import AsJson, note, print_json

Which = Annotated[
    str,
    typer.Argument(
        metavar="[DIR|ID]", help="The folder or the id of a change, or of a use of break-glass. [default: all]"
    ),
]


def show(which: Which = "", data: Data = DEFAULT_DATA, database: Database = "", as_json: AsJson = False) -> None:
    """Where a change stands: what it moves, its effect, who approved, who is missing, and what it waits for.

    Without a change: all of them, each use of break-glass with its review, and what is in force.
    """
    from openleo.governance import told
    from openleo.governance.folder import ChangeFolder

    with answers(which or str(data), as_json), opened(data, database) as house:
        id_ = ChangeFolder(Path(which)).proposed.change if which and Path(which).is_dir() else which
        state, now = house.state, clock()
        uses = [one for one in state.glass.values() if id_ in ("", one.used.id)]
        changes = list(state.changes.values()) if not id_ else [] if uses else [state.change(id_)]
        if as_json:
            rows = [told.as_json(state, change, now) for change in changes]
            glass = [told.glass_as_json(state, one, now) for one in uses]
            everything = {"origin": state.origin, "active": state.active(now), "changes": rows, "break_glass": glass}
            print_json([*rows, *glass][0] if id_ else everything)
            return
        for change in changes:
            typer.echo(told.text(state, change, now))
        for one in uses:
            typer.echo(told.glass_text(state, one, now))
        if not id_:
            typer.echo("In force:")
            for target, value in sorted(state.active(now).items()):
                typer.echo(f"  {target}: {value}")
    if not changes and not uses:
        note("No change was proposed yet.")
