"""Which priority class of a place's demand is carried by its other links, by satellite, or not at all.

Takes what classes ask for slot by slot, what links on the ground carry, and what satellites bring; gives what each
class gets of both. All is whole kbit/s, so that asked = terrestrial + satellite + lost holds to the last of them.
Classes are served in their order: a class gets something only where those before it lack nothing. No network is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.instants import SlotGrid

Kbps = NDArray[np.int64]
KBPS_PER_GBPS = 1_000_000
NOTHING_CUT, ALL_CUT = "nothing cut", "all cut"


def kbps(gbps: float) -> int:
    """Whole kbit/s.

    >>> kbps(9.5)
    9500000
    """
    return round(gbps * KBPS_PER_GBPS)


@dataclass(frozen=True)
class Link:
    """A way to the rest of the world that is no satellite's; the stations of a network that have none but over it."""

    name: str
    kind: str
    gbps: float
    source: str
    gateways: tuple[str, ...] = ()
    pops: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cut:
    """Links that are out together, from `begin` on until before `end`; None: from ever, to ever."""

    name: str
    links: tuple[str, ...] = ()
    begin: datetime | None = None
    end: datetime | None = None

    def holds(self, instants: Sequence[datetime], slot_s: float) -> NDArray[np.bool_]:
        """In which slots it is so at any instant, axes (slot,), as an outage is; instants: their begins."""
        slot = timedelta(seconds=slot_s)
        return np.array(
            [(self.begin is None or self.begin < at + slot) and (self.end is None or at < self.end) for at in instants],
            np.bool_,
        )


@dataclass(frozen=True)
class Wanted:
    """What a class asks for in the busiest hour."""

    name: str
    gbps: float


def cuts_of(links: Sequence[Link], together: Sequence[Cut] = ()) -> tuple[Cut, ...]:
    """The cases: nothing cut, each link alone, all of them, and those that are asked for."""
    alone = [Cut(link.name, (link.name,)) for link in links]
    every = [Cut(ALL_CUT, tuple(link.name for link in links))] if len(links) > 1 else []
    return (Cut(NOTHING_CUT), *alone, *every, *together)


def fill(asked: Kbps, room: Kbps) -> Kbps:
    """What of asked (slot, class) fits in room (slot,), the first class first.

    >>> fill(np.array([[3, 4, 5]]), np.array([6])).tolist()
    [[3, 3, 0]]
    """
    reached = np.minimum(np.cumsum(asked, axis=1), room[:, None])
    return np.diff(reached, axis=1, prepend=0)


@dataclass(frozen=True, eq=False)
class Carried:
    """Axes (slot, class), kbit/s: what was asked for, what links on the ground and satellites carry of it."""

    asked: Kbps
    terrestrial: Kbps
    satellite: Kbps

    @property
    def lost(self) -> Kbps:
        """What nothing carries."""
        return self.asked - self.terrestrial - self.satellite


def carried(asked: Kbps, terrestrial: Kbps, satellite: Kbps) -> Carried:
    """Links on the ground first; satellites carry what those leave. Room: axes (slot,)."""
    first = fill(asked, terrestrial)
    return Carried(asked, first, fill(asked - first, satellite))


def terrestrial_room(links: Sequence[Link], cut: Cut, instants: Sequence[datetime], slot_s: float) -> Kbps:
    """What the links carry that are not cut, axes (slot,); instants: the slots' begins."""
    whole = sum(kbps(link.gbps) for link in links)
    out = sum(kbps(link.gbps) for link in links if link.name in cut.links)
    return whole - np.where(cut.holds(instants, slot_s), out, 0).astype(np.int64)


@dataclass(frozen=True)
class Row:
    """One class in one case: means over the time that was computed, Gbit/s; `whole`: how much of it nothing was lost.

    asked_gbps = terrestrial_gbps + satellite_gbps + lost_gbps, in whole kbit/s.
    """

    case: str
    class_: str
    asked_gbps: float
    terrestrial_gbps: float
    satellite_gbps: float
    lost_gbps: float
    whole: float

    def as_row(self) -> dict[str, Any]:
        """As the table has it."""
        return {"case": self.case, "class": self.class_} | {
            name: getattr(self, name)
            for name in ("asked_gbps", "terrestrial_gbps", "satellite_gbps", "lost_gbps", "whole")
        }


def rows_of(cut: Cut, classes: Sequence[Wanted], found: Carried) -> tuple[Row, ...]:
    """One row a class. Means are cut to whole kbit/s in a way that keeps their sum."""
    slots = len(found.asked)
    reached = np.stack([found.terrestrial, found.terrestrial + found.satellite, found.asked]).sum(axis=1) // slots
    of_each = np.diff(reached, axis=0, prepend=0) / KBPS_PER_GBPS
    terrestrial, satellite, lost = of_each
    whole = (found.lost == 0).mean(axis=0)
    return tuple(
        Row(cut.name, one.name, float(reached[2, k]) / KBPS_PER_GBPS, float(terrestrial[k]), float(satellite[k]),
            float(lost[k]), round(float(whole[k]), 6))
        for k, one in enumerate(classes)
    )  # fmt: skip


def instants_of(grid: SlotGrid, begin_s: Sequence[float]) -> list[datetime]:
    """The instants of computed slots, by seconds from the run's start."""
    return [grid.instant(round(second / grid.slot_s)) for second in begin_s]
