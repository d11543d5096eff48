"""A place falls back on satellites where its other links are cut: the runs behind it.

Takes a FallbackStudy; computes, once for each network that cuts leave, what satellites bring to the place slot by slot;
gives a Fallback: each case and class with what was carried how.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

import openleo
from openleo import cells as h3cells
from openleo.errors import InputError, Problem
from openleo.instants import instant_text
from openleo.network.capacity.demand import FLAT, ONE_CLASS, Curve, Demand, local_hour
from openleo.places.areas import parts_of
from openleo.places.parts import Parts
from openleo.policy import mask
from openleo.results import Case, classes_of, regions_of_both
from openleo.service.rates import rates_under
from openleo.study.fallback import (
    KBPS_PER_GBPS,
    Cut,
    Kbps,
    Link,
    Row,
    Wanted,
    carried,
    cuts_of,
    instants_of,
    kbps,
    rows_of,
    terrestrial_room,
)
from openleo.study.tasks import OnDone, each
from openleo.study.withdrawal import Cable, Thing, without

ROUNDING = 1e-6  # kbit/s that a sum may lack


@dataclass(frozen=True)
class Satellites:
    """What satellites may bring. terminals: None for as many as it takes; terminal_mbps: None for the radio's own."""

    terminals: int | None = None
    terminal_mbps: float | None = None


@dataclass(frozen=True)
class FallbackStudy:
    """All that is asked. place: territories of the case's area; classes in the order in which they are served."""

    name: str
    case: Case
    place: tuple[str, ...]
    classes: tuple[Wanted, ...]
    source: str  # of what is asked for
    links: tuple[Link, ...]
    satellites: Satellites
    together: tuple[Cut, ...] = ()
    curve: Curve = FLAT
    file: str = ""

    @property
    def cuts(self) -> tuple[Cut, ...]:
        """The cases, in order."""
        return cuts_of(self.links, self.together)


@dataclass(frozen=True)
class Room:
    """What there is in one case over the computed slots, Gbit/s: on the ground, and what satellites could bring."""

    cut: Cut
    terrestrial_gbps: float  # the least of the computed slots
    satellite_gbps: tuple[float, float, float]  # mean, least, most
    network: str  # hash of the network that is left while it is cut

    def as_json(self) -> dict[str, Any]:
        """As the document has it."""
        mean, least, most = self.satellite_gbps
        return {
            "case": self.cut.name,
            "links": list(self.cut.links),
            "from": instant_text(self.cut.begin) if self.cut.begin else None,
            "until": instant_text(self.cut.end) if self.cut.end else None,
            "terrestrial_gbps": self.terrestrial_gbps,
            "satellite_gbps": {"mean": mean, "least": least, "most": most},
            "network": self.network,
        }


@dataclass(frozen=True)
class Fallback:
    """What came of a study: rows by case and class, in their order, and the room that each case has."""

    study: FallbackStudy = field(repr=False)
    slots: int  # that were computed
    rooms: tuple[Room, ...]
    rows: tuple[Row, ...]

    def table(self) -> list[dict[str, Any]]:
        """One row a case and class."""
        return [row.as_row() for row in self.rows]

    def on_the_ground(self, case: str) -> bool:
        """Whether links on the ground carry everything in a case."""
        return all(row.asked_gbps == row.terrestrial_gbps and row.whole == 1.0 for row in self.of(case))

    def of(self, case: str) -> list[Row]:
        """The rows of one case."""
        return [row for row in self.rows if row.case == case]

    def as_json(self) -> dict[str, Any]:
        """All of it, with what it stands on."""
        study = self.study
        return {
            "study": study.name,
            "place": list(study.place),
            "scenario": study.case.name,
            "start": instant_text(study.case.grid.start),
            "slot_s": study.case.grid.slot_s,
            "slots": study.case.grid.slots,
            "slots_computed": self.slots,
            "terminals": study.satellites.terminals,
            "asked_source": study.source,
            "links": [
                {"name": link.name, "kind": link.kind, "gbps": link.gbps, "source": link.source,
                 "gateways": list(link.gateways), "pops": list(link.pops)} for link in study.links
            ],
            "terminal_mbps": study.satellites.terminal_mbps,
            "openleo": openleo.__version__,
            "inputs": {name: source.as_json() for name, source in study.case.inputs.items()},
            "notes": list(study.case.notes),
            "cases": [room.as_json() for room in self.rooms],
            "classes": self.table(),
        }  # fmt: skip


