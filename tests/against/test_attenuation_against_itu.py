"""Attenuation against the ITU: validation examples of ITU-R Study Group 3 for P.838-3, P.618-13, P.676-12 and P.840-8.

The rows are a few of the ITU's "Validation examples for Study Group 3 Earth-space propagation prediction methods", as
they stand among the tests of ITU-Rpy. Where the package `itur` is installed, it is asked the same of many more places.
"""

from __future__ import annotations

import numpy as np
import pytest

from compared import apart, compared
from openleo.network.capacity import attenuation, clear_air
from openleo.network.capacity.feeders import both_fade_percent
from openleo.network.capacity.rain_grid import climate

TWO_PARTS_IN_TEN_THOUSAND = 2e-4

# elevation °, GHz, mm/h, tilt °, k, α, dB/km
SPECIFIC = [
    (31.07699124, 14.25, 26.48052, 0, 0.03975488, 1.12418043, 1.58130839),
    (40.232036, 14.25, 33.936232, 0, 0.04007624, 1.11804138, 2.06173213),
    (46.35969261, 29, 27.13586832, 0, 0.21978097, 0.9484851, 5.03135479),
    (22.27833468, 14.25, 50.639304, 0, 0.03949319, 1.12925336, 3.32139638),
    (52.67898486, 29, 78.2994993, 0, 0.21923716, 0.9464763, 13.59290086),
    (85.80459566, 14.25, 99.13558978, 90, 0.04133039, 1.09499629, 6.34064598),
    (20.14335809, 29, 42.91007183, 90, 0.21298877, 0.92265917, 6.83364556),
]

# latitude °, station km, GHz, elevation °, tilt °, percent, R0.01 mm/h, slant path below the rain km, dB
RAIN = [
    (51.5, 0.031382984, 14.25, 31.07699124, 0, 1, 26.48052, 4.690817392, 0.495317069),
    (51.5, 0.031382984, 14.25, 31.07699124, 0, 0.1, 26.48052, 4.690817392, 2.185847422),
    (51.5, 0.031382984, 14.25, 31.07699124, 0, 0.01, 26.48052, 4.690817392, 6.798072267),
    (51.5, 0.031382984, 14.25, 31.07699124, 0, 0.001, 26.48052, 4.690817392, 14.89982248),
    (41.9, 0.046122988, 29, 40.232036, 0, 0.01, 33.936232, 4.646913874, 28.74272193),
    (33.94, 0, 29, 46.35969261, 0, 0.1, 27.13586832, 3.542006965, 7.808322508),
    (22.9, 0, 14.25, 22.27833468, 0, 0.1, 50.639304, 10.96995451, 8.271647438),
    (22.9, 0, 29, 22.27833468, 0, 0.001, 50.639304, 10.96995451, 83.5996391),
    (25.78, 0.00861728, 29, 52.67898486, 0, 1, 78.2994993, 5.735098894, 6.654855651),
    (28.717, 0.209383699, 14.25, 48.24117054, 90, 0.01, 63.61888808, 6.768266217, 14.87213733),
    (3.133, 0.051251456, 29, 85.80459566, 90, 0.1, 99.15117186, 4.91990658, 48.81996807),
    (9.05, 2.539861878, 14.25, 20.14335809, 90, 0.01, 42.91007183, 6.516372436, 12.28976033),
]

# GHz, elevation °, percent, wet refractivity, dB; an antenna of 1 m and an efficiency of 0.65
SCINTILLATION = [
    (14.25, 31.07699124, 1, 50.38926222, 0.261931889),
    (14.25, 40.232036, 0.01, 61.21890044, 0.537426531),
    (20.0, 46.35969261, 0.1, 80.14015964, 0.453110954),
    (20.0, 22.27833468, 0.01, 104.3584747, 1.800431546),
    (14.25, 85.80459566, 1, 128.1408003, 0.221671285),
]

# elevation °, GHz, water vapour kg/m², station km, dB
GASES = [
    (31.07699124, 14.25, 33.72946527, 0.031382984, 0.226874038),
    (31.07699124, 29, 33.72946527, 0.031382984, 0.837659939),
    (40.232036, 14.25, 36.04810935, 0.046122988, 0.189480858),
    (40.232036, 29, 38.32964667, 0.046122988, 0.746677154),
    (46.35969261, 29, 43.41046058, 0.0, 0.753268313),
    (22.27833468, 14.25, 49.51318435, 0.0, 0.41148401),
    (22.27833468, 29, 54.63180904, 0.0, 1.795750719),
    (85.80459566, 14.25, 62.58469725, 0.051251456, 0.191742949),
    (20.14335809, 14.25, 25.92566906, 2.539861878, 0.222223506),
    (20.14335809, 29, 25.92566906, 2.539861878, 0.704136355),
]

