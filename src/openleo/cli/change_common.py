"""What the verbs of governance share: the data folder, the clock, and refusals as exits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli.common import note, print_json, progress
from openleo.cli.ledger_common import ANSWER_IS_NO

if TYPE_CHECKING:
    from openleo.governance.entries import Signed
    from openleo.governance.house import Folder, House

Data = Annotated[
    Path,
    typer.Option("--ledger", metavar="DIR", envvar="OPENLEO_LEDGER", help="The data folder that governs."),
]
DEFAULT_DATA = Path("ledger")
Database = Annotated[
    str, typer.Option(envvar="OPENLEO_DATABASE", help="A postgresql:// address in place of the folder's own file.")
]
ChangeDir = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a change; see `change propose`.")]
Officer = Annotated[str, typer.Option("--officer", metavar="ID", help="Who signed; an officer of the roster.")]
SignatureFile = Annotated[
    Path, typer.Option("--signature", metavar="F", help="What `ssh-keygen -Y sign -n openleo-approval@v1` wrote.")
]


def clock() -> datetime:
    """Now; the one place where governance asks."""
    return datetime.now(UTC)


@contextmanager
def opened(data: Path, database: str = "", *, write: bool = False, show: bool = True) -> Iterator[House]:
    """The data folder, verified and replayed, with a progress bar. Raises InputError where there is none.

    `show`: what was logged meanwhile is shown to the witnesses of the roster in the end, if any.
    """
    from openleo.governance.house import House

    folder = folder_of(data, database)
    with progress(kernels=False) as on_progress:
        house = House(folder, write=write, on_progress=on_progress)
    if house.unmarked:
        note(house.unmarked)
    with house:
        before = house.state.size
        yield house
        if show and house.state.size > before:
            _show_to_witnesses(house)


def _show_to_witnesses(house: House) -> None:
    """Have what was logged seen soon: what is published before that, an auditor's policy does not accept."""
    from openleo.governance.activate import witnessed
    from openleo.ledger.faults import LedgerError
    from openleo.ledger.policy import judge

    signed = house.ledger.signed()
    if signed is None or not house.policy.witnesses:
        return
    try:
        judge(house.policy, signed)
    except LedgerError:
        try:
            witnessed(house, clock)
        except LedgerError as error:
            note(f"not witnessed yet: {error}")


def folder_of(data: Path, database: str = "") -> Folder:
    """A data folder that is there. Raises InputError."""
    from openleo.errors import InputError, Problem
    from openleo.governance.house import LEDGER, Folder

    if not database and not (data / LEDGER).is_file():
        way_out = "Name the folder with --ledger or OPENLEO_LEDGER, or found one with `openleo officer found`."
        raise InputError(Problem(str(data), "", "holds no ledger that governs.", way_out))
    return Folder(data, database)


@contextmanager
def answers(what: str, as_json: bool) -> Iterator[None]:
    """Exit 3 where the answer is no, with the entry at fault; exit 2 where something could not be read or written."""
    from pydantic import ValidationError

    from openleo.errors import InputError, Problem
    from openleo.governance.entries import EntryRefused
    from openleo.governance.house import NotInOrder
    from openleo.governance.state import Refused
    from openleo.ledger.faults import LedgerError, NotProven

    try:
        yield
    except Refused as refused:
        raise said_no(what, str(refused), None, as_json) from None
    except NotInOrder as error:
        first = error.findings[0]
        raise said_no(what, first.why, first.entry, as_json) from None
    except NotProven as error:
        raise said_no(what, error.why, error.entry, as_json) from None
    except (LedgerError, EntryRefused) as error:
        raise InputError(Problem(what, "", str(error))) from None
    except ValidationError as error:
        raise InputError(
            [
                Problem(
                    what,
                    ".".join(map(str, one["loc"])),
                    f"{one['input']!r:.80} cannot stand on the ledger: {one['msg']}.",
                )
                for one in error.errors()
            ]
        ) from None
    except OSError as error:
        place = str(error.filename or what)
        rule = f"cannot be read or written: {error.strerror or error}. What is not on the ledger has not taken effect."
        raise InputError(Problem(place, "", rule, "Make room, give the right to write there, and try again.")) from None


def signed_by(officer: str, path: Path, option: str) -> Signed:
    """A signature file with its officer. Raises InputError."""
    from pydantic import ValidationError

    from openleo.errors import InputError, Problem
    from openleo.governance.entries import Signed

    try:
        return Signed(officer=officer, signature=read_text(path, option))
    except ValidationError as error:
        first = error.errors()[0]
        rule = f"is no signature of an officer: {first['loc'][0]}: {first['msg']}."
        raise InputError(
            Problem(f"{option} {path}".strip(), "", rule, "Name it OFFICER.sig, as ssh-keygen wrote it.")
        ) from None


def said_no(what: str, why: str, entry: int | None, as_json: bool) -> typer.Exit:
    """Tell a no; to be raised."""
    if as_json:
        print_json({"ok": False, "entry": entry, "why": why})
    note(f"{what}: no: {placed(entry, why)}")
    return typer.Exit(ANSWER_IS_NO)


def placed(entry: int | None, why: str) -> str:
    """Why an entry is at fault, with its number said once.

    >>> placed(1, "its time is before that of the newest entry"), placed(1, "entry 1 was altered")
    ('entry 1: its time is before that of the newest entry', 'entry 1 was altered')
    """
    said = entry is None or re.match(rf"(entry|the entries from) {entry}\b", why)
    return why if said else f"entry {entry}: {why}"


def read_text(path: Path, option: str) -> str:
    """A small text file that an option names. Raises InputError."""
    from openleo.errors import InputError, Problem

    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(Problem(f"{option} {path}", "", f"cannot be read: {error.strerror}.")) from None
    except UnicodeDecodeError:
        raise InputError(Problem(f"{option} {path}", "", "is no text.")) from None
