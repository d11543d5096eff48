"""The network as the running system computes it: made ready once, then one slot at a time at that slot's own instant.

Takes a scenario (its network and its area: the window that it plans is an example's) and gives, for a slot by number,
what reaches every cell, and who may be served there under the rules in force. Shells and element sets can be moved to
any instant; outages that a scenario lists hold at theirs. Nothing here reads a clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.controller.elements import Ages
from openleo.controller.slot_rates import CellRates, Shared
from openleo.controller.slots import Slots
from openleo.errors import InputError, Problem
from openleo.geodesy import look_angles
from openleo.instants import SlotGrid, instant_of
from openleo.network import chain
from openleo.network.constellation.element_set import ElementSet
from openleo.network.ground.gateways import Gateways
from openleo.network.pop_reach import served_cells, towards
from openleo.network.reach import (
    Network,
    cell_users,
    default_threads,
    ends_on_ground,
    fibres_km,
    gateway_sites,
    highest_km,
    positions_over,
    rtt_ms,
    serve,
)
from openleo.network.routing import Positions, Routes, routes
from openleo.network.visibility import Sites
from openleo.places import cell_cache
from openleo.places.areas import parts_of
from openleo.places.cell_index import CellIndex
from openleo.places.parts import Parts
from openleo.policy.rules import RuleSet
from openleo.policy.states import Masks
from openleo.results import Case, labels_of_cells, refuse_nothing
from openleo.scenario import Scenario
from openleo.service import licences

Ints = NDArray[np.int32]
Words = NDArray[np.uint64]

NOBODY = -1
FINEST_RESOLUTION = 5  # the labels of a finer world take gigabytes
MOST_KEPT = 4  # rule sets, and sets of gateways that they withhold


@dataclass(frozen=True, eq=False)
class Group:
    """Cells that one PoP serves, as sites; all cells and no PoP where every gateway hands over to the nearest."""

    pop: int | None
    cells: NDArray[np.intp]
    users: Sites


@dataclass(frozen=True, eq=False)
class Outlook:
    """What one cell is served by: `network` with gateways joined to the cell's `pop` alone, where it has its own.

    withheld: the gateways that `whole` goes without.
    """

    network: Network
    whole: Network
    feeders: Sites
    pop: int | None
    withheld: frozenset[int]


@dataclass(frozen=True, eq=False)
class SlotSky:
    """What reaches the cells in one slot, axes (cell,): satellite, gateway and pop are −1 for none, rtt_ms infinite."""

    satellite: Ints
    gateway: NDArray[np.int16]
    pop: NDArray[np.int16]
    rtt_ms: NDArray[np.float32]
    seen: NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Permitted:
    """Who may be served throughout a slot. yes, no (cell, word): a bit a class; a cell with neither depends.

    `withheld`: the gateways that may not be used, by number.
    """

    classes: tuple[str, ...]
    yes: Words
    no: Words
    withheld: frozenset[int]


@dataclass(frozen=True, eq=False)
class Twin:
    """A scenario's network and area, ready for any slot; `network`: the sha256 that changes of networks name.

    It stays that of the network as it was approved when newer elements move its satellites.
    """

    case: Case
    slots: Slots
    parts: Parts
    groups: tuple[Group, ...]
    index: CellIndex
    number_of: NDArray[np.int64]  # each cell's place in the index
    network: str
    shared: Shared | None = None  # None: no capacity is computed
    threads: int = field(default_factory=default_threads)
    _masks: dict[str, Masks] = field(default_factory=dict, repr=False)
    _making: Lock = field(default_factory=Lock, repr=False)
    _networks: dict[frozenset[int], tuple[Network, Sites]] = field(default_factory=dict, repr=False)

    @property
    def cells(self) -> h3cells.Cells:
        return self.parts.cells

    @property
    def beam_km(self) -> float:
        """How far around what rules on beams keep dark nobody is served: as the network's document has it."""
        return self.case.beam_km

    def span(self, number: int) -> tuple[datetime, datetime]:
        """When a slot begins, and the next."""
        edges = (self.slots.begins_s(number), self.slots.begins_s(number + 1))
        begins, ends = (instant_of(edge) for edge in edges)
        return begins, ends

    @property
    def elements(self) -> str:
        """sha256 of the elements that satellites are moved by; "" where they are not known by any."""
        constellation = self.case.network.constellation
        return constellation.sha256 if constellation.elements else ""

    def renewed(self, sets: tuple[ElementSet, ...], sha256: str) -> Twin:
        """The same satellites, in their order, with the same links, where newer elements put them."""
        network = self.case.network
        before = network.constellation
        if [one.id for one in sets] != [one.id for one in before.elements]:
            raise ValueError("newer elements are of the same satellites, in their order")
        moved = replace(before, elements=sets, epoch=max(one.epoch for one in sets), sha256=sha256)
        now = replace(network, constellation=moved)
        # Sites know how high satellites fly, so as to look no further.
        groups = tuple(_groups(now, self.parts)) if highest_km(moved) > highest_km(before) else self.groups
        made = replace(self, case=replace(self.case, network=now), groups=groups, shared=None, _networks={})
        return made if self.shared is None else replace(made, shared=self.shared.of_network(now))

    def using(self, oldest_days: float) -> Twin:
        """The same, with no satellite used whose elements are older."""
        network = replace(self.case.network, oldest_days=oldest_days)
        return replace(self, case=replace(self.case, network=network), _networks={})

    def ages(self, at_s: float) -> Ages | None:
        """How old the elements are at an instant; None where there are none."""
        network = self.case.network
        if not network.constellation.elements:
            return None
        return Ages(self.elements, at_s - network.constellation.epochs_s, network.oldest_days)

    @cached_property
    def _centres_deg(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return h3cells.centres_deg(self.cells)

    def _positions(self, network: Network, number: int) -> Positions:
        return positions_over(network, SlotGrid(self.span(number)[0], self.slots.slot_s, 1), 0, 1)

    def permitted(self, rule_set: RuleSet, number: int) -> Permitted:
        """Who may be served throughout a slot, by rules as terminals feel them.

        What changes within the slot counts from its beginning where it takes away, and from the next slot else.
        """
        masks = self._masks_of(rule_set)
        begins, ends = self.span(number)
        instants = list(_instants(masks.rule_set, begins, ends))
        made = [masks.at(instant) for instant in instants]
        yes, no = made[0].yes[self.number_of], made[0].no[self.number_of]
        for one in made[1:]:
            yes, no = yes & one.yes[self.number_of], no | one.no[self.number_of]
        withheld = self._withheld(masks.rule_set, instants)
        return Permitted(masks.classes, np.ascontiguousarray(yes), np.ascontiguousarray(no), withheld)

    def withheld(self, rule_set: RuleSet, number: int) -> frozenset[int]:
        """The gateways that may not be used throughout a slot, by number."""
        return self._withheld(rule_set, list(_instants(rule_set, *self.span(number))))

    def _withheld(self, rule_set: RuleSet, instants: list[datetime]) -> frozenset[int]:
        gateways = self.case.network.gateways
        return frozenset(one.gateway for at in instants for one in licences.withheld(gateways, rule_set, at))

    def _masks_of(self, rule_set: RuleSet) -> Masks:
        """Kept by what was written; a plan and a restriction, which ask side by side, have the same."""
        with self._making:
            if rule_set.sha256 not in self._masks:
                while len(self._masks) >= MOST_KEPT:
                    self._masks.pop(next(iter(self._masks)))
                self._masks[rule_set.sha256] = Masks(rule_set, self.index)
            return self._masks[rule_set.sha256]

    def under(self, withheld: frozenset[int]) -> Network:
        """The network without some gateways."""
        return self._under(withheld)[0]

    def _under(self, withheld: frozenset[int]) -> tuple[Network, Sites]:
        """As `under`, and its gateways as sites: which part of the sky each sees is the same in every slot.

        Kept by who asked last: those who ask of places drive none out that plans are made of.
        """
        with self._making:
            found = self._networks.pop(withheld, None)
            if found is None:
                network = self.case.network
                numbers = np.array(sorted(withheld), np.int32)
                fewer = network.gateways.without(numbers, np.empty(0, np.int32)) if withheld else network.gateways
                network = replace(network, gateways=fewer)
                found = network, gateway_sites(network)
            self._networks[withheld] = found
            while len(self._networks) > MOST_KEPT:
                self._networks.pop(next(iter(self._networks)))
            return found

    def outlook(self, row: int, withheld: frozenset[int]) -> Outlook:
        """The network that a cell is on, without some gateways."""
        whole, feeders = self._under(withheld)
        group = next(one for one in self.groups if (one.cells == row).any())
        there = whole if group.pop is None else towards(whole, group.pop)
        return Outlook(there, whole, feeders, group.pop, withheld)

    def flown(self, outlook: Outlook, first: int, count: int) -> Positions:
        """Where satellites are in some slots, and what each may land at for a cell."""
        grid = SlotGrid(self.span(first)[0], self.slots.slot_s, count)
        positions = positions_over(outlook.whole, grid, 0, count)
        return positions if outlook.pop is None else _towards(positions, outlook.network.gateways)

    def sky(self, number: int, withheld: frozenset[int], previous: Ints | None = None) -> SlotSky:
        """What reaches the cells in a slot. previous (cell,): who served before, −1 for nobody."""
        (network, feeders), count = self._under(withheld), len(self.cells)
        before = np.full(count, NOBODY, np.int32) if previous is None else previous
        made = SlotSky(
            np.full(count, NOBODY, np.int32), np.full(count, NOBODY, np.int16), np.full(count, NOBODY, np.int16),
            np.full(count, np.inf, np.float32), np.zeros(count, np.int16),
        )  # fmt: skip
        jitter = chain.jitters(number, 1, count)[0] if network.chain else None
        positions = self._positions(network, number)
        with ThreadPoolExecutor(self.threads) as pool:
            for group in self.groups:
                there = network if group.pop is None else towards(network, group.pop)
                seen_so = positions if group.pop is None else _towards(positions, there.gateways)
                ways = routes(seen_so, there.gateways, feeders, network.topology, pool)
                self._serve(made, group, there, seen_so, ways, before, jitter, pool)
        return made

    def rates(self, number: int, permitted: Permitted, allowed: NDArray[np.bool_]) -> CellRates | None:
        """What all in each cell share in a slot; None where no capacity is computed. allowed (cell, class)."""
        if self.shared is None:
            return None
        grid = SlotGrid(self.span(number)[0], self.slots.slot_s, 1)
        return self.shared.rates(self.under(permitted.withheld), grid, allowed, permitted.classes)

    def holds(self, number: int, satellite: Ints) -> NDArray[np.bool_]:
        """Whether each cell's satellite stands above its mask in the middle of a slot, and is not out of order.

        Of exclusion zones and horizons nothing is asked.
        """
        network = self.case.network
        positions = self._positions(network, number)
        _, elevation_deg, _ = look_angles(*self._centres_deg, positions.middle_km[0][np.maximum(satellite, 0)])
        above = elevation_deg >= network.user_elevation_deg
        return np.asarray((satellite >= 0) & above & positions.usable[0][np.maximum(satellite, 0)])

    def _serve(
        self, made: SlotSky, group: Group, network: Network, positions: Positions, ways: Routes, before: Ints,
        jitter: NDArray[np.float64] | None, pool: ThreadPoolExecutor,
    ) -> None:  # fmt: skip
        """Fill in what reaches the cells of one group."""
        users, at = group.users, group.cells
        last = np.ascontiguousarray(before[at][users.order])
        served = serve(users, positions, ways, network.hand_over, self.slots.slot_s, last, pool, self.threads)
        back = np.argsort(users.order)
        satellite, path_km, seen = (one[0, back] for one in served)
        if network.chain is None or jitter is None:
            trip_ms = rtt_ms(path_km, network.processing_ms)
        else:
            fibre_km = fibres_km(network, satellite[np.newaxis], positions, ways)[0]
            trip_ms = chain.rtt_ms(network.chain, path_km, fibre_km, jitter[at])
        gateway, pop = ends_on_ground(network, satellite[np.newaxis], positions, ways)
        made.satellite[at], made.rtt_ms[at], made.seen[at] = satellite, trip_ms, seen
        made.gateway[at], made.pop[at] = gateway[0], pop[0]


def _towards(positions: Positions, gateways: Gateways) -> Positions:
    """What holds in a slot, with gateways joined to one PoP."""
    assert gateways.alone is not None
    joined = tuple(replace(one, gateways=one.gateways.towards(*gateways.alone)) for one in positions.networks)
    return replace(positions, networks=joined)


def _instants(rule_set: RuleSet, begins: datetime, ends: datetime) -> Iterable[datetime]:
    """Where a span begins, and every instant within it at which other rules are in force."""
    at: datetime | None = begins
    while at is not None and at < ends:
        yield at
        at = rule_set.next_change(at)


# --- made ready ---------------------------------------------------------------------------------------------------


def load(path: Path) -> Twin:
    """A scenario's network and area, without its rules: those in force are the ledger's. Raises InputError."""
    return ready(Scenario.load(path, own_rules=False).case)


def ready(case: Case) -> Twin:
    """Cut the cells and find their sites and labels, once. Raises InputError."""
    if case.network.failures.drawn is not None:
        rule = "draws outages by chance over a scenario's time; those of a running network are not drawn."
        raise InputError(Problem(case.name, "failures.random", rule, "List them by their instants, or leave it out."))
    if case.resolution > FINEST_RESOLUTION:
        rule = f"is {case.resolution}; a running network has cells of resolution {FINEST_RESOLUTION} or coarser."
        raise InputError(Problem(case.name, "ground.resolution", rule, "Choose a coarser one."))
    parts = parts_of(case.area, case.resolution)
    refuse_nothing(case, parts)
    slot_s = case.grid.slot_s
    index = cell_cache.load(case.resolution)
    return Twin(
        case=case,
        slots=Slots(slot_s, case.grid.start.timestamp() % slot_s),
        parts=parts,
        groups=tuple(_groups(case.network, parts)),
        index=index,
        number_of=index.number_of(parts.cells),
        network=case.network_sha256,
        shared=None if case.capacity is None else Shared.of(case.capacity, case.network, parts),
    )


def _groups(network: Network, parts: Parts) -> Iterable[Group]:
    """A cell that several PoPs share keeps one of them from slot to slot: which, is drawn by their weights."""
    if network.serving is None:
        yield Group(None, np.arange(len(parts.cells)), cell_users(network, parts.cells))
        return
    served = served_cells(network, parts.cells, *labels_of_cells(parts))
    draw = chain.turns(0, 1, len(parts.cells))[0]
    pop_of = np.full(len(parts.cells), NOBODY, np.int32)
    passed = np.zeros(len(parts.cells))
    for place, pop, weight in zip(served.place.tolist(), served.pop.tolist(), served.weight.tolist(), strict=True):
        if pop_of[place] == NOBODY or passed[place] <= draw[place]:
            pop_of[place] = pop
        passed[place] += weight
    for pop in np.unique(pop_of).tolist():
        cells = np.flatnonzero(pop_of == pop)
        yield Group(int(pop), cells, cell_users(network, parts.cells[cells]))
