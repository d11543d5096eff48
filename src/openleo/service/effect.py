"""What a change of rules does, on one network: who gains and who loses service.

Two masks, one reach. What rules take (`lost`) and what shared beams take (`displaced_by_capacity`) are never one
number; without capacity the latter is not known, so it is null and not zero.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import rfc8785
from numpy.typing import NDArray

from openleo.policy.decide import Outcome
from openleo.service.serve import ServiceMap
from openleo.service.statistics import RTT_BINS, quantile_ms


@dataclass(frozen=True)
class Amount:
    """Cells, area and people whose service changes. People count by the share of time that they can be served."""

    cells: int
    area_km2: float
    people: int
    terminals: int | None = None  # null until a table of terminals is given

    def as_json(self) -> dict[str, Any]:
        return {"cells": self.cells, "area_km2": self.area_km2, "people": self.people, "terminals": self.terminals}


@dataclass(frozen=True)
class EffectRow:
    """One territory and class."""

    territory: str
    class_: str
    lost: Amount
    gained: Amount
    rtt_ms_p50: tuple[float | None, float | None]  # before, after
    because: tuple[str, ...]  # the rules that make the difference

    def as_json(self) -> dict[str, Any]:
        return {
            "territory": self.territory,
            "class": self.class_,
            "lost": self.lost.as_json(),
            "gained": self.gained.as_json(),
            "displaced_by_capacity": None,
            "rtt_ms_p50": list(self.rtt_ms_p50),
            "down_mbps_p50": [None, None],
            "spill_people": None,
            "because": list(self.because),
        }


@dataclass(frozen=True)
class Effect:
    """The change from rule set `base` to `new` on `network`; each is a sha256."""

    base: str
    new: str
    network: str
    rows: tuple[EffectRow, ...]

    @property
    def sha256(self) -> str:
        """Of the RFC 8785 form; integers and fixed decimals only, so that it can be recomputed elsewhere."""
        return hashlib.sha256(rfc8785.dumps(self._content())).hexdigest()

    def as_json(self) -> dict[str, Any]:
        return {"sha256": self.sha256, **self._content()}

    def _content(self) -> dict[str, Any]:
        return {
            "base": self.base,
            "new": self.new,
            "network": self.network,
            "territories": [row.as_json() for row in self.rows],
        }


def effect(
    pairs: Sequence[tuple[ServiceMap, ServiceMap]], order: Sequence[str], base: str, new: str, network: str
) -> Effect:
    """The effect of going from each pair's first map to its second; a pair is one class on one network.

    Every territory has its row, those that nothing happens to included.
    """
    rows = [_row(before, after, id_) for id_ in order for before, after in pairs]
    return Effect(base, new, network, tuple(rows))


def _row(before: ServiceMap, after: ServiceMap, id_: str) -> EffectRow:
    mine = np.flatnonzero(before.parts.territory == id_)
    change = after.served[mine] - before.served[mine]
    changed = mine[before.permitted[mine] != after.permitted[mine]]
    return EffectRow(
        territory=id_,
        class_=before.class_,
        lost=_amount(before, mine, np.maximum(-change, 0.0)),
        gained=_amount(before, mine, np.maximum(change, 0.0)),
        rtt_ms_p50=(_median(before, mine), _median(after, mine)),
        because=_rules_between(before, after, changed),
    )


def _amount(service: ServiceMap, parts: NDArray[np.intp], share: NDArray[np.float64]) -> Amount:
    touched = share > 0.0
    return Amount(
        cells=len(np.unique(service.parts.cell[parts[touched]])),
        area_km2=round(float(service.parts.area_km2[parts] @ share), 3),
        people=round(float(service.parts.people[parts] @ share)),
    )


def _median(service: ServiceMap, parts: NDArray[np.intp]) -> float | None:
    people, area = service.parts.people[parts], service.parts.area_km2[parts]
    weight = people if people.sum() > 0.0 else area
    total = np.zeros(RTT_BINS)
    for part, each in zip(parts, weight / weight.sum(), strict=True):
        if service.permitted[part]:
            total += each * service.statistics.rtt_counts[service.parts.cell[part]]
    return quantile_ms(total, 0.5)


def _rules_between(before: ServiceMap, after: ServiceMap, parts: NDArray[np.intp]) -> tuple[str, ...]:
    """The rules that make the difference for the changed parts.

    What withholds makes it where it has rules of its own; else the permits that one side has and the other has not.
    """
    column = before.mask.classes.index(before.class_)
    names: set[str] = set()
    for old, new in {(before.mask.decision[part, column], after.mask.decision[part, column]) for part in parts}:
        was, is_ = before.mask.decisions[old], after.mask.decisions[new]
        withheld, granted = (was, is_) if is_.permitted else (is_, was)
        decisive = granted if withheld.outcome is Outcome.NOT_PERMITTED else withheld
        names |= {because.rule for because in decisive.because}
    return tuple(sorted(names))
