"""Tables written row by row to CSV or Parquet, beside their place, and moved there when the last row is in."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from openleo.errors import InputError, Problem
from openleo.instants import instant_text
from openleo.report.staging import Staging, blaming

CSV, PARQUET = ".csv", ".parquet"


def check_ending(target: Path, option: str) -> None:
    """Raise InputError unless a file is named as CSV or Parquet."""
    if target.suffix.lower() not in (CSV, PARQUET):
        rule = "is named neither as a CSV nor as a Parquet file."
        raise InputError(Problem(f"{option} {target}", "", rule, "Name it F.csv or F.parquet."))


class Staged:
    """A file on its way: a context manager that gives the path to write to, and leaves the file only when whole."""

    def __init__(self, target: Path):
        self.target = target
        self._staging = Staging(target.parent)

    @property
    def path(self) -> Path:
        return self._staging.path / self.target.name

    def __enter__(self) -> Path:
        with blaming(self.target):
            if self.target.is_dir():
                raise IsADirectoryError(21, "Is a directory")
            self._staging.__enter__()
        return self.path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                with blaming(self.target):
                    self.target.parent.mkdir(parents=True, exist_ok=True)
                    self.path.replace(self.target)
        finally:
            self._staging.__exit__(kind, error, trace)


class RowsWriter:
    """A context manager; the file is there only if everything was written.

    `columns` says each one's type: str, float, int or datetime. None is an empty field, or null.
    """

    def __init__(self, target: Path, columns: Mapping[str, type]):
        self._staged, self._columns = Staged(target), columns
        self._parquet = target.suffix.lower() == PARQUET
        self._file: IO[str] | None = None
        self._rows: Any = None

    def __enter__(self) -> RowsWriter:
        path = self._staged.__enter__()
        with blaming(self._staged.target):
            if self._parquet:
                self._rows = _parquet_writer(path, self._columns)
            else:
                self._file = path.open("w", newline="", encoding="utf-8")
                self._rows = csv.writer(self._file, lineterminator="\n")
                self._rows.writerow(self._columns)
        return self

    def write(self, rows: Iterable[Sequence[object]]) -> None:
        """Some more rows."""
        with blaming(self._staged.target):
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
        try:
            with blaming(self._staged.target):
                if self._parquet and self._rows is not None:
                    self._rows.close()
                if self._file is not None:
                    self._file.close()
        finally:
            self._staged.__exit__(kind, error, trace)


def _field(value: object) -> object:
    return instant_text(value) if isinstance(value, datetime) else value


def _parquet_writer(path: Path, columns: Mapping[str, type]) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {str: pa.string(), float: pa.float64(), int: pa.int64(), datetime: pa.timestamp("us", tz="UTC")}
    return pq.ParquetWriter(path, pa.schema([(name, types[kind]) for name, kind in columns.items()]))
