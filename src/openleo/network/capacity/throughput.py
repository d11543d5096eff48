"""How much a whole constellation could sell: what its satellites see of the demand, and what reaches the ground.

The upper bound of del Portillo, Cameron and Crawley (Acta Astronautica, 2019). Takes places and what they ask for,
where satellites are, the antennas of gateways, and what inter-satellite links carry; gives Mbit/s of each satellite and
of the system at one instant. A place's demand is shared evenly by the satellites that it sees. Nothing here fades: what
a satellite and an antenna carry is given. The paper's numbers are in examples/del_portillo_2019.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import maximum_flow

from openleo.network.kernels import in_view, sky
from openleo.network.visibility import Sites, sites_in_blocks
from openleo.units import EARTH_MEAN_RADIUS_KM

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Beams:
    """Towards users, alike; each carries an equal part of what the satellite carries.

    `fixed`: strips of one width across the satellite's way that make up its footprint. Else each is turned to an area
    of `area_km2`, one beam an area, where it is asked for most.
    """

    count: int
    area_km2: float = np.inf
    fixed: bool = False


ANYWHERE = Beams(1, fixed=True)  # beams never are what is short


@dataclass(frozen=True)
class System:
    """The rules of one system. An antenna, of a satellite or a gateway, holds one link at a time."""

    user_elevation_deg: float
    gateway_elevation_deg: float
    satellite_mbps: float  # the most that one satellite takes up from gateways, and the most that it sells
    beams: Beams
    antennas: int  # of a satellite, towards gateways
    site_antennas: int  # of one gateway site
    isl_mbps: float  # of one inter-satellite link, each way; 0: there are none
    shared_above_deg: float | None = None  # whom a place asks; None: the satellites above its mask

    def __post_init__(self) -> None:
        if self.asked_above_deg > self.user_elevation_deg:
            raise ValueError("a place asks at least the satellites that can serve it")

    @property
    def asked_above_deg(self) -> float:
        """A place's demand is shared evenly by the satellites above this; those below the mask cannot serve theirs."""
        return self.user_elevation_deg if self.shared_above_deg is None else self.shared_above_deg

    @property
    def antenna_mbps(self) -> float:
        """Of one link to a gateway."""
        return self.satellite_mbps / self.antennas


@dataclass(frozen=True, eq=False)
class Users:
    """Places that ask for Mbit/s; in blocks that one steered beam holds, where beams are steered."""

    sites: Sites
    asked_mbps: Floats  # axes (site), in the sites' order


def equal_areas(latitude_deg: Floats, longitude_deg: Floats, area_km2: float) -> NDArray[np.int64]:
    """A number for each place: places that share one lie in one tile of about `area_km2`.

    Bands of latitude as high as a square of that area, each cut into as many equal pieces as fit best.
    """
    bands = max(1, round(np.pi * EARTH_MEAN_RADIUS_KM / np.sqrt(area_km2)))
    edge = np.sin(np.linspace(-np.pi / 2.0, np.pi / 2.0, bands + 1))
    of_band_km2 = 2.0 * np.pi * EARTH_MEAN_RADIUS_KM**2 * np.diff(edge)
    pieces = np.maximum(1, np.round(of_band_km2 / area_km2)).astype(np.int64)
    band = np.clip(((latitude_deg + 90.0) / 180.0 * bands).astype(np.int64), 0, bands - 1)
    piece = np.floor((longitude_deg % 360.0) / 360.0 * pieces[band]).astype(np.int64)
    first = np.concatenate([[0], np.cumsum(pieces)[:-1]])
    return np.asarray(first[band] + np.minimum(piece, pieces[band] - 1))


def users(
    latitude_deg: Floats, longitude_deg: Floats, asked_mbps: Floats, system: System, highest_km: float
) -> Users:  # fmt: skip
    """Places with what each asks for, axes (place). `highest_km`: of any satellite, from the Earth's centre."""
    area_km2 = BLOCK_KM2 if system.beams.fixed else system.beams.area_km2
    block = equal_areas(latitude_deg, longitude_deg, area_km2)
    sites = sites_in_blocks(latitude_deg, longitude_deg, block, system.asked_above_deg, highest_km)
    sites = replace(sites, sine_mask=np.full(len(sites), np.sin(np.radians(system.user_elevation_deg))))
    return Users(sites, np.ascontiguousarray(asked_mbps[sites.order], np.float64))


