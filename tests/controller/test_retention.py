"""What goes goes when it is due, what is not due stays, and nobody waits for it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from sqlalchemy import Engine, Table, func, insert, select

from openleo.controller import retention
from openleo.controller.clock import ManualClock, SystemClock
from openleo.controller.database import Fenced, reading, writing
from openleo.controller.retention import DAY_S, due, sweep
from openleo.controller.settings import Settings
from openleo.controller.slots import Slots
from openleo.controller.tables import (
    audit,
    events,
    evidence,
    idempotency,
    leadership,
    leases,
    logins,
    nonces,
    people,
    plans,
    refusals,
    sessions,
    slots,
)

NOW_S = 1_795_000_005.0
SLOTS = Slots(15.0)
NOW = SLOTS.number(NOW_S)
SETTINGS = Settings(keep_plans=3, keep_events=100, keep_decisions_days=1)
TOKEN = 4
GOING = {"plans", "events", "leases", "refusals", "nonces", "idempotency", "sessions", "logins", "evidence"}
QUARTER_S = 90 * DAY_S


@pytest.fixture
def led(engine: Engine) -> Engine:
    with writing(engine) as connection:
        connection.execute(insert(leadership).values(id=1, holder="a", token=TOKEN, beat=1))
    return engine


def add(engine: Engine, table: Table, *rows: dict[str, Any]) -> None:
    with writing(engine) as connection:
        connection.execute(insert(table), list(rows))


def count(engine: Engine, table: Table) -> int:
    with reading(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def kept(engine: Engine, column: Any) -> list[Any]:
    with reading(engine) as connection:
        return list(connection.execute(select(column).order_by(column)).scalars())


def swept(engine: Engine, seconds: float = 60.0, token: int = TOKEN, rows: int = 7) -> retention.Swept:
    return sweep(engine, token, due(SETTINGS, SLOTS, NOW_S), SystemClock(), seconds, lambda _: None, rows=rows)


def slot(number: int) -> dict[str, Any]:
    made = {"token": TOKEN, "rule_set": "r", "network": "n", "ledger_size": 1, "ledger_root": "", "plan": "p"}
    told = {"degraded": "", "stored_at": 0.0, "summary": "{}"}
    return {"number": number, "begins_at": SLOTS.begins_s(number), **made, **told}


def lease(until_slot: int, terminal: str = "t") -> dict[str, Any]:
    under = {"token": TOKEN, "rule_set": "r", "ledger_size": 1, "plan": "p", "body": json.dumps({"cell": "8"})}
    holds = {"slot": until_slot - 4, "until_slot": until_slot}
    return {"id": f"{until_slot}{terminal}", "terminal": terminal, **holds, **under}


def test_each_table_keeps_what_is_not_due(led: Engine) -> None:
    add(led, slots, *map(slot, range(NOW - 9, NOW + 1)))
    add(led, plans, *({"number": n, "cells": b"c", "terminals": b"t"} for n in range(NOW - 9, NOW + 1)))
    add(led, events, *({"at": NOW_S, "kind": "slot", "body": "{}"} for _ in range(120)))
    day = int(DAY_S / 15)
    add(led, leases, *map(lease, (NOW - day - 1, NOW - day, NOW - day + 1, NOW, NOW + 4)))
    said = {"terminal": "t", "rule_set": "r", "ledger_size": 1, "body": "{}"}
    add(led, refusals, *({"id": str(age), "at": NOW_S - age, **said} for age in (DAY_S + 1, DAY_S - 1)))
    add(led, nonces, *({"terminal": "t", "nonce": str(to), "until": NOW_S + to} for to in (-60, -1, 1, 60)))
    answer = {"request": "", "status": 201, "headers": "{}", "answer": b""}
    add(led, idempotency, *({"principal": "p", "key": str(age), "at": NOW_S - age, **answer} for age in
                            (DAY_S + 1, DAY_S - 1)))  # fmt: skip
    add(led, people, {"id": "p", "issuer": "i", "subject": "s", "party": "operator", "roles": "[]"})
    add(led, sessions, *({"sha256": str(to), "person": "p", "created_at": 0.0, "expires_at": NOW_S + to} for to in
                         (-1, 1)))  # fmt: skip
    add(led, logins, *({"state": str(to), "until": NOW_S + to} for to in (-1, 1)))
    add(led, audit, {"at": 0.0, "principal": "p", "party": "operator", "what": "changed", "about": "", "body": "{}"})

    seen = {
        "terminal": "t",
        "kind": "clone",
        "score": 1.0,
        "body": json.dumps({"rule": "r", "inputs": {"lat_deg": 24.1}}),
    }
    for id_, state, age_s, holds in (("old", "upheld", QUARTER_S + 1, True), ("open", "open", None, True),
                                     ("new", "dismissed", QUARTER_S - 1, False)):  # fmt: skip
        reviewed = {"state": state, "reviewed_at": None if age_s is None else NOW_S - age_s, "holds_renewal": holds}
        add(led, evidence, {"id": id_, "at": NOW_S - 2 * QUARTER_S, **seen, **reviewed})

    went = swept(led)
    ones = dict.fromkeys(("refusals", "idempotency", "sessions", "logins", "evidence"), 1)
    assert went.rows == {"plans": 7, "events": 20, "leases": 2, "nonces": 2, **ones}
    assert set(went.rows) == GOING
    assert went.more == ()
    assert kept(led, plans.c.number) == [NOW - 2, NOW - 1, NOW]
    assert kept(led, events.c.id) == list(range(21, 121))
    assert kept(led, leases.c.until_slot) == [NOW - day + 1, NOW, NOW + 4]
    assert kept(led, refusals.c.id) == [str(DAY_S - 1)]
    assert kept(led, nonces.c.nonce) == ["1", "60"]
    assert kept(led, idempotency.c.key) == [str(DAY_S - 1)]
    assert kept(led, sessions.c.sha256) == kept(led, logins.c.state) == ["1"]
    assert (count(led, slots), count(led, audit), count(led, people)) == (10, 1, 1)
    assert kept(led, evidence.c.id) == ["new", "old", "open"]  # the finding stays, and what it holds back
    with reading(led) as connection:
        body, holds = connection.execute(
            select(evidence.c.body, evidence.c.holds_renewal).where(evidence.c.id == "old")
        ).one()
        told = connection.execute(select(evidence.c.body).where(evidence.c.id != "old")).scalars().all()
    assert ("24.1" not in body, holds) == (True, True)
    assert all("24.1" in one for one in told)
    assert swept(led).rows == {}


def test_where_there_is_nothing_nothing_goes(led: Engine) -> None:
    assert swept(led) == retention.Swept()


def test_only_the_leader_deletes(led: Engine) -> None:
    add(led, leases, lease(1))
    with pytest.raises(Fenced):
        swept(led, token=TOKEN - 1)
    assert count(led, leases) == 1


def test_it_ends_with_its_time_and_says_of_what_there_is_more(led: Engine) -> None:
    add(led, leases, *(lease(n) for n in range(50)))
    clock = ManualClock()
    all_due = due(SETTINGS, SLOTS, NOW_S)
    assert sweep(led, TOKEN, all_due, clock, 0.0, clock.pass_s).rows == {}
    assert count(led, leases) == 50

    def passes(_: float) -> None:
        clock.pass_s(1.0)

    # of each table a step, then three more of leases
    part = sweep(led, TOKEN, all_due, clock, len(all_due) + 3.0, passes, rows=7)
    assert part.rows["leases"] == 28
    assert part.more == ("leases",)
    assert sweep(led, TOKEN, all_due, clock, 60.0, passes, rows=7).rows == {"leases": 22}


def test_a_lease_that_is_written_meanwhile_waits_for_one_step_at_most(led: Engine) -> None:
    add(led, leases, *(lease(1, str(n)) for n in range(20_000)))
    waits = []

    def writes(_: float) -> None:
        begun = time.perf_counter()
        add(led, leases, lease(NOW + 4, f"new{len(waits)}"))
        waits.append(time.perf_counter() - begun)

    went = sweep(led, TOKEN, due(SETTINGS, SLOTS, NOW_S), SystemClock(), 60.0, writes)
    assert went.rows == {"leases": 20_000}
    assert count(led, leases) == len(waits)
    assert len(waits) >= 20_000 / retention.STEP_ROWS


def test_every_table_that_is_swept_is_found_by_an_index(led: Engine) -> None:
    """A condition without one would read millions of leases to delete 500."""
    for one in due(SETTINGS, SLOTS, NOW_S):
        first = next(iter(getattr(one.where, "clauses", [one.where]))).left
        indexed = {next(iter(index.columns)).name for index in one.table.indexes}
        indexed.add(next(iter(one.table.primary_key.columns)).name)
        assert first.name in indexed, one.table.name
