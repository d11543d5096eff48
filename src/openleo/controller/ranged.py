"""Where the network itself has terminals: round trips as gateways measure them, and what came of them last.

    POST /v1/ranging ─► heard, so many of each terminal ─► step, aside: located, most doubtful first ─► kept
                                                                       └─ evidence           the desk ◄─┘

All of it is in memory and forgotten after `keep_s`. A controller that takes the lead needs what makes a decision other
than the report would: those are in the table `located` too. Nothing of it is a terminal's own word.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

import numpy as np

from openleo import cells as h3cells
from openleo.controller.lease_place import Circle
from openleo.controller.location import MOST_MEASUREMENTS, Beam, Located, MeasurementRecord, implausible, locate
from openleo.geodesy import GEOD
from openleo.instants import instant_of
from openleo.misuse.thresholds import FASTEST_KMH, SPEEDS_KMH
from openleo.network.ranging.sky import Lookup
from openleo.policy.request import Request

MOST_TERMINALS = 100_000  # heard of; whose were heard longest ago are forgotten
AHEAD_S = 5.0  # a measurement may be of so long after our now
SAME_M = 100.0  # a report nearer than that to the one that was tested is that one
# While a fix grows old its region grows by how fast the terminal may go; a fixed one stays.
GOES_KMH: Mapping[str, float] = {"fixed": 0.0, "maritime": SPEEDS_KMH["maritime"], "aviation": FASTEST_KMH}
ELSE_KMH = SPEEDS_KMH["vehicle"]  # a portable one may be taken along
By = Literal["report", "both", "network", "nobody"]


@dataclass(frozen=True)
class Whereabouts:
    """Where to decide for, and by whose word; `age_s`: of the network's, where it is the network's alone."""

    circles: tuple[Circle, ...]
    by: By = "report"
    age_s: float | None = None


@dataclass(frozen=True)
class Heard:
    """What gateways said of one terminal. `cell`: H3, of the beam that it was heard in; 0: they did not say."""

    terminal: str
    measurements: tuple[MeasurementRecord, ...] = ()
    cell: int = 0


@dataclass(frozen=True)
class Kept:
    """What came of a terminal's round trips. `circles`: where the network has it; `fits`: somewhere."""

    terminal: str
    at_s: float  # of the last measurement
    circles: tuple[Circle, ...]
    fits: bool
    agrees: bool | None
    tested: Circle | None  # the report that was held against them
    source: str
    class_: str
    nowhere: bool = False  # the round trips fit no place, and nobody said which beam it is in

    @property
    def matters(self) -> bool:
        """Whether a decision is another than by the report alone."""
        return self.source != "gnss"


@dataclass
class _Of:
    """One terminal."""

    measurements: dict[tuple[int, datetime], MeasurementRecord] = field(default_factory=dict)
    cell: int = 0
    cell_at_s: float = -math.inf
    new: bool = False  # something was heard since it was looked at
    looked_s: float = -math.inf


