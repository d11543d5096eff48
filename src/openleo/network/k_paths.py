"""Several ways between two places over the satellites of an instant.

Takes the links of the satellites and the ground links of places; gives a Graph, and on it the k shortest ways without a
loop, or ways of which none meets a satellite of another. A place is two nodes, one that ways leave and one that they
reach, so that no way is relayed on the ground. The search is scipy's: Yen's algorithm (Management Science 17, 1971).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra, yen

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Graph:
    """Directed links by length. Nodes: the satellites, then of place p the node that ways leave, `leaves(p)`, and the
    one that they reach, `reaches(p)`. The links of `lengths_km` (node, node) are numbered in the order of its rows.
    """

    satellites: int
    lengths_km: csr_array

    def leaves(self, place: int) -> int:
        return self.satellites + 2 * place

    def reaches(self, place: int) -> int:
        return self.satellites + 2 * place + 1

    def ends(self) -> tuple[Ints, Ints]:
        """(node that it leaves, node that it reaches) of every link."""
        from_node = np.repeat(np.arange(self.lengths_km.shape[0]), np.diff(self.lengths_km.indptr))
        return from_node, self.lengths_km.indices.astype(np.int64)

    def links_of(self, nodes: Ints) -> Ints:
        """The numbers of the links of a way."""
        first, columns = self.lengths_km.indptr, self.lengths_km.indices
        found = [
            first[here] + np.searchsorted(columns[first[here] : first[here + 1]], there)
            for here, there in zip(nodes[:-1].tolist(), nodes[1:].tolist(), strict=True)
        ]
        return np.array(found, np.int64)

    def without(self, satellites: Ints) -> Graph:
        """The same links numbered as before, with those at some satellites infinite."""
        from_node, to_node = self.ends()
        out = np.isin(from_node, satellites) | np.isin(to_node, satellites)
        lengths_km = self.lengths_km.copy()
        lengths_km.data[out] = np.inf
        return replace(self, lengths_km=lengths_km)


def graph_of(
    neighbours: NDArray[np.int32], length_km: Floats, offsets: Ints, satellite: NDArray[np.int32], range_km: Floats
) -> Graph:
    """The graph of an instant.

    neighbours, length_km (satellite, k): as of a Topology. The ground links of place p are offsets[p]:offsets[p + 1] of
    satellite and range_km.
    """
    satellites, places = len(neighbours), len(offsets) - 1
    here, k = np.nonzero(np.isfinite(length_km))
    place = np.repeat(np.arange(places), np.diff(offsets))
    from_node = np.concatenate([here, satellites + 2 * place, satellite])
    to_node = np.concatenate([neighbours[here, k], satellite, satellites + 2 * place + 1])
    lengths = np.concatenate([length_km[here, k], range_km, range_km])
    nodes = satellites + 2 * places
    # Two satellites may be neighbours twice, of a pattern and across shells: a sparse array would add the two lengths.
    number, first = np.unique(from_node * nodes + to_node, return_index=True)
    ends = (number // nodes).astype(np.int32), (number % nodes).astype(np.int32)  # scipy's yen takes no others
    return Graph(satellites, csr_array((lengths[first], ends), shape=(nodes, nodes)))


def k_shortest(graph: Graph, start: int, end: int, k: int) -> list[Ints]:
    """The nodes of up to k ways from a place to another, the shortest first; fewer where there are no more."""
    source, sink = graph.leaves(start), graph.reaches(end)
    _, before = yen(graph.lengths_km, source, sink, k, return_predecessors=True)
    return [_back(row, source, sink) for row in before]


def shortest_to(graph: Graph, start: int, ends: Sequence[int]) -> list[Ints | None]:
    """The nodes of the shortest way from a place to each of others; None where there is none."""
    source, sinks = graph.leaves(start), [graph.reaches(end) for end in ends]
    length_km, before = dijkstra(graph.lengths_km, indices=np.array([source], np.int32), return_predecessors=True)
    return [_back(before[0], source, sink) if np.isfinite(length_km[0, sink]) else None for sink in sinks]


def disjoint(graph: Graph, start: int, end: int, k: int) -> list[Ints]:
    """The nodes of up to k ways, each the shortest over the satellites that the ways before it do not meet.

    Taken one after the other: where a longer first way would leave room for more of them, it is not looked for.
    """
    found: list[Ints] = []
    while len(found) < k:
        (nodes,) = shortest_to(graph, start, [end])
        if nodes is None:
            break
        found.append(nodes)
        graph = graph.without(nodes[1:-1])
    return found


def shared(way: Ints, other: Ints) -> int:
    """How many links two ways between the same two places have in common, in whichever direction."""

    def links(nodes: Ints) -> set[frozenset[int]]:
        return {frozenset(pair) for pair in zip(nodes[:-1].tolist(), nodes[1:].tolist(), strict=True)}

    return len(links(way) & links(other))


def _back(before: NDArray[np.int32], source: int, sink: int) -> Ints:
    nodes = [sink]
    while nodes[-1] != source:
        nodes.append(int(before[nodes[-1]]))
    return np.array(nodes[::-1], np.int64)
