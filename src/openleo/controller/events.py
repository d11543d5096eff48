"""What happens, told to whoever listens: kept in a table, so that nobody who comes back has missed anything.

    loop ─► add (in its transaction) ─► table ─► EventHub ─► every listener at its own pace

A listener asks for what came after the event that it knows. It is given batches from the table, and waits in between:
nothing is held for it, and who does not take what it is sent is dropped. Another controller's events are found too.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from openleo.controller.database import Unavailable, in_order, reading
from openleo.controller.tables import events
from openleo.instants import instant_of, instant_text

LOG = logging.getLogger("openleo.controller")
BATCH = 200
LOOK_S = 1.0  # how often the table is looked at for what another controller wrote
HEARTBEAT_S = 15.0
LASTS_S = 3600.0  # then a listener comes back, and is asked again who it is
TAKEN_WITHIN_S = 10.0  # a listener that does not take what it is sent for so long is dropped
MEDIA_TYPE = "text/event-stream"
KINDS = ("slot", "policy", "alert")
WRITERS = 5_704_301  # a number of ours for a lock of PostgreSQL

Event = tuple[int, str, str]  # id, kind, body as JSON
Told = Callable[[str, str], str]  # (kind, body) as a listener may read the body


def add(connection: Connection, kind: str, body: Mapping[str, Any], at_s: float, keep: int) -> None:
    """Keep an event, and forget those that are older than the last `keep`."""
    assert kind in KINDS, kind
    in_order(connection, WRITERS)
    said = {"at": instant_text(instant_of(at_s)), **body}
    made = connection.execute(insert(events).values(at=at_s, kind=kind, body=json.dumps(said)))
    newest = made.inserted_primary_key
    if newest is not None:
        connection.execute(delete(events).where(events.c.id <= newest[0] - keep))


def after(engine: Engine, known: int, most: int = BATCH) -> list[Event]:
    """The events after one, the oldest first. Raises Unavailable."""
    stated = select(events.c.id, events.c.kind, events.c.body).where(events.c.id > known).order_by(events.c.id)
    with reading(engine) as connection:
        return [(row.id, row.kind, row.body) for row in connection.execute(stated.limit(most))]


def newest(engine: Engine) -> int:
    """The id of the last event; 0 before the first."""
    with reading(engine) as connection:
        return connection.execute(select(func.max(events.c.id))).scalar_one() or 0


class EventHub:
    """Wakes listeners. One task looks at the table for all of them."""

    def __init__(self, engine: Engine, *, look_s: float = LOOK_S):
        self.engine, self.look_s = engine, look_s
        self.newest = 0
        self.listening: Counter[str] = Counter()  # by principal
        self.dropped = 0
        self.fault = ""  # why the table was not looked at the last time
        self._more = asyncio.Condition()
        self._nudged = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = False

    async def run(self) -> None:
        """Until `stop`."""
        self._loop = asyncio.get_running_loop()
        while not self._stopped:
            await self._look()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._nudged.wait(), self.look_s)
            self._nudged.clear()

    async def _look(self) -> None:
        """What goes wrong, goes wrong this time: listeners wait until the next."""
        try:
            found = await asyncio.to_thread(newest, self.engine)
            async with self._more:
                self.newest = max(self.newest, found)
                self._more.notify_all()
            self.fault = ""
        except Unavailable as error:
            self.fault = str(error)
        except Exception as error:
            if not self.fault:
                LOG.exception("events cannot be looked for")
            self.fault = f"events cannot be looked for ({type(error).__name__}: {error})"

    @property
    def listeners(self) -> int:
        """How many listen now."""
        return self.listening.total()

    def nudge(self) -> None:
        """Something was added: look now. From any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._nudged.set)

    def end(self) -> None:
        """As `stop`, from anywhere, without waiting for it."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(lambda: asyncio.ensure_future(self.stop()))

    async def stop(self) -> None:
        """Let all listeners go."""
        async with self._more:
            self._stopped = True
            self._more.notify_all()
        self._nudged.set()

    async def listen(
        self, known: int, heartbeat_s: float = HEARTBEAT_S, told: Told = lambda _kind, body: body
    ) -> AsyncIterator[bytes]:
        """What came after an event and then what comes, as server-sent events; a comment where nothing does."""
        yield b": events of this network follow\n\n"
        while not self._stopped:
            try:
                found = await asyncio.to_thread(after, self.engine, known)
            except Unavailable:
                found = []
                await asyncio.sleep(self.look_s)
            for id_, kind, body in found:
                known = id_
                yield f"id: {id_}\nevent: {kind}\ndata: {told(kind, body)}\n\n".encode()
            if not found and not await self._wait(known, heartbeat_s):
                yield b": still here\n\n"

    async def _wait(self, known: int, most_s: float) -> bool:
        """Whether anything came within so long."""
        async with self._more:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._more.wait_for(lambda: self._stopped or self.newest > known), most_s)
                return True
        return False


class EventStream(Response):
    """Sends what a listener is told as it comes, and drops who does not take it."""

    media_type = MEDIA_TYPE

    def __init__(
        self, hub: EventHub, known: int, who: str = "", *, heartbeat_s: float = HEARTBEAT_S,
        taken_within_s: float = TAKEN_WITHIN_S, lasts_s: float = LASTS_S, told: Told = lambda _kind, body: body,
    ):  # fmt: skip
        super().__init__(None, 200, {"Cache-Control": "no-store"})
        del self.headers["content-length"]
        self.hub, self.known, self.who, self.lasts_s, self.told = hub, known, who, lasts_s, told
        self.heartbeat_s, self.taken_within_s = heartbeat_s, taken_within_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - an ASGI application
        """Until the listener leaves, is dropped, or the hub stops."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_left(receive))
        self.hub.listening[self.who] += 1
        try:
            await asyncio.wait({sending, leaving}, timeout=self.lasts_s, return_when=asyncio.FIRST_COMPLETED)
            if not sending.done() and not leaving.done():
                sending.cancel()
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self.hub.listening[self.who] -= 1
            self.hub.listening += Counter()  # forgets who does not listen
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        async for piece in self.hub.listen(self.known, self.heartbeat_s, self.told):
            try:
                await asyncio.wait_for(
                    send({"type": "http.response.body", "body": piece, "more_body": True}), self.taken_within_s
                )
            except TimeoutError:
                self.hub.dropped += 1
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
