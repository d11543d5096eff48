"""Evidence of misuse, for the operator's people: a queue, one piece with all that it was made of, and its review.

A review is dismissed (the terminal is served again with its next request, and detectors begin anew) or upheld. That
ends no service: the hold lapses when it would have, and whoever wants it to last suspends the terminal or the account
on the ledger, where acts are counted together (DESIGN §6). A piece tells where a terminal was: reading one is audited;
the queue shows no place.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import RowMapping, select, update

from openleo.controller import audit
from openleo.controller.access import needs
from openleo.controller.api.wording import Page, at_text, next_page
from openleo.controller.database import reading, writing
from openleo.controller.pages import OnceRoute
from openleo.controller.problems import MEDIA_TYPE, Problem
from openleo.controller.roles import Principal, Role
from openleo.controller.tables import evidence
from openleo.controller.telemetry import DISMISSED, OPEN
from openleo.misuse.thresholds import Kind

router = APIRouter(prefix="/v1/evidence", tags=["misuse"], route_class=OnceRoute)
ID = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="The evidence's id.")]
Reader = Annotated[Principal, Depends(needs(Role.REQUESTER, Role.AUDITOR, operator_only=True))]
Reviewer = Annotated[Principal, Depends(needs(Role.REQUESTER, operator_only=True))]
State = Literal["open", "upheld", "dismissed"]
NOT_THERE: dict[int | str, dict[str, Any]] = {404: {"content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}}
HOUR_S = 3_600.0
TEXT = r"^[^\x00-\x08\x0b-\x1f\x7f]*$"


class Piece(BaseModel):
    """Evidence without a place."""

    id: str
    at: str | None
    terminal: str
    kind: str
    score: float
    holds_renewal: bool
    state: State
    reviewer: str | None
    reviewed_at: str | None
    finding: str | None


class WholePiece(Piece):
    """With what it was made of."""

    rule: str
    inputs: dict[str, Any]
    not_held_because: str | None = None


class Reviewed(Piece):
    """With what is left to do."""

    next_step: str | None


class Review(BaseModel):
    """What somebody found."""

    model_config = ConfigDict(extra="forbid")
    state: Literal["upheld", "dismissed"]
    finding: Annotated[str, StringConstraints(min_length=1, max_length=2_000, pattern=TEXT)] = Field(
        description="Why, for whoever looks next."
    )


@router.get("", summary="The queue")
def evidence_list(
    request: Request,
    _principal: Reader,
    after: Annotated[str, Query(pattern=r"^[0-9a-f]{0,32}$")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    state: Annotated[State | None, Query()] = None,
    kind: Annotated[Kind | None, Query()] = None,
    terminal: Annotated[str, Query(max_length=100, pattern=r"^[^\x00]*$")] = "",
) -> Page[Piece]:
    """In the order in which it was found; without places."""
    query = select(evidence).where(evidence.c.id > after).order_by(evidence.c.id).limit(limit + 1)
    for column, wanted in ((evidence.c.state, state), (evidence.c.kind, kind), (evidence.c.terminal, terminal or None)):
        query = query if wanted is None else query.where(column == str(wanted))
    with reading(request.app.state.runtime.engine) as connection:
        rows = connection.execute(query).mappings().all()
    items = [Piece(**_document(row)) for row in rows[:limit]]
    return Page(items=items, next=next_page(request, items[-1].id if len(rows) > limit else None, limit))


@router.get("/{evidence_id}", summary="One piece, with the inputs", responses=NOT_THERE)
def evidence_show(request: Request, principal: Reader, evidence_id: ID) -> WholePiece:
    """Tells where the terminal was: that it was read is audited before it is told."""
    runtime = request.app.state.runtime
    with writing(runtime.engine) as connection:
        row = _found(connection.execute(select(evidence).where(evidence.c.id == evidence_id)).mappings().one_or_none())
        audit.read_position(connection, principal, f"terminal {row['terminal']}", runtime.clock.now_s())
    return WholePiece(**_document(row), **json.loads(row["body"]))


@router.post("/{evidence_id}/review", summary="Uphold or dismiss", responses=NOT_THERE)
def evidence_review(request: Request, principal: Reviewer, evidence_id: ID, review: Review) -> Reviewed:
    """What was upheld can be dismissed later, on a new finding; what was dismissed stays so. To uphold it lengthens no
    hold: `next_step` says until when it lasts, and which act on the ledger ends service beyond.
    """
    runtime = request.app.state.runtime
    now_s = runtime.clock.now_s()
    with writing(runtime.engine) as connection:
        query = select(evidence).where(evidence.c.id == evidence_id).with_for_update()
        row = _found(connection.execute(query).mappings().one_or_none())
        if row["state"] != OPEN and (row["state"] == DISMISSED or review.state == row["state"]):
            raise Problem(409, f"It was {row['state']} by {row['reviewer']}.", "reviewed")
        changed = {
            "state": review.state, "reviewer": principal.id, "reviewed_at": now_s, "finding": review.finding,
            "holds_renewal": row["holds_renewal"] and review.state != DISMISSED,
        }  # fmt: skip
        connection.execute(update(evidence).where(evidence.c.id == evidence_id).values(changed))
        about = {"kind": row["kind"], "terminal": row["terminal"], "held": row["holds_renewal"], "state": review.state}
        audit.record(connection, now_s, principal, "reviewed", f"evidence {evidence_id}", about)
    upheld = review.state == "upheld"
    return Reviewed(
        **_document({**row, **changed}),
        next_step=_suspend(row, runtime.settings.hold_hours * HOUR_S) if upheld else None,
    )


def _suspend(row: RowMapping, hold_s: float) -> str:
    """What a person does who wants more than a hold."""
    held = f"Held back until {at_text(row['at'] + hold_s)} at most" if row["holds_renewal"] else "Not held back"
    return (
        f"{held}. To end its service, suspend {row['terminal']} (POST /v1/terminals/{row['terminal']}/state) or its "
        "account (POST /v1/accounts/…/suspend): acts on the ledger, above the roster's rate a change."
    )


def _found(row: RowMapping | None) -> RowMapping:
    if row is None:
        raise Problem(404, "There is no such evidence.")
    return row


def _document(row: Any) -> dict[str, Any]:
    said = {
        name: row[name] for name in ("id", "terminal", "kind", "score", "holds_renewal", "state", "reviewer", "finding")
    }
    return said | {"at": at_text(row["at"]), "reviewed_at": at_text(row["reviewed_at"])}
