"""What happens to each packet between its sender and its receiver: stages, each a shaper and a line.

Takes packets as they enter, the steps as the banks hold them, and the time; gives packets as they are due to leave, and
counts. Knows neither sockets nor the clock: a test drives it with any instants it likes.

Shapers and the first lines are numbered alike: 2 i for terminal i's way up, 2 i + 1 for its way down. The stages from a
terminal to its own PoP: [(up, up)]; to another PoP: [(up, up), (none, fibre)]; to a terminal: [(up, up), (none, fibre
where the anchors differ), (down, down)], or where satellites join them [(up, satellites), (down, nothing more)].
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from openleo.emulator.banks import HeldStep
from openleo.emulator.counts import (
    BINS,
    BYTES,
    DELAY_NS,
    LATENESS_EDGES_NS,
    LOSS,
    NO_STEP,
    NOT_SERVED,
    OUTAGE,
    PACKETS,
    QUEUE,
)
from openleo.emulator.lines import FULL, Lines, delay_ns, departure_ns

NONE = -1  # no shaper
BEFORE_ALL = HeldStep(-1, 0, 0, [], [])  # holds at no instant
KEPT = 3  # steps in memory: the one before, for what was under way at the boundary; this one; the next


class Steps(Protocol):
    """Where steps come from: Banks, or a test's own."""

    def at(self, now_ns: int) -> HeldStep | None: ...
    def newest(self, held: HeldStep) -> HeldStep: ...


class Stage(NamedTuple):
    shaper: int  # NONE where nothing limits
    line: int
    pair: int  # of `direct_ns`, where the line is over satellites; NONE elsewhere
    fixed_ns: int  # of fibre
    receiver: int  # whom the whole way leads to
    after: Stage | None  # the next, None where this is the last


# Every packet makes one of each of these, and a plain tuple costs a tenth of a named one.
Travelling = tuple[bytes, int, Stage, int]
"""A packet, its size (of the IP packet, without what a super-packet has before it), its stage, when it entered that."""
Due = tuple[int, bytes, int, int]
"""Receiver, packet, when it should leave, the last shaper it passed, which answers for what the receiver refuses."""


@dataclass
class Tally:
    """Counts since they were last taken: by shaper [packets, bytes, drops, delay_ns], by (shaper, cause), by bin."""

    passed: dict[int, list[int]] = field(default_factory=dict)
    drops: dict[tuple[int, int], int] = field(default_factory=dict)
    lateness: list[int] = field(default_factory=lambda: [0] * BINS)
    late_max_ns: int = 0
    missed_ns: int = 0
    waited: int = 0
    no_route: int = 0

    def drop(self, shaper: int, cause: int) -> None:
        self.drops[shaper, cause] = self.drops.get((shaper, cause), 0) + 1

    def passes(self, shaper: int, size: int, delay_ns: int) -> None:
        row = self.passed.get(shaper)
        if row is None:
            row = self.passed[shaper] = [0, 0, 0, 0]
        row[PACKETS] += 1
        row[BYTES] += size
        row[DELAY_NS] += delay_ns

    def late(self, late_ns: int) -> None:
        self.lateness[bisect_left(LATENESS_EDGES_NS, late_ns)] += 1
        if late_ns > self.late_max_ns:
            self.late_max_ns = late_ns


