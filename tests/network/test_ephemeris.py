"""Positions: the Walker kernel against SGP4, the order of satellites, and satellites that cannot be placed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import sgp4
from sgp4.api import SatrecArray

from compared import apart
from openleo.geodesy import EarthOrientation, gmst_rad, teme_to_ecef
from openleo.instants import julian_date
from openleo.interchange.hypatia_text import circular_elements
from openleo.network import ephemeris
from openleo.network.constellation import Constellation, catalogue, from_elements, from_shells, only
from openleo.network.constellation.element_set import ElementSet
from openleo.network.constellation.elements import ElementSets, read_elements
from openleo.network.constellation.shells import Shell, circular_satrec, rates

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
SGP4_DAY_ZERO = datetime(1949, 12, 31, tzinfo=UTC)
ONE_MILLIMETRE_KM = 1e-6


def as_satrecs(constellation: Constellation) -> SatrecArray:
    """The same satellites for SGP4, one by one, from Walker's definition."""
    found = []
    for shell in constellation.shells:
        for plane in range(shell.planes):
            for slot in range(shell.per_plane):
                raan_deg = shell.raan_offset_deg + shell.raan_span_deg * plane / shell.planes
                argument_deg = 360.0 * slot / shell.per_plane + 360.0 * shell.phasing * plane / shell.satellites
                found.append(
                    circular_satrec(
                        6378.137 + shell.altitude_km,
                        shell.inclination_deg,
                        raan_rad=np.radians(raan_deg),
                        argument_rad=np.radians(argument_deg),
                        days_since_1950=(constellation.epoch - SGP4_DAY_ZERO) / timedelta(days=1),
                    )
                )
    return SatrecArray(found)


@pytest.mark.parametrize("name", catalogue.names())
def test_shells_stay_near_sgp4_over_a_day(name: str) -> None:
    constellation = catalogue.load(name).constellation()
    seconds = np.linspace(0.0, 86_400.0, 13)
    jd, fraction = julian_date(EPOCH)
    code, teme_km, _ = as_satrecs(constellation).sgp4(np.full(13, jd), fraction + seconds / 86_400.0)
    assert not code.any()
    expected = teme_to_ecef(np.ascontiguousarray(teme_km.swapaxes(0, 1)), jd, fraction + seconds / 86_400.0)
    apart_km = np.linalg.norm(ephemeris.positions(constellation, EPOCH, seconds).position_km - expected, axis=-1)
    polar = np.degrees(constellation.inclination_rad[constellation.plane]) > 55.5
    for those, tolerance_km in ((~polar, 13.0), (polar, 17.0)):
        apart(
            authority="sgp4",
            what="satellites of filed shells over a day, by the drift of J2 alone",
            apart=apart_km[:, those],
            tolerance=tolerance_km,
            unit="km",
            case=f"{name}, {'below' if tolerance_km < 17.0 else 'above'} 55.5°",
        )
    # What is left are SGP4's short-period terms: they neither grow nor drift.
    assert apart_km[-1].mean() == pytest.approx(apart_km[0].mean(), abs=0.5)


def test_the_kernel_against_the_definition_of_the_elements() -> None:
    # Vallado, Fundamentals of Astrodynamics and Applications, algorithm 10 (COE2RV), for a circle; then a plain turn.
    shell = Shell("s", 550.0, 53.0, planes=5, per_plane=3, phasing=2, raan_offset_deg=10.0)
    constellation = from_shells("one", EPOCH, [shell])
    second = 12_345.6
    position_km = ephemeris.positions(constellation, EPOCH, [second]).position_km[0]
    turn, jd, fraction = rates(shell), *julian_date(EPOCH)
    theta = float(gmst_rad(jd, fraction + second / 86_400.0))
    for plane in range(5):
        for slot in range(3):
            u = np.radians(120.0 * slot + 360.0 * 2 * plane / 15) + turn.argument_rad_s * second
            node = np.radians(10.0 + 72.0 * plane) + turn.node_rad_s * second - theta
            i = np.radians(53.0)
            expected = 6928.137 * np.array(
                [
                    np.cos(node) * np.cos(u) - np.sin(node) * np.sin(u) * np.cos(i),
                    np.sin(node) * np.cos(u) + np.cos(node) * np.sin(u) * np.cos(i),
                    np.sin(u) * np.sin(i),
                ]
            )
            assert np.abs(position_km[plane * 3 + slot] - expected).max() < ONE_MILLIMETRE_KM


def test_satellites_stand_in_the_order_shell_plane_slot() -> None:
    constellation = catalogue.load("starlink-gen1").constellation()
    order = np.lexsort([constellation.slot_in_plane, constellation.plane, constellation.shell])
    assert (order == np.arange(len(constellation))).all()
    assert constellation.planes == 72 + 72 + 36 + 6 + 4
    assert (constellation.plane_first[constellation.plane] + constellation.slot_in_plane == np.arange(4408)).all()
    assert constellation.satellite_name[22] == "550-53.0 p1 s0"
    assert not constellation.has_laser[:1584].any()
    assert constellation.has_laser[1584:].all()


