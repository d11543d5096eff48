"""`openleo emulate`: real packets through the network; one file a verb, and a run where no verb is named."""

from __future__ import annotations

from typing import Any

import typer

from openleo.cli import emulate_experiment, emulate_live, emulate_replay, emulate_run, emulate_shell
from openleo.cli.common import Verbs

RUN = "run"
HELP = ("-h", "--help")


class RunUnlessNamed(Verbs):
    """A group whose first word may be a scenario: then its verb is `run`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in HELP:
            args = [RUN, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=RunUnlessNamed,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Real packets through the planned network: openleo emulate SCENARIO --between A B -- COMMAND "
    "(see `openleo emulate run --help`).",
)
app.command(RUN)(emulate_run.run)
app.command("experiment")(emulate_experiment.experiment)
app.command("shell")(emulate_shell.shell)
app.command("replay")(emulate_replay.replay)
app.command("live")(emulate_live.live)
