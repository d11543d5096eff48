"""The workloads: what is computed, what it is compared with, and the check that both say the same.

Each is a function without arguments that prepares its inputs and gives a Workload. A baseline does what a user of the
named library would write for the same answer from the same inputs: with positions given, it measures the links, makes
its graph and asks it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import networkx
import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree
from sgp4.api import Satrec, SatrecArray
from skyfield.api import EarthSatellite, load
from skyfield.framelib import itrs

from benchmarks import settings
from openleo import cells as h3cells
from openleo.geodesy import teme_to_ecef
from openleo.instants import julian_date
from openleo.network import ephemeris, pairs
from openleo.network.constellation import Constellation, catalogue, from_elements
from openleo.network.constellation.element_set import ElementSet
from openleo.network.constellation.elements import ElementSets
from openleo.network.constellation.shells import Shell, circular_satrec
from openleo.network.kernels import paths, sky
from openleo.network.reach import cell_users, gateway_sites, positions_over, serve
from openleo.network.routing import routes

SINE_MASK = np.sin(np.radians(settings.MASK_DEG))


@dataclass(frozen=True)
class Baseline:
    """`work` once does what `Workload.openleo` does `repeats` times."""

    name: str
    work: Callable[[], object]


@dataclass(frozen=True)
class Workload:
    """`openleo` does the work `repeats` times over; `check` raises if any baseline says something else."""

    name: str
    openleo: Callable[[], object]
    baselines: Sequence[Baseline]
    check: Callable[[], None]
    repeats: int = 1


def satrecs(constellation: Constellation) -> list:
    """The shells' satellites as SGP4 would have them."""
    days = (constellation.epoch - datetime(1949, 12, 31, tzinfo=UTC)).total_seconds() / 86_400.0
    return [
        circular_satrec(
            constellation.semi_major_axis_km[plane],
            float(np.degrees(constellation.inclination_rad[plane])),
            raan_rad=float(constellation.raan_rad[plane]),
            argument_rad=float(argument),
            days_since_1950=days,
        )
        for plane, argument in zip(constellation.plane, constellation.argument_rad, strict=True)
    ]


def shells_moved() -> Workload:
    """4,408 satellites of five shells at 16 instants."""
    constellation = catalogue.load("starlink-gen1").constellation()
    seconds = settings.GRID.seconds(0, 16)
    satellites = satrecs(constellation)
    together = SatrecArray(satellites)
    jd, fraction = julian_date(settings.START)
    at = fraction + seconds / 86_400.0
    scale = load.timescale(builtin=True)
    times = scale.utc(2026, 11, 20, 0, 0, seconds)
    singly = [EarthSatellite.from_satrec(one, scale) for one in satellites]

    def by_sgp4() -> np.ndarray:
        _, position, _ = together.sgp4(np.full(len(at), jd), at)
        return teme_to_ecef(np.swapaxes(position, 0, 1), jd, at)

    def by_skyfield() -> np.ndarray:
        return np.stack([one.at(times).frame_xyz(itrs).km.T for one in singly], axis=1)

    def ours() -> np.ndarray:
        return ephemeris.positions(constellation, settings.START, seconds).position_km

    def check() -> None:
        for theirs in (by_sgp4(), by_skyfield()):
            apart = np.linalg.norm(ours() - theirs, axis=-1)
            assert apart.max() < 17.5, apart.max()  # SGP4's short-period terms, which a circle leaves out

    baselines = (Baseline("sgp4.SatrecArray", by_sgp4), Baseline("Skyfield", by_skyfield))
    return Workload("positions of 4,408 satellites at 16 instants", ours, baselines, check)


def _element_set(one: Satrec, epoch: datetime) -> ElementSet:
    degrees = np.degrees([one.inclo, one.nodeo, one.argpo, one.mo]).tolist()
    return ElementSet(1, "", epoch, one.no_kozai * 720.0 / np.pi, one.ecco, *degrees, one.bstar)


