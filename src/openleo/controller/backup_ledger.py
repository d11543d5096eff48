"""Whether the ledger in a backup holds: made anew from its rows, verified from the entries up, and replayed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, MetaData

from openleo.controller.backup_file import ARTEFACTS, KEYS, LEDGER, LedgerHead, read_table, sha256_of
from openleo.controller.database import connect, writing
from openleo.governance.house import LEDGER as LEDGER_FILE
from openleo.governance.house import Folder, House
from openleo.governance.state import Refused
from openleo.ledger import keys, merkle
from openleo.ledger.checkpoint import Checkpoint
from openleo.ledger.database import connect as ledger_connect
from openleo.ledger.policy import Log, Policy, open_checkpoint
from openleo.ledger.tiles import TileHashes


@dataclass(frozen=True)
class Verified:
    """A ledger that holds, in a file of its own."""

    path: Path
    head: LedgerHead
    signed: Checkpoint


def verified(staging: Path, beside: Path, *, not_before: bytes | None = None) -> Verified:
    """Of what lies ready. `not_before`: a signed checkpoint that it must go as far as.

    Raises NotProven, NotInOrder, LedgerError where the ledger does not hold, and Refused where it is too old or what
    lies beside it does not fit.
    """
    folder = Folder(beside / "verified")
    folder.path.mkdir()
    create(folder.ledger)
    engine = connect(f"sqlite:///{folder.path / LEDGER_FILE}")
    try:
        with writing(engine) as connection:
            fill(connection, staging)
    finally:
        engine.dispose()
    with House(folder, write=False) as house:
        note = house.ledger.signed()
        if note is None:
            raise Refused("the ledger in it bears no signed checkpoint: nobody can tell whose it is")
        trusted = Policy(tuple(map(Log, (house.ledger.key, *house.ledger.earlier_keys))))
        signed = open_checkpoint(trusted, note.encode())[0].checkpoint
        if not_before is not None:
            _check_goes_as_far(house, open_checkpoint(trusted, not_before)[0].checkpoint)
        _check_beside(staging, house)
        head = LedgerHead(size=house.ledger.size, root=house.ledger.root.hex(), checkpoint=note.encode().decode())
    return Verified(folder.path / LEDGER_FILE, head, signed)


def create(place: str) -> None:
    """The tables of a ledger, empty."""
    ledger_connect(place, write=True, create=True).close()


def fill(connection: Connection, staging: Path) -> None:
    """Rows into a ledger's tables, which are empty."""
    tables = MetaData()
    for path in sorted((staging / LEDGER).iterdir()):
        tables.reflect(connection, only=[path.stem])
        read_table(connection, tables.tables[path.stem], path)


def _check_goes_as_far(house: House, known: Checkpoint) -> None:
    ledger = house.ledger
    if known.size > ledger.size:
        raise Refused(f"the backup is older than the checkpoint: it has {ledger.size} entries, and that {known.size}")
    if merkle.root(TileHashes(ledger.fetch, known.size), known.size) != known.root:
        raise Refused(f"the backup has another history: its first {known.size} entries are not the checkpoint's")


def _check_beside(staging: Path, house: House) -> None:
    for path in sorted((staging / ARTEFACTS).glob("*")):
        if sha256_of(path) != path.name:
            raise Refused(f"the artefact {path.name} was altered: its bytes have another sha256")
    key = staging / KEYS / house.folder.key.name
    if key.is_file() and keys.read_signer(key).verifier != house.ledger.key:
        raise Refused("the private key in it is not the one of the ledger in it")
