"""What a restart must not forget of the clock: where the timeline was, and a jump that nobody has confirmed.

A timeline is a machine's own, and holds as long as that machine is not started anew. A jump is everybody's: a second
controller takes it over with the lead. Whoever takes its row away has confirmed it, for all of them.
"""

from __future__ import annotations

import json
import socket
import time
from dataclasses import asdict
from pathlib import Path

from sqlalchemy import Connection, Engine, delete, inspect, select

from openleo.controller import audit
from openleo.controller.clock import Clock, Jump, SteadyClock, Timeline
from openleo.controller.database import put, reading, writing
from openleo.controller.roles import OPERATOR, Principal
from openleo.controller.tables import known

JUMP, LINE = "clock.jump", "clock.line."  # and the machine's name
BOOT = Path("/proc/sys/kernel/random/boot_id")
NEAR_S = 0.1  # the line is written anew when it has been corrected by more


class KeptClock:
    """A SteadyClock whose state outlives the process: `keep` is called once a slot."""

    def __init__(self, engine: Engine, clock: Clock, most_jump_s: float, *, host: str = "", boot: str | None = None):
        """Goes on where the last process of this machine stopped. Raises Unavailable."""
        self._engine = engine
        self._line = LINE + (host or socket.gethostname())[:80]
        self._boot = _boot() if boot is None else boot
        self._is_kept = False  # the jump
        with reading(engine) as connection:
            rows = _rows(connection, JUMP, self._line)
        line = json.loads(rows.get(self._line, "{}"))
        goes_on = bool(self._boot) and line.get("boot") == self._boot
        self._ahead_s = float(line["ahead_s"]) if goes_on else None  # of UTC to the monotonic clock, as it is kept
        monotonic_s = clock.monotonic_s()
        utc_s = clock.utc_s() if self._ahead_s is None else self._ahead_s + monotonic_s
        self.steady = SteadyClock(clock, Timeline.anchored(utc_s, monotonic_s, most_jump_s))
        self._take_over(rows)

    def keep(self) -> None:
        """Agree with the database on whether a jump stands. Raises Unavailable."""
        with writing(self._engine) as connection:
            rows = _rows(connection, JUMP, self._line)
            if self._is_kept and JUMP not in rows:
                self.steady.confirm()
            self._take_over(rows)
            timeline = self.steady.timeline
            if timeline.jump is not None and JUMP not in rows:
                put(connection, known, name=JUMP, value=json.dumps(asdict(timeline.jump)))
            ahead_s = timeline.line_s - timeline.until_s
            if self._line not in rows or self._ahead_s is None or abs(ahead_s - self._ahead_s) > NEAR_S:
                put(connection, known, name=self._line, value=json.dumps({"boot": self._boot, "ahead_s": ahead_s}))
                self._ahead_s = ahead_s
        self._is_kept = timeline.jump is not None

    def _take_over(self, rows: dict[str, str]) -> None:
        if JUMP in rows:
            self.steady.stands(Jump(**json.loads(rows[JUMP])))
            self._is_kept = True


def standing(engine: Engine) -> Jump | None:
    """The jump that nobody has confirmed; None too where the database is no controller's. Raises Unavailable."""
    with reading(engine) as connection:
        if not inspect(connection).has_table(known.name):
            return None
        rows = _rows(connection, JUMP)
    return Jump(**json.loads(rows[JUMP])) if rows else None


def confirm(engine: Engine, actor: str) -> bool:
    """A person says that the wall clocks are right: all go by them anew, when they `keep` or start. Raises Unavailable.

    False where no jump stood. `actor`: who, for the audit; named and not proved.
    """
    with writing(engine) as connection:
        jump = _rows(connection, JUMP).get(JUMP, "{}")
        stood = connection.execute(delete(known).where(known.c.name == JUMP)).rowcount
        if stood:
            connection.execute(delete(known).where(known.c.name.startswith(LINE, autoescape=True)))
            who = Principal(actor, OPERATOR, frozenset(), None, "admin")
            audit.record(connection, time.time(), who, "confirmed_clock", "clock", json.loads(jump))
        return bool(stood)


def _rows(connection: Connection, *names: str) -> dict[str, str]:
    found = connection.execute(select(known).where(known.c.name.in_(names)))
    return {row.name: row.value for row in found}


def _boot() -> str:
    """Which start of the machine this is; "" where it does not say: then every process anchors anew."""
    try:
        return BOOT.read_text().strip()
    except OSError:
        return ""
