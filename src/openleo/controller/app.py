"""The controller's HTTP service: every route, what a request may be, and how a refusal is answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

import openleo
from openleo.controller import door, problems
from openleo.controller.api import audit, evidence, health, leases, login, people, slots, tokens
from openleo.controller.lease_office import at_work
from openleo.controller.loop import SlotLoop
from openleo.controller.misuse_watch import watching
from openleo.controller.runtime import Runtime

ROUTERS = (
    health.router, leases.router, slots.router, evidence.router, login.router, people.router, tokens.router,
    audit.router,
)  # fmt: skip


def create_app(runtime: Runtime, *, loop: bool = True) -> FastAPI:
    """The service over a runtime; with `loop` its slots run as long as it does."""

    @asynccontextmanager
    async def lives(_app: FastAPI) -> AsyncIterator[None]:
        running = SlotLoop(runtime) if loop else None
        if running:
            running.start()
        try:
            async with at_work(runtime) as desk, watching(runtime, desk):
                _app.state.desk = desk
                yield
        finally:
            if running:
                running.stop()

    app = FastAPI(
        title="OpenLEO controller",
        version=openleo.__version__,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lives,
    )
    app.state.runtime = runtime
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    door.install(app, runtime)
    return app
