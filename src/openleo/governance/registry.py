"""The operator's private registry: which account or terminal a commitment on the ledger stands for, and its key.

    DIR/private/records.sqlite      readable by its owner alone; no part of it is ever published

A record has a key of its own, made of 32 random bytes. To open a commitment to an auditor is to give name and key; to
forget one is to erase both, after which nobody can tell any more whom the ledger's entries are about.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from openleo.governance.commitments import KEY_BYTES, commitment
from openleo.governance.state import Refused

PRIVATE, RECORDS = "private", "records.sqlite"
SCHEMA = (
    "create table if not exists record (commitment text primary key, kind text not null, name text, key blob);"
    "create unique index if not exists record_name on record (kind, name);"
)


@dataclass(frozen=True)
class Opened:
    """What a commitment is of; with the key, anybody can make it again."""

    kind: str
    name: str
    key: bytes


class Registry:
    """An open registry. Its methods raise Refused; what they wrote is on the disk when they return."""

    def __init__(self, data: Path, random_bytes: Callable[[int], bytes] = os.urandom):
        """`data`: the data folder; the registry is made where there is none."""
        self._random = random_bytes
        folder, path = data / PRIVATE, data / PRIVATE / RECORDS
        with _said(path):
            folder.mkdir(mode=0o700, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            for one in (folder, path):
                if stat.S_IMODE(one.stat().st_mode) & 0o077:
                    raise Refused(f"{one} can be read by others. Try: chmod go= {one}")
            self._path, self._database = path, sqlite3.connect(path, isolation_level=None)
            # What is deleted is written over with zeros, in the file itself: a log beside it would keep it.
            for setting in ("secure_delete = on", "journal_mode = delete", "synchronous = full"):
                self._database.execute(f"pragma {setting}")
            self._database.executescript(SCHEMA)

    def commitments(self, kind: str, names: Iterable[str], *, make: bool = True) -> dict[str, str]:
        """The commitment of each name, by name; of those that have none yet it is made, with a new key."""
        found: dict[str, str] = {}
        with _said(self._path), self._transaction():
            for name in names:
                if name in found:
                    continue
                rows = self._database.execute("select commitment from record where kind = ? and name = ?", (kind, name))
                if (row := rows.fetchone()) is not None:
                    found[name] = str(row[0])
                    continue
                if not make:
                    raise Refused(f"the registry knows no {kind} {name}: it is not enrolled")
                key = self._random(KEY_BYTES)
                found[name] = commitment(key, kind, name)
                self._database.execute("insert into record values (?, ?, ?, ?)", (found[name], kind, name, key))
        return found

    def known(self, made: str) -> Opened | None:
        """What a commitment is of; None where there is no record of it, or its key was erased."""
        row = self._record(made)
        return None if row is None or row[2] is None else Opened(str(row[0]), str(row[1]), bytes(row[2]))

    def open(self, made: str) -> Opened:
        """What a commitment is of, for an auditor."""
        row = self._record(made)
        if row is None:
            raise Refused("the registry has no record of this commitment")
        if row[2] is None:
            raise Refused("its key was erased: nobody can tell any more whom it was about")
        return Opened(str(row[0]), str(row[1]), bytes(row[2]))

    def _record(self, made: str) -> Any:
        with _said(self._path):
            return self._database.execute("select kind, name, key from record where commitment = ?", (made,)).fetchone()

    def forget(self, made: str) -> None:
        """Erase the key and the name of a commitment, for good."""
        self.open(made)
        with _said(self._path), self._transaction():
            self._database.execute("update record set name = null, key = null where commitment = ?", (made,))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("begin immediate")
        try:
            yield
            self._database.execute("commit")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._database.execute("rollback")
            raise

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Registry:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.close()


@contextlib.contextmanager
def _said(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise Refused(f"{path} cannot be used: {error}") from error
