"""The controller's HTTP service: every route, what a request may be, and how a refusal is answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI

import openleo
from openleo.controller import door, openapi, problems, ranging_watch
from openleo.controller.api import (
    accounts,
    audit,
    changes,
    console,
    events,
    evidence,
    genesis,
    health,
    jobs,
    leases,
    ledger,
    login,
    metrics,
    people,
    places,
    policy,
    ranging,
    slots,
    terminals,
    tokens,
)
from openleo.controller.bodies import Bodies
from openleo.controller.jobs import Jobs
from openleo.controller.lane import Lane, Service
from openleo.controller.lease_office import at_work
from openleo.controller.loop import SlotLoop
from openleo.controller.misuse_watch import watching
from openleo.controller.pages import known_keys
from openleo.controller.runtime import Runtime

ROUTERS = (
    health.router, leases.router, slots.router, events.router, evidence.router, login.router, people.router,
    tokens.router, audit.router, terminals.router, accounts.router, changes.router, jobs.router, places.router,
    policy.router,
    ledger.router, ledger.for_auditors, genesis.router, metrics.router, ranging.router,
    console.router,
)  # fmt: skip


def create_app(runtime: Runtime, *, loop: bool = True) -> Service:
    """The service over a runtime; with `loop` its slots run as long as it does."""

    @asynccontextmanager
    async def lives(_app: FastAPI) -> AsyncIterator[None]:
        running = SlotLoop(runtime) if loop else None
        listening = asyncio.create_task(runtime.hub.run())
        if running:
            running.start()
        try:
            ranged = ranging_watch.open_ranged(runtime)
            async with (
                at_work(runtime, ranged) as desk,
                watching(runtime, desk, ranged),
                ranging_watch.ranging(runtime, ranged),
            ):
                _app.state.desk, _app.state.ranged = desk, ranged
                desk.wait_s = _app.state.limits.terminal
                yield
        finally:
            _app.state.jobs.close()
            await runtime.hub.stop()
            await listening
            if running:
                await asyncio.to_thread(running.stop)

    app = _routed(lives)
    app.state.runtime, app.state.jobs = runtime, Jobs()
    app.lane = Lane(runtime, app.state)
    problems.install(app)
    set_ = runtime.settings
    app.add_middleware(Bodies, most=set_.body_bytes_max, most_of_a_table=set_.upload_bytes_max)
    door.install(app, runtime)
    return app


def described() -> dict[str, Any]:
    """The OpenAPI document of every route, of no controller in particular."""
    return _routed(None).openapi()


def _routed(lives: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None) -> Service:
    app = Service(
        title="OpenLEO controller",
        version=openleo.__version__,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # it would send people to whatever host their request names
        lifespan=lives,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # ours is in `tracing` and `metrics`
        dependencies=[Depends(known_keys)],
    )
    for router in ROUTERS:
        app.include_router(router)
    app.openapi = openapi.document(app)  # type: ignore[method-assign]
    return app
