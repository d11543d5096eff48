"""Does the modelled load tell cities that were sold out from cities as large that were not?

    python tools/sold_out_cities.py [--satellites RADIO] [--in-towns X] [--slots N] [--seed N]

Takes tests/data/capacity/sold-out-cities.csv; chooses controls by a rule; computes Starlink's first generation with
everybody on it; prints each city with its load, and how well load and population tell the two kinds apart (area under
the curve of receiver operation, with its bootstrap interval over cities). Nothing here is fitted.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import h3
import numpy as np
from scipy.stats import rankdata

from openleo import cells as h3cells
from openleo.capacity_file import CapacityRecord, DemandRecord
from openleo.geodesy import GEOD
from openleo.instants import SlotGrid
from openleo.network import topology
from openleo.network.admission import GroundLimits
from openleo.network.capacity import demand_file, run, user_rates
from openleo.network.capacity.demand import Demand
from openleo.network.constellation import from_shells
from openleo.network.constellation.shells import Shell
from openleo.network.ground import gateways, stations
from openleo.network.reach import Network, cell_users, reach_and_ways
from openleo.places import gazetteer, population
from openleo.places import parts as places
from openleo.scenario_capacity import read_capacity

CITIES = Path(__file__).parents[1] / "tests" / "data" / "capacity" / "sold-out-cities.csv"
RESOLUTION = 5
CONTROLS = 2  # for each sold-out city
APART_KM = 100.0  # a control is no suburb of another city of the list
LEAST_PEOPLE = 500_000
AROUND_KM = 0.0  # a city is the cells whose centres are so near to it; 0: that which holds it
GSO_DEG = 18.0  # from the geostationary arc: operator's filings of 2019 and later, as commonly quoted
START = datetime(2025, 11, 20, 0, 0, tzinfo=UTC)


# Where the operator's map showed service at the beginning of 2025.
SERVED = (
    "ALB AUT BEL BGR HRV CYP CZE DNK EST FIN FRA DEU GRC HUN ISL IRL ITA XKX LVA LTU LUX MKD MLT MDA NLD NOR POL PRT "
    "ROU SVK SVN ESP SWE CHE UKR GBR GEO "
    "ARG BHS BRB BRA CAN CHL COL CRI DOM ECU SLV GTM GUY HTI HND JAM MEX PAN PRY PER PRI TTO USA URY "
    "AUS NZL FJI TON VUT SLB PNG WSM MHL KIR COK FSM "
    "JPN PHL MYS IDN MNG SGP TLS BHR AZE YEM MDV "
    "NGA RWA MOZ KEN MWI ZMB BEN SWZ SLE MDG SSD ZWE BWA GHA BDI GNB LBR CPV"
)


# Where the operator took no orders in the whole territory at some time of 2024 and 2025: their cities are no controls.
WAITLISTED = ("IDN", "UKR", "SLV", "MOZ")  # fortuneidn.com, 2025-07, of the operator's map


@dataclass(frozen=True)
class City:
    name: str
    territory: str
    latitude_deg: float
    longitude_deg: float
    people: int  # GeoNames, of the town proper
    sold_out: bool


def sold_out() -> list[City]:
    """The cities of the list, with their people from the gazetteer."""
    with CITIES.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    made = []
    for row in rows:
        place = gazetteer.find(f"{row['city']}, {row['iso3']}")
        assert place is not None, row
        made.append(
            City(row["city"], row["iso3"], float(row["lat_deg"]), float(row["lon_deg"]), place.population, True)
        )
    return made


def controls(cities: Sequence[City], territories: Sequence[str]) -> list[City]:
    """For each city, the largest first, the CONTROLS towns nearest to it in people (in their logarithm).

    Towns of `territories`, APART_KM from every city of the list and from one another, each the largest town within that
    distance.
    """
    towns = {
        (p.name, p.latitude_deg): p for some in gazetteer.towns().values() for p in some
        if p.population >= LEAST_PEOPLE / 2 and p.territory in territories
    }  # fmt: skip
    ordered = sorted(towns.values(), key=lambda p: (-p.population, p.name))
    free: list[gazetteer.Place] = []
    taken = [(one.latitude_deg, one.longitude_deg) for one in cities]
    for town in ordered:
        others = taken + [(one.latitude_deg, one.longitude_deg) for one in free]
        if nearest_km(town.latitude_deg, town.longitude_deg, others) >= APART_KM:
            free.append(town)
    made: list[City] = []
    for _ in range(CONTROLS):
        for city in sorted(cities, key=lambda one: -one.people):
            best = min(free, key=lambda p: (abs(np.log(p.population / city.people)), p.name))
            free.remove(best)
            made.append(City(best.name, best.territory, best.latitude_deg, best.longitude_deg, best.population, False))
    return made


def nearest_km(latitude: float, longitude: float, others: Sequence[tuple[float, float]]) -> float:
    if not others:
        return np.inf
    there = np.array(others)
    here = np.full(len(there), longitude), np.full(len(there), latitude)
    return float(GEOD.inv(*here, there[:, 1], there[:, 0])[2].min() / 1000.0)


def around(cells: h3cells.Cells, city: City) -> np.ndarray:
    """The numbers of a city's cells."""
    middle = h3cells.text(np.array([h3cells.at(city.latitude_deg, city.longitude_deg, RESOLUTION)]))[0]
    near = np.array([int(one, 16) for one in h3.grid_disk(middle, 3)], np.uint64)
    latitude, longitude = h3cells.centres_deg(near)
    here = np.full(len(near), city.longitude_deg), np.full(len(near), city.latitude_deg)
    far_m = GEOD.inv(*here, longitude, latitude)[2]
    near = near[far_m <= max(AROUND_KM * 1000.0, far_m.min())]
    return np.flatnonzero(np.isin(cells, near))


