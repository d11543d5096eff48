"""What traffic between places puts on every link at an instant.

Takes demands between places and a way of routing them; gives Loads: for each directed link of the satellites and of the
places the traffic on it. A demand without a way is counted apart, never dropped. Links have no capacity here: nothing
is turned away, and a link may carry more than a laser can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from openleo.network import k_paths
from openleo.network.demand_routing import PATHS, DemandRouting
from openleo.network.k_paths import Graph
from openleo.network.pairs import Places, Sky, ground_links, skies
from openleo.units import LIGHT_KM_PER_S, MS_PER_S

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ISL, UP, DOWN = "isl", "up", "down"


@dataclass(frozen=True)
class Demand:
    """Traffic from a place to another, by their numbers."""

    start: int
    end: int
    mbps: float


@dataclass(frozen=True, eq=False)
class Loads:
    """Axes (link,) over the links of `graph`. `flows`: demands that use a link.

    `ways` (demand): the links of each way that a demand takes in equal shares; none where it has no way. position_km
    (satellite, xyz): where the satellites are.
    """

    graph: Graph
    demands: tuple[Demand, ...]
    ways: tuple[tuple[Ints, ...], ...]
    mbps: Floats
    flows: Ints
    position_km: Floats

    @property
    def unreachable(self) -> tuple[int, ...]:
        """The demands without a way."""
        return tuple(number for number, ways in enumerate(self.ways) if not ways)

    def kinds(self) -> NDArray[np.str_]:
        """ISL, UP or DOWN of every link."""
        from_node, to_node = self.graph.ends()
        of = self.graph.satellites
        return np.where(from_node >= of, UP, np.where(to_node >= of, DOWN, ISL))

    def rtt_ms_mean(self) -> float | None:
        """There and back at the speed of light, over all that is carried; None if nothing is."""
        carried = total = 0.0
        for demand, ways in zip(self.demands, self.ways, strict=True):
            for way in ways:
                share = demand.mbps / len(ways)
                carried += share
                total += share * float(self.graph.lengths_km.data[way].sum())
        return total / carried * (2.0 * MS_PER_S / LIGHT_KM_PER_S) if carried else None


def load(
    sky: Sky,
    places: Places,
    demands: Sequence[Demand],
    start: datetime,
    at_s: float,
    routing: DemandRouting = "shortest",
    k: int = PATHS,
    on_progress: Callable[[int], None] | None = None,
) -> Loads:
    """The load of all links `at_s` after `start`.

    `shortest`: each demand on its shortest way. `k-paths`: in equal shares on its k shortest ones. `least-loaded`: the
    demands one after the other, the largest first and equal ones by name, each whole on that of its k shortest ways
    whose fullest inter-satellite link carries least so far. Ways mostly share links, so that of equal ones the next
    fullest link decides, and so on; last the length. Ground links do not count in that choice.
    """
    ((now, position_km, usable),) = skies(sky, start, [at_s])
    length_km = now.topology.lengths_km(position_km, usable)
    graph = k_paths.graph_of(now.topology.neighbours, length_km, *ground_links(now, places, position_km, usable))
    mbps, flows = np.zeros(graph.lengths_km.nnz), np.zeros(graph.lengths_km.nnz, np.int64)
    chosen: list[tuple[Ints, ...]] = [()] * len(demands)
    for done, (number, ways) in enumerate(_routed(graph, places, demands, routing, k, mbps), start=1):
        chosen[number] = tuple(ways)
        for way in ways:
            mbps[way] += demands[number].mbps / len(ways)
        if ways:
            flows[np.unique(np.concatenate(ways))] += 1
        if on_progress:
            on_progress(done)
    loads = Loads(graph, tuple(demands), tuple(chosen), mbps, flows, position_km)
    check_conserved(loads)
    return loads


def _routed(
    graph: Graph, places: Places, demands: Sequence[Demand], routing: DemandRouting, k: int, mbps: Floats
) -> Iterator[tuple[int, list[Ints]]]:
    """(demand, the links of each of its ways), each with what the ones before it put on links in `mbps`."""
    if routing == "shortest":
        for start in sorted({demand.start for demand in demands}):
            mine = [number for number, demand in enumerate(demands) if demand.start == start]
            found = k_paths.shortest_to(graph, start, [demands[number].end for number in mine])
            yield from (
                (n, [] if nodes is None else [graph.links_of(nodes)]) for n, nodes in zip(mine, found, strict=True)
            )
        return
    names = places.names
    is_isl = np.maximum(*graph.ends()) < graph.satellites
    order = sorted(
        range(len(demands)),
        key=lambda n: (-demands[n].mbps, names[demands[n].start], names[demands[n].end], n),
    )
    for number in order:
        demand = demands[number]
        ways = [graph.links_of(nodes) for nodes in k_paths.k_shortest(graph, demand.start, demand.end, k)]
        if routing == "least-loaded" and ways:
            ways = [min(ways, key=lambda way: _fullest_first(mbps[way[is_isl[way]]]))]
        yield number, ways


def _fullest_first(mbps: Floats) -> list[float]:
    """The loads by which ways are compared; links that carry nothing count no more than none."""
    return sorted(mbps[mbps > 0.0].tolist(), reverse=True)


def check_conserved(loads: Loads) -> None:
    """Raise unless all that a place sends leaves it, all that is sent to it arrives, and satellites keep nothing."""
    from_node, to_node = loads.graph.ends()
    nodes = loads.graph.lengths_km.shape[0]
    left = np.bincount(from_node, loads.mbps, nodes) - np.bincount(to_node, loads.mbps, nodes)
    total = 0.0
    for demand, ways in zip(loads.demands, loads.ways, strict=True):
        if ways:
            left[loads.graph.leaves(demand.start)] -= demand.mbps
            left[loads.graph.reaches(demand.end)] += demand.mbps
            total += demand.mbps
    if not np.abs(left).max(initial=0.0) <= 1e-9 * total < np.inf:  # so that NaN fails
        raise RuntimeError("traffic was lost or made on its way")
