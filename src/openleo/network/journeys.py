"""One path, hop by hop, and the passes over one place: the network as a single user meets it.

Takes a network and a place; gives the links a packet would cross at an instant, who is above the place and when, and
its hand-overs slot after slot. The same kernels as a whole run, for one site.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from openleo.geodesy import ecef_km, look_angles
from openleo.instants import SlotGrid, instant_text
from openleo.network import chain, ephemeris, k_paths
from openleo.network.ground.tracks import Track, Whereabouts
from openleo.network.hand_overs import NOT_THERE, HandOver, in_words, reasons
from openleo.network.hand_overs import hand_overs as changes_of
from openleo.network.pop_reach import pop_of_user, towards
from openleo.network.reach import Network, gateway_sites, place_users, positions_over, serve
from openleo.network.routing import Positions, Routes, routes
from openleo.network.topology import Topology
from openleo.network.visibility import Sites, admitted
from openleo.network.watch import watch, whereabouts
from openleo.places import point
from openleo.places.territories import HIGH_SEAS
from openleo.units import LIGHT_KM_PER_S, MS_PER_S

Floats = NDArray[np.float64]

LONGER_WAY, SCHEDULING, POP = "longer way", "scheduling", "PoP"  # of the chain
USER_LINK, ISL, FEEDER_LINK, FIBRE, PROCESSING = (
    "user link",
    "inter-satellite link",
    "feeder link",
    "fibre",
    "processing",
)
PASS_STEP_S = 5.0
POSITIONS_IN_CHUNK = 500_000  # satellites × instants looked at together: 12 MB of positions and as much again of angles


@dataclass(frozen=True)
class Point:
    """A place on the ground with the name it goes by."""

    name: str
    latitude_deg: float
    longitude_deg: float
    altitude_km: float = 0.0  # above the ellipsoid
    moves: bool = False  # along a track: its name is the track's, and no place's horizon holds for it

    @property
    def position_km(self) -> Floats:
        return ecef_km(self.latitude_deg, self.longitude_deg, self.altitude_km)


def point_of(track: Track, at: datetime) -> Point | None:
    """Where the user on a track is at an instant; None before it sets out and after it has arrived."""
    return _points(track.name, track.at(at, np.zeros(1)))[0]


def _points(name: str, where: Whereabouts) -> list[Point | None]:
    columns = (where.latitude_deg, where.longitude_deg, where.altitude_km)
    return [
        Point(name, float(latitude), float(longitude), float(altitude), moves=True) if there else None
        for latitude, longitude, altitude, there in zip(*columns, where.there, strict=True)
    ]


@dataclass(frozen=True)
class Hop:
    """One link, one way. `delay_ms` of the processing (scheduling, PoP) counts there and back together."""

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


def to_internet(network: Network, grid: SlotGrid, user: Point | Track, at: datetime) -> Path:
    """The path from a user to its PoP in the slot that holds `at`: what `plan` computes, with its links.

    Lengths are those at mid-slot. Under `least_change` nobody served before, so the least RTT decides.
    """
    return _to_its_pop(seen_by(network, user), grid, user, at)


def to_pop(network: Network, grid: SlotGrid, user: Point | Track, pop: int, at: datetime) -> Path:
    """As `to_internet`, to a PoP by its number: by gateways with a fibre to it alone, whoever else is nearer."""
    return _to_its_pop(towards(network, pop), grid, user, at)


def _to_its_pop(network: Network, grid: SlotGrid, user: Point | Track, at: datetime) -> Path:
    """As `to_internet`, over a network as the user sees it."""
    slot = grid.slot_at(at)
    middle = grid.instant(slot) + timedelta(seconds=grid.slot_s / 2.0)
    positions = positions_over(network, grid, slot, 1)
    place = centre = user if isinstance(user, Point) else None
    if isinstance(user, Track):
        place, centre = (_points(user.name, one)[0] for one in whereabouts(user, grid, slot, 1, positions.both_ends))
    if place is None or centre is None:
        return Path(middle, (), None, reasons(network.hand_over)[NOT_THERE])
    users = _site(network, place)
    with ThreadPoolExecutor(1) as pool:
        ways = routes(positions, network.gateways, gateway_sites(network), network.topology, pool)
        nobody = np.full(1, -1, np.int32)
        satellite, _, seen = serve(users, positions, ways, network.hand_over, grid.slot_s, nobody, pool, 1)
    if satellite[0, 0] < 0:
        return Path(middle, (), None, "no_gateway" if seen[0, 0] else "no_satellite")
    return landed(network, positions, ways, int(satellite[0, 0]), centre, middle)


def landed(network: Network, positions: Positions, ways: Routes, satellite: int, user: Point, middle: datetime) -> Path:
    """The path from a user over its serving satellite to the PoP, in the first slot of those positions."""
    trail = _trail(satellite, ways.onward[0])
    gateways = positions.networks[0].gateways if positions.networks else network.gateways
    gateway = int(ways.gateway[0, trail[-1]])
    station, pop = gateways.stations[gateway], gateways.pops[gateways.pop[gateway]]
    there = ecef_km(station.latitude_deg, station.longitude_deg)
    names, at_km = network.constellation.satellite_name, positions.middle_km[0]
    hops = _sky_hops(names, at_km, trail, user.name, user.position_km, station.name, there, FEEDER_LINK)
    fibre_km, light_km = float(gateways.fibre_km[gateway]), float(gateways.fibre_light_km[gateway])
    hops.append(Hop(FIBRE, station.name, pop.name, fibre_km, light_km / LIGHT_KM_PER_S * MS_PER_S))
    if network.chain is not None:
        return _by_chain(network.chain, middle, hops, pop.name)
    one_way = sum(hop.delay_ms for hop in hops)
    hops.append(Hop(PROCESSING, "terminal, satellite, gateway and PoP", "", 0.0, network.processing_ms))
    return Path(middle, tuple(hops), 2.0 * one_way + network.processing_ms)


def seen_by(network: Network, user: Point | Track) -> Network:
    """The network as a user sees it: with gateways joined to its PoP alone, where territories have theirs.

    A user on a track keeps the PoP of where it sets out, as an account does. Of several PoPs it is given the nearest,
    as a cell there is; where all are out of a bent pipe's reach, the one with the largest share.
    """
    if network.serving is None:
        return network
    start = user if isinstance(user, Point) else _points(user.name, user.at(user.first, np.zeros(1)))[0]
    assert start is not None
    found = point.where(start.latitude_deg, start.longitude_deg, 0.0)
    label = found.labels[0] if found else HIGH_SEAS
    return towards(network, pop_of_user(network, label, start.latitude_deg, start.longitude_deg))


def _by_chain(constants: chain.Constants, at: datetime, hops: list[Hop], pop: str) -> Path:
    """A path with all terms of the chain."""
    length = {kind: sum(hop.length_km for hop in hops if hop.kind == kind) for kind in (USER_LINK, ISL, FEEDER_LINK)}
    light_km = next(hop.delay_ms for hop in hops if hop.kind == FIBRE) / MS_PER_S * LIGHT_KM_PER_S
    terms = chain.chain_of(constants, length[USER_LINK], length[ISL], length[FEEDER_LINK], light_km)
    longer = Hop(LONGER_WAY, "over what the shortest way is", "", 0.0, terms.longer_way_ms / 2.0)
    waiting = Hop(SCHEDULING, f"± {constants.jitter_ms:g} ms: terminal, satellite, gateway", "", 0.0,
                  terms.scheduling_ms)  # fmt: skip
    return Path(at, (*hops, longer, waiting, Hop(POP, pop, "", 0.0, terms.pop_ms)), terms.rtt_ms)


def between(network: Network, user: Point | Track, end: Point, at: datetime) -> Path:
    """The shortest path from a user to a place over satellites alone at an instant.

    No relay on the ground, and nothing added to light's time.
    """
    start = user if isinstance(user, Point) else point_of(user, at)
    if start is None:
        return Path(at, (), None, reasons(network.hand_over)[NOT_THERE])
    sky = _sky_at(network, at)
    return shortest(sky, _end(network, sky, start), _end(network, sky, end))


def between_all(
    network: Network, pairs: Sequence[tuple[Point | Track, Point | Track]], at: datetime
) -> list[Path | None]:
    """As `between`, of many pairs at an instant, with satellites moved once; None where one of them is not there."""
    sky, users = _sky_at(network, at), {id(one): one for pair in pairs for one in pair}
    there = {key: one if isinstance(one, Point) else point_of(one, at) for key, one in users.items()}
    ends = {key: None if one is None else _end(network, sky, one) for key, one in there.items()}
    joined = [(ends[id(start)], ends[id(end)]) for start, end in pairs]
    return [None if start is None or end is None else shortest(sky, start, end) for start, end in joined]


@dataclass(frozen=True)
class SkyAt:
    """The satellites at an instant. names, position_km (satellite, xyz), usable (satellite); the links there may be."""

    at: datetime
    names: Sequence[str]
    position_km: Floats
    usable: NDArray[np.bool_]
    topology: Topology


@dataclass(frozen=True)
class End:
    """A place and its links at an instant. range_km (satellite): infinite to those to which its link does not count."""

    name: str
    position_km: Floats
    range_km: Floats


def shortest(sky: SkyAt, start: End, end: End) -> Path:
    """The shortest path over satellites alone, nothing added to light's time."""
    length_km, satellites = sky.topology.lengths_km(sky.position_km, sky.usable), len(sky.position_km)
    distance_km, onward = np.empty(satellites), np.empty(satellites, np.int32)
    sky.topology.settle(end.range_km, length_km, distance_km, onward)
    total = start.range_km + distance_km
    entry = int(total.argmin())
    if not np.isfinite(total[entry]):
        return Path(sky.at, (), None, _why_none(start, end))
    return _path_over(sky, _trail(entry, onward), start, end)


