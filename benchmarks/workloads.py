"""The workloads: what is computed, what it is compared with, and the check that both say the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

import networkx
import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from sgp4.api import SatrecArray

from openleo import cells as h3cells
from openleo.geodesy import ecef_km, teme_to_ecef, up
from openleo.instants import SlotGrid, julian_date
from openleo.network import ephemeris, pairs, topology
from openleo.network.constellation import catalogue, from_shells
from openleo.network.constellation.shells import Shell, circular_satrec
from openleo.network.ground import gateways, stations
from openleo.network.kernels import paths
from openleo.network.reach import Network, cell_users, gateway_sites, positions_over, serve
from openleo.network.routing import routes

START = datetime(2026, 11, 20, tzinfo=UTC)
GRID = SlotGrid(START, 15.0, 5760)


@dataclass(frozen=True)
class Workload:
    """`openleo` does the work `repeats` times; `baseline` once."""

    name: str
    openleo: Callable[[], object]
    baseline_name: str
    baseline: Callable[[], object]
    check: Callable[[], None]
    repeats: int = 1


@cache
def network() -> Network:
    made = catalogue.load("starlink-gen1").constellation()
    lists = [stations.read("starlink-2026", kind, Path(), "", "")[0] for kind in ("gateways", "pops")]
    joined = gateways.join(*lists, detour=1.5)
    return Network(made, topology.build(made, "+grid"), joined, 25.0, 25.0, "middle", "highest", 0.0)


def shells_moved() -> Workload:
    """4,408 satellites of five shells at 16 instants, against SGP4 of the same orbits."""
    constellation = network().constellation
    seconds = GRID.seconds(0, 16)
    satellites = []
    for satellite in range(constellation.satellites):
        plane = constellation.plane[satellite]
        days = (constellation.epoch - datetime(1949, 12, 31, tzinfo=UTC)).total_seconds() / 86_400.0
        satellites.append(
            circular_satrec(
                constellation.semi_major_axis_km[plane],
                float(np.degrees(constellation.inclination_rad[plane])),
                raan_rad=float(constellation.raan_rad[plane]),
                argument_rad=float(constellation.argument_rad[satellite]),
                days_since_1950=days,
            )
        )
    together = SatrecArray(satellites)
    jd, fraction = julian_date(START)

    def by_sgp4() -> np.ndarray:
        at = fraction + seconds / 86_400.0
        _, position, _ = together.sgp4(np.full(len(at), jd), at)
        return teme_to_ecef(np.swapaxes(position, 0, 1), jd, at)

    def ours() -> np.ndarray:
        return ephemeris.positions(constellation, START, seconds).position_km

    def check() -> None:
        apart = np.linalg.norm(ours() - by_sgp4(), axis=-1)
        assert apart.max() < 17.5, apart.max()  # SGP4's short-period terms, which a circle leaves out

    return Workload("positions of 4,408 satellites at 16 instants", ours, "sgp4.SatrecArray", by_sgp4, check)


def ways_to_a_gateway() -> Workload:
    """The nearest gateway of every satellite over +Grid, against scipy's Dijkstra from a node joined to all of them."""
    neighbours = network().topology.neighbours
    position = ephemeris.positions(network().constellation, START, 0.0).position_km[0]
    length = network().topology.lengths_km(position, np.ones(len(position), bool))
    seed = np.full(len(position), np.inf)
    chosen = np.random.default_rng(1).choice(len(position), 400, replace=False)
    seed[chosen] = 600.0 + chosen % 500
    distance, onward = np.empty(len(position)), np.empty(len(position), np.int32)
    repeats = 100

    def ours() -> None:
        for _ in range(repeats):
            paths.settle(seed, neighbours, length, distance, onward)

    def by_scipy() -> np.ndarray:
        at, k = np.nonzero(neighbours >= 0)
        ground = len(position)
        rows = np.concatenate([at, np.full(len(chosen), ground)])
        columns = np.concatenate([neighbours[at, k], chosen])
        weights = np.concatenate([length[at, k], seed[chosen]])
        graph = csr_matrix((weights, (rows, columns)), shape=(ground + 1, ground + 1))
        return dijkstra(graph, indices=ground)[:ground]

    def check() -> None:
        ours()
        assert np.allclose(distance, by_scipy(), rtol=1e-12, equal_nan=True)

    return Workload("nearest gateway of 4,408 satellites over +Grid", ours, "scipy Dijkstra", by_scipy, check, repeats)


