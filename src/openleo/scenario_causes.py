"""The causes of a scenario's failures: its tables checked, and made into outages and a line of notes each.

`network.causes` says what each cause puts out of order, `network.loads` on what most hangs; here the tables meet the
names of the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from openleo.errors import Problem, counted, near_names
from openleo.failures_file import (
    AreaRecord,
    ControlRecord,
    DebrisRecord,
    FailuresRecord,
    JammingRecord,
    RegionRecord,
    SpanRecord,
    StormRecord,
    TargetedRecord,
)
from openleo.instants import SlotGrid, instant_text
from openleo.network import causes
from openleo.network.causes import Span
from openleo.network.constellation import Constellation
from openleo.network.failures import Kind, Outage, plane_name
from openleo.network.ground.gateways import Gateways
from openleo.network.ground.stations import Station
from openleo.network.jamming import Disturbed
from openleo.places.territories import territories, territory_id, unknown_territory
from openleo.service.licences import land_of

LEASE_SLOTS = 4  # the longest lease unless a roster says otherwise (governance.roster, DESIGN §5)
# Of a kind, by what, over slots, without those that are gone already.
Loads = Callable[[Kind, str, SlotGrid, Sequence[str]], Mapping[str, float]]
WORDS: dict[str, str] = {"pop": "PoP"}


@dataclass(frozen=True)
class Cause:
    """What one table puts out of order, and the note on it."""

    where: str
    outages: Sequence[Outage]
    note: str


def read_causes(
    record: FailuresRecord, constellation: Constellation, gateways: Gateways, grid: SlotGrid, loads: Loads | None,
    file: str, problems: list[Problem],
) -> list[Cause]:  # fmt: skip
    """Each table's outages; adds every problem. Without `loads` (pairs of places) nothing can be targeted."""
    tables: list[tuple[str, SpanRecord | None]] = [
        ("failures.storm", record.storm),
        ("failures.debris", record.debris),
        ("failures.targeted", record.targeted),
        *((f"failures.region[{number}]", one) for number, one in enumerate(record.region)),
        *((f"failures.control[{number}]", one) for number, one in enumerate(record.control)),
    ]
    found = []
    for where, one in tables:
        if one is None:
            continue
        faults = [Problem(file, where, fault) for fault in one.faults()]
        faults += [
            Problem(file, f"{where}.{key}", rule, way) for key, rule, way in _unknown(one, constellation, gateways)
        ]
        if isinstance(one, TargetedRecord) and loads is None:
            rule = "ranks things by ways to the Internet, and pairs of places have none."
            faults.append(Problem(file, where, rule, "List what is out in [[failures.out]]."))
        problems += faults
        if not faults:
            outages, note = _of(one, constellation, gateways, grid, loads)
            found.append(Cause(where, outages, note))
    return found


def _of(
    one: SpanRecord, constellation: Constellation, gateways: Gateways, grid: SlotGrid, loads: Loads | None
) -> tuple[list[Outage], str]:
    """(a table's outages, the note on them)."""
    span = Span(one.from_, one.until)
    if isinstance(one, StormRecord):
        return _storm(one, constellation, span)
    if isinstance(one, DebrisRecord):
        planes = one.number if one.number is not None else one.planes
        outages = causes.debris(one.seed, constellation, planes, one.within_km or 0.0, one.share or 0.0, span)
        lost = ", ".join(outage.name for outage in outages if outage.kind == "plane")
        more = _counted("satellite", sum(outage.kind == "satellite" for outage in outages), "of others")
        return outages, f"Out of order by debris{_when(span)}: plane {lost}; {more}."
    if isinstance(one, RegionRecord):
        return _region(one, gateways, span)
    if isinstance(one, ControlRecord):
        return _control(one, gateways, grid, span)
    assert isinstance(one, TargetedRecord)
    assert loads is not None
    return _targeted(one, replace(grid, slots=min(grid.slots, one.slots)), loads, span)


def _targeted(one: TargetedRecord, grid: SlotGrid, loads: Loads, span: Span) -> tuple[list[Outage], str]:
    load = loads(one.kind, one.by, grid, ())
    number = one.number if one.number is not None else int((one.share or 0.0) * len(load) + 0.5)
    outages = causes.targeted(one.kind, load, 1 if one.step_by_step and number else number, span)
    carried = [load[outage.name] for outage in outages]
    while one.step_by_step and len(outages) < min(number, len(load)):
        gone = [outage.name for outage in outages]
        left = {name: of for name, of in loads(one.kind, one.by, grid, gone).items() if name not in gone}
        outages += causes.targeted(one.kind, left, 1, span)
        carried.append(left[outages[-1].name])
    what = _counted(one.kind, len(outages), f"over which most {one.by} run")
    each = ", each of what was left" if one.step_by_step else ""
    idle = carried.count(0.0)
    none = f" Over {idle:,} of these none run: equal ones go by name." if idle else ""
    return outages, f"Out of order by intent{_when(span)}: {what}{each}, of {len(load):,}{_named(outages)}.{none}"


