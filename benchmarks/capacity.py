"""A slot with everybody on the network, beside what scipy would be asked for the same.

The linear programme over all candidates (HiGHS) and the integer maximum flow; both answer less: no quanta, channels in
turn or interference, and the flow no beams. Of the world's 41,162 cells the programme has 770,000 unknowns; it stands
beside a world of 5,882.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import h3
import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_matrix, vstack
from scipy.sparse.csgraph import maximum_flow

from benchmarks import settings
from benchmarks.workloads import Baseline, Workload
from openleo import cells as h3cells
from openleo.network.capacity import candidates, forest
from openleo.network.capacity.allocation import Allocation, SlotDemand, allocate
from openleo.network.capacity.caps import Caps
from openleo.network.reach import cell_users, gateway_sites, positions_over
from openleo.network.routing import routes

SATELLITE_MBPS = 20_000.0
REGION = Caps(48, 8, 4, 10.0, satellite_down_mbps=SATELLITE_MBPS, satellite_up_mbps=2_500.0)
WORLD = Caps(
    16, 8, 4, 10.0, satellite_down_mbps=SATELLITE_MBPS, satellite_up_mbps=2_500.0,
    feeder_down_mbps=19_000.0, feeder_up_mbps=2_400.0, site_down_mbps=152_000.0, site_up_mbps=19_000.0,
    isl_mbps=100_000.0, pop_down_mbps=1e6, pop_up_mbps=1e6,
)  # fmt: skip


def channel_mbps(elevation_deg: np.ndarray) -> np.ndarray:
    """A stand-in for a link budget: 460 Mbit/s at 25°, 750 overhead."""
    return 250.0 + 500.0 * np.sin(np.radians(elevation_deg))


@dataclass(frozen=True)
class Prepared:
    """`find` gives the slot's candidates with their rates; `decide` allocates them."""

    find: Callable[[], candidates.Candidates]
    decide: Callable[[candidates.Candidates, str], Allocation]
    ways: forest.Forest
    demand_mbps: np.ndarray


def prepared(cells: np.ndarray, caps: Caps, demand_mbps: np.ndarray) -> Prepared:
    network = settings.network()
    users = cell_users(network, cells)
    positions = positions_over(network, settings.GRID, 0, 1)
    with ThreadPoolExecutor(1) as pool:
        ways = routes(positions, network.gateways, gateway_sites(network), network.topology, pool)
    grown = forest.grow(ways.onward[0], ways.gateway[0], network.gateways.pop, caps)
    around, demand = h3cells.neighbours(cells), SlotDemand.of(demand_mbps, demand_mbps / 10.0)

    def find() -> candidates.Candidates:
        found = candidates.find(users, positions, ways, 0)
        rate = channel_mbps(found.elevation_deg)
        return found.with_rates(rate, rate / 8.0)

    def decide(found: candidates.Candidates, objective: str) -> Allocation:
        return allocate(found, caps, grown, demand, around, objective=objective)

    return Prepared(find, decide, grown, demand_mbps)


def lognormal(cells: int, mean_mbps: float) -> np.ndarray:
    return np.random.default_rng(0).lognormal(0.0, 1.0, cells) * mean_mbps / np.exp(0.5)


def greatest_flow_mbps(found: candidates.Candidates, ways: forest.Forest, demand_mbps: np.ndarray) -> float:
    """Whole Mbit/s from a source over cells, satellites and their ways to a sink; nothing else is asked for."""
    cells, nodes = found.cells, len(ways.parent)
    source, sink = cells + nodes, cells + nodes + 1
    halfway = cells + nodes + 2  # a node's cap is an arc from the node to its second half
    node = np.arange(nodes)
    cap = np.minimum(ways.down_mbps, 2e9)
    parent = np.where(ways.parent >= 0, cells + ways.parent, sink)
    begin = np.concatenate([np.full(cells, source), found.cell, cells + node, halfway + node])
    end = np.concatenate([np.arange(cells), cells + found.satellite, halfway + node, parent])
    most = np.concatenate([demand_mbps, 8.0 * found.down_mbps, cap, cap]).astype(np.int32)
    graph = csr_matrix((most, (begin, end)), shape=(halfway + nodes,) * 2)
    return float(maximum_flow(graph, source, sink).flow_value)


