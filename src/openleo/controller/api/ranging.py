"""Round trips that gateways have measured of terminals: the operator's programs bring them, in batches.

Where a terminal is comes of these and of nothing that it says itself. Who writes them can end a terminal's service, so
it takes the role that changes terminals, at the operator; each batch is audited as a writing of positions.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator

from openleo import cells as h3cells
from openleo.controller import audit
from openleo.controller.access import needs
from openleo.controller.database import writing
from openleo.controller.lease_desk import LeaseDesk
from openleo.controller.lease_request import TerminalId
from openleo.controller.location import MOST_MEASUREMENTS, MeasurementRecord
from openleo.controller.problems import not_now
from openleo.controller.ranged import Heard, Ranged
from openleo.controller.roles import Principal, Role

router = APIRouter(prefix="/v1/ranging", tags=["ranging"])
Writer = Annotated[Principal, Depends(needs(Role.REQUESTER, operator_only=True))]
MOST_IN_A_BATCH = 1_000  # terminals


class Measured(BaseModel):
    """What was measured of one terminal."""

    model_config = ConfigDict(extra="forbid")

    terminal: TerminalId
    cell: Annotated[str, Field(max_length=16)] | None = Field(
        None, description="H3, in hexadecimal: the cell whose beam it was heard in."
    )
    measurements: list[MeasurementRecord] = Field(default=[], max_length=MOST_MEASUREMENTS)

    @field_validator("cell")
    @classmethod
    def is_cell(cls, said: str | None) -> str | None:
        if said is not None and not h3cells.is_cell(said):
            raise ValueError("is no H3 cell")
        return said


class Batch(BaseModel):
    """Of many terminals; one that stands in it twice counts as often."""

    model_config = ConfigDict(extra="forbid")

    terminals: list[Measured] = Field(min_length=1, max_length=MOST_IN_A_BATCH)


class Taken(BaseModel):
    """What became of a batch."""

    terminals: int = Field(description="Of which something was heard, and that are registered.")
    measurements: int
    not_of_now: int = Field(description="Measurements too old to count, or ahead of the clock.")
    unknown: int = Field(description="Terminals that no registry knows.")


@router.post("", summary="Round trips that were measured")
def ranging_take(request: Request, principal: Writer, batch: Batch) -> Taken:
    """The leader takes them; 503 elsewhere. What was sent twice counts once."""
    runtime = request.app.state.runtime
    desk: LeaseDesk = request.app.state.desk
    ranged: Ranged = request.app.state.ranged
    now_s = runtime.clock.now_s()
    if not runtime.role.leading:
        raise not_now("Another controller leads; nothing was taken.", slug="not-leading")
    heard = [
        Heard(one.terminal, tuple(one.measurements), int(one.cell, 16) if one.cell else 0) for one in batch.terminals
    ]
    known = [one for one in heard if one.terminal in desk.known]
    with writing(runtime.engine) as connection:
        about = f"ranging of {len(known)} terminals"
        audit.record(connection, now_s, principal, "wrote_positions", about, {"terminals": len(known)})
    for one in heard:
        if one.terminal not in desk.known:
            desk.strangers.note(one.terminal, now_s)
    late = ranged.hear(known, now_s)
    count = sum(len(one.measurements) for one in known)
    return Taken(terminals=len(known), measurements=count - late, not_of_now=late, unknown=len(heard) - len(known))
