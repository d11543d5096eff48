"""Hypatia's conventions (satgenpy), written a second time for tests to compare with, and directories made up for them.

As one would who has only its documentation: `sgp4` moves each satellite, skyfield turns the Earth (IAU 1982), PROJ puts
stations on the ellipsoid, scipy and networkx find the ways. Slow and plain on purpose; nothing of the package is used.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from sgp4.api import WGS72, Satrec
from skyfield.sgp4lib import theta_GMST1982

Floats = NDArray[np.float64]
LIGHT_M_PER_S = 299_792_458.0
GM_KM3_PER_S2 = 398_600.8  # WGS 72
ON_ELLIPSOID = "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart +a=6378135 +rf=298.26"


# --- what satgenpy computes ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """Round-trip times at one instant. Axes (from, to); infinite where there is no way, and on the diagonal."""

    rtt_ms: Floats
    robust: NDArray[np.bool_]  # no link is so near (10 cm) to its limit that rounding could change the answer
    graph: nx.DiGraph

    def best_with(self, start: int, end: int, links: int) -> float:
        """The least RTT in ms over ways of exactly so many links, by trying all that get so far."""
        least = {("up", start): 0.0}
        for _ in range(links):
            after: dict[object, float] = {}
            for node, km in least.items():
                for onward, edge in self.graph.adj[node].items():
                    after[onward] = min(after.get(onward, math.inf), km + edge["km"])
            least = after
        return 2e6 * least.get(("down", end), math.inf) / LIGHT_M_PER_S


def answers(folder: Path, seconds: Sequence[float], margin_km: float = 1e-4) -> tuple[list[str], list[Answer]]:
    """(names of the stations, their times at each of `seconds` after the epoch)."""
    lines = (folder / "tles.txt").read_text(encoding="utf-8").splitlines()
    satellites = [Satrec.twoline2rv(*lines[n + 1 : n + 3], WGS72) for n in range(1, len(lines), 3)]
    pairs = [[int(word) for word in line.split()] for line in (folder / "isls.txt").read_text("utf-8").splitlines()]
    joined = {(min(pair), max(pair)) for pair in pairs}
    said = dict(line.split("=") for line in (folder / "description.txt").read_text().split())
    ground_km, isl_km = (float(said[key]) / 1000.0 for key in ("max_gsl_length_m", "max_isl_length_m"))
    with (folder / "ground_stations.txt").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    to_earth = Transformer.from_pipeline(ON_ELLIPSOID)
    latitude, longitude, elevation = np.array([row[2:5] for row in rows], dtype=float).T
    stations = np.column_stack(to_earth.transform(longitude, latitude, elevation)) / 1000.0
    return [row[1] for row in rows], [
        _answer(_positions(satellites, second), stations, joined, ground_km, isl_km, margin_km) for second in seconds
    ]


def _positions(satellites: Sequence[Satrec], after_s: float) -> Floats:
    """Earth-fixed, km, axes (satellite, xyz); not a number where SGP4 finds none."""
    found = np.empty((len(satellites), 3))
    for n, one in enumerate(satellites):
        error, teme_km, _ = one.sgp4_tsince(after_s / 60.0)
        theta, _ = theta_GMST1982(one.jdsatepoch, one.jdsatepochF + after_s / 86_400.0)
        x, y, z = teme_km
        turned = (
            x * math.cos(theta) + y * math.sin(theta),
            y * math.cos(theta) - x * math.sin(theta),
            z,
        )
        found[n] = turned if error == 0 else np.nan
    return found


def _answer(
    position: Floats,
    stations: Floats,
    joined: Iterable[tuple[int, ...]],
    ground_km: float,
    isl_km: float,
    margin: float,
) -> Answer:
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(position)))
    graph.add_nodes_from((way, n) for way in ("up", "down") for n in range(len(stations)))
    doubtful = False
    shaky = np.zeros(len(stations), bool)
    for a, b in joined:
        km = float(np.linalg.norm(position[a] - position[b]))
        doubtful |= abs(km - isl_km) < margin
        if km <= isl_km:
            graph.add_edge(a, b, km=km)
            graph.add_edge(b, a, km=km)
    for n, station in enumerate(stations):
        for s, km in enumerate(np.linalg.norm(position - station, axis=1).tolist()):
            shaky[n] |= abs(km - ground_km) < margin
            if km <= ground_km:
                graph.add_edge(("up", n), s, km=km)
                graph.add_edge(s, ("down", n), km=km)
    nodes = {node: number for number, node in enumerate(graph)}
    edges = [(nodes[a], nodes[b], km) for a, b, km in graph.edges(data="km")]
    start, end, km = np.array(edges).T if edges else np.empty((3, 0))
    matrix = csr_array((km, (start.astype(int), end.astype(int))), shape=(len(nodes),) * 2)
    count = range(len(stations))
    way = dijkstra(matrix, indices=[nodes["up", n] for n in count])[:, [nodes["down", n] for n in count]]
    rtt_ms = (way + way.T) * 1e6 / LIGHT_M_PER_S
    np.fill_diagonal(rtt_ms, np.inf)
    return Answer(rtt_ms, ~(doubtful | shaky[:, np.newaxis] | shaky[np.newaxis]), graph)


# --- directories --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shell:
    """A shell as satgenpy writes it: slots of odd planes lead by half a slot. `epoch` is a TLE's: YYDDD.DDDDDDDD."""

    planes: int
    per_plane: int
    altitude_km: float
    inclination_deg: float
    ground_km: float
    isl_km: float = 5000.0
    span_deg: float = 360.0
    seam_closed: bool = True
    epoch: str = "00001.00000000"
    eccentricity: float = 1e-7
    perigee_deg: float = 0.0
    drag: str = " 00000-0"
    name: str = "shell"

    @property
    def satellites(self) -> int:
        return self.planes * self.per_plane

    def tles(self) -> list[list[str]]:
        """Three lines a satellite."""
        motion = math.sqrt(GM_KM3_PER_S2 / (6378.135 + self.altitude_km) ** 3) * 86_400.0 / (2.0 * math.pi)
        lines = []
        for n in range(self.satellites):
            plane, slot = divmod(n, self.per_plane)
            node = plane * self.span_deg / self.planes
            anomaly = (slot + plane % 2 / 2.0) * 360.0 / self.per_plane
            first = f"1 {n + 1:05d}U 00000ABC {self.epoch}  .00000000  00000-0 {self.drag} 0    0"
            second = (
                f"2 {n + 1:05d} {self.inclination_deg:8.4f} {node:8.4f} {round(self.eccentricity * 1e7):07d} "
                f"{self.perigee_deg:8.4f} {anomaly:8.4f} {motion:11.8f}    0"
            )
            lines.append([f"{self.name} {n}", with_checksum(first), with_checksum(second)])
        return lines

    def isls(self) -> list[tuple[int, int]]:
        """+Grid, slot to slot."""
        links = []
        for n in range(self.satellites):
            plane, slot = divmod(n, self.per_plane)
            links.append((n, plane * self.per_plane + (slot + 1) % self.per_plane))
            if self.seam_closed or plane + 1 < self.planes:
                links.append((n, (plane + 1) % self.planes * self.per_plane + slot))
        return [(min(pair), max(pair)) for pair in links if pair[0] != pair[1]]