def element_sets_moved() -> Workload:
    """4,408 element sets over a quarter of an hour's slots."""
    constellation = catalogue.load("starlink-gen1").constellation()
    satellites = satrecs(constellation)
    sets = tuple(_element_set(one, constellation.epoch) for one in satellites)
    flown = from_elements("bench", ElementSets(sets, set_aside=(), source="", sha256=""))
    seconds = settings.GRID.seconds(0, 61)
    together = SatrecArray(satellites)
    jd, fraction = julian_date(settings.START)
    at = fraction + seconds / 86_400.0

    def by_sgp4() -> np.ndarray:
        _, position, _ = together.sgp4(np.full(len(at), jd), at)
        return teme_to_ecef(np.swapaxes(position, 0, 1), jd, at)

    def ours() -> np.ndarray:
        return ephemeris.positions(flown, settings.START, seconds, every_s=15.0).position_km

    def check() -> None:
        apart = np.linalg.norm(ours() - by_sgp4(), axis=-1)
        assert apart.max() < 0.001, apart.max()

    baselines = (Baseline("sgp4.SatrecArray", by_sgp4),)
    return Workload("positions of 4,408 element sets at 61 instants", ours, baselines, check)


def ways_to_a_gateway() -> Workload:
    """The nearest gateway of every satellite over +Grid: scipy asks a node joined to all satellites that see one."""
    topology = settings.network().topology
    neighbours = topology.neighbours
    position = ephemeris.positions(settings.network().constellation, settings.START, 0.0).position_km[0]
    length = topology.lengths_km(position, np.ones(len(position), bool))
    seed = np.full(len(position), np.inf)
    chosen = np.random.default_rng(1).choice(len(position), 400, replace=False)
    seed[chosen] = 600.0 + chosen % 500
    distance, onward = np.empty(len(position)), np.empty(len(position), np.int32)
    repeats = 100

    def ours() -> None:
        for _ in range(repeats):
            paths.settle(seed, neighbours, length, distance, onward)

    def by_scipy() -> np.ndarray:
        at, k = np.nonzero(np.isfinite(length))
        ground = len(position)
        rows = np.concatenate([at, np.full(len(chosen), ground)])
        columns = np.concatenate([neighbours[at, k], chosen])
        weights = np.concatenate([length[at, k], seed[chosen]])
        graph = csr_matrix((weights, (rows, columns)), shape=(ground + 1, ground + 1))
        return dijkstra(graph, indices=ground)[:ground]

    def check() -> None:
        ours()
        assert np.allclose(distance, by_scipy(), rtol=1e-12, equal_nan=True)

    baselines = (Baseline("scipy Dijkstra", by_scipy),)
    return Workload("nearest gateway of 4,408 satellites over +Grid", ours, baselines, check, repeats)


