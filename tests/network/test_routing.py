"""Ways from every satellite down to a PoP: what they may use, and that their lengths are those of their hops.

That they are the shortest is compared with scipy and networkx in tests/against.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from openleo.geodesy import ecef_km, look_angles
from openleo.instants import SlotGrid
from openleo.network import topology
from openleo.network.constellation import catalogue
from openleo.network.ground import gateways, stations
from openleo.network.kernels import paths
from openleo.network.reach import Network, gateway_sites, positions_over
from openleo.network.routing import Positions, Routes, routes

GRID = SlotGrid(datetime(2026, 11, 20, tzinfo=UTC), 15.0, 4)
MASKS = ("middle", "both_ends")


@cache
def network(mask_at: str, isl: str = "+grid") -> Network:
    constellation = catalogue.load("starlink-gen1").constellation()
    ground = [stations.read("starlink-2026", kind, Path(), "", "")[0] for kind in ("gateways", "pops")]
    links = topology.build(constellation, isl)
    return Network(constellation, links, gateways.join(*ground, 1.5), 25.0, 25.0, mask_at, "least_rtt", 11.0)


def decided(network: Network, positions: Positions) -> Routes:
    with ThreadPoolExecutor(2) as pool:
        return routes(positions, network.gateways, gateway_sites(network), network.topology, pool)


@pytest.mark.parametrize("mask_at", MASKS)
def test_a_way_is_as_long_as_its_hops_at_mid_slot(mask_at: str) -> None:
    positions = positions_over(network(mask_at), GRID, 0, GRID.slots)
    ways = decided(network(mask_at), positions)
    ground = network(mask_at).gateways
    station_km = ecef_km(ground.latitude_deg, ground.longitude_deg)
    for slot in range(GRID.slots):
        where = positions.middle_km[slot]
        for satellite in range(0, 4408, 37):
            here, total = satellite, 0.0
            while ways.onward[slot, here] >= 0:
                onward = ways.onward[slot, here]
                assert onward in network(mask_at).topology.neighbours[here]
                total += np.linalg.norm(where[onward] - where[here])
                here = onward
            if ways.onward[slot, here] == paths.NO_WAY:
                total = np.inf
            else:
                gateway = ways.gateway[slot, here]
                total += np.linalg.norm(where[here] - station_km[gateway]) + ground.fibre_km[gateway] * 1.468
            assert ways.middle_km[slot, satellite] == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("mask_at", MASKS)
def test_every_feeder_link_is_above_its_mask_when_it_must_be(mask_at: str) -> None:
    positions = positions_over(network(mask_at), GRID, 0, GRID.slots)
    ways = decided(network(mask_at), positions)
    ground = network(mask_at).gateways
    for slot in range(GRID.slots):
        (fed,) = np.nonzero(ways.gateway[slot] >= 0)
        assert len(fed) > 100
        gateway = ways.gateway[slot, fed]
        for where in positions.at_km[slot : slot + (2 if mask_at == "both_ends" else 1)]:
            _, elevation, _ = look_angles(ground.latitude_deg[gateway], ground.longitude_deg[gateway], where[fed])
            assert elevation.min() >= 25.0 - 1e-9


@pytest.mark.parametrize("mask_at", MASKS)
def test_every_link_on_a_way_clears_the_air_when_it_must(mask_at: str) -> None:
    """With `both_ends` throughout its slot: polar satellites 45 degrees apart graze the air near the equator."""
    positions = positions_over(network(mask_at), GRID, 0, 40)
    ways = decided(network(mask_at), positions)
    share = np.linspace(0.0, 1.0, 501)[:, np.newaxis, np.newaxis]
    long_ones = 0
    for slot in range(40):
        here = np.flatnonzero(ways.onward[slot] >= 0)
        there = ways.onward[slot, here]
        moments = [positions.middle_km[slot]]
        moments += [*positions.at_km[slot : slot + 2]] if mask_at == "both_ends" else []
        for where in moments:
            far = np.linalg.norm(where[there] - where[here], axis=1) > 4000.0  # others are clear by far
            a, b = where[here[far]], where[there[far]]
            long_ones += len(a)
            assert np.linalg.norm(a + share * (b - a), axis=-1).min(initial=np.inf) >= 6378.137 + 80.0
    assert long_ones > 0


def test_unusable_satellites_are_never_used() -> None:
    whole = positions_over(network("middle"), GRID, 0, GRID.slots)
    out = np.random.default_rng(6).random(whole.usable.shape) < 0.4
    ways = decided(network("middle"), replace(whole, usable=whole.usable & ~out))
    assert np.isinf(ways.decided_km[out]).all()
    assert np.isinf(ways.middle_km[out]).all()
    assert (ways.gateway[out] == -1).all()
    assert (ways.onward[out] == paths.NO_WAY).all()
    for slot in range(GRID.slots):
        onward = ways.onward[slot]
        assert not out[slot, onward[onward >= 0]].any()
        listed = ways.order[slot, : ways.first[slot, -1]]
        assert set(listed.tolist()) == set(np.flatnonzero(~out[slot]).tolist())
    # A lost satellite shortens nobody's way.
    assert (ways.decided_km >= decided(network("middle"), whole).decided_km).all()


def test_without_links_a_satellite_lands_itself_or_not_at_all() -> None:
    bent = network("middle", "none")
    ways = decided(bent, positions_over(bent, GRID, 0, 1))
    assert set(np.unique(ways.onward)) == {paths.LANDS_HERE, paths.NO_WAY}
    assert ((ways.onward == paths.LANDS_HERE) == (ways.gateway >= 0)).all()


def test_links_only_shorten_ways() -> None:
    positions = positions_over(network("middle"), GRID, 0, 2)
    joined, bent = decided(network("middle"), positions), decided(network("middle", "none"), positions)
    assert (joined.decided_km <= bent.decided_km).all()
    assert np.isfinite(joined.decided_km).sum() > np.isfinite(bent.decided_km).sum()


def test_slots_do_not_depend_on_the_company_they_are_routed_in() -> None:
    together = decided(network("both_ends"), positions_over(network("both_ends"), GRID, 0, 4))
    for slot in range(4):
        apart = decided(network("both_ends"), positions_over(network("both_ends"), GRID, slot, 1))
        assert (apart.decided_km[0] == together.decided_km[slot]).all()
        assert (apart.middle_km[0] == together.middle_km[slot]).all()
        assert (apart.onward[0] == together.onward[slot]).all()
