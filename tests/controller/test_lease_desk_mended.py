"""The desk where something goes wrong beside it: a record that nobody can read, a late event loop, a batch in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import Engine, select, update

import leasing
from leasing import NUMBER, SLOT_S, Office
from openleo.controller import lease_office, tables
from openleo.controller.alarms import Alarms
from openleo.controller.database import reading, writing
from openleo.controller.device_identity import RELEASE, sign
from openleo.controller.lease_desk import Answer, Desk, NotHeard
from openleo.controller.lease_records import load_held
from openleo.controller.lease_writer import Entry, in_order
from openleo.controller.runtime import Runtime


@pytest.fixture
def office(engine: Engine, tmp_path: Path) -> Office:
    leasing.lead(engine)
    leasing.enrol(engine, 3)
    return Office(engine, leasing.rules(tmp_path))


def within(office: Office, work: Callable[[Desk], Any]) -> Any:
    async def run() -> Any:
        async with office as desk:
            return await work(desk)

    return asyncio.run(run())


def released(desk: Desk, lease: str, nonce: str, number: int = 1) -> Any:
    at = leasing.instant(leasing.NOW_S)
    said = {"lease": lease, "terminal": f"t-{number}", "nonce": nonce, "at": at}
    return desk.release(lease, leasing.NOW_S, at, nonce, sign(leasing.key(number), RELEASE, said))


def in_tables(engine: Engine) -> list[tuple[str, int, int]]:
    columns = (tables.leases.c.terminal, tables.leases.c.slot, tables.leases.c.until_slot)
    with reading(engine) as connection:
        return sorted(tuple(row) for row in connection.execute(select(*columns)))


# --- who takes over ---------------------------------------------------------------------------------------------


def test_one_record_that_cannot_be_read_keeps_nobody_else_from_going_on(office: Office) -> None:
    async def fill(desk: Desk) -> None:
        await asyncio.gather(*(desk.ask(leasing.body(number)) for number in (1, 2, 3)))

    within(office, fill)
    for number, body in ((1, "{}"), (2, "no JSON")):
        with writing(office.engine) as connection:
            of_one = tables.leases.c.terminal == f"t-{number}"
            connection.execute(update(tables.leases).where(of_one).values(body=body))
    assert list(load_held(office.engine, NUMBER)) == ["t-3"]

    async def goes_on(desk: Desk) -> bool:
        return bool((await desk.ask(leasing.body(1, nonce="m" * 22))).given)

    assert within(Office(office.engine, office.rules), goes_on)


def test_the_newest_lease_is_that_of_the_latest_slot(office: Office) -> None:
    """Where a person set time back, a later lease has a lower id."""

    async def renew(desk: Desk) -> list[str]:
        found = []
        for slots, at_s in ((0, 100.0), (1, 50.0)):
            desk._new_id = lambda _now_s, at_s=at_s: f"{int(at_s):032x}"  # type: ignore[misc]
            office.clock.at_s = leasing.NOW_S + slots * SLOT_S
            office.plan = leasing.plan(number=NUMBER + slots, begins_s=leasing.BEGINS_S + slots * SLOT_S)
            found.append((await desk.ask(leasing.body(at_s=office.clock.at_s, nonce=str(slots) * 22))).id)
        return found

    first, second = within(office, renew)
    assert second < first
    assert load_held(office.engine, NUMBER + 1)["t-1"].id == second


def test_what_was_said_since_a_take_over_stays_said(office: Office) -> None:
    """Two steps of one take-over, because the event loop was late: the second one's tables are older than the desk."""

    async def work(desk: Desk) -> tuple[str, int]:
        late: list[Callable[[], None]] = []
        office.token = 2
        leasing.lead(office.engine, 2)
        desk._in_loop = late.append  # type: ignore[method-assign]
        await asyncio.to_thread(desk.step, NUMBER)
        await asyncio.to_thread(desk.step, NUMBER + 1)
        late.pop(0)()
        await desk.ask(leasing.body())
        late.pop(0)()
        with pytest.raises(NotHeard) as caught:
            await desk.ask(leasing.body())
        return caught.value.slug, len(desk.in_force(NUMBER))

    assert within(office, work) == ("said-before", 1)


