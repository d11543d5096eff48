"""Does the modelled load tell cities that were sold out from cities as large that were not?

    python tools/sold_out_cities.py [--slots N] [--one-radio] [--shortest-ways] [--in-towns X]

Takes tests/data/capacity/sold-out-cities.csv; chooses controls by a rule; computes what flew in May 2025 with
everybody on it; prints each city with its load, and how well load and population tell the two kinds apart (area under
the curve of receiver operation, with its bootstrap interval over cities). Nothing here is fitted; docs/demand.md says
how many ways of reckoning were tried.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
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
from openleo.network.capacity import demand_file, least_load, run, user_rates
from openleo.network.capacity.allocation import allocate
from openleo.network.capacity.demand import Demand
from openleo.network.constellation import from_shells
from openleo.network.constellation.shells import Shell
from openleo.network.ground import gateways, stations
from openleo.network.reach import Network, cell_users, gateway_sites, positions_over
from openleo.network.routing import routes
from openleo.network.visibility import Sites
from openleo.places import gazetteer, population
from openleo.places import parts as places
from openleo.scenario_capacity import read_capacity

CITIES = Path(__file__).parents[1] / "tests" / "data" / "capacity" / "sold-out-cities.csv"
RESOLUTION = 5
CONTROLS = 2  # for each sold-out city
APART_KM = 100.0  # a control is no suburb of another city of the list
LEAST_PEOPLE = 500_000
PEOPLE_PER_KM2 = 8_000.0  # as densely as the estimate of people lets them live: a city is a disc of its people
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


# The ten that are named most often. Manila is in the list by Quezon City, the largest town of its metropolis.
NAMED = (
    "Lagos", "Abuja", "Nairobi", "Lusaka", "Harare", "Quezon City", "London", "Mexico City", "São Paulo", "Manaus",
)  # fmt: skip


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
    control_of: str = ""  # the city of the list for which it was chosen

    @property
    def radius_km(self) -> float:
        """Of the disc that its people fill."""
        return float(np.sqrt(self.people / PEOPLE_PER_KM2 / np.pi))


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
            place = best.latitude_deg, best.longitude_deg
            made.append(City(best.name, best.territory, *place, best.population, False, city.name))
    return made


def nearest_km(latitude: float, longitude: float, others: Sequence[tuple[float, float]]) -> float:
    if not others:
        return np.inf
    there = np.array(others)
    here = np.full(len(there), longitude), np.full(len(there), latitude)
    return float(GEOD.inv(*here, there[:, 1], there[:, 0])[2].min() / 1000.0)


def around(cells: h3cells.Cells, city: City, whole: bool = True) -> np.ndarray:
    """The numbers of a city's cells, whose centres lie in its disc; or of the one nearest to its middle alone."""
    middle = h3cells.text(np.array([h3cells.at(city.latitude_deg, city.longitude_deg, RESOLUTION)]))[0]
    near = np.array([int(one, 16) for one in h3.grid_disk(middle, 3)], np.uint64)
    latitude, longitude = h3cells.centres_deg(near)
    here = np.full(len(near), city.longitude_deg), np.full(len(near), city.latitude_deg)
    far_m = GEOD.inv(*here, longitude, latitude)[2]
    near = near[far_m <= max(city.radius_km * 1000.0 if whole else 0.0, far_m.min())]
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


FIRST, SECOND = "starlink-v1", "starlink-v2-mini"


@dataclass(frozen=True)
class Flown:
    altitude_km: float
    inclination_deg: float
    planes: int
    per_plane: int
    radio: str
    name: str


# What flew at the end of May 2025, of 7,500 objects those at their places, rounded to whole planes from the public
# element sets of 2025-05-29. Radios by what was launched to each shell (international designators and the names of
# satellites in the same sets): v2 mini, numbered 30000 and above, since 2023-02-27 to 43 degrees (group 6) and since
# 2023-08 to 53 degrees (7, 8, 10); before, and to all others, v1.0 and v1.5. At 43 degrees and 485 km fly group 5 (13
# launches of v1.5 from 2022-12-28 to 2023-07-16) and since 2024-10 v2 mini (group 12), 7 of 10 satellites the former.
FLOWN_2025 = (
    Flown(540.0, 53.0, 72, 20, FIRST, "53-540"),
    Flown(555.0, 43.0, 36, 36, SECOND, "43-555"),
    Flown(485.0, 43.0, 27, 24, FIRST, "43-485"),
    Flown(485.0, 43.0, 29, 10, SECOND, "43-485-mini"),
    Flown(475.0, 53.0, 28, 29, SECOND, "53-475"),
    Flown(545.0, 53.2, 72, 11, FIRST, "53-545"),
    Flown(570.0, 70.0, 36, 10, FIRST, "70-570"),
    Flown(560.0, 97.6, 10, 21, FIRST, "98-560"),
)


