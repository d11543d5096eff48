"""`openleo controller backup` and `restore`: all that a controller keeps, in one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.common import AsJson, note, print_json
from openleo.cli.controller_common import Data, DatabaseUrl, exits, folder_of

if TYPE_CHECKING:
    from openleo.controller.backup import Made

WITH_KEYS = (
    "Put the log's private key and the private records in as well. Who has the file can then sign for the log and open"
    " every commitment. Without, what is restored can be read and proven, but its ledger takes no entry, and what"
    " accounts and terminals on it stand for is lost unless the keys were kept elsewhere."
)
CHECKPOINT = "A signed checkpoint, as published or as a witness has it: a backup that is older is refused."


def backup(
    data: Data,
    out: Annotated[Path, typer.Option("--out", metavar="F", help="A new file; readable by you alone.")],
    database: DatabaseUrl = None,
    with_keys: Annotated[bool, typer.Option("--with-keys", help=WITH_KEYS)] = False,
    as_json: AsJson = False,
) -> None:
    """Back a controller up while it runs: its database, the ledger and the artefacts, verified by the ledger.

    The file is written whole or not at all. It holds positions of terminals: keep it as you keep the database. Sessions
    are left out: who was logged in logs in again. Not in it are settings.toml and TLS keys.
    """
    from datetime import UTC, datetime

    from openleo.controller.backup import backup as make

    folder = folder_of(data, database)
    with exits(str(data), as_json):
        made = make(folder, out, datetime.now(UTC), with_keys=with_keys)
    _tell(made, as_json)
    if not with_keys:
        note("Without the private keys (--with-keys): keep log.key and private/ elsewhere.")


def restore(
    file: Annotated[Path, typer.Argument(metavar="F", help="What `openleo controller backup` wrote.")],
    data: Data,
    database: DatabaseUrl = None,
    checkpoint: Annotated[Path | None, typer.Option("--checkpoint", metavar="F", help=CHECKPOINT)] = None,
    as_json: AsJson = False,
) -> None:
    """Restore a backup into a new folder, and an empty database if one is named: all of it or nothing.

    The ledger in it is verified from its entries up. A backup of SQLite can be restored to PostgreSQL, and the other
    way round. Tokens that were revoked since are good again: look through them before you start the controller. Never
    let the restored one and the old one run side by side: with the key, both would sign.
    """
    from openleo.cli.ledger_common import read_bytes
    from openleo.controller.restore import restore as put_back

    to = folder_of(data, database)
    known = None if checkpoint is None else read_bytes(checkpoint)
    with exits(str(file), as_json):
        made = put_back(file, to, not_before=known)
    _tell(made, as_json)
    if checkpoint is None and made.verified is not None:
        note("Whether it is the newest history nobody has checked: hand in the last checkpoint that was published.")


def _tell(made: Made, as_json: bool) -> None:
    head = made.manifest.ledger
    said: dict[str, Any] = {
        "file": str(made.path),
        "made_at": made.manifest.made_at,
        "schema": made.manifest.version,
        "ledger": head and {"size": head.size, "root": head.root, "checkpoint": head.checkpoint},
        "artefacts": sum(name.startswith("artefacts/") for name in made.manifest.members),
        "with_keys": made.manifest.with_keys,
        "bytes": sum(member.bytes for member in made.manifest.members.values()),
    }
    if as_json:
        print_json({"ok": True, **said})
        return
    ledger = f"ledger of {head.size:,} entries, root {head.root}" if head else "no ledger yet"
    print(f"{said['file']}: of {said['made_at']}, {ledger}, {said['artefacts']:,} artefacts, {said['bytes']:,} bytes")
