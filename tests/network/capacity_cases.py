"""Slots to allocate in tests: drawn small ones, and a region under a real constellation."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import h3
import numpy as np

from network.beam_checker import faults, overloads
from openleo import cells as h3cells
from openleo.instants import SlotGrid
from openleo.network import topology
from openleo.network.capacity import candidates as finding
from openleo.network.capacity import forest, run, tally
from openleo.network.capacity.allocation import Allocation, SlotDemand, allocate
from openleo.network.capacity.candidates import Candidates
from openleo.network.capacity.caps import Caps
from openleo.network.capacity.user_rates import PRESSED
from openleo.network.constellation import catalogue
from openleo.network.ground import gateways, stations
from openleo.network.reach import Network, cell_users, gateway_sites, positions_over
from openleo.network.routing import routes
from openleo.network.visibility import Sites

EARTH_KM, ORBIT_KM = 6378.0, 6928.0


@dataclass(frozen=True)
class Slot:
    candidates: Candidates
    caps: Caps
    ways: forest.Forest
    demand: SlotDemand
    neighbours: np.ndarray

    def allocate(self, **options) -> Allocation:
        return allocate(self.candidates, self.caps, self.ways, self.demand, self.neighbours, **options)

    def with_caps(self, **changes) -> Slot:
        """The same under other caps (the ways are as they were)."""
        caps = replace(self.caps, **changes)
        onward = np.full(self.ways.satellites, -1)
        gateway = self.ways.parent[self.ways.satellites : 2 * self.ways.satellites] - 2 * self.ways.satellites
        assert (gateway >= 0).all(), "only for slots without inter-satellite links"
        pop = self.ways.parent[2 * self.ways.satellites :][: self.ways.gateways]
        pop = pop - 2 * self.ways.satellites - self.ways.gateways
        return replace(self, caps=caps, ways=forest.grow(onward, gateway, pop, caps))


def line(cells: int, satellites: int, see, rate_mbps, caps: Caps, demand: SlotDemand, gateway=0, pop=(0,)) -> Slot:
    """Cells in a row, each adjacent to the next. see (cell, satellite): whether; rate_mbps: of a channel, likewise."""
    cell, satellite = np.nonzero(np.asarray(see, bool))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(cell, minlength=cells))]).astype(np.int64)
    across = np.linspace(-0.02, 0.02, cells) if cells > 1 else np.zeros(1)
    over = np.linspace(-0.08, 0.08, satellites) if satellites > 1 else np.zeros(1)
    at = [
        radius * np.stack([np.cos(angle), np.sin(angle), np.zeros(len(angle))], axis=1)
        for radius, angle in ((EARTH_KM, across), (ORBIT_KM, over))
    ]
    rate = np.broadcast_to(rate_mbps, (cells, satellites))[cell, satellite].astype(np.float64)
    found = Candidates(offsets, satellite.astype(np.int32), np.full(len(cell), 50.0), rate, rate / 8.0, *at)
    ways = forest.grow(np.full(satellites, -1), np.broadcast_to(gateway, satellites), pop, caps)
    around = np.stack([np.arange(cells) - 1, np.where(np.arange(cells) + 1 < cells, np.arange(cells) + 1, -1)], axis=1)
    return Slot(found, caps, ways, demand, around.astype(np.int32))


@cache
def gen1() -> Network:
    """Starlink's first generation, 4,408 satellites, with the embedded gateways."""
    constellation = catalogue.load("starlink-gen1").constellation()
    lists = [stations.read("starlink-2026", kind, Path(), "", "")[0] for kind in ("gateways", "pops")]
    joined = gateways.join(*lists, detour=1.5)
    return Network(constellation, topology.build(constellation, "+grid"), joined, 25.0, 25.0, "middle", "highest", 0.0)


def by_elevation(elevation_deg: np.ndarray) -> np.ndarray:
    """A stand-in for a link budget: Mbit/s of a channel, 460 at 25° and 750 overhead."""
    return 250.0 + 500.0 * np.sin(np.radians(elevation_deg))


