"""Three constellations' sellable throughput, as del Portillo, Cameron and Crawley (2019) estimate it.

    python examples/del_portillo_2019.py [--system spacex] [--every 20] [--beams all] [--sites demand] [--json]

Prints ours beside theirs: docs/papers/del-portillo-2019.md says what is theirs, what is ours and what nobody can know.
I. del Portillo, B. G. Cameron, E. F. Crawley, "A technical comparison of three low earth orbit satellite constellation
systems to provide global broadband", Acta Astronautica 159 (2019), hdl.handle.net/1721.1/135044.2.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache

import numpy as np
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.geodesy import ecef_km, up
from openleo.network import ephemeris, topology, visibility
from openleo.network.capacity import throughput
from openleo.network.capacity.modcods import dvb_s2x
from openleo.network.capacity.throughput import ANYWHERE, Beams, System
from openleo.network.constellation import Constellation, catalogue
from openleo.places import gazetteer, population
from openleo.units import EARTH_MEAN_RADIUS_KM

Floats = NDArray[np.float64]

ASKED_MBPS = 0.1 * 0.3  # a person: a tenth of the people, 300 kbit/s each
SHARED_ABOVE_DEG = 10.0  # a place asks all satellites above this, whatever its mask: see the page
CANDIDATES = 160  # as many as in the paper, whose list is not public
SOUTHERNMOST_DEG = -60.0
DAY_S = 86_400
CHOICE_STEPS = 12  # instants over the day from which sites are chosen


@dataclass(frozen=True)
class Paper:
    """One system: its entry in the catalogue, the paper's rules, and the paper's results (sites: Tbit/s)."""

    name: str
    catalogue: str
    system: System
    beams: Beams  # what is known of its beams, counted only where asked for
    results: dict[int, float]


# Mbit/s of a satellite: about 8.8, 20 and 36 Gbit/s (section 4.2), means over weather. Telesat's satellites land with
# two antennas, the others with one. Gateways look down to 10° (section 3.4). Beams: OneWeb's are fixed (2.2); SpaceX's
# are 8 channels of 250 MHz used four times (2.4.2) on 2,800 km² each (2.4.3); Telesat's at least 16 (2.1), of up to
# 246,000 km².
PAPERS = (
    Paper(
        "oneweb", "oneweb", System(55.0, 10.0, 8_800.0, ANYWHERE, 1, 30, 0.0, SHARED_ABOVE_DEG),
        Beams(16, fixed=True), {71: 1.56, 50: 1.47},
    ),
    Paper(
        "spacex", "spacex-2016", System(40.0, 10.0, 20_000.0, ANYWHERE, 1, 30, 20_000.0, SHARED_ABOVE_DEG),
        Beams(32, 2_800.0), {123: 23.7, 50: 16.5},
    ),
    Paper(
        "telesat", "telesat-2016", System(20.0, 10.0, 36_000.0, ANYWHERE, 2, 30, 10_000.0, SHARED_ABOVE_DEG),
        Beams(16, 246_000.0), {42: 2.66, 50: 2.65},
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """What comes out for a number of sites: Tbit/s, mean and quartiles over the day; antennas in use, on average."""

    system: str
    sites: int
    tbps: float
    tbps_q1: float
    tbps_q3: float
    at_most_tbps: float  # were antennas shared without loss
    demand_tbps: float
    antennas: float
    steps: int
    step_error_tbps: float  # of the mean, were the steps independent
    paper_tbps: float


@cache
def candidates() -> tuple[Floats, Floats, tuple[str, ...]]:
    """(latitude, longitude, name) of towns spread over the land: the largest, then always the one farthest from all."""
    towns = {
        (town.latitude_deg, town.longitude_deg): town
        for named in gazetteer.towns().values()
        for town in named
        if town.latitude_deg > SOUTHERNMOST_DEG
    }
    listed = sorted(towns.values(), key=lambda town: (-town.population, town.latitude_deg, town.longitude_deg))
    latitude = np.array([town.latitude_deg for town in listed])
    longitude = np.array([town.longitude_deg for town in listed])
    zenith = up(latitude, longitude)
    chosen = [0]
    nearest_cosine = zenith @ zenith[0]
    while len(chosen) < CANDIDATES:
        chosen.append(int(np.argmin(nearest_cosine)))
        nearest_cosine = np.maximum(nearest_cosine, zenith @ zenith[chosen[-1]])
    return latitude[chosen], longitude[chosen], tuple(listed[n].name for n in chosen)


@dataclass(frozen=True, eq=False)
class Instant:
    """What one step needs; axes (satellite), (site, satellite), (satellite, k)."""

    demand_mbps: Floats
    visible: NDArray[np.bool_]
    joined: NDArray[np.bool_]
    range_km: Floats  # of each pair, seen or not
    radius_km: Floats  # of each satellite, from the Earth's centre


@dataclass(frozen=True)
class Ground:
    """How the ground is read: the page says which of it is the paper's."""

    by_coverage: bool = True  # sites for the satellites they see, whatever these sell; OUTAGE of the time one is out
    nearest_first: bool = True  # antennas to the nearest satellites; else to those that are asked for most
    full_rate_above_deg: float = 0.0  # feeder links lose MODCODs with their length where they are lower than this


