"""A results folder of `openleo plan`, read again.

Takes the folder; gives Run: the summary's figures and the table of cells, checked to be whole and of one run. Every
fault of a folder is told together. Reads keys and columns that it knows and leaves others be, so that another version's
folder can be read as far as it says the same things.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from openleo.errors import InputError, Problem, Together, given
from openleo.reading import Record, check, csv_rows, read_json

SUMMARY, TERRITORIES, CELLS = "summary.json", "territories.csv", "cells.parquet"
NEEDED = (SUMMARY, TERRITORIES, CELLS)
CELL_COLUMNS = ("cell", "population", "area_km2", "served", "reason", "rtt_ms_p50")
AGAIN = "Run `openleo plan` again into this folder."
WHICH = "Name the folder that `openleo plan` wrote to (--out)."


class _Part(Record):
    """A part of a summary; keys of other versions are left be."""

    model_config = ConfigDict(extra="ignore")


class InputRecord(_Part):
    source: str
    sha256: str


class TerritoryRecord(_Part):
    territory: str
    name: str
    cells: int
    population: int
    area_km2: float
    weighting: str
    can_serve: float
    may_serve: float
    served: float
    rtt_ms_p50: float | None
    rtt_ms_p95: float | None
    down_mbps_p50: float | None
    up_mbps_p50: float | None
    bound_by: dict[str, float] | None = None
    not_served_because: dict[str, float]


class SummaryRecord(_Part):
    scenario: str
    openleo: str
    inputs: dict[str, InputRecord]
    start: str
    slot_s: float
    slots: int
    satellites: int
    gateways: int
    resolution: int
    cells: int
    class_: str = Field(alias="class")
    notes: list[str]
    territories: list[TerritoryRecord]


@dataclass(frozen=True)
class CellRows:
    """The table of cells; axes (cell), cells in ascending order of their text."""

    cell: NDArray[np.str_]
    population: NDArray[np.float64]
    area_km2: NDArray[np.float64]
    served: NDArray[np.float64]
    reason: NDArray[np.str_]
    rtt_ms_p50: NDArray[np.float64]  # NaN where nothing is served
    others: pa.Table  # every other column


@dataclass(frozen=True)
class Run:
    """What a folder of results says."""

    folder: str  # as the user named it
    summary: SummaryRecord
    cells: CellRows


def read_run(folder: Path) -> Run:
    """The run in a folder. Raises InputError where there is none, or half of one, or files of two."""
    _check_there(folder)
    together = Together()
    summary = together.read(partial(_summary, folder / SUMMARY))
    rows = together.read(partial(csv_rows, folder / TERRITORIES, "", ("territory", "served"), AGAIN))
    cells = together.read(partial(_cells, folder / CELLS))
    together.done()
    run = Run(str(folder), given(summary), given(cells))
    _check_one_run(run, {row["territory"] or "": row["served"] or "" for _, row in given(rows)})
    return run


def _check_there(folder: Path) -> None:
    if not folder.is_dir():
        rule = "is a file; a run is a folder." if folder.exists() else "there is no such folder."
        raise InputError(Problem(str(folder), "", rule, WHICH))
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if len(missing) == len(NEEDED):
        raise InputError(Problem(str(folder), "", f"holds no run: {', '.join(NEEDED)} are not there.", WHICH))
    if missing:
        rule = f"holds half a run: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not there."
        raise InputError(Problem(str(folder), "", rule, AGAIN))


def _summary(path: Path) -> SummaryRecord:
    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError(Problem(str(path), "", "is no summary of a run: it holds no object.", WHICH))
    return check(SummaryRecord, content, str(path))


def _cells(path: Path) -> CellRows:
    try:
        with pq.ParquetFile(path) as file:
            missing = [name for name in CELL_COLUMNS if name not in file.schema_arrow.names]
            if missing:
                rule = f"lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}."
                raise InputError(Problem(str(path), "", rule, AGAIN))
            table = file.read().sort_by("cell")
        texts = {name: np.asarray(table[name].to_pylist(), str) for name in ("cell", "reason")}
        numbers = {name: table[name].cast(pa.float64()).to_numpy() for name in CELL_COLUMNS if name not in texts}
    except (OSError, pa.ArrowException, ValueError) as error:
        why = str(error).splitlines()[0].rstrip(".")
        raise InputError(Problem(str(path), "", f"cannot be read as Parquet: {why}.", AGAIN)) from None
    return CellRows(**texts, **numbers, others=table.drop_columns(list(CELL_COLUMNS)))


def _check_one_run(run: Run, served: dict[str, str]) -> None:
    """Raise InputError where the files of a folder do not say the same. `served`: as territories.csv has it."""
    said = {row.territory: f"{row.served:.6f}" for row in run.summary.territories}
    differing = []
    if len(run.cells.cell) != run.summary.cells or len(np.unique(run.cells.cell)) != run.summary.cells:
        differing.append(f"{CELLS} has {len(run.cells.cell):,} cells, {SUMMARY} {run.summary.cells:,}")
    if said != {name: _six(share) for name, share in served.items()}:
        differing.append(f"{TERRITORIES} and {SUMMARY} do not give the same territories the same service")
    if differing:
        raise InputError(Problem(run.folder, "", f"holds files of two runs: {'; '.join(differing)}.", AGAIN))


def _six(share: str) -> str:
    try:
        return f"{float(share):.6f}"
    except ValueError:
        return share
