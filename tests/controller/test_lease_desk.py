"""The desk: who asks, once; what is given is on the disk; nothing is given on doubt. On SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Engine, delete, func, insert, select, update

import leasing
from leasing import Office
from openleo.controller import device_identity, lease_records, lease_seal, leases, rate_limits, tables
from openleo.controller.database import reading, writing
from openleo.controller.lease_desk import Answer, LeaseDesk, NotHeard
from openleo.controller.lease_place import Placed
from openleo.controller.lease_writer import Busy, Entry, Writer
from openleo.controller.rate_limits import Limits
from openleo.controller.settings import Settings
from openleo.policy.request import read_requests


@pytest.fixture
def office(engine: Engine, tmp_path: Any) -> Office:
    leasing.lead(engine)
    leasing.enrol(engine, 3)
    return Office(engine, leasing.rules(tmp_path))


def within(office: Office, work: Callable[[LeaseDesk], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with office as desk:
            return await work(desk)

    return asyncio.run(run())


def ask(office: Office, *bodies: bytes) -> list[Answer | NotHeard]:
    async def all_of(desk: LeaseDesk) -> list[Any]:
        return list(await asyncio.gather(*(desk.ask(body) for body in bodies), return_exceptions=True))

    found: list[Answer | NotHeard] = within(office, all_of)
    return found


def refused(office: Office, body: bytes) -> tuple[int, str]:
    (found,) = ask(office, body)
    assert isinstance(found, NotHeard), found
    return found.status, found.slug


def rows(engine: Engine, table: Any) -> int:
    with reading(engine) as connection:
        count: int = connection.execute(select(func.count()).select_from(table)).scalar_one()
        return count


def test_what_is_answered_is_in_the_tables(office: Office) -> None:
    (found,) = ask(office, leasing.body())
    assert isinstance(found, Answer)
    with reading(office.engine) as connection:
        row = connection.execute(select(tables.leases)).mappings().one()
        nonce = connection.execute(select(tables.nonces)).mappings().one()
    assert (row["id"], row["terminal"], row["token"]) == (found.id, "t-1", 1)
    assert [row["slot"], row["until_slot"]] == found.body["slots"]
    assert json.loads(row["body"])["answer"] == found.body
    assert found.body["signed_by"] == leasing.SEAL.id
    assert lease_seal.holds(json.loads(row["body"])["answer"], leasing.SEAL.public_key)
    assert (nonce["terminal"], nonce["until"]) == ("t-1", leasing.NOW_S + 60.0)


def test_a_record_says_all_that_was_decided_on(office: Office) -> None:
    with writing(office.engine) as connection:
        bought = {"id": "s", "account": "account-1", "down_mbps": 50.0, "begins_at": 1.0}
        connection.execute(insert(tables.subscriptions).values(bought))
        changed = {"groups": '["ports"]', "subscription": "s"}
        connection.execute(update(tables.terminals).where(tables.terminals.c.id == "t-1").values(changed))
    ask(office, leasing.body(speed_kmh=3.5))
    with reading(office.engine) as connection:
        body = connection.execute(select(tables.leases.c.body)).scalar_one()
    found = lease_records.recorded(body)
    known = {"groups": frozenset({"ports"}), "subscription": "s", "down_mbps": 50.0, "subscribed_from_s": 1.0}
    expected = leasing.terminal(**known, days_abroad=0.0)
    assert found.terminal == expected
    asking = leasing.asking(speed_kmh=3.5)
    assert (found.signed, found.signature) == (asking.said, asking.form.signature)
    assert found.asked == leases.request(
        asking.form, expected, Placed(leases.circles(asking.form), None, ()), leasing.NOW_S
    )
    assert (found.at_s, found.terms) == (leasing.NOW_S, office.desk.terms)
    request = json.loads(body)["request"]
    assert read_requests(request, "a record", leasing.CLASSES) == [found.asked]  # what `policy decide` takes


def test_a_refusal_is_kept_too(office: Office) -> None:
    (found,) = ask(office, leasing.body(place=leasing.OSAKA))
    assert isinstance(found, Answer)
    assert (found.given, found.body["why"]) == (False, "not_permitted")
    assert "signature" not in found.body
    assert (rows(office.engine, tables.refusals), rows(office.engine, tables.leases)) == (1, 0)


# --- who asks, and once -----------------------------------------------------------------------------------------


def test_whoever_is_not_enrolled_hears_what_a_wrong_signature_hears(office: Office) -> None:
    forged = json.loads(leasing.body()) | {"speed_kmh": 1.0}
    assert refused(office, json.dumps(forged).encode()) == (401, "not-signed")
    assert refused(office, leasing.body(9)) == (401, "not-signed")
    of_another = leasing.said(1)
    of_another |= {"signature": device_identity.sign(leasing.key(2), device_identity.LEASE, of_another)}
    assert refused(office, json.dumps(of_another).encode()) == (401, "not-signed")
    assert rows(office.engine, tables.nonces) == 0


def test_who_asks_too_often_waits_and_nobody_else(office: Office) -> None:
    """Counted by who signed: what somebody sends in another's name uses up nothing of theirs."""
    forged = [json.dumps(json.loads(leasing.body()) | {"speed_kmh": 1.0 + n}).encode() for n in range(5)]

    async def all_of(desk: LeaseDesk) -> list[Any]:
        desk.wait_s = Limits(Settings(terminal_requests_per_minute=2)).terminal
        bodies = [*forged, *(leasing.body(nonce=f"a-nonce-of-many-{n}") for n in range(3)), leasing.body(2)]
        return list(await asyncio.gather(*(desk.ask(body) for body in bodies), return_exceptions=True))

    found = within(office, all_of)
    assert [one.status for one in found[:5]] == [401] * 5
    assert [isinstance(one, Answer) for one in found[5:]] == [True, True, False, True]
    assert (found[7].status, found[7].slug) == (429, "too-many")
    assert 0 < found[7].retry_after_s <= 60


