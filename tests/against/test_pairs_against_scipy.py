"""All pairs in our own conventions, against scipy's Dijkstra on a graph built apart."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from compared import compared
from openleo.geodesy import ecef_km, look_angles, up
from openleo.network import ephemeris, topology
from openleo.network.constellation import catalogue
from openleo.network.kernels import pairs as kernel
from openleo.network.pairs import ByElevation, Places, Sky, rtt_between

START = datetime(2026, 11, 20, tzinfo=UTC)
LIGHT_KM_PER_MS = 299.792458
SITES = np.array(
    [(51.5, -0.1), (40.7, -74.0), (35.7, 139.7), (-33.9, 151.2), (64.1, -21.9), (1.35, 103.8), (-54.8, -68.3)]
)


@pytest.mark.parametrize("system", ["starlink-gen1", "oneweb", "kuiper"])
def test_all_pairs_against_dijkstra(system: str) -> None:
    constellation = catalogue.load(system).constellation()
    neighbours = topology.neighbours(constellation, "+grid")
    places = Places(tuple("ABCDEFG"), ecef_km(*SITES.T), up(*SITES.T))
    sky = Sky(constellation, topology.Topology(neighbours), ByElevation(25.0))
    for after_s, found in zip((0.0, 777.0), rtt_between(sky, places, START, (0.0, 777.0)), strict=True):
        position = ephemeris.positions(constellation, START, after_s).position_km[0]
        satellites, count = len(position), len(SITES)
        at, k = np.nonzero(neighbours >= 0)
        to = neighbours[at, k]
        share = np.linspace(0.0, 1.0, 401)[:, np.newaxis, np.newaxis]
        lowest = np.linalg.norm(position[at] + share * (position[to] - position[at]), axis=-1).min(axis=0)
        clear = lowest >= 6378.137 + 80.0
        at, to = at[clear], to[clear]
        _, elevation, distance = look_angles(SITES[:, :1], SITES[:, 1:], position)
        place, satellite = np.nonzero(elevation >= 25.0)
        ground = distance[place, satellite]
        # Up from numbered sources, down to others, so that no way runs over the ground.
        rows = np.concatenate([at, satellites + place, satellite])
        columns = np.concatenate([to, satellite, satellites + count + place])
        lengths = np.concatenate([np.linalg.norm(position[at] - position[to], axis=1), ground, ground])
        graph = csr_array((lengths, (rows, columns)), shape=(satellites + 2 * count,) * 2)
        expected = (
            dijkstra(graph, indices=satellites + np.arange(count))[:, satellites + count :] * 2.0 / LIGHT_KM_PER_MS
        )
        np.fill_diagonal(expected, np.inf)
        compared(
            authority="scipy",
            what="RTT of all pairs over the +grid of filed constellations",
            case=system,
            theirs=expected,
            ours=found.rtt_ms,
            relative=1e-9,
            unit="ms",
        )
        assert ((found.hops >= 2) == np.isfinite(expected)).all()


@pytest.mark.parametrize(
    ("length", "distances"), [(10.0, [100.0, 55.0]), (0.0, [55.0, 55.0])], ids=["nobody's sum", "round and round"]
)
def test_links_are_not_counted_along_a_way_that_leads_nowhere(length: float, distances: list[float]) -> None:
    neighbours, length_km = np.array([[1], [0]], np.int32), np.full((2, 1), length)
    distance_km = np.array(distances)[:, np.newaxis]
    ground = (np.array([0, 1, 2]), np.array([0, 1], np.int32), np.array([100.0, 7.0]))
    if length == 0.0:
        ground = (*ground[:2], np.array([1.0, 7.0]))
    with pytest.raises(RuntimeError, match="does not lead back"):
        kernel.count_links(
            0, neighbours, length_km, distance_km, *ground, np.array([[np.inf, 62.0]]), np.empty((1, 2), np.int32)
        )
