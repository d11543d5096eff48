"""What is asked for: people × penetration × what a subscriber asks in the busiest hour × the time of day.

Takes parts (people by cell and territory), how many subscribe (`subscribers`), what each asks for and the curve of a
day; gives Demand by part and class, and of it for one instant what the cells of a slot ask for (`SlotDemand`). Local
time is mean solar time, by longitude alone: one hour for 15°. Rates are means over many subscribers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openleo import cells as h3cells
from openleo.instants import utc
from openleo.network.capacity.allocation import SlotDemand
from openleo.places.parts import Parts

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

HOURS = 24
DEG_PER_HOUR = 15.0
EMERGENCY = "emergency"
EVERYBODY = "everybody"


@dataclass(frozen=True)
class Curve:
    """How traffic goes over a day. `relative` (hour,): at 0:00, 1:00, … local time, its mean is 1; straight between."""

    name: str
    relative: Floats

    @classmethod
    def of(cls, relative: ArrayLike, name: str = "") -> Curve:
        """From 24 numbers in any unit. Raises ValueError for what is no day."""
        given = np.array(relative, np.float64)
        if given.shape != (HOURS,) or not ((given >= 0.0) & (given < np.inf)).all() or not given.any():
            raise ValueError("a day has 24 hours, each at least 0 and not all 0")
        return cls(name, given / given.mean())

    def at(self, local_hour: ArrayLike) -> Floats:
        """Traffic at hours of local time over the day's mean.

        >>> Curve.of([1.0] * 12 + [3.0] * 12).at([6.0, 11.5, 18.0, 30.0]).tolist()
        [0.5, 1.0, 1.5, 0.5]
        """
        hour = np.asarray(local_hour, np.float64) % HOURS
        first = np.minimum(hour.astype(np.intp), HOURS - 1)
        part = hour - first
        return np.asarray(self.relative[first] * (1.0 - part) + self.relative[(first + 1) % HOURS] * part)

    def of_busiest(self, local_hour: ArrayLike) -> Floats:
        """Traffic over that of the busiest hour."""
        return np.asarray(self.at(local_hour) / self.relative.max())


FLAT = Curve.of(np.ones(HOURS), "flat")


def local_hour(instant: datetime, longitude_deg: ArrayLike) -> Floats:
    """Mean solar time, hours from 0 to 24."""
    at = utc(instant)
    hours = at.hour + at.minute / 60.0 + (at.second + at.microsecond / 1e6) / 3600.0
    return np.asarray((hours + np.asarray(longitude_deg, np.float64) / DEG_PER_HOUR) % HOURS)


@dataclass(frozen=True)
class PriorityClass:
    """A class of subscribers: `share` of them all; `priority`: the lowest is served first; `weight`: of what each asks
    for, by which classes of one priority share.
    """

    name: str
    share: float = 1.0
    priority: int = 1
    weight: float = 1.0


ONE_CLASS = (PriorityClass(EVERYBODY),)


@dataclass(frozen=True)
class PerSubscriber:
    """What one asks for in the busiest hour: the mean over all, those that make no use of it included."""

    down_mbps: float
    up_mbps: float

    @classmethod
    def of_plan(cls, down_mbps: float, up_mbps: float, oversubscription: float) -> PerSubscriber:
        """So many subscribers share what is sold to one.

        >>> PerSubscriber.of_plan(100.0, 20.0, 20.0)
        PerSubscriber(down_mbps=5.0, up_mbps=1.0)
        """
        return cls(down_mbps / oversubscription, up_mbps / oversubscription)


@dataclass(frozen=True, eq=False)
class Demand:
    """What is asked for in each part's busiest hour. Axes (part, class), where they are not said.

    cells: how many; cell, longitude_deg (part,); down_mbps, up_mbps; subscribers; classes (class,); curve: of the day.
    """

    cells: int
    cell: Ints
    longitude_deg: Floats
    down_mbps: Floats
    up_mbps: Floats
    subscribers: Floats
    classes: tuple[PriorityClass, ...]
    curve: Curve

    @property
    def sha256(self) -> str:
        """Of all of it."""
        made = hashlib.sha256(f"{self.cells} {self.classes}".encode())
        for one in (self.cell, self.longitude_deg, self.down_mbps, self.up_mbps, self.subscribers, self.curve.relative):
            made.update(f"{one.shape}".encode() + np.ascontiguousarray(one).tobytes())
        return made.hexdigest()

    @property
    def all_subscribers(self) -> float | None:
        """Of all parts and classes; None where a table does not say how many."""
        total = float(self.subscribers.sum())
        return total if np.isfinite(total) else None

    def times(self, factor: float) -> Demand:
        """So many times as much from as many subscribers."""
        return replace(self, down_mbps=self.down_mbps * factor, up_mbps=self.up_mbps * factor)

    def at(self, instant: datetime | None, permitted: NDArray[np.bool_] | None = None) -> SlotDemand:
        """What cells ask for at an instant; with None in everybody's busiest hour at once.

        permitted (part,) or (part, class): who may be served; others ask for nothing.
        """
        now = np.ones(len(self.cell)) if instant is None else self.curve.of_busiest(
            local_hour(instant, self.longitude_deg)
        )  # fmt: skip
        may = now[:, None]
        if permitted is not None:
            allowed = np.asarray(permitted, np.bool_)
            may = may * (allowed[:, None] if allowed.ndim == 1 else allowed)
        down, up = self._by_cell(self.down_mbps * may), self._by_cell(self.up_mbps * may)
        weigh = np.maximum(down, up) * np.array([one.weight for one in self.classes])
        counted = self._by_cell(np.where(may > 0.0, self.subscribers, 0.0)).sum(axis=1)
        return SlotDemand.of(down, up, weigh, np.array([one.priority for one in self.classes], np.int32), counted)

    def _by_cell(self, of_part: Floats) -> Floats:
        columns = [np.bincount(self.cell, of_part[:, k], minlength=self.cells) for k in range(of_part.shape[1])]
        return np.stack(columns, axis=1).astype(np.float64)


def demand(
    cells: int,
    cell: Ints,
    longitude_deg: Floats,
    subscribers: Floats,
    each: PerSubscriber,
    curve: Curve = FLAT,
    classes: Sequence[PriorityClass] = ONE_CLASS,
) -> Demand:
    """Of subscribers (part,) that are alike, divided among classes by their shares, which make 1 together."""
    shares = np.array([one.share for one in classes])
    if not np.isclose(shares.sum(), 1.0) or (shares < 0.0).any():
        raise ValueError(f"the shares of classes are {shares.tolist()}; they make 1 together")
    of_class = subscribers[:, None] * shares
    return Demand(
        cells, np.asarray(cell, np.int32), np.asarray(longitude_deg, np.float64), of_class * each.down_mbps,
        of_class * each.up_mbps, of_class, tuple(classes), curve,
    )  # fmt: skip


def on_parts(of_cells: Demand, parts: Parts) -> Demand:
    """What cells ask for, row r being cell r, as what their parts do: by people, or by area where nobody lives."""
    cells = len(parts.cells)
    people = np.bincount(parts.cell, parts.people, minlength=cells)
    weight = np.where(people[parts.cell] > 0.0, parts.people, parts.area_km2)
    share = (weight / np.bincount(parts.cell, weight, minlength=cells)[parts.cell])[:, None]

    def shared(values: Floats) -> Floats:  # a cell's subscribers may be without number
        return np.where(share > 0.0, values[parts.cell] * np.where(share > 0.0, share, 1.0), 0.0)

    return replace(
        of_cells,
        cell=parts.cell,
        longitude_deg=of_cells.longitude_deg[parts.cell],
        down_mbps=shared(of_cells.down_mbps),
        up_mbps=shared(of_cells.up_mbps),
        subscribers=shared(of_cells.subscribers),
    )


def beside(first: Demand, second: Demand) -> Demand:
    """Two demands of the same rows as one: subscriptions beside what terminals of a list ask for, say.

    Classes of one name are the same class. They have one curve.
    """
    if not np.array_equal(first.cell, second.cell):
        raise ValueError("demands of different parts")
    if not np.array_equal(first.curve.relative, second.curve.relative):
        raise ValueError("demands of different curves")
    classes = tuple({known.name: known for one in (first, second) for known in one.classes}.values())
    column = {known.name: number for number, known in enumerate(classes)}

    def added(name: str) -> Floats:
        total = np.zeros((len(first.cell), len(classes)))
        for one in (first, second):
            total[:, [column[known.name] for known in one.classes]] += getattr(one, name)
        return total

    return replace(
        first, down_mbps=added("down_mbps"), up_mbps=added("up_mbps"), subscribers=added("subscribers"),
        classes=classes,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Listed:
    """Terminals of a list. Axes (terminal,): where they are, NaN where nobody knows; class_, into classes."""

    latitude_deg: Floats
    longitude_deg: Floats
    class_: Ints
    classes: tuple[PriorityClass, ...]

    @property
    def sha256(self) -> str:
        """Of all of it."""
        made = hashlib.sha256(f"{self.classes}".encode())
        for one in (self.latitude_deg, self.longitude_deg, self.class_):
            made.update(np.ascontiguousarray(one).tobytes())
        return made.hexdigest()

    def demand(self, cells: h3cells.Cells, each: PerSubscriber, curve: Curve) -> tuple[Demand, int]:
        """(what they ask for, how many are left out: in no cell of the run, or without a position)."""
        resolution = int(h3cells.resolutions(cells[:1])[0])
        at = h3cells.at_each(self.latitude_deg, self.longitude_deg, resolution)
        place = np.minimum(np.searchsorted(cells, at), len(cells) - 1)
        here = cells[place] == at
        used = np.unique(self.class_[here]) if here.any() else np.zeros(1, np.int32)
        count = np.zeros((len(cells), len(used)))
        np.add.at(count, (place[here], np.searchsorted(used, self.class_[here])), 1.0)
        _, longitude = h3cells.centres_deg(cells)
        made = Demand(
            len(cells), np.arange(len(cells), dtype=np.int32), longitude, count * each.down_mbps, count * each.up_mbps,
            count, tuple(self.classes[one] for one in used), curve,
        )  # fmt: skip
        return made, int((~here).sum())
