"""Mean orbits and planes from states, against the mean elements that the states were made from.

Authority: SGP4. Element sets are moved by it for three hours and a half, a state a minute; their mean elements, and the
shells, planes and slots found among them, must come back.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from openleo.interchange import oem
from openleo.interchange.hypatia_text import circular_elements
from openleo.network import topology
from openleo.network.constellation import NO_PLANE, Constellation, from_elements, from_ephemerides, from_shells
from openleo.network.constellation.element_set import ElementSet
from openleo.network.constellation.elements import ElementSets
from openleo.network.constellation.ephemeris_set import EphemerisSet, read_ephemerides
from openleo.network.constellation.mean_orbits import mean_orbits
from openleo.network.constellation.planes import Orbits, Standing, orbits_at
from openleo.network.constellation.shells import Shell

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
FIFTY_METRES_KM = 0.05
ONE_HUNDREDTH_DEG = 0.01  # a plane is 0.9° wide, and a slot many degrees


def flown(tmp_path: Path, elements: list[ElementSet], *, minutes: int = 210, first_min: int = 0) -> EphemerisSet:
    """States of element sets, written as an OEM and read back."""
    constellation = from_elements("one", ElementSets(tuple(elements), (), "made here", ""))
    after_s = 60.0 * np.arange(first_min, first_min + minutes + 1.0)
    found = oem.states(constellation, range(len(elements)), EPOCH, after_s, "TEME")
    path = tmp_path / "made.oem"
    path.write_text("\n".join(oem.lines(constellation, found, created=EPOCH, originator="TEST")))
    return read_ephemerides(path)


def shell(**said: float) -> list[ElementSet]:
    made = Shell(**{"name": "a", "altitude_km": 550.0, "inclination_deg": 53.0, "planes": 6, "per_plane": 8,
                    "phasing": 5, "raan_offset_deg": 10.0, **said})  # type: ignore[arg-type]  # fmt: skip
    return circular_elements(from_shells("one", EPOCH, [replace(made, laser_share=1.0)]), EPOCH)


def apart(found: Orbits, expected: Orbits) -> tuple[float, float]:
    """The greatest difference in km and in degrees."""
    degrees = [
        (getattr(found, name) - getattr(expected, name) + 180.0) % 360.0 - 180.0
        for name in ("inclination_deg", "node_deg", "argument_deg")
    ]
    return float(np.abs(found.altitude_km - expected.altitude_km).max()), float(np.abs(degrees).max())


@pytest.mark.parametrize(
    ("altitude_km", "inclination_deg"), [(350.0, 43.0), (550.0, 53.0), (560.0, 97.6), (1200.0, 87.9)]
)
@pytest.mark.parametrize("later_min", [0, 100, 210, 600])
def test_mean_elements_come_back(tmp_path: Path, altitude_km: float, inclination_deg: float, later_min: int) -> None:
    elements = shell(altitude_km=altitude_km, inclination_deg=inclination_deg)
    elements = [replace(one, eccentricity=0.003, argument_of_perigee_deg=float(n)) for n, one in enumerate(elements)]
    at = EPOCH + timedelta(minutes=later_min)
    km, degrees = apart(mean_orbits(flown(tmp_path, elements), at), orbits_at(elements, at))
    assert km < FIFTY_METRES_KM
    assert degrees < ONE_HUNDREDTH_DEG * (1.0 if later_min <= 210 else 5.0)


def test_shells_planes_and_slots_come_back_and_so_do_their_links(tmp_path: Path) -> None:
    elements = shell() + [replace(one, id=one.id + 1000) for one in shell(altitude_km=600.0, planes=4, per_plane=11)]
    elements = [replace(one, name=f"s{n}") for n, one in enumerate(elements)]
    expected = from_elements("one", ElementSets(tuple(elements), (), "made here", ""))
    found = from_ephemerides("one", flown(tmp_path, elements))
    assert expected.planes == found.planes == 10
    np.testing.assert_array_equal(found.plane, expected.plane)
    assert found.shell_names == expected.shell_names
    assert joined(found) == joined(expected)


def joined(constellation: Constellation) -> set[tuple[int, int]]:
    links = topology.neighbours(constellation, "+grid")
    here, k = np.nonzero(links >= 0)
    return set(zip(here.tolist(), links[here, k].tolist(), strict=True))


def test_too_few_states_and_far_ones_are_in_no_plane(tmp_path: Path) -> None:
    elements = shell()
    short = from_ephemerides("one", flown(tmp_path, elements, minutes=80))  # a revolution takes 96
    assert (short.plane == NO_PLANE).all()
    assert short.placement is not None
    assert (short.placement.standing == Standing.UNPLACED).all()
    assert np.isnan(mean_orbits(flown(tmp_path, elements), EPOCH + timedelta(days=1.5)).altitude_km).all()
    eccentric = [replace(one, eccentricity=0.1, mean_motion_rev_per_day=12.0) for one in elements]
    assert np.isnan(mean_orbits(flown(tmp_path, eccentric), EPOCH).altitude_km).all()


def test_a_satellite_without_an_orbit_leaves_the_others_where_they_are(tmp_path: Path) -> None:
    elements = shell()
    elements[20] = replace(elements[20], eccentricity=0.1, mean_motion_rev_per_day=12.0)
    found = from_ephemerides("one", flown(tmp_path, elements))
    assert np.flatnonzero(found.plane == NO_PLANE).tolist() == [20]
    assert found.planes == 6
