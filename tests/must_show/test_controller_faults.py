"""What a running controller does when something fails: processes that are killed, frozen, and robbed of their storage.

Each begins with terminals that hold leases, and ends with these terminals served again, by itself.
"""

from __future__ import annotations

import json
import os
import random
import resource
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from controller.faulty_place import MANY, Place, placed
from controller.governed import PERMIT
from controller.processes import (
    COMPILER,
    SLOT_S,
    Asking,
    Controller,
    Device,
    WallClock,
    running,
    token,
    wait_for,
)
from openleo.controller import database
from openleo.controller.in_force import LedgerReader
from openleo.controller.roles import Role
from openleo.controller.tables import leases, slots
from openleo.governance.house import Folder
from postgres_server import Server

# A quarter of an hour of processes that are killed and frozen, measured in seconds: on a machine that does anything
# else they fail for its sake. `make test-faults` runs them alone.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.environ.get("OPENLEO_FAULTS") != "1", reason="run alone, with OPENLEO_FAULTS=1"),
]
LEASE_SLOTS = 4
TAKEN_OVER_S = 2 * SLOT_S


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    found = placed(tmp_path)
    yield found
    found.engine.dispose()


@pytest.fixture
def on_postgres(tmp_path: Path, postgres: Server) -> Iterator[Place]:
    with postgres.database() as address:
        found = placed(tmp_path, address)
        yield found
        found.engine.dispose()


@pytest.fixture(params=["place", "on_postgres"])
def on_either(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=12.0) as found:
        yield found


def given(answer: httpx.Response | None) -> dict[str, Any] | None:
    return answer.json() if answer is not None and answer.status_code == 201 else None


def until_given(device: Device, client: httpx.Client, *urls: str, within_s: float = 30.0) -> dict[str, Any]:
    """A lease of the first controller that gives one."""
    return wait_for(lambda: next((found for url in urls if (found := given(device.ask(client, url)))), None), within_s)


def follows(controller: Controller) -> Controller:
    """Once a stand-by holds the leader's plan."""
    return controller.until_ready()


def slots_pass(place: Place, count: int, within_s: float = 30.0) -> None:
    """Until so many more plans were applied."""

    def applied() -> int:
        return sum(row["applied_at"] is not None for row in place.rows(slots))

    before = applied()
    wait_for(lambda: applied() >= before + count, within_s)


def test_kill_of_the_leader(on_either: Place, client: httpx.Client) -> None:
    """The stand-by takes over within two slots, and every terminal is served in every slot that has a plan."""
    place = on_either
    with running(place.scenario, place.data, "one", "two", words=place.words) as (one, two):
        one.until_ready()
        follows(two)
        assert not two.leads
        refused = place.devices[0].ask(client, two.url)
        assert refused is not None
        assert refused.status_code == 503
        assert float(refused.headers["retry-after"]) > 0.0
        with Asking(place.devices, one.url, two.url) as asking:
            wait_for(asking.all_have, 30.0)
            slots_pass(place, 3)
            one.kill()
            begun = time.monotonic()
            wait_for(lambda: two.leads, TAKEN_OVER_S + 1.0)
            taken_s = time.monotonic() - begun
            wait_for(lambda: asking.since(begun), TAKEN_OVER_S)
            lease_s = time.monotonic() - begun
            slots_pass(place, 4)
            until_s = time.time()
    looked, lapsed = place.check_nobody_dropped(until_s)
    print(f"led after {taken_s:.1f} s, a lease after {lease_s:.1f} s, {looked} slots of {MANY} terminals, "
          f"{lapsed} lapsed, "
          f"{place.longest_gap()} slots without a plan")  # fmt: skip
    assert looked >= 4
    assert not lapsed
    assert taken_s <= TAKEN_OVER_S
    assert len(place.check_one_leader_at_a_time()) == 2
    assert place.longest_gap() <= 2


def test_a_leader_that_was_frozen_writes_nothing_any_more(on_either: Place, client: httpx.Client) -> None:
    place = on_either
    with running(place.scenario, place.data, "one", "two", words=place.words) as (one, two):
        one.until_ready()
        follows(two)
        with Asking(place.devices, one.url, two.url) as asking:
            wait_for(asking.all_have, 30.0)
            slots_pass(place, 3)
            # In the midst of a transaction it would lock a file until it wakes (docs/how-to/operate.md).
            with database.writing(place.engine):
                one.freeze()
            begun = time.monotonic()
            wait_for(lambda: two.leads, TAKEN_OVER_S + 2.0)
            taken_s = time.monotonic() - begun
            slots_pass(place, 4)
            new = max(row["token"] for row in place.rows(slots))
            one.thaw()
            wait_for(lambda: one.ready().get("role") == "standing by", 3 * SLOT_S)
            answer = place.devices[1].ask(client, one.url)
            assert answer is not None
            assert answer.status_code == 503
            slots_pass(place, 3)
            until_s = time.time()
        last = place.rows(slots, "number")[-3:]
        assert {row["token"] for row in last} == {new}
        assert two.leads
    print(f"led after {taken_s:.1f} s, {place.check_nobody_dropped(until_s)} (slots, lapsed)")
    assert len(place.check_one_leader_at_a_time()) == 2
    assert place.longest_gap() <= 2