@contextmanager
def following(desk: Any, alarms: Alarms) -> Iterator[asyncio.Task[None]]:
    current = SimpleNamespace(plan=SimpleNamespace(number=NUMBER))
    runtime = SimpleNamespace(current=current, role=SimpleNamespace(token=1), alarms=alarms)
    task = asyncio.create_task(lease_office._follow(desk, cast(Runtime, runtime)))
    try:
        yield task
    finally:
        task.cancel()


def test_a_desk_that_cannot_go_on_says_so_and_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_office, "AGAIN_S", 0.01)
    faults: list[Exception] = [KeyError("a"), ValueError("b")]
    alarms, said = Alarms(), []

    def step(_slot: int) -> None:
        said.append(alarms.now.get("desk", ""))
        if faults:
            raise faults.pop(0)

    async def run() -> None:
        with following(SimpleNamespace(step=step), alarms) as task:
            while len(said) < 3 or alarms.now:
                assert not task.done()
                await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(run(), 5.0))
    assert said[0] == ""
    assert "KeyError" in said[1]
    assert "ValueError" in said[2]


# --- one batch --------------------------------------------------------------------------------------------------


def entry(terminal: str = "", slot: int = 0, *, ends: tuple[str, int] | None = None) -> Entry:
    lease = {"terminal": terminal, "slot": slot, "until_slot": slot + 4} if terminal else None
    return Entry({}, None, lease=lease, released=ends)


def test_a_batch_leaves_what_its_entries_leave_one_after_the_other() -> None:
    batch = [entry("a", 5), entry("b", 5), entry(ends=("a", 6)), entry("a", 6), entry(ends=("c", 6))]
    given, ended = in_order(batch)
    assert [(one["terminal"], one["slot"], one["until_slot"]) for one in given] == [
        ("a", 5, 6),
        ("b", 5, 9),
        ("a", 6, 10),
    ]
    assert ended == {"a": 6, "c": 6}
    assert batch[0].lease == {"terminal": "a", "slot": 5, "until_slot": 9}


def test_a_lease_asked_for_beside_a_release_holds_as_answered(office: Office) -> None:
    """In both orders: what was given before is over, what was given after holds, in memory and in the tables."""
    office.linger_s = 0.1

    async def work(desk: Desk) -> tuple[list[Any], list[str], Answer]:
        first = await desk.ask(leasing.body(nonce="a" * 22))
        asked: list[Any] = [released(desk, first.id, "b" * 22), desk.ask(leasing.body(nonce="c" * 22))]
        _, second = await asyncio.gather(*asked)
        held = [one.id for one in desk.in_force(NUMBER)]
        again: list[Any] = [desk.ask(leasing.body(nonce="d" * 22)), released(desk, second.id, "e" * 22)]
        await asyncio.gather(*again)
        return desk.in_force(NUMBER), held, second

    left, held, second = within(office, work)
    assert (left, held) == ([], [second.id])
    assert office.desk.writer.commits == 3
    assert load_held(office.engine, NUMBER) == {}


def test_a_release_first_then_a_renewal_stays_in_the_tables(office: Office) -> None:
    office.linger_s = 0.1

    async def work(desk: Desk) -> list[str]:
        first = await desk.ask(leasing.body(nonce="a" * 22))
        asked: list[Any] = [released(desk, first.id, "b" * 22), desk.ask(leasing.body(nonce="c" * 22))]
        await asyncio.gather(*asked)
        with pytest.raises(NotHeard):
            await released(desk, first.id, "f" * 22)  # it is another lease now
        return [one.id for one in desk]

    (kept,) = within(office, work)
    assert load_held(office.engine, NUMBER)["t-1"].id == kept
    assert in_tables(office.engine) == [("t-1", NUMBER, NUMBER), ("t-1", NUMBER, NUMBER + 4)]
