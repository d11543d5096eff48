"""What a running controller does when something fails: processes that are killed, frozen, and robbed of their storage.

Each begins with terminals that hold leases, and ends with these terminals served again, by itself.
"""

from __future__ import annotations

import itertools
import json
import resource
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, select

from controller.governed import PERMIT, Governed
from controller.processes import SCENARIO, SLOT_S, Controller, Device, enrolled, running, token, wait_for
from openleo.controller import database
from openleo.controller.roles import Role
from openleo.controller.tables import leases, slots

pytestmark = pytest.mark.slow
LEASE_SLOTS = 4
MANY = 20
TAKEN_OVER_S = 2 * SLOT_S


@dataclass
class Place:
    """A data folder in which everybody is permitted, its scenario, and its terminals."""

    scenario: Path
    data: Path
    engine: Engine
    devices: list[Device]

    def rows(self, table: Any) -> list[dict[str, Any]]:
        with database.reading(self.engine) as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    data = tmp_path / "data"
    governed = Governed.founded(data)
    governed.now = datetime.now(UTC)
    governed.rules(PERMIT)
    scenario = tmp_path / "running.toml"
    scenario.write_text(SCENARIO)
    engine = database.connect(database.address_of(data))
    database.upgrade(engine)
    yield Place(scenario, data, engine, enrolled(engine, MANY))
    engine.dispose()


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=10.0) as found:
        yield found


def given(answer: httpx.Response | None) -> dict[str, Any] | None:
    return answer.json() if answer is not None and answer.status_code == 201 else None


def until_given(device: Device, client: httpx.Client, *urls: str, within_s: float = 30.0) -> dict[str, Any]:
    """A lease of the first controller that gives one."""
    return wait_for(lambda: next((found for url in urls if (found := given(device.ask(client, url)))), None), within_s)


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def served(controller: Controller, headers: dict[str, str]) -> int:
    """Terminals that the plan in force serves."""
    found = httpx.get(f"{controller.url}/v1/slots/current", headers=headers, timeout=5.0)
    return int(found.json()["summary"]["terminals"]["served"]) if found.status_code == 200 else 0


def test_kill_of_the_leader(place: Place, client: httpx.Client) -> None:
    """The stand-by takes over within two slots, and nobody's lease lapses before the next one is given."""
    with running(place.scenario, place.data, "one", "two") as (one, two):
        one.until_ready()
        before = [until_given(device, client, one.url) for device in place.devices]
        assert not two.leads
        refused = place.devices[0].ask(client, two.url)
        assert refused is not None
        assert refused.status_code == 503
        assert float(refused.headers["retry-after"]) > 0.0
        one.kill()
        begun = time.monotonic()
        wait_for(lambda: two.leads, TAKEN_OVER_S + 1.0)
        taken_s = time.monotonic() - begun
        after = [until_given(device, client, two.url, within_s=LEASE_SLOTS * SLOT_S) for device in place.devices]
        print(f"taken over after {taken_s:.1f} s")
        for old, new in zip(before, after, strict=True):
            assert seconds(new["valid_from"]) < seconds(old["valid_until"])
    tokens_ = [row["token"] for row in sorted(place.rows(slots), key=lambda row: row["number"])]
    assert tokens_ == sorted(tokens_)
    assert len(set(tokens_)) == 2
    numbers = sorted(row["number"] for row in place.rows(slots))
    assert max(b - a for a, b in itertools.pairwise(numbers)) <= 3  # at most two slots without a plan


def test_a_leader_that_was_frozen_writes_nothing_any_more(place: Place, client: httpx.Client) -> None:
    with running(place.scenario, place.data, "one", "two") as (one, two):
        one.until_ready()
        until_given(place.devices[0], client, one.url)
        one.freeze()
        wait_for(lambda: two.leads, TAKEN_OVER_S + 2.0)
        until_given(place.devices[0], client, two.url)
        new = max(row["token"] for row in place.rows(slots))
        one.thaw()
        wait_for(lambda: one.ready().get("role") == "standing by", 3 * SLOT_S)
        answer = place.devices[1].ask(client, one.url)
        assert answer is not None
        assert answer.status_code == 503
        time.sleep(3 * SLOT_S)
        last = sorted(place.rows(slots), key=lambda row: row["number"])[-2:]
        assert [row["token"] for row in last] == [new, new]
        assert {row["token"] for row in place.rows(leases) if row["slot"] >= last[0]["number"] - 1} <= {new}
        assert two.leads


