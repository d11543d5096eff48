"""What the computed slots of a run gave, under each of several permissions.

Takes a network, the cells with all that slots are allocated from (`run.Loaded`), and who may be served; computes every
n-th slot of the run, all permissions on the same candidates and ways; gives a Tally for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.instants import SlotGrid
from openleo.network.capacity import run, user_rates
from openleo.network.capacity.allocation import MET, Allocation, SlotDemand, allocate
from openleo.network.capacity.beams import Assignment
from openleo.network.capacity.candidates import Candidates
from openleo.network.capacity.caps import Binding
from openleo.network.capacity.forest import Forest
from openleo.network.capacity.user_rates import PRESSED, Pressed
from openleo.network.reach import Network, cell_users, default_threads, gateway_sites, positions_over
from openleo.network.routing import Positions, Routes, routes
from openleo.network.visibility import Sites

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Tell = Callable[[int, int], None]  # slots computed, of how many

LOAD_BINS = 21  # of links: nothing at all, then twentieths of the cap


@dataclass(frozen=True, eq=False)
class Tally:
    """Means over the computed slots of a run, under one permission.

    given (cell, class): the part of what it asks for that a cell gets, the lower of both ways, over the slots in which
    it had a way to a gateway; 1 where nobody asks who may be served, 0 where somebody does and never had a way.
    asked_… and rate_… (cell,): Mbit/s that those ask for who may be served, and get. binding (cell, `Binding`):
    computed slots. pressed: what the network brings under pressure, over pressed_slots of them. gateway_… (gateway,),
    pop_… (pop,): Mbit/s of all users through each. isl_counts (way, bin): links on ways × slots, by load over the
    cap: 0, then twentieths. begin_s (slot,): of the computed slots, seconds from the run's start; slot_… (slot,): the
    sums over cells, Mbit/s, and slot_short the weight (of people, say) that has a way and gets too little.
    """

    slots: int
    pressed_slots: int
    classes: tuple[str, ...]
    given: Floats
    asked_down_mbps: Floats
    asked_up_mbps: Floats
    rate_down_mbps: Floats
    rate_up_mbps: Floats
    binding: NDArray[np.uint16]
    pressed: Pressed
    gateway_down_mbps: Floats
    gateway_up_mbps: Floats
    pop_down_mbps: Floats
    pop_up_mbps: Floats
    isl_counts: NDArray[np.int64]
    begin_s: Floats
    slot_asked_down_mbps: Floats
    slot_asked_up_mbps: Floats
    slot_given_down_mbps: Floats
    slot_given_up_mbps: Floats
    slot_short: Floats

    @property
    def isl_used(self) -> float | None:
        """Of the inter-satellite links on ways × slots × both ways, the share that carries anything; None: no link."""
        total = self.isl_counts.sum()
        return float(1.0 - self.isl_counts[:, 0].sum() / total) if total else None

    @property
    def isl_load_p95(self) -> float | None:
        """Load over the cap that 95 % of those that carry anything do not exceed (upper end of its twentieth)."""
        counts = self.isl_counts[:, 1:].sum(axis=0)
        if not counts.sum():
            return None
        return float((np.searchsorted(np.cumsum(counts), 0.95 * counts.sum()) + 1) / (LOAD_BINS - 1))


@dataclass(frozen=True, eq=False)
class SlotTally:
    """What one slot adds. given, has_way (cell, class), (cell,); asked, rate (way, cell); loads (way, node)."""

    given: Floats
    has_way: Flags
    asked_mbps: Floats
    rate_mbps: Floats
    binding: NDArray[np.int8]
    gateway_mbps: Floats
    pop_mbps: Floats
    isl_counts: NDArray[np.int64]
    pressed: Pressed | None


def slot_network(
    network: Network, grid: SlotGrid, number: int, users: Sites, feeders: Sites, loaded: run.Loaded
) -> tuple[Positions, Routes, Candidates, Forest]:
    """What beams are sold on in one slot of a grid: where satellites are, their ways, who could serve whom, and the
    ways' limits. feeders: the gateways as sites.
    """
    positions = positions_over(network, grid, number, 1)
    with ThreadPoolExecutor(1) as alone:
        ways = routes(positions, network.gateways, feeders, network.topology, alone)
    if loaded.least_load:
        ways = run.round_full_links(users, positions, ways, 0, network.gateways, network.topology, loaded)
    return positions, ways, *run.ready(users, positions, ways, 0, network.gateways, loaded)


def tally(
    network: Network,
    grid: SlotGrid,
    cells: h3cells.Cells,
    loaded: run.Loaded,
    permissions: Sequence[Flags],
    every: int,
    pressed: int = 8,
    threads: int | None = None,
    tell: Tell | None = None,
    weights: Sequence[Floats] | None = None,
) -> tuple[Tally, ...]:
    """Compute every n-th slot of a run, and press up to `pressed` of those, spread over it.

    permissions: each (part, class) of the demand. weights: of each (cell, class), for `slot_short`; none by default.
    A satellite is kept from slot to slot only where each is computed.
    """
    threads = threads or default_threads()
    numbers = list(range(0, grid.slots, every))
    hard = {numbers[k * len(numbers) // pressed] for k in range(pressed)} if pressed < len(numbers) else set(numbers)
    users, feeders = cell_users(network, cells), gateway_sites(network)

    def prepared(number: int) -> tuple[Candidates, Forest]:
        return slot_network(network, grid, number, users, feeders, loaded)[2:]

    classes, gateways = loaded.demand.classes, network.gateways
    nothing = np.zeros((len(cells), len(classes)))
    counters = [
        _Counter(weight, len(gateways), len(gateways.pops)) for weight in weights or [nothing] * len(permissions)
    ]
    with ThreadPoolExecutor(threads) as pool:
        if every > 1:
            slots = _apart(pool, threads, prepared, grid, numbers, loaded, permissions, hard)
        else:
            slots = _one_after_the_other(pool, threads, prepared, grid, numbers, loaded, permissions, hard)
        for done, of_permissions in enumerate(slots):
            for counter, one in zip(counters, of_permissions, strict=True):
                counter.add(one, numbers[done] * grid.slot_s)
            if tell:
                tell(done + 1, len(numbers))
    return tuple(counter.finish(tuple(one.name for one in classes)) for counter in counters)


Prepared = Callable[[int], tuple[Candidates, Forest]]


def _apart(
    pool: ThreadPoolExecutor, threads: int, prepared: Prepared, grid: SlotGrid, numbers: Sequence[int],
    loaded: run.Loaded, permissions: Sequence[Flags], hard: set[int],
) -> Iterator[list[SlotTally]]:  # fmt: skip
    """Slots that know nothing of each other, some at a time."""

    def whole(number: int) -> list[SlotTally]:
        found, trees = prepared(number)
        return [
            _slot(found, trees, loaded, grid, number, permitted, None, number in hard)[0] for permitted in permissions
        ]

    for first in range(0, len(numbers), threads):
        yield from pool.map(whole, numbers[first : first + threads])


def _one_after_the_other(
    pool: ThreadPoolExecutor, threads: int, prepared: Prepared, grid: SlotGrid, numbers: Sequence[int],
    loaded: run.Loaded, permissions: Sequence[Flags], hard: set[int],
) -> Iterator[list[SlotTally]]:  # fmt: skip
    """Each slot knows the assignment of the one before; candidates are found ahead, permissions side by side."""
    before: list[Assignment | None] = [None] * len(permissions)
    for first in range(0, len(numbers), threads):
        some = numbers[first : first + threads]
        for number, (found, trees) in zip(some, pool.map(prepared, some), strict=True):
            decide = partial(_slot, found, trees, loaded, grid, number, hard=number in hard)
            made = list(pool.map(decide, permissions, before))
            before = [assignment for _, assignment in made]
            yield [one for one, _ in made]


def _slot(
    found: Candidates, trees: Forest, loaded: run.Loaded, grid: SlotGrid, number: int, permitted: Flags,
    previous: Assignment | None, hard: bool,
) -> tuple[SlotTally, Assignment]:  # fmt: skip
    """One slot under one permission; `hard`: it is pressed as well."""
    may, asked = run.asking(loaded.demand, grid.instant(number), permitted)
    assert may is not None
    decide = partial(allocate, found, loaded.caps, trees, neighbours=loaded.neighbours, objective=loaded.objective,
                     permitted=may)  # fmt: skip
    made = decide(demand=asked, previous=previous, keep=loaded.keep)
    pressure = None
    if hard:
        _, busiest = run.asking(loaded.demand, None, permitted)
        pressure = user_rates.pressed(found, decide(demand=busiest.times(PRESSED), objective=run.PRESSED_BY))
    return _counted(found, trees, loaded.caps.isl_mbps, may, asked, made, pressure), made.assignment


def _counted(
    found: Candidates, trees: Forest, isl_mbps: float, may: Flags, asked: SlotDemand, made: Allocation,
    pressure: Pressed | None,
) -> SlotTally:  # fmt: skip
    has_way = np.diff(found.offsets) > 0
    wanted = [np.where(may[:, None], one, 0.0) for one in (asked.down_mbps, asked.up_mbps)]
    part = np.ones(wanted[0].shape)
    for want, rates in zip(wanted, (made.down, made.up), strict=True):
        short = want - rates.of_class > MET * (1.0 + want)
        part = np.where(short, np.minimum(part, rates.of_class / np.where(short, want, 1.0)), part)
    binding = np.where(has_way, made.binding, np.int8(Binding.NO_WAY))
    site, end = 2 * trees.satellites, 2 * trees.satellites + trees.gateways
    node = np.stack([made.down.of_node, made.up.of_node])
    asked_mbps, rate_mbps = np.stack([one.sum(axis=1) for one in wanted]), [made.rate_down_mbps, made.rate_up_mbps]
    return SlotTally(
        part, has_way, asked_mbps, np.stack(rate_mbps), np.where(may, binding, np.int8(Binding.POLICY)),
        node[:, site:end], node[:, end:],
        _isl_counts(node[:, trees.kind == Binding.ISL], isl_mbps), pressure,
    )  # fmt: skip


def _isl_counts(load_mbps: Floats, isl_mbps: float) -> NDArray[np.int64]:
    """(way, bin) of links by load; a link without a cap that carries anything is in the first twentieth."""
    cap = isl_mbps if isl_mbps > 0.0 else np.inf
    bins = LOAD_BINS - 1
    number = np.where(load_mbps > MET, np.clip(np.ceil(load_mbps / cap * bins - MET), 1, bins), 0).astype(np.int64)
    return np.stack([np.bincount(one, minlength=LOAD_BINS) for one in number])


class _Counter:
    """Folds slots in, one after the other; `finish` gives the frozen result."""

    def __init__(self, weight: Floats, gateways: int, pops: int):
        """Weight (cell, class): of what is not given, in `short`."""
        cells, classes = weight.shape
        self._weight = weight
        self._begin_s: list[float] = []
        self._short: list[float] = []
        self._totals: list[Floats] = []  # of each slot, axes (asked or given, way)
        axes = {"asked_mbps": cells, "rate_mbps": cells, "gateway_mbps": gateways, "pop_mbps": pops}
        self._sums = {name: np.zeros((2, length)) for name, length in axes.items()}
        self._given, self._asks = np.zeros((cells, classes)), np.zeros((cells, classes), np.bool_)
        self._with_way = np.zeros(cells, np.int64)
        self._binding = np.zeros((cells, len(Binding)), np.uint16)
        self._isl = np.zeros((2, LOAD_BINS), np.int64)
        self._hard = 0
        self._brought, self._channel = np.zeros((2, cells)), np.zeros((2, cells))  # under pressure, by way
        self._known = np.zeros((2, cells), np.int64)

    def add(self, slot: SlotTally, begin_s: float) -> None:
        self._begin_s.append(begin_s)
        self._short.append(float((self._weight * (1.0 - slot.given))[slot.has_way].sum()))
        self._totals.append(np.stack([slot.asked_mbps.sum(axis=1), slot.rate_mbps.sum(axis=1)]))
        for name, total in self._sums.items():
            total += getattr(slot, name)
        self._given += np.where(slot.has_way[:, None], slot.given, 0.0)
        self._asks |= slot.given < 1.0
        self._with_way += slot.has_way
        self._binding[np.arange(len(slot.binding)), slot.binding] += 1
        self._isl += slot.isl_counts
        if slot.pressed is not None:
            one = slot.pressed
            channels = np.stack([one.channel_down_mbps, one.channel_up_mbps])
            self._brought += np.stack([one.down_mbps, one.up_mbps])
            self._channel += np.nan_to_num(channels)
            self._known += np.isfinite(channels)
            self._hard += 1

    def finish(self, classes: tuple[str, ...]) -> Tally:
        slots = len(self._begin_s)
        never = (self._with_way == 0)[:, None]
        given = np.where(never, np.where(self._asks, 0.0, 1.0), self._given / np.maximum(self._with_way, 1)[:, None])
        mean = {name: total / slots for name, total in self._sums.items()}
        totals = np.stack(self._totals)
        known = self._known > 0
        channel = np.divide(self._channel, self._known, out=np.full(known.shape, np.nan), where=known)
        brought = self._brought / self._hard
        return Tally(
            slots=slots,
            pressed_slots=self._hard,
            classes=classes,
            given=np.minimum(given, 1.0),
            asked_down_mbps=mean["asked_mbps"][0],
            asked_up_mbps=mean["asked_mbps"][1],
            rate_down_mbps=mean["rate_mbps"][0],
            rate_up_mbps=mean["rate_mbps"][1],
            binding=self._binding,
            pressed=Pressed(brought[0], brought[1], channel[0], channel[1]),
            gateway_down_mbps=mean["gateway_mbps"][0],
            gateway_up_mbps=mean["gateway_mbps"][1],
            pop_down_mbps=mean["pop_mbps"][0],
            pop_up_mbps=mean["pop_mbps"][1],
            isl_counts=self._isl,
            begin_s=np.array(self._begin_s),
            slot_asked_down_mbps=totals[:, 0, 0],
            slot_asked_up_mbps=totals[:, 0, 1],
            slot_given_down_mbps=totals[:, 1, 0],
            slot_given_up_mbps=totals[:, 1, 1],
            slot_short=np.array(self._short),
        )
