"""Follows a running controller, slot by slot, in the time that passes: the rows of a table that grows.

    plan of the slot to come, once it is stored ─┐
    lease, asked for shortly before it begins   ─┴─► Told ─► Step, before the slot begins
    the plan that was applied, when it had begun ──► the same slot once more, where it says otherwise

What is not there when a slot begins denies. Rules that change after a slot's plan was stored, and a terminal that is
suspended meanwhile, are seen when the slot has begun: then it goes dark within it. One thread runs it, the
feeder's; time and waiting are handed in.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

import h3

from openleo.emulator.banks import NS, InPlace
from openleo.emulator.live import DEPENDS, Plan, Slots, Told, step_of, table_of, told
from openleo.emulator.live_controller import Controller, SlotSaid
from openleo.emulator.live_lease import NOT_PERMITTED, Device, InHand
from openleo.emulator.table import LinkTable, Step
from openleo.errors import InputError, Problem, near_names

LOOK_SHARE = 0.35  # of a slot: so long before it begins its plan is looked for; a controller stores it in that time
ASK_SHARE, ASK_MOST_S = 0.25, 1.5  # so long before a slot begins a lease for it is asked for
WRITE_SHARE, WRITE_MOST_S = 0.05, 0.2  # by then the step is written, whatever is known
APPLIED_SHARE = 0.5  # of a slot: for so long it is asked which plan was applied
POLL_S = 0.1
ANSWER_S = 2.0  # for a request, where time allows
# In slots as long as this a lease is asked for twice, before and after they begin; in shorter ones once, for
# controllers bound a terminal's requests by the minute.
TWICE_FROM_S = 5.0
SETTLED_S = 0.3  # after a slot's plan was applied a controller knows whom it suspended, some tenths of a second later


class Followed(Protocol):
    """What of a controller is asked during a run: live_controller.Controller, or a test's own."""

    def slot(self, number: int, within_s: float) -> SlotSaid | None: ...
    def plan(self, number: int, within_s: float) -> Plan | None: ...
    def cells_now(self, within_s: float) -> list[str] | None: ...
    def rules_at(self, latitude_deg: float, longitude_deg: float, class_: str, slot: int, within_s: float) -> str: ...
    def lease(self, body: dict[str, Any], within_s: float) -> tuple[int, dict[str, Any]] | None: ...


class Clock:
    """UTC as a monotonic clock goes on from one look at it: a leap of the wall's clock moves no slot."""

    def __init__(self) -> None:
        self.utc_ahead_ns = time.time_ns() - time.monotonic_ns()
        self._ended = threading.Event()

    def now_s(self) -> float:
        return (time.monotonic_ns() + self.utc_ahead_ns) / NS

    def wait(self, seconds: float) -> bool:
        """Whether the run goes on after so long."""
        return not self._ended.wait(max(seconds, 0.0))

    def end(self) -> None:
        self._ended.set()


@dataclass(frozen=True)
class Place:
    """Where the terminal is, and as what. cell: H3, of the network's resolution. device: that asks for leases."""

    latitude_deg: float
    longitude_deg: float
    cell: str
    class_: str
    device: Device | None = None


