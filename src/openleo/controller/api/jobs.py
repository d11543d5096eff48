"""Long work that a request begins: begun for several routes, and told of at one.

What a job did stands on the ledger; whoever began it, and their party, may ask how far it is.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from openleo.controller.access import Principal, Role, hidden, needs
from openleo.controller.jobs import Jobs, TooMany, Work
from openleo.controller.pages import OnceRoute
from openleo.controller.problems import Problem, not_now

router = APIRouter(prefix="/v1", tags=["changes"], route_class=OnceRoute)
Reader = Annotated[Principal, Depends(needs(*Role))]


@router.get("/jobs/{id}", summary="How far something is that was begun")
def jobs_show(request: Request, principal: Reader, id: str) -> dict[str, Any]:
    """Yours, and those of your party; one that tells of places is its own asker's alone."""
    job = _jobs(request).find(id)
    missing = "There is no such job; what it did, the ledger says."
    if job is None:
        raise Problem(404, missing)
    if job.party != principal.party or job.owner not in ("", principal.id):
        raise hidden(request, missing)
    return job.as_json()


def start_job(
    request: Request, response: Response, principal: Principal, what: str, work: Work, *, heavy: bool = False,
    private: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Begin long work, and say where it is told of; `private`: to nobody else of the party. Raises Problem."""
    owner = principal.id if private else ""
    try:
        job = _jobs(request).start(what, principal.party, work, heavy=heavy, owner=owner)
    except TooMany as error:
        raise not_now(f"{error}; come again later.", 30.0, "too-many-jobs") from None
    response.headers["location"] = f"/v1/jobs/{job.id}"
    return {"job": job.id, "location": f"/v1/jobs/{job.id}"}


def _jobs(request: Request) -> Jobs:
    """Those of this controller."""
    found: Jobs = request.app.state.jobs
    return found
