"""`openleo ledger prove`: that an entry stands in the ledger, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openleo.cli.common import AsJson, note, print_json
from openleo.cli.ledger_common import Where, exits, opened, standing, tell_standing

Index = Annotated[int, typer.Argument(min=0, metavar="N", help="The entry's index, from 0.")]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="F.tlog-proof", help="Where to write the proof. [default: stdout]")
]
Bare = Annotated[bool, typer.Option("--bare", help="Leave the entry itself out of it.")]


def prove(ledger: Where, index: Index, out: Out = None, bare: Bare = False, as_json: AsJson = False) -> None:
    """Write a proof that is verified offline (C2SP tlog-proof): the entry, its place, the last signed checkpoint."""
    from openleo.errors import InputError, Problem
    from openleo.ledger import proof
    from openleo.ledger.policy import of_log

    with exits(ledger, as_json), opened(ledger) as log:
        made = log.prove(index, with_entry=not bare)
        proven = proof.check(made, of_log(log.key), log.entry(index))
    text = made.encode()
    if out is not None:
        try:
            out.write_bytes(text)
        except OSError as error:
            raise InputError(Problem(str(out), "", f"cannot be written: {error.strerror}.")) from None
        note(f"{out}: entry {index} under a checkpoint of {proven.opened.checkpoint.size} entries")
    tell_standing(proven.opened)
    if as_json:
        known = {"ok": True, "entry": index, "leaf": proven.leaf.hex(), "proof": text.decode()}
        print_json({**known, **standing(proven.opened)})
    elif out is None:
        typer.echo(text.decode(), nl=False)
