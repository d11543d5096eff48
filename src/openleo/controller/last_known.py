"""Where the terminals in service were last known, in columns: for counting whom a change of rules reaches.

Takes the tables of terminals, leases and refusals, and whom the ledger means; gives Terminals. Each is where its newest
lease or refusal has it, as long as that is of the last day: an older position says nothing to any rule. Who has neither
is among them too, in a place that is not known. Whoever asks for this is told positions, so it is audited before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, func, select

from openleo.changes import Counted
from openleo.controller.held import NOTHING_KNOWN, REGISTERED, Reported, Said, not_said, of_rows, records, subscribed
from openleo.controller.named_targets import Meant
from openleo.controller.tables import leases, refusals, subscriptions, terminals
from openleo.policy.request import STALE_AFTER_S

IN_SERVICE = "active"  # the state in which the registry lets a terminal be served
Row = tuple[Any, ...]


def in_service(connection: Connection, at_s: float, meant: Meant, said: Said = not_said) -> Counted:
    """(those who are in service by registry, account and subscription, the sha256 of the records that place them).

    `said`: what leases were decided on, where that is known without reading their records.
    """
    since_s = at_s - STALE_AFTER_S
    rows, found = _rows(connection, since_s, at_s), dict[str, Reported]()
    known = {lease: one for terminal, lease, *_ in rows if lease and (one := said(terminal, lease))}
    for table in (leases, refusals):
        found |= records(connection, _ids(rows, table is refusals, known), table)
    serving = [row for row in rows if row[-1] and row[3] not in meant.suspended_accounts]
    places = [_newest(row, known | found) for row in serving]
    table_rows = [(id_, row[0], *row[3:]) for row, (id_, _) in zip(serving, places, strict=True)]
    columns = of_rows(table_rows, [one for _, one in places], at_s, meant)
    named = "\n".join(f"{id_} {lease}" for lease, id_, *_ in table_rows)
    return columns.terminals, hashlib.sha256(named.encode()).hexdigest()


def _rows(connection: Connection, since_s: float, at_s: float) -> list[Row]:
    """(terminal, its newest lease, its newest refusal, columns of the registry, whether its subscription holds)."""
    lease = (
        select(leases.c.id)
        .where(leases.c.terminal == terminals.c.id)
        .order_by(leases.c.until_slot.desc(), leases.c.slot.desc())
        .limit(1)
        .scalar_subquery()
    )
    refused = (
        select(refusals.c.terminal, func.max(refusals.c.id).label("id"))  # ids go by time
        .where(refusals.c.at > since_s, refusals.c.at <= at_s)
        .group_by(refusals.c.terminal)
        .subquery()
    )
    query = (
        select(terminals.c.id, lease, refused.c.id, *REGISTERED, subscribed(at_s))
        .select_from(terminals)
        .outerjoin(refused, refused.c.terminal == terminals.c.id)
        .outerjoin(subscriptions, subscriptions.c.id == terminals.c.subscription)
        .where(terminals.c.state == IN_SERVICE)
        .order_by(terminals.c.id)
    )
    oldest = format(max(0, int(since_s * 1000)), "012x")  # as ids of that instant begin: lease_records
    return [(row[0], row[1] if (row[1] or "") >= oldest else None, *row[2:]) for row in connection.execute(query)]


def _ids(rows: Iterable[Row], refused: bool, known: dict[str, Reported]) -> list[str]:
    """Of the records that have to be read."""
    ids = (row[2 if refused else 1] for row in rows)
    return [id_ for id_ in ids if id_ and id_ not in known]


def _newest(row: Row, known: dict[str, Reported]) -> tuple[str, Reported]:
    """(the record that places a terminal, what it says)."""
    id_ = max(row[1] or "", row[2] or "")
    return id_, known.get(id_, NOTHING_KNOWN)