def network() -> Network:
    shells = [
        Shell(one.name, one.altitude_km, one.inclination_deg, one.planes, one.per_plane, phasing=1)
        for one in FLOWN_2025
    ]
    constellation = from_shells("starlink-2025-05", START, shells)
    lists = [stations.read("starlink-2026", kind, Path(), "", "")[0] for kind in ("gateways", "pops")]
    links = topology.build(constellation, "+grid")
    limits = GroundLimits(gso_exclusion_deg=GSO_DEG)
    joined = gateways.join(*lists, detour=1.5)
    return Network(constellation, links, joined, 25.0, 25.0, "middle", "least_rtt", 0.0, limits)


@dataclass(frozen=True)
class Model:
    """What loads are computed from. The defaults leave out what is known to be untrue; docs/demand.md has others."""

    generations: bool = True  # each shell has the radio of what was launched to it; else all have the first
    second_band: bool = True  # v2 mini's feeder links have E band too
    least_load: bool = True  # ways go round full feeder links; else each is the shortest
    percent: float = 50.0  # of the year with a worse sky: a middling hour. Promises to a user are made for 0.5
    feeders: bool = True
    time_shares: int = 8
    whole_cities: bool = True  # else the cell at the middle of each


@dataclass(frozen=True, eq=False)
class Prepared:
    """A network with everybody on it, ready for slots."""

    net: Network
    cells: h3cells.Cells
    asked: Demand
    users: Sites
    loaded: run.Loaded
    pressed: np.ndarray  # (cell,): those of the cities
    least_load: bool

    @property
    def down_mbps(self) -> np.ndarray:
        """What each cell asks for in its busiest hour."""
        return np.bincount(self.asked.cell, self.asked.down_mbps.sum(axis=1), minlength=len(self.cells))

    def slot(self, start: datetime) -> user_rates.Pressed:
        """What the network brings each cell under pressure, in one slot."""
        net, grid = self.net, SlotGrid(start, 15.0, 1)
        with ThreadPoolExecutor(1) as pool:
            positions = positions_over(net, grid, 0, 1)
            ways = routes(positions, net.gateways, gateway_sites(net), net.topology, pool)
        if self.least_load:
            found, trees = run.ready(self.users, positions, ways, 0, net.gateways, self.loaded)
            own = least_load.own_mbps(found, self.down_mbps, trees.satellites)
            own = np.minimum(own, trees.down_mbps[: trees.satellites])
            carries = trees.down_mbps[trees.satellites : 2 * trees.satellites]
            ways = least_load.with_least_load(ways, 0, positions, net.topology, own, carries)
        found, trees = run.ready(self.users, positions, ways, 0, net.gateways, self.loaded)
        times = np.where(self.pressed, user_rates.PRESSED, 1.0)
        asked = self.loaded.demand.at(None).times(times)  # everybody's busiest hour, and of some cells many times that
        made = allocate(found, self.loaded.caps, trees, asked, self.loaded.neighbours, objective=run.PRESSED_BY)
        return user_rates.pressed(found, made)


def prepare(model: Model, demand: DemandRecord, territories: Sequence[str], cities: Sequence[City]) -> Prepared:
    """Everybody of the territories on the network."""
    record = CapacityRecord(
        time_shares=model.time_shares,
        percent=model.percent,
        radio_of_shell={one.name: one.radio for one in FLOWN_2025 if model.generations and one.radio != FIRST},
    )
    case, _ = read_capacity(record, demand, RESOLUTION, Path(), "")
    if not model.second_band:
        case = replace(case, of_shell={name: replace(one, feeder_times=1.0) for name, one in case.of_shell.items()})
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
    net = network()
    loaded = run.load(case, parts.cells, asked, net.constellation, net.gateways, 25.0, 25.0)
    if not model.feeders:
        others = tuple(replace(one, feeders=None) for one in loaded.others)
        loaded = replace(loaded, feeders=None, others=others)
    pressed = np.zeros(len(parts.cells), np.bool_)
    for one in cities:
        pressed[around(parts.cells, one, model.whole_cities)] = True
    return Prepared(net, parts.cells, asked, cell_users(net, parts.cells), loaded, pressed, model.least_load)