@pytest.mark.parametrize("late_s", [-61.0, 61.0])
def test_a_request_of_another_time_is_not_heard(office: Office, late_s: float) -> None:
    assert refused(office, leasing.body(at_s=leasing.NOW_S + late_s)) == (401, "not-of-now")


def test_a_nonce_counts_once_also_side_by_side_and_after_a_restart(office: Office) -> None:
    first, second = ask(office, leasing.body(), leasing.body())
    assert isinstance(first, Answer)
    assert isinstance(second, NotHeard)
    again = Office(office.engine, office.rules)  # another process, which has the tables alone
    assert refused(again, leasing.body()) == (409, "said-before")
    other = leasing.body(at_s=leasing.NOW_S + 1.0)  # signed anew, with the old nonce
    assert refused(again, other) == (409, "said-before")
    assert isinstance(ask(again, leasing.body(2))[0], Answer)  # another terminal's nonces are its own
    assert rows(office.engine, tables.leases) == 2


def test_who_asks_too_often_waits_and_what_others_say_again_does_not_count(office: Office) -> None:
    async def work(desk: LeaseDesk) -> list[Any]:
        desk.wait_s = lambda terminal: minutes.hit(2, terminal)
        asked = ["n" * 16, "n" * 16, "n" * 16, "o" * 16, "p" * 16]
        return [
            *[await caught(desk.ask(leasing.body(nonce=nonce))) for nonce in asked],
            await caught(desk.ask(leasing.body(2, nonce="n" * 16))),
        ]

    async def caught(asked: Awaitable[Any]) -> Any:
        try:
            return (await asked).given
        except NotHeard as error:
            return error.status

    minutes = rate_limits.Minutes()
    assert within(office, work) == [True, 409, 409, True, 429, True]


def test_a_nonce_may_come_again_when_nobody_can_replay_it(office: Office) -> None:
    async def work(desk: LeaseDesk) -> int:
        await desk.ask(leasing.body())
        office.clock.at_s += 130.0
        office.plan = leasing.plan(number=leasing.NUMBER + 9, begins_s=leasing.BEGINS_S + 135.0)
        await asyncio.to_thread(desk.step, leasing.NUMBER + 9)
        await asyncio.sleep(0)
        forgotten = len(desk._nonces)
        await desk.ask(leasing.body(at_s=office.clock.at_s))
        return forgotten

    assert within(office, work) == 0
    assert rows(office.engine, tables.leases) == 2


# --- doubt ------------------------------------------------------------------------------------------------------


def test_without_a_plan_or_the_lead_nothing_is_given(office: Office) -> None:
    office.plan = None
    assert refused(office, leasing.body()) == (503, "no-plan")
    office.plan = leasing.plan(begins_s=leasing.BEGINS_S - 60.0)
    assert refused(Office(office.engine, office.rules, plan=office.plan), leasing.body()) == (503, "no-plan")
    assert refused(Office(office.engine, office.rules, token=None), leasing.body()) == (503, "not-leading")
    assert rows(office.engine, tables.leases) == 0


