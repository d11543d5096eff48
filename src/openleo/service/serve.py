"""The join: what can be served, where it may be.

Takes the statistics of reach and the mask; gives a ServiceMap with, for every part of every cell, the share of time
that it is served and the first reason for the rest. Can and may are answered apart and meet only here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from openleo.places.parts import Parts
from openleo.policy.mask import Mask
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


def serve(statistics: CellStatistics, parts: Parts, mask: Mask, class_: str) -> ServiceMap:
    """Join reach and mask for one class. Capacity takes nothing here: `no_capacity` is 0 until beams are computed."""
    permitted = mask.permitted[:, mask.classes.index(class_)]
    cell = parts.cell
    because = np.column_stack(
        [
            ~permitted,
            permitted * statistics.no_satellite[cell],
            permitted * statistics.no_gateway[cell],
            np.zeros(len(parts)),
        ]
    ).astype(np.float64)
    return ServiceMap(class_, parts, statistics, permitted, permitted * statistics.can_serve[cell], because, mask)


def dominant_reason(served: Floats, because: Floats) -> NDArray[np.uint8]:
    """The reason of each row: SERVED where it is served at least half the time, else what takes most."""
    taken = np.array(REASONS, dtype=np.uint8)[because.argmax(axis=1)]
    return np.where(served >= 0.5, np.uint8(Reason.SERVED), taken)
