"""Service by territory and by cell: the figures that reports print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.network.capacity.caps import Binding
from openleo.places.parts import Parts
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
    down_mbps_p50: float | None = None  # what a user's test of the line finds; None: nobody's, or capacity is off
    up_mbps_p50: float | None = None
    bound_by: dict[str, float] | None = None  # share of people × computed slots, by what binds their cells


def by_territory(service: ServiceMap, order: Sequence[str] = ()) -> list[TerritoryRow]:
    """A row for every territory that has a part; those of `order` first, in that order."""
    present = sorted(
        set(service.parts.territory), key=lambda id_: (order.index(id_) if id_ in order else len(order), id_)
    )
    rows = [_row(service, id_) for id_ in present]
    if service.rates is None:
        return rows
    number = {id_: group for group, id_ in enumerate(present)}
    group = np.array([number[id_] for id_ in service.parts.territory], np.intp)
    testing = np.where(reached(service), group, -1)
    down, up = (as_rates(one) for one in service.rates.users_mbps(testing, len(present), service.class_))
    bound = bound_by_part(service)
    made = []
    for own, (row, down_mbps, up_mbps) in enumerate(zip(rows, down, up, strict=True)):
        mine = np.flatnonzero(group == own)
        bound_by = _words(_shares(service.parts, mine) @ bound[mine])
        made.append(replace(row, down_mbps_p50=down_mbps, up_mbps_p50=up_mbps, bound_by=bound_by))
    return made


def reached(service: ServiceMap) -> NDArray[np.bool_]:
    """Parts that reach knows, axes (part,): common ways of capacity may lead to whom a table of PoPs leaves out."""
    return np.asarray(service.statistics.can_serve[service.parts.cell] > 0.0)


def as_rates(mbps: Floats) -> list[float | None]:
    """Rates as they are written: to a hundredth of a Mbit/s, None for NaN."""
    return [None if np.isnan(one) else round(float(one), 2) for one in mbps]


def bound_by_part(service: ServiceMap) -> Floats:
    """Share of the computed slots by what binds, axes (part, `Binding`): POLICY where a part may not be served."""
    assert service.rates is not None
    one = service.rates.tally
    bound = one.binding[service.parts.cell] / one.slots
    bound[~service.permitted] = np.arange(len(Binding)) == Binding.POLICY
    return np.asarray(bound)


def _words(bound: Floats) -> dict[str, float]:
    return {one.name.lower(): _share(bound[one]) for one in Binding}


def _shares(parts: Parts, mine: NDArray[np.intp]) -> Floats:
    """What each of some parts weighs: by people, or by area where nobody lives."""
    weight = parts.people[mine] if parts.people[mine].sum() > 0.0 else parts.area_km2[mine]
    return np.asarray(weight / weight.sum())


def _row(service: ServiceMap, id_: str) -> TerritoryRow:
    parts = service.parts
    mine = np.flatnonzero(parts.territory == id_)
    population, area = float(parts.people[mine].sum()), float(parts.area_km2[mine].sum())
    weighting = "population" if population > 0.0 else "area"
    share = _shares(parts, mine)
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
    given = np.ones(len(share)) if service.rates is None else service.rates.given(service.class_)[parts]
    for part, weight in zip(parts, share * given, strict=True):
        if service.permitted[part] and weight > 0.0:
            total += weight * service.statistics.rtt_counts[service.parts.cell[part]]
    return total


def _share(value: float | Floats) -> float:
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
    down_mbps_p50: Floats  # these and the following: NaN, or nothing, while capacity is not computed
    up_mbps_p50: Floats
    rate_down_mbps: Floats
    rate_up_mbps: Floats
    asked_down_mbps: Floats
    asked_up_mbps: Floats
    bound_by: list[str]


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
        **_rates_by_cell(service),
    )


def _rates_by_cell(service: ServiceMap) -> dict[str, Any]:
    cells = len(service.parts.cells)
    if service.rates is None:
        none = np.full(cells, np.nan)
        return {**dict.fromkeys(RATE_COLUMNS, none), "bound_by": [""] * cells}
    tally, parts = service.rates.tally, service.parts
    group = np.where(reached(service), parts.cell, -1).astype(np.intp)
    down, up = service.rates.users_mbps(group, cells, service.class_)
    people = np.bincount(parts.cell, parts.people, minlength=cells)
    weight = np.where(people[parts.cell] > 0.0, parts.people, parts.area_km2)
    bound = bound_by_part(service) * weight[:, None]
    of_cell = np.stack([np.bincount(parts.cell, one, minlength=cells) for one in bound.T], axis=1)
    return {
        "down_mbps_p50": down.round(2),
        "up_mbps_p50": up.round(2),
        "rate_down_mbps": tally.rate_down_mbps,
        "rate_up_mbps": tally.rate_up_mbps,
        "asked_down_mbps": tally.asked_down_mbps,
        "asked_up_mbps": tally.asked_up_mbps,
        "bound_by": [Binding(code).name.lower() for code in of_cell.argmax(axis=1)],
    }


RATE_COLUMNS = ("down_mbps_p50", "up_mbps_p50", "rate_down_mbps", "rate_up_mbps", "asked_down_mbps", "asked_up_mbps")


def capacity_json(service: ServiceMap) -> dict[str, Any] | None:
    """What capacity gave in all, as summary.json has it; None while it is not computed."""
    if service.rates is None:
        return None
    tally, parts = service.rates.tally, service.parts
    everywhere = np.arange(len(parts))
    load, used = tally.isl_load_p95, tally.isl_used
    return {
        "slots": tally.slots,
        **{
            f"{what}_{way}_mbps": round(float(getattr(tally, f"{name}_{way}_mbps").sum()), 3)
            for way in ("down", "up")
            for what, name in (("asked", "asked"), ("given", "rate"))
        },
        "subscribers": None if (total := service.rates.subscribers) is None else round(total),
        "isl_used": None if used is None else _share(used),
        "isl_load_p95": None if load is None else _share(load),
        "bound_by": _words(_shares(parts, everywhere) @ bound_by_part(service)),
    }


def territory_json(row: TerritoryRow) -> dict[str, Any]:
    """A row as summary.json has it."""
    return {
        "territory": row.territory,
        "name": row.name,
        "cells": row.cells,
        "population": row.population,
        "area_km2": row.area_km2,
        "weighting": row.weighting,
        "can_serve": row.can_serve,
        "may_serve": row.may_serve,
        "served": row.served,
        "rtt_ms_p50": row.rtt_ms_p50,
        "rtt_ms_p95": row.rtt_ms_p95,
        "down_mbps_p50": row.down_mbps_p50,
        "up_mbps_p50": row.up_mbps_p50,
        "bound_by": row.bound_by,
        "not_served_because": row.not_served_because,
    }