def instant(number: int, slots: int) -> datetime:
    """Slots far apart over the day, so that satellites stand elsewhere."""
    return START.replace(hour=(number * 24 // slots) % 24, minute=7 * number % 60)


@dataclass(frozen=True)
class Score:
    """Areas under the curve: of load, of what is asked for, of people alone; the whole answer in words."""

    load: float
    asked: float
    people: float
    text: str


def score(
    slots: int = 3, model: Model | None = None, demand: DemandRecord | None = None, *, elsewhere: bool = False
) -> Score:
    """Compute it all; `elsewhere`: controls only from territories of which no city is in the list."""
    positives, territories = sold_out(), SERVED.split()
    known, _ = demand_file.read_subscriptions("starlink-2025", Path())
    assert {*known, *(one.territory for one in positives)} <= set(territories)
    not_of = {*WAITLISTED, *(one.territory for one in positives if elsewhere)}
    cities = positives + controls(positives, [one for one in territories if one not in not_of])
    model = model or Model()
    ready = prepare(model, demand or DemandRecord(), territories, cities)
    brought = np.mean([ready.slot(instant(number, slots)).down_mbps for number in range(slots)], axis=0)
    here = [around(ready.cells, one, model.whole_cities) for one in cities]
    return told(cities, here, ready.down_mbps, brought)


def told(cities: Sequence[City], here: Sequence[np.ndarray], down: np.ndarray, brought: np.ndarray) -> Score:
    """How well loads tell them apart, from what cells ask for and are brought; `here`: the cells of each."""
    wanted = np.array([down[some].sum() for some in here])
    brought_there = np.array([brought[some].sum() for some in here])
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
    named = np.array([one.sold_out and one.name in NAMED for one in cities])
    theirs = np.array([one.control_of in NAMED for one in cities])
    for against, others in (("all controls", ~yes), ("their own", theirs)):
        some = named | others
        low, high = interval(load[some], named[some])
        figure = f"{auc(load[some], named[some]):.3f} ({low:.3f} to {high:.3f})"
        by_people = auc(people[some], named[some])
        lines.append(f"the ten best known, {against}: AUC {figure}, people {by_people:.3f}")
    random = np.random.default_rng(0)
    kinds = np.flatnonzero(yes), np.flatnonzero(~yes)
    draws = [np.concatenate([random.choice(kind, len(kind)) for kind in kinds]) for _ in range(4000)]
    better = [auc(load[drawn], yes[drawn]) > auc(people[drawn], yes[drawn]) for drawn in draws]
    lines.append(f"load does better than people alone in {100 * np.mean(better):.0f} % of the bootstrap")
    return Score(auc(load, yes), auc(wanted, yes), auc(people, yes), "\n".join(lines))


def main() -> None:
    said = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    said.add_argument("--slots", type=int, default=12)
    said.add_argument("--one-radio", action="store_true", help="all satellites as the first generation")
    said.add_argument("--one-band", action="store_true", help="v2 mini's feeder links in Ka band alone")
    said.add_argument("--shortest-ways", action="store_true")
    said.add_argument("--percent", type=float, default=50.0, help="of the year with a worse sky (50)")
    said.add_argument("--no-feeders", action="store_true")
    said.add_argument("--shares", type=int, default=8)
    said.add_argument("--one-cell", action="store_true", help="a city is the cell at its middle")
    said.add_argument("--in-towns", type=float)
    said.add_argument("--penetration", type=float, default=0.001)
    said.add_argument("--subscriptions", default="starlink-2025")
    said.add_argument("--factor", type=float, default=1.0)
    said.add_argument("--elsewhere", action="store_true", help="controls from territories without a sold-out city")
    given = said.parse_args()
    model = Model(
        generations=not given.one_radio,
        second_band=not given.one_band,
        least_load=not given.shortest_ways,
        percent=given.percent,
        feeders=not given.no_feeders,
        time_shares=given.shares,
        whole_cities=not given.one_cell,
    )
    demand = DemandRecord(
        in_towns=given.in_towns, penetration=given.penetration, subscriptions=given.subscriptions, factor=given.factor
    )
    print(score(given.slots, model, demand, elsewhere=given.elsewhere).text)


if __name__ == "__main__":
    main()