ROUNDING_DB = 1e-9
OUTAGE = 0.05  # of a site: the paper has coverage for 95 % and 99 % of the weather


class Study:
    """One system over a day."""

    def __init__(
        self,
        system: System,
        constellation: Constellation,
        resolution: int = population.RESOLUTION,
        ground: Ground = Ground(),
    ) -> None:
        self.system, self.constellation, self.ground = system, constellation, ground
        cells, people = population.by_cell(resolution)
        highest_km = float(constellation.semi_major_axis_km.max())
        self.users = throughput.users(*h3cells.centres_deg(cells), people * ASKED_MBPS, system, highest_km)
        latitude, longitude, self.places = candidates()
        self.sites = visibility.single_sites(latitude, longitude, system.gateway_elevation_deg, highest_km)
        self.sites_km = ecef_km(latitude, longitude)
        self.topology = topology.build(constellation, "+grid" if system.isl_mbps > 0.0 else "none")

    def at(self, second: float) -> Instant:
        """The step at some seconds after the constellation's epoch."""
        start = self.constellation.epoch + timedelta(seconds=second)
        now_km, later_km = ephemeris.positions(self.constellation, start, [0.0, 1.0]).position_km
        usable = np.ones(len(now_km), np.bool_)
        demand, _ = throughput.demand_mbps(self.users, self.system, now_km, later_km)
        visible = visibility.admitted(self.sites, now_km, usable)
        joined = np.isfinite(self.topology.lengths_km(now_km, usable))
        range_km = np.linalg.norm(now_km - self.sites_km[:, np.newaxis], axis=2)
        return Instant(demand, visible, joined, range_km, np.linalg.norm(now_km, axis=1))

    def chosen(self, most: int) -> NDArray[np.intp]:
        """Candidates in the order in which they are taken as sites."""
        some = [self.at(second) for second in (np.arange(CHOICE_STEPS) + 0.5) * DAY_S / CHOICE_STEPS]
        if self.ground.by_coverage:
            return throughput.choose_by_coverage([one.visible for one in some], OUTAGE, most)
        return throughput.choose_sites(
            [one.demand_mbps for one in some], [one.visible for one in some], self.system.site_antennas, most
        )

    def carried(self, instant: Instant, sites: NDArray[np.intp]) -> tuple[float, float, int]:
        """(Mbit/s, Mbit/s at most, antennas in use) through some of the candidates."""
        visible, range_km = instant.visible[sites], instant.range_km[sites]
        per_satellite, per_site = self.system.antennas, self.system.site_antennas
        if self.ground.nearest_first:
            links = throughput.assign_nearest(range_km, visible, per_satellite, per_site)
        else:
            links = throughput.assign_antennas(instant.demand_mbps, visible, per_satellite, per_site)
        carries = None
        if self.ground.full_rate_above_deg > 0.0:
            carries = self.system.antenna_mbps * shares(range_km, instant.radius_km, self.ground.full_rate_above_deg)
        lasers = self.topology.neighbours, instant.joined
        flows = [
            throughput.carried_mbps(instant.demand_mbps, some, self.system, *lasers, carries)
            for some in (links, visible)
        ]
        return flows[0], flows[1], int(links.sum())


def shares(range_km: Floats, radius_km: Floats, full_above_deg: float) -> Floats:
    """Of the best rate, axes (site, satellite): the best MODCOD of DVB-S2X just closes at an elevation, on a sphere.

    range_km (site, satellite); radius_km (satellite,), from the Earth's centre. Weather is not counted.
    """
    modcods = dvb_s2x()
    level_km = EARTH_MEAN_RADIUS_KM * np.sin(np.radians(full_above_deg))
    full_km = np.sqrt(level_km**2 + radius_km**2 - EARTH_MEAN_RADIUS_KM**2) - level_km
    more_db = np.minimum(20.0 * np.log10(full_km / range_km), 0.0)
    best = float(modcods.bits_per_symbol[-1])
    return np.asarray(modcods.efficiency(modcods.es_n0_db[-1] + more_db + ROUNDING_DB) / best)


