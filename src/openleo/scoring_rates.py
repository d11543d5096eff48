"""The rates of a score: what users of the measured territories find, with everybody on the network.

Takes a Case with capacity and the territories of a table; gives their rates. Who shares the satellites is everybody in
the scenario's own area and in those territories: a territory alone on the network would have it to itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from openleo.network.capacity import run, user_rates
from openleo.network.capacity.demand import Demand
from openleo.network.capacity.user_rates import Pressed, UserRates
from openleo.network.reach import cell_users, default_threads, gateway_sites, positions_over
from openleo.network.routing import routes
from openleo.places.areas import parts_of
from openleo.places.parts import Parts, land_of
from openleo.policy import mask
from openleo.results import Case, OnProgress, classes_of, regions_of_both

OFF = "Rates are not computed: [capacity] is not enabled in the scenario."
LEAST = 0.5  # subscribers: a cell with fewer has none, but for those of the table's territories


@dataclass(frozen=True)
class Rates:
    """of_territory: the fields of `score.Modelled` that capacity fills; notes: what is assumed."""

    of_territory: Mapping[str, Mapping[str, Any]]
    notes: tuple[str, ...]


def rates(case: Case, asked: Sequence[str], threads: int | None, tell: OnProgress) -> Rates:
    """The rates of territories; none, and said so, where the case has no capacity."""
    if case.capacity is None:
        return Rates({}, (OFF,))
    tell("cutting cells of everybody", 0, 1)
    parts, demand = _everybody(case, asked)
    found, most = _measured_by_users(case, parts, demand, threads, tell)
    of_territory = {
        iso3: {"down_mbps": one.down_mbps_p50, "up_mbps": one.up_mbps_p50, "subscribers": one.subscribers,
               "load": one.load_busiest, "terminal_mbps": most}
        for iso3 in asked if (one := found.get(iso3)) is not None
    }  # fmt: skip
    return Rates(of_territory, _assumed(case, parts, demand))


def _everybody(case: Case, asked: Sequence[str]) -> tuple[Parts, Demand]:
    """Who shares the network: the parts with subscribers who may be served, and what they ask for."""
    assert case.capacity is not None
    area = case.area if case.area.world else replace(case.area, ids=tuple(dict.fromkeys([*case.area.ids, *asked])))
    regions = regions_of_both(case.rules, None)
    parts = parts_of(area, case.resolution, tuple(region.polygon for region in regions))
    demand, _ = case.capacity.demand_of(parts)
    stated = case.capacity.demand.table is not None or case.capacity.demand.listed is not None
    if not stated:  # those who are stated are taken as they are
        cells = len(parts.cells)
        counts = np.bincount(demand.cell, demand.subscribers.sum(axis=1), minlength=cells)
        lands = np.array([land_of(str(label)) for label in parts.territory])
        wanted = np.bincount(parts.cell, np.isin(lands, asked), minlength=cells) > 0
        parts = parts.select(((counts >= LEAST) | (wanted & (counts > 0.0)))[parts.cell])
        demand, _ = case.capacity.demand_of(parts)
    if case.rules is None:
        return parts, demand
    classes = classes_of(case)
    decided = mask.compute(case.rules, parts, classes, regions, case.grid.start)
    may = decided.permitted[:, :1] if not stated else np.ones((len(demand.cell), 1), np.bool_)
    return parts, replace(
        demand, down_mbps=demand.down_mbps * may, up_mbps=demand.up_mbps * may,
        subscribers=np.where(may, demand.subscribers, 0.0),
    )  # fmt: skip


def _measured_by_users(
    case: Case, parts: Parts, demand: Demand, threads: int | None, tell: OnProgress
) -> tuple[Mapping[str, UserRates], tuple[float, float]]:
    """(what a test of the line finds by territory, the most of a terminal), from a few slots of the run.

    Over the network's common ways: each gateway is joined to its own nearest PoP.
    """
    assert case.capacity is not None
    network = replace(case.network, serving=None)
    users, feeders = cell_users(network, parts.cells), gateway_sites(network)
    loaded = run.load(
        case.capacity, parts.cells, demand, network.constellation, network.gateways, network.user_elevation_deg,
        network.gateway_elevation_deg, network.limits.gateway_antennas,
    )  # fmt: skip
    numbers = spread_over(case.grid.slots, case.capacity.rate_slots)

    def one(number: int) -> Pressed:
        positions = positions_over(network, case.grid, number, 1)
        with ThreadPoolExecutor(1) as alone:
            ways = routes(positions, network.gateways, feeders, network.topology, alone)
        return user_rates.pressed(*run.pressed_slot(users, positions, ways, 0, network.gateways, loaded))

    made = []
    tell("computing rates", 0, len(numbers))
    with ThreadPoolExecutor(threads or default_threads()) as pool:
        for found in pool.map(one, numbers):
            made.append(found)
            tell("computing rates", len(made), len(numbers))
    most = loaded.caps.terminal_down_mbps, loaded.caps.terminal_up_mbps
    return user_rates.by_territory(demand, parts.territory, user_rates.mean(made), most), most


def spread_over(slots: int, few: int) -> list[int]:
    """So many slots, or fewer where there are fewer, spread evenly over a run.

    >>> spread_over(96, 4), spread_over(2, 4)
    ([0, 24, 48, 72], [0, 1])
    """
    return sorted({k * slots // few for k in range(few)})


def _assumed(case: Case, parts: Parts, demand: Demand) -> tuple[str, ...]:
    """What rates stand on, in words."""
    assert case.capacity is not None
    said = case.capacity.demand
    if said.table is not None:
        return ("Rates are those under the demand by cell that the scenario states.",)
    lands = {land_of(str(label)) for label in parts.territory}
    total, known = float(demand.subscribers.sum()), set(said.penetration.known) & lands
    share = f"{len(lands)} territories share the network with {total:,.0f} subscribers"
    factor = "" if said.penetration.factor == 1.0 else f", all times {said.penetration.factor:g}"
    of = (
        f"known or estimated by others for {len(known)}, elsewhere {said.penetration.otherwise:g} of the people{factor}"
    )
    return (f"Numbers of subscribers are assumptions: {share}, {of}.",)
