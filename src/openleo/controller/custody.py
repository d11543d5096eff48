"""A terminal's history: each change of it adds a row in the transaction that makes the change, and none goes.

The database refuses to change or delete a row (append_only).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select

from openleo.controller.database import in_order, reading
from openleo.controller.tables import custody

WRITERS = 5_704_302  # a number of ours for a lock of PostgreSQL


class What(StrEnum):
    """What changed."""

    ENROLLED = "enrolled"
    TRANSFERRED = "transferred"
    STATE = "state"
    KEY = "key"
    CLASS = "class"
    GROUPS = "groups"
    HOME = "home_territory"
    SUBSCRIPTION = "subscription"


@dataclass(frozen=True)
class Event:
    """One row: who changed what of a terminal, and why. `id` 0: not written yet."""

    terminal: str
    at_s: float
    what: What
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    actor: str
    reason: str = ""
    id: int = 0


def add(connection: Connection, events: Iterable[Event]) -> None:
    """Write rows, within the transaction of what they tell."""
    rows = [
        {
            "terminal": one.terminal,
            "at": one.at_s,
            "what": str(one.what),
            "before": json.dumps(dict(one.before), ensure_ascii=False, sort_keys=True),
            "after": json.dumps(dict(one.after), ensure_ascii=False, sort_keys=True),
            "actor": one.actor,
            "reason": one.reason,
        }
        for one in events
    ]
    if rows:
        in_order(connection, WRITERS)
        connection.execute(insert(custody), rows)


def newest(engine: Engine) -> int:
    """The id of the last event; 0 before the first. Raises Unavailable."""
    with reading(engine) as connection:
        return connection.execute(select(func.max(custody.c.id))).scalar_one() or 0


def of(connection: Connection, terminal: str, after: int = 0, limit: int = 100) -> list[Event]:
    """A terminal's events, the oldest first, from the one after `after` on."""
    asked = select(custody).where(custody.c.terminal == terminal, custody.c.id > after)
    rows = connection.execute(asked.order_by(custody.c.id).limit(limit)).mappings()
    return [
        Event(
            row["terminal"],
            row["at"],
            What(row["what"]),
            json.loads(row["before"]),
            json.loads(row["after"]),
            row["actor"],
            row["reason"],
            row["id"],
        )
        for row in rows
    ]
