"""What rules say: one request decided under the rules in force, and the effect of other books, before anybody proposes.

Nothing here serves anybody or moves anything.
"""

from __future__ import annotations

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
from openleo.instants import instant_of
from openleo.policy.answer import answer
from openleo.policy.request import read_requests

router = APIRouter(prefix="/v1/policy", tags=["policy"], route_class=OnceRoute)
Decider = Annotated[Principal, Depends(needs(Role.PLANNER, Role.APPROVER, Role.REQUESTER, Role.AUDITOR))]
Reader = Annotated[Principal, Depends(needs(*Role))]
Counter = Annotated[Principal, Depends(needs(Role.REQUESTER, Role.AUDITOR, operator_only=True))]
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
    now = instant_of(runtime.clock.now_s()).isoformat()
    stated = [{"at": now, **one} for one in asked.requests]
    decisions = [answer(held.rules, one).as_json() for one in read_requests(stated, "requests", held.rules.classes)]
    return {"rule_set": held.rules.sha256, "ledger_size": str(held.ledger_size), "decisions": decisions}


@router.post("/effect", status_code=202, summary="Who would gain and lose by other books")
def effect(request: Request, response: Response, principal: Planner, asked: EffectAsked) -> dict[str, Any]:
    """On the network that is served: a job, whose result is the effect as everybody may read it."""
    runtime: Runtime = request.app.state.runtime
    made = _tried(asked)
    return start_job(request, response, principal, "effect", partial(tried.effect, runtime, made), heavy=asked.cells)


@router.post("/effect/terminals", status_code=202, summary="The same, with the terminals that lose and gain")
def effect_terminals(request: Request, response: Response, principal: Counter, asked: EffectAsked) -> dict[str, Any]:
    """For who may read where terminals are, and audited as that: a job that is shown to nobody else.

    Its result has the effect as everybody may read it, and `counted`: terminals in service, each decided where it was
    last known within a day, by territory and class, as they are; how many are not counted, as nobody knows where they
    are; and those that change on borders, outside the area or out of the network's reach.
    """
    runtime: Runtime = request.app.state.runtime
    work = partial(tried.effect_on_terminals, runtime, _tried(asked), principal)
    return start_job(request, response, principal, "effect", work, heavy=asked.cells, private=True)


def _tried(asked: EffectAsked) -> tried.RulesTried:
    if any(not isinstance(book.get("book"), str) for book in asked.books):
        raise Problem(422, 'Every book has its name: {"book": "operator", …}.')
    return tried.RulesTried(asked.books, asked.without, asked.slots, asked.beams, asked.cells)
