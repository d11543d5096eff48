"""Element sets of a running network: newer ones of the same satellites, their ages, and what that leaves unknown.

    sets in use + a file read just now ─► merged ─► Twin.renewed
    epochs + an instant ─► ages ─► /readyz, the plan's summary, alarms

Pure: files and clocks are `elements_file`'s. Which satellites there are was approved and stays; where they are is
observed (docs/design.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.network.constellation.element_set import ElementSet
from openleo.network.ranging.errors import public_elements_km
from openleo.units import SECONDS_PER_DAY

Floats = NDArray[np.float64]

HOUR_S = 3600.0
SIGMAS_P95 = 1.96  # of a normal deviate, to either side
# Operators' predictions are given epochs some hours ahead. One that is further ahead is a slip of the pen, and would
# be taken for the newest for ever.
MOST_AHEAD = timedelta(days=2)


class NotTaken(Exception):
    """A file of element sets that is left aside whole, and why."""


@dataclass(frozen=True)
class Newer:
    """Sets in the network's order. `known`: satellites of the network that the file has; `others`: those it has not."""

    sets: tuple[ElementSet, ...]
    moved: int  # that have newer elements than before
    known: int
    others: int


def merged(held: Sequence[ElementSet], found: Sequence[ElementSet], at: datetime, least_known: float) -> Newer:
    """Each satellite of `held` with its newest elements; satellites that are not among them are left out.

    A satellite that the file lacks keeps what it has, and ages. Raises NotTaken where fewer than `least_known` of them
    are in the file: it broke off, or is another system's.
    """
    by_id = {one.id: one for one in found if one.epoch <= at + MOST_AHEAD}
    known = sum(one.id in by_id for one in held)
    if known < least_known:
        raise NotTaken(f"it has {known:,} of the network's satellites, and {least_known:,.0f} are asked for")
    sets = tuple(_newest(one, by_id.get(one.id)) for one in held)
    moved = sum(new is not old for new, old in zip(sets, held, strict=True))
    return Newer(sets, moved, known, len(by_id) - known)


def in_use(held: Sequence[ElementSet], oldest_days: float) -> int:
    """Satellites that are not much older than the newest: those that files had of late. Others have gone."""
    epochs_s = np.array([one.epoch.timestamp() for one in held])
    return int((epochs_s >= epochs_s.max() - oldest_days * SECONDS_PER_DAY).sum())


def _newest(held: ElementSet, found: ElementSet | None) -> ElementSet:
    if found is None or found.epoch <= held.epoch:
        return held
    return replace(found, name=held.name, launch_year=held.launch_year)  # what it is called was approved, too


# --- how old they are -----------------------------------------------------------------------------------------------


def off_km_p95(age_s: Floats | float) -> Floats:
    """How far along its track a satellite is from where its elements put it, in 95 of 100 cases.

    >>> [round(float(off_km_p95(days * 86_400.0))) for days in (1, 2, 7)]
    [13, 28, 111]
    """
    return SIGMAS_P95 * public_elements_km(age_s)


@dataclass(frozen=True)
class Ages:
    """Of all satellites at an instant. `sha256`: of the elements that they are moved by."""

    sha256: str
    age_s: Floats  # (satellite,); negative before an epoch
    oldest_days: float  # beyond, a satellite is not used

    @property
    def unusable(self) -> int:
        """Satellites that are not used, for their elements are too old."""
        return int((np.abs(self.age_s) > self.oldest_days * SECONDS_PER_DAY).sum())

    @property
    def median_s(self) -> float:
        return float(np.median(np.abs(self.age_s)))

    def as_json(self) -> Mapping[str, Any]:
        """What everybody may read; `off_km_p95_max` is of the oldest that are still used."""
        ages_s = np.abs(self.age_s)
        used_s = ages_s[ages_s <= self.oldest_days * SECONDS_PER_DAY]
        return {
            "elements": self.sha256,
            "satellites": len(ages_s),
            "unusable": self.unusable,
            "age_h_p50": round(self.median_s / HOUR_S, 2),
            "age_h_max": round(float(ages_s.max()) / HOUR_S, 2),
            "off_km_p95": round(float(off_km_p95(self.median_s)), 1),
            "off_km_p95_max": round(float(off_km_p95(float(used_s.max()))), 1) if len(used_s) else None,
        }

    def alarm(self, alarm_days: float) -> str:
        """What is to be said once half of the satellites have older elements; "" before."""
        if self.median_s <= alarm_days * SECONDS_PER_DAY:
            return ""
        many = f"{self.unusable:,} of {len(self.age_s):,} satellites are no longer used"
        return (
            f"half of the element sets are {self.median_s / SECONDS_PER_DAY:.1f} days old or older: satellites are up "
            f"to {float(off_km_p95(self.median_s)):.0f} km from where they are taken to be (95 %), and {many}. Renew "
            "the file that the scenario names: openleo fetch"
        )
