"""Changes: proposed, read, signed by officers, activated. An officer's signature decides; a token never does.

What takes long (an effect that is computed) is a job: 202 with its address. Everything that is answered here is public
by the ledger, but the exact counts of an effect (`/detail`), which are the approvers' alone.
"""

from __future__ import annotations

import base64
from itertools import islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from openleo.controller import governing
from openleo.controller.access import OPERATOR, Principal, Role, hidden, needs
from openleo.controller.api.jobs import start_job
from openleo.controller.api.wording import next_page
from openleo.controller.pages import OnceRoute
from openleo.controller.problems import Problem, not_now
from openleo.governance import told, voting
from openleo.governance.folder import fold
from openleo.governance.losses import UNKNOWN
from openleo.governance.moves import COMMITMENT
from openleo.governance.quorum import parties
from openleo.governance.state import Change, State, Status, statement
from openleo.governance.state import status as status_of
from openleo.governance.to_sign import Decision

router = APIRouter(prefix="/v1", tags=["changes"], route_class=OnceRoute)
Reader = Annotated[Principal, Depends(needs(*Role))]
Requester = Annotated[Principal, Depends(needs(Role.REQUESTER))]
Approver = Annotated[Principal, Depends(needs(Role.APPROVER))]
MOST_BOOKS = 50
Short = Annotated[str, Field(min_length=1, max_length=200)]
Said = Annotated[str, Field(min_length=1, max_length=2_000)]


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Proposal(Form):
    """Books of rules in place of those of their names, or accounts that are suspended or come back."""

    kind: Literal["rules", "account"]
    books: list[dict[str, Any]] = Field([], max_length=MOST_BOOKS, description="Documents of books, with their files.")
    without: list[Short] = Field([], max_length=MOST_BOOKS, description="Books that are taken away.")
    base: dict[str, str | None] | None = Field(None, description="sha256 of the books that you saw in force, by name.")
    accounts: list[Annotated[str, Field(pattern=f"^{COMMITMENT}$")]] = Field([], max_length=50)
    becomes: Literal["", "suspended", "active"] = ""
    terminals: dict[Short, Annotated[int, Field(ge=0, le=10**9)]] = Field({}, description="By TERRITORY/CLASS.")
    requester: Annotated[str, Field(max_length=100)] = Field("", description="An officer's id, or left out: you.")
    on_behalf_of: Said
    reason: Said
    legal_reference: Said
    begin: AwareDatetime | None = Field(None, alias="from", description="Not before; left out: now.")
    until: AwareDatetime | None = None
    expires: AwareDatetime | None = Field(None, description="Until when approvals count.")
    sponsor: Annotated[str, Field(max_length=100)] = Field("", description="The officer who is to sign the request.")
    slots: Annotated[int, Field(ge=1, le=5_760)] = Field(240, description="Reach is computed over the first of them.")


class Vote(Form):
    """What an officer signed with `ssh-keygen -Y sign -n openleo-approval@v1`, of the bytes of `…/to-sign`."""

    officer: Short
    signature: Annotated[str, Field(max_length=4_000)]
    decision: Literal["approve", "withdraw", "reject"] = "approve"


class ObjectionForm(Form):
    """A party's objection. Without a signature the answer is what its officer signs."""

    officer: Short
    text: Said
    signature: Annotated[str, Field(max_length=4_000)] | None = None


# --- read -----------------------------------------------------------------------------------------------------------


