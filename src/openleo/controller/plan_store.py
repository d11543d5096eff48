"""Plans in the database: stored under the leader's token before they are applied, and kept for a while.

A plan that was applied is never changed. Whoever takes over, or starts again, goes on from what stands here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, insert, select, update

from openleo.cells import Cells
from openleo.controller import plan_arrow
from openleo.controller.database import reading
from openleo.controller.slot_plan import SlotPlan
from openleo.controller.tables import plans, slots
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

    One of the same slot that was not applied gives way, and so do old plans but for their hashes.
    """
    plan = made.plan
    waiting = select(slots.c.number).where(slots.c.number == plan.number, slots.c.applied_at.is_(None))
    connection.execute(delete(plans).where(plans.c.number.in_(waiting)))
    connection.execute(delete(slots).where(slots.c.number == plan.number, slots.c.applied_at.is_(None)))
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
        "summary": json.dumps({**summary(plan), **also}),
    }
    connection.execute(insert(slots).values(row))
    connection.execute(insert(plans).values(number=plan.number, cells=made.cells, terminals=made.terminals))
    oldest = select(plans.c.number).order_by(plans.c.number.desc()).offset(keep).limit(1).scalar_subquery()
    connection.execute(delete(plans).where(plans.c.number <= oldest))


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
    """The number of the slot whose plan was applied last."""
    with reading(engine) as connection:
        stated = select(slots.c.number).where(slots.c.applied_at.is_not(None)).order_by(slots.c.number.desc())
        return connection.execute(stated.limit(1)).scalar_one_or_none()


def summary(plan: SlotPlan) -> dict[str, object]:
    """How many cells of each class are served, or why not; `lit`: over how many there is a satellite."""
    words = {reason.value: reason.word for reason in Reason}
    by_class = {
        name: {words[value]: many for value, many in sorted(Counter(plan.reason[:, number].tolist()).items())}
        for number, name in enumerate(plan.classes)
    }
    return {"cells": len(plan.cells), "by_class": by_class, "lit": int((plan.satellite >= 0).sum())}
