"""One cell of a plan, taken apart and looked ahead: its round trip term by term, its next hand-overs, its day.

Takes the network as it is served and a slot's plan; gives what the same kernels say of one cell alone. Of the plan's
own slot nothing is told that does not come out as the plan has it: there is no second truth.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.controller.skies import Piece, Skies
from openleo.controller.slot_plan import NOBODY, SlotPlan
from openleo.controller.twin import Outlook, Twin
from openleo.instants import SlotGrid
from openleo.network import chain, journeys
from openleo.network.hand_overs import HandOver, hand_overs, in_words
from openleo.network.reach import Reach, cell_users, fibres_km, rtt_ms, serve
from openleo.network.routing import routes
from openleo.network.terms import Term, terms_of
from openleo.network.visibility import Sites
from openleo.network.watch import Watched

AHEAD = 40  # slots: ten minutes of 15 s, in which every satellite is left
SAMPLES = 48  # of a day, one each half hour
SAME_MS = 0.01  # a float32 path of 40,000 km is as exact as 0.00003 ms; the sums are made in another order
REST = 0.5  # of the time that each sample of a day took: threads that answer others wait for none of it
HERE = "terminal"  # in the middle of its cell


class NotAsPlanned(Exception):
    """Why a plan's numbers cannot be made again: of another network, of newer elements, a lesser plan."""


@dataclass(frozen=True)
class Way:
    """The links to the Internet, and the terms of the round trip, which add up to the plan's."""

    path: journeys.Path
    terms: tuple[Term, ...]
    rtt_ms: float


@dataclass(frozen=True)
class Sample:
    """A cell in one slot of its day: who would serve it, with nobody having served before."""

    begins: datetime
    satellite: int  # −1: nobody
    seen: int
    rtt_ms: float | None


def way(twin: Twin, plan: SlotPlan, row: int, withheld: frozenset[int], skies: Skies) -> Way | None:
    """What a cell's round trip is made of; None where nobody serves it. Raises NotAsPlanned, Busy."""
    satellite = int(plan.satellite[row])
    if satellite == NOBODY:
        return None
    check_same(twin, plan)
    outlook = twin.outlook(row, withheld)
    piece = skies.of(twin, plan, outlook, 1)[0]
    positions, ways = piece.positions, piece.ways
    middle = twin.span(plan.number)[0] + timedelta(seconds=plan.slot_s / 2.0)
    if not np.isfinite(ways.middle_km[0, satellite]):
        raise NotAsPlanned("the plan's satellite has no way to a gateway when its slot is computed again")
    path = journeys.landed(outlook.network, positions, ways, satellite, _centre(plan, row), middle)
    terms, constants = terms_of(path), outlook.network.chain
    if constants is not None:
        strays = constants.jitter_ms * float(chain.jitters(plan.number, 1, row + 1)[0, row])
        terms = (*terms, Term("jitter", "of the scheduling, in this slot", strays, terms[0].kind))
    total_ms = sum(term.ms for term in terms)
    if abs(total_ms - float(plan.rtt_ms[row])) > SAME_MS:
        raise NotAsPlanned("the plan's round trip does not come out when its slot is computed again")
    return Way(path, terms, total_ms)


def ahead(
    twin: Twin, plan: SlotPlan, row: int, withheld: frozenset[int], skies: Skies, slots: int = AHEAD
) -> list[HandOver]:
    """The hand-overs of a cell in the slots after a plan, by where satellites will be. Raises NotAsPlanned, Busy."""
    check_same(twin, plan)
    outlook = twin.outlook(row, withheld)
    network, users = outlook.network, cell_users(outlook.network, plan.cells[row : row + 1])
    grid = SlotGrid(twin.span(plan.number)[0], plan.slot_s, slots + 1)
    pieces = skies.of(twin, plan, outlook, slots + 1)
    last, watched = np.array([plan.satellite[row]], np.int32), []
    with ThreadPoolExecutor(1) as pool:
        for piece in pieces:
            reached = _reach(outlook, users, piece, plan, row, last, pool)
            shape = reached.satellite.shape
            at_km, up = (np.broadcast_to(column, (*shape, 3)) for column in (users.position_km, users.up))
            there = np.broadcast_to(np.True_, shape)
            one = Watched(reached, piece.positions, piece.ways, at_km, up, users.sine_mask, there, users.conditions)
            watched.append(one)
    if int(watched[0].reach.satellite[0, 0]) != int(plan.satellite[row]):
        raise NotAsPlanned("another satellite comes out than the plan's when its slot is computed again")
    told = (one for found in hand_overs(watched, plan.slot_s) for one in in_words(found, network, grid, (HERE,)))
    return [one for one in told if grid.start < one.at < grid.instant(slots + 1)]