def _path_over(sky: SkyAt, trail: list[int], start: End, end: End) -> Path:
    here, there = start.position_km, end.position_km
    hops = _sky_hops(sky.names, sky.position_km, trail, start.name, here, end.name, there, USER_LINK)
    return Path(sky.at, tuple(hops), 2.0 * sum(hop.delay_ms for hop in hops))


@dataclass(frozen=True)
class Alternative:
    """One of several paths; links_shared: with the first one, ground links included."""

    path: Path
    links_shared: int


def alternatives(
    network: Network, user: Point | Track, end: Point, at: datetime, count: int, *, disjoint: bool = False
) -> tuple[list[Alternative], str]:
    """(up to `count` paths from a user to a place over satellites alone at an instant, why there is none).

    The shortest without a loop, the first as `between` gives it; with `disjoint` each meets no satellite of those
    before it.
    """
    start = user if isinstance(user, Point) else point_of(user, at)
    if start is None:
        return [], reasons(network.hand_over)[NOT_THERE]
    sky = _sky_at(network, at)
    return several(sky, _end(network, sky, start), _end(network, sky, end), count, disjoint=disjoint)


def several(sky: SkyAt, start: End, end: End, count: int, *, disjoint: bool) -> tuple[list[Alternative], str]:
    """As `alternatives`, between two ends whose links are known."""
    sees = [np.flatnonzero(np.isfinite(one.range_km)) for one in (start, end)]
    graph = k_paths.graph_of(
        sky.topology.neighbours,
        sky.topology.lengths_km(sky.position_km, sky.usable),
        np.cumsum([0, *map(len, sees)]),
        np.concatenate(sees).astype(np.int32),
        np.concatenate([one.range_km[seen] for one, seen in zip((start, end), sees, strict=True)]),
    )
    ways = (k_paths.disjoint if disjoint else k_paths.k_shortest)(graph, 0, 1, count)
    found = [Alternative(_path_over(sky, way[1:-1].tolist(), start, end), k_paths.shared(ways[0], way)) for way in ways]
    return found, "" if found else _why_none(start, end)


