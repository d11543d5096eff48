"""Forwarding states against Hypatia's rule (algorithm_free_one_only_over_isls), rendered here with networkx.

No forwarding state of Hypatia's own is at hand, so its rule is written out from its description: all distances between
satellites; towards a station the satellite above it with the least distance and ground link; towards that satellite
the neighbour with the least link and distance; interfaces counted in the order of `isls.txt`.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import networkx
import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path

from command_line import openleo
from compared import same
from openleo.network import ephemeris, hypatia
from openleo.network.pairs import ByRange, Sky, rtt_between

SHARED = Path("shared") / "golden" / "hypatia_starlink_550"
GOLDEN = next(
    (there for folder in Path(__file__).resolve().parents if (there := folder / SHARED).is_dir()),
    Path(__file__).parents[3] / SHARED,
)
STATIONS = 12  # of the golden hundred
STEP_MS, DURATION_S = 500, 3
TIE_KM = 1e-8  # two ways as long as each other but for rounding

Line = tuple[int, int, int]
Lines = dict[tuple[int, int], Line]


def export(scenario: Path, out: Path, *options: str) -> str:
    code, _, err = openleo("export", "hypatia", scenario, "--out", out, *options)
    assert code == 0, err
    return err


def small_directory(folder: Path) -> Path:
    """Nine planes of eleven at 1,200 km, links in a mixed order, missing or too long, one satellite with none."""
    folder.mkdir()
    planes, per_plane = 9, 11
    lines = [f"{planes} {per_plane}"]
    for number in range(planes * per_plane):
        plane, slot = divmod(number, per_plane)
        anomaly = (slot + plane * 0.37) * 360.0 / per_plane % 360.0
        first = f"1 {number + 1:05d}U 00000ABC 00001.00000000  .00000000  00000-0  00000+0 0    0"
        node = plane * 360.0 / planes
        second = f"2 {number + 1:05d}  70.0000 {node:8.4f} 0000001   0.0000 {anomaly:8.4f} 13.16000000    0"
        lines += [f"small {number}"]
        lines += [line + str(sum(int(c) if c.isdigit() else c == "-" for c in line) % 10) for line in (first, second)]
    (folder / "tles.txt").write_text("\n".join(lines) + "\n")
    links = []
    for number in range(planes * per_plane):
        plane, slot = divmod(number, per_plane)
        for other in (plane * per_plane + (slot + 1) % per_plane, (plane + 1) % planes * per_plane + slot):
            links.append((min(number, other), max(number, other)))
    links = [link for n, link in enumerate(links) if n % 17 and 40 not in link]
    order = np.random.default_rng(5).permutation(len(links))
    (folder / "isls.txt").write_text("".join("{} {}\n".format(*links[n]) for n in order))
    towns = [(60.0, 25.0), (-33.9, 18.4), (1.3, 103.8), (40.7, -74.0), (-77.8, 166.7), (89.9, 0.0)]
    rows = [f"{n},Place {n},{lat},{lon},120.5,0,0,0\n" for n, (lat, lon) in enumerate(towns)]
    (folder / "ground_stations.txt").write_text("".join(rows))
    (folder / "description.txt").write_text("max_gsl_length_m=2400000\nmax_isl_length_m=6000000\n")
    return folder


@dataclass(frozen=True)
class Exported:
    source: Path  # the directory that was read
    scenario: Path
    out: Path  # the one that was written

    @property
    def states(self) -> Path:
        return self.out / f"dynamic_state_{STEP_MS}ms_for_{DURATION_S}s"

    @property
    def instants_ns(self) -> range:
        return range(0, DURATION_S * 10**9, STEP_MS * 10**6)

    def written(self, ns: int) -> Lines:
        found: Lines = {}
        for row in csv.reader((self.states / f"fstate_{ns}.txt").read_text().splitlines()):
            here, target, *rest = (int(word) for word in row)
            assert (here, target) not in found
            found[here, target] = rest[0], rest[1], rest[2]
        return found


@pytest.fixture(scope="module", params=["small", "golden"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "small":
        source = small_directory(folder / "small")
    elif GOLDEN.is_dir():
        source = folder / "golden"
        source.mkdir()
        for name in ("tles.txt", "isls.txt", "description.txt"):
            (source / name).write_text((GOLDEN / name).read_text())
        stations = (GOLDEN / "ground_stations.txt").read_text().splitlines(keepends=True)
        (source / "ground_stations.txt").write_text("".join(stations[:STATIONS]))
    else:
        pytest.skip("the shared golden constellation is not here")
    scenario = folder / "scenario.toml"
    scenario.write_text(f'conventions = "hypatia"\n[constellation]\nhypatia = "{source}"\n')
    export(scenario, folder / "out", "--duration", f"{DURATION_S}s", "--step", f"{STEP_MS}ms")
    return Exported(source, scenario, folder / "out")


@dataclass(frozen=True)
class Sight:
    """One instant by other means: the links as a graph, all distances, and who sees whom at what range."""

    graph: networkx.Graph
    distance_km: np.ndarray
    in_range: list[list[tuple[float, int]]]
    interface: dict[tuple[int, int], int]
    interfaces: list[int]


@cache  # of a few instants, for several tests
def sight(exported: Exported, ns: int) -> Sight:
    found = hypatia.read(exported.source)
    position_km = ephemeris.positions(found.constellation, found.constellation.epoch, ns / 1e9).position_km[0]
    limits = dict(line.split("=") for line in (exported.source / "description.txt").read_text().split())
    graph = networkx.Graph()
    graph.add_nodes_from(range(len(position_km)))
    interface: dict[tuple[int, int], int] = {}
    interfaces = [0] * len(position_km)
    for line in (exported.source / "isls.txt").read_text().splitlines():
        a, b = (int(word) for word in line.split())
        length_km = math.dist(position_km[a], position_km[b])
        if length_km * 1000.0 <= float(limits["max_isl_length_m"]):  # satgenpy stops at a longer one
            graph.add_edge(a, b, weight=length_km)
        interface[a, b], interface[b, a] = interfaces[a], interfaces[b]
        interfaces[a] += 1
        interfaces[b] += 1
    weights = networkx.to_scipy_sparse_array(graph, nodelist=range(len(position_km)))
    distance_km = shortest_path(csr_array(weights), method="D", directed=False)
    in_range = []
    for place in found.places.position_km:
        ranges = [(math.dist(place, one), s) for s, one in enumerate(position_km)]
        in_range.append([(km, s) for km, s in ranges if km * 1000.0 <= float(limits["max_gsl_length_m"])])
    return Sight(graph, distance_km, in_range, interface, interfaces)


def by_hypatias_rule(seen: Sight) -> tuple[Lines, set[tuple[int, int]]]:
    """All lines, and those that a tie within TIE_KM leaves open."""
    satellites, places = len(seen.interfaces), len(seen.in_range)
    lines: Lines = {}
    open_: set[tuple[int, int]] = set()
    promised = np.full((satellites, places), np.inf)
    for here in range(satellites):
        for place in range(places):
            key = here, satellites + place
            ways = sorted((float(seen.distance_km[here, s]) + km, s) for km, s in seen.in_range[place])
            ways = [way for way in ways if math.isfinite(way[0])]
            lines[key] = -1, -1, -1
            if not ways:
                continue
            promised[here, place], last = ways[0]
            if last == here:
                lines[key] = satellites + place, seen.interfaces[here], 0
                continue
            steps = [(seen.graph.edges[here, n]["weight"] + seen.distance_km[n, last], n) for n in seen.graph[here]]
            shortest = min(steps, key=lambda step: step[0])
            n = shortest[1]
            lines[key] = n, seen.interface[here, n], seen.interface[n, here]
            close = [step for step in steps if step[0] < shortest[0] + TIE_KM]
            if len(close) > 1 or (len(ways) > 1 and ways[1][0] < ways[0][0] + TIE_KM):
                open_.add(key)
    for source in range(places):
        for place in range(places):
            if source == place:
                continue
            key = satellites + source, satellites + place
            ways = sorted((km + promised[s, place], s) for km, s in seen.in_range[source])
            ways = [way for way in ways if math.isfinite(way[0])]
            lines[key] = (ways[0][1], 0, seen.interfaces[ways[0][1]]) if ways else (-1, -1, -1)
            if len(ways) > 1 and ways[1][0] < ways[0][0] + TIE_KM:
                open_.add(key)
    return lines, open_


def test_every_line_is_hypatias_and_changes_replay_to_the_whole_state(exported: Exported) -> None:
    state: Lines = {}
    ties = 0
    for ns in exported.instants_ns:
        written = exported.written(ns)
        expected, open_ = by_hypatias_rule(sight(exported, ns))
        assert ns or list(written) == list(expected), "the first state has every line, in Hypatia's order"
        assert all(state.get(key) != line for key, line in written.items()), "a line that did not change"
        state |= written
        ties += len(open_)
        wrong = {key: (state[key], line) for key, line in expected.items() if state[key] != line and key not in open_}
        assert not wrong
        assert state.keys() == expected.keys()
        same(
            authority="networkx",
            what="forwarding state by Hypatia's rule, every line without a tie",
            theirs={key: line for key, line in expected.items() if key not in open_},
            ours={key: line for key, line in state.items() if key not in open_},
        )
    assert ties <= 0.001 * len(state) * len(exported.instants_ns)


def test_following_the_next_hops_takes_the_round_trip_time(exported: Exported, tmp_path: Path) -> None:
    out = tmp_path / "rtt.csv"
    at = ",".join(str(ns / 1e9) for ns in exported.instants_ns)
    code, _, err = openleo("rtt", exported.scenario, "--out", out, "--at", at)
    assert code == 0, err
    with out.open(encoding="utf-8", newline="") as file:
        said = {(float(row["t_s"]), row["from"], row["to"]): row for row in csv.DictReader(file)}
    names = hypatia.read(exported.source).places.names
    state: Lines = {}
    followed = 0
    for ns in exported.instants_ns:
        state |= exported.written(ns)
        seen = sight(exported, ns)
        satellites = len(seen.interfaces)
        ranges = [{s: km for km, s in one} for one in seen.in_range]
        for source, start in enumerate(names):
            for target, end in enumerate(names):
                if source == target:
                    continue
                row = said[ns / 1e9, start, end]
                here, goal, length_km, hops = satellites + source, satellites + target, 0.0, 0
                while here != goal:
                    onward, mine, theirs = state[here, goal]
                    if onward < 0:
                        break
                    if here < satellites and onward < satellites:
                        length_km += seen.graph.edges[here, onward]["weight"]
                        assert (mine, theirs) == (seen.interface[here, onward], seen.interface[onward, here])
                    else:
                        length_km += ranges[max(here, onward) - satellites][min(here, onward)]
                    here, hops = onward, hops + 1
                if here != goal:
                    assert row["rtt_ms"] == ""
                    continue
                assert 2.0 * length_km / 299_792.458 * 1e3 == pytest.approx(float(row["rtt_ms"]), abs=1e-6)
                assert hops == int(row["hops"])
                followed += 1
    assert followed > 100


def test_the_directory_reads_back_to_the_same_network(exported: Exported) -> None:
    was, now = hypatia.read(exported.source), hypatia.read(exported.out)
    assert [(one.id, one.epoch, one.satrec.no_kozai, one.satrec.mo) for one in now.constellation.elements] == [
        (one.id, one.epoch, one.satrec.no_kozai, one.satrec.mo) for one in was.constellation.elements
    ]
    assert now.constellation.satellite_name == was.constellation.satellite_name
    assert now.places.names == was.places.names
    np.testing.assert_allclose(now.places.position_km, was.places.position_km, atol=1e-6)  # a millimetre
    np.testing.assert_array_equal(now.links, was.links)
    assert (now.grid, now.longest_ground_link_km) == (was.grid, was.longest_ground_link_km)
    assert now.topology.longest_km == was.topology.longest_km
    sky = [Sky(one.constellation, one.topology, ByRange(one.longest_ground_link_km)) for one in (was, now)]
    times = [next(rtt_between(one, was.places, was.constellation.epoch, [0.0])).rtt_ms for one in sky]
    np.testing.assert_array_equal(*times)


def test_interfaces_to_the_ground_have_their_share_at_the_first_instant_only(exported: Exported) -> None:
    seen = sight(exported, 0)
    numbers = [*seen.interfaces, *[0] * len(seen.in_range)]
    first = (exported.states / "gsl_if_bandwidth_0.txt").read_text().splitlines()
    assert first == [f"{node},{number},1.000000" for node, number in enumerate(numbers)]
    later = [exported.states / f"gsl_if_bandwidth_{ns}.txt" for ns in exported.instants_ns[1:]]
    assert all(path.read_text() == "" for path in later)
    assert len(list(exported.states.iterdir())) == 2 * len(exported.instants_ns)
    info = (exported.out / "gsl_interfaces_info.txt").read_text().splitlines()
    assert info == [f"{node},1,1.000000" for node in range(len(numbers))]


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="the shared golden constellation is not here")
def test_the_files_of_the_network_are_hypatias_own(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(f'conventions = "hypatia"\n[constellation]\nhypatia = "{GOLDEN}"\n')
    export(tmp_path / "s.toml", tmp_path / "out", "--duration", "1s", "--step", "1s")
    for name in ("tles.txt", "isls.txt", "description.txt"):
        assert (tmp_path / "out" / name).read_bytes() == (GOLDEN / name).read_bytes(), name
    ours, hypatias = (
        [line.split(",") for line in (folder / "ground_stations.txt").read_text().splitlines()]
        for folder in (tmp_path / "out", GOLDEN)
    )
    assert [row[:5] for row in ours] == [row[:5] for row in hypatias]
    for mine, its in zip(ours, hypatias, strict=True):
        assert [float(x) for x in mine[5:]] == pytest.approx(
            [float(x) for x in its[5:]], abs=0.05
        )  # metres; two towns there are not where their six decimals say
