"""The rates of a score: what users of the measured territories find, with everybody on the network.

Takes a Case with capacity and the territories of a table; gives their rates. Who shares the satellites is everybody in
the scenario's own area and in those territories: a territory alone on the network would have it to itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.network.capacity import user_rates
from openleo.network.capacity.caps import Binding
from openleo.network.capacity.case import CapacityCase
from openleo.network.capacity.demand import Demand
from openleo.places import population
from openleo.places.areas import Area, parts_of
from openleo.places.parts import Parts, land_of
from openleo.policy import mask
from openleo.results import Case, OnProgress, classes_of, regions_of_both
from openleo.service import rates as service_rates
from openleo.service.rates import assumed, rates_under

OFF = "Rates are not computed: [capacity] is not enabled in the scenario."
LEAST = 0.5  # subscribers: a cell with fewer has none, but for those of the table's territories


@dataclass(frozen=True)
class Rates:
    """of_territory: the fields of `score.Modelled` that capacity fills; notes: what is assumed."""

    of_territory: Mapping[str, Mapping[str, Any]]
    notes: tuple[str, ...]


def everybody(case: Case, asked: Sequence[str]) -> Parts:
    """Who may share the network: the case's own area and some territories, cut into parts. Nobody lives on the sea."""
    if case.area.world:
        area = Area(tuple(np.unique(population.estimate()[1].astype(str)).tolist()))
    else:
        area = replace(case.area, ids=tuple(dict.fromkeys([*case.area.ids, *asked])))
    return parts_of(area, case.resolution, tuple(region.polygon for region in regions_of_both(case.rules, None)))


def rates(case: Case, asked: Sequence[str], parts: Parts | None, threads: int | None, tell: OnProgress) -> Rates:
    """The rates of territories among `everybody`; none, and said so, where the case has no capacity."""
    if case.capacity is None or parts is None:
        return Rates({}, (OFF,))
    parts, demand = _who_ask(case.capacity, asked, parts)
    classes = classes_of(case)
    regions = regions_of_both(case.rules, None)
    may = mask.compute(case.rules, parts, classes, regions, case.grid.start) if case.rules else None
    network = replace(case.network, serving=None)  # the common ways: each gateway to its own nearest PoP
    (found,) = rates_under(
        _few(case.capacity, case.grid.slots), network, case.grid, parts, demand,
        [may or mask.everything(parts, classes)], threads, partial(tell, "computing rates"),
    )  # fmt: skip
    lands = np.array([land_of(str(label)) for label in parts.territory])
    of_territory = _by_territory(found, parts, lands, asked, classes[0])
    return Rates(of_territory, assumed(case.capacity, parts, found.subscribers))


def _few(capacity: CapacityCase, slots: int) -> CapacityCase:
    """Of the slots that a plan computes, hardly more than those that it presses."""
    every = capacity.computed_every(slots)
    computed = -(-slots // every)
    return replace(capacity, every_slots=every * max(1, computed // capacity.rate_slots))


def _who_ask(capacity: CapacityCase, asked: Sequence[str], parts: Parts) -> tuple[Parts, Demand]:
    """The parts of cells with subscribers, and what they ask for."""
    demand, _ = capacity.demand_of(parts)
    if capacity.demand.table is not None or capacity.demand.listed is not None:
        return parts, demand  # they are stated one by one
    cells = len(parts.cells)
    counts = np.bincount(demand.cell, demand.subscribers.sum(axis=1), minlength=cells)
    lands = np.array([land_of(str(label)) for label in parts.territory])
    wanted = np.bincount(parts.cell, np.isin(lands, asked), minlength=cells) > 0
    parts = parts.select(((counts >= LEAST) | (wanted & (counts > 0.0)))[parts.cell])
    return parts, capacity.demand_of(parts)[0]


def _by_territory(
    found: service_rates.Rates, parts: Parts, lands: NDArray[np.str_], asked: Sequence[str], class_: str
) -> dict[str, dict[str, Any]]:
    number = {iso3: group for group, iso3 in enumerate(asked)}
    group = np.array([number.get(land, -1) for land in lands.tolist()], np.intp)
    down, up = found.users_mbps(group, len(asked), class_)
    weight, allowed, tally = found.weight(class_), found.allowed, found.tally
    asks_mbps = np.bincount(allowed.cell, allowed.down_mbps.sum(axis=1), minlength=allowed.cells)
    load = user_rates.load(asks_mbps, tally.pressed.down_mbps)[parts.cell]
    bound = tally.binding[parts.cell] / tally.slots
    made = {}
    for iso3, of in number.items():
        here = np.flatnonzero((group == of) & (weight > 0.0))
        if len(here) == 0:
            continue
        most = int((weight[here] @ bound[here]).argmax())
        made[iso3] = {
            "down_mbps": _known(down[of]), "up_mbps": _known(up[of]), "terminal_mbps": found.terminal_mbps,
            "subscribers": float(weight[here].sum()) if found.subscribers is not None else None,
            "load": user_rates.weighted_median(load[here], weight[here]), "bound_by": Binding(most).name.lower(),
        }  # fmt: skip
    return made


def _known(mbps: float) -> float | None:
    return None if np.isnan(mbps) else round(float(mbps), 2)
