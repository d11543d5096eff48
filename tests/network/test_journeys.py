"""A single user's view against the whole run's: one network, one answer.

Paths and passes are compared with networkx, skyfield and brute force in tests/against.
"""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from openleo.errors import InputError
from openleo.instants import SlotGrid
from openleo.network import journeys, topology
from openleo.network.admission import GroundLimits
from openleo.network.constellation import catalogue
from openleo.network.failures import Drawn, Failures, Outage, resolve
from openleo.network.ground import gateways, stations
from openleo.network.ground.tracks import Track
from openleo.network.journeys import Point
from openleo.network.kernels import paths
from openleo.network.reach import (
    HAND_OVER_POLICIES,
    MASK_AT,
    Network,
    gateway_sites,
    place_users,
    positions_over,
    reach,
)
from openleo.network.routing import routes

GRID = SlotGrid(datetime(2026, 11, 20, tzinfo=UTC), 15.0, 40)
TAIPEI, NAHA, PAPEETE = Point("Taipei", 25.03, 121.56), Point("Naha", 26.21, 127.68), Point("Papeete", -17.54, -149.57)
MID_PACIFIC, POLE = Point("0,-140", 0.0, -140.0), Point("north pole", 90.0, 0.0)
PLACES = (TAIPEI, NAHA, PAPEETE, MID_PACIFIC, POLE)
TO_A_MICROSECOND = 1e-3


@cache
def network(mask_at: str = "middle", hand_over: str = "least_rtt", isl: str = "none", only: str = "") -> Network:
    constellation = catalogue.load("starlink-gen1").constellation()
    ground = [stations.read("starlink-2026", kind, Path(), "", "")[0] for kind in ("gateways", "pops")]
    if only:
        ground[0] = tuple(station for station in ground[0] if station.territory == only)
    links = topology.build(constellation, isl)
    return Network(constellation, links, gateways.join(*ground, 1.5), 25.0, 25.0, mask_at, hand_over, 11.0)


