"""The ground's geometry and the choice of a satellite, written a second time for tests to compare with.

WGS 84 from NGA.STND.0036 and the textbook's formulas, every satellite against every place, shortest ways by scipy. Slow
and plain on purpose; shares no geometry, no kernel and no graph code with the package, only the satellites' positions.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from openleo.instants import SlotGrid
from openleo.network import ephemeris, topology
from openleo.network.constellation import catalogue
from openleo.network.ground import gateways, stations
from openleo.network.reach import Network

Floats = NDArray[np.float64]

START = datetime(2026, 11, 20, tzinfo=UTC)
A_KM, B_KM = 6378.137, 6356.752314245  # NGA.STND.0036, table 3.1 and B = A (1 − 1 / 298.257223563)
LIGHT_KM_PER_MS = 299.792458
INDEX_OF_GLASS, DETOUR, PROCESSING_MS = 1.468, 1.5, 11.0


def on_wgs84(latitude_deg: Floats, longitude_deg: Floats) -> tuple[Floats, Floats]:
    """(position on the ellipsoid in km, zenith), axes (place, xyz)."""
    lat, lon = np.radians(latitude_deg), np.radians(longitude_deg)
    across = A_KM**2 / np.sqrt((A_KM * np.cos(lat)) ** 2 + (B_KM * np.sin(lat)) ** 2)
    along_axis = across * (B_KM / A_KM) ** 2 * np.sin(lat)
    zenith = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    return np.concatenate([across[..., None] * zenith[..., :2], along_axis[..., None]], axis=-1), zenith


def sight(latitude_deg: Floats, longitude_deg: Floats, satellites_km: Floats) -> tuple[Floats, Floats]:
    """(elevation in degrees, distance in km) of every satellite from every place, axes (place, satellite)."""
    place, zenith = on_wgs84(np.asarray(latitude_deg), np.asarray(longitude_deg))
    away = satellites_km[np.newaxis] - place[:, np.newaxis]
    distance = np.sqrt((away**2).sum(axis=-1))
    return np.degrees(np.arcsin(np.einsum("psx,px->ps", away, zenith) / distance)), distance


def haversine_km(latitude_deg: Floats, longitude_deg: Floats, to_latitude: Floats, to_longitude: Floats) -> Floats:
    """Great circles on a sphere of 6,371.0088 km: within 0.6 % of the ellipsoid's geodesics."""
    lat, lon, lat_, lon_ = (np.radians(angle) for angle in (latitude_deg, longitude_deg, to_latitude, to_longitude))
    half = np.sin((lat_ - lat) / 2.0) ** 2 + np.cos(lat) * np.cos(lat_) * np.sin((lon_ - lon) / 2.0) ** 2
    return 2.0 * 6371.0088 * np.arcsin(np.sqrt(half))


@cache
def starlink_network(mask_at: str = "middle", isl: str = "+grid", hand_over: str = "least_rtt") -> Network:
    """Starlink's first generation with the public gateways, masks of 25° at both ends."""
    constellation = catalogue.load("starlink-gen1").constellation()
    ground = [stations.read("starlink-2026", kind, None, "", "")[0] for kind in ("gateways", "pops")]  # type: ignore[arg-type]
    return Network(
        constellation=constellation,
        topology=topology.build(constellation, isl),
        gateways=gateways.join(*ground, DETOUR),
        user_elevation_deg=25.0,
        gateway_elevation_deg=25.0,
        mask_at=mask_at,
        hand_over=hand_over,
        processing_ms=PROCESSING_MS,
    )


def grid_of(slots: int, start: datetime = START) -> SlotGrid:
    return SlotGrid(start, 15.0, slots)


# --- out of order -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Out:
    """What is out of order, by name; of a link, its two ends."""

    satellites: frozenset[str] = frozenset()
    links: frozenset[frozenset[str]] = frozenset()
    gateways: frozenset[str] = frozenset()
    pops: frozenset[str] = frozenset()

    def working(self, names: tuple[str, ...]) -> NDArray[np.bool_]:
        return np.array([name not in self.satellites for name in names])

    def of_joined(self, names: tuple[str, ...], neighbours: NDArray[np.int32]) -> NDArray[np.int32]:
        """The neighbours that are left."""
        left = neighbours.copy()
        for here, k in zip(*np.nonzero(neighbours >= 0), strict=True):
            ends = frozenset((names[here], names[neighbours[here, k]]))
            if ends & self.satellites or ends in self.links:
                left[here, k] = -1
        return left