def rows(paper: Paper, every_s: int, resolution: int = population.RESOLUTION, ground: Ground = Ground()) -> list[Row]:
    """Ours beside the paper's, a row a number of sites."""
    study = Study(paper.system, catalogue.load(paper.catalogue).constellation(), resolution, ground)
    order = study.chosen(max(paper.results))
    demand: list[float] = []
    carried: dict[int, list[tuple[float, float, int]]] = {sites: [] for sites in paper.results}
    for second in range(0, DAY_S, every_s):
        instant = study.at(second)
        demand.append(instant.demand_mbps.sum() / 1e6)
        for sites, so_far in carried.items():
            so_far.append(study.carried(instant, order[:sites]))
    found = []
    for sites, theirs in paper.results.items():
        through, at_most, antennas = np.array(carried[sites]).T
        tbps = through / 1e6
        first, third = np.percentile(tbps, [25.0, 75.0])
        error = float(tbps.std(ddof=1) / np.sqrt(len(tbps))) if len(tbps) > 1 else float("nan")
        found.append(
            Row(
                system=paper.name,
                sites=sites,
                tbps=float(tbps.mean()),
                tbps_q1=float(first),
                tbps_q3=float(third),
                at_most_tbps=float(at_most.mean() / 1e6),
                demand_tbps=float(np.mean(demand)),
                antennas=float(antennas.mean()),
                steps=len(tbps),
                step_error_tbps=error,
                paper_tbps=theirs,
            )
        )
    return found


BEAMS = ("none", "fixed", "all")


def as_read(paper: Paper, beams: str, shared_above_deg: float) -> System:
    """The paper's rules with another reading of beams (one of BEAMS) and of who shares a place's demand."""
    counted = beams == "all" or (beams == "fixed" and paper.beams.fixed)
    above_deg = min(shared_above_deg, paper.system.user_elevation_deg)
    return replace(paper.system, beams=paper.beams if counted else ANYWHERE, shared_above_deg=above_deg)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read what is asked, and print ours beside theirs."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--system", choices=[one.name for one in PAPERS], action="append", help="all unless said")
    asked.add_argument("--every", type=int, default=20, metavar="MINUTES", help="a step (20; the paper: 1)")
    asked.add_argument("--resolution", type=int, default=population.RESOLUTION, help="H3 resolution of people (5)")
    asked.add_argument(
        "--beams", choices=BEAMS, default=BEAMS[0],
help="whose beams may be full before their satellite is; none: equation (1)",
    )  # fmt: skip
    asked.add_argument(
        "--shared-above", type=float, default=SHARED_ABOVE_DEG, metavar="DEG", help="(10; 90: the user's mask)"
    )
    asked.add_argument("--satellite-gbps", type=float, help="instead of the paper's mean")
    asked.add_argument("--isl-gbps", type=float, help="of one inter-satellite link; 0: none")
    asked.add_argument("--gateway-elevation", type=float, metavar="DEG")
    asked.add_argument("--site-antennas", type=int)
    asked.add_argument("--sites", choices=("demand", "coverage"), default="coverage", help="what sites are chosen for")
    asked.add_argument("--antennas", choices=("demand", "nearest"), default="nearest", help="whom antennas go to first")
    asked.add_argument(
        "--full-rate-above", type=float, default=0.0, metavar="DEG", help="feeder links carry less below (0: none does)"
    )
    asked.add_argument("--json", action="store_true")
    said = asked.parse_args(arguments)
    ground = Ground(said.sites == "coverage", said.antennas == "nearest", said.full_rate_above)
    found: list[Row] = []
    for paper in PAPERS:
        if said.system and paper.name not in said.system:
            continue
        system = as_read(paper, said.beams, said.shared_above)
        if said.satellite_gbps is not None:
            system = replace(system, satellite_mbps=said.satellite_gbps * 1e3)
        if said.isl_gbps is not None:
            system = replace(system, isl_mbps=said.isl_gbps * 1e3)
        if said.gateway_elevation is not None:
            system = replace(system, gateway_elevation_deg=said.gateway_elevation)
        if said.site_antennas is not None:
            system = replace(system, site_antennas=said.site_antennas)
        found += rows(replace(paper, system=system), said.every * 60, said.resolution, ground)
    if said.json:
        print(json.dumps([vars(row) for row in found], indent=1))
        return
    print("system   sites   Tbit/s  quartiles      at most  demand  antennas  paper  ours/paper")
    for row in found:
        spread = f"{row.tbps_q1:6.3f} {row.tbps_q3:6.3f}"
        numbers = f"{row.at_most_tbps:7.3f}  {row.demand_tbps:6.2f}  {row.antennas:8.0f}  {row.paper_tbps:5.2f}"
        beside = row.tbps / row.paper_tbps - 1.0
        print(f"{row.system:8} {row.sites:5}  {row.tbps:7.3f}  {spread}  {numbers}  {beside:+10.1%}")


if __name__ == "__main__":
    main()
