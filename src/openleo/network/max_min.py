"""Fair shares of links: max-min fairness by progressive filling.

Takes flows (which links each uses), the links' capacities, and what each flow asks for; gives Shares: the rate of each
flow and what stops it. No flow can have more without taking from one that has no more than it, weights considered. Who
the flows are, a cell's users or the traffic between two places, is the caller's business.

D. Bertsekas and R. Gallager, Data Networks (2nd edition, 1992), section 6.5.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openleo.network.kernels import filling
from openleo.network.kernels.filling import ITS_DEMAND, WITHOUT_LINKS

__all__ = ["ITS_DEMAND", "WITHOUT_LINKS", "Shares", "fill"]

Floats = NDArray[np.float64]

LEAST, MOST = 1e-100, 1e100  # so that no product or quotient of two numbers is lost


@dataclass(frozen=True, eq=False)
class Shares:
    """Axes (flow,), but load_mbps (link,). bottleneck: the link that stops a flow, ITS_DEMAND or WITHOUT_LINKS."""

    rate_mbps: Floats
    bottleneck: NDArray[np.int32]
    load_mbps: Floats


def fill(
    offsets: ArrayLike,
    link: ArrayLike,
    capacity_mbps: ArrayLike,
    *,
    coefficient: ArrayLike = 1.0,
    demand_mbps: ArrayLike = np.inf,
    weight: ArrayLike = 1.0,
) -> Shares:
    """Share links among flows.

    Flow f uses the links link[offsets[f]:offsets[f + 1]], each with `coefficient` (use,) times its rate: 1 is all of
    it, 0.5 half of a flow that is split over two ways. capacity_mbps (link,), infinite allowed; demand_mbps (flow,),
    infinite for one that takes what there is; weight (flow,): of what they compete for, a flow of weight 2 gets twice
    as much as one of weight 1. A number instead of an array holds for all.

    A flow that meets its demand has the bottleneck ITS_DEMAND; any other one a link that is full, on which no flow has
    more for its weight. If there are several, it is the first to be full, and of those full at once the lowest number.
    On a link of no capacity a flow gets 0, stopped by that link. A flow without links gets 0 whatever it asks for, and
    the bottleneck WITHOUT_LINKS. One that nothing needs to limit has a link all the same, an infinite one.

    The same arrays give the same bits each time. In another order of flows or links, rates differ by rounding alone.

    Raises ValueError if the arrays do not fit together, a number is out of bounds, or a flow could grow for ever.

    Two flows share link 0, of which one goes on over link 1 with a third, which asks for 5 Mbit/s and no more:

    >>> shares = fill([0, 1, 3, 4], [0, 0, 1, 1], [30.0, 12.0], demand_mbps=[np.inf, np.inf, 5.0])
    >>> shares.rate_mbps.tolist(), shares.bottleneck.tolist(), shares.load_mbps.tolist()
    ([23.0, 7.0, 5.0], [0, 1, -1], [30.0, 12.0])
    """
    begin, used, capacity = _uses(offsets, link, capacity_mbps)
    flows = begin.size - 1
    part = _each("coefficient", coefficient, used.size)
    demand, share = _each("demand_mbps", demand_mbps, flows), _each("weight", weight, flows)
    _refuse("coefficient", f"0, or {LEAST:g} to {MOST:g}", (part != 0.0) & ~((part >= LEAST) & (part <= MOST)))
    _refuse("demand_mbps", f"0 to {MOST:g}, or infinite", ~_amount(demand))
    _refuse("weight", f"{LEAST:g} to {MOST:g}", ~((share >= LEAST) & (share <= MOST)))
    flow = np.repeat(np.arange(flows), np.diff(begin))
    limiting = (part > 0.0) & (capacity[used] < np.inf)
    limited = np.bincount(flow[limiting], minlength=flows) > 0
    endless = np.isinf(demand) & ~limited & (np.diff(begin) > 0)
    _refuse("demand_mbps", "finite for a flow that no link limits", endless)
    rate, bottleneck = np.zeros(flows), np.full(flows, ITS_DEMAND, np.int32)
    by_level = np.argsort(demand / share, kind="stable")
    filling.fill(begin, used, part, capacity, demand, share, by_level, rate, bottleneck)
    load = np.bincount(used, part * rate[flow], minlength=capacity.size).astype(np.float64)
    return Shares(rate, bottleneck, load)


def _uses(
    offsets: ArrayLike, link: ArrayLike, capacity_mbps: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int32], Floats]:
    given = np.asarray(offsets), np.asarray(link)
    if any(one.ndim != 1 or (one.size and one.dtype.kind not in "iu") for one in given) or given[0].size == 0:
        raise ValueError("offsets and link are whole numbers along one axis, and offsets begins with 0")
    # Copies, as below: for arrays that are read-only or have gaps the kernel would be compiled once more.
    begin, capacity = np.array(offsets, np.int64), np.array(capacity_mbps, np.float64)
    if begin[0] != 0 or begin[-1] != given[1].size or (np.diff(begin) < 0).any():
        raise ValueError(f"offsets run from 0 to the number of uses, {given[1].size}, and never fall")
    if capacity.ndim != 1:
        raise ValueError(f"capacity_mbps has {capacity.ndim} axes; it has one, a number for each link")
    _refuse("link", f"of 0 to {capacity.size - 1}", (given[1] < 0) | (given[1] >= capacity.size))
    _refuse("capacity_mbps", f"0 to {MOST:g}, or infinite", ~_amount(capacity))
    return begin, np.array(link, np.int32), capacity


def _each(name: str, value: ArrayLike, count: int) -> Floats:
    given = np.asarray(value, np.float64)
    if given.shape not in ((), (count,)):
        raise ValueError(f"{name} has shape {given.shape}; it is one number or {count}")
    return np.broadcast_to(given, count).copy()


def _amount(rate_mbps: Floats) -> NDArray[np.bool_]:
    return np.asarray((rate_mbps >= 0.0) & ((rate_mbps <= MOST) | np.isinf(rate_mbps)))


def _refuse(name: str, rule: str, wrong: NDArray[np.bool_]) -> None:
    if wrong.any():
        raise ValueError(f"{name}[{int(wrong.argmax())}] is not {rule}")
