"""Position from round trips: geometry against astropy, ellipses against the Cramér-Rao bound and Monte Carlo."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import EarthLocation
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from longer import longer
from openleo.geodesy import GEOD, ecef_km, look_angles
from openleo.network import ephemeris
from openleo.network.constellation import catalogue
from openleo.network.ranging import agreement, errors, sky, trials
from openleo.network.ranging.ellipse import Ellipse, around
from openleo.network.ranging.fix import RISE_95, locate, without_one
from openleo.network.ranging.ranges import KM_PER_MS, KM_PER_NS, Ranges, axes_at, covariance, residuals_km, track_axes
from openleo.network.ranging.trials import Setup, Trial
from openleo.units import LIGHT_KM_PER_S

SYSTEM = catalogue.load("starlink-gen1")
SATELLITES = SYSTEM.constellation()
SEEDS = st.integers(0, 2**32 - 1)
SHORTLY = settings(max_examples=12)
FLYING = errors.Errors(height=errors.IN_THE_AIR, speed_km_s=0.18)


def drawn(setup: Setup, seed: int) -> Trial:
    return trials.draw(SATELLITES, SYSTEM.epoch, setup, np.random.default_rng(seed))


def exact(trial: Trial) -> Ranges:
    """The trial's satellites, measured without any error."""
    ranges = trial.ranges
    place = ecef_km(trial.latitude_deg, trial.longitude_deg, ranges.errors.height.km)
    return replace(ranges, range_km=np.linalg.norm(ranges.position_km - place, axis=-1))


def away_km(trial: Trial, latitude_deg: float, longitude_deg: float) -> float:
    return float(GEOD.inv(longitude_deg, latitude_deg, trial.longitude_deg, trial.latitude_deg)[2]) / 1000.0


# --- against others -----------------------------------------------------------------------------------------------


def cramer_rao_km(trial: Trial) -> np.ndarray:
    """The bound on (east, north), km²: of place, height, bias and every satellite's error together, the last three
    with what is known of them; astropy places the terminal, and slopes are differences.
    """
    ranges, height = trial.ranges, trial.ranges.errors.height
    which = np.unique(ranges.satellite, return_inverse=True)[1]
    axes, of_satellites = track_axes(ranges), which.max() + 1
    metres_north = 111_132.95 - 559.85 * math.cos(2 * math.radians(trial.latitude_deg))

    def computed(unknown: np.ndarray) -> np.ndarray:
        there = EarthLocation.from_geodetic(
            trial.longitude_deg + unknown[1] / 100.0,
            trial.latitude_deg + unknown[0] / 100.0,
            (height.km + unknown[2]) * units.km,
        )
        terminal = np.array([there.x.to_value("km"), there.y.to_value("km"), there.z.to_value("km")])
        moved = ranges.position_km.copy()
        for number, axis in enumerate(axes):
            moved = moved + axis * unknown[6 + number * of_satellites + which][:, np.newaxis]
        went = (ranges.at_s - (ranges.at_s[0] + ranges.at_s[-1]) / 2.0)[:, np.newaxis] * (unknown[4:6] @ level)
        return np.linalg.norm(moved - terminal - went, axis=1) + unknown[3]

    lat, lon = math.radians(trial.latitude_deg), math.radians(trial.longitude_deg)
    level = np.array(
        [
            [-math.sin(lon), math.cos(lon), 0.0],
            [-math.sin(lat) * math.cos(lon), -math.sin(lat) * math.sin(lon), math.cos(lat)],
        ]
    )
    size, step = 6 + 3 * of_satellites, 1e-3
    slopes = np.stack([(computed(step * unit) - computed(-step * unit)) / (2 * step) for unit in np.eye(size)], axis=1)
    known = [0.0, 0.0, height.sigma_km**-2, (ranges.errors.bias_ns * KM_PER_NS) ** -2]
    known += 2 * [max(ranges.errors.speed_km_s, 1e-6) ** -2]
    sigma = np.array([ranges.ephemeris_km[which == one][0] for one in range(of_satellites)])
    known += [one for share in (1.0, errors.ACROSS, errors.ACROSS) for one in (share * sigma) ** -2]
    information = slopes.T @ (slopes / ranges.noise_km[:, np.newaxis] ** 2) + np.diag(known)
    bound = np.linalg.inv(information)[:2, :2]  # of hundredths of degrees north and east
    a, e2 = 6378.137, 0.00669437999014
    sine = math.sin(math.radians(trial.latitude_deg))
    east = math.radians(0.01) * a / math.sqrt(1 - e2 * sine**2) * math.cos(math.radians(trial.latitude_deg))
    north = math.radians(0.01) * a * (1 - e2) / (1 - e2 * sine**2) ** 1.5
    assert north == pytest.approx(metres_north * 1e-5, rel=1e-3)
    to_km = np.array([[0.0, east], [north, 0.0]])
    return to_km @ bound @ to_km.T


