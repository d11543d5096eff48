"""The catalogue: filed counts, a basis for every number, and no satellites in each other's way."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.spatial import cKDTree

from openleo.errors import InputError
from openleo.network import ephemeris
from openleo.network.constellation import catalogue, from_shells
from openleo.network.constellation.shells import BASES, Shell, closest_approach_km, safest_phasing

SATELLITES = {  # capacity of the filings, as published
    "starlink-gen1": 4408,
    "starlink-shell1": 1584,
    "kuiper": 3236,
    "oneweb": 720,
    "oneweb-flown": 588,
    "telesat-lightspeed": 198,
    "spacex-2016": 4425,
    "telesat-2016": 117,
    "guowang": 12992,
    "iris2": 264,
}
SHELLS = {(name, shell.name): shell for name in catalogue.names() for shell in catalogue.load(name).shells}
KEPT_APART_KM = 10.0


def every_shell(test):  # type: ignore[no-untyped-def]
    return pytest.mark.parametrize("shell", SHELLS.values(), ids=["/".join(key) for key in SHELLS])(test)


def test_the_catalogue_is_what_it_says() -> None:
    assert set(catalogue.names()) == set(SATELLITES)


@pytest.mark.parametrize(("name", "satellites"), SATELLITES.items())
def test_satellites_as_filed(name: str, satellites: int) -> None:
    system = catalogue.load(name)
    constellation = system.constellation()
    assert (system.name, system.satellites, len(constellation)) == (name, satellites, satellites)
    assert system.epoch == datetime(2026, 1, 1, tzinfo=UTC)
    assert system.filing
    assert len(constellation.sha256) == 64
    assert len(set(constellation.satellite_name)) == satellites


@every_shell
def test_every_number_has_a_basis(shell: Shell) -> None:
    assert {"altitude_km", "inclination_deg", "planes", "per_plane", "phasing", "raan_span_deg"} <= shell.basis.keys()
    assert set(shell.basis.values()) <= set(BASES)


@every_shell
def test_phasing_is_a_published_one_or_the_safest(shell: Shell) -> None:
    if shell.basis["phasing"] == "assumed":
        best = safest_phasing(
            shell.altitude_km, shell.inclination_deg, shell.planes, shell.per_plane, shell.raan_span_deg
        )
        assert shell.phasing == best
    assert closest_approach_km(shell) > KEPT_APART_KM


def nearest_km(shell: Shell, seconds: np.ndarray, step_s: float) -> float:
    """The least distance found by watching: at each instant every pair that could meet within half a step is taken on
    in straight lines. Knows nothing of the closed form: only positions."""
    constellation = from_shells("watched", datetime(2026, 1, 1, tzinfo=UTC), [shell])
    least = np.inf
    reach_km = 40.0 + 15.4 * step_s / 2.0  # two satellites at 340 km meet head on at 15.4 km/s
    for second in seconds:
        before, now, after = ephemeris.positions(
            constellation, constellation.epoch, [second - 0.05, second, second + 0.05]
        ).position_km
        pairs = cKDTree(now).query_pairs(reach_km, output_type="ndarray")
        if not len(pairs):
            continue
        one, other = pairs.T
        apart, speed = now[one] - now[other], ((after - before)[one] - (after - before)[other]) / 0.1
        when_s = -np.sum(apart * speed, axis=1) / np.maximum(np.sum(speed**2, axis=1), 1e-12)
        when_s = np.clip(when_s, -step_s / 2.0, step_s / 2.0)
        least = min(least, np.linalg.norm(apart + when_s[:, np.newaxis] * speed, axis=1).min())
    return float(least)


@pytest.mark.slow
@every_shell
def test_no_two_satellites_of_a_shell_come_near_each_other(shell: Shell) -> None:
    # All phases of half an orbit, each at another of the day's.
    step_s, half_orbit_s = 10.0, 2880.0
    phase_s = np.arange(0.0, 3300.0, step_s)  # half an orbit at 1,325 km is 3,360 s, at 508 km 2,840 s
    seconds = phase_s + half_orbit_s * np.random.default_rng(7).integers(0, 29, len(phase_s))
    assert nearest_km(shell, seconds, step_s) > KEPT_APART_KM


@pytest.mark.slow
@every_shell
def test_no_two_satellites_of_a_shell_come_near_each_other_over_a_day(shell: Shell) -> None:
    seen_km = nearest_km(shell, np.arange(0.0, 86_400.0, 10.0), 10.0)
    assert seen_km > KEPT_APART_KM
    if np.isfinite(seen_km) and seen_km < 100.0:  # beyond its reach the watch may miss the nearest pair
        assert seen_km == pytest.approx(closest_approach_km(shell), abs=0.5)


def test_a_name_nearly_right_is_offered() -> None:
    with pytest.raises(InputError, match="Did you mean starlink-gen1"):
        catalogue.load("starlink-gen")


def test_a_name_far_off_gets_the_list() -> None:
    with pytest.raises(InputError, match="The catalogue has guowang, iris2"):
        catalogue.load("zzz")


def test_a_file_at_fault_is_told_all_of_it() -> None:
    content = b"""
name = "x"
titel = "X"
operator = "X"
epoch = "soon"
filing = []
note = ""
[[shell]]
name = "a"
altitude_km = 550.0
inclination_deg = 53.0
planes = 7
satellites = 40
filed = ["altitude_km", "colour"]
assumed = ["altitude_km", "planes", "satellites"]
"""
    with pytest.raises(InputError) as caught:
        catalogue.read_system(content, "x.toml")
    said = str(caught.value)
    for words in (
        "'titel' is not a key of a system. Did you mean title?",
        "title is missing",
        "epoch is not an instant",
        "40 satellites in 7 planes",
        "filed names 'colour'",
        "altitude_km is both filed and assumed",
        "inclination_deg has no basis",
    ):
        assert words in said


def test_a_file_that_is_not_toml() -> None:
    with pytest.raises(InputError, match=r"x\.toml: it is not TOML"):
        catalogue.read_system(b"name = ", "x.toml")
