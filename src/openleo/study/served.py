"""Who is served by one operator, or by any of several.

Takes the cases of one or several operators over one area; gives the share of each territory that is served, with its
median round trip. One operator's figures are those of its run. Of several, a place is served in a slot by whoever
serves it, and its round trip is the least of theirs: nobody's capacity is shared, so cases with capacity are refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.errors import InputError, Problem
from openleo.network.reach import Reach
from openleo.places.parts import Parts
from openleo.places.territories import display_name
from openleo.results import Case, compute, regions_of_both
from openleo.service.statistics import Counter, quantile_ms

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Share:
    """What of a territory is served: of people × time, or of area × time where nobody lives."""

    territory: str
    name: str
    people: int
    weighting: str  # "population" | "area"
    served: float
    rtt_ms_p50: float | None


@dataclass(frozen=True, eq=False)
class Record:
    """What one operator gave, slot by slot: served (slot, part) and rtt_ms (slot, part), infinite where not served."""

    served: Bools
    rtt_ms: NDArray[np.float32]


def shares(cases: Mapping[str, Case], parts: Parts, threads: int | None = None) -> tuple[Share, ...]:
    """The share of each territory that is served by any of some operators; with none of them, nobody is."""
    if not cases:
        return shares_of_records((), parts, ())
    if len(cases) > 1:
        order = next(iter(cases.values())).area.order
        return shares_of_records([record(case, parts, threads) for case in cases.values()], parts, order)
    (case,) = cases.values()
    rows = compute(case, threads=threads, parts=parts).territories
    return tuple(
        Share(row.territory, row.name, row.population, row.weighting, row.served, row.rtt_ms_p50) for row in rows
    )


def record(case: Case, parts: Parts, threads: int | None = None) -> Record:
    """Run a case and keep each slot. The case is without capacity."""
    kept: list[tuple[Bools, NDArray[np.float32]]] = []

    def keep(_cells: h3cells.Cells, chunk: Reach) -> None:
        kept.append((chunk.satellite >= 0, chunk.rtt_ms))

    permitted = compute(case, threads=threads, parts=parts, on_reach=keep).service.permitted
    reached, rtt_ms = (np.concatenate(column)[:, parts.cell] for column in zip(*kept, strict=True))
    served = reached & permitted
    return Record(served, np.where(served, rtt_ms, np.float32(np.inf)).astype(np.float32))


def served_parts(case: Case, parts: Parts, threads: int | None = None) -> Bools:
    """Which parts are served in which slots, axes (slot, part)."""
    return record(case, parts, threads).served


def shares_of_records(records: Sequence[Record], parts: Parts, order: Sequence[str]) -> tuple[Share, ...]:
    """The share of each territory that any of some records serves; territories of `order` first."""
    names = sorted(set(parts.territory), key=lambda id_: (order.index(id_) if id_ in order else len(order), id_))
    if not records:
        return tuple(_share(parts, name, np.zeros(len(parts)), None) for name in names)
    served = np.logical_or.reduce([one.served for one in records])
    rtt_ms = np.minimum.reduce([one.rtt_ms for one in records])
    counter = Counter(len(parts), slot_s=1.0)
    # A part stands for a cell here: rules may serve one part of a cell and not another.
    counter.add(Reach(0, np.where(served, 0, -1).astype(np.int32), rtt_ms, served.astype(np.int16)))
    found = counter.finish()
    return tuple(_share(parts, name, found.can_serve, found.rtt_counts) for name in names)


def weights(parts: Parts, territory: str) -> Floats:
    """What each part counts in its territory, axis (part,): by people, or by area where nobody lives; together 1."""
    mine = parts.territory == territory
    weight = parts.people if parts.people[mine].sum() > 0.0 else parts.area_km2
    return np.asarray(np.where(mine, weight, 0.0) / weight[mine].sum())


def check_alike(cases: Mapping[str, Case], file: str) -> None:
    """Raise InputError unless cases can be joined: one area, one time, the same cells, no capacity."""
    (first_name, first), *others = cases.items()
    problems = []
    for name, case in others:
        unlike = [
            word
            for word, one, another in (
                ("area", first.area, case.area),
                ("resolution", first.resolution, case.resolution),
                ("start, duration or slot", first.grid, case.grid),
                ("polygons in rules", regions_of_both(first.rules, None), regions_of_both(case.rules, None)),
                ("first class", first.classes[0], case.classes[0]),
            )
            if one != another
        ]
        way_out = "Operators are joined cell by cell and slot by slot; let their scenarios differ in [constellation], "
        way_out += "[ground] gateways and pops, [links] and rules alone."
        problems += [Problem(file, name, f"has another {word} than {first_name}.", way_out) for word in unlike]
    if others:
        problems += [no_capacity(file, name) for name, case in cases.items() if case.capacity]
    if problems:
        raise InputError(problems)


def no_capacity(file: str, name: str) -> Problem:
    """Why a case with capacity cannot be asked."""
    rule = "has capacity enabled; several operators, smallest sets and sites are computed by reach alone."
    return Problem(file, name, rule, "Write enabled = false in [capacity].")


def _share(parts: Parts, territory: str, served: Floats, rtt_counts: NDArray[np.uint16] | None) -> Share:
    mine = np.flatnonzero(parts.territory == territory)
    weight = weights(parts, territory)[mine]
    people = float(parts.people[mine].sum())
    median = quantile_ms(weight @ rtt_counts[mine], 0.5) if rtt_counts is not None else None
    return Share(
        territory=territory,
        name=display_name(territory),
        people=round(people),
        weighting="population" if people > 0.0 else "area",
        served=round(float(weight @ served[mine]), 6),
        rtt_ms_p50=median,
    )
