"""A whole controller to ask (its slots stand still), its routes, and requests that do not wait for a stream's end."""

from __future__ import annotations

import asyncio
import csv
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from governed import PERMIT, Governed
from planned import scenario
from secured import House

from openleo.controller import runtime
from openleo.controller.app import create_app
from openleo.controller.roles import Role
from openleo.controller.settings import Settings
from postgres_server import Server

TABLE = Path(__file__).parents[3] / "docs" / "reference" / "access.csv"
MANY = 10**9
NO_LEASE = json.dumps(
    {"terminal": "nobody", "nonce": "n" * 16, "at": "2026-11-22T08:00:00Z", "signature": "A" * 86 + "=="}
)
STREAM_S = 0.3  # so long we look at an answer that does not end
HOST = "127.0.0.1:8600"
AUTOMATIC = {"HEAD", "OPTIONS"}


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        return json.loads(self.body)


KINDS = ("sqlite", "postgresql")
KINDS_SLOWLY = ("sqlite", pytest.param("postgresql", marks=pytest.mark.slow))


@contextmanager
def on_both(request: pytest.FixtureRequest, folder: Path, **settings: object) -> Iterator[tuple[FastAPI, House]]:
    """As `controller`, on a new database of the kind that a fixture's `params` says."""
    with ExitStack() as stack:
        if request.param == "postgresql":
            server: Server = request.getfixturevalue("postgres")
            settings["database"] = stack.enter_context(server.database())
        yield stack.enter_context(controller(folder, **settings))


@contextmanager
def controller(folder: Path, *, runs: bool = False, **settings: object) -> Iterator[tuple[FastAPI, House]]:
    """The application and who may ask it; `House` makes tokens, sessions and people in its database.

    With `runs` its ledger is founded, a rule permits the world, and its slots run.
    """
    given = {"requests_per_minute": MANY, "anonymous_requests_per_minute": MANY, **settings}
    if runs:
        Governed.founded(folder / "data", database=str(settings.get("database", ""))).rules(PERMIT)
    opened = runtime.open_runtime(scenario(folder), folder / "data", Settings.load(folder, **given))
    app = create_app(opened, loop=runs)
    try:
        with _living(app):
            if runs:
                _until_it_runs(opened, app)
            yield app, House(opened.engine, opened.settings, opened.clock)
    finally:
        opened.close()


def _until_it_runs(opened: runtime.Runtime, app: FastAPI) -> None:
    """Until a plan is applied, and the desk of leases has read what holds."""
    ends = time.monotonic() + 60.0
    while ask(app, "POST", "/v1/leases", {}, NO_LEASE.encode()).status == 503 or opened.current is None:
        assert time.monotonic() < ends, opened.alarms
        time.sleep(0.1)


@contextmanager
def _living(app: FastAPI) -> Iterator[None]:
    """Begun as a server begins it, and ended; all its requests run in one loop, in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    life = app.router.lifespan_context(app)

    def wait(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(60)

    wait(life.__aenter__())
    app.state.wait = wait
    try:
        yield
    finally:
        del app.state.wait
        wait(life.__aexit__(None, None, None))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def routes(app: FastAPI) -> list[tuple[str, str]]:
    """(method, path) of every route that there is."""
    return sorted(
        (method, one.path) for one in iter_route_contexts(app.routes) for method in (one.methods or set()) - AUTOMATIC
    )


def table() -> list[dict[str, str]]:
    with TABLE.open(newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def filled(path: str, word: str = "none") -> str:
    """A path with something in each of its places."""
    words = {"number": "1", "lease": "0" * 32}
    steps = [
        (words.get(one[1:-1], word) if word == "none" else word) if one.startswith("{") else one
        for one in path.split("/")
    ]
    return "/".join(steps)


def ask(
    app: FastAPI,
    method: str,
    target: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    *,
    raw_headers: list[tuple[bytes, bytes]] | None = None,
    client: str = "127.0.0.1",
) -> Answer:
    """One request, at the interface between server and application."""
    wait = getattr(app.state, "wait", asyncio.run)
    answer: Answer = wait(_ask(app, method, target, dict(headers or {}), body, raw_headers or [], client))
    return answer


async def _ask(
    app: FastAPI,
    method: str,
    target: str,
    headers: dict[str, str],
    body: bytes | None,
    raw_headers: list[tuple[bytes, bytes]],
    client: str,
) -> Answer:
    path, _, query = target.partition("?")
    raw = quote(path, safe="/%~:\\'$;,@!*()", errors="surrogateescape")  # as servers do: the path comes decoded
    lines = [(b"host", HOST.encode())] + [(k.lower().encode(), v.encode()) for k, v in headers.items()] + raw_headers
    if body is not None and not any(name in (b"content-length", b"transfer-encoding") for name, _ in lines):
        lines.append((b"content-length", str(len(body)).encode()))
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": unquote(raw), "raw_path": raw.encode(), "query_string": query.encode(), "headers": lines,
        "client": (client, 50_000), "server": ("127.0.0.1", 8600), "root_path": "", "state": {},
    }  # fmt: skip
    begun, ended = asyncio.Event(), asyncio.Event()
    answer = Answer(0, {}, b"")
    sent = False

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if not sent:
            sent = True
            return {"type": "http.request", "body": body or b"", "more_body": False}
        await ended.wait()
        return {"type": "http.disconnect"}

    async def send(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode().lower(): value.decode("latin-1") for name, value in message["headers"]}
            begun.set()
        else:
            answer.body += message.get("body", b"")
            if not message.get("more_body", False):
                ended.set()

    running = asyncio.create_task(app(scope, receive, send))
    waiting = asyncio.create_task(begun.wait())
    await asyncio.wait({running, waiting}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not running.done():
        ending = asyncio.create_task(ended.wait())
        await asyncio.wait({running, ending}, timeout=STREAM_S, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        ended.set()
    _, late = await asyncio.wait({running}, timeout=5)
    for one in late:
        one.cancel()
        await asyncio.wait({one}, timeout=5)
    if running.done() and not running.cancelled() and running.exception() is not None and not answer.status:
        raise running.exception()  # type: ignore[misc]
    return answer


ROLES = tuple(role.value for role in Role)
