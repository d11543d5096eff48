"""Sweeps in whole steps against scipy's Dijkstra on the same graph, with links failed at random and links added."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from compared import apart
from openleo.geodesy import ecef_km, look_angles, up
from openleo.network import ephemeris, topology
from openleo.network import pairs as pairs_network
from openleo.network.admission import NO_CONDITIONS
from openleo.network.constellation import Constellation, catalogue, from_shells
from openleo.network.constellation.shells import Shell
from openleo.network.kernels import pairs as sweeps
from openleo.network.kernels import torus
from openleo.network.pairs import (
    ByElevation,
    ByRange,
    Places,
    Sky,
    ground_links,
    lengths_between,
    rtt_between,
    times_between,
)

START = datetime(2026, 11, 20, tzinfo=UTC)
HALF_STEP_MS = 1.0 / torus.STEPS_PER_KM / 299.792458  # half a step, there and back
SITES = np.array(
    [(51.5, -0.1), (40.7, -74.0), (35.7, 139.7), (-33.9, 151.2), (64.1, -21.9), (1.35, 103.8), (-54.8, -68.3)]
)
PLACES = Places(tuple("ABCDEFG"), ecef_km(*SITES.T), up(*SITES.T))


def settled(graph: topology.Topology, length_km: np.ndarray, sources: list[int], seed_km: float) -> np.ndarray:
    """Distances from satellites that each are under one source, in km; axes (satellite, source)."""
    assert graph.orders is not None
    steps = np.empty(length_km.shape, np.uint32)
    torus.in_steps(length_km, steps)
    offsets = np.arange(len(sources) + 1, dtype=np.int64)
    distance = np.empty((len(length_km), -(-len(sources) // 8) * 8), np.uint32)
    torus.seed(0, offsets, np.array(sources, np.int32), np.full(len(sources), seed_km), distance)
    torus.settle(graph.orders, graph.neighbours, steps, distance)
    found = distance[:, : len(sources)] / torus.STEPS_PER_KM
    found[distance[:, : len(sources)] >= torus.FAR] = np.inf
    return found


@given(
    planes=st.integers(3, 14), per_plane=st.integers(3, 14), star=st.booleans(), failed=st.floats(0.0, 0.6),
    extra=st.integers(0, 3), seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
@settings(deadline=None, max_examples=60)
def test_any_lengths_failures_and_extra_links(
    planes: int, per_plane: int, star: bool, failed: float, extra: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    phasing = int(random.integers(planes))
    shell = Shell("a", 900.0, 60.0, planes, per_plane, phasing, raan_span_deg=180.0 if star else 360.0)
    graph = topology.build(from_shells("a", START, [shell]), "+grid")
    n = planes * per_plane
    more = random.integers(-1, n, (n, extra)).astype(np.int32)
    more[more == np.arange(n)[:, np.newaxis]] = -1
    neighbours = np.concatenate([graph.neighbours, more], axis=1)
    length_km = random.uniform(1.0, 1000.0, neighbours.shape)
    length_km[(neighbours < 0) | (random.random(neighbours.shape) < failed)] = np.inf
    sources = random.integers(0, n, 11).tolist()
    at, k = np.nonzero(np.isfinite(length_km))
    # Satellites pull: a link leads from the neighbour to the satellite. Of twins the shorter counts.
    shortest = np.full((n, n), np.inf)
    np.minimum.at(shortest, (neighbours[at, k], at), length_km[at, k])
    expected = dijkstra(csr_matrix(np.where(np.isfinite(shortest), shortest, 0.0)), indices=sources).T + 5.0
    found = settled(topology.Topology(neighbours, orders=graph.orders), length_km, sources, 5.0)
    assert np.array_equal(np.isfinite(found), np.isfinite(expected))
    reached = np.isfinite(expected)
    apart(
        authority="scipy",
        what="shortest ways in whole steps, over the half step a link that rounding allows",
        apart=np.abs(found[reached] - expected[reached]) / ((n + 1) * 0.5 / torus.STEPS_PER_KM),
        tolerance=1.0,
        unit="of what is allowed",
    )


@pytest.mark.parametrize("system", ["starlink-gen1", "oneweb", "kuiper"])
def test_times_equal_those_with_hops(system: str) -> None:
    constellation = catalogue.load(system).constellation()
    sky = Sky(constellation, topology.build(constellation, "+grid"), ByElevation(10.0))
    seconds = [0.0, 15.0, 777.0]
    quick = list(times_between(sky, PLACES, START, seconds))
    for found, exact in zip(quick, rtt_between(sky, PLACES, START, seconds), strict=True):
        assert np.array_equal(np.isfinite(found), np.isfinite(exact.rtt_ms))
        reached = np.isfinite(found)
        apart_ms = np.abs(found[reached] - exact.rtt_ms[reached])
        assert (apart_ms <= HALF_STEP_MS * (exact.hops[reached] + 4)).all()  # another way may be as short, and longer


def test_a_way_too_long_for_steps_is_found_all_the_same() -> None:
    """A ring of satellites cut open: the way from one end to the other is longer than 33,554 km."""
    shell = Shell("ring", 1400.0, 0.0, planes=1, per_plane=24, phasing=0)
    constellation = from_shells("ring", START, [shell])
    graph = topology.build(constellation, "+grid")
    neighbours = graph.neighbours.copy()
    neighbours[0, topology.BEHIND] = neighbours[23, topology.AHEAD] = -1
    cut = topology.Topology(neighbours, lowest_km=0.0, orders=graph.orders)
    position = ephemeris.positions(constellation, START, 0.0).position_km[0]
    longitude = np.degrees(np.arctan2(position[[0, 23], 1], position[[0, 23], 0]))
    ends = Places(("first", "last"), ecef_km(np.zeros(2), longitude), up(np.zeros(2), longitude))
    found = lengths_between(Sky(constellation, cut, ByElevation(60.0)), ends, position, np.ones(24, bool))
    link = np.linalg.norm(position[1] - position[0])
    assert 23 * link > torus.FAR / torus.STEPS_PER_KM
    assert found[0, 1] == pytest.approx(23 * link + 2 * 1400.0, rel=1e-6)


@given(
    altitude=st.floats(300.0, 5_700.0), inclination=st.floats(0.0, 98.0), latitude=st.floats(-90.0, 90.0),
    longitude=st.floats(-180.0, 180.0), mask=st.floats(0.0, 90.0), reach=st.floats(200.0, 9_000.0),
    out=st.floats(0.0, 0.5), height=st.floats(-0.4, 30.0),
)  # fmt: skip
@settings(deadline=None, max_examples=150)
def test_ground_links_against_look_angles(
    altitude: float, inclination: float, latitude: float, longitude: float, mask: float, reach: float, out: float,
    height: float,
) -> None:  # fmt: skip
    """By elevation, by range, and by both, against pyproj's ellipsoid in `look_angles`."""
    constellation = from_shells("a", START, [Shell("a", altitude, inclination, planes=9, per_plane=13, phasing=2)])
    position = ephemeris.positions(constellation, START, 0.0).position_km[0]
    usable = np.random.default_rng(1).random(len(position)) >= out
    place = up(np.array([latitude]), np.array([longitude]))
    site = ecef_km(np.array([latitude]), np.array([longitude])) + height * place
    sight = position - site
    distance = np.linalg.norm(sight, axis=1)
    elevation = np.degrees(np.arcsin(np.clip(sight @ place[0] / distance, -1.0, 1.0)))
    for sine_mask, range_km in ((np.sin(np.radians(mask)), np.inf), (-1.0, reach), (np.sin(np.radians(mask)), reach)):
        least_deg = np.degrees(np.arcsin(sine_mask)) if sine_mask > -1.0 else -91.0
        near_edge = (np.abs(elevation - least_deg) < 1e-9) | (np.abs(distance - range_km) < 1e-9)
        expected = np.flatnonzero((elevation >= least_deg) & (distance <= range_km) & usable & ~near_edge)
        offsets, satellite, length = np.empty(2, np.int64), np.empty(200, np.int32), np.empty(200)
        count = sweeps.ground_links(
            site, place, sine_mask, NO_CONDITIONS, range_km, position, usable, offsets, satellite, length
        )
        found = satellite[:count]
        assert np.array_equal(found[~near_edge[found]], expected)
        assert np.allclose(length[:count], distance[found], rtol=1e-12)


