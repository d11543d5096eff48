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
from openleo.controller.aside import one_thread
from openleo.controller.database import reading, writing
from openleo.controller.device_identity import RELEASE, sign
from openleo.controller.lease_desk import Answer, LeaseDesk, NotHeard
from openleo.controller.lease_records import load_held
from openleo.controller.lease_writer import Entry, in_order
from openleo.controller.runtime import Runtime


@pytest.fixture
def office(engine: Engine, tmp_path: Path) -> Office:
    leasing.lead(engine)
    leasing.enrol(engine, 3)
    return Office(engine, leasing.rules(tmp_path))


def within(office: Office, work: Callable[[LeaseDesk], Any]) -> Any:
    async def run() -> Any:
        async with office as desk:
            return await work(desk)

    return asyncio.run(run())


def released(desk: LeaseDesk, lease: str, nonce: str, number: int = 1) -> Any:
    at = leasing.instant(leasing.NOW_S)
    said = {"lease": lease, "terminal": f"t-{number}", "nonce": nonce, "at": at}
    return desk.release(lease, leasing.NOW_S, at, nonce, sign(leasing.key(number), RELEASE, said))


def in_tables(engine: Engine) -> list[tuple[str, int, int]]:
    columns = (tables.leases.c.terminal, tables.leases.c.slot, tables.leases.c.until_slot)
    with reading(engine) as connection:
        return sorted(tuple(row) for row in connection.execute(select(*columns)))


# --- who takes over ---------------------------------------------------------------------------------------------


def test_one_record_that_cannot_be_read_keeps_nobody_else_from_going_on(office: Office) -> None:
    async def fill(desk: LeaseDesk) -> None:
        await asyncio.gather(*(desk.ask(leasing.body(number)) for number in (1, 2, 3)))

    within(office, fill)
    for number, body in ((1, "{}"), (2, "no JSON")):
        with writing(office.engine) as connection:
            of_one = tables.leases.c.terminal == f"t-{number}"
            connection.execute(update(tables.leases).where(of_one).values(body=body))
    assert list(load_held(office.engine, NUMBER)) == ["t-3"]

    async def goes_on(desk: LeaseDesk) -> bool:
        return bool((await desk.ask(leasing.body(1, nonce="m" * 22))).given)

    assert within(Office(office.engine, office.rules), goes_on)


def test_the_newest_lease_is_that_of_the_latest_slot(office: Office) -> None:
    """Where a person set time back, a later lease has a lower id."""

    async def renew(desk: LeaseDesk) -> list[str]:
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

    async def work(desk: LeaseDesk) -> tuple[str, int]:
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
    with one_thread("desk") as thread:
        task = asyncio.create_task(lease_office._follow(desk, cast(Runtime, runtime), thread))
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

    async def work(desk: LeaseDesk) -> tuple[list[Any], list[str], Answer]:
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

    async def work(desk: LeaseDesk) -> list[str]:
        first = await desk.ask(leasing.body(nonce="a" * 22))
        asked: list[Any] = [released(desk, first.id, "b" * 22), desk.ask(leasing.body(nonce="c" * 22))]
        await asyncio.gather(*asked)
        with pytest.raises(NotHeard):
            await released(desk, first.id, "f" * 22)  # it is another lease now
        return [one.id for one in desk]

    (kept,) = within(office, work)
    assert load_held(office.engine, NUMBER)["t-1"].id == kept
    assert in_tables(office.engine) == [("t-1", NUMBER, NUMBER), ("t-1", NUMBER, NUMBER + 4)]


# --- a refusal and the lease in hand ------------------------------------------------------------------------------


