"""A controller's signature on the leases that it gives: whoever holds one can show who gave it, and what it said.

Each controller has a key of its own in its data folder, and puts the public half into the database that all share.
What is signed is the answer whole, but for the signature itself: a line that says what for, then its RFC 8785 bytes.
The network goes by its plan all the same; a signature proves what was said, and permits nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import IntegrityError

from openleo.controller.database import reading, writing
from openleo.controller.device_identity import GIVEN, Unsigned, message, sign, signature, signed_by
from openleo.controller.key_files import kept_key
from openleo.controller.registry import NotPossible
from openleo.controller.tables import lease_keys
from openleo.errors import InputError, Problem

KEY = "lease.key"
ID_DIGITS = 16


class Seal:
    """Signs leases. `id`: of its key, as leases name it."""

    def __init__(self, key: Ed25519PrivateKey):
        self._key = key
        self.public_key = key.public_key().public_bytes_raw()
        self.id = key_id(self.public_key)

    def sealed(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """A lease as it is answered, with its key's id and its signature. Raises Unsigned."""
        said = {**answer, "signed_by": self.id}
        said["signature"] = sign(self._key, GIVEN, said)
        return said


def key_id(public_key: bytes) -> str:
    """Of a key, the first hexadecimal digits of its SHA-256.

    >>> key_id(bytes(32))
    '66687aadf862bd77'
    """
    return hashlib.sha256(public_key).hexdigest()[:ID_DIGITS]


def opened(data: Path) -> Seal:
    """The one of a data folder, whose key is made where there is none. Raises InputError where others can read it."""
    try:
        return Seal(kept_key(data / KEY))
    except NotPossible as error:
        rule, _, way_out = str(error).removeprefix(f"{data / KEY} ").partition(". ")
        raise InputError(Problem(str(data / KEY), "", f"{rule}.", way_out)) from None


def publish(engine: Engine, seal: Seal, now_s: float) -> None:
    """The public half into the database, once for good. Raises Unavailable."""
    if public_key(engine, seal.id) is not None:
        return
    try:
        with writing(engine) as connection:
            row = {"id": seal.id, "public_key": seal.public_key, "at": now_s}
            connection.execute(insert(lease_keys).values(row))
    except IntegrityError:  # a controller that shares the data folder began just then
        return


def public_key(engine: Engine, id_: str) -> bytes | None:
    """Of an id; None: no controller on this database ever had it. Raises Unavailable."""
    with reading(engine) as connection:
        found = connection.execute(select(lease_keys.c.public_key).where(lease_keys.c.id == id_)).scalar_one_or_none()
    return None if found is None else bytes(found)


def holds(answer: Mapping[str, Any], public_key: bytes) -> bool:
    """Whether a lease is what the owner of a key signed."""
    said = {name: value for name, value in answer.items() if name != "signature"}
    try:
        return signed_by(public_key, signature(str(answer.get("signature"))), message(GIVEN, said))
    except Unsigned:
        return False
