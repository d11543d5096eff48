"""The leases in force when a slot begins, in columns: who holds them, and what they last said of where they are.

Takes the tables of leases and terminals, and whom the ledger means; gives Held. Of a terminal with several leases the
newest counts. Class, groups and home are the registry's of now, not those of when the lease was given.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from openleo.controller.named_targets import Meant
from openleo.controller.tables import leases, subscriptions, terminals
from openleo.instants import stated_instant
from openleo.policy.request import group_name
from openleo.policy.terminal_columns import Coded
from openleo.policy.terminals import Terminals

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
T = TypeVar("T")
NO_CELL = 0  # H3 numbers no cell so
NOT_REGISTERED = "unregistered"  # in the place of a terminal's state


@dataclass(frozen=True, eq=False)
class Held:
    """Axes (lease,), in the order of terminals' ids; one lease a terminal. `cell`: H3, NO_CELL where none is named."""

    lease: tuple[str, ...]
    terminals: Terminals
    state: Coded[str]  # of the terminal in the registry
    account_suspended: Flags
    subscribed: Flags
    several_places: Flags  # decided on more than one circle, which columns do not hold
    cell: NDArray[np.uint64]
    bodies: tuple[Mapping[str, Any], ...]

    def __len__(self) -> int:
        return len(self.lease)


_COLUMNS = (
    leases.c.id, leases.c.terminal, leases.c.body, terminals.c.account, terminals.c.subscription,
    terminals.c["class"], terminals.c.home_territory, terminals.c.groups, terminals.c.state,
    subscriptions.c.begins_at, subscriptions.c.ends_at,
)  # fmt: skip


def held(connection: Connection, number: int, begins_s: float, meant: Meant) -> Held:
    """Those that hold in a slot."""
    registered = leases.outerjoin(terminals, terminals.c.id == leases.c.terminal).outerjoin(
        subscriptions, subscriptions.c.id == terminals.c.subscription
    )
    query = (
        select(*_COLUMNS)
        .select_from(registered)
        .where(leases.c.until_slot > number, leases.c.slot <= number)
        .order_by(leases.c.terminal, leases.c.slot, leases.c.until_slot, leases.c.id)
    )
    rows = connection.execute(query)
    newest: dict[str, Any] = {row.terminal: row for row in rows}  # of a terminal the last is the newest
    return of_rows(list(newest.values()), begins_s, meant)


def of_rows(rows: Sequence[Any], begins_s: float, meant: Meant) -> Held:
    """Rows of _COLUMNS as columns of numbers and words."""
    bodies = [json.loads(row.body) for row in rows]
    requests = [body.get("request") or {} for body in bodies]
    positions = [request.get("position") or {} for request in requests]
    who = [(row.terminal, row.account or "", row) for row in rows]
    passed = np.array([_passed_s(request, begins_s) for request in requests], dtype=np.float64)
    ages = _numbers(position.get("age_s") for position in positions)
    registry = Terminals(
        id=pa.array([row.terminal for row in rows], pa.string()),
        account=pa.array([row.account for row in rows], pa.string()),
        subscription=pa.array([row.subscription for row in rows], pa.string()),
        class_=coded(meant.class_of(id_, account, row._mapping["class"]) if row.state else None
                     for id_, account, row in who),
        groups=coded(meant.groups_of(id_, account, _groups(row.groups)) if row.state else None
                     for id_, account, row in who),
        source=coded(position.get("source") for position in positions),
        home_territory=coded(row.home_territory for row in rows),
        latitude_deg=_numbers(position.get("lat_deg") for position in positions),
        longitude_deg=_numbers(position.get("lon_deg") for position in positions),
        uncertainty_m=_numbers(position.get("uncertainty_m") for position in positions),
        age_s=ages + passed,
        speed_kmh=_numbers(request.get("speed_kmh") for request in requests),
        altitude_m=_numbers(request.get("altitude_m") for request in requests),
        days_abroad=_numbers(request.get("days_abroad") for request in requests),
    )  # fmt: skip
    return Held(
        tuple(row.id for row in rows),
        registry,
        coded(row.state or NOT_REGISTERED for row in rows),
        np.array([account in meant.suspended_accounts for _, account, _ in who], dtype=bool),
        np.array([_subscribed(row, begins_s) for row in rows], dtype=bool),
        np.array([len(body.get("circles") or ()) > 1 for body in bodies], dtype=bool),
        np.array([int(body["cells"][0], 16) if body.get("cells") else NO_CELL for body in bodies], dtype=np.uint64),
        tuple(bodies),
    )


def _passed_s(request: Mapping[str, Any], begins_s: float) -> float:
    """How long before the slot's begin it was decided."""
    at = request.get("at")
    return 0.0 if at is None else max(0.0, begins_s - stated_instant(at).timestamp())


def _subscribed(row: Any, begins_s: float) -> bool:
    begins, ends = row.begins_at, row.ends_at
    return (begins is None or begins_s >= begins) and (ends is None or begins_s < ends)


def _groups(text: str) -> list[str]:
    return [group_name(name) for name in json.loads(text)]


def _numbers(values: Iterable[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def coded(values: Iterable[T | None]) -> Coded[T]:
    """A column of few distinct values; None: not known."""
    number: dict[T, int] = {}
    codes = [-1 if value is None else number.setdefault(value, len(number)) for value in values]
    return Coded(np.array(codes, dtype=np.int32), tuple(number))
