"""Leases are written by one thread: many in one transaction, under the fencing token, and answered after its commit.

While a commit waits for the disk, others gather; so a second's hundreds of leases take a few dozen commits. What is
not committed was not given: whoever waits for it is told that it failed, and a queue that is full refuses at once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine, Executable, Table, delete, insert, update
from sqlalchemy.dialects import postgresql, sqlite

from openleo.controller import audit
from openleo.controller.database import Fenced, Unavailable, writing
from openleo.controller.metrics import Metrics
from openleo.controller.roles import Principal
from openleo.controller.tables import leases, nonces, refusals

LINGER_S = 0.04  # before a commit: others that come meanwhile go with it. With 0.02 a lease took 0.1 ms more CPU
MOST_WAITING = 5_000
MOST_AT_ONCE = 1_000  # rows of a transaction
SWEEP_S = 1.0  # between two times that nonces which nobody can use any more are deleted
LOG = logging.getLogger("openleo.controller")

Failure = Unavailable | Fenced
Told = Callable[[Sequence["Entry"], Failure | None], None]


class Busy(Exception):
    """More waits to be written than is taken; nothing was done."""


@dataclass(frozen=True)
class Audited:
    """A row of the audit."""

    who: Principal
    what: str
    about: str
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """What is written together: a lease or a refusal, or the end of a terminal's leases, and the nonce that asked.

    `about` comes back to who asked. A nonce that was not taken is none.
    """

    nonce: dict[str, Any] | None
    about: Any
    lease: dict[str, Any] | None = None
    refusal: dict[str, Any] | None = None
    released: tuple[str, int] | None = None  # a terminal, and the slot from which none of its leases holds
    audited: Audited | None = None


class Writer:
    """The thread. `token`: under which this controller leads, None: it does not; `told`: after each transaction."""

    def __init__(
        self, engine: Engine, token: Callable[[], int | None], now_s: Callable[[], float], told: Told,
        *, linger_s: float = LINGER_S, most_waiting: int = MOST_WAITING, most_at_once: int = MOST_AT_ONCE,
        metrics: Metrics | None = None,
    ):  # fmt: skip
        self._engine, self._token, self._now_s, self._told = engine, token, now_s, told
        self._linger_s, self._most_waiting, self._most_at_once = linger_s, most_waiting, most_at_once
        self._waiting: deque[Entry] = deque()
        self._some = threading.Event()
        self._stopping = threading.Event()
        self._swept_s = 0.0
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
        self.commits = self.written = self.failed = 0
        self.metrics = metrics or Metrics()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, and end."""
        self._stopping.set()
        self._some.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def add(self, entry: Entry) -> None:
        """Have it written. Raises Busy."""
        if len(self._waiting) >= self._most_waiting or self._stopping.is_set():
            raise Busy(f"{len(self._waiting):,} leases wait to be written")
        self._waiting.append(entry)
        if not self._some.is_set():
            self._some.set()

    def _run(self) -> None:
        while True:
            self._some.wait()
            self._some.clear()
            while self._waiting:
                if self._linger_s and not self._stopping.is_set():
                    time.sleep(self._linger_s)
                self._write(self._next())
            if self._stopping.is_set() and not self._waiting:
                return

    def _next(self) -> list[Entry]:
        return [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most_at_once))]

    def _write(self, batch: list[Entry]) -> None:
        failure: Failure | None = None
        try:
            self._commit(batch)
        except (Unavailable, Fenced) as error:
            failure = error
        except Exception as error:  # whatever it is: nobody may wait for ever, and the thread has to go on
            LOG.exception("leases could not be written")
            failure = Unavailable(type(error).__name__)
        if failure is None:
            self.commits, self.written = self.commits + 1, self.written + len(batch)
            self.metrics.took("commit_rows", len(batch))
        else:
            self.failed += len(batch)
        self._told(batch, failure)

    def _commit(self, batch: list[Entry]) -> None:
        """Raises Unavailable, Fenced."""
        token = self._token()
        if token is None:
            raise Fenced("this controller does not lead")
        with writing(self._engine, token) as connection:
            given, ended = in_order(batch)
            for terminal, slot in ended.items():
                _end(connection, terminal, slot)
            _insert(connection, leases, (row | {"token": token} for row in given))
            _insert(connection, refusals, (entry.refusal for entry in batch if entry.refusal is not None))
            for one in [entry.audited for entry in batch if entry.audited is not None]:
                audit.record(connection, self._now_s(), one.who, one.what, one.about, one.body)
            _keep(connection, [entry.nonce for entry in batch if entry.nonce is not None])
            self._sweep(connection)

    def _sweep(self, connection: Connection) -> None:
        """A little, often: a slot's worth at once would hold up who waits."""
        if time.monotonic() - self._swept_s >= SWEEP_S:
            self._swept_s = time.monotonic()
            connection.execute(delete(nonces).where(nonces.c.until < self._now_s()))


def in_order(batch: Sequence[Entry]) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """What a batch leaves, one entry after the other: leases as they stand after it, and from when those before end.

    A release ends what was given before it, and nothing that is given after it.
    """
    given: list[dict[str, Any]] = []
    ended: dict[str, int] = {}
    for entry in reversed(batch):
        if entry.released is not None:
            terminal, slot = entry.released
            ended[terminal] = min(slot, ended.get(terminal, slot))
        if (row := entry.lease) is not None:
            slot = ended.get(row["terminal"], row["until_slot"])
            given.append(row if slot >= row["until_slot"] else row | {"until_slot": slot})
    return given[::-1], ended


def _insert(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    if some := list(rows):
        connection.execute(insert(table), some)


def _end(connection: Connection, terminal: str, slot: int) -> None:
    """No lease of a terminal holds from a slot on."""
    held = (leases.c.terminal == terminal) & (leases.c.until_slot > slot)
    connection.execute(update(leases).where(held).values(until_slot=slot))


def _keep(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """A nonce whose time is over may be said again before it was swept: the new time takes the old one's place."""
    if not rows:
        return
    connection.execute(_kept(connection.dialect.name), rows)


@cache
def _kept(dialect: str) -> Executable:
    """Made once: the library's statements are cycles of objects, and hundreds a second are garbage to be looked for."""
    made = postgresql.insert(nonces) if dialect == "postgresql" else sqlite.insert(nonces)
    return made.on_conflict_do_update(index_elements=["terminal", "nonce"], set_={"until": made.excluded.until})
