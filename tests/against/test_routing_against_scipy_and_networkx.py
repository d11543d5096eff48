"""Shortest ways down, against people who do nothing but graphs.

Authorities: scipy.sparse.csgraph.dijkstra and networkx.multi_source_dijkstra, on the +Grid of filed shells with links
taken out at random, and on graphs of no order at all.
"""

from __future__ import annotations

from functools import cache

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from independent import START, links_in_sight, ways_down
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from compared import compared
from openleo.network import ephemeris
from openleo.network.constellation import catalogue
from openleo.network.kernels import paths
from openleo.network.topology import LOWEST_LINK_KM, neighbours

ONE_PART_IN_A_BILLION = 1e-9


def settled(seed_km: np.ndarray, links: np.ndarray, length_km: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    distance_km, onward = np.empty(len(links)), np.empty(len(links), np.int32)
    paths.settle(seed_km, links, length_km, distance_km, onward)
    return distance_km, onward


@cache
def grid(system: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(positions, neighbours, lengths of the links) at one instant."""
    constellation = catalogue.load(system).constellation()
    links = neighbours(constellation, "+grid")
    position_km = ephemeris.positions(constellation, START, 4321.0).position_km[0]
    length_km = np.empty(links.shape)
    paths.link_lengths(position_km, links, LOWEST_LINK_KM, np.inf, np.ones(len(position_km), bool), length_km)
    return position_km, links, length_km


def with_links_out(links: np.ndarray, share: float, seed: int) -> np.ndarray:
    """The same links with some taken out, at both ends."""
    start, k = np.nonzero(links >= 0)
    end = links[start, k]
    low, high = np.minimum(start, end), np.maximum(start, end)
    gone = np.random.default_rng(seed).random((len(links), 7)) < share
    left = links.copy()
    left[start, k] = np.where(gone[low, (low + high) % 7], paths.NO_LINK, end)
    return left


def with_seeds(satellites: int, seeds: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    seed_km = np.full(satellites, np.inf)
    seed_km[random.choice(satellites, seeds, replace=False)] = random.uniform(550.0, 3000.0, seeds)
    return seed_km


def test_lengths_of_links_and_what_the_earth_is_in_the_way_of() -> None:
    position_km, links, length_km = grid("starlink-gen1")
    start, end = links_in_sight(position_km, links)
    joined = np.isfinite(length_km)
    assert joined.sum() == len(start)
    np.testing.assert_allclose(length_km[joined], np.linalg.norm(position_km[start] - position_km[end], axis=1))
    # Four polar planes over half a turn are 45° apart: some of their links graze the air near the equator.
    assert 0 < (links >= 0).sum() - len(start) < 100


@pytest.mark.parametrize(("turn_deg", "clear"), [(42.8, True), (42.9, False), (120.0, False), (180.0, False)])
def test_the_longest_link_by_hand(turn_deg: float, clear: bool) -> None:
    # Two satellites at 560 km see each other above 80 km up to 2 acos((6378.137 + 80) / (6378.137 + 560)) = 42.87°.
    turn = np.radians(turn_deg)
    position_km = 6938.137 * np.array([[1.0, 0.0, 0.0], [np.cos(turn), np.sin(turn), 0.0]])
    length_km = np.empty((2, 1))
    paths.link_lengths(position_km, np.array([[1], [0]], np.int32), LOWEST_LINK_KM, np.inf, np.ones(2, bool), length_km)
    expected_km = 2.0 * 6938.137 * np.sin(turn / 2.0) if clear else np.inf
    assert length_km[:, 0] == pytest.approx([expected_km] * 2)


@pytest.mark.parametrize("out", [0.0, 0.3, 0.7])
@pytest.mark.parametrize("seeds", [1, 40])
@pytest.mark.parametrize("system", ["starlink-gen1", "starlink-shell1", "oneweb", "kuiper", "telesat-lightspeed"])
def test_settle_on_the_grid_against_scipy(system: str, seeds: int, out: float) -> None:
    position_km, links, _ = grid(system)
    links = with_links_out(links, out, seed=seeds)
    length_km = np.empty(links.shape)
    paths.link_lengths(position_km, links, LOWEST_LINK_KM, np.inf, np.ones(len(position_km), bool), length_km)
    seed_km = with_seeds(len(links), seeds, seed=3)
    distance_km, onward = settled(seed_km, links, length_km)
    expected_km, _ = ways_down(position_km, links, seed_km)
    compared(
        authority="scipy",
        what="ways down over the +grid with links out",
        theirs=expected_km,
        ours=distance_km,
        relative=ONE_PART_IN_A_BILLION,
        unit="km",
    )
    assert ((onward == paths.NO_WAY) == np.isinf(expected_km)).all()


@pytest.mark.parametrize("out", [0.0, 0.5])
def test_settle_on_the_grid_against_networkx(out: float) -> None:
    position_km, links, _ = grid("telesat-lightspeed")
    links = with_links_out(links, out, seed=5)
    length_km = np.empty(links.shape)
    paths.link_lengths(position_km, links, LOWEST_LINK_KM, np.inf, np.ones(len(position_km), bool), length_km)
    seed_km = with_seeds(len(links), 6, seed=4)
    graph = nx.Graph()
    graph.add_nodes_from(range(len(links)))
    for start, end in zip(*links_in_sight(position_km, links), strict=True):
        graph.add_edge(int(start), int(end), km=float(np.linalg.norm(position_km[start] - position_km[end])))
    for satellite in np.flatnonzero(np.isfinite(seed_km)):
        graph.add_edge("ground", int(satellite), km=float(seed_km[satellite]))
    expected = nx.single_source_dijkstra_path_length(graph, "ground", weight="km")
    distance_km, _ = settled(seed_km, links, length_km)
    compared(
        authority="networkx",
        what="ways down over the +grid with links out",
        theirs=[expected.get(satellite, np.inf) for satellite in range(len(links))],
        ours=distance_km,
        relative=ONE_PART_IN_A_BILLION,
        unit="km",
    )


@st.composite
def graphs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(seed, neighbours, lengths) of any graph, links in one direction included; lengths need obey no geometry."""
    satellites, degree = draw(st.integers(1, 25)), draw(st.integers(0, 5))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    links = random.integers(0, satellites, (satellites, degree)).astype(np.int32)
    links[random.random(links.shape) < draw(st.sampled_from([0.0, 0.3, 0.8]))] = paths.NO_LINK
    same_lengths = draw(st.booleans())  # so that ties are tried too
    length_km = np.full(links.shape, 1000.0) if same_lengths else random.uniform(1e-3, 1e4, links.shape)
    length_km[links < 0] = np.inf
    seed_km = np.where(random.random(satellites) < draw(st.sampled_from([0.0, 0.1, 0.6])), 1500.0, np.inf)
    return seed_km * (1.0 if same_lengths else random.uniform(0.5, 2.0)), links, length_km


def by_scipy(seed_km: np.ndarray, links: np.ndarray, length_km: np.ndarray) -> np.ndarray:
    satellites = len(links)
    down = np.full((satellites + 1, satellites + 1), np.inf)
    for start, k in zip(*np.nonzero(links >= 0), strict=True):
        down[links[start, k], start] = min(down[links[start, k], start], length_km[start, k])
    down[satellites, :satellites] = seed_km
    rows, columns = np.nonzero(np.isfinite(down))
    graph = csr_array((down[rows, columns], (rows, columns)), shape=down.shape)
    return dijkstra(graph, indices=satellites)[:satellites]


@settings(max_examples=300, deadline=None)
@given(graphs())
def test_settle_on_any_graph_against_scipy(graph: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    seed_km, links, length_km = graph
    distance_km, onward = settled(seed_km, links, length_km)
    compared(
        authority="scipy",
        what="shortest ways by sweeps, any graph",
        theirs=by_scipy(*graph),
        ours=distance_km,
        relative=ONE_PART_IN_A_BILLION,
        unit="km",
    )
    assert ((onward == paths.NO_WAY) == np.isinf(distance_km)).all()
    lands = onward == paths.LANDS_HERE
    assert (distance_km[lands] == seed_km[lands]).all()


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_the_next_hops_sum_to_the_distance(graph: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    seed_km, links, length_km = graph
    distance_km, onward = settled(seed_km, links, length_km)
    for satellite in np.flatnonzero(np.isfinite(distance_km)):
        here, total, hops = int(satellite), 0.0, 0
        while onward[here] >= 0:
            joins = np.flatnonzero(links[here] == onward[here])
            total += length_km[here, joins].min()
            here, hops = int(onward[here]), hops + 1
            assert hops < len(links)  # a way never returns to where it was
        assert onward[here] == paths.LANDS_HERE
        assert total + seed_km[here] == pytest.approx(distance_km[satellite], rel=ONE_PART_IN_A_BILLION)


@settings(max_examples=150, deadline=None)
@given(graphs(), st.integers(0, 2**32 - 1))
def test_lengths_along_a_way_are_its_hops_wherever_the_satellites_went(
    graph: tuple[np.ndarray, np.ndarray, np.ndarray], seed: int
) -> None:
    _, onward = settled(*graph)
    random = np.random.default_rng(seed)
    position_km = random.uniform(-7000.0, 7000.0, (len(onward), 3))
    landing_km = random.uniform(550.0, 3000.0, len(onward))
    found = np.empty(len(onward))
    paths.lengths_along(onward, landing_km, position_km, found)
    for satellite in range(len(onward)):
        here, total = satellite, 0.0
        while onward[here] >= 0:
            total += float(np.linalg.norm(position_km[onward[here]] - position_km[here]))
            here = int(onward[here])
        total += landing_km[here] if onward[here] == paths.LANDS_HERE else np.inf
        assert found[satellite] == pytest.approx(total, rel=ONE_PART_IN_A_BILLION)
