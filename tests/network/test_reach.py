"""Reach over a run of slots: the same on any number of threads and in chunks of any size.

Who serves and how far away the Internet is are compared with brute force in tests/against.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import sgp4

from openleo import cells as h3cells
from openleo.instants import SlotGrid
from openleo.network import reach as reach_module
from openleo.network import topology
from openleo.network.constellation import catalogue, from_elements
from openleo.network.constellation.elements import read_elements
from openleo.network.ground import gateways, stations
from openleo.network.reach import (
    HAND_OVER_POLICIES,
    MASK_AT,
    Network,
    Reach,
    cell_users,
    place_users,
    reach,
    rtt_ms,
)

START = datetime(2026, 11, 20, tzinfo=UTC)
GRID = SlotGrid(START, 15.0, 24)


@cache
def network(mask_at: str = "middle", hand_over: str = "least_change", isl: str = "none") -> Network:
    constellation = catalogue.load("starlink-gen1").constellation()
    ground = [stations.read("starlink-2026", kind, Path(), "", "")[0] for kind in ("gateways", "pops")]
    links = topology.build(constellation, isl)
    return Network(constellation, links, gateways.join(*ground, 1.5), 25.0, 25.0, mask_at, hand_over, 11.0)


@cache
def cells() -> np.ndarray:
    return h3cells.world(1)


def joined(chunks: Iterable[Reach]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    found = list(chunks)
    assert [chunk.first_slot for chunk in found] == list(
        np.cumsum([0, *(len(chunk.seen) for chunk in found)])[:-1]
    )  # slot after slot, none left out
    return tuple(np.concatenate([getattr(chunk, name) for chunk in found]) for name in ("satellite", "rtt_ms", "seen"))  # type: ignore[return-value]


def over(network: Network, threads: int = 2, grid: SlotGrid = GRID) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return joined(reach(network, grid, cell_users(network, cells()), threads))


def same_bytes(one: tuple[np.ndarray, ...], other: tuple[np.ndarray, ...]) -> bool:
    return all(a.tobytes() == b.tobytes() and a.dtype == b.dtype for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("mask_at", MASK_AT)
@pytest.mark.parametrize("hand_over", HAND_OVER_POLICIES)
def test_the_same_bytes_on_one_two_and_three_threads(hand_over: str, mask_at: str) -> None:
    once = over(network(mask_at, hand_over), threads=1)
    assert same_bytes(once, over(network(mask_at, hand_over), threads=2))
    assert same_bytes(once, over(network(mask_at, hand_over), threads=3))


@pytest.mark.parametrize("mask_at", MASK_AT)
@pytest.mark.parametrize("hand_over", HAND_OVER_POLICIES)
def test_the_size_of_chunks_does_not_matter(hand_over: str, mask_at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = over(network(mask_at, hand_over))
    for slots in (1, 7):
        monkeypatch.setattr(reach_module, "MOST_SLOTS_IN_CHUNK", slots)
        assert same_bytes(at_once, over(network(mask_at, hand_over)))


def test_the_same_bytes_in_chunks_with_inter_satellite_links(monkeypatch: pytest.MonkeyPatch) -> None:
    joined_up = network("middle", "least_rtt", "+grid")
    at_once = over(joined_up, threads=3)
    monkeypatch.setattr(reach_module, "MOST_SLOTS_IN_CHUNK", 7)
    assert same_bytes(at_once, over(joined_up, threads=1))


def test_slots_do_not_depend_on_where_the_run_started() -> None:
    whole = over(network(hand_over="least_rtt"))
    later = SlotGrid(GRID.instant(10), 15.0, 14)
    part = over(network(hand_over="least_rtt"), grid=later)
    assert (part[0] == whole[0][10:]).all()
    np.testing.assert_allclose(part[1], whole[1][10:], rtol=1e-6)


def test_sites_answer_in_the_order_they_were_given_in() -> None:
    latitude, longitude = h3cells.centres_deg(cells())
    shuffle = np.random.default_rng(3).permutation(len(cells()))
    places = joined(reach(network(), GRID, place_users(network(), latitude[shuffle], longitude[shuffle]), 2))
    in_cells = over(network())
    assert (places[0] == in_cells[0][:, shuffle]).all()
    assert (places[2] == in_cells[2][:, shuffle]).all()
    np.testing.assert_allclose(places[1], in_cells[1][:, shuffle], rtol=1e-6)


def test_a_site_is_served_or_has_no_time_and_serves_only_from_what_it_sees() -> None:
    satellite, time_ms, seen = over(network())
    assert ((satellite >= 0) == np.isfinite(time_ms)).all()
    assert (seen[satellite >= 0] > 0).all()
    assert (satellite < 4408).all()
    assert (seen >= 0).all()


def test_least_change_hands_over_less_than_least_rtt_and_is_never_quicker() -> None:
    steady, quick = over(network("middle", "least_change")), over(network("middle", "least_rtt"))
    assert ((steady[0] >= 0) == (quick[0] >= 0)).all()
    assert (np.diff(steady[0], axis=0) != 0).sum() < (np.diff(quick[0], axis=0) != 0).sum()
    # In the middle of a slot it is decided and measured at one instant.
    served = steady[0] >= 0
    assert (steady[1][served] >= quick[1][served]).all()


@pytest.mark.parametrize("hand_over", HAND_OVER_POLICIES)
def test_no_policy_decides_whether_a_site_can_be_served(hand_over: str) -> None:
    assert ((over(network("middle", hand_over))[0] >= 0) == (over(network("middle", "highest"))[0] >= 0)).all()


def test_round_trips_are_light_there_and_back_and_processing_once() -> None:
    assert rtt_ms(np.array([299.792458, np.inf]), 11.0).tolist() == [13.0, np.inf]
    assert rtt_ms(np.zeros(1, np.float32), 0.5).dtype == np.float32
    quick, slow = over(network()), over(replace(network(), processing_ms=21.0))
    served = quick[0] >= 0
    np.testing.assert_allclose(slow[1][served] - quick[1][served], 10.0, atol=1e-4)
    assert (slow[0] == quick[0]).all()


def test_a_satellite_that_is_lost_serves_nobody_from_then_on_and_is_named(tmp_path: Path) -> None:
    # SGP4-VER: 28872 is sub-orbital and lost within 50 minutes; 06251 goes on.
    lines = (Path(sgp4.__file__).parent / "SGP4-VER.TLE").read_text().splitlines()
    path = tmp_path / "two.tle"
    path.write_text("\n".join(line[:69] for line in lines if line[:1] in "12" and line[2:7] in ("28872", "06251")))
    sets = read_elements(path)
    constellation = from_elements("two", sets)
    lost = constellation.satellite_id.tolist().index(28872)
    grid = SlotGrid(sets.sets[lost].epoch, 60.0, 70)
    open_sky = replace(
        network(hand_over="highest"),
        constellation=constellation,
        topology=topology.build(constellation, "none"),
        user_elevation_deg=0.0,
        gateway_elevation_deg=0.0,
    )
    chunks = list(reach(open_sky, grid, cell_users(open_sky, cells()), 2))
    failures = [failure for chunk in chunks for failure in chunk.failures]
    assert {failure.satellite for failure in failures} == {lost}
    first_lost = int((failures[0].at - grid.start) / timedelta(seconds=60.0))
    satellite, _, seen = joined(chunks)
    assert (satellite[:first_lost] == lost).any() or (seen[:first_lost] > 0).any()
    assert (satellite[first_lost:] != lost).all()
    assert (seen[first_lost:] <= 1).all()


@pytest.mark.parametrize("isl", ["none", "+grid"])
def test_traffic_lands_where_the_way_of_its_satellite_ends(isl: str) -> None:
    """By following each way satellite after satellite."""
    one = network(isl=isl)
    for chunk, _, ways in reach_module.reach_and_ways(one, replace(GRID, slots=3), cell_users(one, cells()), 1):
        for slot, site in np.ndindex(chunk.satellite.shape):
            at = int(chunk.satellite[slot, site])
            if at < 0:
                assert (chunk.gateway[slot, site], chunk.pop[slot, site]) == (-1, -1)
                continue
            while ways.onward[slot, at] >= 0:
                at = int(ways.onward[slot, at])
            assert chunk.gateway[slot, site] == ways.gateway[slot, at] >= 0
            assert chunk.pop[slot, site] == one.gateways.pop[ways.gateway[slot, at]]
