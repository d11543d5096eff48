"""`openleo controller accounts`: who holds terminals, for whoever holds the data folder."""

from __future__ import annotations

from typing import Annotated

import typer

from openleo.cli.common import AsJson, Verbs, note, print_json
from openleo.cli.controller_common import Data, DatabaseUrl
from openleo.cli.controller_terminals import Actor, Reason, answered, now_s, opened

app = typer.Typer(
    cls=Verbs, no_args_is_help=True, rich_markup_mode=None, help="Accounts: opened, suspended, reinstated."
)
Id = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Its id.")]


@app.command("open")
def open_(
    account: Id,
    data: Data,
    holder: Annotated[str, typer.Option(metavar="NAME", help="Who holds it; kept privately.")] = "",
    quota: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="How many terminals it may have. [default: any number]")
    ] = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Open an account; the ledger will know it by its commitment."""
    from openleo.controller.accounts import Accounts

    with answered(account, as_json), opened(data, database) as (engine, desk):
        made = Accounts(engine, desk, now_s).open(account, holder, quota)
    if as_json:
        print_json({"ok": True, "account": made.id, "commitment": made.commitment})
    else:
        typer.echo(made.commitment)


@app.command("list")
def list_(data: Data, database: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """Accounts by their ids: terminals, quota, and whether the ledger says that they are suspended."""
    from openleo.controller import accounts
    from openleo.controller.accounts import Account
    from openleo.controller.database import reading
    from openleo.controller.registry import MOST_ASKED

    found: list[Account] = []
    with answered(str(data), as_json), opened(data, database) as (engine, desk):
        with desk.open() as acting:
            active = acting.active()
        with reading(engine) as connection:
            while some := accounts.page(connection, found[-1].id if found else "", MOST_ASKED):
                found += some
            counts = [accounts.count(connection, one.id) for one in found]
    rows = [
        {"id": one.id, "holder": one.holder, "quota": one.quota, "terminals": count, "commitment": one.commitment,
         "state": accounts.state_of(one, active)} for one, count in zip(found, counts, strict=True)
    ]  # fmt: skip
    if as_json:
        print_json(rows)
        return
    for row in rows:
        most = "" if row["quota"] is None else f" of {row['quota']:,}"
        typer.echo(f"{row['id']}  {row['state']}  {row['terminals']:,}{most} terminals")


@app.command("suspend")
def suspend(
    account: Id, data: Data, actor: Actor, reason: Reason, database: DatabaseUrl = None, as_json: AsJson = False
) -> None:
    """Suspend an account as one act on the ledger; above the rate of single acts the answer is no (exit 3)."""
    from openleo.controller.accounts import Accounts

    with answered(account, as_json), opened(data, database) as (engine, desk):
        entry = Accounts(engine, desk, now_s).suspend(account, actor, reason)
    _told(account, "suspended", entry, as_json)


@app.command("reinstate")
def reinstate(
    account: Id, data: Data, actor: Actor, reason: Reason, database: DatabaseUrl = None, as_json: AsJson = False
) -> None:
    """Undo a suspension that was a single act; what a change suspended, a change reinstates."""
    from openleo.controller.accounts import Accounts

    with answered(account, as_json), opened(data, database) as (engine, desk):
        entry = Accounts(engine, desk, now_s).reinstate(account, actor, reason)
    _told(account, "active", entry, as_json)


def _told(account: str, state: str, entry: int | None, as_json: bool) -> None:
    if as_json:
        print_json({"ok": True, "account": account, "state": state, "entry": entry})
    else:
        note(f"{account} is {state}: entry {entry}." if entry is not None else f"{account} is {state} already.")