def after_a_refusal(office: Office, terminal: int = 1, **said: Any) -> tuple[str, list[int]]:
    """A lease, then a request that is refused: why, and in which slots the tables say that the lease holds."""

    async def work(desk: LeaseDesk) -> tuple[Answer, int]:
        answer = await desk.ask(leasing.body(terminal, nonce="z" * 22, **said))
        return answer, len(desk.in_force(NUMBER))

    async def first(desk: LeaseDesk) -> None:
        await desk.ask(leasing.body(terminal))

    within(office, first)
    answer, in_hand = within(office, work)
    assert not answer.given
    (_, slot, until) = in_tables(office.engine)[0]
    assert in_hand == (until > slot + 1)
    return answer.body["decision"], [slot - NUMBER, until - NUMBER]


def test_a_terminal_that_says_it_left_is_not_served_by_where_it_was(office: Office) -> None:
    assert after_a_refusal(office, place=leasing.OSAKA) == ("NOT_PERMITTED", [0, 1])
    assert load_held(office.engine, NUMBER + 1) == {}


@pytest.mark.parametrize(
    "said", [{"position": {"uncertainty_m": None}}, {"position": {"age_s": 90_000.0}}, {"position": None}], ids=str
)
def test_doubt_lets_a_lease_lapse(office: Office, said: dict[str, Any]) -> None:
    """Who is jammed is refused, and holds what was given until then."""
    assert after_a_refusal(office, **said) == ("INDETERMINATE", [0, 4])


def test_what_the_network_cannot_give_ends_nothing(office: Office) -> None:
    assert after_a_refusal(office, place=leasing.TAIPEI) == ("PERMITTED", [0, 4])


@pytest.mark.parametrize("what", ["registry", "rules"])
def test_what_a_plan_drops_by_itself_comes_back_with_it(office: Office, what: str, tmp_path: Path) -> None:
    """A suspension that is taken back soon finds the leases of all whom it met."""

    async def work(desk: LeaseDesk) -> list[bool]:
        first = await desk.ask(leasing.body())
        if what == "registry":
            office.meant = leasing.Meant(frozenset({"account-1"}))
        else:
            office.rules = leasing.rules(tmp_path, leasing.PERMIT | {"effect": "forbid", "emergency": "cut"})
        second = await desk.ask(leasing.body(nonce="m" * 22, place=(24.148, 120.675)))
        return [first.given, second.given]

    assert within(office, work) == [True, False]
    assert list(load_held(office.engine, NUMBER + 2)) == ["t-1"]


def test_a_lease_given_after_such_a_refusal_holds(office: Office) -> None:
    office.linger_s = 0.1

    async def work(desk: LeaseDesk) -> list[bool]:
        await desk.ask(leasing.body())
        asked = [leasing.body(nonce="m" * 22, place=leasing.OSAKA), leasing.body(nonce="o" * 22)]
        found = await asyncio.gather(*map(desk.ask, asked))
        return [*(one.given for one in found), len(desk.in_force(NUMBER)) == 1]

    assert within(office, work) == [False, True, True]
    assert in_tables(office.engine) == [("t-1", NUMBER, NUMBER + 1), ("t-1", NUMBER, NUMBER + 4)]


# --- the audit ----------------------------------------------------------------------------------------------------


def test_a_release_has_its_row_and_a_refused_one_too(office: Office) -> None:
    async def work(desk: LeaseDesk) -> str:
        given = await desk.ask(leasing.body())
        for _ in range(3):  # one row a second: whoever knows an id can say this as often as they like
            with pytest.raises(NotHeard):
                await released(desk, given.id, "a" * 22, 2)
        with pytest.raises(NotHeard):
            await released(desk, "0" * 32, "a" * 22)
        await released(desk, given.id, "b" * 22)
        return str(given.id)

    lease = within(office, work)
    columns = (tables.audit.c.what, tables.audit.c.principal, tables.audit.c.about)
    with reading(office.engine) as connection:
        found = [tuple(row) for row in connection.execute(select(*columns).order_by(tables.audit.c.id))]
    about = f"lease {lease} of terminal t-1"
    assert found == [("refused", "anonymous", about), ("released", "terminal:t-1", about)]
