"""`openleo plan` and `openleo path` with failures by chance, against every satellite tried at every place.

Authority: `independent.py` (WGS 84 from NGA.STND.0036, ways by scipy), which reads what is out from `openleo export
failures`. Of the package it takes the satellites' positions and the pattern of their links.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import h3.api.numpy_int as h3
import numpy as np
import pyarrow.parquet as pq
import pytest
import zarr
from independent import (
    A_KM,
    DETOUR,
    INDEX_OF_GLASS,
    LIGHT_KM_PER_MS,
    PROCESSING_MS,
    OneSlot,
    Out,
    links_in_sight,
    on_wgs84,
    one_slot,
    out_over,
    outages,
    preferred,
    sight,
)
from pyproj import Geod
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from command_line import openleo
from compared import compared, same
from openleo import Scenario
from openleo.network import ephemeris
from openleo.results import Case

SINGLE_PRECISION_MS = 5e-5  # slots.zarr holds 32-bit numbers, which are 0.000 015 ms apart at 200 ms: three roundings
LAST_DIGIT_MS = 1e-6
USER_MASK_DEG, GATEWAY_MASK_DEG, GRAZING_KM = 22.0, 12.0, 80.0

# South-west corners of boxes of 3 degrees: Taiwan, both sides of the antimeridian, high north and south, an ocean.
CORNERS = ((22.0, 119.0), (-18.0, 176.9), (-18.0, -179.9), (76.0, 14.0), (-79.0, 165.0), (0.0, -141.0), (45.0, 7.0))
SCENARIO = """
name = "t"
start = 2026-11-20T00:00:00Z
duration = "10m"
slot = "15s"
[constellation]
isl = "{isl}"
[[constellation.shell]]
name = "delta"
altitude_km = 550
inclination_deg = 53
planes = 30
per_plane = 22
phasing = 7
[[constellation.shell]]
name = "polar"
altitude_km = 1015
inclination_deg = 98.98
planes = 5
per_plane = 5
laser_share = 0.8
[ground]
area = ["area.geojson"]
resolution = 3
gateways = "gateways.csv"
pops = "pops.csv"
[links]
user_elevation_deg = 22
gateway_elevation_deg = 12
hand_over = "{hand_over}"
mask_at = "{mask_at}"
[failures.random]
seed = {seed}
satellites = {{hours_between = 0.6, hours_out = 0.05}}
planes = {{share = 0.04}}
isls = {{share = 0.1}}
gateways = {{hours_between = 0.05, hours_out = 0.05}}
pops = {{hours_between = 0.1, hours_out = 0.05}}
"""
GATEWAYS = """name,lat_deg,lon_deg
Okinawa,26.2,127.7
Aomori,40.8,140.7
Fiji,-18.1,178.4
Svalbard,78.2,15.6
Milan,45.5,9.2
Hobart,-42.9,147.3
"""
POPS = "name,lat_deg,lon_deg\nTokyo,35.7,139.7\nAuckland,-36.8,174.8\nFrankfurt,50.1,8.7\n"
# Every policy, instant and pattern of links stands in one of the quick ones.
CASES = [
    ("highest", "middle", "+grid", 1),
    ("highest", "both_ends", "none", 2),
    pytest.param("least_rtt", "middle", "+grid", 3, marks=pytest.mark.slow),
    pytest.param("least_rtt", "middle", "none", 14, marks=pytest.mark.slow),
    ("least_rtt", "both_ends", "zig-zag", 5),
    ("least_change", "middle", "+grid", 6),
    pytest.param("least_change", "both_ends", "+grid", 7, marks=pytest.mark.slow),
]


def written(folder: Path, hand_over: str, mask_at: str, isl: str, seed: int) -> Path:
    boxes = [
        [[[lon, lat], [lon + 3, lat], [lon + 3, lat + 3], [lon, lat + 3], [lon, lat]]] for lat, lon in CORNERS
    ]  # fmt: skip
    (folder / "area.geojson").write_text(json.dumps({"type": "MultiPolygon", "coordinates": boxes}))
    (folder / "gateways.csv").write_text(GATEWAYS)
    (folder / "pops.csv").write_text(POPS)
    path = folder / "s.toml"
    path.write_text(SCENARIO.format(hand_over=hand_over, mask_at=mask_at, isl=isl, seed=seed))
    code, _, err = openleo("export", "failures", path, "--out", folder / "out.csv")
    assert code == 0, err
    return path


@dataclass(frozen=True)
class Read:
    """A scenario, and what is out in it."""

    path: Path

    @cached_property
    def case(self) -> Case:
        return Scenario.load(self.path).case

    @cached_property
    def rows(self) -> list[dict[str, str]]:
        return outages(self.path.parent / "out.csv")

    def out(self, begin: datetime, end: datetime | None = None) -> Out:
        return out_over(self.rows, self.case.network.constellation.satellite_name, begin, end)

    def slot(self, number: int, latitude_deg: np.ndarray, longitude_deg: np.ndarray) -> OneSlot:
        grid = self.case.grid
        out = self.out(grid.instant(number), grid.instant(number + 1))
        return one_slot(self.case.network, grid, number, latitude_deg, longitude_deg, out)


# --- plan ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hand_over", "mask_at", "isl", "seed"), CASES)
def test_plan_cell_by_cell(hand_over: str, mask_at: str, isl: str, seed: int, tmp_path: Path) -> None:
    path = written(tmp_path, hand_over, mask_at, isl, seed)
    code, said, err = openleo("plan", path, "--out", tmp_path / "out", "--slots-out", "--json")
    assert code == 0, err
    found = zarr.open_group(tmp_path / "out" / "slots.zarr", mode="r")
    satellite, rtt_ms, seen = (np.asarray(found[name][:]) for name in ("satellite", "rtt_ms", "seen"))
    assert satellite.shape[0] == json.loads(said)["slots"] == 40
    latitude, longitude = np.array([h3.cell_to_latlng(int(cell, 16)) for cell in found["cell"][:]]).T
    read, before = Read(path), np.full(satellite.shape[1], -1)
    assert list(found["satellite_name"][:]) == list(read.case.network.constellation.satellite_name)
    reasons = set()
    for number in range(40):
        slot = read.slot(number, latitude, longitude)
        before = preferred(slot, hand_over, before)
        assert (seen[number] == slot.above.sum(axis=1)).all()
        same(
            authority="brute force",
            what="`openleo plan` with failures: serving satellite of each cell and slot",
            theirs=before,
            ours=satellite[number],
        )
        served = np.flatnonzero(before >= 0)
        expected_ms = 2.0 * slot.middle_km[served, before[served]] / LIGHT_KM_PER_MS + PROCESSING_MS
        compared(
            authority="brute force",
            what="`openleo plan` with failures: RTT of each cell and slot",
            theirs=expected_ms,
            ours=rtt_ms[number, served],
            tolerance=SINGLE_PRECISION_MS,
            unit="ms",
        )
        assert np.isnan(rtt_ms[number, before < 0]).all()
        reasons |= set(np.where(before >= 0, "served", np.where(slot.above.any(axis=1), "no_gateway", "no_satellite")))
    assert reasons >= {"served", "no_satellite"}  # or nothing was compared
    assert isl != "none" or "no_gateway" in reasons
    table = pq.read_table(tmp_path / "out" / "cells.parquet").to_pydict()
    assert table["cell"] == list(found["cell"][:])
    np.testing.assert_allclose(table["can_serve"], (satellite >= 0).mean(axis=0), atol=1e-6)


# --- path ---------------------------------------------------------------------------------------------------------


@cache
def places() -> list[tuple[float, float]]:
    """Some that are the scenario's and some anywhere on Earth."""
    random = np.random.default_rng(11)
    anywhere = zip(np.degrees(np.arcsin(random.uniform(-1, 1, 8))), random.uniform(-180, 180, 8), strict=True)
    near = [(lat + 1.5, lon + 1.5) for lat, lon in CORNERS]
    return [*near, *((round(float(a), 4), round(float(b), 4)) for a, b in anywhere), (90.0, 0.0), (-17.0, 180.0)]


