"""Budgets of links: geometry against vectors, the chain of published numbers, and what must always hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openleo.network.capacity import link_budget, rain_grid
from openleo.network.capacity.link_budget import LinkEnds, budget, channel_mbps
from openleo.network.capacity.modcods import dvb_s2x

ENDS = LinkEnds(
    frequency_ghz=11.7,
    bandwidth_mhz=240.0,
    roll_off=0.05,
    eirp_dbw=45.0,
    pfd_dbw_m2_4khz=-146.0,
    g_t_db_k=9.0,
    noise_k=250.0,
    c_over_i_db=None,
    satellite_scan_exponent=1.3,
    ground_scan_exponent=0.0,
    antenna_m=0.48,
)
UPWARDS = replace(
    ENDS, frequency_ghz=14.25, bandwidth_mhz=62.5, pfd_dbw_m2_4khz=None, ground_scan_exponent=1.3, downwards=False
)


# altitude km, elevation °, slant range km: the law of cosines on a sphere of 6378.137 km, worked out elsewhere
RANGES = [
    (550.0, 25.0, 1123.42),
    (550.0, 40.0, 812.11),
    (550.0, 90.0, 550.0),
    (540.0, 25.0, 1105.25),
    (1200.0, 55.0, 1411.95),
    (590.0, 35.0, 952.27),
    (525.0, 25.0, 1077.87),
]


@pytest.mark.parametrize(("altitude", "elevation", "expected"), RANGES)
def test_slant_range_to_ten_metres(altitude, elevation, expected):
    assert float(link_budget.slant_range_km(altitude, elevation)) == pytest.approx(expected, abs=0.005)


def test_slant_range_is_a_side_of_the_triangle():
    """Against plane geometry: the satellite stands at that range and elevation, at its altitude above the centre."""
    elevation = np.linspace(0.0, 90.0, 91)
    range_km = link_budget.slant_range_km(550.0, elevation)
    x, y = range_km * np.cos(np.deg2rad(elevation)), 6378.137 + range_km * np.sin(np.deg2rad(elevation))
    np.testing.assert_allclose(np.hypot(x, y), 6378.137 + 550.0, atol=1e-8)
    to_centre, to_place = np.stack([-x, -y]), np.stack([-x, 6378.137 - y])
    across = to_centre[0] * to_place[1] - to_centre[1] * to_place[0]
    angle = np.rad2deg(np.abs(np.arctan2(across, (to_centre * to_place).sum(axis=0))))
    np.testing.assert_allclose(link_budget.nadir_angle_deg(550.0, elevation), angle, atol=1e-9)


def test_free_space_loss_of_published_sheets():
    """174.82 dB at 11.7 GHz over 1123.42 km; 176.057 dB at 13.5 GHz over 1123.415 km (a sheet of saleos); 168.62 dB."""
    assert float(link_budget.free_space_loss_db(1123.42, 11.7)) == pytest.approx(174.82, abs=0.005)
    assert float(link_budget.free_space_loss_db(1123.415, 13.5)) == pytest.approx(176.06, abs=0.01)
    assert float(link_budget.free_space_loss_db(550.0, 11.7)) == pytest.approx(168.62, abs=0.005)


@pytest.mark.parametrize("elevation", [25.0, 40.0, 60.0, 90.0])
def test_the_chain_from_the_flux_limit_to_700_mbit_per_second(elevation):
    """−146 dB(W/m²) in 4 kHz and 9 dB/K at 11.7 GHz are 12.8 dB at any elevation, and about 700 Mbit/s in 240 MHz."""
    found = budget(ENDS, 550.0, elevation, None, 0.5)
    assert float(found.es_n0_db) == pytest.approx(12.76, abs=0.01)
    assert float(channel_mbps(ENDS, found.es_n0_db, dvb_s2x(), 2.0)) == pytest.approx(700.0, abs=10.0)


def test_the_terms_of_the_waterfall_add_up():
    for ends in (ENDS, UPWARDS, replace(UPWARDS, c_over_i_db=14.0)):
        found = budget(ends, 550.0, 33.0, rain_grid.climate(1.3, 103.8), 0.3)
        assert sum(value for _, value in found.steps()) == pytest.approx(float(found.es_n0_db[0]), abs=1e-9)
        assert found.rain_db[0] < -1.0


def test_rain_warms_a_receiver_on_the_ground_alone():
    here = rain_grid.climate(1.3, 103.8)
    assert budget(ENDS, 550.0, 33.0, here, 0.3).rain_noise_db[0] < -0.5
    assert budget(UPWARDS, 550.0, 33.0, here, 0.3).rain_noise_db[0] == 0.0


def test_the_way_up_term_by_term():
    """Worked out a second time, from the triangle and from watts."""
    found = budget(UPWARDS, 550.0, 40.0, None, 0.5)
    cosine = np.cos(np.deg2rad(40.0))
    off_nadir = np.sqrt(1.0 - (6378.137 / 6928.137 * cosine) ** 2)  # its cosine
    off_zenith = np.sin(np.deg2rad(40.0))
    watts = 10.0 ** (45.0 / 10.0) * off_nadir**1.3 * off_zenith**1.3
    wavelength_m = 0.299792458 / 14.25
    received = watts * (wavelength_m / (4.0 * np.pi * 812_107.0783)) ** 2 * 10.0 ** (9.0 / 10.0)  # over a kelvin
    symbols_hz = 62.5e6 / 1.05
    assert float(found.es_n0_db) == pytest.approx(10.0 * np.log10(received / 1.380649e-23 / symbols_hz), abs=1e-5)


def test_clear_air_is_in_the_receivers_noise_already():
    """G/T is that of a clear sky: without rain, clouds and turbulence nothing is added."""
    still = rain_grid.Climate(*(np.array([one]) for one in (0.0, 0.0, 5.0, 0.0, 0.0, 60.0, 60.0, 0.0, 0.0, 0.0, -36.0)))
    found = budget(ENDS, 550.0, 20.0, still, 0.5)
    assert found.gases_db[0] < -0.3
    assert found.rain_noise_db[0] == pytest.approx(0.0, abs=1e-9)


def test_rain_is_defined_to_five_percent():
    wet = rain_grid.climate(1.3, 103.8)
    assert budget(ENDS, 550.0, 40.0, wet, 5.0).rain_db[0] < -0.2
    assert budget(ENDS, 550.0, 40.0, wet, 5.001).rain_db[0] == 0.0


def test_columns_go_with_the_logarithm_of_the_percentage():
    here = rain_grid.climate(1.3, 103.8)
    assert here.vapour_kg_m2(0.01)[0] == here.vapour_kg_m2(1.0)[0] == here.vapour_1_kg_m2[0]
    middle = (here.vapour_1_kg_m2[0] + here.vapour_50_kg_m2[0]) / 2.0
    assert here.vapour_kg_m2(50.0**0.5)[0] == pytest.approx(middle)
    assert here.liquid_kg_m2(10.0)[0] == pytest.approx(here.liquid_10_kg_m2[0])


def test_ten_decibels_of_absorption_warm_by_nine_tenths_of_275_k():
    assert float(link_budget.rain_noise_db(10.0, 247.5)) == pytest.approx(10.0 * np.log10(2.0), abs=1e-12)


def test_interference_as_strong_as_noise_costs_three_decibels():
    assert float(link_budget.with_interference_db(12.0, 12.0)) == pytest.approx(12.0 - 10.0 * np.log10(2.0), abs=1e-12)


def test_the_flux_limit_is_kept_to():
    elevation = np.linspace(25.0, 90.0, 66)
    found = budget(ENDS, 550.0, elevation, None, 0.5)
    eirp = found.eirp_dbw + found.held_back_db + found.satellite_scan_db
    in_4khz = eirp - 10.0 * np.log10(ENDS.symbol_rate_hz / 4e3) - link_budget.spreading_db_m2(found.slant_range_km)
    assert in_4khz.max() == pytest.approx(-146.0, abs=1e-9)
    assert found.held_back_db.max() <= 0.0


def test_a_link_that_does_not_close_carries_nothing():
    """Some public models give the lowest MODCOD's rate at −13.7 dB; ours gives 0."""
    weak = replace(ENDS, eirp_dbw=0.0, pfd_dbw_m2_4khz=None)
    found = budget(weak, 1200.0, 25.0, None, 0.5)
    assert float(found.es_n0_db) < -13.0
    assert float(channel_mbps(weak, found.es_n0_db, dvb_s2x(), 0.0)) == 0.0


