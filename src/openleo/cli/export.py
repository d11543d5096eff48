"""`openleo export`: results and inputs in other programs' formats, one file a format."""

from __future__ import annotations

import typer

from openleo.cli import export_hand_overs

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Write inputs and results in other programs' formats."
)
app.command("hand-overs")(export_hand_overs.hand_overs)
