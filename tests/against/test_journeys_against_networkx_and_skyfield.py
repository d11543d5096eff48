"""Single paths and passes, against networkx, skyfield and WGS 84 written out a second time.

`between` is the shortest path over satellites alone: networkx finds it on a graph drawn from the same positions with
the geometry of `independent.py`. `passes` is compared with elevations at every second, its angles with skyfield.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

import networkx as nx
import numpy as np
import pytest
from independent import (
    LIGHT_KM_PER_MS,
    START,
    grid_of,
    haversine_km,
    links_in_sight,
    on_wgs84,
    one_slot,
    sight,
    starlink_network,
)
from pyproj import Transformer
from skyfield.api import load, wgs84

from compared import compared
from openleo.network import ephemeris, journeys
from openleo.network.constellation import catalogue
from openleo.network.journeys import FEEDER_LINK, FIBRE, ISL, PROCESSING, USER_LINK, Path, Point
from openleo.network.reach import Network
from openleo.network.topology import build

TAIPEI, NEW_YORK, LONDON = (
    Point("Taipei", 25.03, 121.56),
    Point("New York", 40.71, -74.01),
    Point("London", 51.51, -0.13),
)
SAO_PAULO, NAIROBI = Point("São Paulo", -23.55, -46.63), Point("Nairobi", -1.29, 36.82)
SUVA, ANCHORAGE = Point("Suva", -18.14, 178.44), Point("Anchorage", 61.22, -149.90)
LONGYEARBYEN = Point("Longyearbyen", 78.22, 15.65)
PLACES = (TAIPEI, NEW_YORK, LONDON, SAO_PAULO, NAIROBI, SUVA, ANCHORAGE, LONGYEARBYEN)
ONE_NANOSECOND_MS = 1e-6
A_TENTH_OF_AN_ARCSECOND_DEG = 3e-5


@cache
def with_lasers(system: str) -> Network:
    """A system of the catalogue in which every satellite has lasers."""
    filed = catalogue.load(system).constellation()
    constellation = replace(filed, has_laser=np.ones(filed.satellites, bool))
    return replace(starlink_network(), constellation=constellation, topology=build(constellation, "+grid"))


def positions(network: Network, at: datetime) -> np.ndarray:
    return ephemeris.positions(network.constellation, at, 0.0).position_km[0]


def by_networkx(network: Network, start: Point, end: Point, at: datetime) -> float | None:
    """RTT in ms, or None."""
    where = positions(network, at)
    graph = nx.Graph()
    graph.add_nodes_from(["start", "end"])
    for name, point in (("start", start), ("end", end)):
        elevation, distance = sight(np.array([point.latitude_deg]), np.array([point.longitude_deg]), where)
        for satellite in np.flatnonzero(elevation[0] >= network.user_elevation_deg):
            graph.add_edge(name, int(satellite), km=float(distance[0, satellite]))
    for satellite, other in zip(*links_in_sight(where, network.topology.neighbours), strict=True):
        graph.add_edge(int(satellite), int(other), km=float(np.linalg.norm(where[satellite] - where[other])))
    try:
        return 2.0 * nx.dijkstra_path_length(graph, "start", "end", weight="km") / LIGHT_KM_PER_MS
    except nx.NetworkXNoPath:
        return None


PAIRS = [(TAIPEI, LONDON), (NEW_YORK, LONDON), (SAO_PAULO, NAIROBI), (SUVA, ANCHORAGE), (NAIROBI, TAIPEI)]


@pytest.mark.parametrize(("start", "end"), PAIRS, ids=lambda point: point.name)
@pytest.mark.parametrize("system", ["starlink-shell1", "starlink-gen1", "telesat-lightspeed"])
def test_between_against_networkx(system: str, start: Point, end: Point) -> None:
    network = with_lasers(system)
    for at in (START, START + timedelta(hours=7, seconds=3.3)):
        found = journeys.between(network, start, end, at)
        expected_ms = by_networkx(network, start, end, at)
        if expected_ms is None:
            assert found.rtt_ms is None
            assert found.why_none
            continue
        assert found.rtt_ms == pytest.approx(expected_ms, abs=ONE_NANOSECOND_MS)
        assert_hops_hold(network, found, start, end, positions(network, at))


def assert_hops_hold(network: Network, path: Path, start: Point, end: Point, where: np.ndarray) -> None:
    """Every hop is a link that exists, as long as it says, at the speed of light."""
    number = {name: satellite for satellite, name in enumerate(network.constellation.satellite_name)}
    place = {point.name: on_wgs84(point.latitude_deg, point.longitude_deg)[0] for point in (start, end)}  # type: ignore[arg-type]
    at = {**{name: where[satellite] for name, satellite in number.items()}, **place}
    assert [hop.kind for hop in path.hops] == [USER_LINK, *[ISL] * (len(path.hops) - 2), USER_LINK]
    assert (path.hops[0].start, path.hops[-1].end) == (start.name, end.name)
    for hop, onward in zip(path.hops, [*path.hops[1:], None], strict=True):
        assert onward is None or hop.end == onward.start
        assert hop.length_km == pytest.approx(float(np.linalg.norm(at[hop.end] - at[hop.start])), abs=1e-6)
        assert hop.delay_ms == pytest.approx(hop.length_km / LIGHT_KM_PER_MS, rel=1e-12)
        if hop.kind == ISL:
            assert number[hop.end] in network.topology.neighbours[number[hop.start]]
    for point, name in ((start, path.hops[0].end), (end, path.hops[-1].start)):
        elevation, _ = sight(np.array([point.latitude_deg]), np.array([point.longitude_deg]), where[[number[name]]])
        assert elevation[0, 0] >= network.user_elevation_deg - 1e-9
    assert path.rtt_ms == pytest.approx(2.0 * sum(hop.delay_ms for hop in path.hops), rel=1e-12)


@pytest.mark.parametrize(("start", "end"), PAIRS, ids=lambda point: point.name)
def test_no_path_between_beats_light_in_a_straight_line(start: Point, end: Point) -> None:
    found = journeys.between(with_lasers("starlink-shell1"), start, end, START)
    assert found.rtt_ms is not None
    places = on_wgs84(*np.array([[p.latitude_deg, p.longitude_deg] for p in (start, end)]).T)[0]
    assert found.rtt_ms > 2.0 * np.linalg.norm(places[0] - places[1]) / LIGHT_KM_PER_MS
    along_ground = haversine_km(start.latitude_deg, start.longitude_deg, end.latitude_deg, end.longitude_deg)  # type: ignore[arg-type]
    assert found.rtt_ms < 2.0 * 2.0 * float(along_ground) / LIGHT_KM_PER_MS + 15.0


@pytest.mark.parametrize("start", [TAIPEI, LONDON], ids=lambda point: point.name)
def test_between_is_the_same_both_ways(start: Point) -> None:
    network = with_lasers("starlink-shell1")
    there, back = (journeys.between(network, *ends, START) for ends in ((start, NAIROBI), (NAIROBI, start)))
    assert there.rtt_ms == pytest.approx(back.rtt_ms, rel=1e-12)


@pytest.mark.parametrize("mask_at", ["middle", "both_ends"])
@pytest.mark.parametrize("isl", ["+grid", "none"])
@pytest.mark.parametrize("place", PLACES, ids=lambda point: point.name)
def test_to_internet_against_brute_force(place: Point, isl: str, mask_at: str) -> None:
    network, grid = starlink_network(mask_at, isl), grid_of(1)
    slot = one_slot(network, grid, 0, np.array([place.latitude_deg]), np.array([place.longitude_deg]))
    found = journeys.to_internet(network, grid, place, START + timedelta(seconds=3.0))
    assert found.at == START + timedelta(seconds=7.5)
    can = slot.above[0] & np.isfinite(slot.onward_km)
    if not can.any():
        assert (found.rtt_ms, found.hops) == (None, ())
        assert found.why_none == ("no_gateway" if slot.above.any() else "no_satellite")
        return
    chosen = int(np.where(can, slot.distance_km[0] + slot.onward_km, np.inf).argmin())
    assert found.hops[0].end == network.constellation.satellite_name[chosen]
    compared(
        authority="brute force",
        what="RTT of one path to the Internet",
        theirs=2.0 * slot.middle_km[0, chosen] / LIGHT_KM_PER_MS + 11.0,
        ours=found.rtt_ms,
        tolerance=ONE_NANOSECOND_MS,
        unit="ms",
    )


def test_user_and_feeder_links_stand_above_their_masks_by_skyfield() -> None:
    network = starlink_network()
    number = {name: satellite for satellite, name in enumerate(network.constellation.satellite_name)}
    stations = {station.name: station for station in network.gateways.stations}
    to_geodetic = Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True)
    clock = load.timescale(builtin=True)
    for place in PLACES:
        found = journeys.to_internet(network, grid_of(1), place, START)
        kinds = [hop.kind for hop in found.hops]
        assert kinds == [USER_LINK, *[ISL] * (len(kinds) - 4), FEEDER_LINK, FIBRE, PROCESSING]
        where, when = positions(network, found.at), clock.from_datetime(found.at)
        up, down = found.hops[0], found.hops[-3]
        for hop, satellite, station in ((up, up.end, place), (down, down.start, stations[down.end])):
            longitude, latitude, altitude_m = to_geodetic.transform(*(where[number[satellite]] * 1000.0))
            here = wgs84.latlon(station.latitude_deg, station.longitude_deg)
            elevation, _, distance = (wgs84.latlon(latitude, longitude, elevation_m=altitude_m) - here).at(when).altaz()
            assert elevation.degrees >= 25.0 - 1e-3  # skyfield takes the pole of the day
            compared(
                authority="skyfield",
                what="lengths of user and feeder links",
                theirs=distance.km,
                ours=hop.length_km,
                tolerance=1e-3,
                unit="km",
            )
        fibre = found.hops[-2]
        assert fibre.delay_ms == pytest.approx(fibre.length_km * 1.468 / LIGHT_KM_PER_MS, rel=1e-9)
        one_way_ms = sum(hop.delay_ms for hop in found.hops[:-1])
        assert found.rtt_ms == pytest.approx(2.0 * one_way_ms + found.hops[-1].delay_ms, rel=1e-12)


# --- passes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [TAIPEI, LONGYEARBYEN], ids=lambda point: point.name)
def test_passes_against_every_second(place: Point) -> None:
    network = starlink_network()
    start, duration_s = START + timedelta(seconds=2.0), 600.0
    found = journeys.passes(network, place, start, duration_s)
    seconds = np.arange(0.0, duration_s + 0.5)
    elevation = np.empty((len(seconds), network.constellation.satellites))
    for n, second in enumerate(seconds):
        where = positions(network, start + timedelta(seconds=second))
        elevation[n] = sight(np.array([place.latitude_deg]), np.array([place.longitude_deg]), where)[0][0]
    above = elevation >= network.user_elevation_deg

    runs: dict[str, list[tuple[int, int]]] = {}
    for satellite in np.flatnonzero(above.any(axis=0)):
        edge = np.flatnonzero(np.diff(np.concatenate([[False], above[:, satellite], [False]]).astype(int)))
        name = network.constellation.satellite_name[satellite]
        runs[name] = [(int(a), int(b) - 1) for a, b in zip(edge[::2], edge[1::2], strict=True)]
    lasting = {name: [run for run in each if run[1] - run[0] >= journeys.PASS_STEP_S] for name, each in runs.items()}
    assert {one.satellite for one in found} >= {name for name, each in lasting.items() if each}
    assert {one.satellite for one in found} <= set(runs)
    assert len(found) > 10

    number = {name: satellite for satellite, name in enumerate(network.constellation.satellite_name)}
    for one in found:
        rises = 0.0 if one.rises is None else (one.rises - start).total_seconds()
        sets = duration_s if one.sets is None else (one.sets - start).total_seconds()
        begin, end = min(runs[one.satellite], key=lambda run: abs(run[0] - rises))
        assert begin - 1.0 <= rises <= begin + journeys.PASS_STEP_S
        assert end - journeys.PASS_STEP_S <= sets <= end + 1.0
        assert (one.rises is None) == (begin == 0)
        assert (one.sets is None) == (end == len(seconds) - 1)
        top = elevation[begin : end + 1, number[one.satellite]].max()
        # Between samples 5 s apart: at most 2.5 s of a satellite that crosses the zenith at 0.8° a second.
        assert top - 2.0 <= one.elevation_deg_max <= top + A_TENTH_OF_AN_ARCSECOND_DEG
        assert rises <= (one.culminates - start).total_seconds() <= sets
    order = [one.rises or start for one in found]
    assert order == sorted(order)


def test_the_track_of_a_pass_against_skyfield() -> None:
    network = starlink_network()
    one = max(journeys.passes(network, TAIPEI, START, 600.0), key=lambda each: each.elevation_deg_max)
    satellite = network.constellation.satellite_name.index(one.satellite)
    first = START if one.rises is None else one.rises
    to_geodetic = Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True)
    clock = load.timescale(builtin=True)
    here = wgs84.latlon(TAIPEI.latitude_deg, TAIPEI.longitude_deg)
    for step in range(0, len(one.elevation_deg), 5):
        at = first + timedelta(seconds=step * journeys.PASS_STEP_S)
        longitude, latitude, altitude_m = to_geodetic.transform(*(positions(network, at)[satellite] * 1000.0))
        there = wgs84.latlon(latitude, longitude, elevation_m=altitude_m)
        elevation, azimuth, _ = (there - here).at(clock.from_datetime(at)).altaz()
        compared(
            authority="skyfield",
            what="elevation during a pass",
            theirs=elevation.degrees,
            ours=one.elevation_deg[step],
            tolerance=1e-3,
            unit="°",
        )
        turn = (one.azimuth_deg[step] - azimuth.degrees + 180.0) % 360.0 - 180.0
        assert abs(turn * np.cos(np.radians(elevation.degrees))) < 1e-3
