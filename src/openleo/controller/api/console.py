"""The console: its page, which is anybody's and holds no data, and what it draws the network from.

    /   /assets/<NAME>   the page as it was built      /v1/network   the scene, for whoever may read slots

The page asks for the rest by the API, as its reader may. The policy sent with it keeps it from anywhere else.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response

from openleo.console.pages import HOW, PAGE, File, files
from openleo.controller import pages
from openleo.controller.access import Role, needs
from openleo.controller.pages import ANY_KEYS
from openleo.controller.problems import Problem
from openleo.controller.runtime import Runtime

router = APIRouter(tags=["console"])
POLICY = "; ".join(
    (
        "default-src 'none'", "script-src 'self'", "worker-src 'self' blob:", "style-src 'self'",
        "img-src 'self' data: blob:", "connect-src 'self'", "font-src 'self'", "base-uri 'none'", "form-action 'none'",
        "frame-ancestors 'none'",
    )
)  # fmt: skip
OURS = {"Content-Security-Policy": POLICY, "Cross-Origin-Resource-Policy": "same-origin"}
AGAIN, FOR_GOOD = "no-cache", "public, max-age=31536000, immutable"
TEXT = {"schema": {"type": "string"}}
HTML: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": TEXT}}}
ASSET: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/javascript": TEXT, "text/css": TEXT}},
    304: {"description": "As the client has it."},
}
SCENE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"schema": {"type": "object"}}}},
    304: {"description": "As the client has it."},
}


@router.get("/", response_class=Response, responses=HTML, summary="The console", openapi_extra={ANY_KEYS: True})
def page(request: Request) -> Response:
    """The page in which people see the network. It holds no data: it asks for them, as its reader may.

    What it shows stands in its address, so that any query is taken. 404 where the page is not built.
    """
    return _sent(request, PAGE)


@router.get("/assets/{name:path}", response_class=Response, responses=ASSET, summary="A part of the console's page")
def asset(request: Request, name: Annotated[str, Path(description="As the page names it.")]) -> Response:
    """Its script, its styles, its symbols. A name with a hash in it never means other bytes."""
    return _sent(request, f"assets/{name}")


@router.get(
    "/v1/network", response_class=Response, responses=SCENE, dependencies=[Depends(needs(*Role))],
    summary="What the network is drawn from",
)  # fmt: skip
def network(request: Request) -> Response:
    """All that does not change from slot to slot: how each satellite moves, links, gateways, PoPs, borders.

    Asked for once: positions are computed by whoever draws them. The same until newer elements move satellites.
    """
    runtime: Runtime = request.app.state.runtime
    return pages.packed(request, runtime.scenes.of(runtime.twin), {"Cache-Control": "private, no-cache"})


def _sent(request: Request, name: str) -> Response:
    """A file of the built page; there is nothing but what it lists, whatever a name looks like."""
    there = files()
    if not there:
        raise Problem(404, HOW, "not-built")
    found: File | None = there.get(name)
    if found is None:
        raise Problem(404, "The console's page has no such part.")
    return pages.packed(request, found, OURS | {"Cache-Control": FOR_GOOD if found.for_good else AGAIN})
