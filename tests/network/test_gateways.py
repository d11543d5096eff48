"""Gateways and the fibre to their PoPs.

Authority for nearness: the haversine formula on the mean sphere, written here; geodesics on the ellipsoid differ by
at most 0.6 %. For the delay: light in G.652 fibre (group index 1.468) over the stated detour.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from openleo.network.ground import gateways, stations
from openleo.network.ground.gateways import Gateways
from openleo.network.ground.stations import Station

SPHERE_FOR_ELLIPSOID = 0.006


def read(name: str, detour: float = 1.5) -> Gateways:
    ground = [stations.read(name, kind, Path(), "", "")[0] for kind in ("gateways", "pops")]
    return gateways.join(*ground, detour)


def great_circle_km(gateway: Gateways) -> np.ndarray:
    """From every gateway to every PoP, axes (gateway, PoP)."""
    lat, lon = np.radians(gateway.latitude_deg)[:, None], np.radians(gateway.longitude_deg)[:, None]
    to_lat = np.radians([pop.latitude_deg for pop in gateway.pops])
    to_lon = np.radians([pop.longitude_deg for pop in gateway.pops])
    half = np.sin((to_lat - lat) / 2) ** 2 + np.cos(lat) * np.cos(to_lat) * np.sin((to_lon - lon) / 2) ** 2
    return 2.0 * 6371.0088 * np.arcsin(np.sqrt(half))


@pytest.mark.parametrize("name", stations.embedded("gateways"))
def test_the_pop_is_the_nearest_against_haversine(name: str) -> None:
    found = read(name)
    every_km = great_circle_km(found)
    chosen_km = every_km[np.arange(len(found)), found.pop]
    assert (chosen_km <= every_km.min(axis=1) * (1.0 + 2.0 * SPHERE_FOR_ELLIPSOID)).all()
    clear = np.partition(every_km, 1, axis=1)[:, 1] > every_km.min(axis=1) * (1.0 + 2.0 * SPHERE_FOR_ELLIPSOID)
    assert clear.mean() > 0.9
    assert (found.pop[clear] == every_km[clear].argmin(axis=1)).all()


@pytest.mark.parametrize("detour", [1.0, 1.5, 2.0])
def test_fibre_is_the_geodesic_times_the_detour_against_haversine(detour: float) -> None:
    found = read("starlink-2026", detour)
    geodesic_km = great_circle_km(found)[np.arange(len(found)), found.pop]
    np.testing.assert_allclose(found.fibre_km, geodesic_km * detour, rtol=SPHERE_FOR_ELLIPSOID, atol=1e-6)


def test_fibre_delay_by_hand() -> None:
    # A tenth of a degree along the equator is 11.1319 km on WGS 84 (6378.137 km · π / 1800).
    found = gateways.join(
        (Station("gateway", 0.0, 10.0),), (Station("near", 0.0, 10.1), Station("far", 1.0, 10.0)), 1.5
    )
    assert found.pop.tolist() == [0]
    assert found.fibre_km[0] == pytest.approx(11.131949 * 1.5, rel=1e-7)
    delay_ms = found.fibre_light_km[0] / 299_792.458 * 1000.0
    assert delay_ms == pytest.approx(11.131949 * 1.5 * 1.468 / 299.792458, rel=1e-7)


def test_nearness_reaches_over_the_antimeridian_and_the_pole() -> None:
    fiji = Station("Fiji", -17.0, 179.9)
    pops = (Station("across the line", -17.0, -179.8), Station("far", -17.0, 170.0))
    assert gateways.join((fiji,), pops, 1.0).pop.tolist() == [0]
    over_the_pole = (Station("behind the pole", 89.0, 180.0), Station("same meridian", 80.0, 0.0))
    assert gateways.join((Station("north", 89.0, 0.0),), over_the_pole, 1.0).pop.tolist() == [0]


def test_a_gateway_beside_its_pop_has_no_fibre() -> None:
    town = Station("town", 35.0, 139.0)
    assert gateways.join((town,), (town,), 1.5).fibre_km[0] == 0.0
