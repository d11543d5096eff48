"""Tables written row by row to CSV or Parquet, beside their place, and moved there when the last row is in."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from openleo.errors import InputError, Problem
from openleo.instants import instant_text
from openleo.report.staging import StagedFile, blaming, closed, is_stream

CSV, PARQUET = ".csv", ".parquet"


def check_ending(target: Path, option: str) -> None:
    """Raise InputError unless a file is named as CSV or Parquet."""
    if target.suffix.lower() not in (CSV, PARQUET):
        rule = "is named neither as a CSV nor as a Parquet file."
        raise InputError(Problem(f"{option} {target}", "", rule, "Name it F.csv or F.parquet."))


def check_csv(target: Path, option: str) -> None:
    """Raise InputError unless a file is named as CSV; a stream may be called anything."""
    with blaming(target, option):
        if target.suffix.lower() == CSV or is_stream(target):
            return
    rule = "is not named as a CSV file, and CSV is what is written."
    raise InputError(Problem(f"{option} {target}", "", rule, "Name it F.csv; `openleo export traces` writes Parquet."))


class RowsWriter:
    """A context manager; the file is there only if everything was written.

    `columns` says each one's type: str, float, int, bool or datetime. None is an empty field, or null.
    """

    def __init__(self, target: Path, columns: Mapping[str, type]):
        self._target, self._columns = target, columns
        self._parquet = target.suffix.lower() == PARQUET
        self._open = ExitStack()
        self._rows: Any = None

    def __enter__(self) -> RowsWriter:
        with ExitStack() as opening:
            path = opening.enter_context(StagedFile(self._target))
            with blaming(self._target):
                if self._parquet:
                    self._rows = _parquet_writer(path, self._columns)
                    opening.enter_context(closed(self._rows, self._target))
                else:
                    file = path.open("w", newline="", encoding="utf-8")
                    opening.enter_context(closed(file, self._target))
                    self._rows = csv.writer(file, lineterminator="\n")
                    self._rows.writerow(self._columns)
            self._open = opening.pop_all()
        return self

    def write(self, rows: Iterable[Sequence[object]]) -> None:
        """Some more rows."""
        with blaming(self._target):
            if not self._parquet:
                self._rows.writerows([_field(value) for value in row] for row in rows)
                return
            import pyarrow as pa

            schema = self._rows.schema
            made = [dict(zip(self._columns, row, strict=True)) for row in rows]
            self._rows.write_table(pa.Table.from_pylist(made, schema=schema))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)


def _field(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return instant_text(value) if isinstance(value, datetime) else value


def _parquet_writer(path: Path, columns: Mapping[str, type]) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {
        str: pa.string(), float: pa.float64(), int: pa.int64(), bool: pa.bool_(),
        datetime: pa.timestamp("us", tz="UTC"),
    }  # fmt: skip
    return pq.ParquetWriter(path, pa.schema([(name, types[kind]) for name, kind in columns.items()]))
