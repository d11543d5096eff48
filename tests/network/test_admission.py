"""Which ground links count, against a brute force over numpy written here: dense samples of the arc, numpy's own
interpolation of horizons, look angles for azimuth and elevation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from openleo.geodesy import ecef_km, look_angles, up
from openleo.instants import SlotGrid
from openleo.network import topology
from openleo.network.admission import GroundLimits
from openleo.network.constellation import NO_PLANE, catalogue
from openleo.network.ground import gateways
from openleo.network.ground.stations import Station
from openleo.network.journeys import Point, passes
from openleo.network.kernels.admission import GSO_RADIUS_KM, arc_angle
from openleo.network.pairs import ByElevation, Places, Sky, shortest
from openleo.network.reach import Network, gateway_sites, place_users, positions_over, reach
from openleo.network.routing import routes
from openleo.network.visibility import admitted

GRID = SlotGrid(datetime(2026, 11, 20, tzinfo=UTC), 15.0, 2)
STATIONS = tuple(
    Station(f"g{k}", lat, lon) for k, (lat, lon) in enumerate([(25.0, 121.0), (0.0, 10.0), (-33.0, 18.5), (52.0, 0.1)])
)
LATITUDE, LONGITUDE = np.array([0.0, 24.0, -45.0, 60.0]), np.array([10.3, 121.0, 170.0, -5.0])
NAMES = ("equator", "b", "c", "d")
HORIZONS = {
    "equator": np.array([[350.0, 60.0], [20.0, 30.0], [180.0, 45.0]]),
    "c": np.array([[0.0, 20.0], [90.0, 70.0], [360.0, 20.0]]),
    "g1": np.array([[10.0, 50.0], [200.0, 25.0]]),
}
SHELL_DEG = (30.0, 0.0, 40.0, 55.0, 0.0)
CASES = {
    "none": GroundLimits(),
    "shells": GroundLimits(user_shell_deg=SHELL_DEG, gateway_shell_deg=SHELL_DEG[::-1]),
    "horizons": GroundLimits(horizons=HORIZONS),
    "gso": GroundLimits(gso_exclusion_deg=18.0),
    "all": GroundLimits(SHELL_DEG, SHELL_DEG[::-1], 18.0, HORIZONS, (35.0, np.nan, 20.0, np.nan)),
}


def network(limits: GroundLimits, mask_at: str = "middle") -> Network:
    constellation = catalogue.load("starlink-gen1").constellation()
    joined = gateways.join(STATIONS, STATIONS[:1], 1.5)
    links = topology.build(constellation, "none")
    return Network(constellation, links, joined, 25.0, 25.0, mask_at, "least_rtt", 11.0, limits)


def angle_to_arc_deg(lat: float, lon: float, sight: np.ndarray, samples: int = 80_000) -> np.ndarray:
    """Over every visible point of a dense arc; infinite where none is visible."""
    around = np.linspace(0.0, 2.0 * np.pi, samples, endpoint=False)
    arc = GSO_RADIUS_KM * np.stack([np.cos(around), np.sin(around), np.zeros(samples)], axis=1)
    arc = arc - ecef_km(lat, lon)
    arc = arc[arc @ up(lat, lon) >= 0.0]
    if not len(arc):
        return np.full(len(sight), np.inf)
    arc /= np.linalg.norm(arc, axis=1, keepdims=True)
    unit = sight / np.linalg.norm(sight, axis=1, keepdims=True)
    return np.degrees(np.arccos(np.clip(np.array([(arc @ one).max() for one in unit]), -1.0, 1.0)))


def brute(network, lat, lon, own_deg, shell_deg, rows, position_km) -> np.ndarray:
    azimuth, elevation, _ = look_angles(lat, lon, position_km)
    mask = np.full(len(position_km), own_deg)
    if shell_deg:
        mask = np.maximum(mask, np.array(shell_deg)[network.constellation.shell])
    if rows is not None:
        mask = np.maximum(mask, np.interp(azimuth, *rows[np.argsort(rows[:, 0])].T, period=360.0))
    above = elevation >= mask
    if network.limits.gso_exclusion_deg:
        near = np.flatnonzero(above)
        angle = angle_to_arc_deg(lat, lon, position_km[near] - ecef_km(lat, lon))
        above[near[angle < network.limits.gso_exclusion_deg]] = False
    return above


@pytest.mark.parametrize("mask_at", ["middle", "both_ends"])
@pytest.mark.parametrize("case", CASES)
def test_links_against_brute_force_over_numpy(case, mask_at):
    net = network(CASES[case], mask_at)
    limits, positions = net.limits, positions_over(net, GRID, 0, 1)
    ends = positions.at_km[: 2 if mask_at == "both_ends" else 1]
    wide = np.ones(len(net.constellation), bool)
    users = place_users(net, LATITUDE, LONGITUDE, names=NAMES)
    expected = np.array(
        [
            [brute(net, lat, lon, 25.0, limits.user_shell_deg, limits.horizons.get(n), at) for at in ends]
            for n, lat, lon in zip(NAMES, LATITUDE, LONGITUDE, strict=True)
        ]
    )
    np.testing.assert_array_equal([admitted(users, at, wide) for at in ends], expected.transpose(1, 0, 2))
    run = next(iter(reach(replace(net), GRID, users, threads=1)))
    np.testing.assert_array_equal(run.seen[0], expected.all(axis=1).sum(axis=1))  # the serve kernel's own test

    own = limits.gateway_own_deg or (np.nan,) * 4
    feeders = gateway_sites(net)
    for at in ends:
        found = admitted(feeders, at, wide)
        for g, station in enumerate(STATIONS):
            mask = 25.0 if np.isnan(own[g]) else own[g]
            rows = limits.horizons.get(station.name)
            here = (station.latitude_deg, station.longitude_deg)
            np.testing.assert_array_equal(found[g], brute(net, *here, mask, limits.gateway_shell_deg, rows, at))


@pytest.mark.parametrize("latitude", [0.0, 0.01, 18.0, -35.0, 53.0, 79.0, 81.2, 81.4, 90.0])
def test_angle_to_the_arc_against_dense_samples_within_a_hundredth_of_a_degree(latitude):
    rng = np.random.default_rng(7)
    sight = rng.normal(size=(60, 3)) + 1.5 * up(latitude, 33.0)
    sight /= np.linalg.norm(sight, axis=1, keepdims=True)
    expected = angle_to_arc_deg(latitude, 33.0, sight)
    here, zenith = ecef_km(latitude, 33.0), up(latitude, 33.0)
    found = np.degrees([arc_angle(*here, *zenith, *one, np.pi) for one in sight])
    np.testing.assert_allclose(found, expected, atol=0.01)
    if abs(latitude) > 81.35:
        assert np.isinf(found).all()


def test_pairs_and_passes_admit_what_the_rest_does():
    net = network(CASES["all"])
    position_km = positions_over(net, GRID, 0, 1).at_km[0]
    wide = np.ones(len(position_km), bool)
    users = place_users(net, LATITUDE, LONGITUDE, names=NAMES)
    places = Places(NAMES, ecef_km(LATITUDE, LONGITUDE), up(LATITUDE, LONGITUDE))
    sky = Sky(net.constellation, net.topology, ByElevation(25.0, net.limits))
    found = admitted(users, position_km, wide)
    both = (found[:, None, :] & found[None, :, :]).any(axis=2)
    np.fill_diagonal(both, False)
    np.testing.assert_array_equal(np.isfinite(shortest(sky, places, position_km, wide)[0]), both)
    at = GRID.instant(0)
    first = passes(net, Point("equator", 0.0, 10.3), at, 5.0)
    fewer = passes(network(CASES["none"]), Point("equator", 0.0, 10.3), at, 5.0)
    assert {one.satellite for one in first} < {one.satellite for one in fewer}


def test_raising_any_limit_never_adds_a_link():
    positions = positions_over(network(GroundLimits()), GRID, 0, 1).at_km[0]
    wide = np.ones(len(positions), bool)
    before = np.ones((4, len(positions)), bool)
    for gso, shell, lift in [
        (0.0, 0.0, 0.0),
        (5.0, 26.0, 5.0),
        (18.0, 30.0, 5.0),
        (18.0, 45.0, 9.0),
        (40.0, 50.0, 20.0),
    ]:
        rows = {name: one + np.array([0.0, lift]) for name, one in HORIZONS.items()}
        net = network(GroundLimits(user_shell_deg=(shell,) * 5, gso_exclusion_deg=gso, horizons=rows))
        now = admitted(place_users(net, LATITUDE, LONGITUDE, names=NAMES), positions, wide)
        assert not (now & ~before).any()
        before = now


def test_antennas_against_brute_force_of_the_stated_rule():
    limits = replace(CASES["all"], gateway_antennas=(2, 1, -1, 3))
    net = network(limits, "both_ends")
    positions = positions_over(net, GRID, 0, 2)
    feeders = gateway_sites(net)
    with ThreadPoolExecutor(1) as pool:
        ways = routes(positions, net.gateways, feeders, net.topology, pool)
    for slot in range(2):
        both = [admitted(feeders, positions.at_km[slot + k], positions.usable[slot]) for k in (0, 1)]
        wanted = []
        for g, s in zip(*np.nonzero(both[0] & both[1]), strict=True):
            wanted.append((float(np.linalg.norm(positions.at_km[slot, s] - feeders.position_km[g])), g, s))
        expected, taken = np.full(len(net.constellation), -1), [0] * 4
        for _, g, s in sorted(wanted):
            if expected[s] < 0 and (limits.gateway_antennas[g] < 0 or taken[g] < limits.gateway_antennas[g]):
                expected[s] = g
                taken[g] += 1
        np.testing.assert_array_equal(ways.gateway[slot], expected)
        assert taken[0] == 2
        assert taken[1] == 1
        assert len(wanted) > sum(taken)  # some satellite lost out


def test_satellites_in_no_shell_are_under_no_shells_mask() -> None:
    net = network(GroundLimits())
    shell = net.constellation.shell.copy()
    shell[::2] = NO_PLANE
    mixed = replace(net.constellation, shell=shell)
    sine = GroundLimits(user_shell_deg=(0.0, 0.0, 0.0, 0.0, 60.0)).for_users(mixed, ()).satellite_sine
    assert (sine[::2] == -1.0).all()
    assert np.allclose(sine[1::2], np.where(shell[1::2] == 4, np.sin(np.radians(60.0)), 0.0))
