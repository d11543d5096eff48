"""Whether the controller lives, and whether it does its work; open to anybody."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from openleo.controller.database import Unavailable, reading
from openleo.controller.in_force import network_fault
from openleo.controller.runtime import Runtime
from openleo.instants import instant_text

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers; nothing else is asked."""
    return {"status": "alive"}


@router.get("/readyz")
def readyz(request: Request) -> JSONResponse:
    """Whether slots are planned in time, who leads, and what is to be said of the rules in force.

    503 where the database cannot be read, or no plan is in force.
    """
    runtime: Runtime = request.app.state.runtime
    checks: dict[str, Any] = {"database": _database(runtime), "plan": _plan(runtime)}
    ready = all(said == "ok" for said in checks.values())
    answer = {
        "ready": ready,
        "checks": checks,
        "role": "leading" if runtime.role.leading else "standing by",
        "outcomes": dict(runtime.outcomes),
        "warnings": _warnings(runtime),
    }
    return JSONResponse(answer, 200 if ready else 503)


def _database(runtime: Runtime) -> str:
    try:
        with reading(runtime.engine) as connection:
            connection.exec_driver_sql("select 1")
    except Unavailable as error:
        return f"cannot be read: {error}"
    return "ok"


def _plan(runtime: Runtime) -> str:
    plan = runtime.plan_now()
    if plan is None:
        return "no plan is in force"
    return f"a lesser one: {plan.degraded}" if plan.degraded else "ok"


def _warnings(runtime: Runtime) -> list[str]:
    held = runtime.in_force
    if held is None:
        return ["what is in force has not been read yet"]
    said = [] if held.witnessed else [held.unwitnessed_because]
    if held.alarm is not None:
        said.append(f"{held.alarm.why} What is in force stays until {instant_text(held.alarm.until)}.")
    if fault := network_fault(held, runtime.twin.network):
        said.append(fault)
    return said
