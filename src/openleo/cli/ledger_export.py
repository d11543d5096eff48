"""`openleo ledger export`: the ledger as static files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from openleo.cli.common import AsJson, print_json, progress
from openleo.cli.ledger_common import Where, exits, opened

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="What a web server shows; made if it is not there.")]


def export(ledger: Where, folder: Folder, as_json: AsJson = False) -> None:
    """Publish the last signed checkpoint as files that any web server can host (C2SP tlog-tiles).

    Only what is new is written, the checkpoint last: a reader never sees one whose tiles are absent.
    """
    from openleo.ledger import export as exporting
    from openleo.ledger.faults import Missing

    with exits(ledger, as_json), opened(ledger) as log:
        if log.signed() is None:
            raise Missing("nothing is signed yet. Try: openleo ledger checkpoint")
        with progress(kernels=False) as on_progress:
            done = exporting.export(log.fetch, log.key, folder, on_progress, log.earlier_keys)
    if as_json:
        print_json({"ok": True, **asdict(done)})
    else:
        typer.echo(f"{folder}: {done.size} entries; {done.tiles} tiles written, {done.removed} partial ones removed")
