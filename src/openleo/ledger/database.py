"""The two databases that a ledger can live in, behind the few operations that it needs.

SQLite (a file: write-ahead log, synchronous=FULL, so that a commit has been fsynced when it returns) or PostgreSQL
(an address; `pip install openleo[postgres]`). Either way one process writes: a second one waits a
moment for its turn, and is refused.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import threading
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from openleo.ledger.faults import Missing, Unavailable
from openleo.ledger.turn import in_turn

Row = tuple[Any, ...]
POSTGRES = ("postgresql://", "postgres://")
BUSY_S = 10.0

SQLITE_TYPES = {"bytes": "blob", "integer": "integer"}
POSTGRES_TYPES = {"bytes": "bytea", "integer": "bigint"}
SCHEMA = (
    "create table if not exists ledger_about (name text primary key, value text not null)",
    "create table if not exists ledger_entry (number {integer} primary key, body {bytes} not null, leaf {bytes})",
    "create table if not exists ledger_tile (level int, number {integer}, hashes {bytes}, primary key (level, number))",
    "create table if not exists ledger_checkpoint (size {integer} primary key, root {bytes} not null, note {bytes})",
)


def as_bytes(value: object) -> bytes:
    """What a column of bytes gave. SQLite keeps whatever was put there by hand; that is bytes too, if other ones."""
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode("utf-8", "surrogatepass")


class Database(Protocol):
    """SQL with `?` for each parameter. Every failure is an Unavailable that says what a person can do."""

    name: str

    def rows(self, sql: str, *parameters: object) -> list[Row]: ...
    def stream(self, sql: str, *parameters: object) -> Generator[Row, None, None]: ...
    def change(self, sql: str, rows: Sequence[Row]) -> None: ...
    def transaction(self) -> contextlib.AbstractContextManager[None]: ...
    def snapshot(self) -> contextlib.AbstractContextManager[None]: ...
    def close(self) -> None: ...


def connect(place: str, *, write: bool, create: bool = False) -> Database:
    """The database of a file or an address. With `create`, of one that is not there yet."""
    database: Database
    if place.startswith(POSTGRES):
        from openleo.ledger.database_postgres import Postgres

        database = Postgres(place, write)
    else:
        database = Sqlite(Path(place), write, create)
    if write:
        with database.transaction():
            types = POSTGRES_TYPES if place.startswith(POSTGRES) else SQLITE_TYPES
            for statement in SCHEMA:
                database.change(statement.format(**types), [()])
    return database


class Sqlite:
    """A file, with a lock file beside it that its one writer holds."""

    def __init__(self, path: Path, write: bool, create: bool):
        self.name = str(path)
        if not create and not path.is_file():
            raise Missing(f"{path} is not there.")
        self._lock = _locked(path) if write else None
        self._thread = threading.RLock()
        try:
            with _said(self.name):
                mode = "rwc" if create else "rw" if write else "ro"
                address = f"{path.resolve().as_uri()}?mode={mode}"
                self._connection = sqlite3.connect(
                    address, uri=True, isolation_level=None, timeout=BUSY_S, check_same_thread=False
                )
                if write:
                    self._connection.execute("pragma journal_mode = wal")
                    self._connection.execute("pragma synchronous = full")
                self._connection.execute("select count(*) from sqlite_master").fetchone()
        except BaseException:
            self._unlock()
            raise

    def rows(self, sql: str, *parameters: object) -> list[Row]:
        with self._thread, _said(self.name):
            return self._connection.execute(sql, parameters).fetchall()

    def stream(self, sql: str, *parameters: object) -> Generator[Row, None, None]:
        with _said(self.name):
            yield from self._connection.cursor().execute(sql, parameters)

    def change(self, sql: str, rows: Sequence[Row]) -> None:
        with self._thread, _said(self.name):
            self._connection.executemany(sql, rows)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing: what is written within is durable when this ends without an error."""
        with self._thread:
            with _said(self.name):
                self._connection.execute("begin immediate")
            try:
                yield
                with _said(self.name):
                    self._connection.execute("commit")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # SQLite has rolled back some failures by itself
                    self._connection.execute("rollback")
                raise

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """What is read within is of one moment, whatever another process writes meanwhile."""
        with self._thread:
            with _said(self.name):
                self._connection.execute("begin")
            try:
                yield
            finally:
                self._connection.execute("rollback")

    def close(self) -> None:
        self._connection.close()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _locked(path: Path) -> int:
    """A lock that the kernel takes back when its process ends, however it ends."""
    beside = path.with_name(path.name + ".lock")
    try:
        file = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise Unavailable(f"{beside} cannot be written: {error.strerror}. The ledger needs its folder.") from None
    if not in_turn(lambda: _locks(file)):
        os.close(file)
        raise Unavailable(f"another process writes to {path}. A ledger has one writer; stop that one first.") from None
    return file


def _locks(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


_WAYS_OUT = (
    ("readonly", "is read-only. Give this user the right to write the file and its folder."),
    ("full", "has no space left: the disk is full. Nothing was written; free some space and try again."),
    ("locked", "is locked by another process. Stop that one first."),
    ("not a database", "is not a database, or was damaged. Nothing was written."),
    ("malformed", "was damaged. Restore it from a copy, and verify that against the published checkpoint."),
    ("unable to open", "cannot be opened. Look at the rights of the file and its folder."),
    ("disk i/o", "cannot be written or read: the disk reports an error or has no space left. Nothing was written."),
)


@contextlib.contextmanager
def _said(name: str) -> Iterator[None]:
    """SQLite's errors in words that say what to do."""
    try:
        yield
    except sqlite3.Error as error:
        found = str(error).lower()
        says = next((way for sign, way in _WAYS_OUT if sign in found), f"does not answer: {error}.")
        raise Unavailable(f"{name} {says}") from error
