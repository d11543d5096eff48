"""What happens, as server-sent events: `slot`, `policy` and `alert`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response
from starlette.concurrency import run_in_threadpool

from openleo.controller import events
from openleo.controller.access import Principal, Role, needs
from openleo.controller.api import insides
from openleo.controller.problems import Problem
from openleo.controller.runtime import Runtime

router = APIRouter(prefix="/v1", tags=["events"])
STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {events.MEDIA_TYPE: {"schema": {"type": "string"}}}}}
MOST_LISTENERS = 200
Listener = Annotated[Principal, Depends(needs(*Role))]


@router.get("/events", response_class=Response, responses=STREAM)
async def listen(
    request: Request,
    principal: Listener,
    last_event_id: Annotated[str | None, Header(max_length=20, pattern="^[0-9]*$")] = None,
) -> events.EventStream:
    """What came after the event that Last-Event-ID names, and then what comes; without it, what comes.

    Events that are older than those kept are not told: a gap in the ids shows it. A comment comes where nothing does.
    Who does not take what is sent is dropped, and comes back with the id of the last event that it has. So does who has
    listened for an hour: whether they still may is asked again. Why an alarm is on, the operator's viewers are told.
    """
    runtime: Runtime = request.app.state.runtime
    known = int(last_event_id) if last_event_id else await run_in_threadpool(events.newest, runtime.engine)
    if runtime.hub.listeners >= MOST_LISTENERS:
        raise Problem(503, "There are too many listeners.", headers={"Retry-After": "30"})
    most = runtime.settings.listeners_per_principal
    if runtime.hub.listening[principal.id] >= most:
        raise Problem(429, f"You listen {most} times already.", headers={"Retry-After": "30"})
    if insides.sees_why(principal):
        return events.EventStream(runtime.hub, min(known, 2**62), principal.id)
    return events.EventStream(runtime.hub, min(known, 2**62), principal.id, told=insides.event)
