"""What a witness has cosigned, in an SQLite file of its own; and the forks that it was shown.

Compared and written in one transaction: of two requests at once, the second is decided on what the first left.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from openleo.ledger import checkpoint
from openleo.ledger.database import Sqlite
from openleo.ledger.faults import LedgerError, Malformed
from openleo.ledger.keys import Signer
from openleo.ledger.note import Note
from openleo.ledger.witness import Answer, Logs, Seen, decide, parse_request

SCHEMA = (
    "create table if not exists seen (origin text primary key, time_s integer not null, note blob not null)",
    "create table if not exists fork (origin text, size integer, one blob, other blob, primary key (one, other))",
)


class Witness:
    """A witness with its key, its memory and the logs that it knows. May be called from several threads."""

    def __init__(self, path: Path, signer: Signer, logs: Logs, clock_s: Callable[[], float]):
        self.key = signer.verifier
        self._signer, self._logs, self._clock_s = signer, logs, clock_s
        self._database = Sqlite(path, write=True, create=True)
        self._lock = threading.Lock()
        with self._database.transaction():
            for statement in SCHEMA:
                self._database.change(statement, [()])

    def add_checkpoint(self, data: bytes) -> Answer:
        """The answer to a request. What it says has been remembered before this returns."""
        try:
            request = parse_request(data)
        except Malformed as error:
            return Answer(HTTPStatus.BAD_REQUEST, f"{error}\n".encode())
        origin = request.checkpoint.origin
        try:
            with self._lock, self._database.transaction():
                seen = self.seen(origin)
                decision = decide(request, self._logs, seen, self._signer, int(self._clock_s()))
                if remember := decision.remember:
                    self._database.change(
                        "insert into seen (origin, time_s, note) values (?, ?, ?) on conflict (origin) do update set"
                        " time_s = excluded.time_s, note = excluded.note",
                        [(origin, remember.time_s, remember.note.encode())],
                    )
                if decision.fork and seen:
                    row = (origin, request.checkpoint.size, seen.note.encode(), decision.fork.encode())
                    self._database.change("insert or ignore into fork values (?, ?, ?, ?)", [row])
        except LedgerError as error:
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}\n".encode())
        return decision.answer

    def seen(self, origin: str) -> Seen | None:
        """The last checkpoint cosigned of a log."""
        rows = self._database.rows("select time_s, note from seen where origin = ?", origin)
        if not rows:
            return None
        made, note = checkpoint.parse(bytes(rows[0][1]))
        return Seen(made, note, int(rows[0][0]))

    def forks(self) -> list[tuple[Note, Note]]:
        """Pairs of checkpoints of one size and two roots, each signed by the log: proof that it misbehaved."""
        rows = self._database.rows("select one, other from fork order by size")
        return [(checkpoint.parse(bytes(one))[1], checkpoint.parse(bytes(other))[1]) for one, other in rows]

    def close(self) -> None:
        self._database.close()