def _sky_at(network: Network, at: datetime) -> SkyAt:
    moved = ephemeris.positions(network.constellation, at, 0.0)
    now_s, out = np.array([at.timestamp()]), network.failures
    position = moved.position_km[0]
    usable = moved.valid[0] & out.usable(len(position), now_s, now_s)[0]
    topology = replace(network.topology, broken=out.broken(now_s[0], now_s[0])) if out else network.topology
    return SkyAt(at, network.constellation.satellite_name, position, usable, topology)


def _why_none(start: End, end: End) -> str:
    blind = [one.name for one in (start, end) if not np.isfinite(one.range_km).any()]
    return f"no satellite above {' and '.join(blind)}" if blind else "no satellites join the two"


def _site(network: Network, place: Point) -> Sites:
    latitude, longitude, altitude = np.array([[place.latitude_deg], [place.longitude_deg], [place.altitude_km]])
    return place_users(network, latitude, longitude, altitude, () if place.moves else (place.name,))


def _end(network: Network, sky: SkyAt, point: Point) -> End:
    distance = np.linalg.norm(sky.position_km - point.position_km, axis=1)
    counts = admitted(_site(network, point), sky.position_km, sky.usable)[0]
    return End(point.name, point.position_km, np.where(counts, distance, np.inf))