def reached(network: Network, place: Point, grid: SlotGrid = GRID) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(satellite, rtt_ms, seen) of one place, axes (slot,)."""
    site = place_users(network, np.array([place.latitude_deg]), np.array([place.longitude_deg]))
    chunks = list(reach(network, grid, site, 1))
    return tuple(
        np.concatenate([getattr(one, name)[:, 0] for one in chunks]) for name in ("satellite", "rtt_ms", "seen")
    )  # type: ignore[return-value]


@pytest.mark.parametrize("isl", topology.PATTERNS)
@pytest.mark.parametrize("mask_at", MASK_AT)
@pytest.mark.parametrize("hand_over", ["highest", "least_rtt", "longest_remaining"])
def test_to_internet_is_what_reach_gives_for_that_place_and_slot(hand_over: str, mask_at: str, isl: str) -> None:
    one = network(mask_at, hand_over, isl)
    grid = replace(GRID, slots=9)
    for place in PLACES:
        satellite, rtt_ms, seen = reached(one, place, grid)
        for slot in (0, 3, 8):
            within = grid.instant(slot) + timedelta(seconds=14.9)
            found = journeys.to_internet(one, grid, place, within)
            if satellite[slot] < 0:
                assert found.rtt_ms is None
                assert found.why_none == ("no_gateway" if seen[slot] else "no_satellite")
            else:
                assert found.hops[0].end == one.constellation.satellite_name[satellite[slot]]
                assert found.rtt_ms == pytest.approx(float(rtt_ms[slot]), abs=TO_A_MICROSECOND)
                assert found.rtt_ms == pytest.approx(
                    2.0 * sum(hop.delay_ms for hop in found.hops[:-1]) + found.hops[-1].delay_ms, rel=1e-12
                )


def test_without_service_there_is_a_reason() -> None:
    assert journeys.to_internet(network(), GRID, MID_PACIFIC, GRID.start).why_none == "no_gateway"
    kuiper = catalogue.load("kuiper").constellation()
    low = replace(network(), constellation=kuiper, topology=topology.build(kuiper, "+grid"))
    assert journeys.to_internet(low, GRID, POLE, GRID.start).why_none == "no_satellite"
    assert journeys.between(low, TAIPEI, POLE, GRID.start).why_none == "no satellite above north pole"
    south = Point("south pole", -90.0, 0.0)
    assert journeys.between(low, south, POLE, GRID.start).why_none == "no satellite above south pole and north pole"
    assert journeys.between(network(), TAIPEI, PAPEETE, GRID.start).why_none == "no satellites join the two"
    for found in (journeys.between(low, TAIPEI, POLE, GRID.start), journeys.to_internet(low, GRID, POLE, GRID.start)):
        assert (found.hops, found.rtt_ms) == ((), None)
        assert "no path" in journeys.describe(found)


def test_a_place_and_itself_are_joined_by_the_nearest_satellite() -> None:
    found = journeys.between(network(), TAIPEI, replace(TAIPEI, name="here too"), GRID.start)
    assert [hop.kind for hop in found.hops] == [journeys.USER_LINK] * 2
    assert found.hops[0].length_km == pytest.approx(found.hops[1].length_km)
    assert 540.0 < found.hops[0].length_km < 1200.0


@pytest.mark.parametrize("mask_at", MASK_AT)
@pytest.mark.parametrize("hand_over", HAND_OVER_POLICIES)
def test_hand_overs_are_the_changes_of_reach(hand_over: str, mask_at: str) -> None:
    one = network(mask_at, hand_over)
    names = (*one.constellation.satellite_name, "")  # −1: nobody
    for place in (TAIPEI, NAHA):
        satellite, rtt_ms, _ = reached(one, place)
        expected = [
            (GRID.instant(slot), names[satellite[slot - 1]] if slot else "", names[satellite[slot]])
            for slot in range(GRID.slots)
            if slot == 0 or satellite[slot] != satellite[slot - 1]
        ]
        found = journeys.hand_overs(one, GRID, place)
        assert [(change.at, change.from_satellite, change.to_satellite) for change in found] == expected
        for change in found:
            slot = GRID.slot_at(change.at)
            assert change.rtt_ms_after == pytest.approx(float(rtt_ms[slot]), abs=TO_A_MICROSECOND)
            if slot:
                assert change.rtt_ms_before == pytest.approx(float(rtt_ms[slot - 1]), abs=TO_A_MICROSECOND)


def eligible(network: Network, place: Point, slot: int, satellite: str) -> tuple[bool, bool]:
    """(above the place's mask when slot `slot` counts, has a way to a gateway then)."""
    number = network.constellation.satellite_name.index(satellite)
    positions = positions_over(network, GRID, slot, 1)
    with ThreadPoolExecutor(1) as pool:
        ways = routes(positions, network.gateways, gateway_sites(network), network.topology, pool)
    asked = positions.at_km[: 2 if positions.both_ends else 1, number]
    _, elevation, _ = journeys.look_angles(place.latitude_deg, place.longitude_deg, asked)
    return bool((elevation >= 25.0).all()), bool(ways.onward[0, number] != paths.NO_WAY)


@pytest.mark.parametrize("mask_at", MASK_AT)
@pytest.mark.parametrize("hand_over", ["least_rtt", "least_change"])
def test_a_hand_over_says_why(hand_over: str, mask_at: str) -> None:
    # Without links a satellite often loses its gateway while it is still in view: that is no preference.
    one = network(mask_at, hand_over, only="JPN")
    whys = set()
    for place in (TAIPEI, NAHA):
        for change in journeys.hand_overs(one, GRID, place):
            whys.add(change.why)
            if not change.to_satellite:
                continue
            if not change.from_satellite:
                assert change.why in ("first service", "service returns")
                continue
            above, lands = eligible(one, place, GRID.slot_at(change.at), change.from_satellite)
            if not above:
                assert change.why == "the satellite leaves the mask"
            elif not lands:
                assert "gateway" in change.why
            else:
                assert change.why == f"{hand_over} prefers another"
    assert len(whys) > 1


def test_passes_over_a_place_hold_every_satellite_that_reach_sees() -> None:
    one = network()
    window = replace(GRID, slots=20)
    _, _, seen = reached(one, TAIPEI, window)
    begins = window.start + timedelta(seconds=2.5)  # so that every third sample falls in the middle of a slot
    found = journeys.passes(one, TAIPEI, begins, window.duration_s)
    for slot in range(window.slots):
        middle = window.instant(slot) + timedelta(seconds=7.5)
        up = [
            each
            for each in found
            if (each.rises is None or each.rises <= middle) and (each.sets is None or middle <= each.sets)
        ]
        assert len(up) == seen[slot]


def as_rows(found: list[journeys.Pass]) -> list[tuple[object, ...]]:
    return [
        (p.satellite, p.rises, p.culminates, p.sets, p.azimuth_deg.tolist(), p.elevation_deg.tolist()) for p in found
    ]


@pytest.mark.parametrize("instants", [1, 7, 61])
@pytest.mark.parametrize("moves", [False, True])
def test_passes_in_chunks_are_those_of_one(instants: int, moves: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    one, user = network(), TRACK if moves else TAIPEI
    whole = as_rows(journeys.passes(one, user, GRID.start, 900.0))
    monkeypatch.setattr(journeys, "POSITIONS_IN_CHUNK", instants * one.constellation.satellites)
    assert len(whole) > 20
    assert as_rows(journeys.passes(one, user, GRID.start, 900.0)) == whole


def test_passes_over_hours_hold_the_positions_of_minutes() -> None:
    """Two hours of 4,408 satellites in steps of 5 s are 152 MB of positions alone."""
    tracemalloc.start()
    try:
        assert journeys.passes(network(), TAIPEI, GRID.start, 7200.0)
        peak_mb = tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()
    assert peak_mb < 120.0


TRACK = Track(
    "Taipei", GRID.start, np.array([0.0, 3600.0]), np.array([25.03, 25.2]), np.array([121.56, 122.0]), np.zeros(2)
)


def out_of_order(of: Network, *outages: Outage) -> Network:
    found = resolve([("f.toml", "here", one) for one in outages], of.constellation, of.gateways, of.topology.neighbours)
    assert isinstance(found, Failures)
    return replace(of, failures=found)


@pytest.mark.parametrize("user", [TAIPEI, TRACK], ids=["place", "track"])
def test_an_outage_cuts_a_pass_by_brute_force(user: Point | Track) -> None:
    """Each sampled instant of each pass as before, but for those in the satellite's outage."""
    one, step = network(), timedelta(seconds=journeys.PASS_STEP_S)
    whole = journeys.passes(one, user, GRID.start, 600.0)
    times = {p.satellite: GRID.start + step * k for k, p in enumerate(whole)}
    outages = [Outage("satellite", name, at + step * 20, at + step * 40) for name, at in times.items()]
    outages += [Outage("gateway", station.name) for station in one.gateways.stations]  # which passes do not speak of
    cut = journeys.passes(out_of_order(one, *outages), user, GRID.start, 600.0)
    assert samples(cut) < samples(whole)
    assert samples(cut) == {
        (name, at) for name, at in samples(whole) if not times[name] + step * 20 <= at < times[name] + step * 40
    }
    assert len(cut) > len(whole) / 2


def samples(found: list[journeys.Pass]) -> set[tuple[str, datetime]]:
    """(satellite, instant) of every sample of the passes; one that begins with the time looked at has no rise."""
    step = timedelta(seconds=journeys.PASS_STEP_S)
    return {
        (one.satellite, (one.rises or GRID.start) + step * k) for one in found for k in range(len(one.elevation_deg))
    }


def test_passes_up_to_the_end_of_the_time_drawn_are_known() -> None:
    end = GRID.instant(GRID.slots)
    drawn = replace(out_of_order(network()).failures, drawn=Drawn("s.toml", GRID.start, end))
    one = replace(network(), failures=drawn)
    found = journeys.passes(one, TAIPEI, GRID.start, GRID.duration_s)
    assert as_rows(found) == as_rows(journeys.passes(network(), TAIPEI, GRID.start, GRID.duration_s))
    with pytest.raises(InputError, match="longer duration"):
        journeys.passes(one, TAIPEI, GRID.start, GRID.duration_s + 15.0)


def test_a_track_called_as_a_town_has_not_the_towns_horizon() -> None:
    wall = GroundLimits(horizons={"Taipei": np.array([[0.0, 80.0], [180.0, 80.0]])})
    free, walled = network(isl="+grid"), replace(network(isl="+grid"), limits=wall)
    assert len(journeys.passes(walled, TAIPEI, GRID.start, 300.0)) < len(
        journeys.passes(free, TAIPEI, GRID.start, 300.0)
    )
    assert as_rows(journeys.passes(walled, TRACK, GRID.start, 300.0)) == as_rows(
        journeys.passes(free, TRACK, GRID.start, 300.0)
    )
    for at in (GRID.start, GRID.start + timedelta(seconds=100)):
        assert journeys.between(walled, TRACK, NAHA, at) == journeys.between(free, TRACK, NAHA, at)
        assert journeys.to_internet(walled, GRID, TRACK, at) == journeys.to_internet(free, GRID, TRACK, at)
        many = [journeys.alternatives(one, TRACK, NAHA, at, 3) for one in (walled, free)]
        assert many[0] == many[1]
