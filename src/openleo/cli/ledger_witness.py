"""`openleo ledger witness`: cosign others' logs, only ever what continues what was cosigned before."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli.common import note
from openleo.cli.ledger_common import exits, trusted

if TYPE_CHECKING:
    from openleo.ledger.keys import Signer

KEY, MEMORY = "witness.key", "witness.sqlite"
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The witness's key and memory; made at first.")]
Logs = Annotated[
    list[str], typer.Option("--log", metavar="KEY", help="A log's verifier key, or a file with it; may be repeated.")
]
Name = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="The first time: what the witness is called for ever.")
]
Host = Annotated[str, typer.Option("--host", metavar="H", help="Where to listen; a proxy with TLS stands before it.")]
Port = Annotated[int, typer.Option("--port", metavar="P", min=0, max=65535, help="0 takes a free one.")]


def witness(folder: Folder, log: Logs, name: Name = None, host: Host = "127.0.0.1", port: Port = 7462) -> None:
    """Serve add-checkpoint (C2SP tlog-witness) until stopped; print the witness's verifier key and address first.

    Forks that logs were caught in are kept in the memory, as pairs of signed checkpoints.
    """
    from openleo.ledger import witness_server
    from openleo.ledger.witness_memory import Witness

    keys = [known.key for text in log if (policy := trusted(None, text)) for known in policy.logs]
    with exits(str(folder), as_json=False):
        signer = _signer(folder, name)
        logs = {key.name: [one for one in keys if one.name == key.name] for key in keys}
        memory = Witness(folder / MEMORY, signer, logs, time.time)
        try:
            server = witness_server.serving(memory, host, port)
            typer.echo(f"{signer.verifier} {server.url}")
            note(f"Witnessing {', '.join(logs)}; stop with Ctrl-C.")
            server.serve_forever()
        except KeyboardInterrupt:
            note("Stopped.")
        except OSError as error:
            _cannot_listen(host, port, error)
        finally:
            memory.close()


def _signer(folder: Path, name: str | None) -> Signer:
    from openleo.errors import InputError, Problem
    from openleo.ledger import keys

    path = folder / KEY
    if path.exists():
        signer = keys.read_signer(path)
        if name is not None and signer.name != name:
            raise InputError(Problem("--name", "", f"is {name}, but {path} is the key of {signer.name}."))
        return signer
    if name is None:
        raise InputError(Problem("--name", "", f"is needed: {path} is not there yet.", "Try --name example.org/w1."))
    folder.mkdir(parents=True, exist_ok=True)
    signer = keys.generate(name, keys.COSIGNATURE)
    keys.write_signer(path, signer)
    return signer


def _cannot_listen(host: str, port: int, error: OSError) -> None:
    from openleo.errors import InputError, Problem

    raise InputError(Problem("--port", str(port), f"{host} cannot be listened at: {error.strerror}.")) from None
