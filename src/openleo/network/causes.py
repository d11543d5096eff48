"""What one cause puts out of order: a solar storm, debris, an aimed attack, a power region, the control plane.

Takes names, altitudes and places; gives Outages by name, as a table of a scenario would list them. How much is lost is
an input: no drag, no collision and no grid is computed. What is drawn asks for each thing one number of its own, made
of (seed, cause, name), against a share: a greater share loses all that a smaller one does, and more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from openleo.network.constellation import NO_PLANE, Constellation
from openleo.network.failures import Kind, Outage, plane_name, satellite_names
from openleo.network.ground.gateways import geodesics_km, places_of
from openleo.network.ground.stations import Station
from openleo.units import EARTH_RADIUS_KM, WGS72_RADIUS_KM

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Span:
    """From `begin` to before `end`; None: since ever, for ever."""

    begin: datetime | None = None
    end: datetime | None = None

    def after(self, hours: float) -> Span | None:
        """What is left when it begins later; None where nothing is. Since ever, it has begun long before."""
        if self.begin is None:
            return self
        begin = self.begin + timedelta(hours=hours)
        return Span(begin, self.end) if self.end is None or begin < self.end else None

    def out(self, kind: Kind, names: Sequence[str]) -> list[Outage]:
        """All of these are out."""
        return [Outage(kind, name, self.begin, self.end) for name in names]


def uniform(seed: int, cause: str, name: str) -> float:
    """A number of a thing's own in [0, 1), the same for the same arguments.

    >>> uniform(1, "storm", "a") == uniform(1, "storm", "a"), uniform(1, "storm", "a") == uniform(2, "storm", "a")
    (True, False)
    """
    digest = hashlib.blake2b(f"{seed} {cause} {name}".encode(), digest_size=8).digest()
    return float((int.from_bytes(digest, "little") >> 11) / 2**53)


def altitudes_km(constellation: Constellation) -> Floats:
    """(satellite,): mean semi-major axis less the equatorial radius; NaN where no mean orbit is found.

    Of shells the altitude that is filed; of element sets what SGP4 makes of the mean motion.
    """
    if constellation.shells:
        return np.asarray(constellation.semi_major_axis_km[constellation.plane] - EARTH_RADIUS_KM, np.float64)
    if constellation.elements:
        return np.array([one.satrec.a for one in constellation.elements]) * WGS72_RADIUS_KM - EARTH_RADIUS_KM
    if constellation.placement is None:
        return np.full(constellation.satellites, np.nan)
    return np.asarray(constellation.placement.orbits.altitude_km, np.float64)


def storm(
    seed: int, constellation: Constellation, bands: Sequence[tuple[float, float]], span: Span
) -> tuple[list[Outage], int]:
    """(satellites lost, how many fly in one of the bands). bands: (below how many km, share), the lowest first."""
    share = np.zeros(constellation.satellites)
    within = np.zeros(constellation.satellites, np.bool_)
    altitude_km = altitudes_km(constellation)
    for below_km, of_band in reversed(bands):
        share[altitude_km < below_km] = of_band
        within |= altitude_km < below_km
    names = satellite_names(constellation)
    lost = [names[one] for one in np.flatnonzero(within) if uniform(seed, "storm", names[one]) < share[one]]
    return span.out("satellite", lost), int(within.sum())


def debris(
    seed: int, constellation: Constellation, planes: Collection[str] | int, within_km: float, share: float, span: Span
) -> list[Outage]:
    """Planes lost, by name or so many drawn, and a share of the others' satellites near the altitude of one of them.

    A plane is as high as the median of its satellites.
    """
    number_of = {plane_name(constellation, plane): plane for plane in range(constellation.planes)}
    names = planes if not isinstance(planes, int) else drawn(seed, "debris plane", list(number_of), planes)
    gone = [number_of[name] for name in dict.fromkeys(names) if name in number_of]
    found = span.out("plane", list(dict.fromkeys(names)))
    if share == 0.0 or not gone:
        return found
    altitude_km = altitudes_km(constellation)
    heights_km = [float(np.median(altitude_km[constellation.plane == plane])) for plane in gone]
    near = np.zeros(constellation.satellites, np.bool_)
    for height_km in heights_km:
        near |= np.abs(altitude_km - height_km) <= within_km
    near &= ~np.isin(constellation.plane, gone) | (constellation.plane == NO_PLANE)
    own = satellite_names(constellation)
    hit = [own[one] for one in np.flatnonzero(near) if uniform(seed, "debris", own[one]) < share]
    return found + span.out("satellite", hit)


def drawn(seed: int, cause: str, names: Sequence[str], number: int) -> list[str]:
    """So many of the names by chance; more of them hold all of fewer."""
    return sorted(names, key=lambda name: (uniform(seed, cause, name), name))[:number]


def targeted(kind: Kind, load: Mapping[str, float], number: int, span: Span) -> list[Outage]:
    """So many things out of order: those of the greatest load, equal ones by name."""
    return span.out(kind, sorted(load, key=lambda name: (-load[name], name))[:number])


def within(stations: Sequence[Station], latitude_deg: float, longitude_deg: float, radius_km: float) -> list[str]:
    """The stations at most so far from a place along the WGS 84 geodesic."""
    centre = np.array([latitude_deg]), np.array([longitude_deg])
    distance_km = geodesics_km(*places_of(stations), *centre)[:, 0]
    return [one.name for one, km in zip(stations, distance_km, strict=True) if km <= radius_km]


def region(stations: Mapping[Kind, Sequence[str]], span: Span, hours_of_reserve: float) -> list[Outage]:
    """Stations without power, from the end of their reserve on; nothing where power is back before."""
    left = span.after(hours_of_reserve)
    return [one for kind, names in stations.items() for one in left.out(kind, names)] if left else []


def control(pops: Sequence[str], span: Span, leases_s: float) -> list[Outage]:
    """The control plane down: with the last lease nobody has a way out, as if every PoP were out of order.

    Satellites go on flying and are seen, so a place without a satellite in view still says so.
    """
    left = span.after(leases_s / 3600.0)
    return left.out("pop", pops) if left else []