class Follower:
    """`lived`: what was carried out, slot by slot, as it is known by now. `tell` is called where that changes."""

    def __init__(
        self, controller: Followed, place: Place, slots: Slots, network: str, cells: Sequence[str], clock: Clock,
        tell: Callable[[Told], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self.lived: list[Told] = []
        self._tell = tell
        self._said: tuple[str, str] | None = None  # why, because
        self._controller, self._place, self._slots, self._clock = controller, place, slots, clock
        self._cell_in = {network: row_of(cells, place.cell)}  # by network: its cells have an order of their own
        self._hand: InHand | None = None if place.device is None else InHand()
        self._asked_before = False  # for a lease, before the slot that runs

    def table(self, terminal: str, anchor: str) -> LinkTable:
        """The slots until now; none are the names alone."""
        return table_of(self.lived, self._slots, terminal, anchor)

    def begins_ns(self, earliest_ns: int, like_ns: int | None = None) -> int:
        """When the first slot begins that there is time for from an instant on (CLOCK_MONOTONIC); whole seconds from
        `like_ns`.
        """
        ready_s = (earliest_ns + self._clock.utc_ahead_ns) / NS + LOOK_SHARE * self._slots.slot_s
        number = self._slots.number(ready_s) + 1
        while like_ns is not None and (self._monotonic_ns(number) - like_ns) % NS:
            number += 1
        return self._monotonic_ns(number)

    def _monotonic_ns(self, number: int) -> int:
        return round(self._slots.begins_s(number) * NS) - self._clock.utc_ahead_ns

    def end(self) -> None:
        self._clock.end()

    def steps(self, begins_ns: int) -> Iterator[Step | InPlace]:
        """From the slot on that begins then, until `end`."""
        number = self._slots.number((begins_ns + self._clock.utc_ahead_ns) / NS + self._slots.slot_s / 2.0)
        while self._until(self._slots.begins_s(number) - LOOK_SHARE * self._slots.slot_s):
            plan = self._beforehand(number)
            self.lived.append(self._told(number, plan))
            yield step_of(self.lived[-1])
            if not self._until(self._slots.begins_s(number)):
                return
            for found in self._within(number, plan):
                corrected = _corrected(self.lived[-1], found, self._clock.now_s() - self._slots.begins_s(number))
                changed = _passes(corrected) != _passes(self.lived[-1])
                self.lived[-1] = corrected
                if changed:
                    yield InPlace(step_of(corrected))
            self._say(self.lived[-1])
            number += 1

    def _say(self, now: Told) -> None:
        """Where it is otherwise than it was."""
        if (now.why, now.because) != self._said:
            self._said = now.why, now.because
            self._tell(now)

    # --- before a slot ----------------------------------------------------------------------------------------------

    def _beforehand(self, number: int) -> Plan | None:
        """The slot's plan, and a lease asked for, by the time when its step has to be written."""
        begins_s, slot_s = self._slots.begins_s(number), self._slots.slot_s
        by_s = begins_s - min(WRITE_SHARE * slot_s, WRITE_MOST_S)
        ask_s = begins_s - min(ASK_SHARE * slot_s, ASK_MOST_S)
        asks = self._hand is not None and (slot_s >= TWICE_FROM_S or not self._hand.holds(number))
        plan, self._asked_before = None, asks
        while (now_s := self._clock.now_s()) < by_s and (plan is None or asks):
            if asks and now_s >= ask_s:
                asks = False
                self._ask(by_s)
            elif plan is None:
                plan = self._plan(number, ask_s if asks else by_s)
            if plan is None:
                next_s = now_s + POLL_S
            elif asks:
                next_s = ask_s
            else:
                break
            if not self._until(min(next_s, by_s)):
                break
        return plan

    def _plan(self, number: int, by_s: float) -> Plan | None:
        plan = self._controller.plan(number, self._left_s(by_s))
        if plan is not None and plan.network not in self._cell_in:
            cells = self._controller.cells_now(self._left_s(by_s))
            if cells is not None:
                self._cell_in[plan.network] = row_of(cells, self._place.cell)
        return plan

    def _ask(self, by_s: float) -> None:
        """For a lease, and keep what came of it."""
        assert self._place.device is not None
        assert self._hand is not None
        body = self._place.device.request(self._clock.now_s(), secrets.token_urlsafe(16))
        answer = self._controller.lease(body, self._left_s(by_s))
        if answer is not None:
            with suppress(LookupError, TypeError, ValueError):  # no answer of such a controller's decides nothing
                self._hand = self._hand.after(*answer, self._slots.slot_s, self._slots.phase_s)

    def _told(self, number: int, plan: Plan | None) -> Told:
        cell = None if plan is None else self._cell_in.get(plan.network)
        return told(number, plan, cell, self._place.class_, self._hand)

    # --- within a slot ----------------------------------------------------------------------------------------------

    def _within(self, number: int, plan: Plan | None) -> Iterator[Told]:
        """The slot again, as often as more is known of it."""
        slot_s = self._slots.slot_s
        by_s = self._slots.begins_s(number) + APPLIED_SHARE * slot_s
        said = self._applied(number, by_s)
        if said is None:
            return
        if plan is None or said.plan != plan.sha256:
            plan = self._plan(number, by_s)
            yield self._told(number, plan)
        if self._hand is not None and (slot_s >= TWICE_FROM_S or not self._asked_before):
            if not self._until(self._clock.now_s() + SETTLED_S):
                return
            self._ask(by_s)
            yield self._told(number, plan)
        now = self.lived[-1]
        if now.why in (NOT_PERMITTED, DEPENDS) and not now.because:
            at = self._place
            rules = self._controller.rules_at(at.latitude_deg, at.longitude_deg, at.class_, number, self._left_s(by_s))
            yield replace(now, because=rules)

    def _applied(self, number: int, by_s: float) -> SlotSaid | None:
        """What is in force in a slot that has begun; None where nobody says so in time."""
        while self._clock.now_s() < by_s:
            said = self._controller.slot(number, self._left_s(by_s))
            if said is not None and said.applied:
                return said
            if not self._until(self._clock.now_s() + POLL_S):
                return None
        return None

    # --- time -------------------------------------------------------------------------------------------------------

    def _until(self, at_s: float) -> bool:
        """Whether the run goes on when it is so late."""
        left_s = at_s - self._clock.now_s()
        return self._clock.wait(left_s)

    def _left_s(self, by_s: float) -> float:
        return max(0.05, min(ANSWER_S, by_s - self._clock.now_s()))


def following(
    controller: Controller, latitude_deg: float, longitude_deg: float, class_: str, device: Device | None,
    tell: Callable[[Told], None] = lambda _: None,
) -> Follower:  # fmt: skip
    """Ready to follow a controller from its next slot on. Raises InputError where it cannot be asked, or the terminal
    is none of its network's.
    """
    newest, cells = controller.newest(), controller.cells()
    plan = controller.first_plan(newest.number)
    if class_ not in plan.header["classes"]:
        known = plan.header["classes"]
        rule = f'there is no class "{class_}" under the rules in force.'
        raise InputError(Problem("--class", "", rule, near_names(class_, known) or f"There are: {', '.join(known)}."))
    cell = h3.latlng_to_cell(latitude_deg, longitude_deg, h3.get_resolution(cells[0]))
    if row_of(cells, cell) is None:
        rule = f"{latitude_deg:g}, {longitude_deg:g} is not within the area that this controller serves."
        way_out = "Name a place within the area of its scenario ([ground] area)."
        raise InputError(Problem("--at", "", rule, way_out))
    place = Place(latitude_deg, longitude_deg, cell, class_, device)
    slots = Slots.of(newest.number, newest.begins_s, newest.slot_s)
    return Follower(controller, place, slots, plan.network, cells, Clock(), tell)


def row_of(cells: Sequence[str], cell: str) -> int | None:
    """Which of a network's cells it is; None: none of them."""
    return cells.index(cell) if cell in cells else None


def _passes(found: Told) -> tuple[object, ...]:
    """All that a packet sees of a slot."""
    return found.served, found.rtt_ms, found.rate_mbps, found.dark_s


def _corrected(before: Told, now: Told, into_s: float) -> Told:
    """A slot that more is known of, so long after it began: where it was dark until then, it was."""
    if not now.served:
        return now
    return replace(now, dark_s=before.dark_s if before.served else into_s)
