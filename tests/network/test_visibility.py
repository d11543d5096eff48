"""Blocks of sites and bins of sky: nothing that stands above a mask may be left out of what is tested exactly.

The exact test itself is compared with brute force in tests/against/test_visibility_against_brute_force.py. Here: what
must hold for satellites anywhere and places anywhere. Elevations are from WGS 84 (NGA.STND.0036), written out here.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo import cells as h3cells
from openleo.network.kernels import serving, sky
from openleo.network.visibility import Sites, cell_sites, reach_rad, single_sites

latitudes, longitudes = st.floats(-90.0, 90.0), st.floats(-180.0, 180.0)
masks_deg = st.floats(0.0, 85.0)
HIGHEST_KM = 6378.137 + 2000.0


def on_wgs84(latitude_deg: np.ndarray, longitude_deg: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(position in km, zenith)."""
    a, b = 6378.137, 6356.752314245
    lat, lon = np.radians(latitude_deg), np.radians(longitude_deg)
    zenith = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    scale_km = np.sqrt((a * np.cos(lat)) ** 2 + (b * np.sin(lat)) ** 2)
    return np.array([a * a, a * a, b * b]) * zenith / scale_km[..., np.newaxis], zenith


def all_around_km(count: int, seed: int) -> np.ndarray:
    """Satellites everywhere between 200 and 2,000 km, some straight above poles and band edges."""
    random = np.random.default_rng(seed)
    direction = random.normal(size=(count, 3))
    direction[:2] = [[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]]
    latitude = np.radians(random.integers(-30, 31, 8) * 3.0)
    direction[2:10] = np.stack([np.cos(latitude), np.zeros(8), np.sin(latitude)], axis=1)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return direction * random.uniform(6378.137 + 200.0, HIGHEST_KM, (count, 1))


def candidates(sites: Sites, position_km: np.ndarray, usable: np.ndarray) -> list[set[int]]:
    """For each site, in the caller's order, the satellites that the kernels would test exactly."""
    bins_in_band, first_of_band = sky.band_layout()
    first, order = np.empty(int(first_of_band[-1]) + 1, np.int32), np.zeros(len(position_km), np.int32)
    sky.sort_into_bins(position_km, usable, bins_in_band, first_of_band, first, order)
    found: list[set[int]] = [set()] * len(sites)
    buffer = np.empty(len(position_km), np.int32)
    for block in range(sites.blocks):
        bins = sites.bins[sites.bin_offsets[block] : sites.bin_offsets[block + 1]]
        mine = set(buffer[: sky.gather(bins, first, order, buffer)].tolist())
        for site in range(sites.block_offsets[block], sites.block_offsets[block + 1]):
            found[sites.order[site]] = mine
    return found


def above(latitude: np.ndarray, longitude: np.ndarray, mask_deg: float, position_km: np.ndarray) -> list[set[int]]:
    place, zenith = on_wgs84(latitude, longitude)
    sight = position_km[np.newaxis] - place[:, np.newaxis]
    sine = np.einsum("psx,px->ps", sight, zenith) / np.linalg.norm(sight, axis=-1)
    return [set(np.flatnonzero(row >= math.sin(math.radians(mask_deg))).tolist()) for row in sine]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(latitudes, longitudes), min_size=1, max_size=6), masks_deg, st.integers(0, 2**32 - 1))
def test_no_satellite_above_a_single_sites_mask_is_left_out(
    places: list[tuple[float, float]], mask_deg: float, seed: int
) -> None:
    latitude, longitude = np.array(places).T
    position_km = all_around_km(400, seed)
    sites = single_sites(latitude, longitude, mask_deg, HIGHEST_KM)
    tested = candidates(sites, position_km, np.ones(400, bool))
    for seen, among in zip(above(latitude, longitude, mask_deg, position_km), tested, strict=True):
        assert seen <= among


@settings(max_examples=30, deadline=None)
@given(latitudes, longitudes, masks_deg, st.integers(0, 6), st.integers(0, 2**32 - 1))
def test_no_satellite_above_a_cells_mask_is_left_out_of_its_block(
    latitude: float, longitude: float, mask_deg: float, resolution: int, seed: int
) -> None:
    here = h3cells.at(latitude, longitude, resolution)
    parent = h3cells.parents(np.array([here]), max(0, resolution - 2))
    cells = h3cells.children(parent, resolution)
    centre = h3cells.centres_deg(cells)
    position_km = all_around_km(300, seed)
    tested = candidates(cell_sites(cells, mask_deg, HIGHEST_KM), position_km, np.ones(300, bool))
    for seen, among in zip(above(*centre, mask_deg, position_km), tested, strict=True):
        assert seen <= among


