"""The slots: which runs, what was planned in each, and the map of cells as Arrow."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy import select

from openleo.controller import pages, plan_arrow, rounded
from openleo.controller.access import OPERATOR, Principal, Role, needs, principal_of
from openleo.controller.api import insides
from openleo.controller.database import reading
from openleo.controller.pages import Page, Paged
from openleo.controller.problems import Problem, not_now
from openleo.controller.runtime import Runtime
from openleo.controller.tables import plans, slots
from openleo.instants import instant_of, instant_text

router = APIRouter(prefix="/v1", tags=["slots"], dependencies=[Depends(needs(*Role))])
Number = Annotated[int, Path(ge=0, lt=2**53, description="The slot's number.")]
ARROW: dict[int | str, dict[str, Any]] = {
    200: {"content": {plan_arrow.MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "As the client has it."},
}
FOR_EVER = "private, max-age=31536000, immutable"


class Tree(BaseModel):
    """The ledger's, by which rules were in force."""

    size: str
    root: str


class SlotRead(BaseModel):
    """What was planned in a slot."""

    number: str
    begins_at: str
    slot_s: float
    plan: str = Field(description="sha256 of all that the plan says.")
    rule_set: str
    network: str
    ledger: Tree
    degraded: str = Field(
        description="Why it is a lesser plan, in few fixed words but to the operator's viewers; empty: a whole one."
    )
    stored_at: str
    applied_at: str | None = Field(description="null: it is not in force yet, or never was.")
    summary: dict[str, Any] = Field(description="Of its cells and terminals; other parties read fewer than 10 as <10.")


@router.get("/slots")
def listed(request: Request, asked: Paged) -> Page[SlotRead]:
    """The slots that were planned, the newest first."""
    runtime: Runtime = request.app.state.runtime
    stated = select(slots).order_by(slots.c.number.desc()).limit(asked.limit + 1)
    if asked.after is not None:
        if re.fullmatch("[0-9]{1,15}", asked.after) is None:  # as a column holds it
            raise Problem(422, "after: the number of the last slot of the page before.")
        stated = stated.where(slots.c.number < int(asked.after))
    with reading(runtime.engine) as connection:
        rows = [
            _read(row, runtime.twin.slots.slot_s, principal_of(request))
            for row in connection.execute(stated).mappings()
        ]
    return Page[SlotRead].model_validate(pages.page(request, asked, rows, lambda one: one.number))


@router.get("/slots/current")
def current(request: Request) -> SlotRead:
    """The slot whose plan is in force; 503 where every lease under the last one has lapsed, or there is none."""
    runtime: Runtime = request.app.state.runtime
    plan = runtime.plan_now()
    if plan is None:
        raise not_now("No plan is in force.", runtime.twin.slots.slot_s, "no-plan")
    return _slot(request, plan.number)


@router.get("/slots/{number}")
def slot(request: Request, number: Number) -> SlotRead:
    """What was planned in a slot, and when."""
    return _slot(request, number)


@router.get("/slots/{number}/cells.arrow", response_class=Response, responses=ARROW)
def cells_of_slot(
    request: Request, number: Number,
    as_map: Annotated[bool, Query(alias="rounded", description="As a map needs it: amounts rounded.")] = False,
) -> Response:  # fmt: skip
    """The plan of a slot as an Arrow stream: a row a cell, in the order of /v1/cells.arrow.

    `binding`, what stops a cell from having more, is a column of it where the scenario computes capacity.

    `rounded`: a fifth of the bytes, for whoever draws it. Round trips come in tenths of a millisecond (`rtt_tenth_ms`),
    rates to three digits, and `yes` and `no` not at all. Its hash is the whole plan's, and cannot be computed from it.

    Why it is a lesser plan is told in few fixed words but to the operator's viewers; its hash is the whole plan's.
    """
    runtime: Runtime = request.app.state.runtime
    held = runtime.current
    if held is not None and held.plan.number == number:
        return _plan(request, held.cells, held.plan.sha256, held.plan.degraded, as_map=as_map)
    with reading(runtime.engine) as connection:
        stated = select(plans.c.cells, slots.c.plan, slots.c.degraded).join(slots, slots.c.number == plans.c.number)
        row = connection.execute(stated.where(plans.c.number == number)).one_or_none()
    if row is None:
        raise Problem(404, f"There is no plan of slot {number}, or it is no longer kept.")
    return _plan(request, bytes(row.cells), row.plan, row.degraded, as_map=as_map)


@router.get("/cells.arrow", response_class=Response, responses=ARROW)
def cells(request: Request) -> Response:
    """The cells of the network, in the order in which every plan has its rows."""
    runtime: Runtime = request.app.state.runtime
    return _arrow(request, runtime.cells_arrow, runtime.cells_sha256)


def _plan(request: Request, content: bytes, sha256: str, degraded: str, *, as_map: bool) -> Response:
    """A plan as who asks may read it."""
    said = insides.degraded(degraded)
    if said != degraded and not insides.sees_why(principal_of(request)):
        content, sha256 = plan_arrow.retold(content, said), f"{sha256}-told"
    if as_map:
        return pages.packed(request, rounded.sent(content, sha256), {"Cache-Control": FOR_EVER})
    return _arrow(request, content, sha256)


def _arrow(request: Request, content: bytes, sha256: str) -> Response:
    tag = pages.etag(sha256)
    headers = {"ETag": tag, "Cache-Control": FOR_EVER if "/slots/" in request.url.path else "private, no-cache"}
    return pages.unchanged(request, tag) or Response(content, media_type=plan_arrow.MEDIA_TYPE, headers=headers)


def _slot(request: Request, number: int) -> SlotRead:
    runtime: Runtime = request.app.state.runtime
    with reading(runtime.engine) as connection:
        row = connection.execute(select(slots).where(slots.c.number == number)).mappings().one_or_none()
    if row is None:
        raise Problem(404, f"There is no slot {number}.")
    return _read(row, runtime.twin.slots.slot_s, principal_of(request))


def _read(row: Any, slot_s: float, reader: Principal | None) -> SlotRead:
    """A row as somebody may read it."""
    applied_at = row["applied_at"]
    why, counts = insides.sees_why(reader), reader is not None and reader.party == OPERATOR
    return SlotRead(
        number=str(row["number"]),
        begins_at=_text(row["begins_at"]),
        slot_s=slot_s,
        ledger=Tree(size=str(row["ledger_size"]), root=row["ledger_root"]),
        stored_at=_text(row["stored_at"]),
        applied_at=None if applied_at is None else _text(applied_at),
        degraded=row["degraded"] if why else insides.degraded(row["degraded"]),
        summary=insides.summary(json.loads(row["summary"]), why=why, counts=counts),
        **{name: row[name] for name in ("plan", "rule_set", "network")},
    )


def _text(at_s: float) -> str:
    return instant_text(instant_of(at_s))
