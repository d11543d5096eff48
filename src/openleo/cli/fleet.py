"""`openleo fleet`: simulated terminals, and detectors over anyone's traces; one file a verb."""

from __future__ import annotations

import typer

from openleo.cli import fleet_detect, fleet_simulate
from openleo.cli.common import Verbs

app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Terminals: simulated ones and what they report; misuse told from traces.",
)
app.command("simulate")(fleet_simulate.simulate)
app.command("detect")(fleet_detect.detect)