def _reach(
    outlook: Outlook, users: Sites, piece: Piece, plan: SlotPlan, row: int, last: NDArray[np.int32], pool: Executor
) -> Reach:
    """A cell over a piece's slots. last (1,): who served before, brought up to date."""
    network, positions, ways = outlook.network, piece.positions, piece.ways
    satellite, path_km, seen = serve(users, positions, ways, network.hand_over, plan.slot_s, last, pool, 1)
    if network.chain is None:
        return Reach(piece.first_slot, satellite, rtt_ms(path_km, network.processing_ms), seen)
    strays = chain.jitters(plan.number + piece.first_slot, len(satellite), row + 1)[:, row:]
    fibre_km = fibres_km(network, satellite, positions, ways)
    return Reach(piece.first_slot, satellite, chain.rtt_ms(network.chain, path_km, fibre_km, strays), seen)


def day(
    twin: Twin, plan: SlotPlan, row: int, withheld: frozenset[int], samples: int = SAMPLES,
    rest: Callable[[float], None] = time.sleep,
) -> list[Sample]:  # fmt: skip
    """A cell's day from a plan's slot on, each half hour: what would reach it, with no rule and nobody else on it."""
    outlook = twin.outlook(row, withheld)
    network, users = outlook.network, cell_users(outlook.network, plan.cells[row : row + 1])
    apart, found = max(round(86_400.0 / plan.slot_s / samples), 1), []
    with ThreadPoolExecutor(1) as pool:
        for number in range(plan.number, plan.number + apart * samples, apart):
            began_s = time.thread_time()
            positions = twin.flown(outlook, number, 1)
            ways = routes(positions, network.gateways, outlook.feeders, network.topology, pool)
            nobody = np.array([NOBODY], np.int32)
            satellite, path_km, seen = serve(users, positions, ways, network.hand_over, plan.slot_s, nobody, pool, 1)
            if network.chain is None:
                trip_ms = rtt_ms(path_km, network.processing_ms)
            else:  # without the jitter, which is another in each slot
                trip_ms = chain.rtt_ms(network.chain, path_km, fibres_km(network, satellite, positions, ways))
            served, trip = int(satellite[0, 0]), float(trip_ms[0, 0])
            found.append(Sample(twin.span(number)[0], served, int(seen[0, 0]), trip if served >= 0 else None))
            rest(REST * (time.thread_time() - began_s))
    return found


def check_same(twin: Twin, plan: SlotPlan) -> None:
    """Raises NotAsPlanned where a plan is not of the network that is served now, or not a whole one."""
    if plan.network != twin.network:
        raise NotAsPlanned("the plan is of a network that was served before")
    if plan.elements != twin.elements:
        raise NotAsPlanned("newer elements have moved the satellites since the plan was made")
    if plan.degraded:
        raise NotAsPlanned("a lesser plan holds, which keeps numbers of the last whole one")


def row_of(plan: SlotPlan, latitude_deg: float, longitude_deg: float, resolution: int) -> int | None:
    """The row of the cell that holds a place; None where the network has none there."""
    cell = h3cells.at(latitude_deg, longitude_deg, resolution)
    row = int(np.searchsorted(plan.cells, cell))
    return row if row < len(plan.cells) and plan.cells[row] == cell else None


def _centre(plan: SlotPlan, row: int) -> journeys.Point:
    latitude, longitude = h3cells.centres_deg(plan.cells[row : row + 1])
    return journeys.Point(HERE, float(latitude[0]), float(longitude[0]))