@SHORTLY
@given(
    seed=SEEDS,
    satellites=st.integers(2, 4),
    span_s=st.sampled_from([0.0, 8.0, 20.0]),
    speed_km_s=st.sampled_from([0.0, 0.01, 0.04]),
)
def test_covariance_against_cramer_rao_with_astropy(seed, satellites, span_s, speed_km_s):
    """The weighed slopes' covariance is the bound with every nuisance as a parameter of its own: to half a percent."""
    moving = errors.Errors(speed_km_s=speed_km_s)
    trial = drawn(Setup(satellites, span_s, every_s=4.0, ephemeris_km=0.3, errors=moving), seed)
    found, slope = covariance(trial.ranges, np.array(trial.latitude_deg), np.array(trial.longitude_deg))
    ours = np.linalg.inv(slope.T @ np.linalg.solve(found, slope))
    bound = cramer_rao_km(trial)
    assert ours == pytest.approx(bound, rel=5e-3, abs=5e-3 * float(np.trace(bound)))


@SHORTLY
@given(seed=SEEDS)
def test_ellipse_against_cramer_rao(seed):
    """Where three satellites are seen apart for 20 s, the traced ellipse is the bound's: to five percent."""
    trial = drawn(Setup(3, 20.0, every_s=4.0), seed)
    fix = locate(exact(trial))
    lengths = np.sqrt(RISE_95 * np.linalg.eigvalsh(cramer_rao_km(trial)))
    if lengths[1] > 2.0:
        return  # so long that it bends; the coverage of such is tested by its own
    ellipse = fix.places[0].ellipse
    assert [ellipse.semi_minor_km, ellipse.semi_major_km] == pytest.approx(lengths, rel=0.05)


@pytest.mark.slow
def test_scatter_of_the_estimator_against_its_ellipse():
    """250 times the same geometry with new errors: the places scatter as the ellipse says, within twelve percent."""
    trial, random = drawn(Setup(2, 20.0, every_s=2.0), 5), np.random.default_rng(6)
    places = []
    for _ in range(250):
        ranges = trials.measured(trial.ranges, trial.latitude_deg, trial.longitude_deg, random)
        best = locate(ranges).places[0]
        azimuth, _, metres = GEOD.inv(trial.longitude_deg, trial.latitude_deg, best.longitude_deg, best.latitude_deg)
        places.append([metres * math.sin(math.radians(azimuth)), metres * math.cos(math.radians(azimuth))])
    scatter_km = np.sqrt(RISE_95 * np.linalg.eigvalsh(np.cov(np.array(places).T / 1000.0)))
    ellipse = locate(exact(trial)).places[0].ellipse
    assert [ellipse.semi_minor_km, ellipse.semi_major_km] == pytest.approx(scatter_km, rel=0.12)


