"""One path, hop by hop, and the passes over one place: the network as a single user meets it.

Takes a network and a place; gives the links a packet would cross at an instant, who is above the place and when, and
its hand-overs slot after slot. The same kernels as a whole run, for one site.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from openleo.geodesy import ecef_km, look_angles
from openleo.instants import SlotGrid, instant_text
from openleo.network import ephemeris
from openleo.network.kernels import paths
from openleo.network.reach import Network, gateway_sites, place_users, positions_over, reach, serve
from openleo.network.routing import routes
from openleo.network.visibility import Sites, admitted
from openleo.units import LIGHT_KM_PER_S, MS_PER_S

Floats = NDArray[np.float64]

USER_LINK, ISL, FEEDER_LINK, FIBRE, PROCESSING = (
    "user link",
    "inter-satellite link",
    "feeder link",
    "fibre",
    "processing",
)
PASS_STEP_S = 5.0


@dataclass(frozen=True)
class Point:
    """A place on the ground with the name it goes by."""

    name: str
    latitude_deg: float
    longitude_deg: float


@dataclass(frozen=True)
class Hop:
    """One link, one way. `delay_ms` of the processing counts there and back together."""

    kind: str
    start: str
    end: str
    length_km: float
    delay_ms: float


@dataclass(frozen=True)
class Path:
    """The hops from one end to the other; empty when there is no path, with the reason in `why_none`."""

    at: datetime
    hops: tuple[Hop, ...]
    rtt_ms: float | None
    why_none: str = ""


def to_internet(network: Network, grid: SlotGrid, place: Point, at: datetime) -> Path:
    """The path from a place to its PoP in the slot that holds `at`: what `plan` computes, with its links.

    Lengths are those at mid-slot. Under `least_change` nobody served before, so the least RTT decides.
    """
    slot = grid.slot_at(at)
    middle = grid.instant(slot) + timedelta(seconds=grid.slot_s / 2.0)
    users = _user(network, place)
    positions = positions_over(network, grid, slot, 1)
    with ThreadPoolExecutor(1) as pool:
        ways = routes(positions, network.gateways, gateway_sites(network), network.topology, pool)
        nobody = np.full(1, -1, np.int32)
        satellite, _, seen = serve(users, positions, ways, network.hand_over, grid.slot_s, nobody, pool, 1)
    if satellite[0, 0] < 0:
        return Path(middle, (), None, "no_gateway" if seen[0, 0] else "no_satellite")
    trail = _trail(int(satellite[0, 0]), ways.onward[0])
    gateways = network.gateways
    gateway = int(ways.gateway[0, trail[-1]])
    station, pop = gateways.stations[gateway], gateways.pops[gateways.pop[gateway]]
    here = ecef_km(place.latitude_deg, place.longitude_deg)
    there = ecef_km(station.latitude_deg, station.longitude_deg)
    hops = _sky_hops(network, positions.middle_km[0], trail, place.name, here, station.name, there, FEEDER_LINK)
    fibre_km, light_km = float(gateways.fibre_km[gateway]), float(gateways.fibre_light_km[gateway])
    hops.append(Hop(FIBRE, station.name, pop.name, fibre_km, light_km / LIGHT_KM_PER_S * MS_PER_S))
    one_way = sum(hop.delay_ms for hop in hops)
    hops.append(Hop(PROCESSING, "terminal, satellite, gateway and PoP", "", 0.0, network.processing_ms))
    return Path(middle, tuple(hops), 2.0 * one_way + network.processing_ms)


def between(network: Network, start: Point, end: Point, at: datetime) -> Path:
    """The shortest path between two places over satellites alone at an instant.

    No relay on the ground, and nothing added to light's time.
    """
    moved = ephemeris.positions(network.constellation, at, 0.0)
    position, usable = moved.position_km[0], moved.valid[0]
    first_km, last_km = (_ranges(position, usable, point, network) for point in (start, end))
    length_km, satellites = network.topology.lengths_km(position, usable), len(position)
    distance_km, onward = np.empty(satellites), np.empty(satellites, np.int32)
    paths.settle(last_km, network.topology.neighbours, length_km, distance_km, onward)
    total = first_km + distance_km
    entry = int(total.argmin())
    if not np.isfinite(total[entry]):
        blind = [point.name for point, km in ((start, first_km), (end, last_km)) if not np.isfinite(km).any()]
        return Path(
            at, (), None, f"no satellite above {' and '.join(blind)}" if blind else "no satellites join the two"
        )
    here, there = (ecef_km(point.latitude_deg, point.longitude_deg) for point in (start, end))
    hops = _sky_hops(network, position, _trail(entry, onward), start.name, here, end.name, there, USER_LINK)
    return Path(at, tuple(hops), 2.0 * sum(hop.delay_ms for hop in hops))


def _user(network: Network, place: Point) -> Sites:
    return place_users(network, np.array([place.latitude_deg]), np.array([place.longitude_deg]), [place.name])


def _ranges(position_km: Floats, usable: NDArray[np.bool_], point: Point, network: Network) -> Floats:
    """Slant range to each satellite to which the place's link counts; infinite to the others."""
    sight = position_km - ecef_km(point.latitude_deg, point.longitude_deg)
    distance = np.linalg.norm(sight, axis=1)
    return np.where(admitted(_user(network, point), position_km, usable)[0], distance, np.inf)


