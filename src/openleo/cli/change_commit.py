"""`openleo change commit`, `open` and `forget`: the private registry of whom commitments are about."""

from __future__ import annotations

from typing import Annotated

import typer

from openleo.cli.change_common import DEFAULT_DATA, Data, answers
from openleo.cli.common import AsJson, note, print_json

KINDS = ("account", "terminal")
Kind = Annotated[str, typer.Argument(metavar="KIND", help="account or terminal.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The operator's own name for it; it stays in the registry.")]
Commitment = Annotated[str, typer.Argument(metavar="COMMITMENT", help="hmac-sha256:… as it stands on the ledger.")]


def commit(kind: Kind, name: Name, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Print the commitment of an account or terminal, which stands for it on the ledger.

    The first time, a random key is made and kept in the data folder (private/); it is printed by `change open` alone.
    """
    from openleo.errors import InputError, Problem, join_or
    from openleo.governance.commitments import FORM
    from openleo.governance.registry import Registry

    if kind not in KINDS:
        raise InputError(Problem("KIND", "", f"is {kind!r}; known are {join_or(KINDS)}."))
    if not name.strip() or name.startswith(FORM):
        raise InputError(Problem("NAME", "", f"is {name!r:.40}: a name is not empty, and no commitment ({FORM}…)."))
    with answers(kind, as_json), Registry(_folder(data)) as registry:
        made = registry.commitments(kind, [name])[name]
    if as_json:
        return print_json({"ok": True, "kind": kind, "commitment": made})
    return typer.echo(made)


def open_(made: Commitment, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Open a commitment to an auditor: print whom it is about, and the key by which it can be made again.

    HMAC-SHA256 under the key, of three strings, each with its length as four bytes before it: the words
    openleo-commitment@v1, the kind, the name.
    """
    from openleo.governance.registry import Registry

    with answers(made, as_json), Registry(_folder(data)) as registry:
        found = registry.open(made)
    if as_json:
        print_json({"ok": True, "commitment": made, "kind": found.kind, "name": found.name, "key": found.key.hex()})
        return
    typer.echo(f"{found.kind} {found.name}\nkey {found.key.hex()}")


def forget(made: Commitment, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Erase the name and the key of a commitment, for good. The ledger stays as it is, and says no name any more."""
    from openleo.governance.registry import Registry

    with answers(made, as_json), Registry(_folder(data)) as registry:
        registry.forget(made)
    if as_json:
        print_json({"ok": True, "commitment": made})
    note("Erased. Copies of the folder (backups) hold it until they are gone, too.")


def _folder(data: Data) -> Data:
    """The data folder; there is one. Raises InputError."""
    from openleo.errors import InputError, Problem

    if not data.is_dir():
        way_out = "Name the folder with --ledger or OPENLEO_LEDGER, or found one with `openleo officer found`."
        raise InputError(Problem(str(data), "", "is no data folder.", way_out))
    return data