def test_instants_do_not_depend_on_how_they_are_asked_for() -> None:
    constellation = catalogue.load("telesat-lightspeed").constellation()
    seconds = np.arange(0.0, 86_400.0, 997.0)
    together = ephemeris.positions(constellation, EPOCH, seconds).position_km
    start = EPOCH + timedelta(seconds=20_000)
    apart = ephemeris.positions(constellation, start, seconds - 20_000.0).position_km
    assert np.abs(together - apart).max() < ONE_MILLIMETRE_KM


def test_earth_orientation_reaches_shells() -> None:
    constellation = catalogue.load("telesat-lightspeed").constellation()
    plain = ephemeris.positions(constellation, EPOCH, [0.0]).position_km
    turned = ephemeris.positions(constellation, EPOCH, [0.0], EarthOrientation(ut1_minus_utc_s=0.1)).position_km
    moved_km = np.linalg.norm(turned - plain, axis=-1)
    across_km = np.linalg.norm(plain[..., :2], axis=-1)
    np.testing.assert_allclose(moved_km, across_km * 7.292115e-5 * 0.1, rtol=1e-3)


def test_a_shell_keeps_its_radius_for_a_year() -> None:
    constellation = catalogue.load("kuiper").constellation()
    later = ephemeris.positions(constellation, EPOCH + timedelta(days=365), [0.0])
    radius_km = np.linalg.norm(later.position_km[0], axis=-1)
    np.testing.assert_allclose(radius_km, constellation.semi_major_axis_km[constellation.plane], atol=1e-8)
    assert later.valid.all()
    assert later.failures == ()


def test_a_decayed_satellite_is_masked_and_named(tmp_path: Path) -> None:
    # SGP4-VER: 28872 is sub-orbital and lost within 50 minutes; 88888 goes on.
    kept = [
        line[:69]
        for line in (Path(sgp4.__file__).parent / "SGP4-VER.TLE").read_text().splitlines()
        if line[:1] in "12" and line[2:7] in ("28872", "06251")
    ]
    path = tmp_path / "two.tle"
    path.write_text("\n".join(kept))
    sets = read_elements(path)
    constellation = from_elements("two", sets)
    lost = constellation.satellite_id.tolist().index(28872)
    minutes = np.arange(0.0, 70.0, 5.0)
    found = ephemeris.positions(constellation, sets.sets[lost].epoch, minutes * 60.0)

    assert found.valid[0, lost]
    assert not found.valid[-1, lost]
    assert found.valid[:, 1 - lost].all()
    assert (found.position_km[~found.valid] == 0.0).all()
    assert (np.linalg.norm(found.position_km[found.valid], axis=-1) > 6456.7).all()
    (failure,) = found.failures
    assert (failure.satellite, failure.name) == (lost, "28872")
    first = int(np.argmin(found.valid[:, lost]))
    assert failure.at == sets.sets[lost].epoch + timedelta(minutes=float(minutes[first]))
    assert "SGP4: mrt is less than 1.0" in str(failure) or "less than 100 km" in str(failure)


def test_some_satellites_move_as_they_do_among_all() -> None:
    """Shells of planes of several sizes, and the same as element sets; in any order."""
    filed = catalogue.load("starlink-gen1").constellation()
    sets = ElementSets(tuple(circular_elements(filed, EPOCH)), (), "made here", "")
    seconds = [0.0, 600.0, 86_400.0]
    chosen = [4407, 22, 1583, 1584, 3000]
    for whole in (filed, from_elements("flown", sets)):
        few = only(whole, chosen)
        assert (len(few), few.satellites) == (5, 5)
        assert few.satellite_name == tuple(whole.satellite_name[s] for s in chosen)
        assert few.shell_names == whole.shell_names
        np.testing.assert_array_equal(few.shell, whole.shell[chosen])
        np.testing.assert_array_equal(few.plane_shell[few.plane], whole.plane_shell[whole.plane[chosen]])
        found, expected = (ephemeris.positions(one, EPOCH, seconds) for one in (few, whole))
        np.testing.assert_allclose(found.position_km, expected.position_km[:, chosen], rtol=0.0, atol=ONE_MILLIMETRE_KM)
        np.testing.assert_array_equal(found.valid, expected.valid[:, chosen])


@pytest.mark.parametrize("every_s", [None, 15.0])
def test_what_sgp4_throws_out_of_its_orbit_has_no_position_and_is_named(every_s: float | None) -> None:
    """Past its decay, a polynomial in time that no longer converges: SGP4 finds no fault with 100,000 km."""
    good, bad = (
        ElementSet(n, f"S{n}", EPOCH, motion, 8e-5, 53.0, 10.0, 20.0, 30.0, drag)
        for n, motion, drag in ((1, 15.06, 1e-4), (2, 16.0871577, 0.00077572))
    )
    constellation = from_elements("made", ElementSets((good, bad), (), "made here", ""))
    later = EPOCH + timedelta(days=90)
    code, position, _ = bad.satrec.sgp4(*julian_date(later))
    assert code == 0
    assert np.linalg.norm(position) > 10_000.0
    found = ephemeris.positions(constellation, later, [0.0, 15.0, 30.0], every_s=every_s)
    assert found.valid.all(axis=0).tolist() == [True, False]
    assert not found.position_km[:, 1].any()
    (said,) = found.failures
    assert said.name == "S2"
    assert "far beyond its apogee" in said.why
    assert ephemeris.positions(constellation, EPOCH, [0.0], every_s=every_s).valid.all()
