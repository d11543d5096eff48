"""`openleo change publish`: the ledger as static files, and beside it every public document that its entries name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openleo.cli.change_common import Database, answers, opened
from openleo.cli.common import AsJson, note, print_json, progress

Where = Annotated[Path, typer.Argument(metavar="LEDGER", help="The data folder that governs.")]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="What a web server shows; made if it is not there.")]


def publish(ledger: Where, out: Out, database: Database = "", as_json: AsJson = False) -> None:
    """Publish the ledger with its documents: rule books, effects, rosters and what networks' hashes are of.

    As `openleo ledger export`, and beside it artefacts/sha256/HASH for each of them, before the checkpoint of the
    entries that name them. Lists of groups, exact counts, names and keys never go out. Only what is new is written.
    """
    from openleo.governance import published
    from openleo.ledger import export
    from openleo.report.staging import blaming

    with answers(str(ledger), as_json), opened(ledger, database) as house:
        named = published.Named()
        for number, entry in house.ledger.entries():
            named.follow(number, entry)
        found = list(published.documents(named, house.artefacts, to_show=True))
        with blaming(out):
            written = sum(_put(out / published.FOLDER / one.sha256, one.data) for one in found if one.data is not None)
            _put(out / published.INDEX, published.index(found))
        with progress(kernels=False) as on_progress:
            log = house.ledger
            done = export.export(log.fetch, log.key, out, on_progress, log.earlier_keys)
    left = [one for one in found if one.data is None]
    for one in left:
        note(f"Not published: {one.kind} {one.sha256} (entry {one.entries[0]}): {one.why}.")
    if as_json:
        print_json({"ok": True, "size": done.size, "written": written, "left_out": [one.as_json() for one in left]})
        return
    there = len({one.sha256 for one in found if one.data is not None})
    typer.echo(f"{out}: {done.size} entries, {there} documents, {written} of them new; {len(left)} left out")


def _put(path: Path, data: bytes) -> bool:
    """Write what is not there already, whole or not at all. Gives whether it was written."""
    from openleo.report.staging import StagedFile

    if path.exists() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    with StagedFile(path) as file:
        file.write_bytes(data)
    return True