# Skies: any rain, height of rain, water and turbulence that there may be.
skies = st.builds(
    lambda latitude, rain, height, ground, vapour, liquid, wet: rain_grid.Climate(
        *(
            np.array([one])
            for one in (latitude, rain, height, 5.0, ground, vapour, vapour / 2, liquid, liquid / 2, 0.0, wet)
        )
    ),
    st.floats(-60, 60),
    st.floats(0.0, 160.0),
    st.floats(0.4, 6.0),
    st.floats(0.0, 5.0),
    st.floats(0.1, 75.0),
    st.floats(0.0, 4.0),
    st.floats(1.0, 140.0),
)
percents = st.floats(0.001, 50.0)


@given(skies, percents, st.floats(5.0, 90.0), st.floats(0.0, 60.0), st.sampled_from([ENDS, UPWARDS]))
def test_more_rain_never_raises_the_rate(sky, percent, elevation, more, ends):
    wetter = replace(sky, r001_mm_h=sky.r001_mm_h + more)
    before, after = (budget(ends, 550.0, elevation, one, percent).es_n0_db[0] for one in (sky, wetter))
    assert after <= before + 1e-9
    table = dvb_s2x()
    assert channel_mbps(ends, after, table, 2.0) <= channel_mbps(ends, before, table, 2.0)


@given(skies, st.floats(5.0, 90.0), percents, percents)
def test_what_is_exceeded_more_often_is_no_greater(sky, elevation, one, other):
    """But for scintillation, whose formula leaves its range (0.01 to 50 %) at the ends."""
    seldom, often = sorted((max(one, 0.01), max(other, 0.01)))
    rare, usual = (budget(ENDS, 550.0, elevation, sky, percent) for percent in (seldom, often))
    assert usual.es_n0_db[0] >= rare.es_n0_db[0] - 1e-9


@given(skies, st.floats(5.0, 90.0), percents)
def test_no_term_of_the_sky_is_a_gain(sky, elevation, percent):
    found = budget(ENDS, 550.0, elevation, sky, percent)
    for name in ("gases_db", "clouds_db", "rain_db", "rain_noise_db"):
        assert getattr(found, name)[0] <= 0.0
    assert np.isfinite(found.es_n0_db[0])


def test_a_sky_beyond_the_recommendations_is_refused():
    with pytest.raises(ValueError, match=r"not defined: 0\.001 to 50 %"):
        budget(ENDS, 550.0, 40.0, rain_grid.climate(0.0, 0.0), 60.0)