def serving_satellites(constellation: Constellation) -> Workload:
    """Satellites in view of every res-3 cell, and the highest one that has a way to a gateway.

    From positions to the answer: ours sorts the satellites into bins of the sky first, as the tree is built in its own.
    """
    network = settings.with_gateways(constellation)
    cells = h3cells.world(3)
    users = cell_users(network, cells)
    pool = ThreadPoolExecutor(1)
    repeats = 4  # slots
    positions = positions_over(network, settings.GRID, 0, repeats)
    ways = routes(positions, network.gateways, gateway_sites(network), network.topology, pool)
    position, has_way = positions.at_km[0], np.isfinite(ways.decided_km[0])
    bands = sky.band_layout()
    ways.first[:] = 0  # no satellite in any bin: sorting them is part of what is timed

    def ours() -> tuple[np.ndarray, np.ndarray]:
        for slot in range(repeats):
            into = ways.first[slot], ways.order[slot]
            sky.sort_into_bins(positions.at_km[slot], positions.usable[slot], *bands, *into)
        nobody = np.full(len(users), -1, np.int32)
        satellite, _, seen = serve(users, positions, ways, "highest", settings.GRID.slot_s, nobody, pool, 1)
        return satellite[0], seen[0]

    def of_block(block: slice) -> np.ndarray:
        sight = position - users.position_km[block, np.newaxis]
        return np.einsum("csk,ck->cs", sight, users.up[block]) / np.sqrt(np.einsum("csk,csk->cs", sight, sight))

    def by_numpy() -> tuple[np.ndarray, np.ndarray]:
        satellite, seen = np.empty(len(users), np.int32), np.empty(len(users), np.int16)
        for first in range(0, len(users), 512):
            block = slice(first, first + 512)
            sine = of_block(block)
            above = sine >= SINE_MASK
            seen[block] = above.sum(axis=1)
            sine[~(above & has_way)] = -1.0
            best = sine.argmax(axis=1)
            satellite[block] = np.where(sine[np.arange(len(best)), best] > -1.0, best, -1)
        return satellite, seen

    def by_tree() -> tuple[np.ndarray, np.ndarray]:
        """All pairs within the longest range from the tree, then as numpy does for those."""
        farthest = np.linalg.norm(position, axis=1).max()
        near = np.linalg.norm(users.position_km, axis=1).min()
        mask = np.radians(settings.MASK_DEG - 0.2)  # the ellipsoid's vertical is not the sphere's
        longest = np.sqrt(farthest**2 - (near * np.cos(mask)) ** 2) - near * np.sin(mask)
        found = cKDTree(users.position_km).query_ball_tree(cKDTree(position), longest)
        count = np.array([len(one) for one in found])
        user, other = np.repeat(np.arange(len(users)), count), np.concatenate([np.array(one, int) for one in found])
        sight = position[other] - users.position_km[user]
        sine = np.einsum("pk,pk->p", sight, users.up[user]) / np.sqrt(np.einsum("pk,pk->p", sight, sight))
        above = sine >= SINE_MASK
        seen = np.bincount(user[above], minlength=len(users)).astype(np.int16)
        good = above & has_way[other]
        user, other, sine = user[good], other[good], sine[good]
        order = np.lexsort((other, -sine, user))
        first = np.unique(user[order], return_index=True)
        satellite = np.full(len(users), -1, np.int32)
        satellite[first[0]] = other[order][first[1]]
        return satellite, seen

    def check() -> None:
        for theirs in (by_numpy(), by_tree()):
            for mine, other in zip(ours(), theirs, strict=True):
                assert (mine == other).all()

    baselines = (Baseline("numpy, all pairs", by_numpy), Baseline("scipy cKDTree", by_tree))
    name = f"in view and serving: 41,162 cells × {constellation.satellites:,} satellites"
    return Workload(name, ours, baselines, check, repeats)


def city_graph(sky: pairs.Sky, places: pairs.Places, position: np.ndarray) -> csr_matrix:
    """Satellites and cities as scipy wants them: up from numbered cities, down to others, links both ways."""
    neighbours, satellites, count = sky.topology.neighbours, len(position), len(places.names)
    at, k = np.nonzero(neighbours >= 0)
    length = np.linalg.norm(position[neighbours[at, k]] - position[at], axis=-1)  # none here comes near the air
    sight = position - places.position_km[:, np.newaxis]
    distance = np.linalg.norm(sight, axis=-1)
    sine = np.einsum("psk,pk->ps", sight, places.up) / distance
    city, above = np.nonzero(sine >= SINE_MASK)
    ground = distance[city, above]
    rows = np.concatenate([at, satellites + city, above])
    columns = np.concatenate([neighbours[at, k], above, satellites + count + city])
    weights = np.concatenate([length, ground, ground])
    return csr_matrix((weights, (rows, columns)), shape=(satellites + 2 * count,) * 2)


def by_scipy(sky: pairs.Sky, places: pairs.Places, position: np.ndarray) -> np.ndarray:
    satellites, count = len(position), len(places.names)
    found = dijkstra(city_graph(sky, places, position), indices=satellites + np.arange(count))
    return found[:, satellites + count :]


