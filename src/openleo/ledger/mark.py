"""What a key signed last, remembered beside the key and not beside the entries.

Who puts an old copy of the database back finds that the key has signed a longer history, and that it will not sign a
second one. Two records are written in turn, each with its own hash, so that a kill in the midst leaves one whole. They
are not fsynced: should the machine lose power, the mark may be a little older than the database, which is no fault; the
other way round would be one.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from openleo.ledger.checkpoint import Checkpoint
from openleo.ledger.faults import Malformed, Unavailable
from openleo.ledger.text import decimal, hash_from_base64, to_base64

RECORD_BYTES = 256  # less than a sector
SUFFIX = ".signed"


class Mark:
    """A file of two records: size, root, hash of both."""

    def __init__(self, path: Path):
        self._path = path
        self._turn = 0
        self._file: int | None = None

    @classmethod
    def beside(cls, key: Path) -> Mark:
        return cls(key.with_name(key.name + SUFFIX))

    @property
    def unreadable(self) -> str:
        """Why who only reads cannot compare with it; "" where it can be read, or nothing was signed yet."""
        try:
            self._path.open("rb").close()
        except FileNotFoundError:
            return ""
        except OSError as error:
            return f"{self._path} cannot be read ({error.strerror}): an old copy of the ledger would not be told."
        return ""

    def read(self) -> tuple[int, bytes] | None:
        """(size, root) of what was signed last; None if nothing was. Raises Malformed if both records are damaged."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unavailable(f"{self._path} cannot be read: {error.strerror}.") from None
        records = [_parse(data[at : at + RECORD_BYTES]) for at in (0, RECORD_BYTES)]
        whole = [(record, turn) for turn, record in enumerate(records) if record is not None]
        if not whole:
            if not data.strip(b"\0"):
                return None  # made, and killed before the first record
            raise Malformed(f"{self._path} is damaged: it should say what the key beside it signed last.")
        newest, turn = max(whole)
        self._turn = 1 - turn
        return newest

    def write(self, signed: Checkpoint) -> None:
        """Survives this process when this returns."""
        try:
            if self._file is None:
                self.read()  # whose turn it is
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                os.ftruncate(self._file, 2 * RECORD_BYTES)
            os.pwrite(self._file, _record(signed.size, signed.root), self._turn * RECORD_BYTES)
        except OSError as error:
            raise Unavailable(f"{self._path} cannot be written: {error.strerror}.") from None
        self._turn = 1 - self._turn

    def __del__(self) -> None:
        if self._file is not None:
            os.close(self._file)


def _record(size: int, root: bytes) -> bytes:
    said = f"{size} {to_base64(root)}"
    return f"{said} {hashlib.sha256(said.encode()).hexdigest()}\n".encode().ljust(RECORD_BYTES, b"\0")


def _parse(record: bytes) -> tuple[int, bytes] | None:
    try:
        size, root, _ = record.decode("ascii").split(" ")
        read = decimal(size, "the size"), hash_from_base64(root, "the root")
    except (ValueError, Malformed):
        return None
    return read if _record(*read) == record else None