def auc(score: np.ndarray, positive: np.ndarray) -> float:
    """The chance that a positive has the greater score, half of it where they are equal (Mann and Whitney)."""
    ranks = rankdata(score)
    n, m = positive.sum(), (~positive).sum()
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * m))


def interval(score: np.ndarray, positive: np.ndarray, seed: int = 0, draws: int = 4000) -> tuple[float, float]:
    """95 % of the bootstrap, cities drawn with replacement within each kind."""
    random = np.random.default_rng(seed)
    yes, no = np.flatnonzero(positive), np.flatnonzero(~positive)
    found = []
    for _ in range(draws):
        drawn = np.concatenate([random.choice(yes, len(yes)), random.choice(no, len(no))])
        found.append(auc(score[drawn], positive[drawn]))
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


# What flew at the end of May 2025, of 7,500 objects those at their places: (altitude, inclination, planes, per plane).
# Rounded to whole planes from the public element sets of 2025-05-29.
FLOWN_2025 = (
    (540.0, 53.0, 72, 20), (555.0, 43.0, 36, 36), (485.0, 43.0, 27, 34), (475.0, 53.0, 28, 29), (545.0, 53.2, 72, 11),
    (570.0, 70.0, 36, 10), (560.0, 97.6, 10, 21),
)  # fmt: skip


def network() -> Network:
    shells = [
        Shell(f"{height:g}-{incline:g}", height, incline, planes, each, phasing=1)
        for height, incline, planes, each in FLOWN_2025
    ]
    constellation = from_shells("starlink-2025-05", START, shells)
    lists = [stations.read("starlink-2026", kind, Path(), "", "")[0] for kind in ("gateways", "pops")]
    links = topology.build(constellation, "+grid")
    limits = GroundLimits(gso_exclusion_deg=GSO_DEG)
    joined = gateways.join(*lists, detour=1.5)
    return Network(constellation, links, joined, 25.0, 25.0, "middle", "least_rtt", 0.0, limits)


