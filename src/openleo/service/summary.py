"""Service by territory and by cell: the figures that reports print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openleo.places.territories import display_name
from openleo.service.serve import REASONS, Reason, ServiceMap, dominant_reason
from openleo.service.statistics import RTT_BINS, quantile_ms

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TerritoryRow:
    """One territory, strip of sea or the high seas.

    Shares are of people × time, or of area × time where nobody lives.
    """

    territory: str
    name: str
    cells: int
    population: int
    area_km2: float
    weighting: str  # "population" | "area"
    can_serve: float
    may_serve: float
    served: float
    rtt_ms_p50: float | None
    rtt_ms_p95: float | None
    not_served_because: dict[str, float]


def by_territory(service: ServiceMap, order: Sequence[str] = ()) -> list[TerritoryRow]:
    """A row for every territory that has a part; those of `order` first, in that order."""
    present = sorted(
        set(service.parts.territory), key=lambda id_: (order.index(id_) if id_ in order else len(order), id_)
    )
    return [_row(service, id_) for id_ in present]


def _row(service: ServiceMap, id_: str) -> TerritoryRow:
    parts = service.parts
    mine = np.flatnonzero(parts.territory == id_)
    population, area = float(parts.people[mine].sum()), float(parts.area_km2[mine].sum())
    weighting = "population" if population > 0.0 else "area"
    weight = parts.people[mine] if population > 0.0 else parts.area_km2[mine]
    share = weight / weight.sum()
    counts = _weighted_counts(service, mine, share)
    return TerritoryRow(
        territory=id_,
        name=display_name(id_),
        cells=len(np.unique(parts.cell[mine])),
        population=round(population),
        area_km2=round(area, 3),
        weighting=weighting,
        can_serve=_share(share @ service.statistics.can_serve[parts.cell[mine]]),
        may_serve=_share(share @ service.permitted[mine]),
        served=_share(share @ service.served[mine]),
        rtt_ms_p50=quantile_ms(counts, 0.5),
        rtt_ms_p95=quantile_ms(counts, 0.95),
        not_served_because={
            reason.word: _share(share @ service.because[mine, column]) for column, reason in enumerate(REASONS)
        },
    )


def _weighted_counts(service: ServiceMap, parts: NDArray[np.intp], share: Floats) -> Floats:
    """The RTTs of a territory's served slots, weighted by people or area, axis (bin,)."""
    total = np.zeros(RTT_BINS)
    for part, weight in zip(parts, share, strict=True):
        if service.permitted[part] and weight > 0.0:
            total += weight * service.statistics.rtt_counts[service.parts.cell[part]]
    return total


def _share(value: float) -> float:
    return round(float(value), 6)


@dataclass(frozen=True)
class CellTable:
    """One row a cell: the columns of cells.parquet.

    Shares weigh a cell's parts by people, or by area where nobody lives.
    """

    territories: list[str]  # ids, separated by a space
    population: Floats
    area_km2: Floats
    can_serve: Floats
    may_serve: Floats
    served: Floats
    reason: list[str]
    rule: list[str]  # of the parts that are not permitted: the rules that forbid them
    rtt_ms_p50: Floats
    rtt_ms_p95: Floats


def by_cell(service: ServiceMap) -> CellTable:
    """The table of cells, in the order of `service.parts.cells`."""
    parts, cells = service.parts, len(service.parts.cells)

    def sums(values: Floats) -> Floats:
        return np.bincount(parts.cell, weights=values, minlength=cells).astype(np.float64)

    people, area = sums(parts.people), sums(parts.area_km2)
    weight = np.where(people[parts.cell] > 0.0, parts.people, parts.area_km2)
    total = sums(weight)

    def weighted(values: Floats) -> Floats:
        return sums(weight * values) / total

    served = weighted(service.served)
    because = np.column_stack([weighted(service.because[:, column]) for column in range(len(REASONS))])
    names: list[list[str]] = [[] for _ in range(cells)]
    rules: list[list[str]] = [[] for _ in range(cells)]
    decision = service.mask.decision[:, service.mask.classes.index(service.class_)]
    for part, cell in enumerate(parts.cell):
        names[cell].append(parts.territory[part])
        if not service.permitted[part]:
            rules[cell] += [because.rule for because in service.mask.decisions[decision[part]].because]
    never = served == 0.0
    return CellTable(
        territories=[" ".join(dict.fromkeys(row)) for row in names],
        population=people,
        area_km2=area,
        can_serve=service.statistics.can_serve,
        may_serve=weighted(service.permitted.astype(np.float64)),
        served=served,
        reason=[Reason(code).word for code in dominant_reason(served, because)],
        rule=[" ".join(dict.fromkeys(row)) for row in rules],
        rtt_ms_p50=np.where(never, np.nan, service.statistics.rtt_ms(0.5).round(2)),
        rtt_ms_p95=np.where(never, np.nan, service.statistics.rtt_ms(0.95).round(2)),
    )
