"""Where satellites are in the slots from a plan's on, and their ways down: made once for all who ask of places.

A few slots are made at a time, with a rest as long after each: whoever answers terminals waits for no more than that.
One is made at a time; of those who wait only a few may, and not for long.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import BoundedSemaphore, Lock

from openleo.controller.slot_plan import SlotPlan
from openleo.controller.twin import Outlook, Twin
from openleo.network.routing import Positions, Routes, routes

PIECE = 2  # slots that are made without a rest
MOST_KEPT = 6  # skies: of the plan in force by a few PoPs, and of those looked back at
MOST_WAITING = 6
WAIT_S = 3.0
REST = 1.0  # of the time that a piece took


class Busy(Exception):
    """Others are being answered."""


@dataclass(frozen=True, eq=False)
class Piece:
    """A few slots: the satellites, and the ways from each."""

    first_slot: int  # since the plan's
    positions: Positions
    ways: Routes

    @property
    def slots(self) -> int:
        return self.positions.slots


@dataclass(eq=False)
class SkyAhead:
    """What has been made of one so far."""

    twin: Twin
    pieces: list[Piece] = field(default_factory=list)


@dataclass
class Skies:
    """Those asked about last. Safe for threads."""

    rest: Callable[[float], None] = time.sleep
    _kept: OrderedDict[tuple[int, frozenset[int], int | None], SkyAhead] = field(default_factory=OrderedDict)
    _making: Lock = field(default_factory=Lock)
    _waiting: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(MOST_WAITING))

    def of(self, twin: Twin, plan: SlotPlan, outlook: Outlook, slots: int) -> list[Piece]:
        """The first slots from a plan's on, in pieces. Raises Busy."""
        if not self._waiting.acquire(blocking=False):
            raise Busy("too many ask of places at once: ask again")
        try:
            if not self._making.acquire(timeout=WAIT_S):
                raise Busy("places of other slots are being looked at: ask again")
            try:
                return self._made(twin, plan, outlook, slots)
            finally:
                self._making.release()
        finally:
            self._waiting.release()

    def _made(self, twin: Twin, plan: SlotPlan, outlook: Outlook, slots: int) -> list[Piece]:
        key = (plan.number, outlook.withheld, outlook.pop)
        sky = self._kept.get(key)
        if sky is None or sky.twin is not twin:
            sky = self._kept[key] = SkyAhead(twin)
        self._kept.move_to_end(key)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        while (made := sum(one.slots for one in sky.pieces)) < slots:
            began_s = time.thread_time()
            sky.pieces.append(_piece(twin, plan, outlook, made))
            self.rest(REST * (time.thread_time() - began_s))
        return sky.pieces[: -(-slots // PIECE)]


def _piece(twin: Twin, plan: SlotPlan, outlook: Outlook, made: int) -> Piece:
    positions = twin.flown(outlook, plan.number + made, PIECE)
    with ThreadPoolExecutor(1) as pool:
        ways = routes(positions, outlook.network.gateways, outlook.feeders, outlook.network.topology, pool)
    return Piece(made, positions, ways)