def asked(path: Path, start: tuple[float, float], at: datetime, *end: str) -> dict[str, Any]:
    words = ["path", path, f"--from={start[0]},{start[1]}", f"--at={at:%FT%TZ}", "--json", *end]
    code, said, err = openleo(*words)
    assert code == 0, err
    answer: dict[str, Any] = json.loads(said)
    return answer


def assert_links_hold(read: Read, found: dict[str, Any], out: Out, where: np.ndarray, ends: dict[str, Any]) -> None:
    """Each hop begins where the last one ended, is as long as it says, is not out and is clear of the ground."""
    names = read.case.network.constellation.satellite_name
    number = {name: satellite for satellite, name in enumerate(names)}
    at = {name: on_wgs84(*np.array([place]).T)[0][0] for name, place in ends.items()}
    at |= {name: where[satellite] for name, satellite in number.items()}
    hops = found["hops"]
    assert all(a["to"] == b["from"] for a, b in pairwise(hops) if b["kind"] != "processing")
    for hop in hops:
        if hop["kind"] in ("fibre", "processing"):
            continue
        a, b = at[hop["from"]], at[hop["to"]]
        assert hop["length_km"] == pytest.approx(float(np.linalg.norm(b - a)), abs=2e-6)
        assert hop["delay_ms"] == pytest.approx(hop["length_km"] / LIGHT_KM_PER_MS, abs=LAST_DIGIT_MS)
        assert not {hop["from"], hop["to"]} & out.satellites
        if hop["kind"] == "inter-satellite link":
            assert number[hop["to"]] in read.case.network.topology.neighbours[number[hop["from"]]]
            assert frozenset((hop["from"], hop["to"])) not in out.links
            assert np.linalg.norm(np.linspace(a, b, 2001), axis=1).min() >= A_KM + GRAZING_KM