# (gases, clouds, rain, scintillation, all), dB, of rows at 1 % and 0.01 %
TOTALS = [
    (0.226874038, 0.455169824, 0.495316047, 0.261931889, 1.212790721),
    (0.226874038, 0.455169824, 6.798060645, 0.628287291, 7.507265316),
    (1.627537069, 2.109942403, 59.62591066, 2.214953485, 63.40311131),
]


@pytest.mark.parametrize("row", SPECIFIC)
def test_specific_attenuation_is_the_itus(row):
    elevation, frequency, rain, tilt, k, alpha, gamma = row
    said = (*attenuation.rain_coefficients(frequency, elevation, tilt),)
    compared(
        authority="ITU-R",
        what="k and α of rain, P.838-3",
        theirs=(k, alpha),
        ours=said,
        relative=TWO_PARTS_IN_TEN_THOUSAND,
    )
    found = attenuation.specific_attenuation_db_km(rain, frequency, elevation, tilt)
    compared(
        authority="ITU-R",
        what="specific attenuation of rain, P.838-3",
        theirs=gamma,
        ours=found,
        relative=TWO_PARTS_IN_TEN_THOUSAND,
        unit="dB/km",
    )


@pytest.mark.parametrize("row", RAIN)
def test_rain_attenuation_for_a_given_r001_is_the_itus(row):
    latitude, station, frequency, elevation, tilt, percent, rain, slant_km, expected = row
    said = attenuation.rain_attenuation_db(
        latitude_deg=latitude,
        elevation_deg=elevation,
        frequency_ghz=frequency,
        percent=percent,
        r001_mm_h=rain,
        rain_height_km=station + slant_km * np.sin(np.deg2rad(elevation)),
        station_km=station,
        tilt_deg=tilt,
    )
    compared(
        authority="ITU-R",
        what="rain attenuation where R0.01 is given, P.618-13",
        theirs=expected,
        ours=said,
        relative=TWO_PARTS_IN_TEN_THOUSAND,
        unit="dB",
    )


def test_the_anchor_row_of_london():
    said = attenuation.rain_attenuation_db(
        latitude_deg=51.5,
        elevation_deg=31.077,
        frequency_ghz=14.25,
        percent=0.01,
        r001_mm_h=26.48052,
        rain_height_km=2.45273333,
        station_km=0.031382984,
        tilt_deg=0.0,
    )
    assert float(said) == pytest.approx(6.798, abs=5e-4)


@pytest.mark.parametrize("row", SCINTILLATION)
def test_scintillation_is_the_itus(row):
    frequency, elevation, percent, wet, expected = row
    said = attenuation.scintillation_fade_db(
        elevation_deg=elevation, frequency_ghz=frequency, percent=percent, wet_refractivity=wet, antenna_m=1.0
    )
    compared(
        authority="ITU-R",
        what="scintillation, P.618-13",
        theirs=expected,
        ours=said,
        relative=TWO_PARTS_IN_TEN_THOUSAND,
        unit="dB",
    )


@pytest.mark.parametrize("row", GASES)
def test_gases_are_near_the_itus(row):
    """Explicit formulas in place of the sum over all lines, and a standard temperature: within 3 % and 0.015 dB."""
    elevation, frequency, vapour, station, expected = row
    said = clear_air.gases_db(elevation_deg=elevation, frequency_ghz=frequency, station_km=station, vapour_kg_m2=vapour)
    assert float(said) == pytest.approx(expected, rel=0.03)
    compared(authority="ITU-R", what="gases, P.676-12", theirs=expected, ours=said, tolerance=0.015, unit="dB")


# GHz, hPa of dry air, K, km: equivalent height of oxygen by P.676-12, as ITU-Rpy 0.4.0 computes it
OXYGEN = [(12.0, 1013.25, 288.15, 4.884827), (29.0, 1013.25, 298.15, 5.237276), (29.0, 743.0, 290.2, 4.627600)]


@pytest.mark.parametrize("row", OXYGEN)
def test_the_height_of_oxygen_is_the_itus(row):
    frequency, pressure, temperature, expected = row
    said = clear_air.oxygen_height_km(frequency, pressure, temperature)
    compared(
        authority="ITU-Rpy",
        what="equivalent height of oxygen, as version 0.4.0 printed it",
        theirs=expected,
        ours=said,
        relative=TWO_PARTS_IN_TEN_THOUSAND,
        unit="km",
    )


def test_cloud_attenuation_goes_with_frequency_as_the_itus():
    """P.840-8's rows at one place: 1.77246907 dB at 29 GHz, 0.45516982 dB at 14.25 GHz, through the same cloud."""
    near, far = clear_air.liquid_water_db_per_kg_m2([14.25, 29.0])
    compared(
        authority="ITU-R",
        what="clouds at 29 GHz over clouds at 14.25 GHz, P.840-8",
        theirs=1.77246907 / 0.45516982,
        ours=far / near,
        relative=TWO_PARTS_IN_TEN_THOUSAND,
    )


