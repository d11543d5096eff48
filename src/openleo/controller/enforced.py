"""A slot's terminals, beside its cells: every lease decided again for the plan, and the summary of it on the ledger."""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import Engine

from openleo.controller import enforcement_summary as on_ledger
from openleo.controller.database import reading
from openleo.controller.enforcement import Enforced, Lands, enforce
from openleo.controller.held import Said, held, not_said
from openleo.controller.in_force import InForce
from openleo.controller.lease_offers import ground
from openleo.controller.slot_plan import SlotPlan
from openleo.controller.twin import Twin
from openleo.instants import instant_of

if TYPE_CHECKING:
    from openleo.controller.runtime import Runtime


def terminals_of(engine: Engine, twin: Twin, plan: SlotPlan, in_force: InForce, said: Said = not_said) -> Enforced:
    """Who of those that hold a lease in the plan's slot is served. Raises Unavailable."""
    with reading(engine) as connection:
        holding = held(connection, plan.number, plan.begins_s, in_force.meant, said)
    if not len(holding):
        nobody = np.empty(0, np.uint8), np.empty(0, np.int64)
        return Enforced(holding, plan, in_force.rules.sha256, *nobody, ())
    gateways = twin.case.network.gateways
    stands = ground(gateways.stations, gateways.pops)  # as leases are given by
    return enforce(holding, in_force.rules, plan, Lands(stands.gateway_lands, stands.pop_lands))


def summarise(runtime: Runtime, in_force: InForce) -> None:
    """Log what the plan in force enforces, where that is due. Raises what `log` raises."""
    made, every_h = runtime.enforced, runtime.settings.enforcement_summary_hours
    now_s = runtime.clock.now_s()
    if made is None or not on_ledger.due(in_force, on_ledger.last(runtime.engine), now_s, every_h):
        return
    summary = on_ledger.Summary(made, runtime.twin.slots.slot_s, secrets.token_bytes(on_ledger.SECRET_BYTES))
    runtime.later(partial(_log, runtime, in_force, summary))


def _log(runtime: Runtime, in_force: InForce, summary: on_ledger.Summary) -> None:
    on_ledger.log(runtime.gate.reader.folder, summary, lambda: instant_of(runtime.clock.now_s()))
    on_ledger.remember(runtime.engine, in_force, runtime.clock.now_s(), runtime.leader.role.token)
