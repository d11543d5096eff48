"""Compiling every kernel beforehand, by computing a little of everything that verbs compute.

Each kernel is compiled for the types of its arrays, so it is called by the functions that the verbs call. A test holds
that no kernel is forgotten: with an empty cache, all of them are there afterwards, and verbs add none.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa

from openleo import cells as h3cells
from openleo.capacity_file import CapacityRecord, DemandRecord
from openleo.geodesy import ecef_km, up
from openleo.interchange import hypatia_out, oem
from openleo.network import chain, ephemeris, hand_overs, journeys, max_min, topology
from openleo.network.admission import GroundLimits
from openleo.network.capacity import candidates, forest, radios, throughput
from openleo.network.capacity.allocation import SlotDemand, allocate
from openleo.network.capacity.beams import OBJECTIVES
from openleo.network.capacity.caps import Caps
from openleo.network.capacity.rain_grid import climate
from openleo.network.capacity.rates import channel_rates
from openleo.network.constellation import Constellation, from_elements, from_ephemerides, from_shells
from openleo.network.constellation.elements import read_elements
from openleo.network.constellation.ephemeris_set import read_ephemerides
from openleo.network.constellation.shells import Shell
from openleo.network.forwarding import links_of, states, wire
from openleo.network.pairs import ByElevation, Places, Sky, rtt_between, times_between
from openleo.network.reach import cell_users, gateway_sites, place_users, positions_over
from openleo.network.routing import routes
from openleo.network.watch import watch
from openleo.network.ways import Gathered, ways_between
from openleo.places.cell_index import CellIndex
from openleo.places.expressions import Labels
from openleo.policy import bulk, mask_world
from openleo.policy.conditions import AtMost, Selector
from openleo.policy.rules import Rule, union
from openleo.policy.terminal_columns import Coded
from openleo.policy.terminal_kinds import settle
from openleo.policy.terminals import Terminals
from openleo.results import compute
from openleo.scenario import Scenario
from openleo.scenario_capacity import read_capacity

SHELL = Shell("small", 1_100.0, 60.0, planes=12, per_plane=14, phasing=5)
LATITUDE_DEG, LONGITUDE_DEG = np.array([10.0, 12.0]), np.array([100.0, 130.0])
NAMES = ("a", "b")
SECONDS = (0.0, 15.0)
SLOTS = 40  # in ten minutes a user changes its satellite


def warm_up() -> None:
    """Compile every kernel, or load it where it was compiled before."""
    with as_file(files("openleo.data") / "starter") as folder:
        scenario = Scenario.load(folder / "scenario.toml")
    scenario.first_slots(2).run()
    _single_users(scenario.first_slots(SLOTS))
    _beams(scenario)
    _everybody(scenario)
    start = scenario.case.grid.start
    small = from_shells("small", start, [SHELL])
    with TemporaryDirectory() as folder:
        flown = _forwarding(small, start, Path(folder))
        _ephemerides(small, start, Path(folder))
    _throughput(small, start)
    _pairs(small, start)
    _pairs(flown, start)
    _links_without_order()
    max_min.fill([0, 1], [0], [1.0])
    _rates()
    _terminals()
    _masks()


def _places() -> Places:
    return Places(NAMES, ecef_km(LATITUDE_DEG, LONGITUDE_DEG), up(LATITUDE_DEG, LONGITUDE_DEG))


def _single_users(scenario: Scenario) -> None:
    """A user and gateways with every limit that a scenario can set, and its paths."""
    network, grid = scenario.case.network, scenario.case.grid
    few = GroundLimits(
        gso_exclusion_deg=10.0,
        horizons={NAMES[0]: np.array([[0.0, 5.0], [180.0, 10.0]])},
        gateway_antennas=(4,) * len(network.gateways),
        gateway_spread_ms=0.5,
    )
    network = replace(network, limits=few, chain=chain.read_constants()[0])
    users = place_users(network, LATITUDE_DEG, LONGITUDE_DEG, names=NAMES)
    for _ in hand_overs.hand_overs(watch(network, grid, users, threads=1), grid.slot_s):
        pass
    here, there = (journeys.Point(*one) for one in zip(NAMES, LATITUDE_DEG, LONGITUDE_DEG, strict=True))
    journeys.between(network, here, there, grid.start)


def _beams(scenario: Scenario) -> None:
    """Beams and rates of a slot, by every objective, with what was decided before."""
    network, cells = scenario.case.network, h3cells.children(np.array([h3cells.at(24.0, 121.0, 3)]), 4)
    positions = positions_over(network, scenario.case.grid, 0, 1)
    with ThreadPoolExecutor(1) as pool:
        ways = routes(positions, network.gateways, gateway_sites(network), network.topology, pool)
    caps = Caps(4, 4, 2, 10.0, feeder_down_mbps=10_000.0)
    grown = forest.grow(ways.onward[0], ways.gateway[0], network.gateways.pop, caps)
    found = candidates.find(cell_users(network, cells), positions, ways, 0).with_rates(300.0, 30.0)
    around, asked = h3cells.neighbours(cells), SlotDemand.of(np.full(len(cells), 500.0), 50.0)
    made = None
    for objective in OBJECTIVES:
        before = made.assignment if made else None
        made = allocate(found, caps, grown, asked, around, objective=objective, previous=before, keep=0.2)


def _everybody(scenario: Scenario) -> None:
    """A run with capacity, as plans have it: slots one after the other, and slots apart."""
    case, _ = read_capacity(CapacityRecord(every_slots=2), DemandRecord(), scenario.case.resolution, Path(), "")
    run = scenario.first_slots(3).case
    compute(replace(run, capacity=case))
    compute(replace(run, capacity=replace(case, every_slots=1)))


def _rates() -> None:
    """What channels of a link carry."""
    known = radios.embedded()
    satellite, terminal = known.satellite("starlink-v1"), known.terminal("fixed")
    rates = channel_rates(satellite, terminal, climate(LATITUDE_DEG, LONGITUDE_DEG), [550.0], 1.0)
    rates.of_links(np.array([0, 1], np.int32), np.zeros(2, np.int32), np.array([30.0, 90.0]))


def _throughput(constellation: Constellation, start: datetime) -> None:
    """What satellites see of a demand, by beams that stand still and by turned ones."""
    now_km, later_km = ephemeris.positions(constellation, start, np.array(SECONDS)).position_km
    for beams in (throughput.Beams(2, fixed=True), throughput.Beams(2, area_km2=1e6)):
        system = throughput.System(25.0, 25.0, 1000.0, beams, antennas=1, site_antennas=1, isl_mbps=0.0)
        here = throughput.users(LATITUDE_DEG, LONGITUDE_DEG, np.ones(2), system, highest_km=8_000.0)
        throughput.demand_mbps(here, system, now_km, later_km)


def _pairs(constellation: Constellation, start: datetime) -> None:
    """Times and ways of pairs, over a grid."""
    sky = Sky(constellation, topology.build(constellation, "+grid"), ByElevation(25.0))
    places = _places()
    gathered = Gathered(places, len(SECONDS))
    for ways in ways_between(sky, places, start, SECONDS):
        gathered.add(ways)
    for _ in (*rtt_between(sky, places, start, SECONDS), *times_between(sky, places, start, SECONDS)):
        pass


def _forwarding(shells: Constellation, start: datetime, folder: Path) -> Constellation:
    """Forwarding states in whole steps and in km, and their files; gives the satellites as element sets."""
    sky = Sky(shells, topology.build(shells, "+grid"), ByElevation(25.0))
    written = hypatia_out.network_of("small", sky, start, _places(), None, "")
    for _ in hypatia_out.write_states(written, hypatia_out.Instants(500, 1), folder, threads=1):
        pass
    loose = replace(sky, topology=replace(sky.topology, orders=None))
    wiring = wire(links_of(sky.topology.neighbours), shells.satellites)
    for _ in states(loose, wiring, _places(), start, SECONDS, threads=1):
        pass
    tles = folder / "tles.txt"
    tles.write_text("\n".join(written.files["tles.txt"].splitlines()[1:]), encoding="ascii")
    flown = from_elements("small", read_elements(tles))
    ephemeris.positions(flown, start, np.array(SECONDS), every_s=15.0)
    return flown


def _ephemerides(shells: Constellation, start: datetime, folder: Path) -> None:
    """Satellites as a file of ephemerides, read again."""
    chosen = range(shells.satellites)
    found = oem.states(shells, chosen, start, np.arange(8, dtype=np.float64) * 60.0, "TEME")
    file = folder / "small.oem"
    lines = oem.lines(shells, found, created=start, originator="OPENLEO")
    file.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    ephemeris.positions(from_ephemerides("small", read_ephemerides(file)), start, SECONDS)


def _links_without_order() -> None:
    """The ways of satellites whose numbers follow no grid: a ring, each joined to those 400 numbers on and back."""
    number = np.arange(997, dtype=np.int32)
    ring = topology.Topology(np.stack([(number + 400) % 997, (number - 400) % 997], axis=1))
    length_km, distance_km = np.ones(ring.neighbours.shape), np.full((997, 1), np.inf)
    ring.settle(np.full(997, np.inf), length_km, np.empty(997), np.empty(997, np.int32))
    ring.settle_many(length_km, distance_km)


def _terminals() -> None:
    """A terminal at sea, and a rule that asks for its speed."""
    none = Coded[Any](np.array([-1], dtype=np.int32), ())
    word, number = pa.array(["a"]), np.zeros(1)
    one = Terminals(word, word, word, none, none, none, none, *([number] * 7))
    slow = Selector(conditions=(AtMost("speed_kmh", 75.0),))
    rule = Rule("a", "b", "permit", Labels(frozenset(["high-seas"])), slow)
    decided = bulk.decide_all(union([rule]), one, settle(one, ()), None)
    decided.deciding(np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64), 1)
    decided.blocked(np.zeros(1, dtype=np.int64))


def _masks() -> None:
    """A rule over an index of two cells."""
    numbers = np.arange(2, dtype=np.int32)
    index = CellIndex(0, h3cells.world(0)[:2], NAMES, numbers, np.arange(3), numbers, 0, "")
    entry = mask_world.Entry("a", "permit", Labels(frozenset(NAMES[:1])), frozenset(NAMES))
    mask = mask_world.compute(index, [entry], NAMES)
    mask.rule(NAMES[0])
