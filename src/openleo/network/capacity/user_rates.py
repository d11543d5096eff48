"""How full a network is, place by place, and what one user then measures.

Takes an allocation under a demand that is pressed (everybody asks for PRESSED times as much, in the same proportions);
gives each cell's load: what it asks for over what the network brings it then. From loads over a day come the rates that
a user's test of the line finds, and a territory's median of them over subscribers.

A test finds what others leave, as flows share a link that serves all of them at once: C (1 − load), Mbit/s, and no more
than the terminal takes (the mean throughput of M/G/1 processor sharing). Where more is asked for than there is, flows
share it: 1/load of what a flow takes when nothing is in its way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openleo.network.capacity.allocation import Allocation
from openleo.network.capacity.candidates import Candidates
from openleo.network.capacity.demand import Demand

Floats = NDArray[np.float64]

PRESSED = 30.0  # so that every city is short of something; a load below 1/30 is not told apart from that
ROUNDING = 1e-9  # of sums over many groups
FLOW_MBPS = 25.0  # of one busy flow: a stream of 4K video takes 15 to 25. Assumed


@dataclass(frozen=True, eq=False)
class Pressed:
    """What a network brings under pressure. Axes (cell,): down_mbps, up_mbps; channel_down_mbps, channel_up_mbps: what
    one channel of the best satellite above it carries there, NaN where none could serve it.
    """

    down_mbps: Floats
    up_mbps: Floats
    channel_down_mbps: Floats
    channel_up_mbps: Floats


def pressed(candidates: Candidates, made: Allocation) -> Pressed:
    """From an allocation under `Demand.times(PRESSED)` and its candidates with their rates."""
    channels = []
    for rate in (candidates.down_mbps, candidates.up_mbps):
        best = np.zeros(candidates.cells)
        np.maximum.at(best, candidates.cell, rate)
        channels.append(np.where(best > 0.0, best, np.nan))
    return Pressed(made.rate_down_mbps, made.rate_up_mbps, *channels)


def load(asked_mbps: ArrayLike, brought_mbps: ArrayLike) -> Floats:
    """What is asked for over what can be brought; infinite where nothing can, NaN where nobody asks.

    >>> load([100.0, 300.0, 5.0, 0.0], [200.0, 200.0, 0.0, 0.0]).tolist()
    [0.5, 1.5, inf, nan]
    """
    asked, brought = np.asarray(asked_mbps, np.float64), np.asarray(brought_mbps, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(asked > 0.0, asked / brought, np.nan))


def user_mbps(load_: ArrayLike, channel_mbps: ArrayLike, terminal_mbps: float, flow_mbps: float = FLOW_MBPS) -> Floats:
    """What a test of one line finds.

    >>> user_mbps([0.1, 0.5, 0.99, 2.0], 700.0, terminal_mbps=400.0).round(1).tolist()
    [400.0, 350.0, 25.0, 12.5]
    """
    full = np.asarray(load_, np.float64)
    left = np.asarray(channel_mbps, np.float64) * np.maximum(1.0 - full, 0.0)
    with np.errstate(divide="ignore"):
        shared = flow_mbps / full
    return np.asarray(np.minimum(np.maximum(left, np.minimum(shared, flow_mbps)), terminal_mbps))


def by_group(
    demand: Demand, counts: Floats, group: NDArray[np.intp], groups: int, network: Pressed,
    terminal_mbps: tuple[float, float], hours: int = 24,
) -> tuple[Floats, Floats]:  # fmt: skip
    """The median rates down and up that the subscribers of each group measure, axes (group,); NaN: of nobody.

    counts (part,): subscribers; group (part,): numbers below `groups`, −1 for none. terminal_mbps: down, up. Tests are
    made as evenly over the day as traffic is: each hour counts by the curve. Who is in no satellite's reach makes none.
    """
    part_of_day = demand.curve.of_busiest(np.arange(hours) * 24.0 / hours)
    part_of_day = part_of_day[part_of_day > 0.0]  # nobody tests a line when nobody is on
    found = []
    for asked, brought, channel, most in (
        (demand.down_mbps, network.down_mbps, network.channel_down_mbps, terminal_mbps[0]),
        (demand.up_mbps, network.up_mbps, network.channel_up_mbps, terminal_mbps[1]),
    ):
        of_cell = np.bincount(demand.cell, asked.sum(axis=1), minlength=demand.cells)
        full = load(of_cell, brought)
        here = np.flatnonzero((group >= 0) & (counts > 0.0) & np.isfinite(channel[demand.cell]))
        cell = demand.cell[here]
        rate = user_mbps(np.nan_to_num(full[cell], posinf=np.inf)[:, None] * part_of_day, channel[cell, None], most)
        weight = counts[here, None] * part_of_day
        found.append(weighted_medians(np.repeat(group[here], len(part_of_day)), rate.ravel(), weight.ravel(), groups))
    return found[0], found[1]


def weighted_medians(group: NDArray[np.intp], values: Floats, weight: Floats, groups: int) -> Floats:
    """`weighted_median` of each group, axes (group,); NaN of nothing.

    >>> weighted_medians(np.array([0, 2, 0, 0]), np.array([3.0, 7.0, 1.0, 2.0]), np.array([1.0, 1.0, 1.0, 4.0]), 3)
    array([ 2., nan,  7.])
    """
    known = weight > 0.0
    group, values, weight = group[known], values[known], weight[known]
    order = np.lexsort((values, group))
    group, values, weight = group[order], values[order], weight[order]
    total = np.bincount(group, weight, minlength=groups)
    before = np.concatenate([[0.0], np.cumsum(total)])[:-1]
    reached = (np.cumsum(weight) - before[group]) / total[group]
    enough = np.flatnonzero(reached >= 0.5 - ROUNDING)
    first, at = np.unique(group[enough], return_index=True)
    made = np.full(groups, np.nan)
    made[first] = values[enough[at]]
    return made


def weighted_median(values: Floats, weight: Floats) -> float | None:
    """The least value that half of the weight does not exceed; None of nothing.

    >>> weighted_median(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 4.0]))
    2.0
    """
    if not weight.sum() > 0.0:
        return None
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order]) / weight.sum()
    return float(values[order[np.searchsorted(reached, 0.5)]])