def _trail(satellite: int, onward: NDArray[np.int32]) -> list[int]:
    trail = [satellite]
    while onward[trail[-1]] >= 0:
        trail.append(int(onward[trail[-1]]))
    return trail


def _sky_hops(
    satellite_names: Sequence[str],
    position_km: Floats,
    trail: list[int],
    start: str,
    start_km: Floats,
    end: str,
    end_km: Floats,
    last: str,
) -> list[Hop]:
    names = [start, *(satellite_names[s] for s in trail), end]
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


def passes(network: Network, user: Point | Track, start: datetime, duration_s: float) -> list[Pass]:
    """The satellites above a user's mask within a time, without its end itself, in the order they appear.

    A satellite that is out of order is not seen, so that its outage cuts a pass. Other outages have no say here.
    """
    seconds = np.arange(0.0, duration_s - 1e-9, PASS_STEP_S)
    chunk = max(1, POSITIONS_IN_CHUNK // network.constellation.satellites)
    seen = [_seen(network, user, start, seconds, step, chunk) for step in range(0, len(seconds), chunk)]
    step, satellite, azimuth, elevation = (np.concatenate(columns) for columns in zip(*seen, strict=True))
    order = np.lexsort((step, satellite))
    step, satellite, azimuth, elevation = (column[order] for column in (step, satellite, azimuth, elevation))
    begins = np.flatnonzero((np.diff(satellite, prepend=-1) != 0) | (np.diff(step, prepend=-1) != 1))

    def at(step: int) -> datetime:
        return start + timedelta(seconds=float(seconds[step]))

    found = []
    for first, end in pairwise([*begins.tolist(), len(step)]):
        top = first + int(elevation[first:end].argmax())
        found.append(
            Pass(
                network.constellation.satellite_name[satellite[first]],
                at(step[first]) if step[first] > 0 else None,
                at(step[top]),
                at(step[end - 1]) if step[end - 1] < len(seconds) - 1 else None,
                float(elevation[top]),
                azimuth[first:end],
                elevation[first:end],
            )
        )
    return sorted(found, key=lambda one: (one.rises or start, one.culminates))


def _seen(
    network: Network, user: Point | Track, start: datetime, seconds: Floats, first: int, count: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats, Floats]:
    """(step, satellite, azimuth, elevation) of every satellite above a user's mask at `count` of its instants."""
    end_s = start.timestamp() + float(seconds[-1])
    seconds = seconds[first : first + count]
    moved = ephemeris.positions(network.constellation, start, seconds, every_s=PASS_STEP_S)
    there = np.ones((1, 1), np.bool_)
    if isinstance(user, Track):
        where = user.at(start, seconds)
        place = (where.latitude_deg, where.longitude_deg, where.altitude_km)
        latitude, longitude, altitude = (axis[:, np.newaxis] for axis in place)
        there = where.there[:, np.newaxis]
        azimuth, elevation, _ = look_angles(latitude, longitude, moved.position_km, altitude)
    else:
        azimuth, elevation, _ = look_angles(user.latitude_deg, user.longitude_deg, moved.position_km, user.altitude_km)
    above = (elevation >= network.user_elevation_deg) & moved.valid & there
    if network.failures:
        # The last instant ends the time looked at: what breaks just then does not cut it.
        at_s = np.minimum(start.timestamp() + seconds, np.nextafter(end_s, 0.0))
        above &= network.failures.usable(network.constellation.satellites, at_s, at_s)
    for now in np.flatnonzero(above.any(axis=1)) if network.limits.said() else ():
        here = user if isinstance(user, Point) else point_of(user, start + timedelta(seconds=float(seconds[now])))
        if here is not None:
            above[now] = admitted(_site(network, here), moved.position_km[now], above[now])[0]
    step, satellite = np.nonzero(above)
    return first + step, satellite, azimuth[above], elevation[above]


def hand_overs(network: Network, grid: SlotGrid, user: Point | Track) -> list[HandOver]:
    """Who serves a user first, and every change after that over the slots of a grid."""
    network = seen_by(network, user)
    users = user if isinstance(user, Track) else _site(network, user)
    changes = changes_of(watch(network, grid, users), grid.slot_s)
    return [one for found in changes for one in in_words(found, network, grid, (user.name,))]


def describe(path: Path) -> str:
    """One line: the end-to-end time, or why there is none."""
    if path.rtt_ms is None:
        return f"{instant_text(path.at)}: no path ({path.why_none})"
    return f"{instant_text(path.at)}: {path.rtt_ms:.3f} ms there and back"
