"""Whether the controller lives, and whether it does its work; open to anybody."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from openleo.controller import elements_file
from openleo.controller.access import principal_of
from openleo.controller.api.insides import HIDDEN, sees_why
from openleo.controller.database import Unavailable, reading
from openleo.controller.in_force import UNREAD
from openleo.controller.lease_desk import TAKING_OVER
from openleo.controller.runtime import Runtime

router = APIRouter(tags=["health"])
OK = "ok"


class Alive(BaseModel):
    """The process answers."""

    status: str = "alive"


class Ready(BaseModel):
    """Whether the controller does its work."""

    ready: bool
    role: str = Field(description="leading, or standing by")
    checks: dict[str, str] = Field(description="ok, or what is wrong")
    alarms: dict[str, str] = Field(description="What is out of order now, by its name; why is told to viewers alone.")
    ephemeris: dict[str, Any] | None = Field(
        description="Where satellites are known from: how old elements are, and how far off that leaves them."
        " null: from no element sets."
    )
    warnings: list[str] = Field(description="What has to be said of the rules in force.")


@router.get("/healthz")
async def healthz() -> Alive:
    """The process answers; nothing else is asked."""
    return Alive()


@router.get("/readyz", responses={503: {"model": Ready, "description": "Not ready."}})
def readyz(request: Request, response: Response) -> Ready:
    """Whether slots are planned in time, who leads, and what is to be said of the rules in force.

    503 where the database cannot be read, no plan is in force, or the lead was just taken and no lease is given yet.
    """
    runtime: Runtime = request.app.state.runtime
    checks = {
        "database": _database(runtime),
        "plan": OK if runtime.plan_now() else "no plan is in force",
        "leases": TAKING_OVER if runtime.taking_over() else OK,
    }
    ready = all(said == OK for said in checks.values())
    response.status_code = 200 if ready else 503
    shown = sees_why(principal_of(request))
    return Ready(
        ready=ready,
        role="leading" if runtime.role.leading else "standing by",
        checks=checks,
        alarms=runtime.alarms.now if shown else dict.fromkeys(runtime.alarms.now, HIDDEN),
        ephemeris=_ephemeris(runtime, shown),
        warnings=_warnings(runtime),
    )


def _ephemeris(runtime: Runtime, shown: bool) -> dict[str, Any] | None:
    said = elements_file.said_of(runtime.twin, runtime.clock.now_s(), runtime.elements)
    return None if said is None else {**said, "fault": said["fault"] if shown or not said["fault"] else HIDDEN}


def _database(runtime: Runtime) -> str:
    try:
        with reading(runtime.engine) as connection:
            connection.exec_driver_sql("select 1")
    except Unavailable:  # why is in the alarms' log: it names the database's host, and anybody reads this
        return "cannot be read"
    return OK


def _warnings(runtime: Runtime) -> list[str]:
    held = runtime.in_force
    if held is None:
        return ["what is in force has not been read yet"]
    # The alarm "ledger" tells viewers why it cannot be read.
    because = held.unwitnessed_because
    return [] if held.witnessed else [UNREAD if because.startswith(UNREAD) else because]