class Carrier:
    """Carries packets over the ways between endpoints: terminals are numbered from 0, PoPs after them.

    anchor (terminal): its PoP's number; backbone_ns (PoP, PoP); queue_ns (up, down); chance gives a number
    from 0 to 1, and never 1 itself; outage_loss: the chance of a packet to be lost in an outage.
    """

    def __init__(
        self,
        steps: Steps,
        anchor: list[int],
        backbone_ns: list[list[int]],
        queue_ns: list[int],
        pairs: list[list[int]],
        chance: Callable[[], float],
        outage_loss: float = 1.0,
    ) -> None:
        terminals, pops = len(anchor), len(backbone_ns)
        self._source, self._chance, self._outage_loss = steps, chance, outage_loss
        self._anchor, self._backbone_ns, self._queue_ns = anchor, backbone_ns, queue_ns
        self._terminals, self._pops = terminals, pops
        self._pair = {(a, b): n for n, (i, j) in enumerate(pairs) for a, b in ((i, j), (j, i))}
        # After the radio's lines: fibre from PoP to PoP, satellites there and back, and one for each who is reached
        # over satellites, whose delay is already behind it.
        self._fibre = 2 * terminals
        self._satellites = self._fibre + pops * pops
        self._arrival = self._satellites + 2 * len(pairs)
        self.lines: Lines[Travelling] = Lines(self._arrival + terminals)
        self._busy_ns = [0] * (2 * terminals)
        self._ways: dict[tuple[int, int], Stage] = {}
        self._steps: list[HeldStep] = []  # the newest first
        self._step: HeldStep = BEFORE_ALL  # the one last asked for, which is nearly always the one asked for next
        self.tally = Tally()

    def accept(self, sender: int, receiver: int, packet: bytes, size: int, now_ns: int) -> None:
        """A packet enters the network."""
        self._enter(packet, size, self._ways.get((sender, receiver)) or self._find_way(sender, receiver), now_ns)

    def due(self, now_ns: int) -> Due | None:
        """The next packet to hand to its receiver, once its time has come."""
        pop = self.lines.pop
        while (released := pop(now_ns)) is not None:
            release_ns, (packet, size, stage, entered_ns) = released
            shaper, _, _, _, receiver, after = stage
            if shaper != NONE:
                # What was on its way when service ended is not delivered: a denial holds from its step's first instant.
                step: HeldStep | None = self._step
                if not (self._step.begins_ns <= release_ns and now_ns < self._step.ends_ns):
                    step = self._step_at(release_ns, now_ns)
                    if step is not None and now_ns >= step.ends_ns:  # we are late, and another step holds by now
                        step = self._step_at(now_ns, now_ns)
                if step is None or not step.rows[shaper][0]:
                    self.tally.drop(shaper, NO_STEP if step is None else NOT_SERVED)
                    continue
                self.tally.passes(shaper, size, now_ns - entered_ns)
            if after is None:
                self.tally.late(now_ns - release_ns)
                return receiver, packet, release_ns, shaper
            self._enter(packet, size, after, release_ns)
        return None

    def look_ahead(self, now_ns: int, ahead_ns: int) -> None:
        """Read the step to come before it begins, so that the boundary costs nothing, and what was corrected."""
        self._steps = [self._source.newest(step) for step in self._steps]
        self._step_at(now_ns, now_ns)
        self._step_at(now_ns + ahead_ns, now_ns)

    def _enter(self, packet: bytes, size: int, stage: Stage, at_ns: int) -> None:
        shaper, line, pair, fixed_ns, _, _ = stage
        if shaper == NONE:
            self.lines.push(line, at_ns + fixed_ns, (packet, size, stage, at_ns))
            return
        step: HeldStep | None = self._step
        if not self._step.begins_ns <= at_ns < self._step.ends_ns:
            step = self._step_at(at_ns, at_ns)
        if step is None:
            self.tally.drop(shaper, NO_STEP)
            return
        served, _, _, byte_ns, loss, outage_ns = step.rows[shaper]
        if not served or (pair != NONE and step.pairs[pair][0] < 0):
            self.tally.drop(shaper, NOT_SERVED)
            return
        if outage_ns and at_ns - step.begins_ns < outage_ns and self._chance() < self._outage_loss:
            self.tally.drop(shaper, OUTAGE)
            return
        if loss and self._chance() < loss:
            self.tally.drop(shaper, LOSS)
            return
        departs_ns = departure_ns(at_ns, self._busy_ns[shaper], size, byte_ns, self._queue_ns[shaper & 1])
        if departs_ns == FULL:
            self.tally.drop(shaper, QUEUE)
            return
        self._busy_ns[shaper] = departs_ns
        if departs_ns >= step.ends_ns:
            step = self._step_at(departs_ns, at_ns) or step
        if pair != NONE:
            first_ns, last_ns = step.pairs[pair]
        elif line < self._fibre:
            _, first_ns, last_ns, _, _, _ = step.rows[line]
        else:
            first_ns = last_ns = 0
        arrives_ns = departs_ns + delay_ns(departs_ns, step.begins_ns, step.ends_ns, first_ns, last_ns)
        self.lines.push(line, arrives_ns, (packet, size, stage, at_ns))

    def _step_at(self, at_ns: int, now_ns: int) -> HeldStep | None:
        for step in self._steps:
            if step.begins_ns <= at_ns < step.ends_ns:
                self._step = step
                return step
        step_ = self._source.at(at_ns)
        if step_ is not None:
            self._note_missed(step_, now_ns)
            self._steps = [step_, *self._steps[: KEPT - 1]]
            self._step = step_
        return step_

    def _note_missed(self, step: HeldStep, now_ns: int) -> None:
        """For how long nothing was there: from the end of the newest step to when this one could be used."""
        if self._steps and step.number > self._steps[0].number:
            usable_ns = max(now_ns, step.begins_ns)
            self.tally.missed_ns += max(0, usable_ns - self._steps[0].ends_ns)

    def _find_way(self, sender: int, receiver: int) -> Stage:
        """The first of its stages, each of which knows the one after it."""
        found = None
        for shaper, line, pair, fixed_ns in reversed(self._stages(sender, receiver)):
            found = Stage(shaper, line, pair, fixed_ns, receiver, found)
        assert found is not None, "who sends to itself does not come here"
        self._ways[sender, receiver] = found
        return found

    def _stages(self, sender: int, receiver: int) -> list[tuple[int, int, int, int]]:
        """(shaper, line, pair, fixed_ns) of each."""
        terminals = self._terminals
        pair = self._pair.get((sender, receiver))
        if pair is not None:
            there = self._satellites + 2 * pair + (sender > receiver)
            return [
                (2 * sender, there, pair, 0),
                (2 * receiver + 1, self._arrival + receiver, NONE, 0),
            ]
        stages = []
        at = sender - terminals
        if sender < terminals:
            stages.append((2 * sender, 2 * sender, NONE, 0))
            at = self._anchor[sender]
        to = self._anchor[receiver] if receiver < terminals else receiver - terminals
        if at != to:
            stages.append((NONE, self._fibre + at * self._pops + to, NONE, self._backbone_ns[at][to]))
        if receiver < terminals:
            stages.append((2 * receiver + 1, 2 * receiver + 1, NONE, 0))
        return stages