def elevation_deg(place: tuple[float, float], satellite_km: np.ndarray) -> float:
    return float(sight(np.array([place[0]]), np.array([place[1]]), satellite_km[np.newaxis])[0][0, 0])


def positions(read: Read, at: datetime) -> np.ndarray:
    return ephemeris.positions(read.case.network.constellation, at, 0.0).position_km[0]


@pytest.mark.parametrize(("hand_over", "mask_at", "isl", "seed"), CASES)
def test_path_to_the_internet(hand_over: str, mask_at: str, isl: str, seed: int, tmp_path: Path) -> None:
    read = Read(written(tmp_path, hand_over, mask_at, isl, seed))
    names, network = read.case.network.constellation.satellite_name, read.case.network
    stations = {one.name: (one.latitude_deg, one.longitude_deg) for one in network.gateways.stations}
    pops = {one.name: (one.latitude_deg, one.longitude_deg) for one in network.gateways.pops}
    reached = 0
    for n, place in enumerate(places()):
        number = (7 * n) % 40
        begin = read.case.grid.instant(number)
        slot = read.slot(number, np.array([place[0]]), np.array([place[1]]))
        found = asked(read.path, place, begin + timedelta(seconds=n % 15))
        chosen = int(preferred(slot, hand_over, np.array([-1]))[0])
        if chosen < 0:
            assert (found["rtt_ms"], found["hops"]) == (None, [])
            assert found["why_none"] == ("no_gateway" if slot.above.any() else "no_satellite")
            continue
        reached += 1
        up, down, fibre, processing = found["hops"][0], *found["hops"][-3:]
        assert up["to"] == names[chosen]
        expected_ms = 2.0 * slot.middle_km[0, chosen] / LIGHT_KM_PER_MS + PROCESSING_MS
        assert found["rtt_ms"] == pytest.approx(expected_ms, abs=LAST_DIGIT_MS)
        one_way_ms = sum(hop["delay_ms"] for hop in found["hops"][:-1])
        assert found["rtt_ms"] == pytest.approx(
            2.0 * one_way_ms + processing["delay_ms"], abs=len(found["hops"]) * LAST_DIGIT_MS
        )
        out = read.out(begin, read.case.grid.instant(number + 1))
        middle = begin + timedelta(seconds=7.5)
        assert_links_hold(read, found, out, positions(read, middle), {up["from"]: place, **stations})
        assert down["to"] not in out.gateways
        assert fibre["to"] not in out.pops
        there, here = stations[fibre["from"]], pops[fibre["to"]]
        fibre_km = Geod(ellps="WGS84").inv(there[1], there[0], here[1], here[0])[2] / 1000.0 * DETOUR
        assert fibre["delay_ms"] == pytest.approx(fibre_km * INDEX_OF_GLASS / LIGHT_KM_PER_MS, abs=LAST_DIGIT_MS)
        edges = [middle] if mask_at == "middle" else [begin, begin + timedelta(seconds=15)]
        for where in (positions(read, at) for at in edges):
            assert elevation_deg(place, where[names.index(up["to"])]) >= USER_MASK_DEG
            assert elevation_deg(there, where[names.index(down["from"])]) >= GATEWAY_MASK_DEG
    assert 3 <= reached < len(places()) or isl != "none"


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))])
@pytest.mark.parametrize("isl", ["+grid", "ring"])
def test_path_between_two_places(isl: str, seed: int, tmp_path: Path) -> None:
    read = Read(written(tmp_path, "least_rtt", "middle", isl, seed))
    names = read.case.network.constellation.satellite_name
    reached = 0
    for n, (start, end) in enumerate(zip(places(), [*places()[5:], *places()[:5]], strict=True)):
        at = read.case.grid.start + timedelta(seconds=31 * n)
        out, where = read.out(at), positions(read, at)
        found = asked(read.path, start, at, f"--to={end[0]},{end[1]}")
        a, b = links_in_sight(where, out.of_joined(names, read.case.network.topology.neighbours), GRAZING_KM)
        elevation, distance = sight(*np.array([start, end]).T, where)
        ground_km = np.where((elevation >= USER_MASK_DEG) & out.working(names), distance, np.inf)
        first, last = (np.flatnonzero(np.isfinite(km)) for km in ground_km)
        here, there = len(names), len(names) + 1
        rows = np.concatenate([a, np.full(len(first), here), last])
        columns = np.concatenate([b, first, np.full(len(last), there)])
        lengths = np.concatenate([np.linalg.norm(where[a] - where[b], axis=1), ground_km[0, first], ground_km[1, last]])
        graph = csr_array((lengths, (rows, columns)), shape=(there + 1, there + 1))
        expected_ms = 2.0 * dijkstra(graph, indices=here)[there] / LIGHT_KM_PER_MS
        if not np.isfinite(expected_ms):
            assert (found["rtt_ms"], found["hops"]) == (None, [])
            assert found["why_none"]
            continue
        reached += 1
        assert found["rtt_ms"] == pytest.approx(expected_ms, abs=LAST_DIGIT_MS)
        hops = found["hops"]
        total_ms = 2.0 * sum(hop["delay_ms"] for hop in hops)
        assert found["rtt_ms"] == pytest.approx(total_ms, abs=len(hops) * LAST_DIGIT_MS)
        assert_links_hold(read, found, out, where, {hops[0]["from"]: start, hops[-1]["to"]: end})
        for place, satellite in ((start, hops[0]["to"]), (end, hops[-1]["from"])):
            assert elevation_deg(place, where[names.index(satellite)]) >= USER_MASK_DEG
    assert reached > 0
