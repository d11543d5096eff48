"""`openleo change show`: where changes stand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openleo.cli.change_common import DEFAULT_DATA, Data, Database, answers, clock, opened
from openleo.cli.common import AsJson, note, print_json

Which = Annotated[str, typer.Argument(metavar="[DIR|ID]", help="The folder or the id of a change. [default: all]")]


def show(which: Which = "", data: Data = DEFAULT_DATA, database: Database = "", as_json: AsJson = False) -> None:
    """Where a change stands: what it moves, its effect, who approved, who is missing, and what it waits for.

    Without a change: all of them, and what is in force.
    """
    from openleo.governance import told
    from openleo.governance.folder import ChangeFolder

    with answers(which or str(data), as_json), opened(data, database) as house:
        id_ = ChangeFolder(Path(which)).proposed.change if which and Path(which).is_dir() else which
        state, now = house.state, clock()
        changes = [state.change(id_)] if id_ else list(state.changes.values())
        if as_json:
            rows = [told.as_json(state, change, now) for change in changes]
            print_json(rows[0] if id_ else {"origin": state.origin, "active": state.active(now), "changes": rows})
            return
        for change in changes:
            typer.echo(told.text(state, change, now))
        if not id_:
            typer.echo("In force:")
            for target, value in sorted(state.active(now).items()):
                typer.echo(f"  {target}: {value}")
    if not changes:
        note("No change was proposed yet.")