def test_the_same_for_any_number_of_threads() -> None:
    constellation = catalogue.load("starlink-gen1").constellation()
    sky = Sky(constellation, topology.build(constellation, "+grid"), ByElevation(25.0))
    seconds = [15.0 * slot for slot in range(150)]
    one, three = (np.stack(list(times_between(sky, PLACES, START, seconds, threads))) for threads in (1, 3))
    assert np.array_equal(one, three)


def test_ground_links_of_hypatia_reach_below_the_horizon() -> None:
    """Admitted by range alone, a satellite may stand below the horizon (notes on conventions)."""
    constellation: Constellation = catalogue.load("oneweb").constellation()
    position = ephemeris.positions(constellation, START, 0.0).position_km[0]
    sky = Sky(constellation, topology.build(constellation, "none"), ByRange(4_800.0))
    offsets, satellite, _ = ground_links(sky, PLACES, position, np.ones(len(position), bool))
    lowest = 90.0
    for place, (latitude, longitude) in enumerate(SITES):
        _, elevation, distance = look_angles(latitude, longitude, position)
        mine = satellite[offsets[place] : offsets[place + 1]]
        assert np.array_equal(mine, np.flatnonzero(distance <= 4_800.0))
        lowest = min(lowest, float(elevation[mine].min()))
    assert lowest < 0.0


@pytest.mark.parametrize("high_km", [33_554.0 - 6_378.0, 36_000.0, 70_000.0, 500_000.0])
def test_satellites_farther_than_steps_can_say(high_km: float) -> None:
    """A shell so high that a link, or a way, is 2³¹ steps or more: the lengths are those of the sweeps."""
    high = Shell("high", high_km, 60.0, planes=5, per_plane=6, phasing=1)
    low = Shell("low", 1_200.0, 60.0, planes=5, per_plane=6, phasing=1)
    for shells in ([high], [low, high]):
        constellation = from_shells("a", START, shells)
        sky = Sky(constellation, topology.build(constellation, "+grid"), ByElevation(10.0))
        position_km = ephemeris.positions(constellation, START, 0.0).position_km[0]
        usable = np.ones(len(position_km), bool)
        exact = pairs_network.shortest(sky, PLACES, position_km, usable, with_links=False)[0]
        found = lengths_between(sky, PLACES, position_km, usable)
        np.testing.assert_array_equal(np.isinf(found), np.isinf(exact))
        assert np.isfinite(exact).any()
        there = np.isfinite(exact)
        np.testing.assert_allclose(found[there], exact[there], rtol=0.0, atol=20.0 / torus.STEPS_PER_KM)
