"""The desk of a running controller: what decides there is what the runtime has applied."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import replace

from openleo.cells import resolution_of
from openleo.controller.aside import one_thread
from openleo.controller.database import Unavailable
from openleo.controller.lease_desk import LeaseDesk
from openleo.controller.lease_inputs import Now
from openleo.controller.lease_offers import Ground, Offers, ground
from openleo.controller.leases import Terms
from openleo.controller.ranged import Ranged
from openleo.controller.runtime import Runtime
from openleo.instants import instant_of

LOOK_S = 0.1  # between two looks at whether another slot has begun, or the lead was taken
AGAIN_S = 1.0  # after a step that failed
ALARM = "desk"
LOG = logging.getLogger("openleo.controller")


class Office:
    """Gives, for any instant, what decides then; the plan as decisions read it is made once a slot."""

    def __init__(self, runtime: Runtime):
        self._runtime = runtime
        gateways = runtime.twin.case.network.gateways
        self._ground: Ground = ground(gateways.stations, gateways.pops)
        self._offers: Offers | None = None
        self._of: object = None  # the plan that they were made of

    def now(self, now_s: float) -> Now | None:
        """None before the first plan, and before it is known what is in force."""
        plan, in_force = self._runtime.plan_at(now_s), self._runtime.in_force
        if plan is None or in_force is None:
            return None
        if self._offers is None or plan is not self._of:
            self._offers, self._of = Offers(plan, self._ground), plan
        if len(in_force.phases) > 1:  # break-glass begins and lapses between two readings of the ledger
            in_force = in_force.at(instant_of(now_s))
        return Now(in_force, self._offers)


def open_desk(runtime: Runtime, ranged: Ranged) -> LeaseDesk:
    """The desk; it gives nothing before its first step as the leader's."""
    office = Office(runtime)

    def now(now_s: float) -> Now | None:
        if desk.terms.lease_slots != runtime.lease_slots:  # a roster came into force
            desk.terms = replace(desk.terms, lease_slots=runtime.lease_slots)
        return office.now(now_s)

    desk = LeaseDesk(
        runtime.engine,
        runtime.clock,
        resolution_of(runtime.twin.cells),
        Terms(runtime.lease_slots, beam_km=runtime.twin.beam_km),
        now,
        lambda: runtime.role.token if runtime.role.leading else None,
        seal=runtime.seal,
        metrics=runtime.metrics,
        locate=ranged.whereabouts,
    )
    return desk


@asynccontextmanager
async def at_work(runtime: Runtime, ranged: Ranged) -> AsyncIterator[LeaseDesk]:
    """A desk that is open: from within the event loop that asks it."""
    desk = open_desk(runtime, ranged)
    desk.start()
    runtime.said, runtime.taking_over = desk.said, desk.taking_over
    with one_thread("desk") as thread:
        following = asyncio.create_task(_follow(desk, runtime, thread))
        try:
            yield desk
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await asyncio.to_thread(desk.stop)


async def _follow(desk: LeaseDesk, runtime: Runtime, thread: Executor) -> None:
    """The desk's step, whenever a slot begins or the lead was taken; what fails is tried again."""
    done: tuple[int, int | None] | None = None
    while True:
        plan = runtime.current
        due = None if plan is None else (plan.plan.number, runtime.role.token)
        if due is not None and due != done:
            try:
                await asyncio.get_running_loop().run_in_executor(thread, desk.step, due[0])
                done = due
                runtime.alarms.clear(ALARM)
            except Unavailable as error:
                LOG.warning("the desk of leases waits for the database: %s", error)
            except Exception as error:  # whatever it is: leases lapse while nobody goes on with them
                LOG.exception("the desk of leases cannot go on")
                runtime.alarms.set(ALARM, f"the desk of leases cannot go on: {type(error).__name__}; see the log")
        await asyncio.sleep(LOOK_S if done == due else AGAIN_S)
