"""The leases in force when a slot begins, in columns: who holds them, and what they last said of where they are.

Takes the tables of leases and terminals, and whom the ledger means; gives Held. Of a terminal with several leases the
newest counts. Class, groups and home are the registry's of now, not those of when the lease was given.

Which leases hold, and what the registry says, are the tables' to say in every slot. What a lease was decided on never
changes: the desk, which wrote it, or read it when it took the lead, hands it in (`said`). Only of a lease that the desk
does not hold is the record read: of ten thousand that alone takes 0.3 s, in which requests wait.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Table, and_, case, func, or_, select

from openleo.controller.aside import give_way
from openleo.controller.lease_place import Circle
from openleo.controller.named_targets import Meant
from openleo.controller.tables import leases, subscriptions, terminals
from openleo.instants import civil_instant
from openleo.policy.request import group_name
from openleo.policy.terminal_columns import Coded
from openleo.policy.terminals import Terminals

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
LOG = logging.getLogger("openleo.controller")
T = TypeVar("T")
NO_CELL = 0  # H3 numbers no cell so
NOT_REGISTERED = "unregistered"  # in the place of a terminal's state


@dataclass(frozen=True, eq=False)
class HeldLeases:
    """Axes (lease,), in the order of terminals' ids; one lease a terminal. `cell`: H3, NO_CELL where none is named."""

    lease: tuple[str, ...]
    terminals: Terminals
    state: Coded[str]  # of the terminal in the registry
    account_suspended: Flags
    subscribed: Flags
    several: Mapping[int, tuple[Circle, ...]]  # leases decided on more than one circle, which columns do not hold
    cell: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.lease)


REGISTERED = (  # columns
    terminals.c.account, terminals.c.subscription, terminals.c["class"], terminals.c.home_territory,
    terminals.c.groups, terminals.c.state,
)  # fmt: skip
# (of rows, of columns): the database makes one text of them all, while others in this process go on; of ten thousand
# rows read one by one each takes its turn with them.
_AS_JSON = {"sqlite": (func.json_group_array, func.json_array), "postgresql": (func.json_agg, func.json_build_array)}
AT_ONCE = 500  # records of a query


@dataclass(frozen=True, slots=True)
class Reported:
    """What a terminal said when its lease was decided, as the rules were asked then; None: not known."""

    circles: tuple[Circle, ...]
    cell: int
    latitude_deg: float | None
    longitude_deg: float | None
    uncertainty_m: float | None
    aged_s: float | None  # the position's age when it was signed
    signed_s: float
    source: str | None
    speed_kmh: float | None
    altitude_m: float | None
    days_abroad: float | None  # then: a lease lasts minutes

    def age_s(self, at_s: float) -> float | None:
        """The position's age at an instant."""
        return None if self.aged_s is None else self.aged_s + max(0.0, at_s - self.signed_s)


NOTHING_KNOWN = Reported((), NO_CELL, None, None, None, None, 0.0, None, None, None, None)
Said = Callable[[str, str], Reported | None]  # of a terminal's lease; None: the record is to be read


def not_said(_terminal: str, _lease: str) -> Reported | None:
    """Of nothing: every record is read."""
    return None


def held(connection: Connection, number: int, begins_s: float, meant: Meant, said: Said = not_said) -> HeldLeases:
    """Those that hold in a slot."""
    newest = func.row_number().over(partition_by=leases.c.terminal, order_by=(leases.c.slot.desc(), leases.c.id.desc()))
    holding = (
        select(leases.c.id, leases.c.terminal, newest.label("nth"))
        .where(leases.c.until_slot > number, leases.c.slot <= number)
        .subquery()
    )
    registered = holding.outerjoin(terminals, terminals.c.id == holding.c.terminal).outerjoin(
        subscriptions, subscriptions.c.id == terminals.c.subscription
    )
    of_rows_, of_columns = _AS_JSON[connection.dialect.name]
    columns = of_columns(holding.c.id, holding.c.terminal, *REGISTERED, subscribed(begins_s))
    query = select(of_rows_(columns)).select_from(registered).where(holding.c.nth == 1)
    found = connection.execute(query).scalar_one() or []  # PostgreSQL has null for no rows, and its driver reads JSON
    rows = sorted(json.loads(found) if isinstance(found, str) else found, key=lambda row: row[1])
    give_way(len(rows))
    known = [said(row[1], row[0]) for row in rows]
    give_way(len(rows))
    read = records(connection, [row[0] for row, one in zip(rows, known, strict=True) if one is None])
    return of_rows(rows, [one or read[row[0]] for row, one in zip(rows, known, strict=True)], begins_s, meant)


def subscribed(at_s: float) -> ColumnElement[int]:
    """Whether what a terminal's account bought holds at an instant; who bought nothing has no bounds."""
    begins_s, ends_s = subscriptions.c.begins_at, subscriptions.c.ends_at
    holds = and_(or_(begins_s.is_(None), begins_s <= at_s), or_(ends_s.is_(None), ends_s > at_s))
    return case((holds, 1), else_=0)


