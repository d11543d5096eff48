"""Plans in the database: stored under the leader's token before they are applied, and kept for a while.

Whoever takes over, or starts again, goes on from what stands here. A plan that was applied is never changed; only where
a person set time back its slot comes round again, and the new row's summary then says what was applied before.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, delete, insert, select, update

from openleo.cells import Cells
from openleo.controller import plan_arrow
from openleo.controller.database import reading
from openleo.controller.slot_plan import SlotPlan
from openleo.controller.tables import events, leases, plans, slots
from openleo.service.serve import Reason


@dataclass(frozen=True, eq=False)
class Kept:
    """A plan with its bytes, and the table of the terminals that it serves."""

    plan: SlotPlan
    cells: bytes
    terminals: bytes = b""

    @classmethod
    def of(cls, plan: SlotPlan, terminals: bytes = b"") -> Kept:
        return cls(plan, plan_arrow.of_plan(plan), terminals)


def store(connection: Connection, made: Kept, token: int, now_s: float, keep: int, also: Mapping[str, object]) -> None:
    """Keep a plan, and what else is to be said of its slot.

    One of its slot that was not applied gives way; plans of later slots, and old ones, go but for their hashes.
    """
    plan = made.plan
    before = connection.execute(select(slots).where(slots.c.number == plan.number)).mappings().one_or_none()
    connection.execute(delete(plans).where(plans.c.number >= plan.number))
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
        "summary": json.dumps({**summary(plan), **also, **_came_round(before)}),
    }
    connection.execute(insert(slots).values(row))
    connection.execute(insert(plans).values(number=plan.number, cells=made.cells, terminals=made.terminals))
    oldest = select(plans.c.number).order_by(plans.c.number.desc()).offset(keep).limit(1).scalar_subquery()
    connection.execute(delete(plans).where(plans.c.number <= oldest))


def _came_round(row: RowMapping | None) -> dict[str, object]:
    """What is kept of a plan that was applied in a slot of the same number, before time was set back."""
    if row is None or (row["applied_at"] is None and "before" not in json.loads(row["summary"])):
        return {}
    earlier = json.loads(row["summary"]).get("before", [])
    if row["applied_at"] is None:
        return {"before": earlier}
    kept = ("plan", "rule_set", "ledger_size", "token", "degraded", "stored_at", "applied_at")
    return {"before": [*earlier, {name: row[name] for name in kept}]}


def end_leases_from(connection: Connection, number: int) -> int:
    """None that begins in a slot from this one on ever holds; how many these were."""
    ahead = (leases.c.until_slot > number) & (leases.c.slot >= number)
    return int(connection.execute(update(leases).where(ahead).values(until_slot=number)).rowcount)


def applied(connection: Connection, number: int, now_s: float) -> None:
    """Say that a plan is in force."""
    connection.execute(update(slots).where(slots.c.number == number).values(applied_at=now_s))


def of_slot(engine: Engine, number: int, cells: Cells) -> Kept | None:
    """The plan of a slot, if it is kept. Raises ValueError where it is of other cells, Unavailable."""
    with reading(engine) as connection:
        row = connection.execute(select(plans).where(plans.c.number == number)).mappings().one_or_none()
    if row is None:
        return None
    content = bytes(row["cells"])
    return Kept(plan_arrow.read_plan(content, cells), content, bytes(row["terminals"]))


def newest_applied(engine: Engine) -> int | None:
    """The number of the slot whose plan was applied last: by the events, as time may have been set back since."""
    with reading(engine) as connection:
        stated = select(events.c.body).where(events.c.kind == "slot").order_by(events.c.id.desc()).limit(1)
        body = connection.execute(stated).scalar_one_or_none()
    return None if body is None else int(json.loads(body)["number"])


def summary(plan: SlotPlan) -> dict[str, object]:
    """How many cells of each class are served, or why not; `lit`: over how many there is a satellite."""
    words = {reason.value: reason.word for reason in Reason}
    by_class = {
        name: {words[value]: many for value, many in sorted(Counter(plan.reason[:, number].tolist()).items())}
        for number, name in enumerate(plan.classes)
    }
    return {"cells": len(plan.cells), "by_class": by_class, "lit": int((plan.satellite >= 0).sum())}