@cache
def sky(resolution: int, disk: tuple[float, float, int] | None, slots: int):
    """(candidates of each slot, onward and gateway of each, PoP by gateway, neighbours) of a disk of cells, or all."""
    network = gen1()
    if disk is None:
        cells = h3cells.world(resolution)
    else:
        around = h3.grid_disk(h3.latlng_to_cell(disk[0], disk[1], resolution), disk[2])
        cells = np.sort(np.array([int(cell, 16) for cell in around], np.uint64))
    users, grid = cell_users(network, cells), SlotGrid(datetime(2026, 11, 20, tzinfo=UTC), 15.0, 5760)
    positions = positions_over(network, grid, 0, slots)
    with ThreadPoolExecutor(1) as pool:
        ways = routes(positions, network.gateways, gateway_sites(network), network.topology, pool)
    found = []
    for slot in range(slots):
        one = finding.find(users, positions, ways, slot)
        rate = by_elevation(one.elevation_deg)
        found.append((one.with_rates(rate, rate / 8.0), ways.onward[slot], ways.gateway[slot]))
    return found, network.gateways.pop, h3cells.neighbours(cells)


def region(caps: Caps, demand: SlotDemand, *, disk=(49.0, 32.0, 15), resolution=5, slot=0, slots=1) -> Slot:
    found, pop, around = sky(resolution, disk, slots)
    one, onward, gateway = found[slot]
    return Slot(one, caps, forest.grow(onward, gateway, pop, caps), demand, around)


def lognormal(cells: int, mean_mbps: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).lognormal(0.0, 1.0, cells) * mean_mbps / np.exp(0.5)


def all_faults(slot: Slot, made: Allocation) -> list[str]:
    """Everything that a checker which knows only rows, rates and caps finds wrong."""
    given, rows = slot.candidates, made.assignment
    cell = given.cell
    columns = rows.cell, rows.satellite, rows.channel, rows.sub_slots
    wrong = faults(
        list(zip(*(column.tolist() for column in columns), strict=True)),
        beams=slot.caps.beams, channels=slot.caps.channels, shares=slot.caps.shares,
        interference_deg=slot.caps.interference_deg,
        neighbours=[[other for other in row if other >= 0] for row in slot.neighbours.tolist()],
        cell_km=given.cell_km.tolist(), satellite_km=given.satellite_km.tolist(),
        sees=set(zip(cell.tolist(), given.satellite.tolist(), strict=True)),
    )  # fmt: skip
    time = defaultdict(float)
    for c, s, part in zip(rows.cell.tolist(), rows.satellite.tolist(), rows.share.tolist(), strict=True):
        time[c, s] += part
    for rates, channel, nodes in (
        (made.down, given.down_mbps, slot.ways.down_mbps), (made.up, given.up_mbps, slot.ways.up_mbps),
    ):  # fmt: skip
        pairs = list(zip(cell.tolist(), given.satellite.tolist(), strict=True))
        carried = {pair: rate for pair, rate in zip(pairs, rates.of_link.tolist(), strict=True) if rate > 0.0}
        wrong += overloads(
            carried, time, dict(zip(pairs, channel.tolist(), strict=True)), slot.ways.parent.tolist(), nodes.tolist()
        )
        from_links = np.bincount(cell, rates.of_link, minlength=given.cells)
        if not np.allclose(from_links, rates.of_cell, rtol=1e-9, atol=1e-6):
            wrong.append("cells have other rates than their beams carry")
    for name, rates, asked in (("down", made.down, slot.demand.down_mbps), ("up", made.up, slot.demand.up_mbps)):
        if (rates.of_class > asked * (1.0 + 1e-9) + 1e-9).any():
            wrong.append(f"a class has more {name} than it asks for")
    return wrong


def alone(
    network: Network, grid: SlotGrid, number: int, users: Sites, loaded: run.Loaded, permitted=None, previous=None
) -> Allocation:
    """One slot of a grid allocated by itself, without a tally."""
    _, _, found, trees = tally.slot_network(network, grid, number, users, gateway_sites(network), loaded)
    may, asked = run.asking(loaded.demand, grid.instant(number), permitted)
    return allocate(
        found, loaded.caps, trees, asked, loaded.neighbours, objective=loaded.objective, permitted=may,
        previous=previous, keep=loaded.keep,
    )  # fmt: skip


def pressed_alone(
    network: Network, grid: SlotGrid, number: int, users: Sites, loaded: run.Loaded, cells=None
) -> tuple[Candidates, Allocation]:
    """One slot of the busiest hour in which some cells (all by default) ask for PRESSED times as much."""
    _, _, found, trees = tally.slot_network(network, grid, number, users, gateway_sites(network), loaded)
    times = np.where(np.ones(len(loaded.cells), bool) if cells is None else cells, PRESSED, 1.0)
    asked = loaded.demand.at(None).times(times)
    return found, allocate(found, loaded.caps, trees, asked, loaded.neighbours, objective=run.PRESSED_BY)
