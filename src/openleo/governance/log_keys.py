"""The private keys of the log in a data folder: the one that signs, and those that wait to follow it.

    DIR/log.key          the log signs with it
    DIR/log.key.KEYID    made for a proposal; takes its place when the change of `log_key` is activated

What follows is settled by the ledger: an entry says so, its checkpoint bears both signatures, and the database names
the new key from the same transaction on. Only then the file takes the place of the old one, in one step, by which the
old key is gone; a crash before that step is mended at the next start.
"""

from __future__ import annotations

from pathlib import Path

from openleo.governance.state import Refused
from openleo.ledger import keys
from openleo.ledger.keys import Signer, VerifierKey, parse_verifier


def waiting_file(key: Path, verifier: VerifierKey) -> Path:
    """Where the private key waits that is to follow the one of a file."""
    return key.with_name(f"{key.name}.{verifier.id.hex()}")


def make_next(key: Path, origin: str) -> tuple[Signer, Path]:
    """A new private key beside the log's, which nothing is signed with yet. Raises LedgerError."""
    made = keys.generate(origin)
    path = waiting_file(key, made.verifier)
    keys.write_signer(path, made)
    return made, path


def waiting(key: Path, vkey: str) -> Signer:
    """The private key that waits for a verifier key to be the log's. Raises Refused where it is not there."""
    path = waiting_file(key, parse_verifier(vkey))
    if not path.is_file():
        raise Refused(f"the private key of {vkey} is not in {path}: the log could sign nothing more")
    found = keys.read_signer(path)
    if str(found.verifier) != vkey:
        raise Refused(f"{path} does not hold the private key of {vkey}")
    return found


def current(key: Path, vkey: str) -> Signer:
    """The private key of the log, put in its place if a crash kept it waiting. Raises LedgerError or Refused."""
    found = keys.read_signer(key)
    if str(found.verifier) == vkey or not waiting_file(key, parse_verifier(vkey)).is_file():
        return found  # if it is another log's, its first signature is refused
    found = waiting(key, vkey)
    take_place(key, found)
    return found


def take_place(key: Path, successor: Signer) -> None:
    """The key that waited is the log's; the old private key is gone. Raises Refused."""
    try:
        waiting_file(key, successor.verifier).replace(key)
    except OSError as error:
        raise Refused(f"{key} cannot be replaced: {error.strerror}. The next start tries again") from error
