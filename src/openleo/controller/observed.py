"""What is read off a running controller when somebody asks for its measures; what is counted is counted where it is."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import func, select

from openleo.controller.database import Unavailable, reading
from openleo.controller.tables import evidence
from openleo.controller.telemetry import OPEN
from openleo.service.serve import Reason

if TYPE_CHECKING:
    from openleo.controller.lease_desk import LeaseDesk
    from openleo.controller.metrics import Metrics
    from openleo.controller.runtime import Runtime


def look(runtime: Runtime, desk: LeaseDesk) -> None:
    """Set every gauge to what it is now."""
    made, now_s = runtime.metrics, runtime.clock.now_s()
    made.set("leading", float(runtime.role.leading))
    made.set("events_clients", runtime.hub.listeners)
    jump = runtime.clock.jump()
    made.set("clock_jump_seconds", jump.by_s if jump else 0.0)
    ages = runtime.twin.ages(now_s)
    made.set("ephemeris_age_seconds", 0.0 if ages is None else ages.median_s)
    made.only("alerts", "kind", dict.fromkeys(runtime.alarms.now, 1.0))
    _plan(runtime, desk)
    if (held := runtime.in_force) is not None:
        made.set("ledger_size", held.ledger_size)
        made.set("ledger_age_seconds", now_s - held.read_at_s)
        made.set("witnessed", float(held.witnessed))
    _database(runtime, made)


def _plan(runtime: Runtime, desk: LeaseDesk) -> None:
    made, held = runtime.metrics, runtime.current
    if held is None:
        return
    made.set("slot_number", held.plan.number)
    made.set("leases", len(desk.in_force(held.plan.number)))
    # A cell has a reason for each class; it is served where one of them is.
    numbers, counts = np.unique(held.plan.reason.min(axis=1), return_counts=True)
    found = dict(zip(numbers.tolist(), counts.tolist(), strict=True))
    made.only("cells", "reason", {reason.name.lower(): float(found.get(int(reason), 0)) for reason in Reason})


def _database(runtime: Runtime, made: Metrics) -> None:
    query = select(evidence.c.kind, func.count()).where(evidence.c.state == OPEN).group_by(evidence.c.kind)
    try:
        with reading(runtime.engine) as connection:
            found = Counter({kind: float(count) for kind, count in connection.execute(query)})
    except Unavailable:
        made.set("database_up", 0.0)
        return
    made.set("database_up", 1.0)
    made.only("evidence_open", "kind", found)
