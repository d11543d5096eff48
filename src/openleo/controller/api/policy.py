"""What rules say: one request decided under the rules in force, and the effect of other books, before anybody proposes.

Nothing here serves anybody or moves anything.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from openleo.controller import governing, tried
from openleo.controller.access import Principal, Role, needs
from openleo.controller.api.changes import MOST_BOOKS
from openleo.controller.api.jobs import start_job
from openleo.controller.pages import OnceRoute
from openleo.controller.problems import Problem, not_now
from openleo.controller.runtime import Runtime
from openleo.policy.answer import answer
from openleo.policy.request import read_requests

router = APIRouter(prefix="/v1/policy", tags=["policy"], route_class=OnceRoute)
Decider = Annotated[Principal, Depends(needs(Role.PLANNER, Role.APPROVER, Role.REQUESTER, Role.AUDITOR))]
Reader = Annotated[Principal, Depends(needs(*Role))]
Planner = Annotated[Principal, Depends(needs(Role.PLANNER, Role.REQUESTER, Role.APPROVER))]
MOST_REQUESTS = 100
MOST_SLOTS = 240


class Decisions(BaseModel):
    """Requests to decide, as `openleo policy decide` takes them."""

    model_config = ConfigDict(extra="forbid")
    requests: list[dict[str, Any]] = Field(min_length=1, max_length=MOST_REQUESTS)


class EffectAsked(BaseModel):
    """Books in place of those in force of their names."""

    model_config = ConfigDict(extra="forbid")
    books: list[dict[str, Any]] = Field([], max_length=MOST_BOOKS)
    without: list[Annotated[str, Field(max_length=200)]] = Field([], max_length=MOST_BOOKS)
    slots: Annotated[int, Field(ge=1, le=MOST_SLOTS)] = MOST_SLOTS
    beams: bool = Field(False, description="Told as well: whom beams light beyond borders.")
    cells: bool = Field(False, description="Told as well: what becomes of each cell, by class, for maps.")


class BookInForce(BaseModel):
    """Its document is `/ledger/artefacts/sha256/<sha256>`."""

    book: str
    sha256: str


class BooksInForce(BaseModel):
    """By which the rules in force were made."""

    ledger_size: str
    items: list[BookInForce]


@router.get("/books", summary="The books of rules in force, by the hashes of their documents")
def books(request: Request, _principal: Reader) -> BooksInForce:
    """As the ledger has settled them: a book that break-glass set for a day stands there as it will be afterwards."""
    with governing.looked_at(request.app.state.runtime) as state:
        return BooksInForce.model_validate(
            {"ledger_size": str(state.size), "items": tried.books_in_force(state.lasting)}
        )


@router.post("/decide", summary="What the rules in force say of a request")
def decide(request: Request, _principal: Decider, asked: Decisions) -> dict[str, Any]:
    """With every reason. Of a request without an instant, as of now. No capacity, no satellite: rules alone."""
    runtime: Runtime = request.app.state.runtime
    held = runtime.in_force
    if held is None:
        raise not_now("What is in force has not been read yet.", slug="ledger")
    now = datetime.fromtimestamp(runtime.clock.now_s(), UTC).isoformat()
    stated = [{"at": now, **one} for one in asked.requests]
    decisions = [answer(held.rules, one).as_json() for one in read_requests(stated, "requests", held.rules.classes)]
    return {"rule_set": held.rules.sha256, "ledger_size": str(held.ledger_size), "decisions": decisions}


@router.post("/effect", status_code=202, summary="Who would gain and lose by other books")
def effect(request: Request, response: Response, principal: Planner, asked: EffectAsked) -> dict[str, Any]:
    """On the network that is served: a job, whose result is the effect as everybody may read it."""
    runtime: Runtime = request.app.state.runtime
    if any(not isinstance(book.get("book"), str) for book in asked.books):
        raise Problem(422, 'Every book has its name: {"book": "operator", …}.')
    made = tried.Asked(asked.books, asked.without, asked.slots, asked.beams, asked.cells)
    work = partial(tried.effect, runtime, made)
    return start_job(request, response, principal, "effect", work, heavy=asked.cells)
