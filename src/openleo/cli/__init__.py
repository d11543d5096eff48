"""The command line: one verb a file, each a thin reading of arguments around the library.

Answers go to stdout; progress, notes and errors to stderr. Exit 2: the input is at fault, with all its problems; exit
1: our fault. Heavy imports happen inside the verbs, so that `--help` is immediate.
"""

from __future__ import annotations

import signal
import sys

import typer

from openleo.cli import (
    change,
    controller,
    diff,
    doctor,
    emulate,
    export,
    fetch,
    fleet,
    init,
    ledger,
    link,
    officer,
    passes,
    path,
    plan,
    policy,
    rtt,
    score,
    serve,
    study,
    territory,
)
from openleo.cli.common import Verbs, print_json

app = typer.Typer(
    name="openleo",
    help="Who can be served by a LEO satellite network, who may be, who is, and who decided.",
    cls=Verbs,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(init.init)
app.command()(plan.plan)
app.command()(rtt.rtt)
app.command()(path.path)
app.command()(passes.passes)
app.command()(link.link)
app.command()(score.score)
app.command()(diff.diff)
app.command()(serve.serve)
app.command()(study.study)
app.add_typer(territory.app, name="territory")
app.add_typer(policy.app, name="policy")
app.add_typer(change.app, name="change")
app.add_typer(officer.app, name="officer")
app.add_typer(ledger.app, name="ledger")
app.add_typer(controller.app, name="controller")
app.add_typer(export.app, name="export")
app.add_typer(fleet.app, name="fleet")
app.add_typer(emulate.app, name="emulate")
app.command()(fetch.fetch)
app.command()(doctor.doctor)


@app.callback(invoke_without_command=True)
def _version(version: bool = typer.Option(False, "--version", help="Print the version and leave.")) -> None:
    if version:
        import openleo

        typer.echo(openleo.__version__)
        raise typer.Exit


def main() -> None:
    """The `openleo` command."""
    from openleo.errors import InputError

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that what is half-written is removed
    try:
        app(prog_name="openleo")
    except InputError as error:
        if "--json" in sys.argv[1:]:
            print_json({"ok": False, "problems": [problem.as_json() for problem in error.problems]})
        for problem in error.problems:
            print(problem, file=sys.stderr)
        sys.exit(2)
