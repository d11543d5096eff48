"""The way of requests for leases: hundreds a second, from their connection to the desk without a detour.

    connection ─► Service ─┬─► Lane ─► body ─► lease_desk ─► answer
                           └─► the door, the bodies, the routes: all else

What middleware, a router and every route's dependencies would do for a lease takes longer than to decide it, and what
they are for the desk does itself: it knows who asks by the signature, and how often one may. The route in `api/leases`
stands for whatever has a query, and in the description of the service.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from openleo.controller.api import leases
from openleo.controller.door import DECIDED, HEADERS, LEASES
from openleo.controller.lease_request import MOST_BYTES
from openleo.controller.logs import log
from openleo.controller.problems import Problem, our_fault
from openleo.controller.roles import ANONYMOUS

LOG = logging.getLogger("openleo.controller")


class Service(FastAPI):
    """The controller's application. `lane`: None before the runtime is known."""

    lane: Lane | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Any request."""
        if self.lane is not None and is_asked(scope):
            await self.lane(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def is_asked(scope: Scope) -> bool:
    """Whether this is a request for a lease."""
    kind: str = scope["type"]
    return kind == "http" and scope["path"] == LEASES and scope["method"] == "POST" and not scope["query_string"]


class Lane:
    """`state`: of the application, whose desk it is."""

    def __init__(self, runtime: Any, state: Any):
        self._runtime, self._state = runtime, state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for a lease; counted, and written down unless it has a row of its own."""
        began_s = time.perf_counter()
        with self._runtime.span("request", method="POST") as tell:
            status = await self._answered(scope, receive, send)
            tell({"route": LEASES, "status": status})
        seconds = time.perf_counter() - began_s
        metrics = self._runtime.metrics
        metrics.count("http_requests_total", method="POST", route=LEASES, status=str(status))
        metrics.took("http_seconds", seconds, route=LEASES)
        if 400 <= status < 500 and status not in DECIDED:
            self._runtime.unheard[str(status)] += 1  # `chores` writes them down, many in a row
        if status not in DECIDED:
            ms = round(seconds * 1000, 1)
            who = ANONYMOUS
            log.info("request", method="POST", route=LEASES, status=status, ms=ms, principal=who.id, party=who.party)

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Gives the answer's status; 0 where the terminal left before it had said all."""
        try:
            _check_length(scope["headers"])
            answer = await leases.asked(self._state.desk, scope, receive)
        except Problem as problem:
            answer = problem.answer()
        except ClientDisconnect:
            return 0
        except Exception as error:  # whatever it is: who asks is told that it is not their fault
            LOG.exception("a request for a lease failed")
            answer = our_fault(error).answer()
        headers = [*answer.raw_headers, *HEADERS]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
        return answer.status_code


def _check_length(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Raises Problem. Of a body that does not say its length no more is read than a request has."""
    for name, value in headers:
        if name == b"content-length" and (not value.isdigit() or len(value) > 18 or int(value) > MOST_BYTES):
            detail = f"A request has at most {MOST_BYTES:,} bytes."
            raise Problem(413, detail, headers={"Connection": "close"})
