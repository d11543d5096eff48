"""A place asked about: is it served in a slot, under which rules, by which way, and what comes next.

What is told of a slot is its plan's; what is computed beside it (the terms of the round trip, hand-overs, a day) agrees
with the plan or is not told. A place asked about is no terminal's position: everybody who reads plans may ask.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import BoundedSemaphore
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from openleo import cells as h3cells
from openleo.controller import one_cell, plan_store
from openleo.controller.access import Role, needs
from openleo.controller.in_force import InForce
from openleo.controller.one_cell import NotAsPlanned
from openleo.controller.problems import Problem, not_now
from openleo.controller.runtime import Runtime
from openleo.controller.skies import Busy, Skies
from openleo.controller.slot_plan import NOBODY, NOT_COMPUTED, SlotPlan, unpacked
from openleo.controller.twin import Twin
from openleo.instants import instant_of, instant_text
from openleo.network.capacity.caps import Binding
from openleo.network.hand_overs import HandOver
from openleo.places import point
from openleo.places.point import Where
from openleo.policy.decide import Because, Decision, Outcome, decide
from openleo.policy.request import Request as Asked
from openleo.service.serve import Reason, reasons_in_slot

router = APIRouter(prefix="/v1/places", tags=["places"], dependencies=[Depends(needs(*Role))])
Latitude = Annotated[float, Query(ge=-90.0, le=90.0, allow_inf_nan=False, description="Degrees, WGS 84.")]
Longitude = Annotated[float, Query(ge=-180.0, le=180.0, allow_inf_nan=False, description="Degrees, WGS 84.")]
Slot = Annotated[int | None, Query(ge=0, lt=2**53, description="The slot's number. [default: the one in force]")]
Class = Annotated[str | None, Query(alias="class", max_length=100, description="Of terminals. [default: every one]")]
DAYS_AT_ONCE = 1
AGAIN_S = 5.0
_days = BoundedSemaphore(DAYS_AT_ONCE)  # a day takes seconds: whoever else asks comes again


class RuleRead(BaseModel):
    """A rule that made a decision, and where in the ledger it came from."""

    rule: str
    book: str
    effect: str
    authority: str
    reason: str
    legal_reference: str
    change: str | None = Field(description="By which its book holds; null: break-glass, or not known.")
    entry: str | None = Field(description="Of the ledger, which put that change into force.")


class DecisionRead(BaseModel):
    """What the rules say of the very place, to a terminal of a class of which nothing else is known."""

    decision: str
    because: list[RuleRead]
    missing: list[str] = Field(description="What of the terminal, or its place, would have to be known.")
    valid_until: str | None


class ClassRead(BaseModel):
    """A class of terminals in the place's cell."""

    name: str
    reason: str | None = Field(description="Why nobody of it is served in the cell, or served; null: no cell.")
    depends: bool = Field(description="The plan leaves it to each terminal: a border, or what only it can know.")
    decision: DecisionRead | None = Field(description="null: other rules were in force then.")


class TermRead(BaseModel):
    """A term of the round trip, both ways together."""

    name: str
    about: str
    ms: float


class HopRead(BaseModel):
    """A link, one way."""

    kind: str
    start: str
    end: str
    length_km: float


class HandOverRead(BaseModel):
    """A change of satellite; "" for nobody."""

    at: str
    from_satellite: str
    to_satellite: str
    why: str
    rtt_ms_after: float | None


class PlaceRead(BaseModel):
    """What is known of a place in a slot."""

    lat_deg: float
    lon_deg: float
    territories: list[str] = Field(description="Labels of where it may be: a border has several.")
    slot: str
    begins_at: str
    rule_set: str
    ledger_size: str
    cell: str | None = Field(description="H3; null: the network has no cell there.")
    classes: list[ClassRead]
    satellite: str | None
    gateway: str | None
    pop: str | None
    rtt_ms: float | None
    down_mbps: float | None = Field(description="Shared by all in the cell; null: nobody is served, or not computed.")
    up_mbps: float | None
    binding: str | None = Field(description="What stops the cell from having more; null: as for the rates.")
    seen: int | None
    terms: list[TermRead] = Field(description="Of the round trip, which they add up to; empty where it is not told.")
    hops: list[HopRead]
    why_no_terms: str | None
    hand_overs: list[HandOverRead] = Field(description="In the 40 slots after it, by satellites alone.")
    why_no_hand_overs: str | None


class SampleRead(BaseModel):
    """One slot of a day."""

    begins_at: str
    reason: str = Field(description="Why nobody of the class would be served, or served.")
    depends: bool = Field(description="The rules leave it to what is known of each terminal.")
    satellite: str | None
    seen: int
    rtt_ms: float | None = Field(description="Without the jitter of the scheduling, which is another in each slot.")


