"""The k shortest paths against networkx: `shortest_simple_paths` over a graph built here, satellite by satellite.

A place is one node there, that no path may pass through; lengths agree to a millimetre in 20,000 km.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice, pairwise

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from independent import sight, starlink_network

from compared import compared, same
from openleo.network import ephemeris, k_paths
from openleo.network.failures import Failures, Outage, resolve
from openleo.network.journeys import Path, Point, alternatives, between
from openleo.network.reach import Network
from openleo.units import LIGHT_KM_PER_S

AT = datetime(2026, 11, 20, 0, 7, 30, tzinfo=UTC)
TOKYO, CAPE_TOWN = Point("Tokyo", 35.69, 139.69), Point("Cape Town", -33.93, 18.42)
OSAKA, POLE = Point("Osaka", 34.69, 135.5), Point("the pole", 90.0, 0.0)


def web(network: Network, ends: tuple[Point, Point]) -> nx.Graph:
    """All links that hold, by name; lengths in km. A link passes no lower than 80 km (by the law of cosines)."""
    moved = ephemeris.positions(network.constellation, AT, 0.0).position_km[0]
    names = network.constellation.satellite_name
    graph = nx.Graph()
    for s, row in enumerate(network.topology.neighbours):
        for n in row[row >= 0]:
            length = float(np.linalg.norm(moved[s] - moved[n]))
            foot = np.sqrt(np.linalg.norm(moved[s]) ** 2 - (length / 2.0) ** 2)
            if foot >= 6378.137 + 80.0:
                graph.add_edge(names[s], names[n], km=length)
    for place in ends:
        elevation, distance = sight(np.array([place.latitude_deg]), np.array([place.longitude_deg]), moved)
        for s in np.flatnonzero(elevation[0] >= 25.0):
            graph.add_edge(place.name, names[s], km=float(distance[0, s]))
    return graph


def nodes(path: Path) -> tuple[str, ...]:
    return (path.hops[0].start, *(hop.end for hop in path.hops))


def length_km(path: Path) -> float:
    return sum(hop.length_km for hop in path.hops)


@pytest.mark.parametrize(("start", "end", "count"), [(TOKYO, CAPE_TOWN, 12), (TOKYO, OSAKA, 25)])
def test_the_shortest_paths_are_networkx_s(start: Point, end: Point, count: int) -> None:
    network = starlink_network()
    graph = web(network, (start, end))
    simple = nx.shortest_simple_paths(graph, start.name, end.name, weight="km")
    expected = [nx.path_weight(graph, one, "km") for one in islice(simple, count)]
    found, why_none = alternatives(network, start, end, AT, count)
    assert why_none == ""
    compared(
        authority="networkx",
        what="lengths of the k shortest paths",
        theirs=expected,
        ours=[length_km(one.path) for one in found],
        tolerance=1e-6,
        unit="km",
    )
    assert [one.path.rtt_ms for one in found] == pytest.approx([2e3 * km / LIGHT_KM_PER_S for km in expected], rel=1e-9)
    ways = [nodes(one.path) for one in found]
    assert len(set(ways)) == count
    first = {frozenset(link) for link in pairwise(ways[0])}
    for one, way in zip(found, ways, strict=True):
        assert len(set(way)) == len(way)  # no loop
        assert all(graph.has_edge(*link) for link in pairwise(way))
        assert one.links_shared == len(first & {frozenset(link) for link in pairwise(way)})
    assert found[0].path == between(network, start, end, AT)  # to the last digit what one path is


def test_disjoint_paths_are_networkx_s_with_the_satellites_before_taken_out() -> None:
    network = starlink_network()
    graph = web(network, (TOKYO, CAPE_TOWN))
    found, _ = alternatives(network, TOKYO, CAPE_TOWN, AT, 30, disjoint=True)
    for one in found:
        assert length_km(one.path) == pytest.approx(
            nx.dijkstra_path_length(graph, "Tokyo", "Cape Town", weight="km"), abs=1e-6
        )
        graph.remove_nodes_from(nodes(one.path)[1:-1])
    assert 2 <= len(found) < 30
    assert not nx.has_path(graph, "Tokyo", "Cape Town")  # there was no further one


def test_none_says_why_as_one_path_does() -> None:
    network = starlink_network(isl="none")
    for end in (CAPE_TOWN, POLE):
        one = between(network, TOKYO, end, AT)
        assert alternatives(network, TOKYO, end, AT, 3) == ([], one.why_none)
        assert one.why_none


def test_what_is_out_of_order_is_on_no_path() -> None:
    network = starlink_network()
    whole, _ = alternatives(network, TOKYO, CAPE_TOWN, AT, 2)
    satellite = whole[0].path.hops[3].end
    link = whole[1].path.hops[5]
    outages = [
        ("", "", Outage("satellite", satellite)),
        ("", "", Outage("isl", f"{link.start} -- {link.end}")),
    ]
    failures = resolve(outages, network.constellation, network.gateways, network.topology.neighbours)
    assert isinstance(failures, Failures)
    found, _ = alternatives(replace(network, failures=failures), TOKYO, CAPE_TOWN, AT, 6)
    assert len(found) == 6
    for one in found:
        assert satellite not in nodes(one.path)
        assert (link.start, link.end) not in set(pairwise(nodes(one.path)))
        assert (link.end, link.start) not in set(pairwise(nodes(one.path)))


@st.composite
def webs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, list[list[int]], list[list[float]]]:
    """(neighbours, lengths) of a few satellites, some joined twice, and (satellites, ranges) of three places."""
    count = draw(st.integers(2, 7))
    number = st.integers(-1, count - 1)
    neighbours = np.array(draw(st.lists(st.lists(number, min_size=3, max_size=3), min_size=count, max_size=count)))
    neighbours[neighbours == np.arange(count)[:, None]] = -1
    between_km = np.array(draw(st.lists(st.integers(1, 9), min_size=count * count, max_size=count * count)), float)
    lengths = np.where(neighbours >= 0, np.take_along_axis(between_km.reshape(count, count), neighbours, 1), np.inf)
    sees = [draw(st.lists(st.integers(0, count - 1), unique=True, max_size=3)) for _ in range(3)]
    return neighbours.astype(np.int32), lengths, sees, [[float(3 + s) for s in one] for one in sees]


@settings(deadline=None, max_examples=150)
@given(webs(), st.integers(1, 8))
def test_any_web_against_networkx(drawn: tuple, k: int) -> None:
    neighbours, lengths, sees, ranges = drawn
    offsets = np.cumsum([0, *map(len, sees)])
    ground = np.concatenate([np.array(one, np.int32) for one in sees]), np.concatenate([np.array(r) for r in ranges])
    graph = k_paths.graph_of(neighbours, lengths, offsets, *ground)
    plain = nx.DiGraph()
    plain.add_nodes_from(["from", "to"])
    for s, row in enumerate(neighbours):
        plain.add_edges_from((s, int(n), {"km": lengths[s, j]}) for j, n in enumerate(row) if n >= 0)
    plain.add_edges_from(("from", s, {"km": km}) for s, km in zip(sees[0], ranges[0], strict=True))
    plain.add_edges_from((s, "to", {"km": km}) for s, km in zip(sees[2], ranges[2], strict=True))
    try:
        simple = nx.shortest_simple_paths(plain, "from", "to", weight="km")
        expected = [nx.path_weight(plain, one, "km") for one in islice(simple, k)]
    except nx.NetworkXNoPath:
        expected = []
    found = k_paths.k_shortest(graph, 0, 2, k)
    same(
        authority="networkx",
        what="lengths of the k shortest ways of any web",
        theirs=expected,
        ours=[float(graph.lengths_km.data[graph.links_of(way)].sum()) for way in found],
    )
    from_node, to_node = graph.ends()
    for way in found:
        links = graph.links_of(way)
        assert (from_node[links] == way[:-1]).all()
        assert (to_node[links] == way[1:]).all()
    (shortest,) = k_paths.shortest_to(graph, 0, [2])
    assert (shortest is None) == (not expected)
    if shortest is not None:
        assert graph.lengths_km.data[graph.links_of(shortest)].sum() == expected[0]
