"""`openleo change approve`, `withdraw`, `reject` and `object`: what officers signed, onto the ledger."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli import change_options as options
from openleo.cli.change_common import (
    DEFAULT_DATA,
    ChangeDir,
    Data,
    Database,
    Officer,
    SignatureFile,
    answers,
    clock,
    opened,
    read_text,
)
from openleo.cli.common import AsJson, note, print_json

if TYPE_CHECKING:
    from openleo.governance.house import House
    from openleo.governance.to_sign import Decision


def _verb(decision: Decision, said: str) -> Callable[..., None]:
    """One of the three votes: they take the same, and differ in what was signed."""

    def vote(
        folder: ChangeDir,
        officer: Officer,
        signature: SignatureFile,
        data: Data = DEFAULT_DATA,
        database: Database = "",
        as_json: AsJson = False,
    ) -> None:
        _vote(decision, folder, officer, signature, data, database, as_json)

    vote.__doc__ = said
    return vote


approve = _verb(
    "approve",
    """Add an officer's approval: the signature over to-sign.json, checked against the ledger, logged, and kept.

    Offline: give DIR/to-sign.json to the officer, who runs
    `ssh-keygen -Y sign -n openleo-approval@v1 -f KEY to-sign.json` and gives to-sign.json.sig back.
    """,
)
withdraw = _verb(
    "withdraw",
    "Take an approval back, until the activation: the signature over to-withdraw.json. It does not come back.",
)
reject = _verb(
    "reject",
    "Say no, and end the change: the signature over to-reject.json, by an officer whom its quorum asks.",
)

Said = Annotated[Path, typer.Option("--text", metavar="F", help="What the party has to say, up to 2,000 characters.")]


def object_(
    folder: ChangeDir,
    officer: Officer,
    text: Said,
    signature: options.SignatureOfPrinted = None,
    data: Data = DEFAULT_DATA,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Object in public, in the name of the officer's party. It stops nothing, and stands on the ledger.

    Without --signature the bytes to sign are printed: save them to a file, sign it, and come again.
    """
    import sys

    from openleo.governance import voting
    from openleo.governance.folder import ChangeFolder

    said = read_text(text, "--text").strip()
    with answers(str(folder), as_json), opened(data, database, write=signature is not None) as house:
        id_ = ChangeFolder(folder).proposed.change
        found, message = voting.to_object(house.state, id_, officer, said)
        if signature is None:
            sys.stdout.buffer.write(message)
            return
        number = voting.object_to(house, id_, officer, said, read_text(signature, "--signature"), clock())
    if as_json:
        print_json({"ok": True, "entry": number})
    note(f"Entry {number}: {found.party} objects to {id_}.")


def _vote(
    decision: Decision,
    path: Path,
    officer: str,
    signature: Path,
    data: Path,
    database: str,
    as_json: bool,
) -> None:
    from openleo.governance import voting
    from openleo.governance.folder import REQUEST, ChangeFolder
    from openleo.governance.state import Refused

    armour = read_text(signature, "--signature")
    with answers(str(path), as_json), opened(data, database, write=True) as house:
        folder = ChangeFolder(path)
        folder.check()
        change = house.state.change(folder.proposed.change)
        if (folder.proposed, folder.frozen) != (change.proposed, change.effect):
            raise Refused(f"{folder.path / REQUEST} is not the request that stands on the ledger")
        number = voting.cast(house, decision, change.proposed.change, officer, armour, clock())
        if decision == "approve":
            _keep(path, officer, armour)
        _tell(house, change.proposed.change, number, as_json)


def _keep(path: Path, officer: str, armour: str) -> None:
    from openleo.governance.folder import APPROVALS
    from openleo.report.staging import StagedFile

    with StagedFile(path / APPROVALS / f"{officer}.sig") as file:
        file.write_text(armour, encoding="ascii")


def _tell(house: House, id_: str, number: int, as_json: bool) -> None:
    from openleo.governance import told

    change = house.state.change(id_)
    if as_json:
        print_json({"ok": True, "entry": number, **told.as_json(house.state, change, clock())})
    else:
        typer.echo(told.text(house.state, change, clock()))
    note(f"Entry {number} of {house.state.origin}.")
