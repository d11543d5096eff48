"""Other parties are told that something is wrong and how much is served, and nothing of machines or few people."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import Response
from fastapi.testclient import TestClient
from running import Running, shows_token
from sqlalchemy import update

from openleo.controller import events, plan_arrow
from openleo.controller.api import insides
from openleo.controller.app import create_app
from openleo.controller.database import writing
from openleo.controller.tables import slots

SECRET = "db-7.example"
OTHER = "regulator:TWN"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Running]:
    made = Running.on(tmp_path)
    yield made
    made.close()


def degraded(here: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next slot's plan fails with a word of the machine's insides."""

    def fails(*_args: object) -> None:
        raise OSError(f"no route to {SECRET}")

    monkeypatch.setattr("openleo.controller.loop.compute", fails)
    here.runtime.alarms.set("ledger", f"no route to {SECRET}")
    here.slot()


def test_another_party_reads_of_a_lesser_plan_what_kind_it_is(here: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    here.step()
    degraded(here, monkeypatch)
    client = TestClient(create_app(here.runtime, loop=False))
    viewer, other = (shows_token(here.runtime, "viewer", party=party) for party in ("operator", OTHER))
    number = client.get("/v1/slots/current", headers=viewer).json()["number"]
    cells = f"/v1/slots/{number}/cells.arrow"
    for path in ("/v1/slots/current", "/v1/slots", cells, f"{cells}?rounded=true"):
        assert SECRET in client.get(path, headers=viewer).text, path
        assert SECRET not in client.get(path, headers=other).text, path
    assert client.get("/v1/slots/current", headers=other).json()["degraded"] == "its plan could not be computed"
    arrow = client.get(f"/v1/slots/{number}/cells.arrow", headers=viewer)
    assert plan_arrow.read_plan(arrow.content, here.runtime.twin.cells).degraded
    assert client.get(f"/v1/slots/{number}/cells.arrow", headers=other).headers["etag"] != arrow.headers["etag"]


def test_another_party_hears_of_an_alarm_its_name(here: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    here.step()
    degraded(here, monkeypatch)
    kept = events.after(here.runtime.engine, 0)
    assert any(SECRET in body for _, kind, body in kept if kind == "alert")
    told = [(kind, json.loads(insides.event(kind, body))) for _, kind, body in kept]
    assert SECRET not in json.dumps(told)
    assert ("ledger", insides.HIDDEN) in [(one["alarm"], one["why"]) for kind, one in told if kind == "alert"]

    async def first(who: str) -> bytes:
        hub = events.EventHub(here.runtime.engine)
        found = b""
        async for piece in hub.listen(0, 0.05, insides.event if who == OTHER else lambda _kind, body: body):
            found += piece
            if b"alert" in found:
                break
        return found

    assert SECRET.encode() in asyncio.run(first("operator"))
    assert SECRET.encode() not in asyncio.run(first(OTHER))


def test_the_route_of_events_tells_by_who_listens(here: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(events, "EventStream", lambda *_args, **given: made.append(given) or Response())
    client = TestClient(create_app(here.runtime, loop=False))
    for roles, party in ((["viewer"], "operator"), (["auditor"], "operator"), (["viewer"], OTHER)):
        client.get("/v1/events", headers=shows_token(here.runtime, *roles, party=party))
    assert made == [{}, {"told": insides.event}, {"told": insides.event}]


def test_another_party_does_not_tell_few_terminals_apart(here: Running) -> None:
    here.step()
    with writing(here.runtime.engine) as connection:
        said = {"terminals": {"served": 1_234, "suspended": 3, "lost": 0}, "ephemeris": {"fault": SECRET}}
        said |= {"before": [{"degraded": f"its plan could not be computed ({SECRET})"}]}
        connection.execute(update(slots).values(summary=json.dumps(said)))
    client = TestClient(create_app(here.runtime, loop=False))
    ours = client.get("/v1/slots/current", headers=shows_token(here.runtime, "viewer")).json()["summary"]
    assert ours == said
    for path in ("/v1/slots/current", "/v1/slots"):
        answer = client.get(path, headers=shows_token(here.runtime, "auditor", party=OTHER))
        assert SECRET not in answer.text
        found = answer.json().get("items", [answer.json()])[0]["summary"]
        assert found["terminals"] == {"served": "1,234", "suspended": "<10", "lost": "0"}
