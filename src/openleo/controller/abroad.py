"""How many days terminals have been away from home, for the rules that ask.

    leases and refusals (telemetry) ─► at home or elsewhere ─► the table `abroad` ─► the desk

A terminal is away since it was first decided on in another territory than the registry's, and until it is decided on in
that one again, for however short. Waters count with their land. What is not known, or touches two territories, changes
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Engine, delete, insert, select

from openleo.controller.database import reading, writing
from openleo.controller.leases import LeasingTerminal
from openleo.controller.tables import abroad
from openleo.units import SECONDS_PER_DAY


@dataclass(frozen=True)
class Place:
    """Where a terminal was decided on. `home`: the registry's territory; `at_home`: whether it was there."""

    terminal: str
    home: str
    at_home: bool
    at_s: float


class Abroad:
    """Who is away, since when. All of it is in the table too."""

    def __init__(self) -> None:
        self._since: dict[str, tuple[str, float]] = {}  # terminal: (home, at_s)
        self._led: int | None = None

    def load(self, engine: Engine, token: int) -> None:
        """As the leader before left it. Raises Unavailable."""
        with reading(engine) as connection:
            self._since = {row.terminal: (row.home_territory, row.since) for row in connection.execute(select(abroad))}
        self._led = token

    def counted(self, terminal: LeasingTerminal, now_s: float) -> LeasingTerminal:
        """The terminal, with its days abroad."""
        home, since_s = self._since.get(terminal.id, ("", now_s))
        days = max(0.0, now_s - since_s) / SECONDS_PER_DAY if home == terminal.home else 0.0
        return terminal if days == terminal.days_abroad else replace(terminal, days_abroad=days)

    def note(self, engine: Engine, token: int, places: Sequence[Place]) -> None:
        """Write down who left, and who came home; nothing before the table was loaded. Raises Unavailable, Fenced."""
        if token != self._led:
            return
        now = dict(self._since)
        for one in sorted(places, key=lambda one: one.at_s):
            if one.at_home:
                now.pop(one.terminal, None)
            elif now.get(one.terminal, ("", 0.0))[0] != one.home:
                now[one.terminal] = (one.home, one.at_s)
        changed = sorted(who for who in {*now, *self._since} if now.get(who) != self._since.get(who))
        if not changed:
            return
        rows = [{"terminal": who, "home_territory": now[who][0], "since": now[who][1]} for who in changed if who in now]
        with writing(engine, token) as connection:
            for gone in changed:
                connection.execute(delete(abroad).where(abroad.c.terminal == gone))
            if rows:
                connection.execute(insert(abroad), rows)
        self._since = now
