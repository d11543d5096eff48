"""Running controllers for tests, over the small network and a clock that is moved by hand."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from planned import BEGINS, in_force, permitting, small_twin
from sqlalchemy import insert

from openleo.controller import runtime
from openleo.controller.clock import ManualClock
from openleo.controller.database import writing
from openleo.controller.in_force import InForce, Outage
from openleo.controller.loop import SlotLoop
from openleo.controller.settings import Settings
from openleo.controller.tables import tokens
from openleo.policy.rules import RuleSet


@dataclass
class SaidGate:
    """Says what a test says; as if the ledger did."""

    now: InForce | Outage = field(default_factory=lambda: in_force(permitting("POL", "URY")))

    def current(self, at: datetime) -> InForce | Outage:
        return self.now

    def says(self, rule_set: RuleSet, size: int = 8) -> None:
        self.now = in_force(rule_set, size)


@dataclass
class Running:
    """A controller, its loop, and how its time passes."""

    runtime: runtime.Runtime
    loop: SlotLoop
    clock: ManualClock
    gate: SaidGate

    @classmethod
    def on(cls, data: Path, clock: ManualClock | None = None, gate: SaidGate | None = None, **given: object) -> Running:
        clock = clock or ManualClock(utc=BEGINS.timestamp() + 1.0)
        made = runtime.opened(small_twin(), data, Settings.load(data, **given), clock)
        gate = gate or SaidGate()
        made.gate = gate  # type: ignore[assignment]
        return cls(made, SlotLoop(made), clock, gate)

    def pass_s(self, seconds: float, *, beats: bool = True) -> None:
        """Time passes, with a sign of life and a step at its end."""
        self.clock.pass_s(seconds)
        self.step(beats=beats)

    def step(self, *, beats: bool = True) -> None:
        """What is due now."""
        if beats:
            self.runtime.leader.step()
        self.loop.step()

    def until(self, before_s: float) -> None:
        """Time passes until so long before the next slot."""
        counted, now_s = self.runtime.twin.slots, self.runtime.clock.now_s()
        self.pass_s(counted.begins_s(counted.number(now_s) + 1) - before_s - now_s)

    def slot(self, number: int = 1) -> None:
        """So many whole slots pass, each in two steps: its plan is made ahead, and applied."""
        for _ in range(number):
            self.until(4.0)
            self.until(0.0)

    def close(self) -> None:
        self.loop.stop()
        self.runtime.close()


def shows_token(held: runtime.Runtime, *roles: str, party: str = "operator") -> dict[str, str]:
    """The header that shows a new token with these roles."""
    shown = uuid.uuid4().hex
    row = {"id": uuid.uuid4().hex, "sha256": hashlib.sha256(shown.encode()).hexdigest(), "name": "t", "owner": "o"}
    row |= {"party": party, "roles": json.dumps(roles), "created_at": 0.0}
    with writing(held.engine) as connection:
        connection.execute(insert(tokens).values(row))
    return {"Authorization": f"Bearer {shown}"}
