"""What the page draws a network from, sent once: how its satellites move, their links, the ground, the borders.

Takes a case; gives one JSON-able value, the same for the same network. Where a satellite is at an instant is never
sent: the page moves each by the numbers given here, circles exactly as `ephemeris` moves shells, element sets by SGP4.
Satellites of files of ephemerides cannot be moved so, and are left out with a word that says it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.console.borders import borders
from openleo.network.constellation import Constellation
from openleo.network.ground.stations import Station
from openleo.network.topology import Topology
from openleo.results import Case

FORM = "openleo-scene@v1"
ANGLE_DIGITS = 8  # of a radian: 7 cm along an orbit
LENGTH_DIGITS = 4  # of a kilometre: 10 cm
ATTRIBUTION = (
    "Borders and coasts: Natural Earth 1:50m (public domain), simplified to 4 km, with contested areas by OpenLEO.",
    "Satellites, gateways and PoPs: the scenario's own sources.",
)
POSIX = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND, MICROSECOND = timedelta(milliseconds=1), timedelta(microseconds=1)


def scene(case: Case) -> dict[str, Any]:
    """Everything about a network that does not change from slot to slot."""
    network = case.network
    slot_ms = round(case.grid.slot_s * 1000)
    start_ms = milliseconds(case.grid.start)
    return {
        "form": FORM,
        "name": case.name,
        "network": case.network_sha256,
        "start_ms": start_ms,
        "slot_ms": slot_ms,
        "slot_phase_ms": start_ms % slot_ms,
        "resolution": case.resolution,
        "classes": list(case.classes),
        "user_elevation_deg": network.user_elevation_deg,
        "satellites": satellites(network.constellation),
        "isl": links(network.topology),
        "gateways": [_station(one) for one in network.gateways.stations],
        "pops": [_station(one) for one in network.gateways.pops],
        "borders": borders(),
        "attribution": list(ATTRIBUTION),
    }


def milliseconds(at: datetime) -> int:
    """Since 1970, as the page counts time."""
    return (at - POSIX) // MILLISECOND


def satellites(constellation: Constellation) -> dict[str, Any]:
    """What the page moves the satellites by: columns, in the order in which plans number them."""
    names = {"name": list(constellation.satellite_name)}
    if constellation.elements:
        return {"moved_by": "sgp4"} | names | _elements(constellation)
    if constellation.ephemerides is not None:
        return {"moved_by": "nothing"} | names
    return {"moved_by": "circles"} | names | _circles(constellation)


def links(topology: Topology) -> list[int]:
    """The pairs of satellites that may be joined, the smaller number first: a flat list, two numbers a link."""
    here = np.repeat(np.arange(len(topology.neighbours), dtype=np.int32), topology.neighbours.shape[1])
    there = topology.neighbours.ravel()
    joined = there >= 0
    pairs = np.sort(np.column_stack([here[joined], there[joined]]), axis=1)
    flat: list[int] = np.unique(pairs, axis=0).ravel().tolist()
    return flat


def _circles(constellation: Constellation) -> dict[str, Any]:
    """Columns of planes, and each satellite's argument of latitude at the epoch.

    Rates are not rounded: an error in them grows with every second since the epoch.
    """
    return {
        "epoch_ms": (constellation.epoch - POSIX) // MILLISECOND,
        "plane_first": constellation.plane_first.tolist(),
        "plane_count": constellation.plane_count.tolist(),
        "semi_major_axis_km": _rounded(constellation.semi_major_axis_km, LENGTH_DIGITS),
        "inclination_rad": _rounded(constellation.inclination_rad, ANGLE_DIGITS),
        "raan_rad": _rounded(constellation.raan_rad, ANGLE_DIGITS),
        "raan_rate_rad_s": constellation.raan_rate_rad_s.tolist(),
        "argument_rate_rad_s": constellation.argument_rate_rad_s.tolist(),
        "argument_rad": _rounded(constellation.argument_rad, ANGLE_DIGITS),
    }


def _elements(constellation: Constellation) -> dict[str, Any]:
    """Columns of the mean elements as an OMM has them; an epoch in whole microseconds, as it was written."""
    sets = constellation.elements
    return {
        "epoch_us": [(one.epoch - POSIX) // MICROSECOND for one in sets],
        "mean_motion_rev_per_day": [one.mean_motion_rev_per_day for one in sets],
        "eccentricity": [one.eccentricity for one in sets],
        "inclination_deg": [one.inclination_deg for one in sets],
        "raan_deg": [one.raan_deg for one in sets],
        "argument_of_perigee_deg": [one.argument_of_perigee_deg for one in sets],
        "mean_anomaly_deg": [one.mean_anomaly_deg for one in sets],
        "bstar_per_earth_radius": [one.bstar_per_earth_radius for one in sets],
    }


def _station(station: Station) -> dict[str, Any]:
    return {
        "name": station.name,
        "lat_deg": station.latitude_deg,
        "lon_deg": station.longitude_deg,
        "territory": station.territory,
    }


def _rounded(values: NDArray[np.float64], digits: int) -> list[float]:
    rounded: list[float] = np.round(values, digits).tolist()
    return rounded
