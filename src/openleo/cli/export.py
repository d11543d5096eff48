"""`openleo export`: results and inputs in other programs' formats, one file a format."""

from __future__ import annotations

import typer

from openleo.cli import (
    export_beams,
    export_czml,
    export_failures,
    export_hand_overs,
    export_hypatia,
    export_load,
    export_oem,
    export_planes,
    export_traces,
)
from openleo.cli.common import Verbs

app = typer.Typer(
    cls=Verbs, no_args_is_help=True, rich_markup_mode=None, help="Write inputs and results in other programs' formats."
)
app.command("hypatia")(export_hypatia.hypatia)
app.command("traces")(export_traces.traces)
app.command("czml")(export_czml.czml)
app.command("oem")(export_oem.oem)
app.command("failures")(export_failures.failures)
app.command("hand-overs")(export_hand_overs.hand_overs)
app.command("planes")(export_planes.planes)
app.command("load")(export_load.load)
app.command("beams")(export_beams.beams)
