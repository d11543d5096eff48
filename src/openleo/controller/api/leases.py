"""Leases over HTTP: terminals ask for them and give them back, signed; the operator's people read what was given."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from pydantic_core import to_json
from sqlalchemy import select
from sqlalchemy.engine import RowMapping
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from openleo.controller import audit
from openleo.controller.access import Principal, Role, needs
from openleo.controller.api.wording import Page, at_text, next_page
from openleo.controller.database import reading, writing
from openleo.controller.device_certificates import presented
from openleo.controller.device_keys import key_text
from openleo.controller.lease_desk import Answer, LeaseDesk, NotHeard
from openleo.controller.lease_request import MOST_BYTES, LeaseForm, Malformed
from openleo.controller.problems import MEDIA_TYPE, Problem
from openleo.controller.tables import lease_keys, leases
from openleo.policy.request import Instant

router = APIRouter(prefix="/v1", tags=["leases"])
ID = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="The lease's id.")]
MOST_IN_A_PAGE = 500
POSITIONS = needs(Role.AUDITOR, operator_only=True)


def _whole(schema: Any, parts: dict[str, Any]) -> Any:
    """A schema that refers to nothing outside of itself: each part stands where it is named."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _whole(parts[schema["$ref"].rpartition("/")[2]], parts)
        return {key: _whole(value, parts) for key, value in schema.items() if key != "$defs"}
    return [_whole(one, parts) for one in schema] if isinstance(schema, list) else schema