def loads(
    net: Network,
    capacity: CapacityRecord,
    demand: DemandRecord,
    territories: Sequence[str],
    slots: int,
    cities: Sequence[City],
    feeders: bool,
) -> tuple[h3cells.Cells, Demand, user_rates.Pressed]:
    """(cells, what they ask for in their busiest hour, what the network brings under pressure)."""
    case, _ = read_capacity(capacity, demand, RESOLUTION, Path(), "")
    cell5, territory, people = population.estimate()
    wanted = np.isin(territory.astype(str), list(territories))
    cells, row = np.unique(cell5[wanted], return_inverse=True)
    order = np.argsort(row.ravel(), kind="stable")
    parts = places.Parts(
        cells, row.ravel()[order].astype(np.int32), territory[wanted][order],
        np.zeros((len(order), 0), bool), np.zeros(len(order)), people[wanted][order],
    )  # fmt: skip
    asked, _ = case.demand_of(parts)
    keep = np.bincount(asked.cell, asked.subscribers.sum(axis=1), minlength=len(cells)) >= 0.5
    parts = parts.select(keep[parts.cell])
    asked, _ = case.demand_of(parts)
    users = cell_users(net, parts.cells)
    loaded = run.load(case, parts.cells, asked, net.constellation, net.gateways, 25.0, 25.0)
    if not feeders:
        loaded = replace(loaded, feeders=None)
    made = []
    pressed = np.zeros(len(parts.cells), np.bool_)
    for one in cities:
        pressed[around(parts.cells, one)] = True
    for number in range(slots):  # far apart, so that satellites stand elsewhere
        grid = SlotGrid(START.replace(hour=(number * 24 // slots) % 24, minute=7 * number % 60), 15.0, 1)
        for _, positions, ways in reach_and_ways(net, grid, users):
            found, allocation = run.pressed_slot(users, positions, ways, 0, net.gateways, loaded, pressed)
            made.append(user_rates.pressed(found, allocation))
    return parts.cells, asked, user_rates.mean(made)


@dataclass(frozen=True)
class Score:
    """Areas under the curve: of load, of what is asked for, of people alone; the whole answer in words."""

    load: float
    asked: float
    people: float
    text: str


def score(
    slots: int = 3,
    capacity: CapacityRecord | None = None,
    demand: DemandRecord | None = None,
    *,
    feeders: bool = True,
    elsewhere: bool = False,
) -> Score:
    """Compute it all; `elsewhere`: controls only from territories of which no city is in the list."""
    positives, territories = sold_out(), SERVED.split()
    known, _ = demand_file.read_subscriptions("starlink-2025", Path())
    assert {*known, *(one.territory for one in positives)} <= set(territories)
    not_of = {*WAITLISTED, *(one.territory for one in positives if elsewhere)}
    cities = positives + controls(positives, [one for one in territories if one not in not_of])
    record = capacity or CapacityRecord(time_shares=8)
    cells, asked, brought = loads(network(), record, demand or DemandRecord(), territories, slots, cities, feeders)
    down = np.bincount(asked.cell, asked.down_mbps.sum(axis=1), minlength=len(cells))
    here = [around(cells, one) for one in cities]
    wanted = np.array([down[some].sum() for some in here])
    brought_there = np.array([brought.down_mbps[some].sum() for some in here])
    load = wanted / brought_there
    yes = np.array([one.sold_out for one in cities])
    people = np.array([one.people for one in cities], float)
    lines = [
        f"{'*' if cities[k].sold_out else ' '} {cities[k].name:24} {cities[k].territory} {cities[k].people:>10,} "
        f"{wanted[k]:8.0f} {brought_there[k]:8.0f} {load[k]:6.2f}"
        for k in np.argsort(-load)
    ]
    for name, values in (("load", load), ("asked", wanted), ("people", people)):
        low, high = interval(values, yes)
        lines.append(
            f"{name}: AUC {auc(values, yes):.3f} ({low:.3f} to {high:.3f}), {yes.sum()} against {(~yes).sum()}"
        )
    random = np.random.default_rng(0)
    kinds = np.flatnonzero(yes), np.flatnonzero(~yes)
    draws = [np.concatenate([random.choice(kind, len(kind)) for kind in kinds]) for _ in range(4000)]
    better = [auc(load[drawn], yes[drawn]) > auc(people[drawn], yes[drawn]) for drawn in draws]
    lines.append(f"load does better than people alone in {100 * np.mean(better):.0f} % of the bootstrap")
    return Score(auc(load, yes), auc(wanted, yes), auc(people, yes), "\n".join(lines))


def main() -> None:
    said = argparse.ArgumentParser()
    said.add_argument("--satellites", default="starlink-v1")
    said.add_argument("--in-towns", type=float)
    said.add_argument("--penetration", type=float, default=0.001)
    said.add_argument("--subscriptions", default="starlink-2025")
    said.add_argument("--factor", type=float, default=1.0)
    said.add_argument("--slots", type=int, default=3)
    said.add_argument("--shares", type=int, default=8)
    said.add_argument("--no-feeders", action="store_true")
    said.add_argument("--elsewhere", action="store_true")
    given = said.parse_args()
    capacity = CapacityRecord(satellite_radio=given.satellites, time_shares=given.shares)
    demand = DemandRecord(
        in_towns=given.in_towns, penetration=given.penetration, subscriptions=given.subscriptions, factor=given.factor
    )
    print(score(given.slots, capacity, demand, feeders=not given.no_feeders, elsewhere=given.elsewhere).text)


if __name__ == "__main__":
    main()
