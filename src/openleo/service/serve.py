"""The join: what can be served, where it may be.

Takes the statistics of reach, the mask and, where capacity is computed, the rates; gives a ServiceMap with, for every
part of every cell, the share of time that it is served and the first reason for the rest. Can and may are answered
apart and meet only here: over a run in `serve`, in one slot in `reasons_in_slot`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from openleo.places.parts import Parts
from openleo.policy.mask import Mask
from openleo.service.rates import Rates
from openleo.service.statistics import CellStatistics

Floats = NDArray[np.float64]


class Reason(IntEnum):
    """Why a place is not served: the first that applies. `SERVED` is no reason."""

    SERVED = 0
    NOT_PERMITTED = 1
    NO_SATELLITE = 2
    NO_GATEWAY = 3
    NO_CAPACITY = 4

    @property
    def word(self) -> str:
        return self.name.lower()


REASONS = (Reason.NOT_PERMITTED, Reason.NO_SATELLITE, Reason.NO_GATEWAY, Reason.NO_CAPACITY)


@dataclass(frozen=True)
class ServiceMap:
    """Service of one class of terminals over a run.

    permitted (part,); served (part,): share of the slots; because (part, reason): share of the slots for each of
    REASONS. `served + because.sum(axis=1) = 1` for every part.
    """

    class_: str
    parts: Parts
    statistics: CellStatistics
    permitted: NDArray[np.bool_]
    served: Floats
    because: Floats
    mask: Mask
    rates: Rates | None = None  # None: everybody alone on the network


def serve(statistics: CellStatistics, parts: Parts, mask: Mask, class_: str, rates: Rates | None = None) -> ServiceMap:
    """Join reach, mask and capacity for one class: a place that gets half of what it asks for is half served.

    Without rates `no_capacity` is 0.
    """
    permitted = mask.permitted[:, mask.classes.index(class_)]
    cell = parts.cell
    can_and_may = permitted * statistics.can_serve[cell]
    given = np.ones(len(parts)) if rates is None else rates.given(class_)
    because = np.column_stack(
        [
            ~permitted,
            permitted * statistics.no_satellite[cell],
            permitted * statistics.no_gateway[cell],
            can_and_may * (1.0 - given),
        ]
    ).astype(np.float64)
    return ServiceMap(class_, parts, statistics, permitted, can_and_may * given, because, mask, rates)


def reasons_in_slot(
    refused: NDArray[np.bool_],
    satellite: NDArray[np.int32],
    seen: NDArray[np.int16],
    starved: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint8]:
    """Join reach, rules and capacity of one slot: a Reason, axes (place, class).

    refused (place, class): by rules. satellite, seen (place,) as at `why_not_reached`. starved (place,): reached, and
    given nothing; None where nobody shares.
    """
    can = why_not_reached(satellite, seen)[:, np.newaxis]
    if starved is not None:
        can = np.where((can == Reason.SERVED) & starved[:, np.newaxis], np.uint8(Reason.NO_CAPACITY), can)
    return np.where(refused, np.uint8(Reason.NOT_PERMITTED), can)


def why_not_reached(satellite: NDArray[np.int32], seen: NDArray[np.int16]) -> NDArray[np.uint8]:
    """SERVED, NO_SATELLITE or NO_GATEWAY of each place in a slot, by who serves it (−1: nobody) and what it sees."""
    unreached = np.where(seen > 0, np.uint8(Reason.NO_GATEWAY), np.uint8(Reason.NO_SATELLITE))
    return np.where(satellite >= 0, np.uint8(Reason.SERVED), unreached)


def dominant_reason(served: Floats, because: Floats) -> NDArray[np.uint8]:
    """The reason of each row: SERVED where it is served at least half the time, else what takes most."""
    taken = np.array(REASONS, dtype=np.uint8)[because.argmax(axis=1)]
    return np.where(served >= 0.5, np.uint8(Reason.SERVED), taken)
