"""`openleo officer hold-key` and `officer revoke-key`: one officer's keys."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli import change_options as options
from openleo.cli.change_common import DEFAULT_DATA, Data, Database, answers, clock, opened, read_text
from openleo.cli.common import note

if TYPE_CHECKING:
    from openleo.governance.keys import PublicKey

OfficerId = Annotated[str, typer.Argument(metavar="OFFICER", help="An id of the roster, or of the one proposed.")]
PublicFile = Annotated[Path, typer.Argument(metavar="KEY.pub", help="The public key, as ssh-keygen wrote it.")]


def hold_key(officer: OfficerId, public: PublicFile, data: Data = DEFAULT_DATA, database: Database = "") -> None:
    """Print the bytes by whose signature a new officer or key proves to be held; sign them with that key.

    `openleo officer propose` takes the signature: --held OFFICER=FILE.
    """
    from openleo.governance import to_sign

    key = _key(public)
    with answers(str(data), False), opened(data, database) as house:
        sys.stdout.buffer.write(to_sign.possession(house.state.origin, officer, key.fingerprint))


def revoke_key(
    officer: OfficerId,
    public: PublicFile,
    reason: Annotated[str, typer.Option(help="Why; it is public.")],
    signature: options.SignatureOfPrinted = None,
    data: Data = DEFAULT_DATA,
    database: Database = "",
) -> None:
    """Revoke a key at once, by a signature of its officer with any key that is still good; it never comes back.

    Without --signature the bytes to sign are printed.
    """
    from openleo.governance import to_sign
    from openleo.governance.entries import KeyRevoked, entry

    key = _key(public).fingerprint
    with answers(str(public), False), opened(data, database, write=signature is not None) as house:
        if signature is None:
            sys.stdout.buffer.write(to_sign.revocation(house.state.origin, officer, key, reason))
            return
        armour = read_text(signature, "--signature")
        body = KeyRevoked(change=None, officer=officer, key=key, reason=reason, signature=armour)
        number = house.append([entry(house.now(clock()), body)]).start
    note(f"Entry {number}: {key} of {officer} counts no more. A change of the roster takes it out of the list.")


def _key(path: Path) -> PublicKey:
    from openleo.errors import InputError, Problem
    from openleo.governance.keys import KeyRefused, PublicKey

    try:
        return PublicKey.of_line(read_text(path, "KEY.pub"))
    except KeyRefused as error:
        raise InputError(Problem(str(path), "", str(error))) from None