def run(
    study: FallbackStudy, executor: Executor, *, threads: int | None = None, on_done: OnDone | None = None
) -> Fallback:
    """Answer a study; `threads`: of each run. Raises InputError where the place has no part in the scenario's area."""
    case, cuts = study.case, study.cuts
    place = _place(study)
    left = [_left(case, study.links, cut) for cut in cuts]
    by_network = {one.network_sha256: one for one in [case, *left]}
    arguments = [
        (one, place, study.satellites, sum(kbps(want.gbps) for want in study.classes), threads)
        for one in by_network.values()
    ]
    made = dict(zip(by_network, each(executor, supply, arguments, "what satellites bring", on_done), strict=True))
    before, begin_s = made[case.network_sha256]
    instants = instants_of(case.grid, begin_s.tolist())
    hours = local_hour_of(study, place, begin_s)
    part = study.curve.of_busiest(hours)
    asked = np.stack([np.rint(kbps(want.gbps) * part).astype(np.int64) for want in study.classes], axis=1)
    _check_computed(study, instants)
    rows: list[Row] = []
    rooms: list[Room] = []
    for cut, one in zip(cuts, left, strict=True):
        ground = terrestrial_room(study.links, cut, instants, case.grid.slot_s)
        satellite = np.where(cut.holds(instants, case.grid.slot_s), made[one.network_sha256][0], before)
        rows += rows_of(cut, study.classes, carried(asked, ground, satellite))
        spread = satellite.mean(), satellite.min(), satellite.max()
        mean, least, most = (round(float(value) / KBPS_PER_GBPS, 6) for value in spread)
        rooms.append(Room(cut, float(ground.min()) / KBPS_PER_GBPS, (mean, least, most), one.network_sha256))
    return Fallback(study, len(begin_s), tuple(rooms), tuple(rows))


def _check_computed(study: FallbackStudy, instants: Sequence[datetime]) -> None:
    """Raise InputError for every case that lies in none of the computed slots: nothing would come of it."""
    grid, problems = study.case.grid, []
    for cut in study.cuts:
        if not cut.holds(instants, grid.slot_s).any():
            span = f"{instant_text(grid.start)} to {instant_text(grid.instant(grid.slots))}"
            rule = f'"{cut.name}" lies in none of the {len(instants):,} computed slots of the run, {span}.'
            problems.append(Problem(study.file, "together", rule, "Move it, or compute more slots of the scenario."))
    if problems:
        raise InputError(problems)


def supply(
    case: Case, place: Parts, satellites: Satellites, asked_kbps: int, threads: int | None
) -> tuple[Kbps, NDArray[np.float64]]:
    """(what a network brings to a place, kbit/s; begin of the computed slots, seconds), axes (slot,).

    Asked for everything that its terminals take, and no more than the place wants at its peak; nobody else asks.
    """
    assert case.capacity is not None
    capacity = replace(case.capacity, rate_slots=1)  # what single users measure is not asked
    if satellites.terminals == 0:
        numbers = range(0, case.grid.slots, capacity.computed_every(case.grid.slots))
        return np.zeros(len(numbers), np.int64), np.array([number * case.grid.slot_s for number in numbers], np.float64)
    if satellites.terminal_mbps is not None:
        limits = {**capacity.limits, "terminal_down_mbps": satellites.terminal_mbps}
        capacity = replace(capacity, limits=limits)
    asked_mbps = asked_kbps / 1000.0
    share = _share(place)
    terminals = np.full(len(share), np.inf)
    if satellites.terminals is not None:
        terminals = share * satellites.terminals
        asked_mbps = min(asked_mbps, satellites.terminals * capacity.caps().terminal_down_mbps)
    _, longitude = h3cells.centres_deg(place.cells)
    demand = Demand(
        len(place.cells), place.cell, longitude[place.cell], (share * asked_mbps)[:, None],
        np.zeros((len(share), 1)), terminals[:, None], ONE_CLASS, FLAT,
    )  # fmt: skip
    classes, regions = classes_of(case)[:1], regions_of_both(case.rules, None)
    may = (
        mask.compute(case.rules, place, classes, regions, case.grid.start)
        if case.rules
        else mask.everything(place, classes)
    )
    (found,) = rates_under(capacity, case.network, case.grid, place, demand, [may], threads)
    tally = found.tally
    given = np.floor(tally.slot_given_down_mbps * 1000.0 + ROUNDING).astype(np.int64)
    return given, tally.begin_s


def local_hour_of(study: FallbackStudy, place: Parts, begin_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean solar time in the middle of a place's people at the begin of slots, axes (slot,)."""
    _, longitude = h3cells.centres_deg(place.cells)
    turned = np.radians(longitude[place.cell])  # a place may lie on both sides of 180°
    share = _share(place)
    middle = float(np.degrees(np.arctan2(share @ np.sin(turned), share @ np.cos(turned))))
    return np.asarray((local_hour(study.case.grid.start, middle) + begin_s / 3600.0) % 24.0)


def _share(place: Parts) -> NDArray[np.float64]:
    """Of its people (of its area where nobody lives) in each part, axes (part,)."""
    weight = place.people if place.people.sum() > 0.0 else place.area_km2
    return np.asarray(weight / weight.sum())


def _place(study: FallbackStudy) -> Parts:
    """The parts of the place in the case's area. Raises InputError where one of its territories has none."""
    case = study.case
    regions = tuple(region.polygon for region in regions_of_both(case.rules, None))
    parts = parts_of(case.area, case.resolution, regions)
    lacks = [name for name in study.place if not (parts.territory == name).any()]
    if lacks:
        there = ", ".join(sorted(set(map(str, parts.territory)))[:8])
        raise InputError([
            Problem(study.file, "place", f'"{name}" is no part of the scenario\'s area.', f"There are: {there}.")
            for name in lacks
        ])  # fmt: skip
    return parts.select(np.isin(parts.territory.astype(str), study.place))


def _left(case: Case, links: Sequence[Link], cut: Cut) -> Case:
    """The case without the stations that have no way but over the links that are cut."""
    cables = tuple(Cable(one.name, one.gateways, one.pops) for one in links)
    return without(case, tuple(Thing("cable", name) for name in cut.links), cables)
