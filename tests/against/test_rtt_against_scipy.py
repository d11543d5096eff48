"""`openleo rtt` in our own conventions, with failures by chance, against scipy's Dijkstra on the same graph.

What may be joined is the scenario's pattern; all else is found again from the file's own numbers: what is out (from
`openleo export failures`), masks, the lowest and longest link, the polar cut-off. Every way is then walked hop by hop.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from independent import A_KM, LIGHT_KM_PER_MS, Floats, links_in_sight, on_wgs84, out_over, outages, sight
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from command_line import openleo, rtt
from compared import compared
from openleo import Scenario
from openleo.network import ephemeris

LAST_DIGIT_MS = 1e-6
DISORDER = "3599.5,0,60,30,60,1800"

SITES = {
    "North Pole": (90.0, 0.0),
    "South Pole": (-90.0, 45.0),
    "Taveuni, east": (-16.8, 180.0),
    "Taveuni, west": (-16.8, -180.0),
    'the "Cape"': (-33.92, 18.42),
    "Quito": (-0.18, -78.47),
    "Reykjavík": (64.15, -21.94),
    "Kuala Lumpur": (3.14, 101.69),
    "Lisbon": (38.72, -9.14),
    "Ushuaia": (-54.8, -68.3),
}


@dataclass(frozen=True)
class Made:
    """A scenario's constellation, and the limits that its file says."""

    constellation: str
    mask_deg: float
    grazing_km: float = 80.0
    longest_km: float = np.inf
    polar_deg: float = 90.0


def shell(
    name: str, altitude_km: float, inclination_deg: float, planes: int, per_plane: int, span_deg: int = 360
) -> str:
    return (
        f'[[constellation.shell]]\nname = "{name}"\naltitude_km = {altitude_km}\ninclination_deg = {inclination_deg}\n'
        f"planes = {planes}\nper_plane = {per_plane}\nraan_span_deg = {span_deg}\n"
    )


DELTA, POLAR, STAR = (
    shell("delta", 1200, 53, 12, 14),
    shell("polar", 1000, 90, 7, 12, 180),
    shell("star", 780, 86.4, 6, 11, 180),
)
MADE = {
    "a delta": Made(f'[constellation]\nisl = "+grid"\n{DELTA}', 15.0),
    "a star, seam open": Made(f'[constellation]\nisl = "+grid"\n{STAR}', 8.2),
    "zig-zag, short links only": Made(
        f'[constellation]\nisl = "zig-zag"\nisl_range_km = 3100\n{DELTA}', 10.0, longest_km=3100.0
    ),
    "rings": Made(f'[constellation]\nisl = "ring"\n{POLAR}', 5.0),
    "polar, no link across beyond 60 degrees": Made(
        f'[constellation]\nisl = "+grid"\nisl_polar_cutoff_deg = 60\n{POLAR}', 10.0, polar_deg=60.0
    ),
    "nearest, two shells joined, high above the air": Made(
        '[constellation]\nisl = "nearest"\nlaser_terminals = 5\ninter_shell = true\nisl_grazing_altitude_km = 500\n'
        f"{DELTA}{POLAR}", 20.0, grazing_km=500.0,
    ),
    "as filed": Made('[constellation]\ncatalogue = "telesat-lightspeed"\nisl = "+grid"\n', 10.0),
    "no links": Made(f'[constellation]\nisl = "none"\n{DELTA}', 5.0),
}  # fmt: skip

FAILURES = """
[[failures.out]]
kind = "satellite"
name = "{first}"
[failures.random]
seed = {seed}
satellites = {{hours_between = 0.5, hours_out = 0.1}}
planes = {{share = 0.05}}
isls = {{share = 0.15}}
"""


def written(folder: Path, made: Made, seed: int | None) -> Path:
    """The scenario, its sites and what is out of order beside it; without a seed all works."""
    path = folder / "s.toml"
    said = (
        f'name = "t"\nstart = 2026-11-20T00:00:00Z\nduration = "1h"\n{made.constellation}\n[ground]\narea = ["TON"]\n'
        f"[links]\nuser_elevation_deg = {made.mask_deg}\n"
    )
    path.write_text(said)
    names = Scenario.load(path).case.network.constellation.satellite_name
    path.write_text(said + (FAILURES.format(seed=seed, first=names[0]) if seed is not None else ""))
    quoted = ['"' + name.replace('"', '""') + '"' for name in SITES]
    rows = [f"{name},{place[0]},{place[1]}\n" for name, place in zip(quoted, SITES.values(), strict=True)]
    (folder / "sites.csv").write_text("name,lat_deg,lon_deg\n" + "".join(rows), encoding="utf-8")
    assert openleo("export", "failures", path, "--out", folder / "out.csv")[0] == 0
    return path


@dataclass(frozen=True)
class Graph:
    """What may be crossed at an instant. length_km: (satellite, satellite), 0 for none; ground_km: (place, satellite),
    infinite for none.
    """

    where: Floats
    length_km: csr_array
    ground_km: Floats