BLOCK_KM2 = (
    90_000.0  # of sites that look at the same part of the sky; where no beam sets it, only the time depends on it
)


def demand_mbps(
    here: Users, system: System, position_km: Floats, later_km: Floats
) -> tuple[Floats, NDArray[np.int32]]:  # fmt: skip
    """(what each satellite could sell; among how many satellites each of `here.sites` shares).

    position_km, later_km: axes (satellite, xyz), ECEF, now and a little later: the way that a satellite goes.
    """
    sites, beams = here.sites, system.beams
    position_km = np.ascontiguousarray(position_km)
    in_band, first_of_band = sky.band_layout()
    first = np.empty(first_of_band[-1] + 1, np.int32)
    order = np.empty(len(position_km), np.int32)
    sky.sort_into_bins(position_km, np.ones(len(position_km), np.bool_), in_band, first_of_band, first, order)
    sine_shared = float(np.sin(np.radians(system.asked_above_deg)))
    given = (
        sites.position_km, sites.up, sites.sine_mask, sine_shared, here.asked_mbps,
        sites.block_offsets, sites.bin_offsets, sites.bins, first, order, position_km,
    )  # fmt: skip
    seen = np.empty(len(sites), np.int32)
    shared = np.empty((len(position_km), beams.count))
    beam_mbps = system.satellite_mbps / beams.count
    if beams.fixed:
        ahead, reach_km = _way(position_km, later_km, system.user_elevation_deg)
        in_view.share_among_fixed_beams(*given, ahead, reach_km, seen, shared)
    else:
        in_view.share_among_steered_beams(*given, beam_mbps, seen, shared)
    return np.minimum(shared, beam_mbps).sum(axis=1), seen


def _way(position_km: Floats, later_km: Floats, elevation_deg: float) -> tuple[Floats, Floats]:
    """(unit vectors along the satellites' ways, level; half the length of their footprints), on a sphere."""
    radius_km = np.linalg.norm(position_km, axis=1)
    zenith = position_km / radius_km[:, np.newaxis]
    moved = later_km - position_km
    ahead = moved - (moved * zenith).sum(axis=1, keepdims=True) * zenith
    mask = np.radians(elevation_deg)
    angle = np.pi / 2.0 - mask - np.arcsin(EARTH_MEAN_RADIUS_KM * np.cos(mask) / radius_km)
    return ahead / np.linalg.norm(ahead, axis=1, keepdims=True), EARTH_MEAN_RADIUS_KM * np.sin(angle)


def choose_sites(
    demand: Sequence[Floats], visible: Sequence[Flags], site_antennas: int, count: int
) -> NDArray[np.intp]:  # fmt: skip
    """Gateway sites one after the other, each time the one whose antennas take most of the demand that is left.

    Greedy, over some instants together: demand, axes (satellite); visible, axes (site, satellite). A site takes the
    satellites in its view that ask for most, one an antenna. Of equals the first. Returns the sites' numbers in the
    order of choice: the first n are the choice of n.
    """
    left = [one.copy() for one in demand]
    in_sight = [[np.flatnonzero(row) for row in at] for at in visible]
    free = list(range(len(visible[0])))
    chosen: list[int] = []

    def taken(site: int, instant: int) -> NDArray[np.intp]:
        some = in_sight[instant][site]
        return some[np.argsort(-left[instant][some], kind="stable")[:site_antennas]]

    while free and len(chosen) < count:
        best = max(free, key=lambda site: sum(left[at][taken(site, at)].sum() for at in range(len(left))))
        for at, asked in enumerate(left):
            asked[taken(best, at)] = 0.0
        free.remove(best)
        chosen.append(best)
    return np.array(chosen, np.intp)


