"""`openleo ledger append`: entries into a ledger."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli.common import AsJson, note, print_json
from openleo.cli.ledger_common import KeyFile, Where, exits, opened, place_of, read_bytes

if TYPE_CHECKING:
    from openleo.ledger.store import Ledger

Files = Annotated[list[Path], typer.Argument(metavar="ENTRY…", help="Files, an entry each; - reads stdin.")]
Lines = Annotated[bool, typer.Option("--lines", help="Each line of the files is an entry.")]
NoCheckpoint = Annotated[bool, typer.Option("--no-checkpoint", help="Leave signing to `ledger checkpoint`.")]


def append(
    ledger: Where,
    entries: Files,
    lines: Lines = False,
    no_checkpoint: NoCheckpoint = False,
    key: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Append entries, all or none, byte for byte; when this answers they are on the disk and under a signed checkpoint.

    An entry is a JSON object with a "type", up to 65,535 bytes. Types that take effect on service (change.*,
    approval.*, terminal.* and their like) are refused: the verbs that check their approvals write them.
    """
    from openleo.ledger import keys

    read = [one for path in entries for one in _entries(path, lines)]
    _check(read)
    with exits(ledger, as_json):
        signer = None if no_checkpoint else keys.read_signer(place_of(ledger, key).key_file)
        with opened(ledger, key, write=True) as log:
            _refuse_if_it_governs(log)
            made = log.append([body for _, body in read], signer)
            size, root = log.size, log.root.hex()
    if as_json:
        rows = [{"index": one.index, "leaf": one.leaf.hex()} for one in made]
        print_json({"ok": True, "entries": rows, "size": size, "root": root})
        return
    for one in made:
        typer.echo(f"entry {one.index}  {one.leaf.hex()}")
    note(f"{size} entries, root {root}")


def _refuse_if_it_governs(log: Ledger) -> None:
    """An entry of another form would not follow, and the ledger would be opened for nobody any more."""
    from openleo.errors import InputError, Problem
    from openleo.governance.entries import EntryRefused, from_bytes

    try:
        governs = log.size > 0 and from_bytes(log.entry(0)).type == "genesis"
    except EntryRefused:
        return
    if governs:
        way_out = "Use `openleo change record` for what only tells something, and the other verbs for the rest."
        raise InputError(Problem(log.origin, "", "governs: its entries follow from each other.", way_out))


def _entries(path: Path, lines: bool) -> list[tuple[str, bytes]]:
    """(what to call it, entry)."""
    data = sys.stdin.buffer.read() if str(path) == "-" else read_bytes(path)
    if not lines:
        return [(str(path), data)]
    return [(f"{path}, line {number}", line) for number, line in enumerate(data.split(b"\n"), 1) if line]


def _check(entries: list[tuple[str, bytes]]) -> None:
    from openleo.cli.ledger_entries import fault_of
    from openleo.errors import InputError, Problem
    from openleo.ledger.tiles import ENTRY_BYTES_MAX

    problems = []
    for name, body in entries:
        if len(body) > ENTRY_BYTES_MAX:
            rule = f"has {len(body)} bytes; an entry has at most {ENTRY_BYTES_MAX}."
            problems.append(Problem(name, "", rule, "Log its SHA-256 and keep it beside."))
        elif fault := fault_of(body):
            problems.append(Problem(name, "", fault))
    if not entries:
        problems.append(Problem("ENTRY", "", "there is none."))
    if problems:
        raise InputError(problems)
