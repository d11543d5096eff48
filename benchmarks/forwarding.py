"""Full forwarding states, written as Hypatia does, beside scipy and networkx renderings of the same.

All satellites and stations towards 100 stations; every line of the first state, then those that changed. The baselines
find each satellite's next hop by scipy's Dijkstra from every station, or by the all-pairs distances of networkx that
satgenpy itself starts from, and keep the state before in a dictionary, as satgenpy does.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import networkx
import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from benchmarks import settings
from benchmarks.workloads import SINE_MASK, Baseline, Workload
from openleo.interchange.hypatia_out import Instants, Written, network_of, write_states
from openleo.network import ephemeris

STEP_MS, STATES = 15_000, 40


class Rendering:
    """One state after the other of a written network, by a library's shortest paths."""

    def __init__(self, written: Written, distances: Callable[..., tuple[np.ndarray, np.ndarray]]):
        self.written, self.distances = written, distances
        self.was: dict[tuple[int, int], tuple[int, int, int]] = {}
        wiring = written.wiring
        self.interface = {
            (s, int(n)): (k, int(wiring.far_interface[s, k]))
            for s in range(len(wiring.neighbours))
            for k, n in enumerate(wiring.neighbours[s])
            if n >= 0
        }

    def state(self, after_s: float, path: Path) -> str:
        """Write the lines that changed; returns them."""
        written, count = self.written, self.written.wiring.count.tolist()
        position = ephemeris.positions(written.sky.constellation, written.start, after_s).position_km[0]
        links = written.wiring.links
        length = np.linalg.norm(position[links[:, 0]] - position[links[:, 1]], axis=1)
        sight = position - written.places.position_km[:, np.newaxis]
        range_km = np.linalg.norm(sight, axis=-1)
        above = np.einsum("psk,pk->ps", sight, written.places.up) >= SINE_MASK * range_km
        range_km[~above] = np.inf
        distance, before = self.distances(links, length, range_km)
        satellites, places = len(position), len(range_km)
        lines = []

        def say(node: int, target: int, entry: tuple[int, int, int]) -> None:
            if self.was.get((node, target)) != entry:
                self.was[node, target] = entry
                lines.append(f"{node},{target},{entry[0]},{entry[1]},{entry[2]}\n")

        for s in range(satellites):
            for p in range(places):
                hop = int(before[p, s])
                if hop < 0:
                    say(s, satellites + p, (-1, -1, -1))
                elif hop >= satellites:
                    say(s, satellites + p, (satellites + p, count[s], 0))
                else:
                    say(s, satellites + p, (hop, *self.interface[s, hop]))
        for p in range(places):
            for q in range(places):
                if p != q:
                    total = range_km[p] + distance[q]
                    s = int(total.argmin())
                    entry = (s, 0, count[s]) if np.isfinite(total[s]) else (-1, -1, -1)
                    say(satellites + p, satellites + q, entry)
        text = "".join(lines)
        path.write_text(text)
        return text


def by_dijkstra(links: np.ndarray, length: np.ndarray, range_km: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(distance, next hop), axes (station, satellite): stations may be left, never entered."""
    places, satellites = range_km.shape
    place, above = np.nonzero(np.isfinite(range_km))
    rows = np.concatenate([links[:, 0], links[:, 1], satellites + place])
    columns = np.concatenate([links[:, 1], links[:, 0], above])
    weights = np.concatenate([length, length, range_km[place, above]])
    graph = csr_matrix((weights, (rows, columns)), shape=(satellites + places,) * 2)
    distance, before = dijkstra(graph, indices=satellites + np.arange(places), return_predecessors=True)
    return distance[:, :satellites], before[:, :satellites]


def by_all_pairs(links: np.ndarray, length: np.ndarray, range_km: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same from networkx' Floyd–Warshall between all satellites."""
    places, satellites = range_km.shape
    graph = networkx.Graph()
    graph.add_nodes_from(range(satellites))
    graph.add_weighted_edges_from(zip(links[:, 0].tolist(), links[:, 1].tolist(), length.tolist(), strict=True))
    between = networkx.floyd_warshall_numpy(graph)
    distance, before = np.full((places, satellites), np.inf), np.full((places, satellites), -9)
    for p in range(places):
        seen = np.flatnonzero(np.isfinite(range_km[p]))
        distance[p] = (between[:, seen] + range_km[p, seen]).min(axis=1)
    for s in range(satellites):
        hops = np.array(list(graph[s]))
        through = distance[:, hops] + np.array([graph[s][n]["weight"] for n in hops])
        before[:, s] = hops[through.argmin(axis=1)]
    lands = range_km <= distance
    before[lands] = satellites + np.nonzero(lands)[0]
    before[~np.isfinite(distance)] = -9
    return distance, before


def forwarding_states(with_networkx: bool = True) -> Workload:
    """Shell 1 towards 100 stations: the orbits, the links, the states, and the files."""
    sky = settings.sky_of(settings.satellites_of(settings.SHELL_1))
    written = network_of("bench", sky, settings.START, settings.cities(100), None, "")
    folder = Path(tempfile.mkdtemp())
    instants = Instants(STEP_MS, STATES * STEP_MS // 1000)

    def ours() -> None:
        for _ in write_states(written, instants, folder, threads=1):
            pass

    def one_state(rendering: Rendering, number: list[int]) -> str:
        after_ms = STEP_MS * number[0]
        number[0] += 1
        return rendering.state(after_ms / 1000.0, folder / f"theirs_{after_ms}.txt")

    def baseline(name: str, distances: Callable[..., tuple[np.ndarray, np.ndarray]]) -> Baseline:
        return Baseline(name, partial(one_state, Rendering(written, distances), [0]))

    def check() -> None:
        ours()
        for distances, states in ((by_dijkstra, 2), (by_all_pairs, 1 if with_networkx else 0)):
            rendering = Rendering(written, distances)
            for number in range(states):
                after_ms = STEP_MS * number
                expected = rendering.state(after_ms / 1000.0, folder / "check.txt").splitlines()
                mine = (folder / f"fstate_{after_ms * 1_000_000}.txt").read_text().splitlines()
                assert len(set(mine) ^ set(expected)) <= 4, "more lines differ than ties can explain"

    baselines = [baseline("scipy Dijkstra and Python", by_dijkstra)]
    if with_networkx:
        baselines.append(baseline("networkx Floyd–Warshall and Python, as satgenpy", by_all_pairs))
    return Workload("forwarding state of 1,584 satellites to 100 stations, files", ours, baselines, check, STATES)
