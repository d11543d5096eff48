"""One computed case: the network's reach joined with the rules, and what comes of it.

Takes a Case (values only; where they came from is the scenario's affair); gives Results, which reports read. This is
the only place where can, may and is run through from end to end.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import rfc8785
from numpy.typing import NDArray

import openleo
from openleo import cells as h3cells
from openleo.errors import InputError, Problem
from openleo.instants import SlotGrid, instant_text
from openleo.network.capacity.case import CapacityCase
from openleo.network.capacity.demand import Demand
from openleo.network.ephemeris import Failure
from openleo.network.ground.gateways import Gateways
from openleo.network.pop_reach import reach_of_cells
from openleo.network.reach import Network, Reach, cell_users, reach
from openleo.notebook import listing
from openleo.places.areas import Area, parts_of
from openleo.places.expressions import Region
from openleo.places.parts import Parts
from openleo.policy import mask
from openleo.policy.rules import EMERGENCY, RuleSet
from openleo.service.change import Side
from openleo.service.day import Day, DayTally
from openleo.service.displaced import OF_AREA
from openleo.service.effect import Effect, Extras, effect
from openleo.service.networks import Networks
from openleo.service.rates import Rates, assumed, demand_of, rates_under
from openleo.service.reached import Reached
from openleo.service.serve import ServiceMap, serve
from openleo.service.statistics import CellStatistics, Counter
from openleo.service.summary import (
    RATE_COLUMNS,
    CellTable,
    TerritoryRow,
    by_cell,
    by_territory,
    capacity_json,
    territory_json,
)
from openleo.units import BEAM_KM

if TYPE_CHECKING:
    import xarray

OnReach = Callable[[h3cells.Cells, Reach], None]
OnProgress = Callable[[str, int, int], None]  # what is being done, how much of it, of how much


@dataclass(frozen=True)
class Source:
    """Where an input came from, and the hash of its bytes."""

    source: str
    sha256: str

    def as_json(self) -> dict[str, str]:
        return {"source": self.source, "sha256": self.sha256}


@dataclass(frozen=True)
class Case:
    """Everything that a run is computed from."""

    name: str
    network: Network
    grid: SlotGrid
    area: Area
    resolution: int
    classes: tuple[str, ...]  # the first one is the summary's
    rules: RuleSet | None
    compare: RuleSet | None
    inputs: Mapping[str, Source]
    notes: tuple[str, ...] = ()  # what was set aside or assumed while reading
    compare_network: Network | None = None  # under `compare`, where its rules on gateways make it another one
    withholding: tuple[str, ...] = ()  # the rules that make it another one
    every_gateway: Gateways | None = None  # those that rules withhold included; None: those of `network`
    not_kept: tuple[Problem, ...] = ()  # rules under which nothing is computed, as they would not be kept
    of_beams: tuple[str, ...] = ()  # what is said of rules on beams, with how far those are felt
    capacity: CapacityCase | None = None  # None: everybody alone on the network
    beam_km: float = BEAM_KM  # how far a beam is felt around the place that it serves

    @property
    def network_sha256(self) -> str:
        """Of the RFC 8785 bytes of `network_document`."""
        return hashlib.sha256(rfc8785.dumps(self.network_document)).hexdigest()

    @property
    def network_document(self) -> dict[str, Any]:
        """All that what the network gives depends on; rules enter by the gateways that they withhold alone."""
        said: dict[str, Any] = {
            "inputs": {name: source.sha256 for name, source in self.inputs.items() if name not in RULE_INPUTS},
            "start": instant_text(self.grid.start),
            "slots": self.grid.slots,
            "slot_ms": round(self.grid.slot_s * 1000),
            "resolution": self.resolution,
            "links": [
                str(self.network.user_elevation_deg),
                str(self.network.gateway_elevation_deg),
                self.network.mask_at,
                self.network.hand_over,
                str(self.network.processing_ms),
                hashlib.sha256(self.network.topology.neighbours.tobytes()).hexdigest(),
                *map(str, self.network.topology.limits),
                self.network.gateways.fibres_sha256,
            ],
        }
        if self.compare_network:
            said["compare"] = self.compare_network.gateways.fibres_sha256
        if self.network.chain:
            said["chain"] = self.network.chain.said()
        if limits := self.network.limits.said():
            said["limits"] = limits
        if self.capacity:
            said["capacity"] = self.capacity.said()
        if self.beam_km != BEAM_KM:  # without it, that is what it is
            said["beam_km"] = str(self.beam_km)
        return said

    @property
    def reach_sha256(self) -> str:
        """Of all that reach alone depends on: whoever asks for more is in reach of the same satellites."""
        said = {name: value for name, value in self.network_document.items() if name not in ("capacity", "beam_km")}
        said["inputs"] = {name: sha256 for name, sha256 in said["inputs"].items() if name not in CAPACITY_INPUTS}
        return hashlib.sha256(rfc8785.dumps(said)).hexdigest()


RULE_INPUTS = ("rules", "compare", "scenario")
OF_STATISTICS = ("satellites_min", "satellites_mean", "outages", "outage_s_longest")
CAPACITY_INPUTS = ("capacity", "subscriptions", "demand", "terminals")  # as `scenario_capacity` names them


@dataclass(frozen=True)
class Results:
    """What a case gave. `service` and `compared` are the maps under the first and the second rule set."""

    case: Case
    parts: Parts
    statistics: CellStatistics
    service: ServiceMap
    compared: ServiceMap | None
    effect: Effect | None
    failures: tuple[Failure, ...]
    seconds: Mapping[str, float]
    day: Day | None = None  # of the first rule set and class, slot by slot
    intervals: Mapping[str, Any] | None = None  # of `uncertainty`, as summary.json has them; None: nothing was drawn

    @property
    def cells(self) -> h3cells.Cells:
        return self.parts.cells

    @cached_property
    def territories(self) -> list[TerritoryRow]:
        """One row a territory, those of the scenario's area first."""
        return by_territory(self.service, self.case.area.order)

    @cached_property
    def cell_table(self) -> CellTable:
        return by_cell(self.service)

    def summary(self) -> dict[str, Any]:
        """The content of summary.json (docs/reference/results.md)."""
        constellation = self.case.network.constellation
        return {
            "scenario": self.case.name,
            "openleo": openleo.__version__,
            "inputs": {name: source.as_json() for name, source in self.case.inputs.items()},
            "start": instant_text(self.case.grid.start),
            "slot_s": self.case.grid.slot_s,
            "slots": self.case.grid.slots,
            "satellites": constellation.satellites,
            "satellites_masked": [str(failure) for failure in self.failures],
            "gateways": len(self.case.network.gateways),
            "resolution": self.case.resolution,
            "cells": len(self.cells),
            "class": self.service.class_,
            "notes": list(self.case.notes),
            "capacity": capacity_json(self.service),
            "territories": [territory_json(row) for row in self.territories],
            "effect": self.effect.as_json() if self.effect else None,
            "intervals": self.intervals,
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }

    def to_xarray(self) -> xarray.Dataset:
        """The table of cells as a dataset over `cell` (hexadecimal strings), with `.openleo` (`notebook.accessor`)."""
        import xarray as xr

        import openleo.notebook.accessor

        table, statistics = self.cell_table, self.statistics
        columns: dict[str, Any] = {
            "territories": table.territories,
            "population": table.population,
            "area_km2": table.area_km2,
            "can_serve": table.can_serve,
            "may_serve": table.may_serve,
            "served": table.served,
            "reason": table.reason,
            "rtt_ms_p50": table.rtt_ms_p50,
            "rtt_ms_p95": table.rtt_ms_p95,
            **{name: getattr(table, name) for name in (*RATE_COLUMNS, "bound_by")},
            **{name: getattr(statistics, name) for name in OF_STATISTICS},
        }
        made = xr.Dataset(
            {name: ("cell", values) for name, values in columns.items()},
            coords={"cell": h3cells.text(self.cells)},
            attrs={"scenario": self.case.name, "openleo": openleo.__version__, "class": self.service.class_},
        )
        return openleo.notebook.accessor.described(made)

    def explore(self, by: str = "rtt") -> Any:
        """A map to turn, in a notebook: cells by reason, served ones by `rtt` or by the share of time `served`.

        Needs the extra `explore`; raises InputError where it is not installed.
        """
        return self.to_xarray().openleo.explore(by)

    def _repr_html_(self) -> str:
        return listing.html(self.case.name, self.territories, rates=self.service.rates is not None)