@pytest.mark.parametrize("lasts_s", [60.0])
def test_database_gone(place: Place, client: httpx.Client, lasts_s: float) -> None:
    """Locked by somebody for a minute: no new permission, what was given lapses, and then all goes on by itself."""
    headers = token(place.engine, Role.VIEWER)
    with running(place.scenario, place.data, "one") as (one,):
        one.until_ready()
        until_given(place.devices[0], client, one.url)
        wait_for(lambda: served(one, headers), 4 * SLOT_S)
        with sqlite3.connect(place.data / database.FILE, isolation_level=None) as other:
            other.execute("begin exclusive")
            gone = time.monotonic()
            answers = []
            while time.monotonic() - gone < lasts_s:
                answers.append(place.devices[1].ask(client, one.url))
                time.sleep(1.0)
            lapsed = one.ready()
            other.execute("rollback")
        assert all(answer is None or answer.status_code == 503 for answer in answers)
        assert lapsed.get("ready") is False
        until_given(place.devices[1], client, one.url, within_s=30.0)
        one.until_ready(30.0)
    assert {row["terminal"] for row in place.rows(leases)} == {"a-1-t0", "a-1-t1"}


def test_disk_full(place: Place, client: httpx.Client) -> None:
    """No file of the process can grow: nothing is given that is not on the disk, nothing on the disk is lost."""
    with running(place.scenario, place.data, "one") as (one,):
        one.until_ready()
        before = [until_given(device, client, one.url)["lease"] for device in place.devices]
        hard = resource.prlimit(one.process.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(one.process.pid, resource.RLIMIT_FSIZE, (1, hard))
        full = [place.devices[0].ask(client, one.url) for _ in range(10)]
        time.sleep(LEASE_SLOTS * SLOT_S)
        full.append(place.devices[0].ask(client, one.url))
        resource.prlimit(one.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        after = until_given(place.devices[0], client, one.url)["lease"]
        one.until_ready(30.0)
    said = [answer.json()["lease"] for answer in full if given(answer)]
    assert full[-1] is None or full[-1].status_code == 503
    kept = {row["id"] for row in place.rows(leases)}
    assert {*before, *said, after} <= kept


def test_slow_clients(place: Place, client: httpx.Client) -> None:
    """Fifty that ask for events and read nothing, fifty that send half a request: others wait for none of them."""
    headers = token(place.engine, Role.VIEWER)
    with running(place.scenario, place.data, "one") as (one,):
        one.until_ready()
        host, port = one.url.removeprefix("http://").split(":")
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
        numbers = [row["number"] for row in place.rows(slots)]
        assert all(row["degraded"] == "" for row in place.rows(slots)), "slow clients make no slot late"
        assert len(numbers) > 2
        for held in slow:
            held.close()


def test_graceful_stop(place: Place, client: httpx.Client) -> None:
    """Whoever asks meanwhile has an answer that holds, or none; the stand-by leads at once."""
    with running(place.scenario, place.data, "one", "two") as (one, two):
        one.until_ready()
        answers: list[dict[str, Any]] = []
        stop = threading.Event()

        def asking() -> None:
            with httpx.Client(timeout=10.0) as own:
                while not stop.is_set():
                    for device in place.devices[:5]:
                        if found := given(device.ask(own, one.url)):
                            answers.append(found)

        thread = threading.Thread(target=asking)
        thread.start()
        time.sleep(SLOT_S)
        code = one.stop()
        stop.set()
        thread.join()
        assert code in (0, 143)
        wait_for(lambda: two.leads, TAKEN_OVER_S + 1.0)
        until_given(place.devices[0], client, two.url)
    assert answers
    assert {answer["lease"] for answer in answers} <= {row["id"] for row in place.rows(leases)}
    assert json.dumps(answers[0])


FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


@pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed: faketime")
@pytest.mark.parametrize("jump_s", [3600, -3600])
def test_clock_jumps(place: Place, client: httpx.Client, tmp_path: Path, jump_s: int) -> None:
    """Who holds a lease keeps being served; nobody new is, until a person says what time it is."""
    offset = tmp_path / "offset"
    offset.write_text("+0\n")
    faked = {
        "LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(offset), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip
    old, new = place.devices[:2]
    with running(place.scenario, place.data, "one", **faked) as (one,):
        one.until_ready()
        until_given(old, client, one.url)
        offset.write_text(f"{jump_s:+d}\n")
        wait_for(lambda: "clock" in json.dumps(one.ready()) and not one.ready().get("ready"), 4 * SLOT_S)
        for _ in range(LEASE_SLOTS * 2):
            assert given(old.ask(client, one.url)), "a renewal goes by the time that has passed"
            answer = new.ask(client, one.url)
            assert answer is not None
            assert answer.status_code == 503
            time.sleep(SLOT_S)
        offset.write_text("+0\n")
        command = [sys.executable, "-m", "openleo", "controller", "confirm-clock", "--data", str(place.data)]
        subprocess.run(command, check=True, capture_output=True, text=True)
        until_given(new, client, one.url)
        one.until_ready(10.0)
