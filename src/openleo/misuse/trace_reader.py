"""Traces as reports: anyone's Parquet file, checked whole, then read piece by piece; and tables made here.

A column that is not there is unknown in every row, and the detectors that live on it are off.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from openleo.cells import is_cell
from openleo.errors import InputError, Problem, near_names
from openleo.misuse.reports import Names, Registers, Reports
from openleo.misuse.thresholds import Kind

NEEDED = ("at_s", "terminal")
TEXT = ("terminal", "account", "class", "home_territory", "source", "session", "cell", "territory", "label")
FLAGS = ("registered", "permitted", "border", "jammed")
RANGES: dict[str, tuple[float, float]] = {
    "at_s": (0.0, 1e11), "lat_deg": (-90.0, 90.0), "lon_deg": (-180.0, 180.0), "uncertainty_m": (0.0, np.inf),
    "speed_kmh": (0.0, np.inf), "altitude_m": (-np.inf, np.inf), "quota": (0.0, 2.0**31 - 1),
}  # fmt: skip
COLUMNS = (*TEXT, *FLAGS, *RANGES)
POSITION = ("lat_deg", "lon_deg", "uncertainty_m")
NEEDS: dict[Kind, tuple[str, ...]] = {
    Kind.OUTSIDE: (*POSITION, "permitted"),
    Kind.SPEED: (*POSITION, "class"),
    Kind.TRAVEL: POSITION,
    Kind.CLONE: ("session",),
    Kind.SPOOF: (*POSITION, "cell"),
    Kind.IDENTICAL: (*POSITION, "source"),
    Kind.ABROAD: (*POSITION, "territory", "home_territory"),
    Kind.HOLDER: ("account",),
    Kind.UNREGISTERED: ("registered",),
}
BATCH = 200_000  # rows
GNSS = "gnss"
MOST_SESSIONS = 1_000_000  # whose numbers are kept; a session that is seen again later gets a new one


@dataclass(frozen=True)
class Trace:
    """A file that was looked through."""

    path: Path
    rows: int
    columns: tuple[str, ...]

    @property
    def off(self) -> dict[Kind, tuple[str, ...]]:
        """Detectors that cannot run, each with the columns that it lacks."""
        lacks = {kind: tuple(name for name in needs if name not in self.columns) for kind, needs in NEEDS.items()}
        return {kind: names for kind, names in lacks.items() if names}

    def batches(self) -> Iterator[pa.Table]:
        """The rows, so many at a time."""
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(BATCH, columns=list(self.columns)):
                yield pa.Table.from_batches([batch])


def open_trace(path: Path) -> Trace:
    """Raises InputError with every fault of the file: its columns, its values, its order."""
    file = str(path)
    try:
        with pq.ParquetFile(path) as read:
            schema, rows = read.schema_arrow, read.metadata.num_rows
            problems = list(_of_columns(schema, file))
            if problems:
                raise InputError(problems)
            if rows == 0:
                raise InputError(Problem(file, "", "holds no report; a row is one."))
            columns = tuple(name for name in schema.names if name in COLUMNS)
            problems = _of_values(read, columns, file)
    except FileNotFoundError:
        raise InputError(Problem(file, "", "there is no such file.", "Check the path.")) from None
    except pa.ArrowException as error:
        why = str(error).strip().splitlines()[0].rstrip(".")
        raise InputError(Problem(file, "", f"cannot be read as Parquet: {why}.")) from None
    except OSError as error:
        raise InputError(Problem(file, "", f"cannot be read: {error.strerror or error}.")) from None
    if problems:
        raise InputError(problems)
    return Trace(path, rows, columns)


def _of_columns(schema: pa.Schema, file: str) -> Iterator[Problem]:
    for name in NEEDED:
        if name not in schema.names:
            yield Problem(file, name, "is needed, and there is no such column.", near_names(name, schema.names))
    for field in schema:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if field.name in TEXT and not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            yield Problem(file, field.name, f"holds {kind}; it has to hold text.")
        if field.name in FLAGS and not pa.types.is_boolean(kind):
            yield Problem(file, field.name, f"holds {kind}; it has to hold true and false.")
        if field.name in RANGES and not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            yield Problem(file, field.name, f"holds {kind}; it has to hold numbers.")
        if field.name not in COLUMNS and (said := near_names(field.name, COLUMNS, most=1)):
            yield Problem(file, field.name, "is no column of a trace.", said + " Or drop it.")


def _of_values(read: pq.ParquetFile, columns: tuple[str, ...], file: str) -> list[Problem]:
    """Each kind of fault once a column, with the first row that has it."""
    found: dict[tuple[str, str], tuple[int, Any]] = {}
    row, last_s, cells = 0, -np.inf, set[str]()

    def fault(name: str, rule: str, at: int, value: object) -> None:
        found.setdefault((name, rule), (at, value))

    for batch in read.iter_batches(BATCH, columns=list(columns)):
        table = pa.Table.from_batches([batch])
        for name in NEEDED:
            if table[name].null_count:
                missing = int(np.flatnonzero(pc.is_null(table[name]).to_numpy())[0])
                fault(name, "is null; every report has one.", row + missing, None)
        for name in set(columns) & set(RANGES):
            values = _floats(table, name)
            low, high = RANGES[name]
            bad = np.flatnonzero((values < low) | (values > high) | np.isinf(values))
            if len(bad):
                fault(name, f"has to lie within {low:g} and {high:g}.", row + int(bad[0]), float(values[bad[0]]))
        at_s = _floats(table, "at_s")
        back = np.flatnonzero(np.diff(np.append(last_s, at_s)) < 0.0)
        if len(back):
            fault(
                "at_s",
                "comes before the row above; rows have to be in order of time.",
                row + int(back[0]),
                at_s[back[0]],
            )
        last_s = float(np.nanmax(np.append(at_s, last_s)))
        if "cell" in columns:
            new = set(pc.unique(_plain(table, "cell")).drop_null().to_pylist()) - cells
            for word in sorted(new):
                if not is_cell(word):
                    fault("cell", "is no H3 cell.", row, word)
            cells |= new
        row += len(table)
    return [
        Problem(file, f"{name}, row {at + 1}", f"{'' if value is None else f'{value!r} '}{rule}")
        for (name, rule), (at, value) in found.items()
    ]


class Reader:
    """Tables of a trace into reports, with names as numbers throughout."""

    def __init__(self) -> None:
        self.registers = Registers.empty()
        self._sessions = Names()

    def reports(self, table: pa.Table) -> Reports:
        """A table of checked columns."""
        names = self.registers
        if len(self._sessions) > MOST_SESSIONS:
            self._sessions = Names()
        homes = _numbers(table, "home_territory", names.territories)
        sources = Names()
        source = _numbers(table, "source", sources)
        return Reports(
            at_s=_floats(table, "at_s"),
            terminal=_numbers(table, "terminal", names.terminals),
            account=_numbers(table, "account", names.accounts),
            class_=_numbers(table, "class", names.classes),
            home=homes,
            registered=_flags(table, "registered"),
            latitude_deg=_floats(table, "lat_deg"),
            longitude_deg=_floats(table, "lon_deg"),
            uncertainty_m=_floats(table, "uncertainty_m"),
            by_gnss=np.where(source < 0, -1, source == sources.number(GNSS)).astype(np.int32),
            speed_kmh=_floats(table, "speed_kmh"),
            session=(_numbers(table, "session", self._sessions).astype(np.int64) + 1).astype(np.uint64),
            cell=_cells(table),
            permitted=_flags(table, "permitted"),
            territory=_numbers(table, "territory", names.territories),
            quota=np.nan_to_num(_floats(table, "quota"), nan=-1.0).astype(np.int32),
        )  # fmt: skip


def _plain(table: pa.Table, name: str) -> pa.ChunkedArray:
    column = table[name]
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def _floats(table: pa.Table, name: str) -> NDArray[np.float64]:
    if name not in table.column_names:
        return np.full(len(table), np.nan)
    return np.asarray(table[name].cast(pa.float64()).to_numpy(), np.float64)


def _flags(table: pa.Table, name: str) -> NDArray[np.int32]:
    if name not in table.column_names:
        return np.full(len(table), -1, np.int32)
    return np.asarray(table[name].cast(pa.int32()).fill_null(-1).to_numpy(), np.int32)


def _coded(table: pa.Table, name: str) -> tuple[NDArray[np.int32], list[str]]:
    """(codes, −1 for null; the words)."""
    column = table[name]
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    whole = column.combine_chunks()
    whole = whole.unify_dictionaries().combine_chunks() if isinstance(whole, pa.ChunkedArray) else whole
    return np.asarray(
        whole.indices.fill_null(-1).to_numpy(zero_copy_only=False), np.int32
    ), whole.dictionary.to_pylist()


def _numbers(table: pa.Table, name: str, names: Names) -> NDArray[np.int32]:
    if name not in table.column_names:
        return np.full(len(table), -1, np.int32)
    codes, words = _coded(table, name)
    used = np.unique(codes[codes >= 0])
    number = np.full(len(words) + 1, -1, np.int32)
    for code in used.tolist():
        number[code] = names.number(words[code])
    return number[codes]


def _cells(table: pa.Table) -> NDArray[np.uint64]:
    if "cell" not in table.column_names:
        return np.zeros(len(table), np.uint64)
    codes, words = _coded(table, "cell")
    return np.array([*(int(word, 16) for word in words), 0], np.uint64)[codes]