def compute(
    case: Case,
    *,
    threads: int | None = None,
    on_progress: OnProgress | None = None,
    on_reach: OnReach | None = None,
    parts: Parts | None = None,
) -> Results:
    """Run a case. `on_reach` gets each chunk of slots as made; `parts`: another run's over the same area and rules."""
    if case.not_kept:
        raise InputError(case.not_kept)
    started = time.perf_counter()
    tell = on_progress or (lambda _what, _done, _of: None)
    tell("cutting cells by territory", 0, 1)
    first, second = case.rules, case.compare
    regions = regions_of_both(first, second)
    parts = parts or parts_of(case.area, case.resolution, tuple(region.polygon for region in regions))
    refuse_nothing(case, parts)
    if said := notes_on_pops(case, parts):
        case = replace(case, notes=(*case.notes, *said))
    demand = None
    if case.capacity:
        demand, said = demand_of(case.capacity, parts)
        said = (*assumed(case.capacity, parts, demand.all_subscribers), *([] if case.area.world else [OF_AREA]), *said)
        case = replace(case, notes=(*case.notes, *said))
    cut = time.perf_counter()
    classes = classes_of(case)
    at = case.grid.start  # a window that changes later in the run is told in the notes
    before = mask.compute(first, parts, classes, regions, at) if first else mask.everything(parts, classes)
    day = DayTally(parts, before.permitted[:, before.classes.index(classes[0])])

    def each(cells: h3cells.Cells, chunk: Reach) -> None:
        day.add(chunk)
        if on_reach:
            on_reach(cells, chunk)

    statistics, failures = count_reach(case, parts, threads, tell, each)
    reached = time.perf_counter()
    after = mask.compute(second, parts, classes, regions, at) if second else None
    rates = _rates(case, parts, demand, [one for one in (before, after) if one], threads, tell)
    available = day.finish()
    if rates[0]:
        one = rates[0].tally
        available = available.sharing(one.begin_s, one.slot_short, case.grid.slot_s)
    shared = time.perf_counter()
    service = serve(statistics, parts, before, classes[0], rates[0])
    compared, change = None, None
    if second and after:
        other = statistics
        if case.compare_network:
            other, _ = count_reach(replace(case, network=case.compare_network), parts, threads, tell)
        compared = serve(other, parts, after, classes[0], rates[1])
        kinds = mask.kinds_of(parts, regions)
        ground = Reached(parts, statistics, kinds)
        networks = networks_of(case, ground, partial(_reach_of, case, parts, kinds, threads, tell))
        if case.compare_network:
            networks.known[networks.key(Side(second, at))] = Reached(parts, other, kinds)
        change = effect(
            ground, first, second, classes, at, case.network_sha256, order=case.area.order, networks=networks,
            extras=Extras(notes=case.of_beams, rates=(rates[0], rates[1]) if rates[0] and rates[1] else None),
        )  # fmt: skip
    done = time.perf_counter()
    return Results(
        case,
        parts,
        statistics,
        service,
        compared,
        change,
        failures,
        {
            "total": done - started,
            "parts": cut - started,
            "slots": reached - cut,
            **({"capacity": shared - reached} if demand else {}),
            "join": done - shared,
        },
        available,
    )


