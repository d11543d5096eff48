"""Telemetry of a running controller: a step whenever a slot has begun, beside the desk of leases."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from contextlib import asynccontextmanager

from openleo.cells import resolution_of
from openleo.controller.aside import one_thread
from openleo.controller.database import Fenced, Unavailable
from openleo.controller.lease_desk import LeaseDesk
from openleo.controller.ranged import Ranged
from openleo.controller.runtime import Runtime
from openleo.controller.telemetry import Bounds, Telemetry

LOOK_S = 0.5
HOUR_S = 3_600.0
LOG = logging.getLogger("openleo.controller")
ALARM = "detectors"


def open_telemetry(runtime: Runtime, desk: LeaseDesk, ranged: Ranged) -> Telemetry:
    """Detectors that have seen nothing yet: what waits to be reviewed stands in the table."""
    return Telemetry(
        runtime.engine,
        runtime.clock.now_s,
        lambda: runtime.role.token if runtime.role.leading else None,
        desk.in_force,
        Bounds(runtime.settings.hold_hours * HOUR_S, runtime.settings.holds_a_day),
        runtime.alarms,
        resolution_of(runtime.twin.cells),
        strangers=desk.strangers,
        abroad=desk.abroad,
        cell_of=ranged.cell,
        holder_terminals=runtime.settings.holder_terminals,
    )


@asynccontextmanager
async def watching(runtime: Runtime, desk: LeaseDesk, ranged: Ranged) -> AsyncIterator[Telemetry]:
    """While the service lives."""
    telemetry = open_telemetry(runtime, desk, ranged)
    with one_thread("misuse") as thread:
        following = asyncio.create_task(_follow(telemetry, runtime, thread))
        try:
            yield telemetry
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def _follow(telemetry: Telemetry, runtime: Runtime, thread: Executor) -> None:
    """What fails now is tried again in the next slot; a detector's fault ends no service."""
    done = -1
    while True:
        held = runtime.current
        if held is not None and held.plan.number != done:
            done = held.plan.number
            try:
                await asyncio.get_running_loop().run_in_executor(thread, telemetry.step, done)
                runtime.alarms.clear(ALARM)
            except (Unavailable, Fenced) as error:
                LOG.warning("misuse is not looked for in this slot: %s", error)
            except Exception as error:  # leases go on without it
                LOG.exception("looking for misuse failed")
                runtime.alarms.set(ALARM, f"misuse is not looked for: {type(error).__name__}; see the log")
        await asyncio.sleep(LOOK_S)