@given(
    azimuth=st.floats(0.0, 2.0 * math.pi),
    latitude=st.floats(-80.0, 80.0),
    phase=st.floats(-0.3, 0.3),
    inclination=st.floats(0.0, math.pi),
)
def test_a_round_trip_at_its_middle_against_both_legs_of_light(azimuth, latitude, phase, inclination):
    """Down from where the satellite sent, up to where it received, while the Earth turns: within a millimetre."""
    radius_km, rate, turn = 6928.137, 0.00109485, 7.2921159e-5

    def satellite(at_s: float) -> np.ndarray:
        along = phase + rate * at_s
        return radius_km * np.array(
            [math.cos(along), math.sin(along) * math.cos(inclination), math.sin(along) * math.sin(inclination)]
        )

    def terminal(at_s: float) -> np.ndarray:
        fixed = ecef_km(latitude, math.degrees(azimuth))
        cos, sin = math.cos(turn * at_s), math.sin(turn * at_s)
        return np.array([cos * fixed[0] - sin * fixed[1], sin * fixed[0] + cos * fixed[1], fixed[2]])

    sent_s, turned_s, received_s = -0.004, 0.0, 0.004
    for _ in range(30):  # light leaves the satellite, is turned around at instant 0, and comes back
        down_km = np.linalg.norm(satellite(sent_s) - terminal(turned_s))
        up_km = np.linalg.norm(satellite(received_s) - terminal(turned_s))
        sent_s, received_s = turned_s - down_km / LIGHT_KM_PER_S, turned_s + up_km / LIGHT_KM_PER_S
    middle_s = (sent_s + received_s) / 2.0
    at_middle_km = np.linalg.norm(satellite(middle_s) - terminal(middle_s))
    a_millimetre = 1e-6
    assert (received_s - sent_s) * 1000.0 * KM_PER_MS == pytest.approx(at_middle_km, abs=a_millimetre * 5)


def test_a_lookup_is_the_ephemeris_and_its_velocity():
    at = [SYSTEM.epoch + timedelta(seconds=one) for one in (10.0, 40.0, 40.0)]
    flown = sky.of(SATELLITES, SYSTEM.epoch)([7, 4000, 99_999], at)
    straight = ephemeris.positions(SATELLITES, SYSTEM.epoch, [10.0, 39.0, 40.0, 41.0]).position_km
    assert flown.there.tolist() == [True, True, False]
    assert flown.position_km[:2] == pytest.approx(np.stack([straight[0, 7], straight[2, 4000]]), abs=1e-6)
    assert flown.velocity_km_s[1] == pytest.approx((straight[3, 4000] - straight[1, 4000]) / 2.0, abs=1e-5)


def test_the_growth_of_public_elements_errors_is_the_published_one():
    """Medians of 1 km at 6 h and 38 km at 7 days: D. Jankovic, arXiv:2605.19850, of 24,641 pairs of Starlink's."""
    sigma = errors.public_elements_km(np.array([6.0, 168.0]) * 3600.0)
    errors_km = np.abs(np.random.default_rng(1).standard_normal((100_000, 2)) * sigma)
    assert np.median(errors_km, axis=0) == pytest.approx([1.0, 38.0], rel=0.02)


# --- what holds for any geometry ----------------------------------------------------------------------------------


@SHORTLY
@given(seed=SEEDS, satellites=st.integers(1, 3))
def test_exact_round_trips_give_the_place_back(seed, satellites):
    trial = drawn(Setup(satellites, 30.0, every_s=5.0), seed)
    fix = locate(exact(trial))
    if fix.problem == "no region":
        return
    assert fix.misfit < 0.1
    assert any(one.ellipse.holds(trial.latitude_deg, trial.longitude_deg) for one in fix.places)
    if fix.places[0].ellipse.semi_major_km < 20.0:  # right under a track the sum of squares is flat for kilometres
        assert min(away_km(trial, one.latitude_deg, one.longitude_deg) for one in fix.places) < 0.05


@SHORTLY
@given(seed=SEEDS)
def test_every_place_that_fits_sees_the_satellites_at_the_measured_distance(seed):
    trial = drawn(Setup(1, 10.0, every_s=2.0), seed)
    for one in locate(trial.ranges).places:
        residual = residuals_km(trial.ranges, np.array(one.latitude_deg), np.array(one.longitude_deg))
        assert np.abs(residual).max() < 5.0 * trial.ranges.errors.height.sigma_km
        elevation = look_angles(one.latitude_deg, one.longitude_deg, trial.ranges.position_km)[1]
        assert elevation.min() > 15.0


def coverage(setup: Setup, count: int, seed: int) -> tuple[float, float, float, int]:
    """(share of ellipses that hold the terminal, 95th percentile of the error in km, share with several places,
    how many were not located), of `count` draws.
    """
    random, held, miss_km, several, lost = np.random.default_rng(seed), 0, [], 0, 0
    for _ in range(count):
        trial = trials.draw(SATELLITES, SYSTEM.epoch, setup, random)
        fix = locate(trial.ranges)
        if not fix.located:
            lost += 1
            continue
        held += any(one.ellipse.holds(trial.latitude_deg, trial.longitude_deg) for one in fix.places)
        several += fix.ambiguous
        miss_km.append(min(away_km(trial, one.latitude_deg, one.longitude_deg) for one in fix.places))
    located = count - lost
    return held / located, float(np.percentile(miss_km, 95)), several / located, lost


