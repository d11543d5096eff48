"""`openleo controller`: what is done to a running controller's data, or to a stopped one's; one file a verb."""

from __future__ import annotations

import typer

from openleo.cli import (
    controller_accounts,
    controller_backup,
    controller_clock,
    controller_enforcement,
    controller_terminals,
    controller_token,
)
from openleo.cli.common import Verbs

app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="A controller's data: back it up, restore it, confirm its clock, make tokens.",
)
app.command("backup")(controller_backup.backup)
app.command("restore")(controller_backup.restore)
app.add_typer(controller_token.app, name="token")
app.command("confirm-clock")(controller_clock.confirm_clock)
app.command("enforcement-proof")(controller_enforcement.enforcement_proof)
app.command("check-enforcement")(controller_enforcement.check_enforcement)
app.add_typer(controller_terminals.app, name="terminals")
app.add_typer(controller_accounts.app, name="accounts")
