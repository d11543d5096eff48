"""Capacity as service asks for it: the part of what places ask for that they get, and what their users measure.

Takes the Tally of a run's computed slots, who asks for what, and who may be served; `serve` and summaries read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from openleo.instants import SlotGrid
from openleo.network.capacity import run, user_rates
from openleo.network.capacity.case import CapacityCase
from openleo.network.capacity.demand import Demand
from openleo.network.capacity.tally import Tally, Tell, tally
from openleo.network.reach import Network
from openleo.places.parts import Parts, land_of
from openleo.policy.mask import Mask
from openleo.service.day import shares_of_all

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def decided_as(demand_classes: Sequence[str], mask_classes: Sequence[str]) -> tuple[str, ...]:
    """The class of rules that each class of a demand is decided as: that of its name, else the first.

    >>> decided_as(["everybody", "emergency"], ["fixed", "emergency"])
    ('fixed', 'emergency')
    """
    return tuple(name if name in mask_classes else mask_classes[0] for name in demand_classes)


def permission(permitted: Flags, mask_classes: Sequence[str], demand: Demand) -> Flags:
    """Who of a demand may be served, axes (part, class of the demand), from permitted (part, class of rules)."""
    as_ = decided_as([one.name for one in demand.classes], mask_classes)
    return permitted[:, [list(mask_classes).index(name) for name in as_]]


def demand_of(capacity: CapacityCase, parts: Parts) -> tuple[Demand, tuple[str, ...]]:
    """(what the parts of a run ask for, what is to be said of it)."""
    demand, left_out = capacity.demand_of(parts)
    if not left_out:
        return demand, ()
    lie = "lies in no cell of the run and asks" if left_out == 1 else "lie in no cell of the run and ask"
    return demand, (f"Of [demand] terminals {left_out:,} {lie} for nothing.",)


def assumed(capacity: CapacityCase, parts: Parts, subscribers: float | None) -> tuple[str, ...]:
    """What rates stand on, in words: how many subscribe, None where a table does not say."""
    said = capacity.demand
    if said.table is not None or subscribers is None:
        return ("Rates are those under the demand by cell that the scenario states.",)
    lands = {land_of(str(label)) for label in parts.territory[parts.people > 0.0]}
    if not lands:
        return ()
    known, penetration = said.penetration.known.keys() & lands, said.penetration
    many = "1 territory shares" if len(lands) == 1 else f"{len(lands)} territories share"
    factor = "" if penetration.factor == 1.0 else f", all times {penetration.factor:g}"
    of = f"known or estimated by others for {len(known)}, elsewhere {penetration.otherwise:g} of the people{factor}"
    share = f"{many} the network with {subscribers:,.0f} subscriber{'' if round(subscribers) == 1 else 's'}"
    return (f"Numbers of subscribers are assumptions: {share}, {of}.",)


def loaded_with(case: CapacityCase, network: Network, parts: Parts, demand: Demand) -> run.Loaded:
    """A network with everybody on it."""
    return run.load(
        case, parts.cells, demand, network.constellation, network.gateways, network.user_elevation_deg,
        network.gateway_elevation_deg, network.limits.gateway_antennas,
    )  # fmt: skip


def rates_under(
    case: CapacityCase,
    network: Network,
    grid: SlotGrid,
    parts: Parts,
    demand: Demand,
    masks: Sequence[Mask],
    threads: int | None = None,
    tell: Tell | None = None,
) -> tuple[Rates, ...]:
    """What a network gives under each of several masks, over the computed slots of a run."""
    loaded = loaded_with(case, network, parts, demand)
    permitted = [permission(mask.permitted, mask.classes, demand) for mask in masks]
    every = case.computed_every(grid.slots)
    weights = [people_asking(parts, demand, may, mask) for may, mask in zip(permitted, masks, strict=True)]
    made = tally(network, grid, parts.cells, loaded, permitted, every, case.rate_slots, threads, tell, weights)
    return tuple(rates_from(case, one, demand, mask) for one, mask in zip(made, masks, strict=True))


def rates_from(case: CapacityCase, made: Tally, demand: Demand, mask: Mask) -> Rates:
    """What a tally that was made under a mask gives."""
    names, caps = [one.name for one in demand.classes], case.caps()
    return Rates(
        made, demand, permission(mask.permitted, mask.classes, demand), decided_as(names, mask.classes),
        mask.classes[0], (caps.terminal_down_mbps, caps.terminal_up_mbps),
    )  # fmt: skip


def people_asking(parts: Parts, demand: Demand, permitted: Flags, mask: Mask) -> Floats:
    """The share of a run's people that each cell and class of a demand stands for, axes (cell, class).

    People (area where nobody lives) of the parts in which the mask's first class may be served, by what its classes
    of the demand ask for there; who lives where nobody asks is in none.
    """
    columns = columns_of(decided_as([one.name for one in demand.classes], mask.classes), mask.classes[0])
    asked = ((demand.down_mbps + demand.up_mbps) * permitted)[:, columns]
    total = asked.sum(axis=1, keepdims=True)
    weight = shares_of_all(parts)[1] * mask.permitted[:, 0]
    each = weight[:, None] * np.divide(asked, total, out=np.zeros_like(asked), where=total > 0.0)
    found = np.zeros((len(parts.cells), len(demand.classes)))
    for number, column in enumerate(columns):
        found[:, column] = np.bincount(parts.cell, each[:, number], minlength=len(parts.cells))
    return found


def columns_of(decided: Sequence[str], *names: str) -> list[int]:
    """The classes of a demand that are decided as the first of some names that any is decided as, else all."""
    for name in names:
        if found := [column for column, as_ in enumerate(decided) if as_ == name]:
            return found
    return list(range(len(decided)))


@dataclass(frozen=True, eq=False)
class Rates:
    """What a run gave under one permission.

    demand: of all, whether they may be served or not; its rows are the parts of the run. permitted (part, class of the
    demand); decided_as (class of the demand,): the class of rules that it is decided as; first: that of all others.
    terminal_mbps: the most of one terminal, (down, up).
    """

    tally: Tally
    demand: Demand
    permitted: Flags
    decided_as: tuple[str, ...]
    first: str
    terminal_mbps: tuple[float, float]

    @cached_property
    def allowed(self) -> Demand:
        """What those ask for who may be served."""
        one, may = self.demand, self.permitted
        return replace(one, down_mbps=one.down_mbps * may, up_mbps=one.up_mbps * may,
                       subscribers=np.where(may, one.subscribers, 0.0))  # fmt: skip

    def columns(self, class_: str) -> list[int]:
        """The classes of the demand that tell of a class of rules; one that has none gets what the first gets."""
        return columns_of(self.decided_as, class_, self.first)

    def weight(self, class_: str | None = None) -> Floats:
        """Subscribers who may be served, axes (part,); Mbit/s where a table does not say how many subscribe."""
        columns = list(range(len(self.tally.classes))) if class_ is None else self.columns(class_)
        subscribers = self.allowed.subscribers[:, columns].sum(axis=1)
        if np.isfinite(self.demand.subscribers).all():
            return np.asarray(subscribers)
        return np.asarray((self.allowed.down_mbps + self.allowed.up_mbps)[:, columns].sum(axis=1))

    def given(self, class_: str) -> Floats:
        """The part of what it asks for that each part gets when it is reached, axes (part,): 1 where nobody asks."""
        columns = self.columns(class_)
        asked = (self.allowed.down_mbps + self.allowed.up_mbps)[:, columns]
        total = asked.sum(axis=1)
        got = (asked * self.tally.given[self.demand.cell][:, columns]).sum(axis=1)
        return np.asarray(np.minimum(np.divide(got, total, out=np.ones(len(total)), where=total > 0.0), 1.0))

    def users_mbps(self, group: NDArray[np.intp], groups: int, class_: str | None = None) -> tuple[Floats, Floats]:
        """Median rates (down, up) that subscribers measure, axes (group,), NaN of nobody; group (part,): −1 for none.

        Of those who may be served and whom the network reaches, over the hours of a day.
        """
        return user_rates.by_group(
            self.allowed, self.weight(class_), group, groups, self.tally.pressed, self.terminal_mbps
        )

    @property
    def subscribers(self) -> float | None:
        """Who may be served; None where a table does not say how many subscribe."""
        return self.allowed.all_subscribers
