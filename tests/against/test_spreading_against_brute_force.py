"""Satellites spread over gateways, against the stated rule in plain Python: `independent.py`'s geometry, scipy's ways.

The rule: who lands is decided with everybody at the nearest gateway. Then, in the order of their numbers and until none
goes, each moves to the gateway that carries fewest of those whose way is at most so much longer, if that is at least
two fewer than its own carries.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from independent import LIGHT_KM_PER_MS, grid_of, sight, starlink_network

from compared import same
from openleo.network.journeys import Point, to_internet
from openleo.network.kernels import links, paths
from openleo.network.reach import Network, gateway_sites, positions_over
from openleo.network.routing import Positions, Routes, routes
from openleo.scenario import Scenario

EXAMPLES = Path(__file__).parents[2] / "examples"
SLOTS = 3


def spread(network: Network, spread_ms: float | None, antennas: tuple[int, ...] = ()) -> Network:
    limits = replace(network.limits, gateway_spread_ms=spread_ms, gateway_antennas=antennas)
    return replace(network, limits=limits)


def decided(network: Network) -> tuple[Positions, Routes]:
    positions = positions_over(network, grid_of(SLOTS), 0, SLOTS)
    with ThreadPoolExecutor(2) as pool:
        return positions, routes(positions, network.gateways, gateway_sites(network), network.topology, pool)


def carried(network: Network, ways: Routes, slot: int) -> np.ndarray:
    """How many satellites land at each gateway."""
    lands = ways.onward[slot] == paths.LANDS_HERE
    return np.bincount(ways.gateway[slot, lands], minlength=len(network.gateways))


def lengths_km(network: Network, position_km: np.ndarray) -> np.ndarray:
    """(gateway, satellite): from the satellite to the PoP, infinite below the mask of 25°."""
    gateways = network.gateways
    elevation, distance = sight(gateways.latitude_deg, gateways.longitude_deg, position_km)
    return np.where(elevation >= 25.0, distance + gateways.fibre_km[:, np.newaxis] * 1.468, np.inf)


def moved(way_km: np.ndarray, gateway: np.ndarray, lands: np.ndarray, most_km: float) -> np.ndarray:
    """The rule, gateway by gateway, satellite by satellite."""
    gateway = gateway.copy()
    near = {s: np.flatnonzero(way_km[:, s] <= way_km[gateway[s], s] + most_km) for s in np.flatnonzero(lands)}
    count = np.bincount(gateway[lands], minlength=len(way_km)).tolist()
    going = True
    while going:
        going = False
        for s, others in near.items():
            _, _, best = min((count[g], way_km[g, s], g) for g in others)
            if count[best] + 1 < count[gateway[s]]:
                count[gateway[s]] -= 1
                count[best] += 1
                gateway[s], going = best, True
    return gateway


@cache
def nearest(isl: str) -> tuple[Network, Positions, Routes]:
    network = starlink_network(isl=isl)
    return network, *decided(network)


@pytest.mark.parametrize("isl", ["+grid", "none"])
@pytest.mark.parametrize("spread_ms", [0.4, 2.0])
def test_the_stated_rule_in_plain_python(isl: str, spread_ms: float) -> None:
    network, positions, before = nearest(isl)
    after = decided(spread(network, spread_ms))[1]
    np.testing.assert_array_equal(after.onward, before.onward)
    for slot in range(SLOTS):
        way_km = lengths_km(network, positions.at_km[slot])
        lands = before.onward[slot] == paths.LANDS_HERE
        assert (before.gateway[slot, lands] == way_km[:, lands].argmin(axis=0)).all()
        expected = moved(way_km, before.gateway[slot], lands, spread_ms * LIGHT_KM_PER_MS)
        same(
            authority="brute force",
            what="gateways of satellites that were spread",
            theirs=expected,
            ours=after.gateway[slot],
        )
        assert (expected != before.gateway[slot]).sum() > 30
        at = np.flatnonzero(lands)
        np.testing.assert_allclose(after.decided_km[slot, at], way_km[expected[at], at], rtol=0.0, atol=1e-6)
        assert np.isfinite(after.decided_km[slot, at]).all()  # nobody lands at a gateway that is not in view


@pytest.mark.parametrize("example", ["taiwan", "taiwan-no-isl"])
def test_gateways_carry_more_alike_and_no_way_is_much_longer(example: str) -> None:
    network = Scenario.load(EXAMPLES / f"{example}.toml").case.network
    _, before = decided(network)
    for spread_ms in (0.5, 2.0):
        _, after = decided(spread(network, spread_ms))
        reached = np.isfinite(before.decided_km)
        longer_km = after.decided_km[reached] - before.decided_km[reached]
        assert longer_km.min() > -1e-6
        assert longer_km.max() <= spread_ms * LIGHT_KM_PER_MS + 1e-6
        np.testing.assert_array_equal(np.isfinite(after.decided_km), reached)
        for slot in range(SLOTS):
            was, now = carried(network, before, slot), carried(network, after, slot)
            assert now.sum() == was.sum()
            assert now.max() <= was.max()
            assert (now**2).sum() < 0.95 * (was**2).sum()


def test_the_most_that_a_gateway_carries_falls_where_there_is_another() -> None:
    """Almaty and Punta Arenas have no second gateway near, and go on carrying all that they see; Japan has five."""
    network = Scenario.load(EXAMPLES / "taiwan.toml").case.network
    in_japan = [number for number, one in enumerate(network.gateways.stations) if one.territory == "JPN"]
    assert len(in_japan) >= 4
    _, before = decided(network)
    _, after = decided(spread(network, 2.0))
    for slot in range(SLOTS):
        was, now = carried(network, before, slot), carried(network, after, slot)
        assert now[in_japan].max() <= 0.85 * was[in_japan].max()


def test_antennas_are_kept_and_nobody_loses_its_gateway() -> None:
    network = starlink_network(isl="none")
    antennas = tuple([3, 1, -1, 8, 2][number % 5] for number in range(len(network.gateways)))
    positions, before = decided(spread(network, None, antennas))
    _, after = decided(spread(network, 3.0, antennas))
    np.testing.assert_array_equal(after.gateway >= 0, before.gateway >= 0)
    assert (after.gateway != before.gateway).any()
    for slot in range(SLOTS):
        held = np.bincount(after.gateway[slot][after.gateway[slot] >= 0], minlength=len(antennas))
        assert all(count <= most for count, most in zip(held, antennas, strict=True) if most >= 0)
        was = carried(network, before, slot)
        assert held.max() <= was.max()
        assert (held**2).sum() < (was**2).sum()
        # The bound counts from the gateway whose antenna a satellite got, which need not be the nearest.
        way_km, at = lengths_km(network, positions.at_km[slot]), np.flatnonzero(after.gateway[slot] >= 0)
        most_km = 3.0 * LIGHT_KM_PER_MS + 1e-6
        now_km = way_km[after.gateway[slot, at], at]
        assert (now_km <= way_km[before.gateway[slot, at], at] + most_km).all()
        assert (now_km > way_km[:, at].min(axis=0) + most_km).any()


def test_a_path_to_the_internet_lands_where_the_satellite_was_sent() -> None:
    network = starlink_network()
    other = spread(network, 5.0)
    positions, ways = decided(other)
    sent = 0
    for longitude in range(-120, 150, 10):
        user = Point("u", 40.0, float(longitude))
        path = to_internet(other, grid_of(SLOTS), user, grid_of(SLOTS).instant(0))
        feeder = next((hop for hop in path.hops if hop.kind == "feeder link"), None)
        if feeder is None:
            continue
        satellite = network.constellation.satellite_name.index(feeder.start)
        assert feeder.end == network.gateways.stations[ways.gateway[0, satellite]].name
        plain = to_internet(network, grid_of(SLOTS), user, grid_of(SLOTS).instant(0))
        sent += plain.hops != path.hops
    assert positions.slots == SLOTS
    assert sent > 3


@st.composite
def landings(draw: st.DrawFn) -> tuple[list[list[int]], list[int], list[int]]:
    """(gateways of each satellite, the shortest first; where each lands; antennas) that start within their antennas."""
    gateways = draw(st.integers(1, 5))
    one = st.lists(st.integers(0, gateways - 1), unique=True, max_size=gateways)
    near = draw(st.lists(one, min_size=1, max_size=14))
    gateway = [draw(st.sampled_from(those)) if those else draw(st.integers(-1, gateways - 1)) for those in near]
    held = [gateway.count(g) for g in range(gateways)]
    spare = draw(st.lists(st.integers(-1, 3), min_size=gateways, max_size=gateways))
    return near, gateway, [-1 if more < 0 else count + more for count, more in zip(held, spare, strict=True)]


@settings(deadline=None, max_examples=200)
@given(landings())
def test_spreading_ends_where_no_move_helps(drawn: tuple[list[list[int]], list[int], list[int]]) -> None:
    near, start, antennas = drawn
    offsets = np.cumsum([0, *map(len, near)])
    site = np.array([g for those in near for g in those], np.int32)
    length_km = np.array([float(100 * s + k) for s, those in enumerate(near) for k in range(len(those))])
    gateway, seed_km = np.array(start, np.int32), np.full(len(start), -1.0)
    links.spread(offsets, site, length_km, np.array(antennas, np.int32), seed_km, gateway)
    may = [s for s, those in enumerate(near) if those]
    was = np.bincount([start[s] for s in may], minlength=len(antennas))
    now = np.bincount(gateway[may], minlength=len(antennas))
    held = np.bincount(gateway[gateway >= 0], minlength=len(antennas))
    assert now.sum() == was.sum()
    assert now.max() <= was.max()
    for s, those in enumerate(near):
        if gateway[s] != start[s]:
            assert seed_km[s] == 100.0 * s + those.index(gateway[s])
        if not those:
            assert gateway[s] == start[s]
        for g in those:
            full = antennas[g] >= 0 and held[g] >= antennas[g]
            assert full or now[g] + 1 >= now[gateway[s]]
    assert all(count <= most for count, most in zip(held, antennas, strict=True) if most >= 0)
