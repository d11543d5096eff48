"""The audit, for auditors: all of it to the operator's, and a party's own acts to its."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from openleo.controller import audit
from openleo.controller.access import needs
from openleo.controller.api.wording import Page, at_text, next_page
from openleo.controller.database import reading
from openleo.controller.roles import Principal, Role

router = APIRouter(prefix="/v1/audit", tags=["people"])


class Record(BaseModel):
    """One row. `about`: the object, or the path that was asked."""

    id: str
    at: str | None
    principal: str
    party: str
    what: str
    about: str
    body: dict[str, Any]


@router.get("", summary="Who did what, and who was refused what")
def audit_list(
    request: Request,
    principal: Annotated[Principal, Depends(needs(Role.AUDITOR))],
    after: Annotated[int, Query(ge=0, lt=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    what: Annotated[str, Query(max_length=60, pattern="^[a-z_]*$")] = "",
) -> Page[Record]:
    """In the order in which it came."""
    with reading(request.app.state.runtime.engine) as connection:
        found = audit.page(connection, principal, after, limit + 1, what)
    items = [
        Record(
            id=str(row.id), at=at_text(row.at), principal=row.principal, party=row.party, what=row.what,
            about=row.about, body=json.loads(row.body),
        )
        for row in found[:limit]
    ]  # fmt: skip
    return Page(items=items, next=next_page(request, items[-1].id if len(found) > limit else None, limit))
