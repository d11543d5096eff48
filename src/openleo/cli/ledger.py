"""`openleo ledger`: a public log that nobody can change unseen; structural, knows no rules; one file a verb."""

from __future__ import annotations

import typer

from openleo.cli import (
    ledger_append,
    ledger_checkpoint,
    ledger_export,
    ledger_init,
    ledger_prove,
    ledger_verify,
    ledger_watch,
    ledger_witness,
)
from openleo.cli.common import Verbs

app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="A public log that nobody can change unseen: append, prove, verify, publish, witness.",
)
app.command("init")(ledger_init.init)
app.command("append")(ledger_append.append)
app.command("checkpoint")(ledger_checkpoint.checkpoint)
app.command("prove")(ledger_prove.prove)
app.command("verify")(ledger_verify.verify)
app.command("export")(ledger_export.export)
app.command("witness")(ledger_witness.witness)
app.command("watch")(ledger_watch.watch)
