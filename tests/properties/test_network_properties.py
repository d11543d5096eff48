"""What must hold for any place and any time: physics, and that more of a good thing is never worse.

Nothing here says what is right to the last digit; tests/against does.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.instants import SlotGrid
from openleo.network import journeys, topology
from openleo.network.constellation import catalogue
from openleo.network.ground import gateways, stations
from openleo.network.journeys import Point
from openleo.network.reach import HAND_OVER_POLICIES, MASK_AT, Network, Reach, place_users, reach

LIGHT_KM_PER_MS = 299.792458
PROCESSING_MS = 11.0
LOWEST_KM = 540.0  # of Starlink's first generation
ROUNDING_MS = 1e-4  # times come as 32-bit floats

latitudes, longitudes = st.floats(-90.0, 90.0), st.floats(-180.0, 180.0)
places = st.lists(st.tuples(latitudes, longitudes), min_size=1, max_size=40)
instants = st.floats(0.0, 86_400.0).map(lambda after_s: datetime(2026, 11, 20, tzinfo=UTC) + timedelta(seconds=after_s))
isls, policies, masks_at = (st.sampled_from(list(names)) for names in (topology.PATTERNS, HAND_OVER_POLICIES, MASK_AT))
few = settings(max_examples=25, deadline=None)


@cache
def network(isl: str = "+grid", hand_over: str = "least_rtt", mask_at: str = "middle") -> Network:
    constellation = catalogue.load("starlink-gen1").constellation()
    ground = [stations.read("starlink-2026", kind, Path(), "", "")[0] for kind in ("gateways", "pops")]
    links = topology.build(constellation, isl)
    return Network(constellation, links, gateways.join(*ground, 1.5), 25.0, 25.0, mask_at, hand_over, PROCESSING_MS)


def reached(network: Network, where: list[tuple[float, float]], start: datetime, slots: int = 2) -> Reach:
    latitude, longitude = np.array(where).T
    (found,) = reach(network, SlotGrid(start, 15.0, slots), place_users(network, latitude, longitude), 1)
    return found


def no_worse(better: Reach, worse: Reach) -> bool:
    """Nobody who is served under `worse` is served less or later under `better`."""
    return bool((better.rtt_ms <= worse.rtt_ms + ROUNDING_MS).all())


def chord_km(latitude: np.ndarray, longitude: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Straight through a sphere of the polar radius, which is shorter than on the ellipsoid."""
    lat, lon = np.radians(latitude), np.radians(longitude)
    place = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    to_lat, to_lon = np.radians(to).T
    other = np.stack([np.cos(to_lat) * np.cos(to_lon), np.cos(to_lat) * np.sin(to_lon), np.sin(to_lat)], axis=-1)
    return 6356.752 * np.linalg.norm(place[:, np.newaxis] - other[np.newaxis], axis=-1)


@few
@given(places, instants, isls, policies, masks_at)
def test_no_round_trip_beats_light(
    where: list[tuple[float, float]], start: datetime, isl: str, hand_over: str, mask_at: str
) -> None:
    one = network(isl, hand_over, mask_at)
    found = reached(one, where, start)
    pops = np.array([[pop.latitude_deg, pop.longitude_deg] for pop in one.gateways.pops])
    nearest_km = (chord_km(*np.array(where).T, pops) * 0.995).min(axis=1)  # geodetic latitudes on a sphere: 0.5 %
    least_ms = PROCESSING_MS + 2.0 * np.maximum(nearest_km, 2.0 * LOWEST_KM) / LIGHT_KM_PER_MS
    assert (found.rtt_ms >= least_ms[np.newaxis]).all()
    assert (np.isfinite(found.rtt_ms) == (found.satellite >= 0)).all()


@few
@given(places, instants, masks_at)
def test_inter_satellite_links_never_hurt(where: list[tuple[float, float]], start: datetime, mask_at: str) -> None:
    joined = reached(network("+grid", mask_at=mask_at), where, start)
    bent = reached(network("none", mask_at=mask_at), where, start)
    assert (joined.seen == bent.seen).all()
    assert ((joined.satellite >= 0) | (bent.satellite < 0)).all()
    if mask_at == "middle":  # else RTT is measured 7.5 s after it was chosen
        assert no_worse(joined, bent)


@few
@given(places, instants, isls, st.data())
def test_another_gateway_never_hurts(
    where: list[tuple[float, float]], start: datetime, isl: str, data: st.DataObject
) -> None:
    whole = network(isl)
    kept = data.draw(st.sets(st.integers(0, len(whole.gateways) - 1), min_size=1, max_size=30), "gateways kept")
    some = gateways.join(tuple(whole.gateways.stations[n] for n in sorted(kept)), whole.gateways.pops, 1.5)
    assert no_worse(reached(whole, where, start), reached(replace(whole, gateways=some), where, start))


@few
@given(places, instants, isls, st.floats(0.0, 60.0), st.floats(0.0, 25.0))
def test_a_higher_mask_never_shows_or_serves_more(
    where: list[tuple[float, float]], start: datetime, isl: str, mask_deg: float, higher_by_deg: float
) -> None:
    low = replace(network(isl), user_elevation_deg=mask_deg)
    high = replace(low, user_elevation_deg=mask_deg + higher_by_deg)
    below, above = reached(low, where, start), reached(high, where, start)
    assert (above.seen <= below.seen).all()
    assert no_worse(below, above)
    fed_higher = replace(low, gateway_elevation_deg=25.0 + higher_by_deg)
    assert no_worse(below, reached(fed_higher, where, start))


@few
@given(places, instants, isls)
def test_a_link_that_lasts_its_slot_is_there_in_the_middle_of_it(
    where: list[tuple[float, float]], start: datetime, isl: str
) -> None:
    lasting, middle = (reached(network(isl, mask_at=mask_at), where, start) for mask_at in ("both_ends", "middle"))
    assert (lasting.seen <= middle.seen).all()
    if isl == "none":  # lasers are asked when a slot is decided: at its start, or in its middle
        assert ((middle.satellite >= 0) | (lasting.satellite < 0)).all()


@few
@given(places, instants)
def test_more_processing_is_added_once(where: list[tuple[float, float]], start: datetime) -> None:
    quick, slow = reached(network(), where, start), reached(replace(network(), processing_ms=31.0), where, start)
    served = quick.satellite >= 0
    np.testing.assert_allclose(slow.rtt_ms[served] - quick.rtt_ms[served], 20.0, atol=ROUNDING_MS)


@few
@given(st.tuples(latitudes, longitudes), st.tuples(latitudes, longitudes), instants)
def test_a_path_between_is_as_long_as_its_hops_and_the_same_both_ways(
    start: tuple[float, float], end: tuple[float, float], at: datetime
) -> None:
    ends = Point("a", *start), Point("b", *end)
    there, back = journeys.between(network(), *ends, at), journeys.between(network(), *ends[::-1], at)
    if there.rtt_ms is None:
        assert back.rtt_ms is None
        assert there.why_none
        assert there.hops == ()
        return
    assert back.rtt_ms is not None
    assert abs(there.rtt_ms - back.rtt_ms) < 1e-9
    assert abs(there.rtt_ms - 2.0 * sum(hop.delay_ms for hop in there.hops)) < 1e-9
    assert all(abs(hop.delay_ms - hop.length_km / LIGHT_KM_PER_MS) < 1e-12 for hop in there.hops)
    straight_km = float(chord_km(*np.array([start]).T, np.array([end]))[0, 0]) * 0.995
    assert there.rtt_ms >= 2.0 * straight_km / LIGHT_KM_PER_MS
