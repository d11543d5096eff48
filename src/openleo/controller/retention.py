"""What is deleted, and when. All else is kept for good.

    due(settings, slots, now) ─► sweep, by the leader, in small steps

    plans        beyond the newest keep_plans; what is known of each slot, its hashes too, is kept
    events       beyond the newest keep_events
    leases       keep_decisions_days after they lapsed
    refusals     keep_decisions_days after they were said
    located      ranging_keep_s after the last round trip
    nonces       when the request that they were of is too old to be taken again
    idempotency  a day after the request was answered
    evidence     keep_evidence_days after its review it forgets its inputs, which tell of places; else kept
    sessions     when they are over; logins, when nobody comes back to them any more

A step is one short transaction under the leader's token, and after each as long again is left to others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Engine, Table, delete, func, select, tuple_, update

from openleo.controller.clock import Clock
from openleo.controller.database import writing
from openleo.controller.settings import Settings
from openleo.controller.slots import Slots
from openleo.controller.tables import (
    events,
    evidence,
    idempotency,
    leases,
    located,
    logins,
    nonces,
    plans,
    refusals,
    sessions,
)

DAY_S = 86_400.0
IDEMPOTENT_S = DAY_S
FORGOTTEN = '{"inputs": {}, "rule": "forgotten: it was reviewed long ago"}'
STEP_ROWS = 500  # 10 to 20 ms; 10,000 terminals that renew each minute make as many in 3 s


@dataclass(frozen=True)
class Due:
    """Rows of a table that are to go."""

    table: Table
    where: ColumnElement[bool]
    become: Mapping[str, str] = field(default_factory=dict)  # instead of going


@dataclass(frozen=True)
class Swept:
    """What went, by table, and the tables of which there was more than the time allowed."""

    rows: Counter[str] = field(default_factory=Counter)
    more: tuple[str, ...] = ()


def due(settings: Settings, slots: Slots, now_s: float) -> list[Due]:
    """What is to go at an instant."""
    decided_s = now_s - settings.keep_decisions_days * DAY_S
    newest_plan = select(func.max(plans.c.number)).scalar_subquery()
    newest_event = select(func.max(events.c.id)).scalar_subquery()
    return [
        Due(plans, plans.c.number <= newest_plan - settings.keep_plans),
        Due(events, events.c.id <= newest_event - settings.keep_events),
        Due(leases, leases.c.until_slot <= slots.number(decided_s)),
        Due(refusals, refusals.c.at < decided_s),
        Due(located, located.c.at < now_s - settings.ranging_keep_s),
        Due(nonces, nonces.c.until < now_s),
        Due(idempotency, idempotency.c.at < now_s - IDEMPOTENT_S),
        Due(evidence, _reviewed_before(now_s - settings.keep_evidence_days * DAY_S), {"body": FORGOTTEN}),
        Due(sessions, sessions.c.expires_at < now_s),
        Due(logins, logins.c.until < now_s),
    ]


def _reviewed_before(at_s: float) -> ColumnElement[bool]:
    """Evidence whose body still says something. What nobody reviewed waits for a person."""
    old = evidence.c.at < at_s  # by its index, since nothing is reviewed before it is found
    return old & (evidence.c.reviewed_at < at_s) & (evidence.c.state != "open") & (evidence.c.body != FORGOTTEN)


def sweep(
    engine: Engine, token: int, what: Sequence[Due], clock: Clock, seconds: float,
    wait: Callable[[float], object], *, rows: int = STEP_ROWS,
) -> Swept:  # fmt: skip
    """Delete what is due, a step of each table in turn, for as long as there is some and `seconds` are not over.

    `wait`: between steps. Raises Unavailable, Fenced; what went before went.
    """
    until_s = clock.monotonic_s() + seconds
    gone: Counter[str] = Counter()
    left = list(what)
    while left:
        for one in tuple(left):
            begun_s = clock.monotonic_s()
            if begun_s >= until_s:
                return Swept(gone, tuple(due.table.name for due in left))
            went = step(engine, token, one, rows)
            gone[one.table.name] += went
            if went < rows:
                left.remove(one)
            wait(clock.monotonic_s() - begun_s)
    return Swept(+gone)


def step(engine: Engine, token: int, one: Due, rows: int = STEP_ROWS) -> int:
    """Some of the rows; how many there were. Raises Unavailable, Fenced."""
    key = list(one.table.primary_key.columns)
    some = select(*key).where(one.where).limit(rows)
    found = tuple_(*key) if len(key) > 1 else key[0]
    with writing(engine, token) as connection:
        change = update(one.table).values(one.become) if one.become else delete(one.table)
        return int(connection.execute(change.where(found.in_(some))).rowcount)
