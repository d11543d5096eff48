"""What a lease needs to know of terminals, in memory: the registry's records as the ledger in force means them.

Loaded whole at the start, and again when the lead is taken over; then kept up to date by what is only ever added to
(custody), so that a change by another controller is seen too. Rows of the tables are the authority; this is a copy.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, Select, func, select
from sqlalchemy.engine import RowMapping

from openleo.controller.database import reading
from openleo.controller.leases import LeasingTerminal
from openleo.controller.tables import custody, evidence, subscriptions, terminals

OPEN, UPHELD = "open", "upheld"  # evidence that was not dismissed
AT_ONCE = 500  # terminals of a query


class Meant(Protocol):
    """Whom the ledger's targets mean: named_targets.Meant."""

    @property
    def suspended_accounts(self) -> Collection[str]: ...
    def class_of(self, terminal: str, account: str, registered: str, /) -> str: ...
    def groups_of(self, terminal: str, account: str, registered: Collection[str], /) -> frozenset[str]: ...


class Known:
    """Terminals by their ids. `load` and `refresh` may run in another thread than `terminal`."""

    def __init__(self, engine: Engine):
        self._engine = engine
        self._records: dict[str, LeasingTerminal] = {}  # as the registry has them
        self._resolved: dict[
            str, tuple[LeasingTerminal, Meant, LeasingTerminal]
        ] = {}  # of which record, under which meaning
        self._held: frozenset[str] = frozenset()
        self._newest = 0  # of custody

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, terminal: str) -> bool:
        return terminal in self._records

    def load(self) -> None:
        """Everything anew. Raises Unavailable."""
        with reading(self._engine) as connection:
            newest = _newest(connection)
            held = _held(connection)
            records = {str(row["id"]): _terminal(row) for row in connection.execute(_STATED).mappings()}
        self._records, self._held, self._newest = records, held, newest
        self._resolved = {}

    def refresh(self) -> None:
        """What changed since: terminals by their custody, subscriptions, evidence. Raises Unavailable."""
        with reading(self._engine) as connection:
            newest, held = _newest(connection), _held(connection)
            changed = select(custody.c.terminal).where(custody.c.id > self._newest).distinct()
            ids = set(connection.execute(changed).scalars())
            ids |= self._resubscribed(connection)
            found = _some(connection, ids)
        self._records |= found
        for gone in ids - found.keys():
            self._records.pop(gone, None)
        self._held, self._newest = held, newest

    def _resubscribed(self, connection: Connection) -> set[str]:
        """Those whose subscription says something else now."""
        now = {row["id"]: _bought(row) for row in connection.execute(select(subscriptions)).mappings()}
        nothing = (None, None, None, None)
        return {
            one.id
            for one in list(self._records.values())
            if one.subscription is not None and now.get(one.subscription, nothing) != _has(one)
        }

    def terminal(self, id_: str, meant: Meant) -> LeasingTerminal | None:
        """A terminal as it is in force; None where the registry has none of that id."""
        record = self._records.get(id_)
        if record is None:
            return None
        kept = self._resolved.get(id_)
        if kept is None or kept[0] is not record or kept[1] is not meant or kept[2].held != (id_ in self._held):
            kept = self._resolved[id_] = (record, meant, self._as_meant(record, meant))
        return kept[2]

    def _as_meant(self, record: LeasingTerminal, meant: Meant) -> LeasingTerminal:
        return LeasingTerminal(
            id=record.id,
            account=record.account,
            class_=meant.class_of(record.id, record.account, record.class_),
            home=record.home,
            groups=meant.groups_of(record.id, record.account, record.groups),
            public_key=record.public_key,
            state=record.state,
            subscription=record.subscription,
            down_mbps=record.down_mbps,
            up_mbps=record.up_mbps,
            subscribed_from_s=record.subscribed_from_s,
            subscribed_until_s=record.subscribed_until_s,
            account_suspended=record.account in meant.suspended_accounts,
            held=record.id in self._held,
            days_abroad=record.days_abroad,
            version=record.version,
        )


_STATED: Select[Any] = select(
    terminals, subscriptions.c.down_mbps, subscriptions.c.up_mbps, subscriptions.c.begins_at, subscriptions.c.ends_at
).join(subscriptions, terminals.c.subscription == subscriptions.c.id, isouter=True)


def _some(connection: Connection, ids: Iterable[str]) -> dict[str, LeasingTerminal]:
    found: dict[str, LeasingTerminal] = {}
    ordered = sorted(ids)
    for first in range(0, len(ordered), AT_ONCE):
        rows = connection.execute(_STATED.where(terminals.c.id.in_(ordered[first : first + AT_ONCE])))
        found |= {str(row["id"]): _terminal(row) for row in rows.mappings()}
    return found


def _terminal(row: RowMapping) -> LeasingTerminal:
    down_mbps, up_mbps, begins_s, ends_s = _bought(row)
    return LeasingTerminal(
        id=row["id"],
        account=row["account"],
        class_=row["class"],
        home=row["home_territory"],
        groups=frozenset(json.loads(row["groups"])),
        public_key=bytes(row["public_key"]),
        state=row["state"],
        subscription=row["subscription"],
        down_mbps=down_mbps,
        up_mbps=up_mbps,
        subscribed_from_s=begins_s,
        subscribed_until_s=ends_s,
        days_abroad=0.0,  # but for those that `abroad` knows
        version=row["version"],
    )


def _bought(row: RowMapping) -> tuple[float | None, float | None, float | None, float | None]:
    return row["down_mbps"], row["up_mbps"], row["begins_at"], row["ends_at"]


def _has(terminal: LeasingTerminal) -> tuple[float | None, float | None, float | None, float | None]:
    return terminal.down_mbps, terminal.up_mbps, terminal.subscribed_from_s, terminal.subscribed_until_s


def _newest(connection: Connection) -> int:
    return int(connection.execute(select(func.coalesce(func.max(custody.c.id), 0))).scalar_one())


def _held(connection: Connection) -> frozenset[str]:
    """Terminals that open or upheld evidence holds back."""
    stated = select(evidence.c.terminal).where(evidence.c.holds_renewal, evidence.c.state.in_((OPEN, UPHELD)))
    return frozenset(connection.execute(stated.distinct()).scalars())