def serving_satellites() -> Workload:
    """Satellites in view and the highest one with a way, for all res-3 cells, against all pairs in numpy."""
    cells = h3cells.world(3)
    users = cell_users(network(), cells)
    pool = ThreadPoolExecutor(1)
    positions = positions_over(network(), GRID, 0, 1)
    ways = routes(positions, network().gateways, gateway_sites(network()), network().topology, pool)
    mask = np.sin(np.radians(25.0))

    def ours() -> tuple[np.ndarray, np.ndarray]:
        nobody = np.full(len(users), -1, np.int32)
        satellite, _, seen = serve(users, positions, ways, "highest", GRID.slot_s, nobody, pool, 1)
        return satellite[0], seen[0]

    def by_numpy() -> tuple[np.ndarray, np.ndarray]:
        has_way = np.isfinite(ways.decided_km[0])
        satellite, seen = np.empty(len(users), np.int32), np.empty(len(users), np.int16)
        for first in range(0, len(users), 512):
            block = slice(first, first + 512)
            sight = positions.at_km[0] - users.position_km[block, np.newaxis]
            sine = np.einsum("csk,ck->cs", sight, users.up[block]) / np.sqrt(np.einsum("csk,csk->cs", sight, sight))
            above = sine >= mask
            seen[block] = above.sum(axis=1)
            sine[~(above & has_way)] = -1.0
            best = sine.argmax(axis=1)
            satellite[block] = np.where(sine[np.arange(len(best)), best] > -1.0, best, -1)
        return satellite, seen

    def check() -> None:
        for mine, theirs in zip(ours(), by_numpy(), strict=True):
            assert (mine == theirs).all()

    return Workload("in view and serving: 41,162 cells × 4,408 satellites", ours, "numpy, all pairs", by_numpy, check)


def city_graph(sky: pairs.Sky, places: pairs.Places, position: np.ndarray) -> csr_matrix:
    """Satellites and cities as scipy wants them: up from numbered cities, down to others, links both ways."""
    neighbours, satellites, cities = sky.topology.neighbours, len(position), len(places.names)
    length = sky.topology.lengths_km(position, np.ones(satellites, bool))
    at, k = np.nonzero((neighbours >= 0) & np.isfinite(length))
    sight = position - places.position_km[:, np.newaxis]
    distance = np.linalg.norm(sight, axis=-1)
    sine = np.einsum("psk,pk->ps", sight, places.up) / distance
    city, above = np.nonzero(sine >= np.sin(np.radians(sky.admitted.elevation_deg)))
    ground = distance[city, above]
    rows = np.concatenate([at, satellites + city, above])
    columns = np.concatenate([neighbours[at, k], above, satellites + cities + city])
    weights = np.concatenate([length[at, k], ground, ground])
    return csr_matrix((weights, (rows, columns)), shape=(satellites + 2 * cities,) * 2)


def city_round_trips(name: str, shells: Sequence[Shell], by: str) -> Workload:
    """All pairs of 100 cities in one slot, everything from the orbits on; the baseline is the shortest paths alone."""
    constellation = from_shells(name, START, shells)
    degrees = np.random.default_rng(1)
    latitude = np.degrees(np.arcsin(degrees.uniform(np.sin(np.radians(-40)), np.sin(np.radians(52)), 100)))
    longitude = degrees.uniform(-180.0, 180.0, 100)
    places = pairs.Places(tuple(map(str, range(100))), ecef_km(latitude, longitude), up(latitude, longitude))
    sky = pairs.Sky(constellation, topology.build(constellation, "+grid"), pairs.ByElevation(25.0))
    graph = city_graph(sky, places, ephemeris.positions(constellation, START, 0.0).position_km[0])
    satellites, repeats = constellation.satellites, 20

    def ours() -> np.ndarray:
        for _ in range(repeats):
            moved = ephemeris.positions(constellation, START, 0.0)
            found, _ = pairs.shortest(sky, places, moved.position_km[0], moved.valid[0], with_links=False)
        return found

    def by_scipy() -> np.ndarray:
        return dijkstra(graph, indices=satellites + np.arange(100))[:, satellites + 100 :]

    in_networkx = networkx.from_scipy_sparse_array(graph, create_using=networkx.DiGraph) if by == "networkx" else None

    def by_networkx() -> np.ndarray:
        found = np.full((100, 100), np.inf)
        for city in range(100):
            lengths = networkx.single_source_dijkstra_path_length(in_networkx, satellites + city)
            for node, length in lengths.items():
                if node >= satellites + 100:
                    found[city, node - satellites - 100] = length
        return found

    baseline = by_networkx if by == "networkx" else by_scipy

    def check() -> None:
        expected = by_scipy()
        np.fill_diagonal(expected, np.inf)
        assert np.allclose(ours(), expected, rtol=1e-9)

    return Workload(f"RTT of all pairs of 100 cities, {name}", ours, f"{by} Dijkstra alone", baseline, check, repeats)


SHELL_1 = (Shell("550-53.0", 550.0, 53.0, planes=72, per_plane=22, phasing=39),)
THREE_SHELLS = tuple(
    Shell(name, altitude_km, inclination_deg, planes=28, per_plane=120, phasing=13)
    for name, altitude_km, inclination_deg in (("525", 525.0, 53.0), ("530", 530.0, 43.0), ("535", 535.0, 33.0))
)

ALL = (
    shells_moved,
    ways_to_a_gateway,
    serving_satellites,
    partial(city_round_trips, "1,584 satellites", SHELL_1, "scipy"),
    partial(city_round_trips, "1,584 satellites", SHELL_1, "networkx"),
    partial(city_round_trips, "10,080 satellites", THREE_SHELLS, "scipy"),
)
