"""`openleo ledger init`: an empty ledger and its key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openleo.cli.common import AsJson, note, print_json
from openleo.cli.ledger_common import KeyFile, Where, exits, place_of

Origin = Annotated[
    str, typer.Option("--origin", metavar="NAME", help="What the log is called for ever, as example.org/ledger.")
]


def init(ledger: Where, origin: Origin, key: KeyFile = None, as_json: AsJson = False) -> None:
    """Make an empty ledger and its key, which only you may read; print the verifier key to publish.

    A key file that exists already is used, if its name is the origin.
    """
    from openleo.errors import InputError, Problem
    from openleo.ledger import keys, store
    from openleo.ledger.database import POSTGRES

    with exits(ledger, as_json):
        place = place_of(ledger, key)
        if not ledger.startswith(POSTGRES):
            _make_folder(Path(ledger))
        if place.key_file.exists():
            signer = keys.read_signer(place.key_file)
            if (signer.name, signer.type) != (origin, keys.ED25519):
                rule = f'is the key of "{signer.name}" ({keys.TYPES[signer.type]}), not of the log "{origin}".'
                raise InputError(Problem(str(place.key_file), "", rule, "Name another file with --key."))
        else:
            signer = keys.generate(origin)
            keys.write_signer(place.key_file, signer)
        store.create(place.database, signer.verifier)
    note(f"{place.key_file} signs for {origin}. Keep a copy of it apart, and publish the verifier key.")
    print_json({"ok": True, "vkey": str(signer.verifier)}) if as_json else typer.echo(str(signer.verifier))


def _make_folder(folder: Path) -> None:
    from openleo.ledger.faults import Unavailable

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"the folder cannot be made: {error.strerror}.") from None
