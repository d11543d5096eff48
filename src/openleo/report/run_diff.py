"""Two runs compared: which inputs differ, and what is other in each territory and cell.

Takes two Runs as `run_files` reads them; gives a RunDifference, which `run_diff_words` tells. Territories are compared
by their figures whatever else differs; cells only where both runs have the same ones. Where like is not compared with
like (another resolution, area, span, class or version), a caveat says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from openleo.errors import InputError, Problem
from openleo.report.run_files import CellRows, Run, SummaryRecord, TerritoryRecord

SETTINGS = ("scenario", "openleo", "start", "slot_s", "slots", "satellites", "gateways", "resolution", "cells", "class")
SHARES = ("can_serve", "may_serve", "served")
FIGURES = ("rtt_ms_p50", "rtt_ms_p95", "down_mbps_p50", "up_mbps_p50")
MOST_NAMED = 6


@dataclass(frozen=True)
class Change:
    """One value, in the first run and in the second; None: it has none."""

    name: str
    a: Any
    b: Any


@dataclass(frozen=True)
class InputChange:
    """An input that differs; None: that run has no such input."""

    name: str
    a_source: str | None
    a_sha256: str | None
    b_source: str | None
    b_sha256: str | None


@dataclass(frozen=True)
class TerritoryChange:
    """What is other in one territory. `people`: how many went from one state to another, see `moved`.

    `area_km2`: likewise where nobody lives; None elsewhere.
    """

    territory: str
    name: str
    weighting: str
    people: int
    area_km2: float | None
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Transition:
    """Cells whose reason is another; people and areas as the second run has them."""

    a: str
    b: str
    cells: int
    people: int
    area_km2: float


@dataclass(frozen=True)
class CellsDifference:
    """Cells of both runs. `other_share`: of the same reason, served another share of the time."""

    compared: int
    only_a: int
    only_b: int
    transitions: tuple[Transition, ...]
    other_share: int
    other_rtt: int  # cells served in both whose median is another
    rtt_ms_change: tuple[float, float, float] | None  # least, median and greatest change of those medians
    other_columns: tuple[str, ...]  # further columns that are not the same in both, or in one alone


@dataclass(frozen=True)
class RunDifference:
    """The second run beside the first."""

    a: Run
    b: Run
    caveats: tuple[Change, ...]  # what makes the comparison one of unlike things
    settings: tuple[Change, ...]
    inputs: tuple[InputChange, ...]
    same_inputs: tuple[str, ...]
    notes_only_a: tuple[str, ...]
    notes_only_b: tuple[str, ...]
    people_served: tuple[int, int]  # people × time of the territories in both
    territories: tuple[TerritoryChange, ...]  # most people affected first
    same_territories: tuple[str, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    cells: CellsDifference | None  # None: other cells

    @property
    def same(self) -> bool:
        """Whether all that was compared is the same: inputs, settings, notes and figures."""
        told = (self.settings, self.inputs, self.notes_only_a, self.notes_only_b, self.territories, self.only_a)
        cells = self.cells
        alike = cells is not None and not (
            cells.transitions or cells.other_share or cells.other_rtt or cells.other_columns
        )
        return not any(told) and not self.only_b and alike


def compare(a: Run, b: Run) -> RunDifference:
    """The second run beside the first. Raises InputError where they have no territory in common."""
    rows_a = {row.territory: row for row in a.summary.territories}
    rows_b = {row.territory: row for row in b.summary.territories}
    common = [name for name in rows_b if name in rows_a]
    if not common:
        where = f"{a.folder} {b.folder}"
        rule = f"have no territory in common: {_some(rows_a)} in one, {_some(rows_b)} in the other."
        raise InputError(Problem(where, "", rule, "Compare runs of areas that share a territory."))
    changes = [_territory(rows_a[name], rows_b[name]) for name in common]
    settings = tuple(one for name in SETTINGS if (one := _of(name, a.summary, b.summary)).a != one.b)
    inputs, same_inputs = _inputs(a.summary, b.summary)
    like_cells = a.summary.resolution == b.summary.resolution
    return RunDifference(
        a,
        b,
        _caveats(settings, inputs),
        settings,
        inputs,
        same_inputs,
        tuple(note for note in a.summary.notes if note not in b.summary.notes),
        tuple(note for note in b.summary.notes if note not in a.summary.notes),
        (_people_served([rows_a[name] for name in common]), _people_served([rows_b[name] for name in common])),
        tuple(sorted((one for one in changes if one.changes), key=lambda one: _most_first(one, rows_b[one.territory]))),
        tuple(one.territory for one in changes if not one.changes),
        tuple(name for name in rows_a if name not in rows_b),
        tuple(name for name in rows_b if name not in rows_a),
        _cells(a.cells, b.cells) if like_cells else None,
    )


def moved(a: TerritoryRecord, b: TerritoryRecord) -> float:
    """The share of a territory's people × time that is served now and was not, or not served for another reason.

    Half the sum of how far each share went. People who changed places within the territory are not seen in it.
    """
    states = sorted({*a.not_served_because, *b.not_served_because})
    went = abs(a.served - b.served)
    went += sum(abs(a.not_served_because.get(one, 0.0) - b.not_served_because.get(one, 0.0)) for one in states)
    return went / 2.0


def _territory(a: TerritoryRecord, b: TerritoryRecord) -> TerritoryChange:
    reasons = sorted({*a.not_served_because, *b.not_served_because})
    values = [
        *(Change(name, getattr(a, name), getattr(b, name)) for name in SHARES),
        *(Change(one, a.not_served_because.get(one), b.not_served_because.get(one)) for one in reasons),
        *(Change(name, getattr(a, name), getattr(b, name)) for name in FIGURES),
        Change("bound_by", _main(a.bound_by), _main(b.bound_by)),
        *(Change(name, getattr(a, name), getattr(b, name)) for name in ("population", "area_km2")),
    ]
    share = moved(a, b)
    changes = tuple(one for one in values if one.a != one.b)
    area_km2 = round(b.area_km2 * share, 3) if b.weighting == "area" else None
    return TerritoryChange(b.territory, b.name, b.weighting, round(b.population * share), area_km2, changes)


def _main(bound_by: dict[str, float] | None) -> str | None:
    return max(bound_by, key=bound_by.__getitem__) if bound_by else None


def _most_first(change: TerritoryChange, row: TerritoryRecord) -> tuple[Any, ...]:
    """Most people affected first, then most area, then the most people times milliseconds."""
    rtt = next((one for one in change.changes if one.name == "rtt_ms_p50"), None)
    ms = abs(rtt.b - rtt.a) if rtt and rtt.a is not None and rtt.b is not None else 0.0
    return -change.people, -(change.area_km2 or 0.0), -row.population * ms, -row.population, change.territory


def _of(name: str, a: SummaryRecord, b: SummaryRecord) -> Change:
    field = "class_" if name == "class" else name
    return Change(name, getattr(a, field), getattr(b, field))


def _inputs(a: SummaryRecord, b: SummaryRecord) -> tuple[tuple[InputChange, ...], tuple[str, ...]]:
    """(inputs whose hash is another, the names of those that are the same). A file that was renamed is the same."""
    names = [*a.inputs, *(name for name in b.inputs if name not in a.inputs)]
    changed, same = [], []
    for name in names:
        one, other = a.inputs.get(name), b.inputs.get(name)
        if one and other and one.sha256 == other.sha256:
            same.append(name)
            continue
        said = [getattr(side, field, None) for side in (one, other) for field in ("source", "sha256")]
        changed.append(InputChange(name, *said))
    return tuple(changed), tuple(same)


UNLIKE_SETTINGS = ("openleo", "class", "resolution", "start", "slot_s", "slots")
UNLIKE_INPUTS = ("area", "territories", "population")


def _caveats(settings: tuple[Change, ...], inputs: tuple[InputChange, ...]) -> tuple[Change, ...]:
    """What differs that makes other questions of the two runs, not other answers to one."""
    by_name = {one.name: one for one in settings}
    found = [by_name[name] for name in UNLIKE_SETTINGS if name in by_name]
    sources = {one.name: Change(one.name, one.a_source, one.b_source) for one in inputs}
    return (*found, *(sources[name] for name in UNLIKE_INPUTS if name in sources))


def _people_served(rows: list[TerritoryRecord]) -> int:
    return round(sum(row.population * row.served for row in rows))


def _cells(a: CellRows, b: CellRows) -> CellsDifference:
    both, in_a, in_b = np.intersect1d(a.cell, b.cell, assume_unique=True, return_indices=True)
    reason_a, reason_b = a.reason[in_a], b.reason[in_b]
    other = reason_a != reason_b
    rtt_ms = b.rtt_ms_p50[in_b] - a.rtt_ms_p50[in_a]  # NaN unless both are served
    changed_ms = rtt_ms[np.nan_to_num(rtt_ms) != 0.0]
    return CellsDifference(
        len(both),
        len(a.cell) - len(both),
        len(b.cell) - len(both),
        _transitions(reason_a[other], reason_b[other], b.population[in_b][other], b.area_km2[in_b][other]),
        int(np.count_nonzero(~other & (a.served[in_a] != b.served[in_b]))),
        len(changed_ms),
        (float(changed_ms.min()), float(np.median(changed_ms)), float(changed_ms.max())) if len(changed_ms) else None,
        _other_columns(a.others.take(in_a), b.others.take(in_b)),
    )


def _other_columns(a: pa.Table, b: pa.Table) -> tuple[str, ...]:
    """The columns of two tables of the same cells that do not hold the same, or that one of them lacks."""
    names = dict.fromkeys([*a.column_names, *b.column_names])
    both = {name for name in names if name in a.column_names and name in b.column_names}
    return tuple(name for name in names if name not in both or not _alike(a[name], b[name]))


def _alike(a: pa.ChunkedArray, b: pa.ChunkedArray) -> bool:
    if pa.types.is_floating(a.type) and pa.types.is_floating(b.type):
        return np.array_equal(a.to_numpy(), b.to_numpy(), equal_nan=True)
    return bool(a.combine_chunks().equals(b.combine_chunks()))


def _transitions(
    a: NDArray[np.str_], b: NDArray[np.str_], people: NDArray[np.float64], area_km2: NDArray[np.float64]
) -> tuple[Transition, ...]:
    """One for each pair of reasons, most people first, then most area."""
    found = []
    for before, after in sorted(set(zip(a.tolist(), b.tolist(), strict=True))):
        mine = (a == before) & (b == after)
        some = Transition(before, after, int(mine.sum()), round(people[mine].sum()), float(area_km2[mine].sum()))
        found.append(some)
    return tuple(sorted(found, key=lambda one: (-one.people, -one.area_km2)))


def _some(rows: dict[str, TerritoryRecord]) -> str:
    names = list(rows)
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return (", ".join(names[:MOST_NAMED]) or "none") + more
