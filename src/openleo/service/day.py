"""Who can and may be served, slot by slot: availability over the day.

Takes the reach of cells chunk by chunk, and who is permitted; gives Day, from which what capacity takes is left out
until it is handed in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.network.reach import Reach
from openleo.places.parts import Parts

Floats = NDArray[np.float64]

ONE_TIME_DEG = 22.5  # an hour and a half of the Sun: within it, one local time says something


@dataclass(frozen=True, eq=False)
class Day:
    """Shares of a run's people, or of its area where nobody lives (`weighting` says which).

    Axes (slot,): served, no_satellite, no_gateway, no_capacity; with not_permitted, which holds all the time, they
    make 1 in every slot. longitude_deg: about where those people are, None where they are too far apart for
    one local time.
    """

    weighting: str  # "population" | "area"
    served: Floats
    no_satellite: Floats
    no_gateway: Floats
    not_permitted: float
    longitude_deg: float | None
    no_capacity: Floats

    @property
    def slots(self) -> int:
        return len(self.served)

    def shares(self) -> dict[str, Floats]:
        """By the words of reasons, `served` first."""
        always = np.full(self.slots, self.not_permitted)
        return {
            "served": self.served,
            "no_capacity": self.no_capacity,
            "no_gateway": self.no_gateway,
            "no_satellite": self.no_satellite,
            "not_permitted": always,
        }

    def sharing(self, begin_s: Floats, short: Floats, slot_s: float) -> Day:
        """The day with what capacity takes. begin_s, short (computed slot,): from when on, the share of people times
        what they lack; each holds until the next, of those who are reached.
        """
        number = np.searchsorted(begin_s, np.arange(self.slots) * slot_s + 1e-6, side="right") - 1
        taken = np.minimum(np.asarray(short)[np.maximum(number, 0)], self.served)
        return replace(self, served=self.served - taken, no_capacity=self.no_capacity + taken)


def shares_of_all(parts: Parts) -> tuple[str, Floats]:
    """(what a run weighs by, the share of it that each part is): its people, or its area where nobody lives."""
    lived_in = float(parts.people.sum()) > 0.0
    share = parts.people if lived_in else parts.area_km2
    return "population" if lived_in else "area", share / share.sum()


class DayTally:
    """Folds Reach in, chunk after chunk; `finish` gives the frozen result."""

    def __init__(self, parts: Parts, permitted: NDArray[np.bool_]):
        """Who may be served: permitted (part,)."""
        self._weighting, share = shares_of_all(parts)
        cells = len(parts.cells)
        self._weight = np.bincount(parts.cell, weights=share * permitted, minlength=cells).astype(np.float64)
        self._not_permitted = float(share[~permitted].sum())
        self._longitude_deg = _one_longitude(parts, share)
        self._chunks: list[Floats] = []

    def add(self, reach: Reach) -> None:
        totals = np.zeros((3, len(reach.satellite)))
        _fold(reach.satellite, reach.seen, self._weight, totals)
        self._chunks.append(totals)

    def finish(self) -> Day:
        served, no_satellite, no_gateway = np.concatenate([np.zeros((3, 0)), *self._chunks], axis=1)
        nothing = np.zeros(len(served))
        return Day(
            self._weighting, served, no_satellite, no_gateway, self._not_permitted, self._longitude_deg, nothing
        )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _fold(satellite: NDArray[np.int32], seen: NDArray[np.int16], weight: Floats, totals: Floats) -> None:
    """Add to totals (3, slot) the weight of cells that are served, that see nothing, that see nothing with a way."""
    slots, cells = satellite.shape
    for slot in range(slots):
        for cell in range(cells):
            if satellite[slot, cell] >= 0:
                totals[0, slot] += weight[cell]
            elif seen[slot, cell] == 0:
                totals[1, slot] += weight[cell]
            else:
                totals[2, slot] += weight[cell]


def _one_longitude(parts: Parts, share: Floats) -> float | None:
    """The middle of all people but the outermost twentieths, if those are within 22.5° of it."""
    _, longitude = h3cells.centres_deg(parts.cells)
    here = np.exp(1j * np.radians(longitude[parts.cell]))
    middle = complex((share * here).sum())
    if abs(middle) < 0.1:
        return None
    away_deg = np.degrees(np.angle(here / middle))
    if float(share[np.abs(away_deg) > ONE_TIME_DEG].sum()) > 0.1:
        return None
    return float(np.degrees(np.angle(middle)))
