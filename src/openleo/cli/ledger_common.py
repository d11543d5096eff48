"""What the ledger's verbs share: where a ledger is, whom to trust, and errors as exits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.common import note, print_json, progress

if TYPE_CHECKING:
    from openleo.ledger.policy import Opened, Policy
    from openleo.ledger.store import Ledger

DATABASE, KEY, VKEY = "ledger.sqlite", "log.key", "vkey"
ANSWER_IS_NO = 3

Where = Annotated[str, typer.Argument(metavar="LEDGER", help="Its folder, or a postgresql:// address.")]
KeyFile = Annotated[
    Path | None, typer.Option("--key", metavar="F", help=f"The log's private key. [default: {KEY} in the folder]")
]
PolicyFile = Annotated[
    Path | None, typer.Option("--policy", metavar="F", help="A tlog-policy: logs, witnesses, and how many of whom.")
]
Vkey = Annotated[
    str | None, typer.Option("--vkey", metavar="KEY", help="The log's verifier key, or a file with it, known before.")
]


@dataclass(frozen=True)
class Place:
    """Where a ledger's database and its key are."""

    database: str
    key: Path | None

    @property
    def key_file(self) -> Path:
        from openleo.errors import InputError, Problem

        if self.key is None:
            raise InputError(Problem("--key", "", "is needed for a ledger that is no folder.", "Name the key's file."))
        return self.key


def place_of(where: str, key: Path | None) -> Place:
    """A ledger as the command line names it."""
    from openleo.ledger.database import POSTGRES

    if where.startswith(POSTGRES):
        return Place(where, key)
    return Place(str(Path(where) / DATABASE), key or Path(where) / KEY)


@contextmanager
def opened(where: str, key: Path | None = None, *, write: bool = False) -> Iterator[Ledger]:
    """An existing ledger, re-verified whole, with a progress bar."""
    from openleo.ledger.mark import Mark
    from openleo.ledger.store import open_ledger

    place = place_of(where, key)
    mark = Mark.beside(place.key) if place.key is not None else None
    if mark is not None and not write and mark.unreadable:
        note(mark.unreadable)
        mark = None
    with progress(kernels=False) as on_progress:
        ledger = open_ledger(place.database, write=write, mark=mark, on_progress=on_progress)
    with ledger:
        yield ledger


@contextmanager
def exits(what: str, as_json: bool) -> Iterator[None]:
    """Exit 3 where the answer is no, with the entry at fault; exit 2 where something could not be read or written."""
    from openleo.errors import InputError, Problem
    from openleo.ledger.faults import LedgerError, NotProven

    try:
        yield
    except NotProven as error:
        if as_json:
            print_json({"ok": False, "entry": error.entry, "why": error.why})
        note(f"{what}: no: {error.why}")
        raise typer.Exit(ANSWER_IS_NO) from None
    except LedgerError as error:
        raise InputError(Problem(what, "", str(error))) from None


def read_bytes(path: Path) -> bytes:
    """A file that the command line names. Raises InputError."""
    from openleo.errors import InputError, Problem

    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(Problem(str(path), "", f"cannot be read: {error.strerror}.")) from None


def trusted(policy: Path | None, vkey: str | None) -> Policy | None:
    """Whom the command line says to trust; None if nobody is named."""
    from openleo.errors import InputError, Problem
    from openleo.ledger import keys
    from openleo.ledger.faults import Malformed
    from openleo.ledger.policy import of_log, parse

    if policy is not None and vkey is not None:
        raise InputError(Problem("--policy", "", "was given with --vkey; only one of them can be."))
    try:
        if policy is not None:
            return parse(read_bytes(policy))
        if vkey is not None:
            text = vkey if "+" in vkey else read_bytes(Path(vkey)).decode("utf-8", "replace").strip()
            return of_log(keys.parse_verifier(text))
    except Malformed as error:
        raise InputError(Problem(str(policy or "--vkey"), "", str(error))) from None
    return None


def standing(found: Opened) -> dict[str, Any]:
    """A checkpoint as JSON: what it is of, and who stands for it."""
    return {
        "origin": found.checkpoint.origin,
        "size": found.checkpoint.size,
        "root": found.checkpoint.root.hex(),
        "witnesses": [{"name": seal.key.name, "time_s": seal.time_s} for seal in found.witnesses],
        "not_checked": [key.name for key in found.unchecked],
        "warning": found.warning,
    }


def tell_standing(found: Opened) -> None:
    """The same for people, on stderr."""
    for key in found.unchecked:
        note(f"Not checked, and not counted: the ML-DSA-44 signature of {key.name} (this cryptography has none).")
    if found.warning:
        note(found.warning)
    elif found.witnesses:
        note(f"Witnessed by {', '.join(seal.key.name for seal in found.witnesses)}.")
