"""The door that every request comes through, before any route: looked at, counted, written down.

    form ─► who asks ─► how often ─► (asked) ─► the route ─► (changed, refused) ─► answer

Leases do not come this way (`lane`): their desk knows the terminal, and every lease and refusal is a row of its own.
What is written down is written before the answer goes out.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from openleo.controller import access, audit
from openleo.controller.database import Unavailable, writing
from openleo.controller.logs import log
from openleo.controller.problems import Problem, not_now
from openleo.controller.rate_limits import Limits
from openleo.controller.roles import ANONYMOUS, Principal
from openleo.controller.sessions import SAFE_METHODS

LEASES = "/v1/leases"  # asked for, and given back, by terminals, who sign
TABLES = frozenset(
    {"/v1/terminals/bulk"}
)  # where larger bodies go than anywhere else, whatever their kind is said to be
UNCOUNTED = frozenset({"/healthz", "/readyz"})  # asked by machines that watch
QUESTIONS = frozenset({"/v1/policy/decide", "/v1/policy/effect"})  # answered, and nothing is changed
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
REFUSALS = frozenset({401, 403, 429})
DECIDED = frozenset({201, 403})  # of a request for a lease: it was heard
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)


def install(app: FastAPI, runtime: Any) -> None:
    """Hang the door into an application: the outermost of all."""
    app.state.limits = Limits(runtime.settings)
    app.add_middleware(Door, runtime=runtime, limits=app.state.limits)


@dataclass(frozen=True)
class Door:
    """ASGI middleware."""

    app: ASGIApp
    runtime: Any
    limits: Limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope["state"] = dict(scope.get("state", {}))  # of this request alone
        began_s = time.perf_counter()
        visit = _Visit(self, scope, receive, send)
        with self.runtime.span("request", method=visit.method_known) as tell:
            try:
                visit.check_form()
                await visit.enter()
                await self.app(scope, receive, visit.answer)
            except Problem as problem:
                await visit.refuse(problem)
            finally:
                visit.leave(time.perf_counter() - began_s)
                tell({"route": visit.route, "status": visit.status})


class _Visit:
    def __init__(self, door: Door, scope: Scope, receive: Receive, send: Send):
        self.door, self.scope, self.receive, self.send = door, scope, receive, send
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.who: Principal = ANONYMOUS
        self.status = 0
        self.asked: int | None = None
        given_back = self.method == "DELETE" and self.path.startswith(LEASES + "/")
        self.asks_lease = self.method == "POST" and self.path == LEASES
        self.by_terminal = given_back or self.asks_lease
        settings = door.runtime.settings
        self.most = settings.upload_bytes_max if self.path in TABLES else settings.body_bytes_max

    def check_form(self) -> None:
        """No database keeps a NUL in a text. Raises Problem."""
        if "\0" in self.path or b"%00" in self.scope["query_string"]:
            raise Problem(400, "The address holds a NUL.")
        for name, value in self.scope["headers"]:
            if name == b"content-length" and (not value.isdigit() or len(value) > 18 or int(value) > self.most):
                raise _too_large(self.most)

    async def enter(self) -> None:
        """Who asks, how often, and what. Raises Problem."""
        if self.by_terminal:
            return
        request = Request(self.scope)
        try:
            self.scope["state"]["principal"], self.scope["state"]["token_row"] = (
                await run_in_threadpool(access.identify, request) if _shows_something(request) else (None, None)
            )
        except Unavailable as error:
            raise _no_database() from error
        found = self.scope["state"]["principal"]
        self.who = found or ANONYMOUS
        if self.path not in UNCOUNTED:
            host = self.scope["client"][0] if self.scope.get("client") else ""
            wait_s = self.door.limits.anonymous(host) if found is None else self.door.limits.principal(found.id)
            if wait_s:
                raise Problem(429, f"Ask again in {wait_s} s.", headers={"Retry-After": str(wait_s)})
        if found is not None and self.changes():
            try:
                self.asked = await run_in_threadpool(self.note, "asked", {"method": self.method})
            except Unavailable as error:  # what could not be written down is not done
                raise _no_database() from error

    @property
    def has_its_row(self) -> bool:
        """A lease or its refusal is kept in its table: a line beside it would cost as much as to give it."""
        return self.asks_lease and self.status in DECIDED

    def changes(self) -> bool:
        return self.method not in SAFE_METHODS and self.path not in QUESTIONS

    async def answer(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message.get("headers", ()), *HEADERS]}
            await self.write_down()
        await self.send(message)

    async def write_down(self) -> None:
        what = self.outcome()
        if not what:
            return
        if self.status == 429 and not self.door.limits.is_told(self.who.id + str(self.scope.get("client"))[:60]):
            return
        body = {"method": self.method, "status": self.status}
        if self.asked is not None:
            body["asked"] = self.asked
        try:
            await run_in_threadpool(self.note, what, body)
        except Unavailable as error:  # it was refused, or was written down as asked; the log keeps what came of it
            log.error("audit_lost", what=what, about=self.path, principal=self.who.id, why=str(error), **body)

    def outcome(self) -> str:
        if self.by_terminal:
            return ""
        if self.status in REFUSALS or self.scope["state"].get("refused_by_party"):
            return "refused"
        if self.asked is None:
            return ""
        return "changed" if self.status < 400 else "failed"

    def note(self, what: str, body: dict[str, Any]) -> int:
        runtime = self.door.runtime
        with writing(runtime.engine) as connection:
            return audit.record(connection, runtime.clock.now_s(), self.who, what, self.path, body)

    async def refuse(self, problem: Problem) -> None:
        await problem.answer()(self.scope, self.receive, self.answer)

    def leave(self, seconds: float) -> None:
        """Counted; and written down, but for what has a row of its own."""
        route, status = LEASES if self.asks_lease else self.route, str(self.status)  # the lane knows no routes
        metrics = self.door.runtime.metrics
        metrics.count("http_requests_total", method=self.method_known, route=route, status=status)
        metrics.took("http_seconds", seconds, route=route)
        if not self.has_its_row:
            self.write_log(seconds)

    def write_log(self, seconds: float) -> None:
        """The route's form, not its address: addresses hold ids, and whatever people put into them."""
        log.info(
            "request", method=self.method[:20], route=self.route, status=self.status, ms=round(seconds * 1000, 1),
            principal=self.who.id, party=self.who.party,
        )  # fmt: skip

    @property
    def route(self) -> str:
        """Its form; empty where there is none."""
        return str(getattr(self.scope.get("route"), "path", ""))

    @property
    def method_known(self) -> str:
        """People may send any word as a method, and each would be a measure of its own."""
        return self.method if self.method in METHODS else "other"


def _shows_something(request: Request) -> bool:
    return "authorization" in request.headers or "cookie" in request.headers


def _too_large(most: int) -> Problem:
    return Problem(413, f"A request's body has at most {most} bytes.", headers={"Connection": "close"})


def _no_database() -> Problem:
    return not_now("The controller's records cannot be reached now; nothing was done.", slug="no-database")