def test_two_satellites_for_ten_seconds_place_a_terminal_well_within_ten_kilometres():
    held, miss_km, several, lost = coverage(Setup(2, 10.0, every_s=2.0), 120, 11)
    assert held >= float(binom.ppf(1e-4, 120, 0.95)) / 120
    assert miss_km < 2.0
    assert several < 0.05
    assert lost <= 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setup", "below_km"),
    [
        (Setup(1, 30.0, every_s=2.0, serving="any"), 10.0),
        pytest.param(Setup(1, 60.0, every_s=2.0), None, marks=longer),
        pytest.param(Setup(2, 10.0, every_s=2.0), 10.0, marks=longer),
        (Setup(2, 30.0, every_s=2.0, noise_ns=1000.0, ephemeris_km=0.3), 10.0),
        (Setup(3, 0.0), 10.0),
    ],
    ids=str,
)
def test_the_ellipse_holds_the_terminal_in_95_of_100_geometries(setup, below_km):
    """95 % within two percent over 800 random geometries (its own error is 0.8 %), or more: a covering ellipse of a
    bent region holds more than the region.
    """
    held, miss_km, _, lost = coverage(setup, 800, 3)
    assert 0.93 <= held <= 0.985
    assert lost <= 40
    if below_km is not None:
        assert miss_km <= below_km


@pytest.mark.slow
@pytest.mark.parametrize(("satellites", "span_s"), [(2, 30.0), pytest.param(2, 15.0, marks=longer), (3, 20.0)])
def test_in_the_air_the_ellipse_holds_the_terminal_in_95_of_100(satellites, span_s):
    """Heights and ways of kilometres are more than slopes say: both are estimated. 300 flights (1.3 % of its own)."""
    held, miss_km, several, lost = coverage(Setup(satellites, span_s, every_s=3.0, errors=FLYING), 300, 3)
    assert 0.92 <= held <= 0.99
    assert lost == 0
    assert several < 0.05
    assert miss_km < 6.0


def test_one_satellite_places_nobody_who_flies():
    assert locate(drawn(Setup(1, 60.0, every_s=4.0, errors=FLYING), 3).ranges).problem == "too few"


@SHORTLY
@given(seed=SEEDS)
def test_height_and_way_in_the_air_come_out_of_exact_round_trips(seed):
    """What is not as expected by a sigma, in four satellites' round trips: the place to 100 m with height and way."""
    trial = drawn(Setup(4, 30.0, every_s=5.0, errors=FLYING), seed)
    ranges, at = trial.ranges, (np.array(trial.latitude_deg), np.array(trial.longitude_deg))
    east, north, _ = axes_at(*at)
    place = ecef_km(trial.latitude_deg, trial.longitude_deg, FLYING.height.km + 3.5)
    way = (ranges.at_s - 15.0 - ranges.at_s.min())[:, np.newaxis] * (0.18 * east - 0.1 * north)
    fix = locate(replace(ranges, range_km=np.linalg.norm(ranges.position_km - place - way, axis=1)))
    assume(fix.places[0].ellipse.semi_major_km < 0.5)
    assert away_km(trial, fix.places[0].latitude_deg, fix.places[0].longitude_deg) < 0.1


def test_round_trips_fit_without_the_satellite_that_manoeuvred():
    trial = drawn(Setup(4, 20.0, every_s=4.0), 12)
    ranges = trial.ranges
    astray = int(ranges.satellite[0])
    moved = ranges.range_km + np.where(ranges.satellite == astray, 3.0, 0.0)
    broken = replace(ranges, range_km=moved)
    assert locate(broken).problem == "inconsistent"
    found = without_one(broken)
    assert list(found) == [astray]
    fix = found[astray][1]
    assert any(one.ellipse.holds(trial.latitude_deg, trial.longitude_deg) for one in fix.places)


