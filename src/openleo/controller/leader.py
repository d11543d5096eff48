"""One controller leads; the others stand by, and one takes over when it is gone.

    step, every beat_s ─► a sign of life in the database ─► Role(leading, token)

No wall clocks are compared. The leader's own lead ends half of the patience after it *asked* for its last sign of life
that took. A stand-by begins when the beat has stood still for the whole patience since it *saw* it, which is later: on
clocks that go at half or double speed even, no two lead at once. A token that rises with every new lead fences off
what was begun before (`database.writing`): a process that slept through all this changes nothing.
"""

from __future__ import annotations

import logging
import secrets
import threading
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from openleo.controller.alarms import Alarms
from openleo.controller.clock import Clock
from openleo.controller.database import Unavailable, writing
from openleo.controller.tables import leadership

LOG = logging.getLogger("openleo.controller")
NOBODY = ""  # holds a lead that was laid down
THE = leadership.c  # one row


@dataclass(frozen=True)
class Role:
    """What this controller is to the others; with the token under which it writes while it leads."""

    leading: bool
    token: int | None = None


@dataclass(frozen=True)
class Seen:
    """A leader's sign of life, and since when no newer one was seen."""

    token: int
    beat: int
    since_s: float  # monotonic


class Leader:
    """A controller among those of one database. `step` is one thread's; the others may be called from any."""

    def __init__(self, engine: Engine, clock: Clock, name: str, beat_s: float, patience_s: float):
        """`name` is for people: two processes of one name are two contenders all the same."""
        if beat_s * 4 > patience_s:
            raise ValueError(f"a lead of {patience_s} s patience needs four beats in it, not one every {beat_s} s")
        self._engine, self._clock = engine, clock
        self.name, self.beat_s, self.patience_s = f"{name[:80]} {secrets.token_hex(4)}", beat_s, patience_s
        self._lock = threading.Lock()
        self._token: int | None = None
        self._resigned = False
        self._until_s = 0.0  # monotonic: when a lead ends of which no sign was given
        self._seen: Seen | None = None
        self.unavailable = ""  # why the last step did not reach the database

    @property
    def role(self) -> Role:
        """As of now, by this process' own clock: no database is asked."""
        with self._lock:
            if self._token is None or self._clock.monotonic_s() >= self._until_s:
                return Role(False)
            return Role(True, self._token)

    def step(self) -> Role:
        """Give a sign of life, or look for the leader's and take over where there is none. Call it every `beat_s`."""
        asked_s = self._clock.monotonic_s()
        if self._resigned:
            return Role(False)
        try:
            with writing(self._engine) as connection:
                token = self._stepped(connection)
            self._hold(token, asked_s)
            self.unavailable = ""
        except IntegrityError:  # another was the first of all
            self._hold(None, asked_s)
        except Unavailable as error:
            self.unavailable = str(error)
        return self.role

    def live(self, alarms: Alarms, stopping: threading.Event) -> None:
        """Step after step until it stops, whatever goes wrong with one of them."""
        while not stopping.is_set():
            try:
                self.step()
                alarms.clear("beats")
            except Exception as error:  # the next may go well: without them nobody here leads again
                LOG.exception("no sign of life could be given")
                alarms.set("beats", f"no sign of life could be given ({type(error).__name__}: {error})")
            stopping.wait(self.beat_s)

    def resign(self) -> None:
        """Lay the lead down, so that another need not wait. Raises Unavailable; it is laid down all the same."""
        with self._lock:
            token, self._token, self._resigned = self._token, None, True
        if token is not None:
            with writing(self._engine) as connection:
                connection.execute(update(leadership).where(THE.holder == self.name).values(holder=NOBODY))

    def _hold(self, token: int | None, asked_s: float) -> None:
        with self._lock:
            self._token = token
            self._until_s = asked_s + self.patience_s / 2

    def _stepped(self, connection: Connection) -> int | None:
        """The token, if this controller leads after this."""
        # Ours it is by the name too: the answer to a take-over may have been lost.
        if connection.execute(update(leadership).where(THE.holder == self.name).values(beat=THE.beat + 1)).rowcount:
            return int(connection.execute(select(THE.token)).scalar_one())
        row = connection.execute(select(leadership)).one_or_none()
        if row is None:
            connection.execute(insert(leadership).values(id=1, holder=self.name, token=1, beat=1))
            return 1
        return self._take_over(connection, row) if self._is_gone(row) else None

    def _is_gone(self, row: Row[Any]) -> bool:
        now_s = self._clock.monotonic_s()
        if self._seen is None or (self._seen.token, self._seen.beat) != (row.token, row.beat):
            self._seen = Seen(row.token, row.beat, now_s)
        return row.holder == NOBODY or now_s - self._seen.since_s >= self.patience_s

    def _take_over(self, connection: Connection, row: Row[Any]) -> int | None:
        # For the whole row: what an update of no key locks would stand beside the writers' lock, and a transaction of
        # the old leader could commit after this. With it, whoever writes under the old token is waited for.
        locked = connection.execute(select(leadership).with_for_update()).one()
        if tuple(locked) != tuple(row):
            return None
        token = int(row.token) + 1
        connection.execute(update(leadership).values(holder=self.name, token=token, beat=row.beat + 1))
        return token