@router.get("/changes", summary="Changes, as the ledger has them")
def changes_list(
    request: Request,
    _principal: Reader,
    after: Annotated[int | None, Query(ge=-1)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    order: Literal["oldest", "newest"] = "oldest",
    status: Annotated[list[Status], Query(description="Of these alone; left out: all.")] = [],  # noqa: B006 - read alone
) -> dict[str, Any]:
    """In the order of their proposals; `after`: the entry of the last one seen, in that order."""
    runtime = request.app.state.runtime
    with governing.looked_at(runtime) as state:
        at = governing.now(runtime)
        found = sorted(state.changes.values(), key=lambda one: one.proposed_by, reverse=order == "newest")
        wanted = (one for one in found if _follows(one, after, order))
        some = list(islice((one for one in wanted if not status or status_of(state, one, at) in status), limit + 1))
        items = [told.as_json(state, one, at) for one in some[:limit]]
        last = str(some[limit - 1].proposed_by) if len(some) > limit else None
    return {"items": items, "next": next_page(request, last, limit)}


@router.get("/changes/{id}", summary="Where a change stands")
def changes_show(request: Request, response: Response, _principal: Reader, id: str) -> dict[str, Any]:
    """What it moves, its effect, who approved, who is missing, what it waits for."""
    runtime = request.app.state.runtime
    with governing.looked_at(runtime) as state:
        response.headers["etag"] = f'"{state.size}"'
        return told.as_json(state, _change(state, id), governing.now(runtime))


@router.get(
    "/changes/{id}/to-sign", summary="The bytes that officers sign", response_class=Response,
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
)  # fmt: skip
def changes_to_sign(request: Request, _principal: Reader, id: str, decision: Decision = "approve") -> Response:
    """RFC 8785 JSON; `ssh-keygen -Y sign -n openleo-approval@v1 -f KEY` signs exactly these bytes."""
    with governing.looked_at(request.app.state.runtime) as state:
        return Response(statement(state, _change(state, id), decision), media_type="application/json")


@router.get("/changes/{id}/effect", summary="The effect that was frozen, as everybody may read it")
def changes_effect(request: Request, _principal: Reader, id: str) -> dict[str, Any]:
    """Counts below 10 stand as 9, and are shown as <10."""
    return _effect(request, id)


@router.get("/changes/{id}/detail", summary="The exact counts of an effect; to those who approve it alone")
def changes_detail(request: Request, principal: Approver, id: str) -> dict[str, Any]:
    """Where they differ from the public ones. To approvers of the operator, and of the parties that the quorum asks."""
    effect = _effect(request, id)
    with governing.looked_at(request.app.state.runtime) as state:
        asked = {party for line in _change(state, id).asked for party in parties(line.quorum)}
    if principal.party not in asked | {OPERATOR}:
        raise hidden(request, "There is no such detail.")
    exact = governing.detail_of(request.app.state.runtime, id)
    return effect if exact is None else exact


@router.get("/changes/{id}/folder", summary="The files that go to the officers")
def changes_folder(request: Request, _principal: Reader, id: str) -> dict[str, str]:
    """As `openleo change propose --out` writes them, by name."""
    effect = _effect(request, id)
    with governing.looked_at(request.app.state.runtime) as state:
        return {name: data.decode() for name, data in fold(state, _change(state, id), effect).files.items()}


# --- acted ----------------------------------------------------------------------------------------------------------


@router.post("/changes", status_code=202, summary="Propose a change")
def changes_propose(request: Request, response: Response, principal: Requester, asked: Proposal) -> dict[str, Any]:
    """Its effect is computed and frozen, and both are logged: a job, whose result names the change."""
    runtime = request.app.state.runtime
    _check(asked)
    said = {**asked.model_dump(), "requester": asked.requester or principal.officer or principal.id}
    made = governing.ProposalAsked(
        governing.request_of(said, governing.now(runtime)), tuple(asked.books), tuple(asked.without), asked.base,
        tuple(asked.accounts), asked.becomes, _counted(asked.terminals), asked.slots,
    )  # fmt: skip
    return start_job(request, response, principal, "propose", lambda tell: governing.propose(runtime, made, tell))


@router.post("/changes/{id}/approvals", status_code=201, summary="Hand in what an officer signed")
def changes_vote(request: Request, _principal: Approver, id: str, vote: Vote) -> dict[str, Any]:
    """An approval, its withdrawal, or a rejection: the signature says whose, and nothing else does."""
    runtime = request.app.state.runtime
    with governing.written_to(runtime) as house:
        _change(house.state, id)
        number = voting.cast(house, vote.decision, id, vote.officer, vote.signature, governing.now(runtime))
        return told.as_json(house.state, house.state.change(id), governing.now(runtime)) | {"entry": number}


@router.post("/changes/{id}/objections", status_code=201, summary="Object in public, in the name of a party")
def changes_object(
    request: Request, response: Response, _principal: Approver, id: str, said: ObjectionForm
) -> dict[str, Any]:
    """It stops nothing, and stands on the ledger."""
    runtime = request.app.state.runtime
    text = said.text.strip()
    if said.signature is None:
        with governing.looked_at(runtime) as state:
            _change(state, id)
            _, message = voting.to_object(state, id, said.officer, text)
        response.status_code = 200
        return {"to_sign": base64.b64encode(message).decode(), "namespace": "openleo-approval@v1"}
    with governing.written_to(runtime) as house:
        _change(house.state, id)
        at = governing.now(runtime)
        return {"entry": voting.object_to(house, id, said.officer, text, said.signature, at)}


@router.post("/changes/{id}/activate", status_code=202, summary="Let an approved change take effect")
def changes_activate(request: Request, response: Response, principal: Requester, id: str) -> dict[str, Any]:
    """Its effect is computed again and the gate passed: a job. Refused while a jump of the clock stands."""
    runtime = request.app.state.runtime
    if runtime.clock.jump() is not None:
        raise not_now("The clock has jumped: nothing is activated until somebody confirms it.", slug="clock")
    with governing.looked_at(runtime) as state:
        _change(state, id)
    return start_job(request, response, principal, f"activate {id}", lambda tell: governing.activate(runtime, id, tell))


# --- shared ---------------------------------------------------------------------------------------------------------


def _follows(change: Change, after: int | None, order: str) -> bool:
    """Whether a change comes after the entry of the last one seen."""
    if after is None:
        return True
    return change.proposed_by < after if order == "newest" else change.proposed_by > after


def _change(state: State, id_: str) -> Change:
    if id_ not in state.changes:
        raise Problem(404, "There is no such change.")
    return state.changes[id_]


def _effect(request: Request, id_: str) -> dict[str, Any]:
    runtime = request.app.state.runtime
    with governing.looked_at(runtime) as state:
        frozen = _change(state, id_).effect
        if frozen is None:
            raise Problem(404, "Its effect is not frozen.")
        found: dict[str, Any] = runtime.gate.reader.folder.artefacts.get_json(frozen.effect)
        return found


def _check(asked: Proposal) -> None:
    """That a proposal says what its kind needs, and nothing else. Raises Problem."""
    of_rules, of_accounts = bool(asked.books or asked.without), bool(asked.accounts or asked.becomes or asked.terminals)
    if asked.kind == "rules" and (not of_rules or of_accounts):
        raise Problem(422, "A change of rules has books, or without, and no accounts.")
    if asked.kind == "account" and (of_rules or not asked.accounts or not asked.becomes):
        raise Problem(422, "A change of accounts has accounts and what they become, and no books.")
    if any(not isinstance(book.get("book"), str) for book in asked.books):
        raise Problem(422, 'Every book has its name: {"book": "operator", …}.')


def _counted(said: dict[str, int]) -> dict[tuple[str, str], int]:
    """By (territory, class); of no class where none is said."""
    found = {}
    for place, number in said.items():
        territory, _, class_ = place.partition("/")
        found[territory, class_ or UNKNOWN] = number
    return found
