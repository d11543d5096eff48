"""`openleo ledger verify`: does it hold? Of a published log, a ledger, or a proof."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.common import AsJson, note, print_json, progress
from openleo.cli.ledger_common import (
    DATABASE,
    PolicyFile,
    Vkey,
    exits,
    opened,
    read_bytes,
    standing,
    tell_standing,
    trusted,
)

if TYPE_CHECKING:
    from openleo.ledger.policy import Opened, Policy

What = Annotated[str, typer.Argument(metavar="WHAT", help="An address, a folder, or a .tlog-proof.")]
Entry = Annotated[Path | None, typer.Option("--entry", metavar="F", help="For a proof: the entry that it is about.")]


def verify(
    what: What, vkey: Vkey = None, policy: PolicyFile = None, entry: Entry = None, as_json: AsJson = False
) -> None:
    """Verify a log from its signed checkpoint down to every entry, or one entry by its proof. Exits 3 if it fails.

    Whom to trust is said by --vkey or --policy. A log can be verified by the key that it shows itself: then it is only
    known to agree with itself. Structural: what entries mean is for `openleo change audit`.
    """
    from openleo.errors import InputError, Problem
    from openleo.ledger.database import POSTGRES

    known = trusted(policy, vkey)
    is_proof = Path(what).is_file()
    if is_proof and known is None:
        raise InputError(Problem("--vkey", "", "is needed for a proof, or --policy.", "Name the log's verifier key."))
    if entry is not None and not is_proof:
        raise InputError(Problem("--entry", "", "is for a proof.", "Leave it out."))
    with exits(what, as_json):
        if is_proof and known is not None:
            said, found = _verify_proof(Path(what), known, entry)
        elif what.startswith(POSTGRES) or (Path(what) / DATABASE).is_file():
            said, found = _verify_ledger(what, known)
        else:
            said, found = _verify_log(what, known)
    tell_standing(found)
    if known is None:
        note("The key is the one that it shows itself: pin it with --vkey to know whose log this is.")
    if as_json:
        print_json({"ok": True, **said, "pinned": known is not None, **standing(found)})
    else:
        made = found.checkpoint
        which = f"entry {said['entry']} of " if said["entry"] is not None else ""
        typer.echo(f"Verified: {which}{made.size} entries of {made.origin}, root {made.root.hex()}")


def _verify_proof(path: Path, policy: Policy, entry: Path | None) -> tuple[dict[str, Any], Opened]:
    from openleo.ledger import proof
    from openleo.ledger.faults import Malformed, NotProven

    data, body = read_bytes(path), None if entry is None else read_bytes(entry)
    try:
        proven = proof.check(proof.parse(data), policy, body)
    except Malformed as error:
        raise NotProven(str(error)) from None
    return {"entry": proven.index, "leaf": proven.leaf.hex()}, proven.opened


def _verify_ledger(what: str, policy: Policy | None) -> tuple[dict[str, Any], Opened]:
    from openleo.ledger.faults import NotProven
    from openleo.ledger.policy import judge, of_log

    with opened(what) as log:
        signed = log.signed()
        if signed is None:
            raise NotProven(f"its {log.size} entries are under no signed checkpoint.")
        return {"entry": None}, judge(policy or of_log(log.key), signed)


def _verify_log(what: str, policy: Policy | None) -> tuple[dict[str, Any], Opened]:
    from openleo.ledger import export, keys, tiles
    from openleo.ledger.faults import Malformed, NotProven
    from openleo.ledger.fetch import source
    from openleo.ledger.policy import of_log, open_checkpoint

    with source(what) as fetch:
        data = fetch(export.CHECKPOINT)
        try:
            if policy is None:
                policy = of_log(keys.parse_verifier(fetch(export.VKEY).decode("utf-8", "replace").strip()))
            found, _ = open_checkpoint(policy, data)
        except Malformed as error:
            raise NotProven(str(error)) from None
        with progress(kernels=False) as on_progress:
            tiles.check_all(fetch, found.checkpoint.size, found.checkpoint.root, on_progress)
    return {"entry": None}, found