def _storm(one: StormRecord, constellation: Constellation, span: Span) -> tuple[list[Outage], str]:
    bands = [(band.below_km, band.share) for band in one.in_order()]
    outages, within = causes.storm(one.seed, constellation, bands, span)
    what = f"{len(outages):,} of the {within:,} satellites below {bands[-1][0]:g} km"
    why = "shares are the scenario's, no drag is computed"
    return outages, f"Out of order by a solar storm{_when(span)}: {what} ({why})."


def _region(one: RegionRecord, gateways: Gateways, span: Span) -> tuple[list[Outage], str]:
    both: dict[Kind, tuple[Station, ...]] = {"gateway": gateways.stations, "pop": gateways.pops}
    stations: dict[Kind, list[str]] = {kind: names_in(one, both[kind]) for kind in dict.fromkeys(one.kinds)}
    outages = causes.region(stations, span, one.hours_of_reserve)
    there = " and ".join(_counted(kind, len(names)) for kind, names in stations.items())
    if any(stations.values()) and not outages:
        reserve = f"{there}, and power is back before their reserve of {one.hours_of_reserve:g} h ends"
        return outages, f"A power region{_when(span)} puts nothing out of order: {reserve}."
    out = Span(outages[0].begin, outages[0].end) if outages else span
    return outages, f"Out of order by a power region{_when(out)}: {there}."


def _control(one: ControlRecord, gateways: Gateways, grid: SlotGrid, span: Span) -> tuple[list[Outage], str]:
    leases_s = LEASE_SLOTS * grid.slot_s if one.leases_s is None else one.leases_s
    outages = causes.control([pop.name for pop in gateways.pops], span, leases_s)
    how = f"leases go on for {leases_s:g} s"
    if not outages:
        return outages, f"The control plane is down{_when(span)}, and back before the leases end: {how}."
    out = Span(outages[0].begin, outages[0].end)
    then = f"nobody has a way out{_when(out)}, as with every PoP out of order, though satellites are seen"
    return outages, f"The control plane is down{_when(span)}: {how}, and {then}."


def read_jamming(
    records: Sequence[JammingRecord], file: str, problems: list[Problem], notes: list[str], *, with_capacity: bool
) -> tuple[Disturbed, ...]:
    """Where users' links are disturbed; adds every problem, and a note on each circle."""
    found = []
    for number, one in enumerate(records):
        faults = one.faults(with_capacity=with_capacity)
        problems += [Problem(file, f"jamming[{number}]", fault) for fault in faults]
        loss_db, mask_deg = one.loss_db or 0.0, one.elevation_deg or 0.0
        found.append(Disturbed(one.centre_lat_deg, one.centre_lon_deg, one.radius_km, loss_db, mask_deg))
        what = [f"C/N of users' links falls by {loss_db:g} dB"] if loss_db else []
        what += [f"the sky below {mask_deg:g}° is hidden"] if mask_deg else []
        where = f"{one.radius_km:g} km of {one.centre_lat_deg:g}°, {one.centre_lon_deg:g}°"
        notes.append(
            f"Disturbed: in cells within {where} {' and '.join(what)} (`path`, `passes` and `rtt` do not count it)."
        )
    return tuple(found)


def names_in(area: AreaRecord, stations: Sequence[Station]) -> list[str]:
    """The stations in a circle, or in territories by their list or place."""
    if area.centre_lat_deg is None or area.centre_lon_deg is None or area.radius_km is None:
        lands = {territory_id(word) for word in area.territories}
        return [one.name for one in stations if land_of(one) in lands]
    return causes.within(stations, area.centre_lat_deg, area.centre_lon_deg, area.radius_km) if stations else []


def _unknown(one: SpanRecord, constellation: Constellation, gateways: Gateways) -> Iterator[tuple[str, str, str]]:
    """(key, rule, way out) of each name that is not known, and of what there are too few of."""
    if isinstance(one, AreaRecord):
        for word in one.territories:
            if territory_id(word) not in territories():
                yield ("territories", *unknown_territory(word))
    if isinstance(one, DebrisRecord):
        known = [plane_name(constellation, plane) for plane in range(constellation.planes)]
        like = f"Names are like {known[0]}." if known else "The constellation has no planes."
        for name in one.planes:
            if name not in known:
                yield "planes", f'there is no plane "{name}".', near_names(name, known) or like
        if one.number is not None and one.number > len(known):
            yield "number", f"is {one.number}, and there are {counted(len(known), 'plane')}.", "Write fewer."
    if isinstance(one, TargetedRecord):
        there = {
            "satellite": constellation.satellites,
            "plane": constellation.planes,
            "gateway": len(gateways.stations),
            "pop": len(gateways.pops),
        }[one.kind]
        if one.number is not None and one.number > there:
            yield "number", f"is {one.number:,}, and there are {_counted(one.kind, there)}.", "Write fewer, or a share."


def _counted(kind: str, number: int, more: str = "") -> str:
    return counted(number, WORDS.get(kind, kind), form=",") + (f" {more}" if more else "")


def _named(outages: Sequence[Outage], most: int = 5) -> str:
    names = [outage.name for outage in outages[:most]]
    rest = f" and {len(outages) - most:,} more" if len(outages) > most else ""
    return f" ({', '.join(names)}{rest})" if names else ""


def _when(span: Span) -> str:
    begin = f" from {instant_text(span.begin)}" if span.begin else ""
    return begin + (f" until {instant_text(span.end)}" if span.end else "")