class Ranged:
    """Round trips and fixes of one controller. `lookup`: where satellites are, as of an instant."""

    def __init__(self, lookup: Callable[[datetime], Lookup], keep_s: float, most_terminals: int = MOST_TERMINALS):
        self._lookup, self.keep_s, self._most = lookup, keep_s, most_terminals
        self._of: OrderedDict[str, _Of] = OrderedDict()
        self._reports: dict[str, Request] = {}  # the last of each terminal of which something was heard
        self._kept: dict[str, Kept] = {}
        self._lock = threading.Lock()  # over what routes' threads and the worker change

    # --- what is heard

    def hear(self, heard: Sequence[Heard], now_s: float) -> int:
        """Take note; gives how many measurements are of another time than now."""
        late = 0
        with self._lock:
            for one in heard:
                mine = self._of.setdefault(one.terminal, _Of())
                self._of.move_to_end(one.terminal)
                good = [m for m in one.measurements if -AHEAD_S <= now_s - m.at.timestamp() <= self.keep_s]
                late += len(one.measurements) - len(good)
                mine.measurements |= {(m.satellite, m.at): m for m in good}
                for key in sorted(mine.measurements, key=lambda key: key[1])[:-MOST_MEASUREMENTS]:
                    del mine.measurements[key]
                if one.cell:
                    mine.cell, mine.cell_at_s = one.cell, now_s
                mine.new = mine.new or bool(good) or bool(one.cell)
            while len(self._of) > self._most:
                gone, _ = self._of.popitem(last=False)
                self._reports.pop(gone, None)
        return late

    def cell(self, terminal: str, now_s: float) -> int:
        """The cell whose beam a terminal was heard in; 0: not lately."""
        mine = self._of.get(terminal)
        return mine.cell if mine is not None and now_s - mine.cell_at_s <= self.keep_s else 0

    # --- the desk

    def whereabouts(self, reported: Request, said: Sequence[Circle], now_s: float) -> Whereabouts:
        """Where to decide for, of a terminal that reports this, by the last that came of its round trips."""
        terminal, plain = reported.terminal or "", Whereabouts(tuple(said))
        if terminal in self._of:
            self._reports[terminal] = reported
        kept = self._kept.get(terminal)
        if kept is None or now_s - kept.at_s > self.keep_s:
            return plain
        if not kept.circles:
            return Whereabouts((), "nobody") if kept.nowhere else plain
        age_s = max(now_s - kept.at_s, 0.0)
        grown = _grown(kept.circles, kept.class_, age_s)
        if not said or implausible(reported) is not None:
            return Whereabouts(grown, "network", age_s)
        if kept.fits and _may_be(said[0], kept, grown):
            return plain
        return Whereabouts((*said, *grown), "both")

    # --- the worker

    def step(self, now_s: float, most: int, go_on: Callable[[], bool]) -> list[tuple[Kept, Located]]:
        """Locate some of those of whom something new was heard; not in the event loop."""
        found = []
        lookup = self._lookup(instant_of(now_s))
        for terminal in self._due(now_s, most):
            if not go_on():
                break
            with self._lock:
                mine = self._of.get(terminal)
                if mine is None:
                    continue
                mine.new, mine.looked_s = False, now_s
                old = [key for key in mine.measurements if now_s - key[1].timestamp() > self.keep_s]
                for key in old:
                    del mine.measurements[key]
                measurements, cell = list(mine.measurements.values()), self.cell(terminal, now_s)
            reported = self._reports.get(terminal)
            if reported is None:  # it asks for nothing: nobody has to know where it is
                continue
            at_s = max((one.at.timestamp() for one in measurements), default=now_s)
            # The report is as old as it was, and what passed until the last round trip.
            since_s = at_s - reported.at.timestamp() if reported.at else 0.0
            asked = replace(reported, age_s=max((reported.age_s or 0.0) + since_s, 0.0))
            located = locate(measurements, asked, lookup, beam=beam_of(cell))
            self._kept[terminal] = kept = _kept(terminal, at_s, located, reported)
            found.append((kept, located))
        self._forget(now_s)
        return found

    def _due(self, now_s: float, most: int) -> list[str]:
        """Half by doubt, half by how long ago they were looked at: who is doubted for good starves nobody."""
        with self._lock:
            new = [(terminal, one.looked_s) for terminal, one in self._of.items() if one.new]
        oldest = [terminal for terminal, _ in sorted(new, key=lambda one: one[1])]
        doubted = sorted(oldest, key=lambda terminal: -self._doubt(terminal, now_s))[: most - most // 2]
        rest = [terminal for terminal in oldest if terminal not in set(doubted)]
        return doubted + rest[: most // 2]

    def _doubt(self, terminal: str, now_s: float) -> int:
        """3: it asks without a position, and the network has none; 2: they differed; 1: never looked at."""
        kept, reported = self._kept.get(terminal), self._reports.get(terminal)
        fresh = kept is not None and now_s - kept.at_s <= self.keep_s
        if reported is not None and not fresh and implausible(reported) is not None:
            return 3
        if kept is not None and kept.matters:
            return 2
        return 1 if kept is None and reported is not None else 0

    def _forget(self, now_s: float) -> None:
        old = [terminal for terminal, one in list(self._kept.items()) if now_s - one.at_s > self.keep_s]
        for terminal in old:
            self._kept.pop(terminal, None)

    # --- another controller

    def load(self, kept: Sequence[Kept]) -> None:
        """What the leader before this one had found."""
        self._kept |= {one.terminal: one for one in kept if one.terminal not in self._kept}


def beam_of(cell: int) -> Beam | None:
    """What lights a cell: its middle, and as far as its corners."""
    if not cell:
        return None
    latitude, longitude = h3cells.centres_deg(np.array([cell], np.uint64))
    resolution = int(h3cells.resolutions(np.array([cell], np.uint64))[0])
    return float(latitude[0]), float(longitude[0]), h3cells.radius_km(resolution)


def _kept(terminal: str, at_s: float, located: Located, reported: Request) -> Kept:
    fix = located.fix
    latitude, longitude, radius_m = reported.latitude_deg, reported.longitude_deg, reported.uncertainty_m
    known = latitude is not None and longitude is not None and radius_m is not None
    tested: Circle | None = (latitude, longitude, radius_m) if known else None  # type: ignore[assignment]
    fits = fix is not None and (fix.located or located.agrees is not None)
    if located.source == "gnss":
        circles = tuple(one for place in fix.places for one in place.ellipse.discs()) if fix and fix.located else ()
    else:
        circles = tuple(one for one in located.regions if one != tested)
    nowhere = not located.regions and fix is not None and fix.problem == "inconsistent"
    class_ = reported.class_ or ""
    return Kept(terminal, at_s, circles, fits, located.agrees, tested, located.source, class_, nowhere)


def _may_be(said: Circle, kept: Kept, grown: Sequence[Circle]) -> bool:
    """Whether a report may be where the round trips were made: as tested; another one, if it touches their region."""
    if kept.tested is not None and _apart_m(said, kept.tested) <= SAME_M and kept.agrees is not None:
        return kept.agrees
    return kept.agrees is not False and any(_apart_m(said, one) <= said[2] + one[2] for one in grown)


def _apart_m(one: Circle, other: Circle) -> float:
    return float(GEOD.inv(one[1], one[0], other[1], other[0])[2])


def _grown(circles: Sequence[Circle], class_: str, age_s: float) -> tuple[Circle, ...]:
    more_m = GOES_KMH.get(class_, ELSE_KMH) / 3.6 * age_s
    return tuple((one[0], one[1], one[2] + more_m) for one in circles)