def test_who_lost_the_lead_gives_nothing(office: Office) -> None:
    async def work(desk: LeaseDesk) -> tuple[str, str]:
        leasing.lead(office.engine, 2)  # another one took it; this one does not know
        with pytest.raises(NotHeard) as first:
            await desk.ask(leasing.body())
        assert not desk.taking_over()
        office.token = 3  # and it got it back: what happened meanwhile is read before anything is given
        assert desk.taking_over()
        with pytest.raises(NotHeard) as second:
            await desk.ask(leasing.body(2))
        await asyncio.to_thread(desk.step, leasing.NUMBER)
        await asyncio.sleep(0)
        assert not desk.taking_over()
        return first.value.slug, second.value.slug

    assert within(office, work) == ("not-leading", "not-ready")
    assert rows(office.engine, tables.leases) == 0


def test_a_database_that_fails_gives_nothing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(desk: LeaseDesk) -> list[str]:
        with writing(office.engine) as connection:
            connection.exec_driver_sql("alter table leases rename to gone")
        with pytest.raises(NotHeard) as first:
            await desk.ask(leasing.body())
        with writing(office.engine) as connection:
            connection.exec_driver_sql("alter table gone rename to leases")
        found = await desk.ask(leasing.body(2))  # it goes on by itself
        return [first.value.slug, str(found.given)]

    assert within(office, work) == ["no-database", "True"]
    assert rows(office.engine, tables.leases) == 1
    assert rows(office.engine, tables.nonces) == 1  # nothing of the first was written


def test_after_a_jump_of_the_clock_leases_are_renewed_and_none_begun(office: Office) -> None:
    async def work(desk: LeaseDesk) -> tuple[bool, str]:
        await desk.ask(leasing.body())
        office.clock.jumped = True
        renewed = await desk.ask(leasing.body(nonce="m" * 22))
        with pytest.raises(NotHeard) as caught:
            await desk.ask(leasing.body(2))
        return renewed.given, caught.value.slug

    assert within(office, work) == (True, "clock")


# --- what changes meanwhile -------------------------------------------------------------------------------------


def custody(engine: Engine, id_: str, **changes: Any) -> None:
    """As the registry writes a change: the row, and that it was changed."""
    with writing(engine) as connection:
        if changes:
            connection.execute(update(tables.terminals).where(tables.terminals.c.id == id_).values(**changes))
        row = {"terminal": id_, "at": 0.0, "what": "state", "before": "{}", "after": "{}", "actor": "a test"}
        connection.execute(insert(tables.custody).values(**row))


def test_the_registry_and_evidence_are_seen_with_the_next_slot(office: Office) -> None:
    async def work(desk: LeaseDesk) -> list[str]:
        custody(office.engine, "t-1", state="lost")
        evidence = {"id": "e", "at": 0.0, "terminal": "t-2", "kind": "clone", "score": 1.0, "holds_renewal": True}
        evidence |= {"body": "{}"}
        with writing(office.engine) as connection:
            connection.execute(insert(tables.evidence).values(evidence | {"state": "open"}))
        leasing.enrol(office.engine, 1, first=7)
        custody(office.engine, "t-7")
        await asyncio.to_thread(desk.step, leasing.NUMBER)
        found = [await desk.ask(leasing.body(number)) for number in (1, 2, 7)]
        said = [answer.body["because"][0]["rule"] if not answer.given else "" for answer in found]
        with writing(office.engine) as connection:
            connection.execute(update(tables.evidence).values(state="dismissed"))
        await asyncio.to_thread(desk.step, leasing.NUMBER)
        return [*said, str((await desk.ask(leasing.body(2, nonce="m" * 22))).given)]

    assert within(office, work) == ["registry/terminal-lost", "registry/under-review", "", "True"]


def test_what_the_ledger_says_of_an_account_holds_at_once(office: Office) -> None:
    async def work(desk: LeaseDesk) -> list[bool]:
        first = await desk.ask(leasing.body())
        office.meant = leasing.Meant(frozenset({"account-1"}))
        second = await desk.ask(leasing.body(nonce="m" * 22))
        office.meant = leasing.Meant()
        third = await desk.ask(leasing.body(nonce="o" * 22))
        return [first.given, second.given, third.given]

    assert within(office, work) == [True, False, True]


def test_a_subscription_that_ends_is_seen(office: Office) -> None:
    with writing(office.engine) as connection:
        bought = {"id": "s", "account": "account-1", "down_mbps": 50.0, "begins_at": 1.0}
        connection.execute(insert(tables.subscriptions).values(bought))
        connection.execute(update(tables.terminals).values(subscription="s"))

    async def work(desk: LeaseDesk) -> bool:
        with writing(office.engine) as connection:
            connection.execute(update(tables.subscriptions).values(ends_at=leasing.NOW_S))
        await asyncio.to_thread(desk.step, leasing.NUMBER)
        return (await desk.ask(leasing.body())).given

    assert within(office, work) is False


