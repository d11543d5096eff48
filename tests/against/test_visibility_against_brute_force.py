"""Who is seen and who serves, against every satellite tried at every place.

Authority: `independent.py`, written from NGA.STND.0036 (WGS 84) and DESIGN §2 without the package's geodesy, kernels or
graphs; ways down by scipy; look angles once more by skyfield. Places: the cells around Taiwan, 200 anywhere on Earth,
both poles and both sides of the antimeridian.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import h3.api.numpy_int as h3
import numpy as np
import pytest
from independent import LIGHT_KM_PER_MS, PROCESSING_MS, OneSlot, grid_of, one_slot, preferred, sight, starlink_network
from pyproj import Transformer
from skyfield.api import load, wgs84

from compared import compared, same
from openleo.network import ephemeris, topology
from openleo.network import reach as reach_module
from openleo.network.constellation import catalogue, from_elements
from openleo.network.constellation.elements import read_elements
from openleo.network.reach import Reach, cell_users, reach

SLOTS = 5
SNAPSHOT = Path(__file__).parents[3] / "shared" / "data" / "starlink_2026-08-22.tle"
A_MICROSECOND_MS = 1e-3


@cache
def cells() -> np.ndarray:
    around_taiwan = np.asarray(h3.grid_disk(h3.latlng_to_cell(23.7, 121.0, 4), 4), np.uint64)
    points = np.random.default_rng(7).normal(size=(200, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    anywhere = [
        (np.degrees(np.arcsin(z)), np.degrees(np.arctan2(y, x))) for x, y, z in points
    ] + [(90.0, 0.0), (-90.0, 0.0), (-17.0, 179.99), (-17.0, -179.99), (68.0, 179.99), (68.0, -179.99)]  # fmt: skip
    found = np.array([h3.latlng_to_cell(latitude, longitude, 4) for latitude, longitude in anywhere], np.uint64)
    return np.unique(np.concatenate([around_taiwan, found]))


@cache
def centres() -> tuple[np.ndarray, np.ndarray]:
    latitude, longitude = np.array([h3.cell_to_latlng(int(cell)) for cell in cells()]).T
    return latitude, longitude


@cache
def tried(mask_at: str, isl: str) -> list[OneSlot]:
    return [one_slot(starlink_network(mask_at, isl), grid_of(SLOTS), slot, *centres()) for slot in range(SLOTS)]


def reached(mask_at: str, isl: str, hand_over: str) -> Reach:
    network = starlink_network(mask_at, isl, hand_over)
    chunks = list(reach(network, grid_of(SLOTS), cell_users(network, cells()), threads=2))
    return Reach(
        0,
        np.concatenate([chunk.satellite for chunk in chunks]),
        np.concatenate([chunk.rtt_ms for chunk in chunks]),
        np.concatenate([chunk.seen for chunk in chunks]),
    )


@pytest.mark.parametrize("isl", ["+grid", "none"])
@pytest.mark.parametrize("mask_at", ["middle", "both_ends"])
@pytest.mark.parametrize("hand_over", ["highest", "least_rtt", "least_change"])
def test_serving_satellite_and_rtt_against_brute_force(
    hand_over: str, mask_at: str, isl: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach_module, "MOST_SLOTS_IN_CHUNK", 3)  # so that a memory must cross from chunk to chunk
    found = reached(mask_at, isl, hand_over)
    before = np.full(len(cells()), -1)
    for number, slot in enumerate(tried(mask_at, isl)):
        before = preferred(slot, hand_over, before)
        same(
            authority="brute force",
            what="satellites in view of a cell, by slot",
            theirs=slot.above.sum(axis=1),
            ours=found.seen[number],
        )
        same(authority="brute force", what="serving satellite of a cell", theirs=before, ours=found.satellite[number])
        served = before >= 0
        path_km = slot.middle_km[served, before[served]]
        expected_ms = 2.0 * path_km / LIGHT_KM_PER_MS + PROCESSING_MS
        compared(
            authority="brute force",
            what="RTT of a cell to the Internet",
            theirs=expected_ms,
            ours=found.rtt_ms[number, served],
            tolerance=A_MICROSECOND_MS,
            unit="ms",
        )
        assert np.isinf(found.rtt_ms[number, ~served]).all()


def test_the_comparison_has_something_to_decide() -> None:
    alone = reached("middle", "none", "least_rtt")
    joined = reached("middle", "+grid", "least_rtt")
    steady = reached("middle", "+grid", "least_change")
    assert ((alone.satellite < 0) & (alone.seen > 0)).any()  # no gateway in view of any satellite seen
    assert (alone.satellite != joined.satellite).any()
    assert (steady.satellite != joined.satellite).any()
    assert (reached("both_ends", "none", "least_rtt").seen < alone.seen).any()


@pytest.mark.parametrize("mask_at", ["middle", "both_ends"])
def test_longest_remaining_against_stepping_until_it_sets(mask_at: str) -> None:
    network = starlink_network(mask_at, "+grid")
    slot = tried(mask_at, "+grid")[0]
    chosen = reached(mask_at, "+grid", "longest_remaining").satellite[0]
    place = np.arange(0, len(cells()), 4)
    latitude, longitude = (axis[place] for axis in centres())
    can = slot.above[place] & np.isfinite(slot.onward_km)
    step_s = 3.0
    lasts_s = np.zeros(can.shape)
    still = can.copy()
    for steps in range(1, 400):
        if not still.any():
            break
        at = slot.decided_at + timedelta(seconds=steps * step_s)
        elevation, _ = sight(latitude, longitude, ephemeris.positions(network.constellation, at, 0.0).position_km[0])
        still &= elevation >= network.user_elevation_deg
        lasts_s[still] = steps * step_s
    assert not still.any()
    served = can.any(axis=1)
    assert ((chosen[place] >= 0) == served).all()
    rows = np.flatnonzero(served)
    assert can[rows, chosen[place][rows]].all()
    two_slots_s = 30.0
    assert (lasts_s[rows, chosen[place][rows]] >= lasts_s[rows].max(axis=1) - two_slots_s).all()


def test_serving_satellites_stand_above_the_mask_by_skyfield() -> None:
    network = starlink_network()
    found = reached("middle", "+grid", "least_rtt")
    middle = grid_of(SLOTS).start + timedelta(seconds=7.5)
    position_km = ephemeris.positions(network.constellation, middle, 0.0).position_km[0]
    to_geodetic = Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True)
    when = load.timescale(builtin=True).from_datetime(middle)
    checked = 0
    for place in np.flatnonzero(found.satellite[0] >= 0)[::25]:
        longitude, latitude, altitude_m = to_geodetic.transform(*(position_km[found.satellite[0, place]] * 1000.0))
        there = wgs84.latlon(latitude, longitude, elevation_m=altitude_m)
        here = wgs84.latlon(centres()[0][place], centres()[1][place])
        elevation, _, distance = (there - here).at(when).altaz()
        assert elevation.degrees > 25.0 - 1e-3  # skyfield takes the pole of the day
        ours_deg, ours_km = sight(*(axis[place : place + 1] for axis in centres()), position_km)
        satellite = found.satellite[0, place]
        compared(
            authority="skyfield",
            what="elevation of serving satellites",
            theirs=elevation.degrees,
            ours=ours_deg[0, satellite],
            tolerance=1e-3,
            unit="°",
        )
        compared(
            authority="skyfield",
            what="range of serving satellites",
            theirs=distance.km,
            ours=ours_km[0, satellite],
            tolerance=1e-3,
            unit="km",
        )
        checked += 1
    assert checked >= 5


@pytest.mark.parametrize("mask_deg", [5.0, 40.0])
@pytest.mark.parametrize("system", ["kuiper", "oneweb", "telesat-lightspeed"])
def test_seen_from_other_heights_against_brute_force(system: str, mask_deg: float) -> None:
    constellation = catalogue.load(system).constellation()
    network = replace(
        starlink_network(),
        constellation=constellation,
        topology=topology.build(constellation, "+grid"),
        user_elevation_deg=mask_deg,
    )
    slot = one_slot(network, grid_of(1), 0, *centres())
    (found,) = reach(network, grid_of(1), cell_users(network, cells()), threads=1)
    assert (found.seen[0] == slot.above.sum(axis=1)).all()
    assert (found.satellite[0] == preferred(slot, "least_rtt", np.full(len(cells()), -1))).all()


@pytest.mark.skipif(not SNAPSHOT.exists(), reason=f"{SNAPSHOT.name} is not in ../shared/data")
def test_real_element_sets_against_brute_force() -> None:
    constellation = from_elements("snapshot", read_elements(SNAPSHOT))
    bent_pipe = topology.build(constellation, "none")
    network = replace(starlink_network(), constellation=constellation, topology=bent_pipe)
    grid = grid_of(1, constellation.epoch)
    slot = one_slot(network, grid, 0, *centres())
    (found,) = reach(network, grid, cell_users(network, cells()), threads=1)
    assert (found.seen[0] == slot.above.sum(axis=1)).all()
    assert (found.satellite[0] == preferred(slot, "least_rtt", np.full(len(cells()), -1))).all()


def test_a_mask_of_the_horizon_and_one_of_the_zenith() -> None:
    network = replace(starlink_network(), user_elevation_deg=0.0)
    slot = one_slot(network, grid_of(1), 0, *centres())
    (found,) = reach(network, grid_of(1), cell_users(network, cells()), threads=1)
    assert (found.seen[0] == slot.above.sum(axis=1)).all()
    overhead = replace(network, user_elevation_deg=90.0)
    (none,) = reach(overhead, grid_of(1), cell_users(overhead, cells()), threads=1)
    assert not none.seen.any()