def _trail(satellite: int, onward: NDArray[np.int32]) -> list[int]:
    trail = [satellite]
    while onward[trail[-1]] >= 0:
        trail.append(int(onward[trail[-1]]))
    return trail


def _sky_hops(
    network: Network,
    position_km: Floats,
    trail: list[int],
    start: str,
    start_km: Floats,
    end: str,
    end_km: Floats,
    last: str,
) -> list[Hop]:
    names = [start, *(network.constellation.satellite_name[s] for s in trail), end]
    points = [start_km, *(position_km[s] for s in trail), end_km]
    kinds = [USER_LINK, *[ISL] * (len(trail) - 1), last]
    lengths = [float(np.linalg.norm(b - a)) for a, b in pairwise(points)]
    return [
        Hop(kind, a, b, length, length / LIGHT_KM_PER_S * MS_PER_S)
        for kind, (a, b), length in zip(kinds, pairwise(names), lengths, strict=True)
    ]


# --- passes -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pass:
    """One satellite above the mask. `rises` or `sets` is None where the pass runs beyond the time looked at."""

    satellite: str
    rises: datetime | None
    culminates: datetime
    sets: datetime | None
    elevation_deg_max: float
    azimuth_deg: Floats  # the track, one value each PASS_STEP_S
    elevation_deg: Floats


@dataclass(frozen=True)
class HandOver:
    """A change of the serving satellite between two slots; an empty name stands for nobody."""

    at: datetime
    from_satellite: str
    to_satellite: str
    why: str
    rtt_ms_before: float | None
    rtt_ms_after: float | None


def passes(network: Network, place: Point, start: datetime, duration_s: float) -> list[Pass]:
    """The satellites above a place's mask within a time, in the order they appear."""
    seconds = np.arange(0.0, duration_s + PASS_STEP_S / 2.0, PASS_STEP_S)
    moved = ephemeris.positions(network.constellation, start, seconds)
    azimuth, elevation, _ = look_angles(place.latitude_deg, place.longitude_deg, moved.position_km)
    above = (elevation >= network.user_elevation_deg) & moved.valid
    user = _user(network, place)
    if user.conditions.active:
        steps = zip(moved.position_km, above, strict=True)
        above = np.array([admitted(user, at_km, may)[0] for at_km, may in steps])
    found = []
    for satellite in np.flatnonzero(above.any(axis=0)):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], above[:, satellite], [False]]).astype(int)))
        for first, last in zip(edges[::2], edges[1::2] - 1, strict=True):
            top = first + int(elevation[first : last + 1, satellite].argmax())

            def at(step: int) -> datetime:
                return start + timedelta(seconds=float(seconds[step]))

            found.append(
                Pass(
                    network.constellation.satellite_name[satellite],
                    at(first) if first > 0 else None,
                    at(top),
                    at(last) if last < len(seconds) - 1 else None,
                    float(elevation[top, satellite]),
                    azimuth[first : last + 1, satellite],
                    elevation[first : last + 1, satellite],
                )
            )
    return sorted(found, key=lambda one: (one.rises or start, one.culminates))


def hand_overs(network: Network, grid: SlotGrid, place: Point) -> list[HandOver]:
    """Who serves a place first, and every change after that over the slots of a grid."""
    users = _user(network, place)
    chunks = list(reach(network, grid, users))
    satellite = np.concatenate([chunk.satellite[:, 0] for chunk in chunks])
    rtt = np.concatenate([chunk.rtt_ms[:, 0] for chunk in chunks])
    seen = np.concatenate([chunk.seen[:, 0] for chunk in chunks])
    found = []
    for slot in np.flatnonzero(np.diff(satellite, prepend=-2)):
        was = int(satellite[slot - 1]) if slot else -1
        now = int(satellite[slot])
        found.append(
            HandOver(
                grid.instant(int(slot)),
                _name(network, was),
                _name(network, now),
                _why(network, grid, place, int(slot), was, now, int(seen[slot])),
                _finite(rtt[slot - 1]) if slot else None,
                _finite(rtt[slot]),
            )
        )
    return found


def _why(network: Network, grid: SlotGrid, place: Point, slot: int, was: int, now: int, seen: int) -> str:
    if now < 0:
        return "no gateway" if seen else "no satellite"
    if was < 0:
        return "first service" if slot == 0 else "service returns"
    positions = positions_over(network, grid, slot, 1)
    instants = positions.at_km[:2] if positions.both_ends else positions.at_km[:1]
    ranges = [_ranges(at_km, positions.usable[0], place, network)[was] for at_km in instants]
    if not np.isfinite(ranges).all():
        return "the satellite leaves the mask"
    with ThreadPoolExecutor(1) as pool:
        ways = routes(positions, network.gateways, gateway_sites(network), network.topology, pool)
    if ways.onward[0, was] == paths.NO_WAY:
        return "the satellite loses its gateway"
    return f"{network.hand_over} prefers another"


def _name(network: Network, satellite: int) -> str:
    return network.constellation.satellite_name[satellite] if satellite >= 0 else ""


def _finite(value: float) -> float | None:
    return round(float(value), 3) if np.isfinite(value) else None


def describe(path: Path) -> str:
    """One line: the end-to-end time, or why there is none."""
    if path.rtt_ms is None:
        return f"{instant_text(path.at)}: no path ({path.why_none})"
    return f"{instant_text(path.at)}: {path.rtt_ms:.3f} ms there and back"
