"""Slot after slot as the loop of a controller enforces it, without its network: for tests of what is enforced."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Engine, update

from openleo.controller import enforcement_summary as summaries
from openleo.controller.database import Fenced, Unavailable, reading, writing
from openleo.controller.enforcement import Enforced, Lands, Plan, enforce
from openleo.controller.held import held
from openleo.controller.in_force import UNREADABLE, Gate, InForce, Outage, why_unreadable
from openleo.controller.tables import plans
from openleo.governance.house import Folder

Random = Callable[[int], bytes]


@dataclass
class Enforcer:
    """One of a running controller. `said`: what became of the last summary; "" while nothing went wrong."""

    engine: Engine
    folder: Folder
    gate: Gate
    clock: Callable[[], datetime]
    slot_s: float
    summary_hours: float
    lands: Lands = field(default_factory=Lands)
    random_bytes: Random = secrets.token_bytes
    current: Enforced | None = None
    in_force: InForce | None = None
    said: str = ""
    logged: int | None = None  # the entry of the last summary
    _thread: threading.Thread | None = None

    def begin(self, plan: Plan, token: int | None) -> Enforced:
        """At the begin of a plan's slot. Raises Unavailable, Fenced: then what was enforced before goes on."""
        found = self.gate.current(datetime.fromtimestamp(plan.begins_s, UTC))
        in_force = found.in_force if isinstance(found, Outage) else found
        with reading(self.engine) as connection:
            some = held(connection, plan.number, plan.begins_s, in_force.meant)
        made = enforce(some, in_force.rules, plan, self.lands)
        with writing(self.engine, token) as connection:
            connection.execute(update(plans).where(plans.c.number == plan.number).values(terminals=made.arrow))
        self.current, self.in_force = made, in_force
        self._sum_up(made, in_force, token)
        return made

    def finish(self) -> None:
        """Wait for a summary that is being logged."""
        if self._thread is not None:
            self._thread.join()

    def _sum_up(self, made: Enforced, in_force: InForce, token: int | None) -> None:
        """Unless one is being logged already: the next slot then asks again."""
        if self._thread is not None and self._thread.is_alive():
            return
        now_s = made.plan.begins_s
        if not summaries.due(in_force, summaries.last(self.engine), now_s, self.summary_hours):
            return
        summary = summaries.Summary(made, self.slot_s, self.random_bytes(summaries.SECRET_BYTES))
        self._thread = threading.Thread(target=self._log, args=(summary, in_force, token), name="enforcement summary")
        self._thread.start()

    def _log(self, summary: summaries.Summary, in_force: InForce, token: int | None) -> None:
        try:
            self.logged = summaries.log(self.folder, summary, self.clock)
            summaries.remember(self.engine, in_force, summary.enforced.plan.begins_s, token)
        except (*UNREADABLE, Unavailable, Fenced) as error:  # it stays due: the next slot tries again
            self.said = f"what was enforced could not be logged: {why_unreadable(error)}"
        else:
            self.said = ""