def test_who_takes_the_lead_finds_what_holds(office: Office) -> None:
    """Fail-over drops nobody: what was given holds on, with what terminals last said of themselves."""

    async def given(desk: LeaseDesk) -> list[Any]:
        for nonce in ("m" * 22, "o" * 22):
            office.clock.at_s += 1.0
            await asyncio.gather(*(desk.ask(leasing.body(number, nonce=nonce)) for number in (1, 2, 3)))
        return desk.in_force(leasing.NUMBER)

    before = within(office, given)
    assert [held.terminal for held in before] == ["t-1", "t-2", "t-3"]
    leasing.lead(office.engine, 2)
    stand_by = Office(office.engine, office.rules, token=2)

    async def found(desk: LeaseDesk) -> list[Any]:
        return desk.in_force(leasing.NUMBER)

    assert within(stand_by, found) == before
    office.clock.at_s = leasing.NOW_S

    async def later(desk: LeaseDesk) -> list[Any]:
        await asyncio.to_thread(desk.step, leasing.NUMBER + 4)
        await asyncio.sleep(0)
        return list(desk)

    assert within(Office(office.engine, office.rules, token=2), later) == []


def test_a_terminal_gives_its_lease_back(office: Office) -> None:
    async def work(desk: LeaseDesk) -> tuple[int, list[str]]:
        answer = await desk.ask(leasing.body())
        at = leasing.instant(leasing.NOW_S)
        said = {"lease": answer.id, "terminal": "t-1", "nonce": "m" * 22, "at": at}
        good = device_identity.sign(leasing.key(), device_identity.RELEASE, said)
        not_heard = []
        of_another = device_identity.sign(leasing.key(2), device_identity.RELEASE, said)
        for nonce, signed in (("o" * 22, good), ("m" * 22, "no"), ("m" * 22, of_another)):
            with pytest.raises(NotHeard) as caught:
                await desk.release(answer.id, leasing.NOW_S, at, nonce, signed)
            not_heard.append(caught.value.slug)
        await desk.release(answer.id, leasing.NOW_S, at, "m" * 22, good)
        return len(desk.in_force(leasing.NUMBER)), not_heard

    assert within(office, work) == (0, ["not-found"] * 3)
    assert lease_records.load_held(office.engine, leasing.NUMBER) == {}
    assert rows(office.engine, tables.leases) == 1  # it was given, and that stays


# --- the writer -------------------------------------------------------------------------------------------------


def test_many_leases_go_with_one_commit(engine: Engine, tmp_path: Any) -> None:
    leasing.lead(engine)
    leasing.enrol(engine, 60)
    office = Office(engine, leasing.rules(tmp_path), linger_s=0.2)
    found = ask(office, *(leasing.body(number) for number in range(1, 61)))
    assert all(isinstance(one, Answer) for one in found)
    assert (office.desk.writer.written, rows(engine, tables.leases)) == (60, 60)
    assert office.desk.writer.commits <= 3


def test_a_queue_that_is_full_refuses_at_once(engine: Engine) -> None:
    writer = Writer(engine, lambda: 1, lambda: 0.0, lambda _batch, _failure: None, most_waiting=2)
    entry = Entry({}, None)
    writer.add(entry)
    writer.add(entry)
    with pytest.raises(Busy):
        writer.add(entry)


def test_expired_nonces_are_swept(office: Office) -> None:
    with writing(office.engine) as connection:
        old = [{"terminal": "t-9", "nonce": str(number), "until": leasing.NOW_S - 1.0} for number in range(20)]
        connection.execute(insert(tables.nonces), old)
    ask(office, leasing.body())
    assert rows(office.engine, tables.nonces) == 1
    with writing(office.engine) as connection:
        connection.execute(delete(tables.nonces))


def test_ids_are_in_the_order_of_time() -> None:
    from openleo.controller.lease_records import time_ordered_id

    at_s = datetime(2026, 11, 22).timestamp()
    ids = [time_ordered_id(at_s + number) for number in range(50)]
    assert ids == sorted(ids)
    assert {len(one) for one in ids} == {32}


def test_a_slot_without_leases_is_decided(tmp_path: Any) -> None:
    """Nobody has a lease before the first is given: deciding all of them is deciding none."""
    from openleo.controller.enforcement import enforce
    from openleo.controller.held import of_rows
    from openleo.controller.named_targets import Meant

    found = enforce(of_rows([], [], leasing.BEGINS_S, Meant()), leasing.rules(tmp_path), leasing.plan())
    assert len(found.outcome) == 0
