"""Tokens of programs: made (and shown once), listed, revoked.

Everybody sees and revokes their own; a key-admin those of the party, and the operator's key-admin all. Who logs in
makes tokens; a token makes others only with the role key-admin. The answer that shows one is kept nowhere: there is no
`Idempotency-Key` here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import ColumnElement, RowMapping, or_, select, true

from openleo.controller import access, audit, tokens
from openleo.controller.access import needs
from openleo.controller.api.wording import Page, at_text, next_page
from openleo.controller.database import reading, writing
from openleo.controller.roles import OPERATOR, Principal, Role, read_roles
from openleo.controller.tables import tokens as table

router = APIRouter(prefix="/v1/tokens", tags=["people"])
Known = Annotated[Principal, Depends(needs())]
NOT_THERE = "There is no such token."
PRINTABLE = r"^[^\x00-\x1f\x7f]*$"


class TokenRequest(BaseModel):
    """A token to make."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=PRINTABLE)] = Field(
        description="What it is for."
    )
    roles: list[Role] = Field(max_length=len(Role), description="No more than yours.")
    expires_at: AwareDatetime | None = Field(None, description="Until when it is good; null: until it is revoked.")


class Token(BaseModel):
    """A token, without itself."""

    id: str
    name: str
    party: str
    owner: str
    roles: list[str]
    created_at: str | None
    expires_at: str | None
    revoked_at: str | None
    used_at: str | None
    once: bool


class NewToken(Token):
    """With itself, shown this once."""

    token: str


@router.get("", summary="Tokens that you may see")
def tokens_list(
    request: Request,
    principal: Known,
    after: Annotated[str, Query(max_length=32)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Page[Token]:
    """In the order of their ids."""
    rows = select(table).where(seen_by(principal), table.c.id > after).order_by(table.c.id)
    with reading(request.app.state.runtime.engine) as connection:
        found = connection.execute(rows.limit(limit + 1)).mappings().all()
    items = [Token(**document(row)) for row in found[:limit]]
    return Page(items=items, next=next_page(request, items[-1].id if len(found) > limit else None, limit))


@router.post("", status_code=201, summary="Make a token")
def tokens_make(request: Request, response: Response, principal: Known, asked: TokenRequest) -> NewToken:
    """Shows the token, this once."""
    runtime = request.app.state.runtime
    now_s = runtime.clock.now_s()
    expires_s = None if asked.expires_at is None else _seconds(asked.expires_at)
    if expires_s is not None and expires_s <= now_s:
        raise HTTPException(422, "expires_at: is not after now.")
    parent = access.token_row(request)
    if parent is not None and Role.KEY_ADMIN not in principal.roles:
        raise HTTPException(403, "A token makes others only with the role key-admin; log in to make one.")
    try:
        owner = tokens.grant(principal, asked.roles, expires_s, parent)
    except tokens.NotGranted as error:
        raise HTTPException(403, str(error)) from None
    with writing(runtime.engine) as connection:
        id_, secret = tokens.make(
            connection, name=asked.name, party=principal.party, owner=owner, roles=set(asked.roles), now_s=now_s,
            expires_s=expires_s,
        )  # fmt: skip
        audit.record(connection, now_s, principal, "made_token", id_, {"roles": sorted(set(asked.roles))})
        row = connection.execute(select(table).where(table.c.id == id_)).mappings().one()
    response.headers["location"] = f"/v1/tokens/{id_}"
    response.headers["cache-control"] = "no-store"
    return NewToken(**document(row), token=secret)


@router.get("/{id}", summary="One token")
def tokens_show(request: Request, principal: Known, id: str) -> Token:
    """Without itself."""
    return Token(**document(_found(request, principal, id)))


@router.delete("/{id}", status_code=204, summary="Revoke a token")
def tokens_revoke(request: Request, principal: Known, id: str) -> Response:
    """From now on it is nobody's. Revoked twice is revoked once."""
    runtime, row = request.app.state.runtime, _found(request, principal, id)
    with writing(runtime.engine) as connection:
        if tokens.revoke(connection, row["id"], runtime.clock.now_s()):
            audit.record(connection, runtime.clock.now_s(), principal, "revoked_token", row["id"])
    return Response(status_code=204)


def seen_by(principal: Principal) -> ColumnElement[bool]:
    """Which tokens somebody sees."""
    if Role.KEY_ADMIN in principal.roles:
        return true() if principal.party == OPERATOR else table.c.party == principal.party
    own = table.c.id == principal.id.removeprefix("token:")
    return or_(own, table.c.owner == principal.id) & (table.c.party == principal.party)


def document(row: RowMapping) -> dict[str, Any]:
    """A token as it is told: never what is kept of it."""
    times = {name: at_text(row[name]) for name in ("created_at", "expires_at", "revoked_at", "used_at")}
    plain = {name: row[name] for name in ("id", "name", "party", "owner", "once")}
    return {**plain, "roles": sorted(read_roles(row["roles"])), **times}


def _found(request: Request, principal: Principal, id_: str) -> RowMapping:
    with reading(request.app.state.runtime.engine) as connection:
        rows = select(table).where(table.c.id == id_)
        row = connection.execute(rows).mappings().one_or_none()
        seen = row is not None and connection.execute(rows.where(seen_by(principal))).first() is not None
    if row is None:
        raise HTTPException(404, NOT_THERE)
    if not seen:
        raise access.hidden(request, NOT_THERE)
    return row


def _seconds(instant: datetime) -> float:
    return instant.timestamp()
