"""The ways of one slot as a forest, so that its caps are nested.

Takes each satellite's way (`Routes.onward`, `.gateway`, and the PoP of every gateway: single paths, all) and the caps;
gives Forest: nodes with a parent and a cap each way. From a satellite: its own terminals' traffic → what it hands on,
over an inter-satellite link or down a feeder link, for others too → … → the gateway's site → the PoP.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openleo.network.capacity.caps import Binding, Caps
from openleo.network.kernels import forest, paths

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Forest:
    """Nodes: the satellites' own traffic, what each hands on, the gateways' sites, the PoPs, in this order.

    Axes (node,): parent (−1 at a PoP and where there is no way), kind (a `Binding`), down_mbps and up_mbps (caps).
    A satellite s starts at node s. hops (satellite,): inter-satellite links on its way; −1 for no way.
    """

    satellites: int
    gateways: int
    pops: int
    parent: Ints
    kind: NDArray[np.int8]
    down_mbps: Floats
    up_mbps: Floats
    hops: Ints

    def loads(self, satellite_mbps: Floats) -> Floats:
        """What every node carries, from what the terminals of each satellite have (satellite,)."""
        load = np.zeros(len(self.parent))
        forest.carry(self.parent, np.arange(self.satellites, dtype=np.int32), satellite_mbps.astype(np.float64), load)
        return load


def grow(onward: ArrayLike, gateway: ArrayLike, pop: ArrayLike, caps: Caps, *, pops: int | None = None) -> Forest:
    """The forest of one slot: onward and gateway (satellite,) as in `Routes`, pop (gateway,) as in `Gateways`.

    Raises ValueError if a way goes round in a circle or lands at a gateway without a PoP.
    """
    ahead, landing = np.asarray(onward, np.int64), np.asarray(gateway, np.int64)
    pop_of = np.asarray(pop, np.int64)
    satellites, gateways = len(ahead), len(pop_of)
    pops = int(pop_of.max(initial=-1)) + 1 if pops is None else pops
    lands, goes_on = ahead == paths.LANDS_HERE, ahead >= 0
    if (lands & ((landing < 0) | (landing >= gateways))).any():
        raise ValueError("a satellite lands at no gateway that there is")
    site, end = 2 * satellites, 2 * satellites + gateways
    if (pop_of[landing[lands]] < 0).any():
        raise ValueError("a satellite lands at a gateway that reaches no PoP")
    parent = np.full(end + pops, -1, np.int32)
    has_way = lands | goes_on
    parent[:satellites] = np.where(has_way, satellites + np.arange(satellites), -1)
    parent[satellites:site] = np.where(goes_on, satellites + ahead, np.where(lands, site + landing, -1))
    parent[site:end] = np.where(pop_of >= 0, end + pop_of, -1)
    kind = np.empty(len(parent), np.int8)
    kind[:satellites] = Binding.SATELLITE
    kind[satellites:site] = np.where(goes_on, Binding.ISL, Binding.FEEDER)
    kind[site:end], kind[end:] = Binding.FEEDER, Binding.POP

    def limits(
        satellite: float | Floats, feeder: float | Floats, sites: float | Floats, at_pop: float | Floats
    ) -> Floats:
        limit = np.full(len(parent), np.inf)
        limit[:satellites] = satellite
        antenna = np.append(np.broadcast_to(feeder, gateways), np.inf)[np.where(lands, landing, gateways)]
        limit[satellites:site] = np.where(goes_on, caps.isl_mbps, antenna)
        limit[site:end], limit[end:] = sites, at_pop
        return limit

    one = np.zeros(len(parent))
    start = np.where(has_way, np.arange(satellites), -1).astype(np.int32)
    stuck = forest.carry(parent, start, np.ones(satellites), one)
    if stuck >= 0:
        raise ValueError(f"the way of satellite {stuck} goes round in a circle")
    # Hops: the number of nodes of kind ISL on the way is one less for each step further on.
    hops = np.full(satellites, -1, np.int32)
    hops[lands] = 0
    waiting = goes_on.copy()
    while waiting.any():
        known = waiting & (hops[np.where(goes_on, ahead, 0)] >= 0)
        if not known.any():
            break  # what is left leads to satellites without a way
        hops[known] = hops[ahead[known]] + 1
        waiting &= ~known
    return Forest(
        satellites, gateways, pops, parent, kind,
        limits(caps.satellite_down_mbps, caps.feeder_down_mbps, caps.site_down_mbps, caps.pop_down_mbps),
        limits(caps.satellite_up_mbps, caps.feeder_up_mbps, caps.site_up_mbps, caps.pop_up_mbps),
        hops,
    )  # fmt: skip


def landings(onward: Ints, gateway: Ints) -> Ints:
    """The gateway at the end of each satellite's way (satellite,), −1 for no way.

    >>> none, here = paths.NO_WAY, paths.LANDS_HERE
    >>> landings(np.array([1, 2, here, none], np.int32), np.array([-1, -1, 7, -1], np.int32)).tolist()
    [7, 7, 7, -1]
    """
    at = np.arange(len(onward), dtype=np.int32)
    while (goes_on := onward[at] >= 0).any():
        at = np.where(goes_on, onward[at], at).astype(np.int32)
    return np.where(onward[at] == paths.LANDS_HERE, gateway[at], np.int32(-1))