ALL_WORKS = Out()


def outages(path: Path) -> list[dict[str, str]]:
    """The rows that `openleo export failures` writes."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def out_over(rows: list[dict[str, str]], names: tuple[str, ...], begin: datetime, end: datetime | None = None) -> Out:
    """What is out at any instant from `begin` to before `end`; without an end, at that instant."""
    last = begin if end is None else end - timedelta(microseconds=1)
    said: dict[str, set[str]] = {kind: set() for kind in ("satellite", "plane", "isl", "gateway", "pop")}
    for row in rows:
        sets_in = datetime.fromisoformat(row["from"]) if row["from"] else begin
        is_over = datetime.fromisoformat(row["until"]) if row["until"] else last + timedelta(days=1)
        if sets_in <= last and is_over > begin:
            said[row["kind"]].add(row["name"])
    in_planes = {name for name in names if name.rsplit(" ", 1)[0] in said["plane"]}
    links = frozenset(frozenset(name.split(" -- ")) for name in said["isl"])
    return Out(frozenset(said["satellite"] | in_planes), links, frozenset(said["gateway"]), frozenset(said["pop"]))


def fibre_km(network: Network, out: Out) -> Floats:
    """From each gateway to the nearest PoP that works: the geodesic and the detour; infinite from those out."""
    gateways = network.gateways
    found = np.full(len(gateways.stations), np.inf)
    for n, gateway in enumerate(gateways.stations):
        for pop in gateways.pops:
            if gateway.name not in out.gateways and pop.name not in out.pops:
                ends = gateway.longitude_deg, gateway.latitude_deg, pop.longitude_deg, pop.latitude_deg
                found[n] = min(found[n], Geod(ellps="WGS84").inv(*ends)[2] / 1000.0 * DETOUR)
    return found


# --- one slot -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OneSlot:
    """What can be chosen from in one slot. Axes (place, satellite) and (satellite,)."""

    decided_at: datetime
    elevation_deg: Floats
    distance_km: Floats
    above: NDArray[np.bool_]
    onward_km: Floats  # from the satellite to its PoP when decided; infinite for none
    middle_km: Floats  # from each place through each satellite to the PoP, at mid-slot, on the way decided


def one_slot(
    network: Network, grid: SlotGrid, slot: int, latitude_deg: Floats, longitude_deg: Floats, out: Out = ALL_WORKS
) -> OneSlot:
    """Every satellite against every place, and every way down."""
    names = network.constellation.satellite_name
    begins = grid.start + timedelta(seconds=slot * grid.slot_s)
    middle = begins + timedelta(seconds=grid.slot_s / 2.0)
    decided_at = middle if network.mask_at == "middle" else begins
    asked = [middle] if network.mask_at == "middle" else [begins, begins + timedelta(seconds=grid.slot_s)]
    where = {at: ephemeris.positions(network.constellation, at, 0.0).position_km[0] for at in {*asked, middle}}

    seen = [sight(latitude_deg, longitude_deg, where[at]) for at in asked]
    fed = [sight(network.gateways.latitude_deg, network.gateways.longitude_deg, where[at]) for at in asked]
    above = np.logical_and.reduce([elevation >= network.user_elevation_deg for elevation, _ in seen])
    feeds = np.logical_and.reduce([elevation >= network.gateway_elevation_deg for elevation, _ in fed])
    above &= out.working(names)
    feeds &= out.working(names)

    beyond_km = fibre_km(network, out)[:, np.newaxis] * INDEX_OF_GLASS
    landing = np.where(feeds, fed[0][1] + beyond_km, np.inf)
    joined = out.of_joined(names, network.topology.neighbours) if out != ALL_WORKS else network.topology.neighbours
    if network.mask_at == "both_ends":
        joined = joined_throughout(joined, list(where.values()))
    onward, before = ways_down(where[decided_at], joined, landing.min(axis=0))
    gateway = landing.argmin(axis=0)
    at_middle = sight(network.gateways.latitude_deg, network.gateways.longitude_deg, where[middle])[1] + beyond_km
    down = at_middle[gateway, np.arange(len(gateway))]
    along = lengths_on_tree(before, down, where[middle])
    return OneSlot(
        decided_at, *seen[0], above, onward, sight(latitude_deg, longitude_deg, where[middle])[1] + along[np.newaxis]
    )


def ways_down(position_km: Floats, neighbours: NDArray[np.int32], seed_km: Floats) -> tuple[Floats, NDArray[np.int32]]:
    """(shortest length to the ground, satellite before on the way up; −1 if it is the ground), by scipy."""
    satellites = len(position_km)
    start, end = links_in_sight(position_km, neighbours)
    lands = np.flatnonzero(np.isfinite(seed_km))
    rows = np.concatenate([start, np.full(len(lands), satellites)])
    columns = np.concatenate([end, lands])
    lengths = np.concatenate([np.linalg.norm(position_km[start] - position_km[end], axis=1), seed_km[lands]])
    graph = csr_array((lengths, (rows, columns)), shape=(satellites + 1, satellites + 1))
    distance, before = dijkstra(graph, indices=satellites, return_predecessors=True)
    return distance[:-1], np.where(before[:-1] == satellites, -1, before[:-1])


def preferred(slot: OneSlot, hand_over: str, before: NDArray[np.int_]) -> NDArray[np.int_]:
    """The serving satellite of every place, by DESIGN §2; −1 for none. `before`: who served in the slot before."""
    can = slot.above & np.isfinite(slot.onward_km)
    if hand_over == "highest":
        worth = np.where(can, slot.elevation_deg, -np.inf)
    else:
        worth = np.where(can, -(slot.distance_km + slot.onward_km), -np.inf)
    chosen = np.where(can.any(axis=1), worth.argmax(axis=1), -1)
    if hand_over == "least_change":
        place = np.flatnonzero(before >= 0)
        stays = place[can[place, before[place]]]
        chosen[stays] = before[stays]
    return chosen


def links_in_sight(
    position_km: Floats, neighbours: NDArray[np.int32], grazing_km: float = 80.0
) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """(start, end) of the links that keep 80 km above the equatorial radius (Hypatia, IMC 2020, section 3.1).

    On a straight line the lowest point between two satellites is where the radius is at a right angle to it, so its
    height is that of the triangle with the Earth's centre: twice the area over the base.
    """
    start, k = np.nonzero(neighbours >= 0)
    end = neighbours[start, k]
    a, b = position_km[start], position_km[end]
    height = np.linalg.norm(np.cross(a, b), axis=1) / np.linalg.norm(b - a, axis=1)
    between = ((a * (a - b)).sum(axis=1) > 0.0) & ((b * (b - a)).sum(axis=1) > 0.0)
    clear = ~between | (height >= A_KM + grazing_km)
    return start[clear], end[clear]


def joined_throughout(neighbours: NDArray[np.int32], moments: list[Floats]) -> NDArray[np.int32]:
    """The neighbours in sight at each of these moments."""
    number = np.arange(len(neighbours))[:, np.newaxis] * len(neighbours) + neighbours
    left = neighbours
    for position_km in moments:
        start, end = links_in_sight(position_km, left)
        left = np.where(np.isin(number, start * len(neighbours) + end), left, np.int32(-1))
    return left


def lengths_on_tree(before: NDArray[np.int32], down_km: Floats, position_km: Floats) -> Floats:
    """The length of every way of a tree with the satellites moved on; infinite where scipy found none (−9999)."""
    found: dict[int, float] = {}

    def length(satellite: int) -> float:
        if satellite not in found:
            onward = int(before[satellite])
            if onward < -1:
                found[satellite] = np.inf
            elif onward == -1:
                found[satellite] = float(down_km[satellite])
            else:
                hop = float(np.linalg.norm(position_km[satellite] - position_km[onward]))
                found[satellite] = hop + length(onward)
        return found[satellite]

    return np.array([length(satellite) for satellite in range(len(before))])
