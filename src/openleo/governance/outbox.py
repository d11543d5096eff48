"""What was told to whom: a file beside the ledger, written after each delivery.

At least once: a delivery that was made and not noted, because the power failed between the two, is made again under the
same id. The file can be lost: then everything since each subscriber's `since` is told again, under the same ids.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType

from openleo.errors import InputError, Problem
from openleo.governance.entries import instant, parse_instant
from openleo.governance.notices import Delivery, Told, Tried

OUTBOX = "outbox.sqlite"
VERSION = 2
SCHEMA = """
create table delivery (
  subscriber text not null, notice text not null,
  attempts integer not null, at text not null, done integer not null,
  said text not null,  -- of the last failure
  not_before text,  -- the receiver asked for this much time
  primary key (subscriber, notice)
) without rowid
"""
WAY_OUT = "Move it away: what is since each subscriber's `since` is told again, under the same ids."


class Outbox:
    """The open file; one process has it at a time. Raises InputError where it cannot be had."""

    def __init__(self, path: Path):
        self.path = path
        self._lock = _locked(path)
        try:
            with self._blamed():
                self._database = sqlite3.connect(path, isolation_level=None)
                self._prepare()
        except BaseException:
            os.close(self._lock)
            raise

    def _prepare(self) -> None:
        self._database.execute("pragma synchronous = full")
        (version,) = self._database.execute("pragma user_version").fetchone()
        if version == 0:
            self._database.executescript(f"begin immediate; {SCHEMA}; pragma user_version = {VERSION}; commit")
        elif version == 1:
            add = "alter table delivery add column not_before text"
            self._database.executescript(f"begin immediate; {add}; pragma user_version = {VERSION}; commit")
        elif version != VERSION:
            rule = f"is of version {version}; this version reads {VERSION}."
            raise InputError(Problem(str(self.path), "", rule, WAY_OUT))

    def tried(self) -> Told:
        """Every delivery that was tried."""
        with self._blamed():
            sql = "select subscriber, notice, attempts, at, done, not_before from delivery"
            return {
                (who, what): Tried(attempts, parse_instant(at), bool(done), wait and parse_instant(wait))
                for who, what, attempts, at, done, wait in self._database.execute(sql).fetchall()
            }

    def note(self, delivery: Delivery, now: datetime, failure: str = "", not_before: datetime | None = None) -> Tried:
        """What became of a delivery; it is on the disk when this returns."""
        tried = Tried(delivery.attempts + 1, now, not failure, not_before)
        wait = None if not_before is None else instant(not_before)
        row = (delivery.subscriber.id, delivery.notice.id, tried.attempts, instant(now), tried.done, failure, wait)
        with self._blamed():
            self._database.execute("insert or replace into delivery values (?, ?, ?, ?, ?, ?, ?)", row)
        return tried

    def close(self) -> None:
        self._database.close()
        os.close(self._lock)

    @contextlib.contextmanager
    def _blamed(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, ValueError) as error:
            raise InputError(Problem(str(self.path), "", f"cannot be used: {error}.", WAY_OUT)) from None

    def __enter__(self) -> Outbox:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.close()


def read_tried(path: Path) -> Told:
    """What stands in an outbox, which may not be there; nothing is written."""
    if not path.exists():
        return {}
    with Outbox(path) as outbox:
        return outbox.tried()


def _locked(path: Path) -> int:
    """A lock that ends with the process: two passes at once would tell everything twice."""
    try:
        lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise InputError(Problem(str(path), "", f"cannot be written: {error.strerror}.", WAY_OUT)) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        rule = "is used by another pass."
        raise InputError(Problem(str(path), "", rule, "Wait until it ends, and try again.")) from None
    return lock