@pytest.mark.slow
def test_a_thin_bent_region_is_followed_to_its_ends():
    """One satellite, ten seconds, the height known to 20 m: the region is long, thin and bent as a circle is."""
    errors_ = errors.Errors(bias_ns=10.0, height=errors.Height(0.0, 0.02))
    held, _, _, _ = coverage(Setup(1, 6.0, every_s=2.0, noise_ns=300.0, errors=errors_, serving="any"), 500, 4)
    assert held >= 0.92


# --- both sides of a track ----------------------------------------------------------------------------------------


def test_one_satellite_for_ten_seconds_leaves_both_sides_of_its_track_and_says_so():
    trial = drawn(Setup(1, 10.0, every_s=1.0, serving="any", mask_deg=35.0), 3)
    fix = locate(trial.ranges)
    assert fix.ambiguous
    first, second = fix.places[:2]
    apart_km = GEOD.inv(first.longitude_deg, first.latitude_deg, second.longitude_deg, second.latitude_deg)[2] / 1000
    assert apart_km > 100.0
    right = min(fix.places, key=lambda one: away_km(trial, one.latitude_deg, one.longitude_deg))
    beam = (trial.latitude_deg, trial.longitude_deg, 30.0)
    assert locate(trial.ranges, beam).places == (right,)


@SHORTLY
@given(seed=SEEDS)
def test_a_second_satellite_tells_the_sides_apart(seed):
    trial = drawn(Setup(2, 20.0, every_s=4.0), seed)
    fix = locate(trial.ranges)
    if fix.located and fix.places[0].ellipse.semi_major_km < 5.0:
        assert not fix.ambiguous


def test_a_beam_that_the_round_trips_cannot_come_from_makes_them_inconsistent():
    trial = drawn(Setup(2, 20.0, every_s=4.0), 8)
    assert locate(trial.ranges, (trial.latitude_deg - 3.0, trial.longitude_deg, 30.0)).problem == "inconsistent"


# --- what is refused ----------------------------------------------------------------------------------------------


def test_a_single_round_trip_locates_nobody():
    trial = drawn(Setup(1, 0.0), 1)
    assert locate(trial.ranges).problem == "too few"


def test_two_round_trips_of_one_moment_are_a_circle_and_no_region():
    trial = drawn(Setup(1, 0.02, every_s=0.02), 1)
    assert locate(trial.ranges).problem == "no region"


@SHORTLY
@given(seed=SEEDS, shift_km=st.sampled_from([-40.0, 25.0, 60.0]))
def test_round_trips_that_fit_nowhere_are_refused(seed, shift_km):
    """One of three satellites' distances is off by tens of km: a forged answer, or an ephemeris after a manoeuvre."""
    trial = drawn(Setup(3, 20.0, every_s=4.0), seed)
    forged = trial.ranges.satellite == trial.ranges.satellite[-1]
    shifted = replace(trial.ranges, range_km=trial.ranges.range_km + np.where(forged, shift_km, 0.0))
    assert locate(trial.ranges).problem != "inconsistent"
    assert locate(shifted).problem == "inconsistent"


@settings(max_examples=40)
@given(seed=SEEDS, azimuth=st.floats(0.0, 360.0), apart_km=st.floats(5.0, 300.0))
def test_late_answers_cannot_move_a_terminal_to_where_satellites_stand_all_around(seed, azimuth, apart_km):
    """Wherever the terminal is, some satellite is nearer to the false place: its answer would have to be early."""
    trial = drawn(Setup(6, 0.0), seed)
    angles = np.sort(look_angles(trial.latitude_deg, trial.longitude_deg, trial.ranges.position_km)[0])
    assume(np.diff([*angles, angles[0] + 360.0]).max() < 120.0)
    lon, lat, _ = GEOD.fwd(trial.longitude_deg, trial.latitude_deg, azimuth, apart_km * 1000.0)
    from_false_km, from_true_km = (
        np.linalg.norm(trial.ranges.position_km - ecef_km(*one), axis=1)
        for one in ((trial.latitude_deg, trial.longitude_deg), (lat, lon))
    )
    assert (from_false_km - from_true_km).min() < 0.0


# --- ellipses and discs -------------------------------------------------------------------------------------------

LENGTHS = st.floats(0.05, 150.0)


