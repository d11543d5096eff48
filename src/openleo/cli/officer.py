"""`openleo officer`: who may decide; one file a verb."""

from __future__ import annotations

import typer

from openleo.cli import officer_found, officer_keys, officer_list, officer_log_key, officer_roster
from openleo.cli.common import Verbs

app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Officers, keys and quorums: found a ledger, change who decides, revoke a key.",
)
app.command("check")(officer_roster.check)
app.command("genesis")(officer_found.genesis)
app.command("found")(officer_found.found)
app.command("list")(officer_list.list_)
app.command("propose")(officer_roster.propose)
app.command("propose-log-key")(officer_log_key.propose)
app.command("hold-key")(officer_keys.hold_key)
app.command("revoke-key")(officer_keys.revoke_key)