def by_networkx(sky: pairs.Sky, places: pairs.Places, position: np.ndarray) -> np.ndarray:
    satellites, count = len(position), len(places.names)
    graph = networkx.from_scipy_sparse_array(city_graph(sky, places, position), create_using=networkx.DiGraph)
    found = np.full((count, count), np.inf)
    for city in range(count):
        lengths = networkx.single_source_dijkstra_path_length(graph, satellites + city)
        for node, length in lengths.items():
            if node >= satellites + count:
                found[city, node - satellites - count] = length
    return found


def city_round_trips(name: str, shells: Sequence[Shell], with_networkx: bool, pattern: str = "+grid") -> Workload:
    """All pairs of 100 cities, a slot: orbits, links and shortest paths; the baselines are given the positions."""
    constellation, places = settings.satellites_of(shells), settings.cities(100)
    sky = settings.sky_of(constellation, pattern)
    position = ephemeris.positions(constellation, settings.START, 0.0).position_km[0]
    seconds = settings.GRID.seconds(0, 64).tolist()
    baselines = [Baseline("scipy Dijkstra", partial(by_scipy, sky, places, position))]
    if with_networkx:
        baselines.append(Baseline("networkx Dijkstra", partial(by_networkx, sky, places, position)))

    def ours() -> np.ndarray:
        times = pairs.times_between(sky, places, settings.START, seconds)
        first = next(times)
        for _ in times:
            pass
        return first

    def check() -> None:
        for baseline in baselines:
            expected_ms = baseline.work() * (2.0 / 299.792458)  # type: ignore[operator]
            np.fill_diagonal(expected_ms, np.inf)
            assert np.allclose(ours(), expected_ms, rtol=1e-6)

    return Workload(f"RTT of all pairs of 100 cities, {name}", ours, baselines, check, len(seconds))


def all_workloads() -> list[tuple[str, Callable[[], Workload]]]:
    """(a short name to ask for it by, how it is made)."""
    from benchmarks import ledger
    from benchmarks.capacity import region_slot, world_slot
    from benchmarks.forwarding import forwarding_states  # they build on what stands here
    from benchmarks.policy import masks, rule_files
    from benchmarks.policy_decide import one_by_one
    from benchmarks.policy_effect import effects, with_terminals
    from benchmarks.policy_terminals import decided, placed
    from benchmarks.sharing import fair_shares

    def no_order() -> Workload:
        return city_round_trips("10,080 satellites, nearest", settings.THREE_SHELLS, False, "nearest")

    return [
        ("orbits", shells_moved),
        ("elements", element_sets_moved),
        ("gateways", ways_to_a_gateway),
        ("serving-4408", lambda: serving_satellites(settings.network().constellation)),
        ("serving-10080", lambda: serving_satellites(settings.satellites_of(settings.THREE_SHELLS))),
        ("cities-1584", lambda: city_round_trips("1,584 satellites", settings.SHELL_1, True)),
        ("forwarding", forwarding_states),
        ("cities-10080", lambda: city_round_trips("10,080 satellites", settings.THREE_SHELLS, False)),
        ("no-order", no_order),
        ("sharing", fair_shares),
        ("rule-files", rule_files),
        ("masks-4", lambda: masks(4)),
        ("masks-5", lambda: masks(5)),
        ("decide", one_by_one),
        ("terminals-placed", placed),
        ("terminals-decided", decided),
        ("effects-4", effects),
        ("effects-terminals", with_terminals),
        ("capacity-region", region_slot),
        ("capacity-world", lambda: world_slot("max_min")),
        ("capacity-world-total", lambda: world_slot("total")),
        ("capacity-world-coarse", lambda: world_slot("total", 2)),
        ("ledger-appended", ledger.appended),
        ("ledger-batched", ledger.batched),
        ("ledger-verified", ledger.verified),
        ("ledger-proofs", ledger.proofs),
    ]
