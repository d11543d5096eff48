"""Shells: Walker's geometry, SGP4's rates, and the rules a shell must keep."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sgp4.earth_gravity import wgs72

from compared import compared
from openleo.network.constellation.shells import (
    Shell,
    circular_satrec,
    closest_approach_km,
    has_laser,
    rates,
    read_shell,
    safest_phasing,
    shell_problems,
)

STARLINK = Shell("shell-1", 550.0, 53.0, planes=72, per_plane=22, phasing=39)
ONE_MICROMETRE_KM = 1e-9


@pytest.mark.parametrize(
    ("shell", "published_km"),
    [
        (Shell("Starlink, version 3", 550.0, 53.0, planes=22, per_plane=72, phasing=17), 61.83),
        (Shell("Kuiper, shell 2", 610.0, 42.0, planes=36, per_plane=36, phasing=11), 55.89),
    ],
    ids=lambda value: value.name if isinstance(value, Shell) else "",
)
def test_closest_approach_against_liang_and_others(shell: Shell, published_km: float) -> None:
    # Liang, Chaudhry, Yanikomeroglu (2021), arXiv:2109.13994: both the distance and which phasing is best.
    compared(
        authority="Liang 2021",
        what="least distance between satellites of a Walker shell",
        theirs=published_km,
        ours=closest_approach_km(shell),
        tolerance=0.005,
        unit="km",
    )
    best = safest_phasing(shell.altitude_km, shell.inclination_deg, shell.planes, shell.per_plane)
    assert best == shell.phasing


@pytest.mark.parametrize("altitude_km", [340.0, 550.0, 1200.0, 2000.0])
@pytest.mark.parametrize("inclination_deg", [0.0, 33.0, 53.0, 87.9, 97.6])
def test_altitude_is_sgp4s_mean_semi_major_axis(altitude_km: float, inclination_deg: float) -> None:
    satellite = circular_satrec(6378.137 + altitude_km, inclination_deg)
    assert abs(satellite.a * wgs72.radiusearthkm - 6378.137 - altitude_km) < ONE_MICROMETRE_KM


@pytest.mark.parametrize("inclination_deg", [33.0, 53.0, 70.0, 87.9, 97.6])
def test_rates_against_the_textbooks_first_order_j2(inclination_deg: float) -> None:
    # Vallado, Fundamentals of Astrodynamics and Applications, §9.6.1, for e = 0. SGP4 has more terms: the notes
    # measured 6e-6 along the orbit and 4e-3 of the node.
    shell = Shell("any", 550.0, inclination_deg, planes=1, per_plane=1, phasing=0)
    motion = math.sqrt(wgs72.mu / shell.semi_major_axis_km**3)
    pull = 1.5 * wgs72.j2 * (wgs72.radiusearthkm / shell.semi_major_axis_km) ** 2
    sin, cos = math.sin(math.radians(inclination_deg)), math.cos(math.radians(inclination_deg))
    found = rates(shell)
    assert found.argument_rad_s == pytest.approx(motion * (1.0 + pull * (3.0 - 4.0 * sin**2)), rel=1e-5)
    assert found.node_rad_s == pytest.approx(-pull * motion * cos, rel=5e-3)


def test_a_sun_synchronous_shell_turns_once_a_year() -> None:
    # 560 km and 97.6° were filed as Sun-synchronous: 360° in 365.2422 days.
    turn_deg = math.degrees(rates(Shell("polar", 560.0, 97.6, 6, 58, 0)).node_rad_s * 86_400.0 * 365.2422)
    assert turn_deg == pytest.approx(360.0, abs=3.0)


@pytest.mark.parametrize("share", [0.0, 0.1, 1 / 3, 0.5, 0.999, 1.0])
@pytest.mark.parametrize("per_plane", [1, 7, 22])
def test_lasers_are_as_many_as_stated_and_spread_evenly(share: float, per_plane: int) -> None:
    shell = Shell("any", 550.0, 53.0, planes=13, per_plane=per_plane, phasing=0, laser_share=share)
    marked = has_laser(shell)
    assert marked.sum() == round(share * shell.satellites)
    gaps = np.diff(np.flatnonzero(marked))
    assert gaps.size == 0 or gaps.max() - gaps.min() <= 1


def test_an_uneven_shell_says_what_would_be_even() -> None:
    table = {"name": "polar", "altitude_km": 600, "inclination_deg": 97, "planes": 7, "satellites": 40}
    (problem,) = read_shell(table, "scenario.toml", "constellation.shell 1")
    assert str(problem) == (
        'scenario.toml: constellation.shell 1: shell "polar" has 40 satellites in 7 planes; a Walker shell needs the '
        "same number in each plane. Try satellites = 42 or planes = 8."
    )


def test_a_shell_from_a_table_takes_the_safest_phasing_when_none_is_given() -> None:
    table = {"name": "610", "altitude_km": 610, "inclination_deg": 42, "planes": 36, "satellites": 1296}
    shell = read_shell(table, "f", "")
    assert isinstance(shell, Shell)
    assert (shell.per_plane, shell.phasing, shell.basis["phasing"]) == (36, 11, "assumed")


def test_all_that_is_wrong_with_a_table_is_said_at_once() -> None:
    table = {"name": "x", "altitude": 600, "inclination_deg": "steep", "planes": 2.5, "per_plane": True}
    said = [str(problem) for problem in read_shell(table, "f.toml", "shell 1")]
    assert len(said) == 5
    assert "Did you mean altitude_km?" in said[0]
    assert any("no altitude_km" in one for one in said)
    assert any("inclination_deg = 'steep'" in one for one in said)
    assert any("planes = 2.5" in one for one in said)
    assert any("per_plane = True" in one for one in said)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"altitude_km": 50.0}, "is at 50 km"),
        ({"altitude_km": 550_000.0}, "is at 550000 km"),
        ({"altitude_km": math.nan}, "altitude_km = nan"),
        ({"inclination_deg": -1.0}, "from 0 to 180"),
        ({"planes": 0}, "at least one plane"),
        ({"per_plane": 0}, "at least one"),
        ({"phasing": 72}, "from 0 to planes − 1, here 71"),
        ({"raan_span_deg": 0.0}, "above 0 and at most 360"),
        ({"laser_share": 1.5}, "from 0 to 1"),
        ({"satellites": 10}, "72 planes of 22 make 1584"),
        ({"name": ""}, "needs a name"),
        (
            {"mean_motion_rev_per_day": 13.66},
            "altitude_km = 550 and mean_motion_rev_per_day = 13.66; that mean motion is of",
        ),
        ({"mean_motion_rev_per_day": 0.0}, "must be above 0"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_each_rule_of_a_shell(change: dict[str, object], words: str) -> None:
    table = {"name": "s", "altitude_km": 550.0, "inclination_deg": 53.0, "planes": 72, "per_plane": 22, "phasing": 39}
    found = read_shell(table | change, "f.toml", "shell 1")
    assert not isinstance(found, Shell)
    assert [words in str(problem) for problem in found] == [True]


def test_a_mean_motion_that_agrees_changes_nothing() -> None:
    table = {"name": "s", "altitude_km": 550.0, "inclination_deg": 53.0, "planes": 72, "per_plane": 22, "phasing": 39}
    assert read_shell(table | {"mean_motion_rev_per_day": 15.06}, "f", "") == read_shell(table, "f", "")


def test_a_good_shell_has_no_problem() -> None:
    assert shell_problems(STARLINK, "f", "") == []
