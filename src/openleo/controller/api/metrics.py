"""GET /metrics: for Prometheus on this machine, and elsewhere for whoever shows a viewer's token."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from openleo.controller.access import Role, needs_off_loopback
from openleo.controller.observed import look

router = APIRouter(tags=["health"])
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@router.get(
    "/metrics",
    dependencies=[Depends(needs_off_loopback(Role.VIEWER, operator_only=True))],
    response_class=Response,
    responses={200: {"content": {MEDIA_TYPE.partition(";")[0]: {"schema": {"type": "string"}}}}},
)
def metrics(request: Request) -> Response:
    """What the controller counts of itself, in Prometheus's text format."""
    runtime = request.app.state.runtime
    look(runtime, request.app.state.desk)
    return Response(runtime.metrics.text(), media_type=MEDIA_TYPE)