@settings(max_examples=200, deadline=None)
@given(latitudes, longitudes, masks_deg, st.floats(6578.0, HIGHEST_KM), st.integers(0, 2**32 - 1))
def test_nothing_above_a_mask_is_farther_round_the_earth_than_reach(
    latitude: float, longitude: float, mask_deg: float, radius_km: float, seed: int
) -> None:
    place, zenith = on_wgs84(np.array(latitude), np.array(longitude))
    ray = np.random.default_rng(seed).normal(size=3)
    level = ray - (ray @ zenith) * zenith
    level /= np.linalg.norm(level)
    ray = math.cos(math.radians(mask_deg)) * level + math.sin(math.radians(mask_deg)) * zenith
    along = -place @ ray + math.sqrt((place @ ray) ** 2 + radius_km**2 - place @ place)
    satellite = place + along * ray
    angle = math.acos(min(1.0, float(satellite @ place) / (radius_km * float(np.linalg.norm(place)))))
    assert angle <= reach_rad(mask_deg, radius_km) + 1e-12


def test_the_reach_of_a_sphere_by_hand() -> None:
    # At 550 km and 25° the angle at the centre is 8.46° (law of sines); the ellipsoid's margin adds under 0.7°.
    on_a_sphere = math.degrees(math.acos(6378.137 * math.cos(math.radians(25.0)) / 6928.137)) - 25.0
    assert on_a_sphere == pytest.approx(8.46, abs=0.01)
    assert on_a_sphere < math.degrees(reach_rad(25.0, 6928.137)) < on_a_sphere + 0.7


def test_every_point_of_the_sky_has_a_bin_whose_centre_is_within_its_reach() -> None:
    position_km = all_around_km(20_000, seed=1)
    bins_in_band, first_of_band = sky.band_layout()
    first, order = np.empty(int(first_of_band[-1]) + 1, np.int32), np.empty(20_000, np.int32)
    sky.sort_into_bins(position_km, np.ones(20_000, bool), bins_in_band, first_of_band, first, order)
    assert sorted(order) == list(range(20_000))
    centre, half = sky.bin_centres()
    bin_of = np.repeat(np.arange(len(centre)), np.diff(first))
    direction = position_km[order] / np.linalg.norm(position_km[order], axis=1, keepdims=True)
    off = np.arccos(np.clip((direction * centre[bin_of]).sum(axis=1), -1.0, 1.0))
    assert (off <= half[bin_of] + 1e-9).all()


def test_an_unusable_satellite_is_in_no_bin() -> None:
    position_km = all_around_km(300, seed=2)
    position_km[::3] = 0.0  # as the ephemeris leaves what it cannot place
    usable = np.arange(300) % 3 > 0
    both_sides = single_sites(np.array([10.0, -10.0]), np.array([20.0, -160.0]), 0.0, 1e9)
    one, other = candidates(both_sides, position_km, usable)
    assert one | other == set(np.flatnonzero(usable).tolist())


def test_sites_keep_the_callers_numbers() -> None:
    cells = h3cells.children(h3cells.world(0)[:3], 3)
    sites = cell_sites(cells, 25.0, 7000.0)
    assert sorted(sites.order) == list(range(len(cells)))
    assert sites.block_offsets[0] == 0
    assert sites.block_offsets[-1] == len(sites) == len(cells)
    place, zenith = on_wgs84(*h3cells.centres_deg(cells))
    np.testing.assert_allclose(sites.position_km, place[sites.order], atol=1e-9)
    np.testing.assert_allclose(sites.up, zenith[sites.order], atol=1e-12)
    blocks = h3cells.parents(cells[sites.order], 2)
    for block in range(sites.blocks):
        assert len(set(blocks[sites.block_offsets[block] : sites.block_offsets[block + 1]])) == 1


@pytest.mark.parametrize("mask_deg", [10.0, 25.0, 40.0])
def test_time_left_of_a_pass_overhead_by_hand(mask_deg: float) -> None:
    # From the zenith a satellite on a circle is above the mask for (acos(R cos e / r) − e) at the Earth's centre.
    site_km, radius_km, rate = 6378.137, 6928.137, math.radians(0.06)
    mask = math.radians(mask_deg)
    expected_s = (math.acos(site_km * math.cos(mask) / radius_km) - mask) / rate
    for passed_s in (-60.0, 0.0, 60.0):  # rising, overhead, setting
        here, there = passed_s * rate, (passed_s + 15.0) * rate
        left_s = serving.remaining_s(
            site_km, 0.0, 0.0, math.sin(mask),
            radius_km * math.cos(here), radius_km * math.sin(here), 0.0,
            radius_km * math.cos(there), radius_km * math.sin(there), 0.0, 15.0,
        )  # fmt: skip
        assert left_s == pytest.approx(expected_s - passed_s, abs=1e-3)
