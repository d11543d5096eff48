"""Positions between nodes: the kernel against scipy's Hermite polynomials, and interpolated orbits against SGP4 itself.

Authorities: scipy.interpolate.CubicHermiteSpline; the sgp4 package at every instant. The
element sets are made here (300 to 1,500 km, eccentricities up to 0.02, drag up to a hundred times the usual), and read
from a real catalogue where it lies beside the repository.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import CubicHermiteSpline

from compared import apart, compared
from openleo.geodesy import EarthOrientation
from openleo.network import ephemeris
from openleo.network.constellation import Constellation, from_elements
from openleo.network.constellation.element_set import ElementSet
from openleo.network.constellation.elements import ElementSets, read_elements
from openleo.network.kernels import hermite

EPOCH = datetime(2026, 8, 22, 4, 8, 56, 166336, tzinfo=UTC)
MU_KM3_S2 = 398_600.8  # of WGS 72, as SGP4 has it
ONE_MICROMETRE_KM = 1e-9
REAL = next(
    (
        folder / "shared/data/starlink_2026-08-22.tle"
        for folder in Path(__file__).resolve().parents
        if (folder / "shared/data/starlink_2026-08-22.tle").exists()
    ),
    None,
)


def element_set(
    number: int,
    altitude_km: float,
    eccentricity: float,
    bstar: float,
    *,
    inclination_deg: float = 53.0,
    raan_deg: float = 0.0,
    perigee_deg: float = 0.0,
    anomaly_deg: float = 0.0,
) -> ElementSet:
    rev_per_day = np.sqrt(MU_KM3_S2 / (6378.135 + altitude_km) ** 3) * 86_400.0 / (2.0 * np.pi)
    return ElementSet(
        number, f"made {number}", EPOCH, float(rev_per_day), eccentricity, inclination_deg, raan_deg, perigee_deg,
        anomaly_deg, bstar,
    )  # fmt: skip


def constellation_of(*sets: ElementSet) -> Constellation:
    return from_elements("made", ElementSets(sets, (), "made", "0" * 64))


def spread(count: int = 600) -> Constellation:
    """Low orbits of every height, shape and tilt; perigees from 290 km on."""
    rng = np.random.default_rng(7)
    return constellation_of(
        *(
            element_set(
                number,
                altitude_km := float(rng.uniform(300.0, 1500.0)),
                float(min(rng.uniform(0.0, 0.02), (altitude_km - 290.0) / 7000.0)),
                float(rng.choice([0.0, 1e-5, 3e-4, 2e-3])),
                inclination_deg=float(rng.uniform(0.0, 180.0)),
                raan_deg=float(rng.uniform(0.0, 360.0)),
                perigee_deg=float(rng.uniform(0.0, 360.0)),
                anomaly_deg=float(rng.uniform(0.0, 360.0)),
            )
            for number in range(count)
        )
    )


SPREAD = spread()


def distance_m(constellation: Constellation, start: datetime, after_s: np.ndarray) -> np.ndarray:
    """How far interpolated positions are from SGP4's own, axes (instant, satellite); what is without one must agree."""
    exact = ephemeris.positions(constellation, start, after_s)
    found = ephemeris.positions(constellation, start, after_s, every_s=1.0)
    assert (found.valid == exact.valid).all()
    assert found.failures == exact.failures
    return np.linalg.norm(found.position_km - exact.position_km, axis=-1) * 1000.0


def test_the_cubic_against_scipy() -> None:
    rng = np.random.default_rng(1)
    node_km, node_km_s = rng.normal(scale=7000.0, size=(5, 9, 3)), rng.normal(scale=7.5, size=(5, 9, 3))
    at_s = np.sort(rng.uniform(0.0, 240.0, 40))
    expected = CubicHermiteSpline(60.0 * np.arange(5), node_km, node_km_s)(at_s)
    left = np.floor(at_s / 60.0).astype(np.int64)
    found = np.empty((40, 9, 3))
    hermite.cubic(node_km, node_km_s, 60.0, left, at_s / 60.0 - left, np.ones(40), np.zeros(40), found)
    compared(
        authority="scipy",
        what="cubic Hermite polynomials between positions",
        theirs=expected,
        ours=found,
        tolerance=ONE_MICROMETRE_KM,
        unit="km",
    )
    angle = rng.uniform(0.0, 7.0, 40)  # and turned about z, as a matrix has it
    turns = np.array([[[np.cos(a), np.sin(a), 0], [-np.sin(a), np.cos(a), 0], [0, 0, 1]] for a in angle])
    hermite.cubic(node_km, node_km_s, 60.0, left, at_s / 60.0 - left, np.cos(angle), np.sin(angle), found)
    assert np.abs(found - np.einsum("tij,tsj->tsi", turns, expected)).max() < ONE_MICROMETRE_KM


def test_made_element_sets_within_the_stated_metre() -> None:
    constellation = SPREAD
    rng = np.random.default_rng(3)
    worst_m = np.zeros(len(constellation))
    by_sgp4 = np.zeros(len(constellation), np.int64)
    for day in (-2.0, 0.0, 0.3, 5.0):
        found = distance_m(constellation, EPOCH + timedelta(days=day), np.sort(rng.uniform(0.0, 7200.0, 60)))
        worst_m = np.maximum(worst_m, found.max(axis=0))
        by_sgp4 += (found == 0.0).sum(axis=0)
    apart(
        authority="sgp4",
        what="positions between nodes a minute apart, orbits made for the purpose",
        apart=worst_m,
        tolerance=ephemeris.INTERPOLATED_WITHIN_M,
        unit="m",
    )
    assert worst_m.max() > 0.2  # they were interpolated
    # SGP4's velocities leave out short periods in proportion to the eccentricity: above 0.01 it often moves on itself.
    round_ones = np.array(
        [
            one.eccentricity < 0.005 and one.bstar_per_earth_radius < 1e-3 and one.satrec.altp * 6378.135 > 400.0
            for one in SPREAD.elements
        ]
    )
    assert round_ones.sum() > 50
    assert (by_sgp4[round_ones] == 0).mean() > 0.95


