"""`openleo change expire`: close what ran out, on the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli.change_common import DEFAULT_DATA, Data, Database, answers, clock, opened
from openleo.cli.common import AsJson, note, print_json

if TYPE_CHECKING:
    from datetime import datetime

    from openleo.governance.state import State

Which = Annotated[str, typer.Argument(metavar="[DIR|ID]", help="The folder or the id of a change.")]
All = Annotated[bool, typer.Option("--all", help="Every change that ended by itself and is not closed yet.")]


def expire(
    which: Which = "", all_: All = False, data: Data = DEFAULT_DATA, database: Database = "", as_json: AsJson = False
) -> None:
    """Log that a change ended by itself: its approvals or its window ran out, or what it was to move has moved.

    It decides nothing: every replay finds the end by itself, so whoever runs the ledger may log it. Exits 3 with the
    reason where the change has not ended by itself, or is closed already.
    """
    from openleo.errors import InputError, Problem
    from openleo.governance.entries import Expired, entry
    from openleo.governance.folder import ChangeFolder
    from openleo.governance.life import why_not

    if bool(which) == all_:
        raise InputError(
            Problem("[DIR|ID]", "", "or --all is needed, and one of them.", "Name a change, or say --all.")
        )
    with answers(which or str(data), as_json), opened(data, database, write=True) as house:
        state, now = house.state, house.now(clock())
        id_ = ChangeFolder(Path(which)).proposed.change if which and Path(which).is_dir() else which
        ids = _ended(state, now) if all_ else [state.change(id_).proposed.change]
        bodies = [Expired(change=one, why=why_not(state, state.change(one), now) or "it ran out") for one in ids]
        numbers = list(house.append([entry(now, body) for body in bodies])) if bodies else []
    if as_json:
        rows = [{"entry": number, "change": one} for number, one in zip(numbers, ids, strict=True)]
        print_json({"ok": True, "expired": rows})
        return
    for number, body in zip(numbers, bodies, strict=True):
        note(f"Entry {number}: {body.change} is closed: {body.why}")
    if not bodies:
        note("No change ended by itself that is not closed.")


def _ended(state: State, now: datetime) -> list[str]:
    from openleo.governance.state import Status, status

    return [
        id_
        for id_, change in state.changes.items()
        if not change.closed and status(state, change, now) in (Status.EXPIRED, Status.VOID)
    ]
