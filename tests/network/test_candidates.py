"""Who could serve whom, and the forest of ways: beside plain numpy over all pairs, and networkx."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import networkx
import numpy as np
import pytest

from network.capacity_cases import gen1
from openleo import cells as h3cells
from openleo.geodesy import ecef_km, up
from openleo.instants import SlotGrid
from openleo.network.capacity import candidates, forest
from openleo.network.capacity.caps import Binding, Caps
from openleo.network.reach import cell_users, gateway_sites, positions_over
from openleo.network.routing import routes


@pytest.mark.parametrize("mask_at", ["middle", "both_ends"])
def test_candidates_are_those_of_plain_numpy_over_all_pairs(mask_at):
    network = replace(gen1(), mask_at=mask_at)
    cells = h3cells.world(1)  # given sorted by number, held by blocks
    users, grid = cell_users(network, cells), SlotGrid(datetime(2026, 11, 20, tzinfo=UTC), 15.0, 5760)
    positions = positions_over(network, grid, 7, 2)
    with ThreadPoolExecutor(1) as pool:
        ways = routes(positions, network.gateways, gateway_sites(network), network.topology, pool)
    usable = positions.usable.copy()
    usable[1, ::3] = False
    onward = ways.onward.copy()
    onward[1, ::7] = -2  # no way
    found = candidates.find(users, replace(positions, usable=usable), replace(ways, onward=onward), 1)
    latitude, longitude = h3cells.centres_deg(cells)
    site, zenith = ecef_km(latitude, longitude), up(latitude, longitude)

    def elevation_deg(at_km: np.ndarray) -> np.ndarray:
        line = at_km[None] - site[:, None]
        sine = np.einsum("csk,ck->cs", line, zenith) / np.linalg.norm(line, axis=-1)
        return np.degrees(np.arcsin(sine))

    now = elevation_deg(positions.at_km[1])
    seen = now >= 25.0
    if mask_at == "both_ends":
        seen &= elevation_deg(positions.at_km[2]) >= 25.0
    # Satellites that are not usable are in no bin of ways made before: only those without a way are left out here.
    seen &= (onward[1] != -2) & usable[1]
    pairs = set(zip(found.cell.tolist(), found.satellite.tolist(), strict=True))
    assert pairs == set(zip(*(one.tolist() for one in np.nonzero(seen)), strict=True))
    assert found.elevation_deg == pytest.approx(now[found.cell, found.satellite], abs=1e-9)
    assert (np.diff(found.offsets) == seen.sum(axis=1)).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_forest_carries_what_networkx_finds_downstream(seed):
    random = np.random.default_rng(seed)
    satellites, gateways, pops = 30, 4, 2
    onward = np.array([-1] + [int(random.integers(-2, s)) for s in range(1, satellites)])
    gateway = np.where(onward == -1, random.integers(gateways, size=satellites), -1)
    pop = random.integers(pops, size=gateways)
    caps = Caps(1, 1, 1, satellite_down_mbps=10.0, feeder_down_mbps=np.array([1.0, 2.0, 3.0, 4.0]), isl_mbps=5.0,
                pop_down_mbps=np.array([7.0, 8.0]))  # fmt: skip
    grown = forest.grow(onward, gateway, pop, caps, pops=pops)
    graph = networkx.DiGraph()
    for s in range(satellites):
        if onward[s] >= 0:
            graph.add_edge(("out", s), ("out", int(onward[s])))
        elif onward[s] == -1:
            graph.add_edge(("out", s), ("site", int(gateway[s])))
    for g in range(gateways):
        graph.add_edge(("site", g), ("pop", int(pop[g])))
    graph.add_edges_from((("own", s), ("out", s)) for s in range(satellites) if onward[s] != -2)
    carried = random.uniform(0.0, 9.0, satellites) * (onward != -2)
    load = grown.loads(carried)
    names = [(kind, n) for kind, many in (("own", satellites), ("out", satellites), ("site", gateways), ("pop", pops))
             for n in range(many)]  # fmt: skip
    for number, name in enumerate(names):
        above = {name} | (networkx.ancestors(graph, name) if name in graph else set())
        assert load[number] == pytest.approx(sum(carried[n] for kind, n in above if kind == "own"), abs=1e-9)
    lands = onward == -1
    assert (grown.down_mbps[satellites : 2 * satellites][lands] == 1.0 + gateway[lands]).all()
    assert (grown.kind[satellites : 2 * satellites][onward >= 0] == Binding.ISL).all()
    for s in np.flatnonzero(onward >= -1):
        reached = networkx.descendants(graph, ("own", int(s)))
        if any(kind == "site" for kind, _ in reached):
            assert grown.hops[s] == sum(kind == "out" for kind, _ in reached) - 1
        else:
            assert grown.hops[s] == -1
