"""The slots: which runs, what was planned in each, and the map of cells as Arrow."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from sqlalchemy import select

from openleo.controller import plan_arrow
from openleo.controller.access import Role, needs
from openleo.controller.database import reading
from openleo.controller.problems import Problem, not_now
from openleo.controller.runtime import Runtime
from openleo.controller.tables import plans, slots
from openleo.instants import instant_text

router = APIRouter(prefix="/v1", tags=["slots"], dependencies=[Depends(needs(*Role))])
Number = Annotated[int, Path(ge=0, lt=2**53, description="The slot's number.")]
ARROW: dict[int | str, dict[str, Any]] = {200: {"content": {plan_arrow.MEDIA_TYPE: {}}}}


@router.get("/slots/current")
def current(request: Request) -> dict[str, Any]:
    """The slot whose plan is applied."""
    runtime: Runtime = request.app.state.runtime
    held = runtime.current
    if held is None:
        raise not_now("No plan has been applied yet.", runtime.twin.slots.slot_s, "no-plan")
    return _slot(runtime, held.plan.number)


@router.get("/slots/{number}")
def slot(request: Request, number: Number) -> dict[str, Any]:
    """What was planned in a slot, and when."""
    return _slot(request.app.state.runtime, number)


@router.get("/slots/{number}/cells.arrow", response_class=Response, responses=ARROW)
def cells_of_slot(request: Request, number: Number) -> Response:
    """The plan of a slot: a row a cell, in the order of /v1/cells.arrow."""
    runtime: Runtime = request.app.state.runtime
    held = runtime.current
    if held is not None and held.plan.number == number:
        return Response(held.arrow, media_type=plan_arrow.MEDIA_TYPE)
    with reading(runtime.engine) as connection:
        content = connection.execute(select(plans.c.cells).where(plans.c.number == number)).scalar_one_or_none()
    if content is None:
        raise Problem(404, f"There is no plan of slot {number}, or it is no longer kept.")
    return Response(bytes(content), media_type=plan_arrow.MEDIA_TYPE)


@router.get("/cells.arrow", response_class=Response, responses=ARROW)
def cells(request: Request) -> Response:
    """The cells of the network, in the order in which every plan has its rows."""
    runtime: Runtime = request.app.state.runtime
    return Response(runtime.cells_arrow, media_type=plan_arrow.MEDIA_TYPE)


def _slot(runtime: Runtime, number: int) -> dict[str, Any]:
    with reading(runtime.engine) as connection:
        row = connection.execute(select(slots).where(slots.c.number == number)).mappings().one_or_none()
    if row is None:
        raise Problem(404, f"There is no slot {number}.")
    applied_at = row["applied_at"]
    return {
        "number": str(number),
        "begins_at": _text(row["begins_at"]),
        "slot_s": runtime.twin.slots.slot_s,
        "plan": row["plan"],
        "rule_set": row["rule_set"],
        "network": row["network"],
        "ledger": {"size": str(row["ledger_size"]), "root": row["ledger_root"]},
        "degraded": row["degraded"],
        "stored_at": _text(row["stored_at"]),
        "applied_at": None if applied_at is None else _text(applied_at),
        "summary": json.loads(row["summary"]),
    }


def _text(at_s: float) -> str:
    return instant_text(datetime.fromtimestamp(at_s, UTC))