def _rates(
    case: Case, parts: Parts, demand: Demand | None, masks: Sequence[mask.Mask], threads: int | None, tell: OnProgress
) -> tuple[Rates | None, ...]:
    """What the case's networks give under each mask: side by side, or each on its own where rules make them two."""
    if case.capacity is None or demand is None:
        return (None,) * len(masks)
    networks = [case.network, *([case.compare_network] if case.compare_network else [])]
    groups = (
        [(networks[0], masks)] if len(networks) == 1 else list(zip(networks, ([one] for one in masks), strict=True))
    )
    found: list[Rates] = []
    for network, some in groups:
        progress = partial(tell, "computing capacity")
        progress(0, len(range(0, case.grid.slots, case.capacity.computed_every(case.grid.slots))))
        found += rates_under(case.capacity, network, case.grid, parts, demand, some, threads, progress)
    return tuple(found)


def networks_of(case: Case, own: Reached, reach_of: Callable[[Gateways], Reached]) -> Networks:
    """The networks of states of rules; `own` is what the case's own reaches."""
    gateways = case.every_gateway or case.network.gateways
    networks = Networks(gateways, reach_of)
    networks.known[networks.key(Side(case.rules, case.grid.start))] = own
    return networks


def _reach_of(
    case: Case, parts: Parts, kinds: mask.Kinds, threads: int | None, tell: OnProgress, gateways: Gateways
) -> Reached:
    """What the case's network reaches by other gateways."""
    other = replace(case, network=replace(case.network, gateways=gateways))
    return Reached(parts, count_reach(other, parts, threads, tell)[0], kinds)


