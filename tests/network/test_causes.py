"""Causes: altitudes against SGP4's own positions, circles against pyproj, ways over things against scipy's Dijkstra."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from sgp4.api import Satrec

from openleo.instants import SlotGrid
from openleo.network import causes, topology
from openleo.network.causes import Span
from openleo.network.constellation import from_elements, from_shells
from openleo.network.constellation.elements import read_elements
from openleo.network.constellation.shells import Shell
from openleo.network.failures import Outage, satellite_names
from openleo.network.ground import gateways, stations
from openleo.network.kernels import paths
from openleo.network.loads import loads, over_satellites
from openleo.network.reach import Network, gateway_sites, positions_over
from openleo.network.routing import routes
from openleo.units import EARTH_RADIUS_KM

START = datetime(2026, 11, 20, tzinfo=UTC)
ALWAYS = Span()
# The International Space Station on 2014-01-20, from Skyfield's documentation: some 420 km up.
ISS = (
    "1 25544U 98067A   14020.93268519  .00009878  00000-0  18200-3 0  5082",
    "2 25544  51.6498 109.4756 0003572  55.9686 274.8005 15.49815350868473",
)
SHELLS = [Shell("low", 340.0, 53.0, 6, 8, 1), Shell("mid", 540.0, 60.0, 8, 8, 3), Shell("high", 560.0, 80.0, 5, 6, 1)]
TEN_KM = 10.0  # SGP4's radius swings so far about the mean semi-major axis


def shells() -> object:
    return from_shells("t", START, SHELLS)


def names(outages: list[Outage], kind: str = "satellite") -> set[str]:
    return {one.name for one in outages if one.kind == kind}


# --- storm and debris ---------------------------------------------------------------------------------------------


def test_altitude_of_an_element_set_against_positions_of_sgp4(tmp_path: Path) -> None:
    path = tmp_path / "iss.tle"
    path.write_text("ISS\n" + "\n".join(ISS) + "\n")
    sets = from_elements("iss", read_elements(path))
    satellite = Satrec.twoline2rv(*ISS)
    minutes = np.linspace(0.0, 24 * 60.0, 1000)
    jd = satellite.jdsatepoch + (satellite.jdsatepochF + minutes / 1440.0)
    _, position_km, _ = satellite.sgp4_array(jd, np.zeros(len(jd)))
    flown_km = np.linalg.norm(position_km, axis=1).mean() - EARTH_RADIUS_KM
    assert causes.altitudes_km(sets)[0] == pytest.approx(flown_km, abs=TEN_KM)
    assert causes.altitudes_km(sets)[0] == pytest.approx(420.0, abs=TEN_KM)


def test_a_storm_takes_shells_by_their_filed_altitude() -> None:
    outages, within = causes.storm(1, shells(), [(350.0, 1.0), (550.0, 0.0)], ALWAYS)
    assert names(outages) == {name for name in satellite_names(shells()) if name.startswith("low")}
    assert within == 6 * 8 + 8 * 8


@given(seed=st.integers(0, 2**32), shares=st.lists(st.floats(0.0, 1.0), min_size=2, max_size=2).map(sorted))
def test_a_worse_storm_loses_all_that_a_milder_one_does(seed: int, shares: list[float]) -> None:
    two = zip((400.0, 600.0), shares, strict=True)
    mild, worse = (names(causes.storm(seed, shells(), [(km, share)], ALWAYS)[0]) for km, share in two)
    assert mild <= worse


def test_the_share_lost_is_the_share_asked_for() -> None:
    draws = [causes.uniform(seed, "storm", name) < 0.3 for seed in range(40) for name in satellite_names(shells())]
    assert np.mean(draws) == pytest.approx(0.3, abs=4.0 * np.sqrt(0.21 / len(draws)))  # four sigma


def test_debris_takes_a_plane_and_what_flies_near_it() -> None:
    all_near = causes.debris(1, shells(), ["mid p0"], 30.0, 1.0, ALWAYS)
    assert names(all_near, "plane") == {"mid p0"}
    own = {name for name in satellite_names(shells()) if name.startswith("mid p0")}
    near = {name for name in satellite_names(shells()) if not name.startswith("low")}
    assert names(all_near) == near - own
    assert not names(causes.debris(1, shells(), ["mid p0"], 0.0, 0.0, ALWAYS))


@given(seed=st.integers(0, 2**32), few=st.integers(0, 18), more=st.integers(0, 18))
def test_more_planes_hold_those_of_fewer(seed: int, few: int, more: int) -> None:
    few, more = sorted((few, more))
    some, others = (names(causes.debris(seed, shells(), n, 0.0, 0.0, ALWAYS), "plane") for n in (few, more))
    assert some <= others
    assert (len(some), len(others)) == (few, more)


# --- regions and the control plane --------------------------------------------------------------------------------


def test_what_a_circle_holds_against_pyproj() -> None:
    listed = stations.read("starlink-2026", "gateways", Path(), "", "")[0]
    geod = Geod(ellps="WGS84")
    inside = [s.name for s in listed if geod.inv(139.7, 35.7, s.longitude_deg, s.latitude_deg)[2] <= 900e3]
    assert causes.within(listed, 35.7, 139.7, 900.0) == inside
    assert 0 < len(inside) < len(listed)


def test_reserve_puts_the_outage_off() -> None:
    span = Span(START, START + timedelta(hours=6))
    assert causes.region({"gateway": ["A"]}, span, 4.0) == [
        Outage("gateway", "A", START + timedelta(hours=4), span.end)
    ]
    assert causes.region({"gateway": ["A"]}, span, 6.0) == []
    assert causes.region({"gateway": ["A"], "pop": ["B"]}, ALWAYS, 6.0) == [Outage("gateway", "A"), Outage("pop", "B")]


def test_leases_put_the_end_of_service_off() -> None:
    span = Span(START, START + timedelta(minutes=5))
    assert causes.control(["A", "B"], span, 60.0) == [
        Outage("pop", name, START + timedelta(minutes=1), span.end) for name in "AB"
    ]
    assert causes.control(["A"], span, 300.0) == []


# --- what most hangs on -------------------------------------------------------------------------------------------


def network(isl: str) -> Network:
    constellation = from_shells("t", START, [Shell("a", 1100.0, 60.0, 12, 16, 5)])
    lists = [stations.read("starlink-2026", kind, Path(), "", "")[0] for kind in ("gateways", "pops")]
    joined = gateways.join(lists[0][::8], lists[1][::9], 1.5)
    return Network(constellation, topology.build(constellation, isl), joined, 20.0, 15.0, "middle", "least_rtt", 11.0)


def test_ways_over_satellites_against_scipys_dijkstra() -> None:
    of, grid = network("+grid"), SlotGrid(START, 15.0, 1)
    positions = positions_over(of, grid, 0, 1)
    with ThreadPoolExecutor(1) as pool:
        straight = routes(positions, of.gateways, gateway_sites(of), network("none").topology, pool)
        ways = routes(positions, of.gateways, gateway_sites(of), of.topology, pool)
    n, neighbours = of.constellation.satellites, of.topology.neighbours
    length_km = of.topology.lengths_km(positions.at_km[0], positions.usable[0])
    here, k = np.nonzero(np.isfinite(length_km))
    lands = np.flatnonzero(np.isfinite(straight.decided_km[0]))
    rows = np.concatenate([here, np.full(len(lands), n)])
    columns = np.concatenate([neighbours[here, k], lands])
    values = np.concatenate([length_km[here, k], straight.decided_km[0, lands]])
    graph = csr_matrix((values, (rows, columns)), shape=(n + 1, n + 1))
    distance, before = dijkstra(graph, indices=n, return_predecessors=True)
    expected = np.zeros(n + 1)
    for one in np.flatnonzero(np.isfinite(distance[:n])):
        while one != n:
            expected[one] += 1
            one = before[one]
    over, landed = over_satellites(np.ones(n), ways, 0, len(of.gateways))
    assert over.tolist() == expected[:n].tolist()
    assert over.max() > 1
    assert landed.sum() == over[ways.onward[0] == paths.LANDS_HERE].sum() == np.isfinite(distance[:n]).sum()


def test_loads_of_gateways_and_pops_are_all_satellites_with_a_way() -> None:
    of, grid = network("none"), SlotGrid(START, 60.0, 3)
    by_gateway, by_pop, by_plane = (loads(of, grid, kind) for kind in ("gateway", "pop", "plane"))
    by_satellite = loads(of, grid, "satellite")
    assert sum(by_gateway.values()) == sum(by_pop.values()) == sum(by_plane.values()) == sum(by_satellite.values()) > 0
    assert max(by_satellite.values()) <= 3  # without links each carries its own way alone
    home = {s.name: of.gateways.pops[p].name for s, p in zip(of.gateways.stations, of.gateways.pop, strict=True)}
    for pop, load in by_pop.items():
        assert load == sum(carried for name, carried in by_gateway.items() if home[name] == pop)


@given(load=st.dictionaries(st.text("abc", max_size=3), st.integers(0, 3)), number=st.integers(0, 8))
def test_targets_are_the_greatest_and_nested(load: dict[str, float], number: int) -> None:
    chosen = [one.name for one in causes.targeted("gateway", load, number, ALWAYS)]
    assert chosen == [one.name for one in causes.targeted("gateway", load, number + 1, ALWAYS)][: len(chosen)]
    left = [load[name] for name in load if name not in chosen]
    assert not left or not chosen or min(load[name] for name in chosen) >= max(left)