def records(connection: Connection, ids: Sequence[str], table: Table = leases) -> dict[str, Reported]:
    """What leases, or refusals, were decided on, by their records."""
    found: dict[str, Reported] = {}
    for first in range(0, len(ids), AT_ONCE):
        query = select(table.c.id, table.c.body).where(table.c.id.in_(ids[first : first + AT_ONCE]))
        found |= {id_: read_record(body) for id_, body in connection.execute(query)}
    return found


def of_rows(rows: Sequence[Sequence[Any]], said: Sequence[Reported], begins_s: float, meant: Meant) -> HeldLeases:
    """Rows (lease, terminal, REGISTERED, subscribed) and what was said with each, as columns of numbers and words."""
    lease, terminal, account, subscription, class_, home, groups, state, subscribed = (
        zip(*rows, strict=True) if rows else ((),) * (len(REGISTERED) + 3)
    )
    who = list(zip(terminal, (one or "" for one in account), state, strict=True))
    read_groups = {text: _groups(text) for text in set(groups) if text is not None}
    registry = Terminals(
        id=pa.array(terminal, pa.string()),
        account=pa.array(account, pa.string()),
        subscription=pa.array(subscription, pa.string()),
        class_=coded(meant.class_of(id_, owner, word) if known else None
                     for (id_, owner, known), word in zip(who, class_, strict=True)),
        groups=coded(meant.groups_of(id_, owner, read_groups[text]) if known else None
                     for (id_, owner, known), text in zip(who, groups, strict=True)),
        source=coded(one.source for one in said),
        home_territory=coded(home),
        latitude_deg=_numbers(one.latitude_deg for one in said),
        longitude_deg=_numbers(one.longitude_deg for one in said),
        uncertainty_m=_numbers(one.uncertainty_m for one in said),
        age_s=_numbers(one.age_s(begins_s) for one in said),
        speed_kmh=_numbers(one.speed_kmh for one in said),
        altitude_m=_numbers(one.altitude_m for one in said),
        days_abroad=_numbers(one.days_abroad for one in said),
    )  # fmt: skip
    return HeldLeases(
        tuple(lease),
        registry,
        coded(one or NOT_REGISTERED for one in state),
        np.array([owner in meant.suspended_accounts for _, owner, _ in who], dtype=bool),
        np.array(subscribed, dtype=bool),
        {number: one.circles for number, one in enumerate(said) if len(one.circles) > 1},
        np.array([one.cell for one in said], dtype=np.uint64),
    )


def read_record(body: str) -> Reported:
    """Of a record that cannot be read nothing is known, so its terminal is not served; the others are."""
    try:
        return reported(json.loads(body))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        LOG.error("a lease's record cannot be read: %s", type(error).__name__)  # noqa: TRY400 - it holds a position
        return NOTHING_KNOWN


def _at_s(text: str) -> float:
    """An instant as a terminal signed it, with its zone; leap seconds, which the standard library refuses, as well."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return civil_instant(text).timestamp()


def reported(body: Mapping[str, Any]) -> Reported:
    """Of a record of lease_desk, of a lease or a refusal: where by what was signed, or by the circles that the network
    found in its place.
    """
    signed = body["signed"]
    # Where the network alone says where it is, the age is the network's too; else the terminal's, as it was signed.
    network = body.get("by") == "network"
    at = body["request"]["at"] if network else signed["at"]
    position = (body["request"] if network else signed).get("position") or {}
    circles = _circles(body, position)
    first = circles[0] if circles else (position.get("lat_deg"), position.get("lon_deg"))
    aged_s = position.get("age_s")
    cells = body["answer"].get("cells")  # a refusal names none
    return Reported(
        circles,
        int(cells[0], 16) if cells else NO_CELL,
        first[0],
        first[1],
        max(circle[2] for circle in circles) if circles else None,
        aged_s,
        0.0 if aged_s is None else _at_s(at),
        None if len(circles) > 1 else position.get("source"),
        signed.get("speed_kmh"),
        signed.get("altitude_m"),
        body["request"]["days_abroad"],
    )


def _circles(body: Mapping[str, Any], position: Mapping[str, Any]) -> tuple[Circle, ...]:
    if "circles" in body:
        return tuple((float(one[0]), float(one[1]), float(one[2])) for one in body["circles"])
    if position.get("uncertainty_m") is None:
        return ()
    return ((position["lat_deg"], position["lon_deg"], position["uncertainty_m"]),)


def _groups(text: str) -> list[str]:
    return [group_name(name) for name in json.loads(text)]


def _numbers(values: Iterable[float | None]) -> Floats:
    found = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    give_way(len(found))
    return found


def coded(values: Iterable[T | None]) -> Coded[T]:
    """A column of few distinct values; None: not known."""
    number: dict[T, int] = {}
    codes = [-1 if value is None else number.setdefault(value, len(number)) for value in values]
    give_way(len(codes))
    return Coded(np.array(codes, dtype=np.int32), tuple(number))
