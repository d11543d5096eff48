"""`openleo ledger watch`: follow a log, and say when it shows two histories."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli.common import AsJson, note, print_json
from openleo.cli.ledger_common import PolicyFile, Vkey, exits, standing, tell_standing, trusted

if TYPE_CHECKING:
    from openleo.ledger.faults import Unavailable
    from openleo.ledger.watch import Followed

Source = Annotated[str, typer.Argument(metavar="SOURCE", help="An address or a folder where a log is published.")]
State = Annotated[Path, typer.Option("--state", metavar="DIR", help="What was seen, and the evidence of forks.")]
Every = Annotated[float, typer.Option("--every", metavar="S", min=0.1, help="Seconds between looks.")]
Once = Annotated[bool, typer.Option("--once", help="Look once and leave, as from cron.")]


def watch(
    source: Source,
    state: State,
    vkey: Vkey = None,
    policy: PolicyFile = None,
    every: Every = 60.0,
    once: Once = False,
    as_json: AsJson = False,
) -> None:
    """Look at a log's checkpoint again and again; each has to continue the last.

    Exits 3 when one does not: then both signed checkpoints are in a file of the folder, evidence for anyone.
    """
    from openleo.errors import InputError, Problem
    from openleo.ledger import fetch
    from openleo.ledger import watch as watching

    known = trusted(policy, vkey)
    if known is None:
        raise InputError(Problem("--vkey", "", "is needed, or --policy: whose log is this?", "Name its verifier key."))
    with exits(source, as_json), fetch.source(source) as reading:
        if once:
            _tell(watching.look(known, reading, state), as_json)
            return
        try:
            watching.keep_looking(known, reading, state, lambda: time.sleep(every), lambda seen: _tell(seen, as_json))
        except KeyboardInterrupt:
            note("Stopped.")


def _tell(seen: Followed | Unavailable, as_json: bool) -> None:
    from openleo.ledger.watch import Followed

    if not isinstance(seen, Followed):
        note(str(seen))
    elif as_json:
        print_json({"ok": True, "before": seen.before, "new": seen.new, **standing(seen.opened)})
    else:
        made = seen.opened.checkpoint
        typer.echo(f"{made.origin}: {made.size} entries, {seen.new} new, root {made.root.hex()}")
        tell_standing(seen.opened)