def gone(place: Place, take: Callable[[], None], back: Callable[[], None], lasts_s: float = 60.0) -> None:
    """No new permission, what was given lapses, nothing piles up; and then all goes on by itself."""
    with running(place.scenario, place.data, "one", words=place.words) as (one,):
        one.until_ready()
        with Asking(place.devices, one.url, patience_s=12.0) as asking:
            wait_for(asking.all_have, 30.0)
            slots_pass(place, 2)
            take()
            begun = time.monotonic()
            time.sleep(LEASE_SLOTS * SLOT_S)
            threads, memory_mb = one.threads, one.memory_mb
            time.sleep(lasts_s - LEASE_SLOTS * SLOT_S)
            more = one.threads - threads, one.memory_mb - memory_mb
            during, lapsed = asking.since(begun + 1.0), one.ready()
            back()
            back_at = time.monotonic()
            wait_for(lambda: asking.since(back_at), 30.0)
            again_s = time.monotonic() - back_at
            one.until_ready(30.0)
            slots_pass(place, 3)
            until_s = time.time()
        print(f"a lease {again_s:.1f} s after it was back; {more[0]:+d} threads, {more[1]:+.1f} MB; {asking.answers}")
        assert not during
        assert lapsed.get("ready") is False
        assert more[0] <= 4
        assert more[1] < 30.0
        assert again_s < 4 * SLOT_S
        served = place.served()
        everybody = {one.id for one in place.devices}
        assert served[max(served)] == everybody
        assert {lease["lease"] for _, lease in asking.given} <= {row["id"] for row in place.rows(leases)}
        assert until_s


def test_database_locked_by_another_for_a_minute(place: Place) -> None:
    with sqlite3.connect(place.data / database.FILE, isolation_level=None, timeout=20.0) as other:
        gone(place, lambda: other.execute("begin exclusive") and None, lambda: other.execute("rollback") and None)
    other.close()


def test_database_server_gone_for_a_minute(on_postgres: Place, postgres: Server) -> None:
    gone(on_postgres, postgres.stop, postgres.start)


