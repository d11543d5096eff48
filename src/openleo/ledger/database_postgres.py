"""PostgreSQL behind the operations of `database`; needs psycopg (`pip install openleo[postgres]`)."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from openleo.ledger.faults import Unavailable
from openleo.ledger.turn import in_turn

LOCK_NUMBER = 0x6F6C656F  # of PostgreSQL's advisory locks: "oleo"
CONNECT_S = 10
Row = tuple[Any, ...]


class Postgres:
    """An address; its one writer holds an advisory lock of the database for as long as its connection lives."""

    def __init__(self, address: str, write: bool):
        try:
            import psycopg
        except ImportError:
            raise Unavailable("a PostgreSQL ledger needs psycopg. Try: pip install openleo[postgres]") from None
        self._psycopg = psycopg
        parts = urlsplit(address)
        self.name = f"the database {parts.path.lstrip('/')} at {parts.hostname or 'this machine'}"  # no password in it
        self._thread = threading.RLock()
        with self._said():
            self._connection = psycopg.connect(address, autocommit=True, connect_timeout=CONNECT_S)
        try:
            with self._said():
                self._connection.execute("set synchronous_commit = on")
                if not write:
                    self._connection.execute("set default_transaction_read_only = on")
            if write:
                self._be_the_writer()
            self._writes = write
        except BaseException:
            self._connection.close()
            raise

    def _be_the_writer(self) -> None:
        if not in_turn(lambda: bool(self.rows("select pg_try_advisory_lock(?)", LOCK_NUMBER)[0][0])):
            raise Unavailable(f"another process writes to {self.name}. A ledger has one writer; stop that one.")

    def rows(self, sql: str, *parameters: object) -> list[Row]:
        with self._thread, self._said():
            found: list[Row] = self._connection.execute(sql.replace("?", "%s"), parameters).fetchall()
            return found

    def stream(self, sql: str, *parameters: object) -> Generator[Row, None, None]:
        connection = self._connection
        # A cursor that the server holds, so that not all rows are in memory.
        with self._thread, self._said(), connection.transaction(), connection.cursor("ledger_stream") as cursor:
            cursor.itersize = 1000
            cursor.execute(sql.replace("?", "%s"), parameters)
            yield from cursor

    def change(self, sql: str, rows: Sequence[Row]) -> None:
        with self._thread, self._said(), self._connection.cursor() as cursor:
            cursor.executemany(sql.replace("?", "%s"), rows)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing: what is written within is durable when this ends without an error."""
        with self._thread, self._said(), self._connection.transaction():
            yield

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """What is read within is of one moment, whatever another process writes meanwhile."""
        with self._thread, self._said(), self._connection.transaction():
            self._connection.execute("set transaction isolation level repeatable read, read only")
            yield

    def close(self) -> None:
        with contextlib.suppress(self._psycopg.Error), self._connection:  # closed in any case
            if (
                self._writes
            ):  # else the server gives the lock back a moment after this, and whoever opens next is refused
                self._connection.execute("select pg_advisory_unlock_all()")

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except self._psycopg.Error as error:
            says = " ".join(str(error).split()) or type(error).__name__
            raise Unavailable(f"{self.name} does not answer: {says}") from error
