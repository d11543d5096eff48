"""Who leads: stand-in until a second controller can stand by. Every start takes the lead under a new token."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, insert, select, update

from openleo.controller.clock import Clock
from openleo.controller.database import writing
from openleo.controller.tables import leadership


@dataclass(frozen=True)
class Role:
    """`token`: under which a leader writes."""

    leading: bool
    token: int | None


class Leader:
    """Takes the lead at its first step."""

    def __init__(self, engine: Engine, clock: Clock, name: str, beat_s: float, patience_s: float):
        self.engine, self.clock, self.name, self.beat_s, self.patience_s = engine, clock, name, beat_s, patience_s
        self._token: int | None = None

    def step(self) -> Role:
        if self._token is None:
            with writing(self.engine) as connection:
                held = connection.execute(select(leadership.c.token)).scalar_one_or_none()
                self._token = (held or 0) + 1
                values = {"holder": self.name, "token": self._token, "beat": 0}
                stated = (
                    insert(leadership).values(id=1, **values) if held is None else update(leadership).values(values)
                )
                connection.execute(stated)
        return Role(True, self._token)
