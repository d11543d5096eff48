"""Events: kept, told from where a listener stopped, live, and never at the cost of the one who tells."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import Engine

from openleo.controller import events
from openleo.controller.database import writing
from openleo.controller.events import EventHub, EventStream


def tell(engine: Engine, many: int, keep: int = 1_000) -> None:
    for number in range(many):
        with writing(engine) as connection:
            events.add(connection, "slot", {"number": str(number)}, 1_795_000_000.0 + number, keep)


def parsed(pieces: list[bytes]) -> list[tuple[int, str, dict[str, Any]]]:
    found = []
    for piece in pieces:
        lines = dict(line.split(": ", 1) for line in piece.decode().strip().splitlines() if not line.startswith(":"))
        if lines:
            found.append((int(lines["id"]), lines["event"], json.loads(lines["data"])))
    return found


async def heard(hub: EventHub, known: int, many: int) -> list[bytes]:
    found: list[bytes] = []
    async for piece in hub.listen(known, heartbeat_s=0.2):
        found.append(piece)
        if len(parsed(found)) == many:
            return found
    return found


def test_a_listener_is_told_what_came_after_the_event_that_it_knows(engine: Engine) -> None:
    tell(engine, 5)
    told = parsed(asyncio.run(heard(EventHub(engine), 2, 3)))
    assert [(id_, kind, body["number"]) for id_, kind, body in told] == [
        (3, "slot", "2"),
        (4, "slot", "3"),
        (5, "slot", "4"),
    ]
    assert told[0][2]["at"] == "2026-11-18T11:06:42Z"


def test_many_events_are_told_in_order_and_once(engine: Engine) -> None:
    tell(engine, events.BATCH + 7)
    told = parsed(asyncio.run(heard(EventHub(engine), 0, events.BATCH + 7)))
    assert [id_ for id_, _, _ in told] == list(range(1, events.BATCH + 8))


def test_a_listener_is_told_what_comes_and_hears_a_comment_where_nothing_does(engine: Engine) -> None:
    async def live() -> list[bytes]:
        hub = EventHub(engine, look_s=0.05)
        running = asyncio.create_task(hub.run())
        listening = asyncio.create_task(heard(hub, 0, 2))
        await asyncio.sleep(0.5)
        await asyncio.to_thread(tell, engine, 1)
        hub.nudge()
        await asyncio.sleep(0.1)
        await asyncio.to_thread(tell, engine, 1)  # another controller's: nobody nudges
        found = await asyncio.wait_for(listening, 5.0)
        await hub.stop()
        await running
        return found

    found = asyncio.run(live())
    assert [id_ for id_, _, _ in parsed(found)] == [1, 2]
    assert any(piece.startswith(b": still") for piece in found)


def test_only_the_last_events_are_kept(engine: Engine) -> None:
    tell(engine, 12, keep=4)
    assert [id_ for id_, _, _ in events.after(engine, 0)] == [9, 10, 11, 12]
    assert events.newest(engine) == 12


async def _stream(engine: Engine, *, takes: int) -> tuple[EventHub, list[Any], bool]:
    """A listener who takes so many pieces and then none; whether the stream ended."""
    hub = EventHub(engine, look_s=0.05)
    stream, sent = EventStream(hub, 0, heartbeat_s=0.05, taken_within_s=0.2), []

    async def send(message: Any) -> None:
        if len(sent) > takes:
            await asyncio.sleep(60.0)
        sent.append(message)

    async def receive() -> Any:
        await asyncio.sleep(60.0)

    ended = asyncio.create_task(stream({"type": "http"}, receive, send))
    done, _ = await asyncio.wait({ended}, timeout=3.0)
    ended.cancel()
    return hub, sent, bool(done)


def test_who_does_not_take_what_is_sent_is_dropped(engine: Engine) -> None:
    tell(engine, 20)
    hub, sent, ended = asyncio.run(_stream(engine, takes=3))
    assert ended
    assert (hub.dropped, hub.listeners, len(sent)) == (1, 0, 4)


def test_a_listener_comes_back_after_a_while_and_is_asked_again_who_it_is(engine: Engine) -> None:
    """A token that was revoked meanwhile hears no more."""
    sent: list[Any] = []

    async def listen() -> EventHub:
        hub = EventHub(engine, look_s=0.05)

        async def send(message: Any) -> None:
            sent.append(message)

        await asyncio.wait_for(EventStream(hub, 0, "token:1", lasts_s=0.2)({"type": "http"}, _silent, send), 5.0)
        return hub

    assert asyncio.run(listen()).listening == {}
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


async def _silent() -> Any:
    await asyncio.sleep(60.0)


def test_a_listener_who_leaves_is_let_go(engine: Engine) -> None:
    async def leaves() -> int:
        hub = EventHub(engine)

        async def send(_message: Any) -> None:
            pass

        async def receive() -> Any:
            await asyncio.sleep(0.1)
            return {"type": "http.disconnect"}

        await asyncio.wait_for(EventStream(hub, 0)({"type": "http"}, receive, send), 5.0)
        return hub.listeners

    assert asyncio.run(leaves()) == 0


@pytest.mark.parametrize("kind", ["slots", ""])
def test_kinds_of_events_are_few(engine: Engine, kind: str) -> None:
    with pytest.raises(AssertionError), writing(engine) as connection:
        events.add(connection, kind, {}, 0.0, 10)


def test_a_fault_ends_no_looking_for_events(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    right = events.newest

    def fails(_engine: Engine) -> int:
        raise KeyError("a column")

    async def live() -> list[str]:
        hub = EventHub(engine, look_s=0.02)
        monkeypatch.setattr(events, "newest", fails)
        running = asyncio.create_task(hub.run())
        await asyncio.sleep(0.2)
        said = [hub.fault]
        monkeypatch.setattr(events, "newest", right)
        await asyncio.sleep(0.2)
        said.append(hub.fault)
        await hub.stop()
        await running
        return said

    first, second = asyncio.run(live())
    assert "KeyError" in first
    assert second == ""