def test_disk_full(place: Place, client: httpx.Client) -> None:
    """No file of the process can grow: nothing is given that is not on the disk, nothing on the disk is lost.

    A change is activated meanwhile by somebody whose disk is not full: what the controller then has to log of it, it
    logs later; its ledger stays in order.
    """

    with running(place.scenario, place.data, "one") as (one,):
        one.until_ready()
        before = [until_given(device, client, one.url)["lease"] for device in place.devices]
        hard = resource.prlimit(one.process.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(one.process.pid, resource.RLIMIT_FSIZE, (1, hard))
        full = [place.devices[0].ask(client, one.url) for _ in range(10)]
        place.governed.now = datetime.now(UTC)
        place.governed.rules(PERMIT | {"classes": ["tractor"]})
        time.sleep(LEASE_SLOTS * SLOT_S)
        full.append(place.devices[0].ask(client, one.url))
        size = LedgerReader(Folder(place.data)).read(datetime.now(UTC)).ledger_size
        resource.prlimit(one.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        begun = time.monotonic()
        after = until_given(place.devices[0], client, one.url)["lease"]
        print(f"a lease {time.monotonic() - begun:.1f} s after there was room again")
        one.until_ready(30.0)
        wait_for(lambda: LedgerReader(Folder(place.data)).read(datetime.now(UTC)).ledger_size > size, 30.0)
        now = until_given(place.devices[0], client, one.url)
    said = [answer.json()["lease"] for answer in full if given(answer)]
    assert full[-1] is None or full[-1].status_code == 503
    assert int(now["ledger_size"]) >= size, "the change that was made meanwhile is in force"
    kept = {row["id"] for row in place.rows(leases)}
    assert {*before, *said, after} <= kept


def test_slow_clients(place: Place, client: httpx.Client) -> None:
    """Fifty that ask for events and read nothing, fifty that send half a request: others wait for none of them."""
    headers = token(place.engine, Role.VIEWER)
    with running(place.scenario, place.data, "one") as (one,):
        one.until_ready()
        host, port = one.url.removeprefix("http://").split(":")
        begun_in = max(row["number"] for row in place.rows(slots)) + 1  # the first ones are those of any start
        slow = []
        for number in range(100):
            held = socket.create_connection((host, int(port)))
            bearer = f"Authorization: {headers['Authorization']}\r\n"
            held.sendall(
                f"GET /v1/events HTTP/1.1\r\nHost: h\r\n{bearer}\r\n".encode()
                if number % 2
                else b"POST /v1/leases HTTP/1.1\r\nHost: h\r\nContent-Length: 400\r\n\r\n{"
            )
            slow.append(held)
        took = []
        for device in place.devices * 5:
            begun = time.monotonic()
            assert until_given(device, client, one.url)
            took.append(time.monotonic() - begun)
        print(f"slowest answer {max(took) * 1000:.0f} ms")
        assert max(took) < SLOT_S
        slots_pass(place, 3)  # they are still there
        lesser = [
            row["degraded"] for row in place.rows(slots, "number") if row["degraded"] and row["number"] > begun_in
        ]
        assert lesser == [], "slow clients make no slot late"
        for held in slow:
            held.close()


def test_graceful_stop(place: Place, client: httpx.Client) -> None:
    """Whoever asks meanwhile has an answer that holds, or none; the stand-by leads at once."""
    with running(place.scenario, place.data, "one", "two") as (one, two):
        one.until_ready()
        follows(two)
        with Asking(place.devices, one.url, two.url) as asking:
            wait_for(asking.all_have, 30.0)
            slots_pass(place, 3)
            begun = time.monotonic()
            code = one.stop()
            stopped_s = time.monotonic() - begun
            wait_for(lambda: two.leads, TAKEN_OVER_S)
            taken_s = time.monotonic() - begun
            slots_pass(place, 3)
            until_s = time.time()
    print(
        f"stopped after {stopped_s:.1f} s, led after {taken_s:.1f} s, "
        f"{place.check_nobody_dropped(until_s)} (slots, lapsed)"
    )
    assert code in (0, 143)
    assert place.longest_gap() <= 1
    assert {lease["lease"] for _, lease in asking.given} <= {row["id"] for row in place.rows(leases)}


KILLS = 30


def test_kills_in_a_row(place: Place) -> None:
    """Whoever leads is killed at a random moment, and a new one stands by: what was answered is kept, always."""
    moments = random.Random(7)
    with running(place.scenario, place.data, "0", "1") as made:
        made[0].until_ready()
        leads, stands_by = made[0], follows(made[1])
        with Asking(place.devices, leads.url, stands_by.url) as asking:
            wait_for(asking.all_have, 30.0)
            took = []
            for number in range(KILLS):
                time.sleep(moments.uniform(0.0, 2 * SLOT_S))
                leads.kill()
                begun = time.monotonic()
                wait_for(lambda: stands_by.leads, TAKEN_OVER_S + 1.0)  # noqa: B023 - called here
                took.append(time.monotonic() - begun)
                leads, stands_by = stands_by, Controller.started(place.scenario, place.data, str(number + 2))
                made.append(stands_by)
                asking.urls.append(stands_by.url)
                del asking.urls[: max(len(asking.urls) - 4, 0)]
                follows(stands_by)
            slots_pass(place, 3)
            until_s = time.time()
    looked, lapsed = place.check_nobody_dropped(until_s)
    print(f"{KILLS} kills: led after {min(took):.1f} to {max(took):.1f} s; {len(asking.given)} leases answered, "
          f"{len(place.rows(leases))} kept; {looked} slots, "
          f"{lapsed} leases lapsed, {place.longest_gap()} without a plan in a row")  # fmt: skip
    assert {lease["lease"] for _, lease in asking.given} <= {row["id"] for row in place.rows(leases)}
    assert len(place.check_one_leader_at_a_time()) == KILLS + 1
    by_number = {row["number"]: row for row in place.rows(slots)}
    assert all("before" not in json.loads(row["summary"]) for row in by_number.values()), "no plan replaced an applied"
    assert place.longest_gap() <= 2
    assert max(took) <= TAKEN_OVER_S


@pytest.mark.skipif(COMPILER is None, reason="no C compiler is installed: gcc libc6-dev")
@pytest.mark.parametrize("jump_s", [3600, -3600])
def test_clock_jumps(place: Place, client: httpx.Client, tmp_path: Path, jump_s: int) -> None:
    """Who holds a lease is served on, over a take-over too; nobody new is, until a person says what time it is."""
    wall = WallClock(tmp_path)
    new, place.devices = place.devices[0], place.devices[1:]
    with running(place.scenario, place.data, "one", "two", **wall.environment) as (one, two):
        one.until_ready()
        follows(two)
        with Asking(place.devices, one.url, two.url) as asking:
            wait_for(asking.all_have, 30.0)
            slots_pass(place, 2)
            wall.set_s(jump_s)
            wait_for(lambda: "clock" in one.ready().get("alarms", {}), 4 * SLOT_S)
            slots_pass(place, 2)
            refused = [new.ask(client, one.url)]
            one.kill()
            begun = time.monotonic()
            wait_for(lambda: two.leads, TAKEN_OVER_S + 1.0)
            slots_pass(place, LEASE_SLOTS + 2)
            refused.append(new.ask(client, two.url))
            assert [answer and answer.status_code for answer in refused] == [503, 503]
            assert {lease["terminal"] for lease in asking.since(begun)} == {device.id for device in place.devices}
            until_s = time.time()
            wall.set_s(0)
            command = [sys.executable, "-m", "openleo", "controller", "confirm-clock", "--data", str(place.data)]
            subprocess.run(command, check=True, capture_output=True, text=True)
            until_given(new, client, two.url)
            two.until_ready(10.0)
    looked, lapsed = place.check_nobody_dropped(until_s, but=new)
    print(
        f"{looked} slots through the jump, {lapsed} leases lapsed; "
        f"none without a plan but {place.longest_gap()} at the take-over"
    )
    assert looked >= LEASE_SLOTS