_STATED = LeaseForm.model_json_schema()
FORM = _whole(_STATED, _STATED["$defs"])
REQUEST = {"requestBody": {"required": True, "content": {"application/json": {"schema": FORM}}}}
PROBLEM = {"content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}
ANSWERS: dict[int | str, dict[str, Any]] = {
    201: {
        "description": "A lease, on the disk, with the controller's signature: see /v1/leases/keys.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    },
    401: {"description": "No terminal that is enrolled signed this, or not now.", **PROBLEM},
    403: {"description": "No lease: `why`, the rules, and a refusal as 3GPP's cause #78.", **PROBLEM},
    409: {"description": "The nonce was used before.", **PROBLEM},
    413: {"description": f"More than {MOST_BYTES} bytes.", **PROBLEM},
    422: {"description": "The body is no request; every fault with its place.", **PROBLEM},
    429: {"description": "This terminal asks too often.", **PROBLEM},
    503: {"description": "Nothing is given now, and nothing was: try again.", **PROBLEM},
}


@router.post("/leases", status_code=201, responses=ANSWERS, openapi_extra=REQUEST, response_class=Response)
async def ask(request: Request) -> Response:
    """Ask for a lease, or renew one: signed by the terminal's key."""
    return await asked(request.app.state.desk, request.scope, request.receive)


async def asked(desk: LeaseDesk, scope: Scope, receive: Receive) -> Response:
    """A request's answer. Raises Problem, and ClientDisconnect where the terminal leaves before it has said all."""
    try:
        answer = await desk.ask(await body_of(receive), presented(scope))
    except Malformed as error:
        faults = [{"where": where, "rule": rule} for where, rule in error.faults]
        raise Problem(422, str(error), extra={"problems": faults}) from None
    except NotHeard as error:
        raise as_problem(error) from None
    return _given(answer) if answer.given else _refused(answer)


async def body_of(receive: Receive) -> bytes:
    """At most so many bytes, whatever its header says. Raises Problem, ClientDisconnect."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MOST_BYTES:
            raise Problem(413, f"A request has at most {MOST_BYTES:,} bytes.")
    return body


def as_problem(error: NotHeard) -> Problem:
    """Why a terminal was not heard, as it is answered."""
    headers = {} if error.retry_after_s is None else {"Retry-After": str(round(error.retry_after_s))}
    return Problem(error.status, error.detail, error.slug, headers=headers)


def _given(answer: Answer) -> Response:
    return Response(to_json(answer.body), 201, {"Location": f"/v1/leases/{answer.id}"}, "application/json")


def _refused(answer: Answer) -> Response:
    why, because = answer.body["why"], answer.body["because"]
    reasons = "; ".join(f"{one['rule']}: {one['reason']}" for one in because)
    detail = f"{why}: {reasons or 'no rule permits it'}."
    return Problem(403, detail, "no-lease", "No lease", extra=answer.body).answer()


@router.delete("/leases/{lease}", status_code=204, responses={404: PROBLEM, 503: PROBLEM})
async def release(
    request: Request,
    lease: ID,
    at: Annotated[Instant, Header(alias="OpenLEO-At", description="When it was signed.")],
    nonce: Annotated[str, Header(alias="OpenLEO-Nonce", pattern=r"^[A-Za-z0-9_\-]{16,64}$")],
    signature: Annotated[str, Header(alias="OpenLEO-Signature", max_length=100)],
) -> Response:
    """Give a lease back, signed by its terminal.

    The signature is over `openleo-lease-release@v1`, a line feed, and the RFC 8785 form of
    `{"at", "lease", "nonce", "terminal"}`.
    """
    desk: LeaseDesk = request.app.state.desk
    try:
        shown = presented(request.scope)
        await desk.release(lease, at.timestamp(), request.headers["openleo-at"], nonce, signature, shown)
    except NotHeard as error:
        raise as_problem(error) from None
    return Response(status_code=204)


@router.get("/leases", dependencies=[Depends(needs(*Role, operator_only=True))])
def listed(
    request: Request,
    after: Annotated[
        str, Query(pattern=r"^[0-9a-f]{0,32}$", description="The id that the page before ended with.")
    ] = "",
    limit: Annotated[int, Query(ge=1, le=MOST_IN_A_PAGE)] = 100,
    terminal: Annotated[str, Query(max_length=100, description="Of one terminal alone.")] = "",
    slot: Annotated[int | None, Query(ge=0, lt=2**53, description="Those that hold in a slot.")] = None,
) -> dict[str, Any]:
    """Leases as they were given, without the places they are for, in the order of their ids, which is that of time."""
    unknown_keys(request, {"after", "limit", "terminal", "slot"})
    query = select(leases).where(leases.c.id > after).order_by(leases.c.id).limit(limit + 1)
    if terminal:
        query = query.where(leases.c.terminal == terminal)
    if slot is not None:
        query = query.where(leases.c.slot <= slot, leases.c.until_slot > slot)
    with reading(request.app.state.runtime.engine) as connection:
        rows = list(connection.execute(query).mappings())
    page = rows[:limit]
    asked = {"after": page[-1]["id"] if page else "", "limit": limit, "terminal": terminal, "slot": slot}
    following = urlencode({name: value for name, value in asked.items() if value not in ("", None)})
    more = f"/v1/leases?{following}" if len(rows) > limit else None
    return {"leases": [_without_place(row) for row in page], "next": more}


def unknown_keys(request: Request, known: set[str]) -> None:
    """Raises Problem."""
    if unknown := sorted(set(request.query_params) - known):
        faults = [{"where": f"query.{name}", "rule": "is no parameter"} for name in unknown]
        raise Problem(422, f"There is no parameter {', '.join(unknown)}.", extra={"problems": faults})


def _without_place(row: RowMapping) -> dict[str, Any]:
    """What may be listed: a cell says where a terminal is, and so does its gateway."""
    return {
        "lease": row["id"],
        "terminal": row["terminal"],
        "slots": [str(row["slot"]), str(row["until_slot"])],
        "rule_set": row["rule_set"],
        "ledger_size": row["ledger_size"],
        "plan": row["plan"],
    }


class LeaseKey(BaseModel):
    """A key that controllers sign leases with."""

    id: str = Field(description="As `signed_by` of a lease names it: of the key's SHA-256 the first 16 digits.")
    public_key: str = Field(description="Ed25519, base64.")
    at: str | None = Field(description="Since when it is known here.")


@router.get("/leases/keys")
def keys(
    request: Request,
    after: Annotated[
        str, Query(pattern=r"^[0-9a-f]{0,16}$", description="The id that the page before ended with.")
    ] = "",
    limit: Annotated[int, Query(ge=1, le=MOST_IN_A_PAGE)] = 100,
) -> Page[LeaseKey]:
    """Keys of all controllers of this network, in the order of their ids: anybody may verify a lease with them.

    `signature` of a lease is by the key `signed_by`, over `openleo-lease-given@v1`, a line feed, and the RFC 8785 form
    of the lease without `signature`.
    """
    unknown_keys(request, {"after", "limit"})
    query = select(lease_keys).where(lease_keys.c.id > after).order_by(lease_keys.c.id).limit(limit + 1)
    with reading(request.app.state.runtime.engine) as connection:
        rows = list(connection.execute(query).mappings())
    items = [
        LeaseKey(id=row["id"], public_key=key_text(bytes(row["public_key"])), at=at_text(row["at"]))
        for row in rows[:limit]
    ]
    return Page(items=items, next=next_page(request, items[-1].id if len(rows) > limit else None, limit))


@router.get("/leases/{lease}", responses={404: PROBLEM}, dependencies=[Depends(needs(*Role, operator_only=True))])
def one(request: Request, lease: ID) -> dict[str, Any]:
    """A lease, without its place."""
    unknown_keys(request, set())
    return _without_place(_row(request, lease))


@router.get("/leases/{lease}/record", responses={404: PROBLEM})
def whole(request: Request, lease: ID, principal: Annotated[Principal, Depends(POSITIONS)]) -> dict[str, Any]:
    """All that it was decided on, its terminal's position too; that it was read is recorded."""
    unknown_keys(request, set())
    row, runtime = _row(request, lease), request.app.state.runtime
    about = f"terminal {row['terminal']}"
    with writing(runtime.engine) as connection:
        audit.record(connection, runtime.clock.now_s(), principal, audit.READ_POSITION, about, {"lease": lease})
    return _without_place(row) | {"record": json.loads(row["body"])}


def _row(request: Request, lease: str) -> RowMapping:
    """Raises Problem."""
    with reading(request.app.state.runtime.engine) as connection:
        row = connection.execute(select(leases).where(leases.c.id == lease)).mappings().one_or_none()
    if row is None:
        raise Problem(404, "There is no lease of that id.")
    return row