@dataclass(frozen=True)
class Directory:
    """What is to be in a directory, to be edited before it is written."""

    shell: Shell
    stations: tuple[tuple[str, float, float, float], ...]  # name, latitude, longitude, elevation in metres
    links: tuple[tuple[int, int], ...] | None = None  # none: all of the shell's
    files: dict[str, str] = field(default_factory=dict)  # whole texts in place of those made from the rest

    def write(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        shell = self.shell
        tles = [f"{shell.planes} {shell.per_plane}", *(line for one in shell.tles() for line in one)]
        links = shell.isls() if self.links is None else self.links
        nodes = shell.satellites + len(self.stations)
        texts = {
            "tles.txt": "\n".join(tles) + "\n",
            "isls.txt": "".join(f"{a} {b}\n" for a, b in links),
            "ground_stations.txt": "".join(station_line(n, *one) for n, one in enumerate(self.stations)),
            "description.txt": f"max_gsl_length_m={shell.ground_km * 1e3!r}\nmax_isl_length_m={shell.isl_km * 1e3!r}\n",
            "gsl_interfaces_info.txt": "".join(f"{node},1,1.0\n" for node in range(nodes)),
        }
        for name, text in {**texts, **self.files}.items():
            (folder / name).write_text(text, encoding="utf-8", newline="")
        return folder

    def with_links(self, links: Iterable[tuple[int, int]]) -> Directory:
        return replace(self, links=tuple(links))


def station_line(number: int, name: str, latitude_deg: float, longitude_deg: float, elevation_m: float) -> str:
    """A line of `ground_stations.txt`. Its x, y, z are of nobody's making: satgenpy measures from the angles."""
    quoted = '"' + name.replace('"', '""') + '"' if set(name) & set(',"') else name
    return f"{number},{quoted},{latitude_deg:.6f},{longitude_deg:.6f},{elevation_m:.6f},1.0,2.0,3.0\n"


def with_checksum(line: str) -> str:
    return line + str(sum(int(c) if c.isdigit() else c == "-" for c in line) % 10)