class DayRead(BaseModel):
    """A cell's day ahead, a slot each half hour, nobody having served before and nobody else on the network."""

    lat_deg: float
    lon_deg: float
    cell: str
    class_: str = Field(alias="class")
    rule_set: str
    samples: list[SampleRead]


@dataclass(frozen=True)
class _Found:
    """What a question is answered from; `held`: None where other rules were in force in the slot."""

    twin: Twin
    plan: SlotPlan
    held: InForce | None
    row: int | None


@router.get("", summary="What is known of a place in a slot")
def place(request: Request, lat: Latitude, lon: Longitude, of: Class = None, slot: Slot = None) -> PlaceRead:
    """Is it served, under which rules, by which way, and which satellites come next. Rules decide the very place;
    what a satellite gives is its whole cell's, as seen from its middle.
    """
    found = _found(request, lat, lon, slot)
    plan = found.plan
    where = point.where(lat, lon, 0.0, found.held.rules.regions if found.held else ())
    names = plan.classes if of is None else (_class(plan, of),)
    return PlaceRead(
        lat_deg=lat, lon_deg=lon, territories=list(where.labels) if where else [],
        slot=str(plan.number), begins_at=_text(plan.begins_s), rule_set=plan.rule_set,
        ledger_size=str(plan.ledger_size), cell=_cell(found),
        classes=[_of_class(found, name, where, lat, lon) for name in names],
        **_reached(found, request.app.state.runtime.skies),
    )  # fmt: skip


@router.get("/day", summary="A place's day ahead")
def day(request: Request, lat: Latitude, lon: Longitude, of: Class = None) -> DayRead:
    """From the slot in force on, each half hour: would it be served, and with which round trip, if the rules in force
    stay. Capacity is not computed for it. It takes some seconds: one is computed at a time.
    """
    found = _found(request, lat, lon, None)
    if found.row is None:
        raise Problem(404, "The network has no cell at this place.")
    if found.held is None:
        raise not_now("The plan is of other rules than those in force. Ask again.", found.plan.slot_s)
    name = found.plan.classes[0] if of is None else _class(found.plan, of)
    if not _days.acquire(blocking=False):
        raise not_now("The day of another place is being computed.", AGAIN_S, "busy")
    try:
        samples = one_cell.day(found.twin, found.plan, found.row, _withheld(found))
    finally:
        _days.release()
    where = point.where(lat, lon, 0.0, found.held.rules.regions)
    satellites, read = found.twin.case.network.constellation.satellite_name, []
    for one in samples:
        decision = _decided(found.held, name, where, lat, lon, one.begins)
        depends = decision.outcome is Outcome.INDETERMINATE
        refused = not (decision.permitted or depends)
        reason = reasons_in_slot(np.array([[refused]]), np.array([one.satellite]), np.array([one.seen]))
        read.append(
            SampleRead(
                begins_at=instant_text(one.begins),
                reason=Reason(int(reason[0, 0])).word,
                depends=depends,
                satellite=satellites[one.satellite] if one.satellite >= 0 else None,
                seen=one.seen,
                rtt_ms=_number(one.rtt_ms),
            )
        )
    return DayRead.model_validate(
        {"lat_deg": lat, "lon_deg": lon, "cell": _cell(found), "class": name, "rule_set": found.held.rules.sha256,
         "samples": read}
    )  # fmt: skip


def _found(request: Request, lat: float, lon: float, slot: int | None) -> _Found:
    """Raises Problem where there is no such plan."""
    runtime: Runtime = request.app.state.runtime
    twin, held = runtime.twin, runtime.in_force
    plan = runtime.plan_now() if slot is None else _plan(runtime, twin, slot)
    if plan is None:
        raise not_now("No plan is in force.", twin.slots.slot_s, "no-plan")
    row = one_cell.row_of(plan, lat, lon, twin.case.resolution)
    return _Found(twin, plan, held if held is not None and held.rules.sha256 == plan.rule_set else None, row)


def _plan(runtime: Runtime, twin: Twin, slot: int) -> SlotPlan:
    held = runtime.current
    if held is not None and held.plan.number == slot:
        return held.plan
    try:
        kept = plan_store.of_slot(runtime.engine, slot, twin.cells)
    except ValueError:
        raise Problem(404, f"The plan of slot {slot} is of other cells than the network has now.") from None
    if kept is None:
        raise Problem(404, f"There is no plan of slot {slot}, or it is no longer kept.")
    return kept.plan


def _class(plan: SlotPlan, name: str) -> str:
    if name not in plan.classes:
        raise Problem(422, f"class: there is no such one; there are {', '.join(plan.classes)}.")
    return name


def _of_class(found: _Found, name: str, where: Where | None, lat: float, lon: float) -> ClassRead:
    plan, held, number = found.plan, found.held, found.plan.classes.index(name)
    reason, depends = None, False
    if found.row is not None:
        reason = Reason(int(plan.reason[found.row, number])).word
        sure = (plan.yes | plan.no)[found.row : found.row + 1]
        depends = not bool(unpacked(sure, len(plan.classes))[0, number])
    decision = None
    if held is not None:
        decision = _told(held, _decided(held, name, where, lat, lon, instant_of(plan.begins_s)))
    return ClassRead(name=name, reason=reason, depends=depends, decision=decision)


