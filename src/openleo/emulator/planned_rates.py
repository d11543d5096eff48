"""What a terminal carries where the scenario computes capacity: with everybody on the network, in its cell.

Takes a case with capacity and where terminals are; gives Mbit/s by slot. A cell's load under pressure, and what one
channel carries there, are the means of the window's computed slots, as `openleo plan` takes those of its run; what
those who live there ask for goes with the hour of each slot. What is left is what a test of its rate finds
(`network/capacity/user_rates`), and no more than a terminal takes. So rates follow the hour, not the satellite: one
allocation a slot takes seconds over a large area. One emulated terminal more is not counted to the load, nor is its
class asked: terminals of all classes find the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openleo import cells as h3cells
from openleo.emulator.table import DOWN, UP
from openleo.errors import InputError, Problem
from openleo.instants import SlotGrid
from openleo.network.capacity.demand import local_hour
from openleo.network.capacity.user_rates import load, user_mbps
from openleo.network.ground.tracks import Track
from openleo.network.journeys import Point
from openleo.places.areas import parts_of
from openleo.places.parts import Parts
from openleo.policy import mask
from openleo.results import Case, classes_of, regions_of_both
from openleo.service.rates import Rates, demand_of, rates_under

Floats = NDArray[np.float64]


def planned_rates(case: Case, users: Sequence[Point | Track], window: SlotGrid, threads: int | None = None) -> Floats:
    """Axes (slot, terminal, direction), Mbit/s; 0 where a cell has no channel in any slot computed.

    Raises InputError for terminals outside of the area, for which nothing is computed.
    """
    latitude, longitude = _places(users, window)
    cells = h3cells.at_each(latitude.ravel(), longitude.ravel(), case.resolution).reshape(latitude.shape)
    parts = parts_of(
        case.area, case.resolution, tuple(one.polygon for one in regions_of_both(case.rules, case.compare))
    )
    row = np.minimum(np.searchsorted(parts.cells, cells), len(parts.cells) - 1)
    outside = (parts.cells[row] != cells).any(axis=0)
    if outside.any():
        raise InputError(
            Problem(users[number].name, "", "is outside of ground.area, for which alone the scenario computes rates.",
                    "Add its territory to ground.area, or give fixed rates.")
            for number in np.flatnonzero(outside).tolist()
        )  # fmt: skip
    rates = _of_everybody(case, parts, window, threads)
    middles = [window.instant(slot) + (window.instant(1) - window.instant(0)) / 2 for slot in range(window.slots)]
    hour = np.stack([local_hour(at, longitude[slot]) for slot, at in enumerate(middles)])
    part_of_day = rates.demand.curve.of_busiest(hour)
    brought, asked, found = rates.tally.pressed, rates.allowed, np.empty((*row.shape, 2))
    for direction, wanted, gives, channel, most in (
        (DOWN, asked.down_mbps, brought.down_mbps, brought.channel_down_mbps, rates.terminal_mbps[0]),
        (UP, asked.up_mbps, brought.up_mbps, brought.channel_up_mbps, rates.terminal_mbps[1]),
    ):
        of_cell = np.bincount(asked.cell, wanted.sum(axis=1), minlength=asked.cells)
        found[..., direction] = _found_mbps(load(of_cell, gives)[row], part_of_day, channel[row], most)
    return found


def _found_mbps(busiest: Floats, part_of_day: Floats, channel_mbps: Floats, most_mbps: float) -> Floats:
    """What one terminal finds; alone in its cell, a whole channel. 0 without a channel."""
    full = np.nan_to_num(busiest, nan=0.0, posinf=np.inf)
    with np.errstate(invalid="ignore"):
        now: ArrayLike = np.where(full > 0.0, full * part_of_day, 0.0)
    return np.nan_to_num(user_mbps(now, channel_mbps, most_mbps), nan=0.0)


def _of_everybody(case: Case, parts: Parts, window: SlotGrid, threads: int | None) -> Rates:
    """What the network gives everybody over the window, under the rules in force at its start."""
    assert case.capacity is not None
    demand, classes = demand_of(case.capacity, parts)[0], classes_of(case)
    regions = regions_of_both(case.rules, case.compare)
    may = mask.compute(case.rules, parts, classes, regions, window.start) if case.rules else None
    permitted = mask.everything(parts, classes) if may is None else may
    return rates_under(case.capacity, case.network, window, parts, demand, [permitted], threads)[0]


def _places(users: Sequence[Point | Track], window: SlotGrid) -> tuple[Floats, Floats]:
    """(latitude, longitude) at each mid-slot, axes (slot, terminal)."""
    latitude, longitude = np.empty((2, window.slots, len(users)))
    for number, one in enumerate(users):
        if isinstance(one, Track):
            where = one.at(window.start, window.seconds(0, window.slots, within=0.5))
            latitude[:, number], longitude[:, number] = where.latitude_deg, where.longitude_deg
        else:
            latitude[:, number], longitude[:, number] = one.latitude_deg, one.longitude_deg
    return latitude, longitude
