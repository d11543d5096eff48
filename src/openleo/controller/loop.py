"""Time moves on here alone: each slot's plan is computed before the slot begins, stored, and applied at its beginning.

    lead ─► what is in force ─► compute the next plan ─► store under the token ─► its begin ─► apply

One thread. What it waits for (a computation, the database) it waits for with a limit, and each way in which a slot
can go wrong has a name, which is counted.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, insert, select, update

from openleo.controller import plan_arrow
from openleo.controller.database import Fenced, Unavailable, writing
from openleo.controller.in_force import Outage
from openleo.controller.runtime import FOLLOWING, Applied, Runtime
from openleo.controller.slot_plan import SlotPlan, compute
from openleo.controller.tables import plans, slots
from openleo.service.serve import Reason

LOG = logging.getLogger("openleo.controller")
LEAD = 0.4  # of a slot: so long before it begins its plan is computed
NOTHING = b""


class SlotLoop:
    """Runs a runtime's slots, until it is stopped."""

    def __init__(self, runtime: Runtime):
        self.runtime = runtime
        self.next: Applied | None = None  # stored, and not yet begun
        self._thread = threading.Thread(target=self._run, name="slots")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End after the step that is being done."""
        self.runtime.stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self.runtime.stopping.is_set():
            try:
                wait_s = self.step()
            except Unavailable as error:
                self._count("no_database", str(error))
                wait_s = 1.0
            except Fenced as error:
                self.runtime.role = FOLLOWING
                self._count("fenced", str(error))
                wait_s = 1.0
            self.runtime.stopping.wait(wait_s)

    def step(self) -> float:
        """Do what is due; gives how long nothing else is."""
        runtime, counted = self.runtime, self.runtime.twin.slots
        runtime.role = runtime.leader.step()
        now_s = runtime.clock.now_s()
        number = counted.number(now_s)
        if runtime.role.leading:
            if self._applied() < number:
                if self.next is None or self.next.plan.number != number:
                    self.next = self._store(number)
                self._apply(self.next)
                self.next = None
            if self.next is None and now_s >= counted.begins_s(number + 1) - LEAD * counted.slot_s:
                self.next = self._store(number + 1)
        now_s = runtime.clock.now_s()
        after = counted.begins_s(counted.number(now_s) + 1)
        due = after if self.next is not None else after - LEAD * counted.slot_s
        return min(max(due - now_s, 0.0), runtime.leader.beat_s) if due > now_s else 0.0

    def _applied(self) -> int:
        held = self.runtime.current
        return -1 if held is None else held.plan.number

    def _store(self, number: int) -> Applied:
        runtime = self.runtime
        found = runtime.gate.current(datetime.fromtimestamp(runtime.clock.now_s(), UTC))
        runtime.outage = found if isinstance(found, Outage) else None
        runtime.in_force = found.in_force if isinstance(found, Outage) else found
        last = runtime.current.plan if runtime.current else None
        plan = compute(runtime.twin, number, runtime.in_force, last)
        made = Applied(plan, plan_arrow.of_plan(plan))
        with writing(runtime.engine, runtime.role.token) as connection:
            _insert(connection, made, runtime.role.token or 0, runtime.clock.now_s(), runtime.settings.keep_plans)
        return made

    def _apply(self, made: Applied) -> None:
        runtime = self.runtime
        with writing(runtime.engine, runtime.role.token) as connection:
            stated = update(slots).where(slots.c.number == made.plan.number)
            connection.execute(stated.values(applied_at=runtime.clock.now_s()))
        runtime.current = made
        runtime.outcomes["degraded" if made.plan.degraded else "whole"] += 1

    def _count(self, outcome: str, why: str) -> None:
        self.runtime.outcomes[outcome] += 1
        LOG.error("slot: %s: %s", outcome, why)


def _insert(connection: Connection, made: Applied, token: int, now_s: float, keep: int) -> None:
    """A plan in the tables; one of the same number that was not yet applied gives way."""
    plan = made.plan
    connection.execute(delete(plans).where(plans.c.number == plan.number))
    connection.execute(delete(slots).where(slots.c.number == plan.number))
    row = {
        "number": plan.number,
        "begins_at": plan.begins_s,
        "token": token,
        "rule_set": plan.rule_set,
        "network": plan.network,
        "ledger_size": plan.ledger_size,
        "ledger_root": plan.ledger_root,
        "plan": plan.sha256,
        "degraded": plan.degraded,
        "stored_at": now_s,
        "summary": json.dumps(summary(plan)),
    }
    connection.execute(insert(slots).values(row))
    connection.execute(insert(plans).values(number=plan.number, cells=made.arrow, terminals=NOTHING))
    oldest = select(plans.c.number).order_by(plans.c.number.desc()).offset(keep).limit(1).scalar_subquery()
    connection.execute(delete(plans).where(plans.c.number <= oldest))


def summary(plan: SlotPlan) -> dict[str, object]:
    """How many cells of each class are served, or why not."""
    words = {reason.value: reason.word for reason in Reason}
    by_class = {
        name: {words[value]: many for value, many in sorted(Counter(plan.reason[:, number].tolist()).items())}
        for number, name in enumerate(plan.classes)
    }
    return {"cells": len(plan.cells), "by_class": by_class, "lit": int((plan.satellite >= 0).sum())}
