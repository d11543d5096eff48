"""People: who of a provider is of which party, with which roles; made by key-admins.

The operator's key-admin sees and changes all, another party's its own people; nobody changes their own row. A person
without a row can log in at the provider as long as they like: here they are nobody.
"""

from __future__ import annotations

import json
import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import RowMapping, delete, select, update
from sqlalchemy.exc import IntegrityError

from openleo.controller import access, audit, sessions
from openleo.controller.access import needs
from openleo.controller.api.wording import Page, next_page
from openleo.controller.database import reading, writing
from openleo.controller.roles import OPERATOR, PERSON, Principal, Role, read_roles
from openleo.controller.tables import people
from openleo.governance.roster_records import OfficerId, PartyId

router = APIRouter(prefix="/v1/people", tags=["people"])
KeyAdmin = Annotated[Principal, Depends(needs(Role.KEY_ADMIN))]
NOT_THERE = "There is no such person."
PRINTABLE = r"^[^\x00-\x1f\x7f]+$"
Words = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=PRINTABLE)]


class PersonChange(BaseModel):
    """What can be changed of a person."""

    model_config = ConfigDict(extra="forbid")
    roles: list[Role] = Field(max_length=len(Role), description="What they may do.")
    officer: OfficerId | None = Field(None, description="Their id on the roster, if they are an officer.")


class PersonRequest(PersonChange):
    """A person to make known."""

    issuer: Words = Field(description="Of the provider that they log in at.")
    subject: Words = Field(description="What the provider calls them (`sub`).")
    party: PartyId = Field(description='Of which institution they are: "operator", "regulator:TWN".')


class Person(BaseModel):
    """A person."""

    id: str
    issuer: str
    subject: str
    party: str
    roles: list[str]
    officer: str | None
    version: int


@router.get("", summary="People that you may see")
def people_list(
    request: Request,
    principal: KeyAdmin,
    after: Annotated[str, Query(max_length=64)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Page[Person]:
    """In the order of their ids."""
    rows = select(people).where(people.c.id > after).order_by(people.c.id).limit(limit + 1)
    if principal.party != OPERATOR:
        rows = rows.where(people.c.party == principal.party)
    with reading(request.app.state.runtime.engine) as connection:
        found = connection.execute(rows).mappings().all()
    items = [Person(**document(row)) for row in found[:limit]]
    return Page(items=items, next=next_page(request, items[-1].id if len(found) > limit else None, limit))


@router.post("", status_code=201, summary="Make a person known")
def people_make(request: Request, response: Response, principal: KeyAdmin, asked: PersonRequest) -> Person:
    """From now on they can log in."""
    if principal.party not in (OPERATOR, asked.party):
        raise HTTPException(403, "A key-admin makes people of its own party known.")
    runtime = request.app.state.runtime
    row = {
        "id": secrets.token_hex(8), "issuer": asked.issuer, "subject": asked.subject, "party": asked.party,
        "roles": json.dumps(sorted(set(asked.roles))), "officer": asked.officer, "version": 1,
    }  # fmt: skip
    taken = HTTPException(409, "The provider's subject is known already.")
    try:
        with writing(runtime.engine) as connection:
            same = (people.c.issuer == asked.issuer) & (people.c.subject == asked.subject)
            if connection.execute(select(people.c.id).where(same)).first() is not None:
                raise taken
            connection.execute(people.insert().values(row))
            _note(request, connection, principal, "made_person", row)
    except IntegrityError:  # two key-admins at once
        raise taken from None
    response.headers["location"], response.headers["etag"] = f"/v1/people/{row['id']}", '"1"'
    return Person(**document(row))


@router.get("/{id}", summary="One person")
def people_show(request: Request, response: Response, principal: KeyAdmin, id: str) -> Person:
    """With the version as ETag."""
    row = _found(request, principal, id)
    response.headers["etag"] = f'"{row["version"]}"'
    return Person(**document(row))


@router.put("/{id}", summary="Change what a person may do")
def people_change(
    request: Request,
    response: Response,
    principal: KeyAdmin,
    id: str,
    asked: PersonChange,
    if_match: Annotated[str, Header(max_length=40)] = "",
) -> Person:
    """Holds at once, for their sessions and tokens too. Needs If-Match with the version that was read."""
    row = _found(request, principal, id)
    _check_not_oneself(request, principal, row)
    if not if_match:
        raise HTTPException(428, "Say in If-Match which version is changed.")
    runtime = request.app.state.runtime
    after = {"roles": json.dumps(sorted(set(asked.roles))), "officer": asked.officer, "version": row["version"] + 1}
    with writing(runtime.engine) as connection:
        version = people.c.version == row["version"]
        done = connection.execute(update(people).where(people.c.id == row["id"], version).values(after))
        if if_match != f'"{row["version"]}"' or done.rowcount != 1:
            raise HTTPException(412, "It was changed meanwhile: read it again.")
        _note(request, connection, principal, "changed_person", {**row, **after})
    response.headers["etag"] = f'"{after["version"]}"'
    return Person(**document({**row, **after}))


@router.delete("/{id}", status_code=204, summary="Make a person unknown")
def people_delete(request: Request, principal: KeyAdmin, id: str) -> Response:
    """Their sessions end, and their tokens are nobody's."""
    row = _found(request, principal, id)
    _check_not_oneself(request, principal, row)
    with writing(request.app.state.runtime.engine) as connection:
        sessions.end_all(connection, row["id"])
        connection.execute(delete(people).where(people.c.id == row["id"]))
        _note(request, connection, principal, "forgot_person", row)
    return Response(status_code=204)


def document(row: Any) -> dict[str, Any]:
    """A person as they are told."""
    plain = {name: row[name] for name in ("id", "issuer", "subject", "party", "officer", "version")}
    return {**plain, "roles": sorted(read_roles(row["roles"]))}


def _found(request: Request, principal: Principal, id_: str) -> RowMapping:
    with reading(request.app.state.runtime.engine) as connection:
        rows = select(people).where(people.c.id == id_)
        row = connection.execute(rows).mappings().one_or_none()
    if row is None:
        raise HTTPException(404, NOT_THERE)
    if principal.party not in (OPERATOR, row["party"]):
        raise access.hidden(request, NOT_THERE)
    return row


def _check_not_oneself(request: Request, principal: Principal, row: RowMapping) -> None:
    """Neither in a browser nor by a program of one's own."""
    token = access.token_row(request)
    if PERSON + row["id"] in (principal.id, token["owner"] if token else None):
        raise HTTPException(403, "Nobody changes their own roles; another key-admin does.")


def _note(request: Request, connection: Any, principal: Principal, what: str, row: Any) -> None:
    body = {"party": row["party"], "roles": sorted(read_roles(row["roles"])), "officer": row["officer"]}
    audit.record(connection, request.app.state.runtime.clock.now_s(), principal, what, PERSON + row["id"], body)