@pytest.mark.parametrize("row", TOTALS)
def test_the_sum_of_all_is_the_itus(row):
    *parts, expected = row
    compared(
        authority="ITU-R",
        what="sum of all attenuations, P.618-13",
        theirs=expected,
        ours=attenuation.total_db(*parts),
        relative=1e-6,
        unit="dB",
    )


# P.837-7 and P.839-4: latitude, longitude, R0.01 mm/h, rain height km. Of rain the ITU's map has 0.125° a step and ours
# 1°, as means over boxes: near, and no more than that. The rain height's nodes are the ITU's, rounded.
PLACES = [
    (3.133, 101.7, 99.1481136, 4.95797440),
    (22.9, -43.23, 50.639304, 4.15877867),
    (23.0, 30.0, 0.0, 4.528),
    (25.78, -80.22, 78.2982928, 4.56946133),
    (28.717, 77.3, 63.5972464, 5.25820404),
    (33.94, 18.43, 27.1349664, 2.56330276),
    (41.9, 12.49, 33.936232, 3.04749333),
    (51.5, -0.14, 26.48052, 2.45273333),
]


@pytest.mark.parametrize("row", PLACES)
def test_the_coarse_grids_are_near_the_itus_maps(row):
    latitude, longitude, rain, height = row
    here = climate(latitude, longitude)
    most_mm_h = max(0.15 * rain, 1.0)
    apart(
        authority="ITU-R",
        what="R0.01 of a coarse grid, as a part of 15 % or 1 mm/h, P.837-7",
        apart=abs(here.r001_mm_h[0] - rain) / most_mm_h,
        tolerance=1.0,
        unit="of what is allowed",
    )
    compared(
        authority="ITU-R",
        what="rain height, P.839-4",
        theirs=height,
        ours=here.rain_height_km[0],
        tolerance=0.02,
        unit="km",
    )


def test_many_places_against_itur():
    """The same recommendations as another program has them; it is no dependency of ours (171 MB)."""
    pytest.importorskip("itur", reason="itur is not installed: pip install itur, to compare with it")
    import warnings

    random = np.random.default_rng(3)
    latitude, longitude = random.uniform(-60.0, 65.0, 200), random.uniform(-179.0, 179.0, 200)
    elevation = random.uniform(10.0, 89.0, 200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from itur.models import itu618, itu837, itu839

        rain = np.asarray(itu837.rainfall_rate(latitude, longitude, 0.01).value)
        height = np.asarray(itu839.rain_height(latitude, longitude).value)
        for frequency, percent in ((11.7, 0.5), (14.25, 0.05), (28.5, 2.0)):
            theirs = np.asarray(
                itu618.rain_attenuation(latitude, longitude, frequency, elevation, 0.0, percent, rain, 45).value
            )
            ours = attenuation.rain_attenuation_db(
                latitude_deg=latitude,
                elevation_deg=elevation,
                frequency_ghz=frequency,
                percent=percent,
                r001_mm_h=rain,
                rain_height_km=height,
                station_km=0.0,
            )
            compared(
                authority="ITU-Rpy",
                what="rain attenuation of 200 places",
                theirs=theirs[rain > 0.1],
                ours=ours[rain > 0.1],
                tolerance=1e-6,
                relative=TWO_PARTS_IN_TEN_THOUSAND,
                unit="dB",
            )


def test_two_sites_against_itur():
    """P.618-13, 2.2.4.1. It fits attenuations log-normally where we take how often they are exceeded: within a half."""
    pytest.importorskip("itur", reason="itur is not installed: pip install itur, to compare with it")
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from itur.models import itu618, itu837

        for latitude, longitude in ((51.5, -0.14), (1.3, 103.8), (25.03, 121.5)):
            rain = itu837.rainfall_rate(latitude, longitude, 0.01).value
            rains = float(itu837.rainfall_probability(latitude, longitude).value)
            faded = float(itu618.rain_attenuation(latitude, longitude, 28.5, 40.0, 0.0, 0.1, rain, 45).value)
            north = latitude + 20.0 / 111.195
            theirs = itu618.site_diversity_rain_outage_probability(
                latitude, longitude, faded, 40.0, north, longitude, faded, 40.0, 28.5, 45, 0.0, 0.0
            )
            ours = both_fade_percent((0.1, 0.1), (rains, rains), 20.0)
            compared(
                authority="ITU-Rpy",
                what="both of two gateways in rain (log-normal there, counted here)",
                theirs=float(np.ravel(getattr(theirs, "value", theirs))[0]),
                ours=ours,
                relative=0.5,
                unit="%",
            )