def graph_at(path: Path, made: Made, after_s: float) -> Graph:
    """From the file's numbers; of the package, the satellites' positions and the pattern alone."""
    case = Scenario.load(path).case
    names, at = case.network.constellation.satellite_name, case.grid.start + timedelta(seconds=after_s)
    out = out_over(outages(path.parent / "out.csv"), names, at)
    where = ephemeris.positions(case.network.constellation, at, 0.0).position_km[0]
    joined = out.of_joined(names, case.network.topology.neighbours)
    clear = links_in_sight(where, joined, made.grazing_km)
    # Once each: two satellites may be joined twice, as nearest ones and between shells; scipy adds up what is repeated.
    start, end = np.unique(np.stack(clear), axis=1)
    length = np.linalg.norm(where[start] - where[end], axis=1)
    latitude = np.degrees(np.arcsin(where[:, 2] / np.linalg.norm(where, axis=1)))
    plane = np.array([name.rsplit(" ", 1)[0] for name in names])
    polar = np.maximum(abs(latitude[start]), abs(latitude[end])) > made.polar_deg
    holds = (length <= made.longest_km) & ~(polar & (plane[start] != plane[end]))
    elevation, distance = sight(*np.array(list(SITES.values())).T, where)
    ground_km = np.where((elevation >= made.mask_deg) & out.working(names), distance, np.inf)
    matrix = csr_array((length[holds], (start[holds], end[holds])), shape=(len(names),) * 2)
    return Graph(where, matrix, ground_km)


def by_scipy(graph: Graph) -> Floats:
    """RTT in ms between all places, axes (from, to); infinite where there is no way, and on the diagonal."""
    places, satellites = graph.ground_km.shape
    place, satellite = np.nonzero(np.isfinite(graph.ground_km))
    km = graph.ground_km[place, satellite]
    links = graph.length_km.tocoo()
    # Up from numbered sources, down to others, so that no way runs over the ground.
    rows = np.concatenate([links.row, satellites + place, satellite])
    columns = np.concatenate([links.col, satellite, satellites + places + place])
    nodes = satellites + 2 * places
    matrix = csr_array((np.concatenate([links.data, km, km]), (rows, columns)), shape=(nodes, nodes))
    way = dijkstra(matrix, indices=satellites + np.arange(places))[:, satellites + places :]
    np.fill_diagonal(way, np.inf)
    return 2.0 * way / LIGHT_KM_PER_MS


def assert_walked(graph: Graph, way: list[int], start: int, end: int, rtt_ms: float, grazing_km: float) -> None:
    """Every hop is there, above its mask or the air, and together they take the round-trip time."""
    assert np.isfinite(graph.ground_km[start, way[0]])
    assert np.isfinite(graph.ground_km[end, way[-1]])
    place, _ = on_wgs84(*np.array(list(SITES.values())).T)
    stops = [place[start], *(graph.where[satellite] for satellite in way), place[end]]
    km = sum(float(np.linalg.norm(b - a)) for a, b in pairwise(stops))
    assert 2.0 * km / LIGHT_KM_PER_MS == pytest.approx(rtt_ms, abs=LAST_DIGIT_MS)
    for a, b in pairwise(way):
        assert graph.length_km[a, b] > 0.0
        samples = np.linspace(graph.where[a], graph.where[b], 2001)
        assert np.linalg.norm(samples, axis=1).min() >= A_KM + grazing_km


@pytest.mark.parametrize("seed", [None, 1, 2])
@pytest.mark.parametrize("name", MADE)
def test_all_pairs_and_every_hop(name: str, seed: int | None, tmp_path: Path) -> None:
    made, places = MADE[name], list(SITES)
    path = written(tmp_path, made, seed)
    trails = tmp_path / "paths.jsonl"
    rows = rtt(path, DISORDER, "--sites", tmp_path / "sites.csv", "--paths", trails)
    ways = [json.loads(line) for line in trails.read_text(encoding="utf-8").splitlines()]
    asked = [(t_s, a, b) for t_s in DISORDER.split(",") for a in places for b in places if a != b]
    assert [(row["t_s"], row["from"], row["to"]) for row in rows] == asked
    assert [(way["t_s"], way["from"], way["to"]) for way in ways] == asked

    graphs = {t_s: graph_at(path, made, float(t_s)) for t_s in DISORDER.split(",")}
    expected = {t_s: by_scipy(graph) for t_s, graph in graphs.items()}
    names = Scenario.load(path).case.network.constellation.satellite_name
    number = {name: satellite for satellite, name in enumerate(names)}
    theirs, ours = [], []
    for row, way in zip(rows, ways, strict=True):
        start, end = places.index(row["from"]), places.index(row["to"])
        rtt_ms = expected[row["t_s"]][start, end]
        if not np.isfinite(rtt_ms):
            assert (row["rtt_ms"], row["hops"], way["rtt_ms"], way["satellites"]) == ("", "", None, []), row
            continue
        theirs.append(rtt_ms)
        ours.append(float(row["rtt_ms"]))
        assert way["rtt_ms"] == pytest.approx(rtt_ms, abs=LAST_DIGIT_MS)
        assert int(row["hops"]) == len(way["satellites"]) + 1
        over = [number[satellite] for satellite in way["satellites"]]
        assert_walked(graphs[row["t_s"]], over, start, end, rtt_ms, made.grazing_km)
    compared(
        authority="scipy",
        what="`openleo rtt` of constellations made for the purpose, with failures",
        theirs=theirs,
        ours=ours,
        tolerance=LAST_DIGIT_MS,
        unit="ms",
    )


def test_the_comparison_has_something_to_decide(tmp_path: Path) -> None:
    """Failures change ways and part places; limits of links are met by some links and not by others."""
    times = {}
    for seed in (None, 1):
        (tmp_path / str(seed)).mkdir()
        path = written(tmp_path / str(seed), MADE["a star, seam open"], seed)
        times[seed] = by_scipy(graph_at(path, MADE["a star, seam open"], 0.0))
    assert (np.isfinite(times[None]) & (times[1] > times[None])).any()
    assert (np.isfinite(times[None]) & np.isinf(times[1])).any()
    path = written(tmp_path, MADE["zig-zag, short links only"], None)
    free = Made("", 10.0)
    with_limit, without = (graph_at(path, one, 0.0).length_km.nnz for one in (MADE["zig-zag, short links only"], free))
    assert 0 < with_limit < without