def choose_by_coverage(visible: Sequence[Flags], outage: float, count: int) -> NDArray[np.intp]:
    """Gateway sites one after the other, each time the one by which most satellites gain a site, whatever they sell.

    Greedy, over some instants together: visible, axes (site, satellite). A satellite with k sites in view is without
    one for outage^k of the time. Of equals the first. Returns as `choose_sites`.
    """
    unsure = [np.ones(row.shape[1]) for row in visible]
    free = np.ones(len(visible[0]), np.bool_)
    chosen: list[int] = []
    while free.any() and len(chosen) < count:
        gain = sum(((at @ left) for at, left in zip(visible, unsure, strict=True)), np.zeros(len(free)))
        best = int(np.where(free, gain, -1.0).argmax())
        for at, left in zip(visible, unsure, strict=True):
            left[at[best]] *= outage
        free[best] = False
        chosen.append(best)
    return np.array(chosen, np.intp)


def assign_nearest(distance_km: Floats, visible: Flags, antennas: int, site_antennas: int) -> Flags:
    """As `assign_antennas`, but links by their length, the shortest first; axes (site, satellite)."""
    linked = np.zeros(visible.shape, np.bool_)
    of_site, of_satellite = np.zeros(visible.shape[0], np.int64), np.zeros(visible.shape[1], np.int64)
    site, satellite = np.nonzero(visible)
    for link in np.argsort(distance_km[site, satellite], kind="stable"):
        g, s = site[link], satellite[link]
        if of_site[g] < site_antennas and of_satellite[s] < antennas:
            linked[g, s] = True
            of_site[g] += 1
            of_satellite[s] += 1
    return linked


def assign_antennas(demand: Floats, visible: Flags, antennas: int, site_antennas: int) -> Flags:
    """Which links there are, axes (site, satellite): none holds more than its antennas.

    Satellites choose in the order of what they ask for, each of the sites in view the one with most antennas free; when
    all have had one, those with a second antenna choose again, another site.
    """
    free = np.full(len(visible), site_antennas)
    linked = np.zeros(visible.shape, np.bool_)
    in_turn = np.argsort(-demand, kind="stable")
    for _ in range(antennas):
        for satellite in in_turn:
            open_to = np.flatnonzero(visible[:, satellite] & ~linked[:, satellite] & (free > 0))
            if len(open_to):
                site = open_to[np.argmax(free[open_to])]
                linked[site, satellite] = True
                free[site] -= 1
    return linked


def carried_mbps(
    demand: Floats,
    links: Flags,
    system: System,
    neighbours: NDArray[np.int32],
    joined: Flags,
    link_mbps: Floats | None = None,
) -> float:  # fmt: skip
    """The most that goes between users and the ground, over all ways at once: a maximum flow, in whole Mbit/s.

    links (site, satellite); neighbours, joined (satellite, k): the inter-satellite links, and which hold.
    link_mbps (site, satellite): what each link carries; all carry `antenna_mbps` by default. Neither a satellite nor a
    site passes more than all its antennas do. Where `links` are more than there are antennas
    for (all that see each other), they share their time without loss, and the flow is a bound.
    """
    sites, satellites = links.shape
    # Each satellite is two nodes, what it has and what it sends down; then the sites, users together, and the Internet.
    down, site_node = satellites, 2 * satellites
    source, sink = site_node + sites, site_node + sites + 1
    number = np.arange(satellites)
    site, linked = np.nonzero(links)
    antenna = int(system.antenna_mbps)
    carries = np.full(len(site), antenna) if link_mbps is None else np.floor(link_mbps[site, linked])
    edges = [
        (np.full(satellites, source), number, np.round(demand)),
        (number, down + number, np.full(satellites, antenna * system.antennas)),
        (down + linked, site_node + site, carries),
        (site_node + np.arange(sites), np.full(sites, sink), np.full(sites, antenna * system.site_antennas)),
    ]
    if system.isl_mbps > 0.0:
        here, k = np.nonzero(joined & (neighbours >= 0))
        edges.append((here, neighbours[here, k], np.full(len(here), int(system.isl_mbps))))
    tail, head, most = (np.concatenate(column) for column in zip(*edges, strict=True))
    graph = csr_array(coo_array((most.astype(np.int32), (tail, head)), shape=(sink + 1, sink + 1)))
    return float(maximum_flow(graph, source, sink).flow_value)