@given(a=LENGTHS, share=st.floats(0.01, 1.0), azimuth=st.floats(0.0, 179.9), latitude=st.floats(-70.0, 70.0))
@example(a=50.0, share=0.04, azimuth=30.0, latitude=48.0)
def test_discs_cover_their_ellipse(a, share, azimuth, latitude):
    ellipse = Ellipse(latitude, 179.9, a, a * share, azimuth)
    discs = ellipse.discs()
    angle, reach = np.meshgrid(np.linspace(0.0, 2.0 * np.pi, 60), [0.3, 0.7, 0.999])
    along, across = a * reach * np.cos(angle), a * share * reach * np.sin(angle)
    bearing = azimuth + np.degrees(np.arctan2(across, along))
    blank = np.zeros_like(bearing)
    lon, lat, _ = GEOD.fwd(179.9 + blank, latitude + blank, bearing, 1000.0 * np.hypot(along, across))
    covered = np.zeros(lat.shape, dtype=bool)
    for at_lat, at_lon, radius_m in discs:
        covered |= GEOD.inv(at_lon + blank, at_lat + blank, lon, lat)[2] <= radius_m
    assert covered.all()
    assert len(discs) <= 16
    assert all(ellipse.holds(float(one), float(other)) for one, other in zip(lat[1], lon[1], strict=True))


def test_the_discs_of_a_long_ellipse_stay_close_to_it():
    """2 × 50 km: no disc reaches farther than 4.1 km from the axis, where one disc alone reaches 50."""
    radii_m = [radius for _, _, radius in Ellipse(47.0, 15.0, 50.0, 2.0, 30.0).discs()]
    assert max(radii_m) < 4_100.0
    assert Ellipse(47.0, 15.0, 50.0, 2.0, 30.0).discs(1)[0][2] == pytest.approx(50_100.0)


@given(a=LENGTHS, share=st.floats(0.05, 0.95), azimuth=st.floats(1.0, 179.0))
def test_the_ellipse_around_an_ellipse_is_itself(a, share, azimuth):
    angle = np.arange(24) * 2.0 * np.pi / 24
    along, across = a * np.cos(angle), a * share * np.sin(angle)
    turn = math.radians(azimuth)
    east = along * math.sin(turn) + across * math.cos(turn)
    north = along * math.cos(turn) - across * math.sin(turn)
    found = around(10.0, 20.0, np.stack([east, north], axis=1))
    assert (found.semi_major_km, found.semi_minor_km) == pytest.approx((a, a * share), rel=1e-6)
    assert found.azimuth_deg == pytest.approx(azimuth, abs=1e-4)


# --- agreement ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_honest_reports_disagree_as_often_as_was_chosen():
    """At a rate of 5 %, 300 honest terminals of 30 m: between 2.3 and 8.4 % (the binomial's own 0.1 % tails)."""
    random, alarms = np.random.default_rng(21), 0
    for number in range(300):
        trial = trials.draw(SATELLITES, SYSTEM.epoch, Setup(1 + number % 3, 20.0, every_s=4.0), random)
        here = (trial.latitude_deg, trial.longitude_deg, 0.03)
        alarms += not agreement.compare(trial.ranges, locate(trial.ranges), here, 0.05).agrees
    assert binom.ppf(0.001, 300, 0.05) <= alarms <= binom.ppf(0.999, 300, 0.05)


@SHORTLY
@given(seed=SEEDS, azimuth=st.floats(0.0, 360.0))
def test_a_report_from_far_away_disagrees_and_the_own_place_does_not(seed, azimuth):
    trial = drawn(Setup(3, 20.0, every_s=4.0), seed)
    fix = locate(trial.ranges)
    lon, lat, _ = GEOD.fwd(trial.longitude_deg, trial.latitude_deg, azimuth, 60_000.0)
    assert agreement.compare(trial.ranges, fix, (trial.latitude_deg, trial.longitude_deg, 0.03)).agrees
    far = agreement.compare(trial.ranges, fix, (lat, lon, 0.03))
    assert not far.agrees
    assert far.away_km == pytest.approx(60.0, abs=5.0)
    assert agreement.compare(trial.ranges, fix, (lat, lon, 200.0)).agrees  # who says little contradicts little