def greatest_total_mbps(
    found: candidates.Candidates, caps: Caps, ways: forest.Forest, demand_mbps: np.ndarray
) -> float:
    """The linear programme over all candidates, under the caps of cells, beams, satellites and their ways.

    Its unknowns are what goes over each link, and what each satellite has in all: the caps on ways count the latter.
    """
    links, satellites = np.arange(len(found.satellite)), np.arange(ways.satellites)
    over, all_of = len(links), len(satellites)
    one, time = np.ones(over), 1.0 / found.down_mbps
    node, below = _under_caps(ways)
    by_cell, by_satellite = (found.cells, over + all_of), (all_of, over + all_of)
    matrix = vstack([
        csr_matrix((one, (found.cell, links)), by_cell), csr_matrix((time, (found.cell, links)), by_cell),
        csr_matrix((time, (found.satellite, links)), by_satellite),
        csr_matrix((np.ones(len(node)), (node, over + below)), (len(ways.parent), over + all_of)),
    ]).tocsr()  # fmt: skip
    limits = np.concatenate([
        demand_mbps, np.full(found.cells, caps.channels), np.full(all_of, caps.beams), ways.down_mbps,
    ])  # fmt: skip
    used = (np.diff(matrix.indptr) > 0) & np.isfinite(limits)
    sums = csr_matrix((one, (found.satellite, links)), by_satellite) - csr_matrix(
        (np.ones(all_of), (satellites, over + satellites)), by_satellite
    )
    cost = np.concatenate([-one, np.zeros(all_of)])
    return float(-linprog(cost, matrix[used], limits[used], sums, np.zeros(all_of), method="highs-ipm").fun)


def _under_caps(ways: forest.Forest) -> tuple[np.ndarray, np.ndarray]:
    """(node, satellite) of every cap that a satellite's traffic passes on its way, its own among them."""
    at, satellite = np.arange(ways.satellites), np.arange(ways.satellites)
    nodes, satellites = [], []
    while len(at):
        nodes.append(at)
        satellites.append(satellite)
        onward = ways.parent[at]
        at, satellite = onward[onward >= 0], satellite[onward >= 0]
    return np.concatenate(nodes), np.concatenate(satellites)


def region_slot() -> Workload:
    """2,437 cells around 49° N 32° E that ask for five times what the satellites in view carry."""
    around = h3.grid_disk(h3.latlng_to_cell(49.0, 32.0, 5), 28)
    cells = np.sort(np.array([int(cell, 16) for cell in around], np.uint64))
    ready = prepared(cells, REGION, lognormal(len(cells), 3000.0))
    found = ready.find()

    def programme() -> float:
        return greatest_total_mbps(found, REGION, ready.ways, ready.demand_mbps)

    def flow() -> float:
        return greatest_flow_mbps(found, ready.ways, ready.demand_mbps)

    def check() -> None:
        best, made = programme(), ready.decide(found, "total").rate_down_mbps.sum()
        assert 0.95 * best <= made <= best * (1.0 + 1e-6)
        assert abs(flow() / best - 1.0) < 1e-2

    baselines = Baseline("scipy linprog (HiGHS), no quanta", programme), Baseline("scipy maximum_flow, no beams", flow)
    return Workload("beams and rates of 2,437 cells, total", lambda: ready.decide(found, "total"), baselines, check)


def world_slot(objective: str, resolution: int = 3) -> Workload:
    """4,408 satellites over all cells of the Earth, candidates included; every cell asks, the sea too: too much.

    41,162 cells, or the 5,882 of resolution 2, which ask for seven times as much each; there the programme of the
    total takes seconds.
    """
    cells = h3cells.world(resolution)
    ready = prepared(cells, WORLD, lognormal(len(cells), 2000.0 * 7.0 ** (3 - resolution)))
    found = ready.find()

    def flow() -> float:
        return greatest_flow_mbps(found, ready.ways, ready.demand_mbps)

    def programme() -> float:
        return greatest_total_mbps(found, WORLD, ready.ways, ready.demand_mbps)

    with_programme = objective == "total" and resolution < 3

    def check() -> None:
        made = ready.decide(ready.find(), objective).rate_down_mbps.sum()
        assert 0.7 * flow() <= made <= 1.001 * flow() + len(cells)
        if with_programme:
            best = programme()
            assert 0.93 * best <= made <= best * (1.0 + 1e-6)

    name = f"a world slot with capacity, {objective}: {len(cells):,} cells, 4,408 satellites"
    work = lambda: ready.decide(ready.find(), objective)  # noqa: E731
    baselines = [Baseline("scipy maximum_flow, no beams or channels", flow)]
    if with_programme:
        baselines.append(Baseline("scipy linprog (HiGHS), no quanta", programme))
    return Workload(name, work, baselines, check)