@pytest.mark.skipif(REAL is None, reason="the real catalogue is not beside this repository")
def test_a_real_catalogue_within_the_stated_metre() -> None:
    assert REAL is not None
    constellation = from_elements("starlink", read_elements(REAL))
    rng = np.random.default_rng(5)
    for hours in (0.0, 24.0, 96.0):
        found = distance_m(constellation, EPOCH + timedelta(hours=hours), np.sort(rng.uniform(0.0, 5700.0, 24)))
        assert found.max() > 0.3
        apart(
            authority="sgp4",
            what="positions between nodes a minute apart, a real catalogue of Starlink",
            apart=found,
            tolerance=ephemeris.INTERPOLATED_WITHIN_M,
            unit="m",
        )
        assert (found > 0.0).any(axis=0).mean() > 0.98


def test_a_falling_satellite_moves_by_sgp4_itself() -> None:
    falling, heavy = element_set(1, 160.0, 0.001, 5e-3), element_set(2, 440.0, 0.0002, 0.17)
    found = distance_m(
        constellation_of(falling, heavy, element_set(3, 550.0, 0.0001, 3e-4)), EPOCH, np.arange(90) * 61.7
    )
    assert (found[:, 0] == 0.0).all()
    assert found.max() < ephemeris.INTERPOLATED_WITHIN_M


def test_eccentric_and_deep_space_orbits_move_by_sgp4_itself() -> None:
    molniya = element_set(1, 20_184.0, 0.73, 0.0, inclination_deg=63.4)
    transfer = element_set(2, 3000.0, 0.3, 0.0)
    medium = element_set(3, 20_184.0, 0.001, 0.0)
    found = distance_m(constellation_of(molniya, transfer, medium), EPOCH, np.arange(100) * 432.1)
    assert (found == 0.0).all()


def test_a_satellite_that_decays_is_named_at_the_same_instant() -> None:
    decaying = constellation_of(element_set(1, 175.0, 0.001, 0.02), element_set(2, 550.0, 0.0001, 3e-4))
    after_s = np.arange(0.0, 86_400.0, 15.0)
    exact = ephemeris.positions(decaying, EPOCH, after_s)
    found = ephemeris.positions(decaying, EPOCH, after_s, every_s=15.0)
    assert exact.failures  # it is lost within the day
    assert exact.valid[0].all()
    assert found.failures == exact.failures
    assert (found.valid == exact.valid).all()
    assert (found.position_km[~found.valid] == 0.0).all()


def test_a_part_of_a_run_is_the_same_as_in_the_whole() -> None:
    constellation = constellation_of(
        *(element_set(n, 400.0 + 20.0 * n, 0.001, 3e-4) for n in range(20)), element_set(99, 175.0, 0.001, 0.02)
    )
    after_s = (np.arange(400) + 0.5) * 15.0
    whole = ephemeris.positions(constellation, EPOCH, after_s, every_s=15.0)
    for first, last in ((0, 1), (1, 2), (7, 50), (399, 400)):
        part = ephemeris.positions(constellation, EPOCH, after_s[first:last], every_s=15.0)
        assert (part.position_km == whole.position_km[first:last]).all()
        assert (part.valid == whole.valid[first:last]).all()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-86_400.0, 86_400.0), min_size=1, max_size=8))
def test_any_instants_in_any_order(after_s: list[float]) -> None:
    constellation = constellation_of(element_set(1, 550.0, 0.0001, 1e-4), element_set(2, 1200.0, 0.002, 0.0))
    assert distance_m(constellation, EPOCH, np.array(after_s)).max() < ephemeris.INTERPOLATED_WITHIN_M


def test_another_start_of_the_same_instants() -> None:
    constellation, after_s = spread(50), np.arange(0.0, 900.0, 15.0)
    here = ephemeris.positions(constellation, EPOCH, after_s + 7200.0, every_s=15.0)
    there = ephemeris.positions(constellation, EPOCH + timedelta(hours=2), after_s, every_s=15.0)
    assert np.abs(here.position_km - there.position_km).max() < 1e-6  # a millimetre


def test_the_earth_s_orientation_turns_what_is_interpolated_too() -> None:
    constellation, orientation = spread(30), EarthOrientation(0.3, 0.2, 0.35)
    after_s = np.arange(0.0, 300.0, 15.0)
    exact = ephemeris.positions(constellation, EPOCH, after_s, orientation)
    found = ephemeris.positions(constellation, EPOCH, after_s, orientation, every_s=15.0)
    assert np.linalg.norm(exact.position_km - found.position_km, axis=-1).max() < 1e-3


@pytest.mark.parametrize(("every_s", "same"), [(None, True), (60.0, True), (30.0, True), (20.0, False), (0.5, False)])
def test_the_run_s_step_decides_and_nothing_else(every_s: float | None, same: bool) -> None:
    constellation = spread(10)
    exact = ephemeris.positions(constellation, EPOCH, [30.0])
    found = ephemeris.positions(constellation, EPOCH, [30.0], every_s=every_s)
    assert (found.position_km == exact.position_km).all() == same
