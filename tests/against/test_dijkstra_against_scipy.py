"""The queue of buckets against scipy's Dijkstra, against networkx, and to the last bit against our own sweeps.

On graphs of no order at all (links in one direction, failed, of no length, a million times longer than others) and on
satellites joined to the nearest, numbered at random.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from independent import START, grid_of, links_in_sight, starlink_network, ways_down
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra as by_scipy

from compared import compared
from openleo.geodesy import ecef_km, up
from openleo.network import ephemeris, topology
from openleo.network.constellation import Constellation, catalogue
from openleo.network.kernels import dijkstra, pairs, paths
from openleo.network.pairs import ByElevation, Places, Sky, rtt_between, times_between
from openleo.network.reach import gateway_sites, positions_over
from openleo.network.routing import routes

ONE_PART_IN_A_BILLION = 1e-9
Graph = tuple[np.ndarray, np.ndarray, np.ndarray]


def settled(graph: Graph) -> tuple[np.ndarray, np.ndarray]:
    seed_km, links, length_km = graph
    distance_km, onward = np.empty(len(links)), np.empty(len(links), np.int32)
    dijkstra.settle(seed_km, links, length_km, distance_km, onward)
    return distance_km, onward


def swept(graph: Graph) -> np.ndarray:
    seed_km, links, length_km = graph
    distance_km, onward = np.empty(len(links)), np.empty(len(links), np.int32)
    paths.settle(seed_km, links, length_km, distance_km, onward)
    return distance_km


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """(seed, neighbours, lengths) of any graph, from no satellite on."""
    satellites, degree = draw(st.integers(0, 25)), draw(st.integers(0, 5))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    links = random.integers(0, max(satellites, 1), (satellites, degree)).astype(np.int32)
    links[random.random(links.shape) < draw(st.sampled_from([0.0, 0.3, 0.8]))] = paths.NO_LINK
    kind = draw(st.sampled_from(["any", "equal", "whole", "scales", "none"]))
    length_km = {
        "any": random.uniform(1e-3, 1e4, links.shape),
        "equal": np.full(links.shape, 1000.0),
        "whole": random.integers(1, 4, links.shape).astype(float),  # many ties
        "scales": 10.0 ** random.uniform(-9.0, 9.0, links.shape),
        "none": random.integers(0, 2, links.shape) * 1000.0,  # some satellites at one place
    }[kind]
    length_km[(links < 0) | (random.random(links.shape) < draw(st.sampled_from([0.0, 0.3])))] = np.inf
    seed_km = np.where(random.random(satellites) < draw(st.sampled_from([0.0, 0.1, 0.6])), 1500.0, np.inf)
    exact = kind in ("equal", "whole", "none")
    return seed_km * (1.0 if exact else random.uniform(0.5, 2.0, satellites)), links, length_km


def least_by_scipy(seed_km: np.ndarray, links: np.ndarray, length_km: np.ndarray) -> np.ndarray:
    """A node joined to every satellite with a seed; satellites pull, so links lead from the neighbour."""
    satellites = len(links)
    down = np.full((satellites + 1, satellites + 1), np.inf)
    for start, k in zip(*np.nonzero(links >= 0), strict=True):
        down[links[start, k], start] = min(down[links[start, k], start], length_km[start, k])
    down[satellites, :satellites] = seed_km
    rows, columns = np.nonzero(np.isfinite(down))
    # scipy takes a stored zero for no link: links of no length get one that is lost in the tolerance.
    weights = np.maximum(down[rows, columns], 1e-12)
    return by_scipy(csr_array((weights, (rows, columns)), shape=down.shape), indices=satellites)[:satellites]


@settings(max_examples=400, deadline=None)
@given(graphs())
def test_any_graph_against_scipy_and_to_the_last_bit_against_sweeps(graph: Graph) -> None:
    distance_km, onward = settled(graph)
    compared(
        authority="scipy",
        what="shortest ways by a queue of buckets, any graph",
        theirs=least_by_scipy(*graph),
        ours=distance_km,
        relative=ONE_PART_IN_A_BILLION,
        unit="km",
    )
    np.testing.assert_array_equal(distance_km, swept(graph))
    assert ((onward == paths.NO_WAY) == np.isinf(distance_km)).all()


@settings(max_examples=300, deadline=None)
@given(graphs())
def test_a_tie_lands_or_goes_by_the_lowest_number_and_no_way_turns_in_a_circle(graph: Graph) -> None:
    seed_km, links, length_km = graph
    distance_km, onward = settled(graph)
    for satellite in np.flatnonzero(np.isfinite(distance_km)):
        joined = links[satellite] >= 0
        there = links[satellite][joined]
        ties = distance_km[there] + length_km[satellite][joined] == distance_km[satellite]
        nearer = there[ties & (distance_km[there] < distance_km[satellite])]
        if distance_km[satellite] == seed_km[satellite]:
            assert onward[satellite] == paths.LANDS_HERE
        elif len(nearer) == ties.sum():
            assert onward[satellite] == nearer.min()
        else:  # a link of no length, or of one that is lost in the sum
            assert onward[satellite] in there[ties]
        here, hops = int(satellite), 0
        while onward[here] >= 0:
            here, hops = int(onward[here]), hops + 1
            assert hops < len(links)
        assert onward[here] == paths.LANDS_HERE


@settings(max_examples=150, deadline=None)
@given(graphs(), st.integers(0, 19))
def test_many_sources_against_scipy_and_to_the_last_bit_against_sweeps(graph: Graph, sources: int) -> None:
    _, links, length_km = graph
    random = np.random.default_rng(sources)
    seed_km = np.where(random.random((len(links), sources)) < 0.2, random.uniform(500.0, 2000.0), np.inf)
    found, expected = seed_km.copy(), seed_km.copy()
    dijkstra.settle_many(links, length_km, found)
    pairs.settle_many(links, length_km, expected)
    np.testing.assert_array_equal(found, expected)
    for j in range(sources):
        compared(
            authority="scipy",
            what="shortest ways of many sources by a queue of buckets, any graph",
            theirs=least_by_scipy(seed_km[:, j], links, length_km),
            ours=found[:, j],
            relative=ONE_PART_IN_A_BILLION,
            unit="km",
        )


def test_a_queue_that_overflows_starts_again() -> None:
    """One satellite is reached by shorter and shorter ways in one wide bucket, and each time sends twenty others on."""
    steps, others = 12, 20
    hub, longest = steps, 1e6
    links = np.full((steps + 1 + others, steps), paths.NO_LINK, np.int32)
    length_km = np.full(links.shape, np.inf)
    for step in range(1, steps):
        links[step, 0], length_km[step, 0] = step - 1, 1.0
    links[hub], length_km[hub] = np.arange(steps), 100.0 - 5.0 * np.arange(steps)
    links[hub + 1 :, 0], length_km[hub + 1 :, 0] = hub, 20_000.0
    links[hub + 1, 1], length_km[hub + 1, 1] = 0, longest
    seed_km = np.where(np.arange(len(links)) == 0, 500.0, np.inf)
    offsets, start, link_km = dijkstra._by_end(links, length_km)
    found, onward = seed_km.copy(), np.full(len(links), paths.NO_WAY, np.int32)
    room = len(start) + len(links)
    assert not dijkstra._empty_buckets(offsets, start, link_km, longest, room, found, onward)
    distance_km, _ = settled((seed_km, links, length_km))
    np.testing.assert_array_equal(distance_km, swept((seed_km, links, length_km)))
    assert distance_km[hub] == 500.0 + (steps - 1) + 100.0 - 5.0 * (steps - 1)
    assert (distance_km[hub + 1 :] == distance_km[hub] + 20_000.0).all()


@cache
def with_lasers(system: str) -> Constellation:
    filed = catalogue.load(system).constellation()
    return replace(filed, has_laser=np.ones(filed.satellites, bool))


@cache
def renumbered(system: str) -> tuple[np.ndarray, topology.Topology]:
    """(positions, links) of satellites joined to the nearest and numbered at random."""
    constellation = with_lasers(system)
    joined = topology.build(constellation, "nearest").neighbours
    position_km = ephemeris.positions(constellation, START, 0.0).position_km[0]
    order = np.random.default_rng(7).permutation(len(joined))
    number = np.argsort(order)
    links = np.where(joined >= 0, number[joined], paths.NO_LINK)[order].astype(np.int32)
    return position_km[order], topology.Topology(links)


@pytest.mark.parametrize("system", ["starlink-shell1", "oneweb", "kuiper"])
@pytest.mark.parametrize("seeds", [20, 200])
def test_joined_to_the_nearest_against_scipy(system: str, seeds: int) -> None:
    position_km, graph = renumbered(system)
    length_km = graph.lengths_km(position_km, np.ones(len(position_km), bool))
    random = np.random.default_rng(3)
    seed_km = np.full(len(position_km), np.inf)
    seed_km[random.choice(len(position_km), seeds, replace=False)] = random.uniform(550.0, 9000.0, seeds)
    distance_km, onward = np.empty(len(position_km)), np.empty(len(position_km), np.int32)
    graph.settle(seed_km, length_km, distance_km, onward)
    expected_km, _ = ways_down(position_km, graph.neighbours, seed_km)
    compared(
        authority="scipy",
        what="shortest ways over satellites joined to the nearest",
        theirs=expected_km,
        ours=distance_km,
        relative=ONE_PART_IN_A_BILLION,
        unit="km",
    )
    assert np.isfinite(distance_km).sum() > 2 * seeds


def test_joined_to_the_nearest_against_networkx() -> None:
    position_km, graph = renumbered("telesat-lightspeed")
    drawn = nx.Graph()
    drawn.add_nodes_from(range(len(position_km)))
    for start, end in zip(*links_in_sight(position_km, graph.neighbours), strict=True):
        drawn.add_edge(int(start), int(end), km=float(np.linalg.norm(position_km[start] - position_km[end])))
    drawn.add_edge("ground", 5, km=700.0)
    drawn.add_edge("ground", 150, km=1100.0)
    seed_km = np.full(len(position_km), np.inf)
    seed_km[[5, 150]] = 700.0, 1100.0
    distance_km, onward = np.empty(len(position_km)), np.empty(len(position_km), np.int32)
    length_km = graph.lengths_km(position_km, np.ones(len(position_km), bool))
    graph.settle(seed_km, length_km, distance_km, onward)
    expected = nx.single_source_dijkstra_path_length(drawn, "ground", weight="km")
    compared(
        authority="networkx",
        what="shortest ways over satellites joined to the nearest",
        theirs=[expected.get(n, np.inf) for n in range(len(position_km))],
        ours=distance_km,
        relative=ONE_PART_IN_A_BILLION,
        unit="km",
    )


@pytest.mark.parametrize(
    ("system", "pattern", "soon"),
    [
        ("starlink-shell1", "+grid", True),
        ("kuiper", "+grid", True),
        ("oneweb", "nearest", True),
        ("kuiper", "nearest", False),
    ],
)
def test_sweeps_are_left_where_they_are_many(system: str, pattern: str, soon: bool) -> None:
    graph = topology.build(with_lasers(system), pattern)
    assert replace(graph, orders=None).swept_soon is soon  # by the numbers alone, as for links read from a file
    assert graph.swept_soon is soon


@pytest.mark.parametrize("satellites", [0, 1])
def test_hardly_any_satellite(satellites: int) -> None:
    graph = topology.Topology(np.full((satellites, 2), paths.NO_LINK, np.int32))
    assert graph.swept_soon
    seed_km, length_km = np.full(satellites, 600.0), np.full((satellites, 2), np.inf)
    distance_km, onward = settled((seed_km, graph.neighbours, length_km))
    np.testing.assert_array_equal(distance_km, seed_km)
    assert (onward == paths.LANDS_HERE).all()


def test_routes_are_the_same_on_any_number_of_threads() -> None:
    network = replace(starlink_network(), constellation=with_lasers("kuiper"))
    network = replace(network, topology=topology.build(with_lasers("kuiper"), "nearest"))
    positions = positions_over(network, grid_of(3), 0, 3)
    found = []
    for threads in (1, 3):
        with ThreadPoolExecutor(threads) as pool:
            found.append(routes(positions, network.gateways, gateway_sites(network), network.topology, pool))
    one, other = found
    assert np.isfinite(one.decided_km).any()
    np.testing.assert_array_equal(one.decided_km, other.decided_km)
    np.testing.assert_array_equal(one.onward, other.onward)


def test_all_pairs_by_sweeps_and_by_queue_are_the_same_to_the_last_bit() -> None:
    constellation = with_lasers("starlink-shell1")
    latitude, longitude = np.array([51.5, 40.7, 35.7, -33.9, 1.35]), np.array([-0.1, -74.0, 139.7, 151.2, 103.8])
    places = Places(tuple("ABCDE"), ecef_km(latitude, longitude), up(latitude, longitude))
    graph = topology.build(constellation, "nearest")
    found = []
    for soon in (False, True):
        chosen = replace(graph)
        chosen.__dict__["swept_soon"] = soon
        sky = Sky(constellation, chosen, ByElevation(25.0))
        found.append([*rtt_between(sky, places, START, (0.0, 60.0))])
        for times, ms in zip(found[-1], times_between(sky, places, START, (0.0, 60.0), threads=2), strict=True):
            np.testing.assert_array_equal(times.rtt_ms, ms)
    for queued, by_sweeps in zip(*found, strict=True):
        assert np.isfinite(queued.rtt_ms).any()
        np.testing.assert_array_equal(queued.rtt_ms, by_sweeps.rtt_ms)
        np.testing.assert_array_equal(queued.hops, by_sweeps.hops)
