"""What a slot's plan gives in a cell, to a class: an Offer, looked up in the plan and kept while the plan holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from openleo.controller.enforcement import NOBODY, gives
from openleo.controller.leases import Offer, Why
from openleo.controller.slot_plan import SlotPlan
from openleo.network.ground.stations import Station
from openleo.service.licences import land_of
from openleo.service.serve import Reason

WORDS: dict[int, Why] = {
    Reason.NOT_PERMITTED: "not_permitted",
    Reason.NO_SATELLITE: "no_satellite",
    Reason.NO_GATEWAY: "no_gateway",
    Reason.NO_CAPACITY: "no_capacity",
}


@dataclass(frozen=True)
class Ground:
    """Gateways and PoPs by the numbers that plans use: their names, and the territories that traffic lands in there."""

    gateways: tuple[str, ...]
    pops: tuple[str, ...]
    gateway_lands: tuple[str | None, ...]
    pop_lands: tuple[str | None, ...]


def ground(gateways: Sequence[Station], pops: Sequence[Station]) -> Ground:
    """Of the network's stations."""
    names = (tuple(one.name for one in stations) for stations in (gateways, pops))
    lands = (tuple(map(land_of, stations)) for stations in (gateways, pops))
    return Ground(*names, *lands)


class Offers:
    """A plan as decisions read it. It is made when a plan is applied, and goes with it."""

    def __init__(self, plan: SlotPlan, ground: Ground):
        self._plan, self._ground = plan, ground
        self.number: int = int(plan.number)
        self.begins_s: float = float(plan.begins_s)
        self.slot_s: float = float(plan.slot_s)
        self.sha256: str = str(plan.sha256)
        self._class = {name: number for number, name in enumerate(plan.classes)}
        self._kept: dict[tuple[int, str], Offer] = {}

    def offer(self, cell: int, class_: str) -> Offer:
        """What a cell gets; a cell that the plan does not know has no satellite, and a class nobody permits."""
        if (found := self._kept.get((cell, class_))) is None:
            found = self._kept[cell, class_] = self._look_up(cell, class_)
        return found

    def _look_up(self, cell: int, class_: str) -> Offer:
        plan, ground = self._plan, self._ground
        row = int(np.searchsorted(plan.cells, np.uint64(cell)))
        if row >= len(plan.cells) or int(plan.cells[row]) != cell:
            row = NOBODY
        (reason,) = gives(plan, np.array([row]), np.array([self._class.get(class_, NOBODY)])).tolist()
        if reason != Reason.SERVED:
            return Offer(cell, WORDS[reason])
        satellite, gateway, pop = (int(column[row]) for column in (plan.satellite, plan.gateway, plan.pop))
        down_mbps, up_mbps = (_rate(column[row]) for column in (plan.down_mbps, plan.up_mbps))
        lands = (ground.gateway_lands[gateway], ground.pop_lands[pop])
        named = (str(satellite), ground.gateways[gateway], ground.pops[pop])
        return Offer(cell, None, *named, lands, down_mbps, up_mbps)


def _rate(mbps: Any) -> float | None:
    """None where no capacity is computed."""
    return None if math.isnan(mbps) else round(float(mbps), 3)
