"""Ways that go round full feeder links, against every way there is on small networks and against networkx."""

from __future__ import annotations

from itertools import product

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.network.capacity.candidates import Candidates
from openleo.network.capacity.least_load import landed_mbps, own_mbps, spread
from openleo.network.kernels.paths import LANDS_HERE, NO_WAY
from openleo.network.topology import Topology

#  A row of satellites 0 to 5, each joined to the next; the ends see gateways, and land at 100 and 900 km.
ROW = Topology(np.array([[1, -1], [0, 2], [1, 3], [2, 4], [3, 5], [4, -1]], np.int32))
APART_KM = np.where(ROW.neighbours >= 0, 1000.0, np.inf)
SEED_KM = np.array([100.0, np.inf, np.inf, np.inf, np.inf, 900.0])


def best_of_all(seed_km, own, carries, neighbours) -> float:
    """The most that any choice of one next satellite each lands, by trying all."""
    satellites = range(len(seed_km))
    steps = [[LANDS_HERE] if np.isfinite(seed_km[s]) else [n for n in neighbours[s] if n >= 0] or [NO_WAY]
             for s in satellites]  # fmt: skip
    most = 0.0
    for onward in product(*steps):
        comes = np.zeros(len(seed_km))
        for s in satellites:
            here, gone = s, 0
            while onward[here] >= 0 and gone <= len(seed_km):
                here, gone = onward[here], gone + 1
            if onward[here] == LANDS_HERE:
                comes[here] += own[s]
        most = max(most, float(np.minimum(comes, carries).sum()))
    return most


def landed(onward, own, carries) -> float:
    return float(np.minimum(landed_mbps(onward, own), carries)[onward == LANDS_HERE].sum())


def test_the_middle_turns_away_from_a_full_landing():
    """Own 6 each: by the shortest ways 0 lands 0 to 3's 24, with 14 free; so 2 and 3 go to 5 instead, by hand."""
    own, carries = np.full(6, 6.0), np.array([14.0, 0.0, 0.0, 0.0, 0.0, 24.0])
    shortest = spread(SEED_KM, own, carries, ROW, APART_KM, rounds=1)
    assert shortest.tolist() == [LANDS_HERE, 0, 1, 4, 5, LANDS_HERE]
    assert landed(shortest, own, carries) == 14.0 + 18.0
    found = spread(SEED_KM, own, carries, ROW, APART_KM)
    assert found.tolist() == [LANDS_HERE, 0, 3, 4, 5, LANDS_HERE]
    assert landed(found, own, carries) == 12.0 + 24.0 == best_of_all(SEED_KM, own, carries, ROW.neighbours)


def test_with_room_ways_stay_the_shortest():
    own = np.full(6, 6.0)
    first = spread(SEED_KM, own, np.full(6, 100.0), ROW, APART_KM)
    assert first.tolist() == [LANDS_HERE, 0, 1, 4, 5, LANDS_HERE]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6))
def test_never_less_than_the_shortest_and_near_the_best(seed):
    random = np.random.default_rng(seed)
    satellites = 7
    graph = networkx.gnm_random_graph(satellites, 9, seed=seed)
    neighbours = np.full((satellites, satellites), -1, np.int32)
    length = np.full((satellites, satellites), np.inf)
    for s, n in graph.to_directed().edges:
        neighbours[s, n] = n
        length[s, n] = length[n, s] = random.uniform(100.0, 3000.0)
    seed_km = np.where(random.random(satellites) < 0.4, random.uniform(0.0, 2000.0, satellites), np.inf)
    own, carries = random.uniform(0.0, 20.0, satellites), random.uniform(0.0, 40.0, satellites)
    topology = Topology(neighbours)
    found = spread(seed_km, own, carries, topology, length)
    lands = np.isfinite(seed_km)
    assert (found[lands] == LANDS_HERE).all()
    # Who has a way at all, and the shortest: networkx, over links that do not start from a landing.
    ways = networkx.DiGraph()
    ways.add_nodes_from(range(satellites))
    ways.add_weighted_edges_from(
        (n, s, length[s, n]) for s, n in graph.to_directed().edges if not lands[s]
    )  # backwards, from the ground
    ways.add_weighted_edges_from(("ground", s, seed_km[s]) for s in np.flatnonzero(lands))
    reached = networkx.single_source_dijkstra_path(ways, "ground") if lands.any() else {}
    assert [s in reached for s in range(satellites)] == (found != NO_WAY).tolist()
    shortest = np.full(satellites, NO_WAY, np.int32)
    for s, path in reached.items():
        if s != "ground":
            shortest[s] = LANDS_HERE if path[-2] == "ground" else path[-2]
    assert landed(found, own, carries) >= landed(shortest, own, carries) - 1e-9
    assert landed(found, own, carries) <= best_of_all(seed_km, own, carries, neighbours) + 1e-9


def test_what_comes_is_counted_at_the_end_of_each_way():
    onward = np.array([1, 2, LANDS_HERE, NO_WAY, 3, LANDS_HERE], np.int32)
    assert landed_mbps(onward, np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])).tolist() == [0, 0, 7, 0, 0, 32]


def test_cells_ask_all_above_them_alike():
    offsets, satellite = np.array([0, 2, 3, 3]), np.array([0, 2, 2], np.int32)
    nothing = np.zeros(3)
    found = Candidates(offsets, satellite, nothing, nothing, nothing, np.zeros((3, 3)), np.zeros((3, 3)))
    assert own_mbps(found, np.array([10.0, 3.0, 7.0]), 3) == pytest.approx([5.0, 0.0, 8.0])