def refuse_nothing(case: Case, parts: Parts) -> None:
    """Raise InputError where an area has no part."""
    if len(parts) == 0:
        asked = ", ".join(case.area.order) or "the polygons"
        rule = f"{asked}: nothing of it is found at resolution {case.resolution}."
        raise InputError(Problem(case.name, "ground.area", rule, "Name a larger area or a finer resolution."))


def count_reach(
    case: Case, parts: Parts, threads: int | None, tell: OnProgress, on_reach: OnReach | None = None
) -> tuple[CellStatistics, tuple[Failure, ...]]:
    """(what reaches the cells over the run's slots, the satellites that could not be moved to some of them)."""
    counter = Counter(len(parts.cells), case.grid.slot_s)
    failures: dict[int, Failure] = {}
    tell("computing slots", 0, case.grid.slots)
    for chunk in _reach_of_cells(case, parts, threads):
        counter.add(chunk)
        if on_reach:
            on_reach(parts.cells, chunk)
        for failure in chunk.failures:
            failures.setdefault(failure.satellite, failure)
        tell("computing slots", chunk.first_slot + len(chunk.satellite), case.grid.slots)
    return counter.finish(), tuple(failures.values())


def _reach_of_cells(case: Case, parts: Parts, threads: int | None) -> Iterator[Reach]:
    network = case.network
    if network.serving is None:
        return reach(network, case.grid, cell_users(network, parts.cells), threads)
    labels, people = labels_of_cells(parts)
    return reach_of_cells(network, case.grid, parts.cells, labels, people, threads)


def notes_on_pops(case: Case, parts: Parts) -> tuple[str, ...]:
    """The territories of an area that the table of serving PoPs lacks, with their people."""
    serving = case.network.serving
    if serving is None:
        return ()
    territory = np.array([str(label).partition(".")[0] for label in parts.territory])
    people = {
        str(name): float(parts.people[territory == name].sum())
        for name in np.unique(territory)
        if name not in serving.by_territory
    }
    if not people:
        return ()
    named = ", ".join(f"{name} ({round(count):,} people)" for name, count in people.items())
    return (f"Without a row in {serving.source}, and so served by the nearest PoP: {named}.",)


def labels_of_cells(parts: Parts) -> tuple[list[str], NDArray[np.float64]]:
    """(the territory or strip that each cell counts to, its people): that of most of its people, else of its area."""
    order = np.lexsort((-parts.area_km2, -parts.people, parts.cell))
    first = np.unique(parts.cell[order], return_index=True)[1]
    people = np.bincount(parts.cell, weights=parts.people, minlength=len(parts.cells)).astype(np.float64)
    return [str(label) for label in parts.territory[order[first]]], people


def regions_of_both(first: RuleSet | None, second: RuleSet | None) -> tuple[Region, ...]:
    """The regions that two rule sets ask about, each once."""
    asked = [region for rule_set in (first, second) if rule_set for region in rule_set.regions]
    return tuple(dict.fromkeys(asked))


def classes_of(case: Case) -> tuple[str, ...]:
    """The classes to compute. Emergency terminals get rows of their own as soon as a rule speaks of them."""
    rule_sets = [rule_set for rule_set in (case.rules, case.compare) if rule_set]
    special = any(rule.emergency for rule_set in rule_sets for rule in rule_set.rules)
    return case.classes + ((EMERGENCY,) if special and EMERGENCY not in case.classes else ())