def _decided(held: InForce, class_: str, where: Where | None, lat: float, lon: float, at: datetime) -> Decision:
    """Of a terminal that stands there exactly, and of which nothing but its class is known."""
    asked = Asked(at=at, class_=class_, latitude_deg=lat, longitude_deg=lon, uncertainty_m=0.0)
    return decide(held.rules, asked, where)


def _told(held: InForce, decision: Decision) -> DecisionRead:
    until = decision.valid_until
    return DecisionRead(
        decision=decision.outcome.value,
        because=[_rule(held, one) for one in decision.because],
        missing=list(decision.missing),
        valid_until=None if until is None else instant_text(until.astimezone(UTC)),
    )


def _rule(held: InForce, because: Because) -> RuleRead:
    book, _ = because.key
    rule = next(one for one in held.rules.rules if one.key == because.key)
    entered = held.entry_of(book)
    return RuleRead(
        rule=because.rule, book=book, effect=rule.effect, authority=because.authority, reason=because.reason,
        legal_reference=rule.legal_reference, change=entered.change if entered else None,
        entry=str(entered.entry) if entered else None,
    )  # fmt: skip


def _reached(found: _Found, skies: Skies) -> dict[str, Any]:
    """What the plan gives the cell, and what comes next."""
    plan, row, network = found.plan, found.row, found.twin.case.network
    nothing: dict[str, Any] = dict.fromkeys(("satellite", "gateway", "pop", "rtt_ms", "down_mbps", "up_mbps", "seen"))
    nothing |= {
        "binding": None,
        "terms": [],
        "hops": [],
        "why_no_terms": None,
        "hand_overs": [],
        "why_no_hand_overs": None,
    }
    if row is None:
        return nothing
    said = nothing | {"seen": int(plan.seen[row])}
    said |= {name: _number(float(getattr(plan, name)[row])) for name in ("rtt_ms", "down_mbps", "up_mbps")}
    said["binding"] = _binding(plan, row)
    if plan.network == found.twin.network:
        gateways = network.gateways
        said["satellite"] = _name(network.constellation.satellite_name, int(plan.satellite[row]))
        said["gateway"] = _name([one.name for one in gateways.stations], int(plan.gateway[row]))
        said["pop"] = _name([one.name for one in gateways.pops], int(plan.pop[row]))
    if (plan.reason[row] == Reason.NOT_PERMITTED).all():  # no class is served, so nothing hands over
        return said
    if found.held is None:
        return said | dict.fromkeys(("why_no_terms", "why_no_hand_overs"), "other rules were in force in that slot")
    return said | _computed(found, row, _withheld(found), skies)


def _binding(plan: SlotPlan, row: int) -> str | None:
    """Its word, as reports have it."""
    number = NOT_COMPUTED if plan.binding is None else int(plan.binding[row])
    return None if number == NOT_COMPUTED else Binding(number).name.lower()


def _computed(found: _Found, row: int, withheld: frozenset[int], skies: Skies) -> dict[str, Any]:
    said: dict[str, Any] = {}
    try:
        if (way := one_cell.way(found.twin, found.plan, row, withheld, skies)) is not None:
            said["terms"] = [TermRead(name=one.name, about=one.about, ms=round(one.ms, 3)) for one in way.terms]
            said["hops"] = [
                HopRead(kind=one.kind, start=one.start, end=one.end, length_km=round(one.length_km, 3))
                for one in way.path.hops
                if one.length_km > 0.0
            ]
    except (NotAsPlanned, Busy) as error:
        said["why_no_terms"] = str(error)
    try:
        said["hand_overs"] = [_hand_over(one) for one in one_cell.ahead(found.twin, found.plan, row, withheld, skies)]
    except (NotAsPlanned, Busy) as error:
        said["why_no_hand_overs"] = str(error)
    return said


def _hand_over(one: HandOver) -> HandOverRead:
    return HandOverRead(
        at=instant_text(one.at), from_satellite=one.from_satellite, to_satellite=one.to_satellite, why=one.why,
        rtt_ms_after=one.rtt_ms_after,
    )  # fmt: skip


def _withheld(found: _Found) -> frozenset[int]:
    assert found.held is not None
    return found.twin.withheld(found.held.rules, found.plan.number)


def _cell(found: _Found) -> str | None:
    return None if found.row is None else h3cells.text(found.plan.cells[found.row : found.row + 1])[0]


def _name(names: Any, number: int) -> str | None:
    return None if number == NOBODY else str(names[number])


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 3)


def _text(at_s: float) -> str:
    return instant_text(instant_of(at_s))
