"""What is answered when something is refused: RFC 9457 problem details, whatever raised.

Routes raise `Problem`; everything else that a request may meet (an input at fault, an act that governance refuses, a
database that is gone) is turned into one here. Nothing of our insides is shown: what we did not expect is logged, and
answered with its name alone.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from openleo.controller.database import Fenced, Unavailable
from openleo.controller.redaction import clean_text
from openleo.errors import InputError
from openleo.governance.state import Refused

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5
TYPES = "urn:openleo:problem:"  # names, and no addresses: RFC 9457 §3.1.1 lets them be
SLUGS = {
    400: ("malformed", "The request is malformed"),
    401: ("not-known", "Nobody known asks"),
    403: ("not-permitted", "This is not permitted"),
    404: ("not-found", "There is no such thing"),
    405: ("no-such-method", "This cannot be done here"),
    408: ("too-slow", "The request took too long"),
    409: ("in-conflict", "This does not go with what there is"),
    412: ("changed-meanwhile", "It was changed meanwhile"),
    413: ("too-large", "The request is too large"),
    422: ("input-at-fault", "The input is at fault"),
    428: ("condition-needed", "Say which version is meant"),
    429: ("too-many", "Too many requests"),
    503: ("not-now", "Not now"),
}
LOG = logging.getLogger("openleo.controller")


class Stopped(Exception):
    """The controller stops, and what a request began with it."""


class Problem(Exception):
    """A refusal. `slug` and `title` are those of the status unless given; `extra`: further members of the answer."""

    def __init__(
        self, status: int, detail: str, slug: str = "", title: str = "", extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ):  # fmt: skip
        super().__init__(detail)
        usual = SLUGS.get(status, ("refused", "The request is refused"))
        self.status, self.detail = status, detail
        self.slug, self.title = slug or usual[0], title or usual[1]
        self.extra, self.headers = dict(extra or {}), dict(headers or {})

    def as_json(self) -> dict[str, Any]:
        said = {
            "type": TYPES + self.slug,
            "title": self.title,
            "status": self.status,
            "detail": clean_text(self.detail),
        }
        return said | self.extra

    def answer(self) -> JSONResponse:
        """The problem as a response."""
        return JSONResponse(self.as_json(), self.status, self.headers, MEDIA_TYPE)


def not_now(detail: str, retry_after_s: float = RETRY_AFTER_S, slug: str = "") -> Problem:
    """Something is missing that may come back."""
    return Problem(503, detail, slug, headers={"Retry-After": str(max(1, round(retry_after_s)))})


def of(error: Exception) -> Problem:
    """What a request, or a job that it began, is answered where this was raised."""
    match error:
        case Problem():
            return error
        case InputError():
            return Problem(422, str(error), extra={"problems": [one.as_json() for one in error.problems]})
        case Refused():
            return Problem(409, str(error), "refused")
        case Unavailable():
            return not_now("The database cannot be used now; nothing was done.", slug="no-database")
        case Fenced():
            return not_now("Another controller leads now; nothing was done.", slug="not-leading")
        case Stopped():
            return not_now("The controller stops; ask for it again.", slug="stopping")
        case _:
            return our_fault(error)


def install(app: FastAPI) -> None:
    """Answer every kind of refusal as a problem."""

    def on(kind: type[Exception], made: Any) -> None:
        async def handle(_request: Request, error: Exception) -> Response:
            problem: Problem = made(error)
            return problem.answer()

        app.add_exception_handler(kind, handle)

    for kind in EXPECTED:
        on(kind, of)
    on(HTTPException, lambda error: Problem(error.status_code, str(error.detail), headers=error.headers))
    on(RequestValidationError, _of_validation)
    app.add_exception_handler(Exception, _unexpected)


def _of_validation(error: RequestValidationError) -> Problem:
    """Every fault by its place; the values themselves are not repeated, as some are secret."""
    faults = [{"where": ".".join(map(str, one["loc"])), "rule": one["msg"]} for one in error.errors()]
    return Problem(422, "; ".join(f"{one['where']}: {one['rule']}" for one in faults), extra={"problems": faults})


def our_fault(error: Exception) -> Problem:
    """What was not expected: its name, and nothing else of it."""
    return Problem(500, f"This is our fault ({type(error).__name__}).", "our-fault", "Our fault")


EXPECTED = (Problem, InputError, Refused, Unavailable, Fenced, Stopped)


async def _unexpected(_request: Request, error: Exception) -> Response:
    LOG.error("a request failed", exc_info=error)
    return our_fault(error).answer()
