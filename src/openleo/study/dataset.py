"""A study's results as one table: a row a run, territory, rule set and class, with the run's values of all factors.

The same runs give the same bytes, wherever and in whatever order they were computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from openleo.study.columns import RECORDED, RUN, Column
from openleo.study.compute import Row
from openleo.study.plan import Factor, Run, Value

if TYPE_CHECKING:
    import xarray

DATASET = "dataset.parquet"
ROWS_AT_A_TIME = 50_000
ARROW = {"int64": pa.int64(), "double": pa.float64(), "string": pa.string()}
DIMENSIONS = ("run", "territory", "under", "class")


def schema_of(factors: Sequence[Factor], said: Mapping[str, str]) -> pa.Schema:
    """The columns: the run's number, the factors, what is recorded. `said`: what the file says of itself."""
    own = [pa.field(one.name, type_of(one), metadata={"factor": "true"}) for one in factors]
    return pa.schema([_field(RUN), *own, *map(_field, RECORDED)], metadata=dict(said))


def _field(column: Column) -> pa.Field:
    return pa.field(column.name, ARROW[column.type], metadata={"unit": column.unit, "meaning": column.meaning})


def type_of(factor: Factor) -> pa.DataType:
    """Whole numbers, numbers, true or false, else texts."""
    values: list[Value] = [level.value for level in factor.told_apart_by()]
    if all(isinstance(one, bool) for one in values):
        return pa.bool_()
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in values)
    if not numbers:
        return pa.string()
    return pa.int64() if all(isinstance(one, int) for one in values) else pa.float64()


def write(path: Path, schema: pa.Schema, runs: Iterable[tuple[Run, Sequence[Row]]]) -> int:
    """Write the rows of all runs, in their order; gives how many."""
    rows, written = _rows(runs, schema), 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while some := list(islice(rows, ROWS_AT_A_TIME)):
            writer.write_table(pa.Table.from_pylist(some, schema=schema))
            written += len(some)
    return written


def _rows(runs: Iterable[tuple[Run, Sequence[Row]]], schema: pa.Schema) -> Iterator[dict[str, Any]]:
    texts = [name for name in schema.names if schema.field(name).type == pa.string()]
    for run, rows in runs:
        values: dict[str, Any] = {"run": run.number, **run.values}
        values |= {name: str(values[name]) for name in texts if name in values}
        for row in rows:
            yield {**values, **row}


def read(path: Path) -> pa.Table:
    """The table as it was written."""
    return pq.read_table(path)


def factors_of(table: pa.Table) -> list[str]:
    """The columns of a dataset that are factors."""
    return [field.name for field in table.schema if (field.metadata or {}).get(b"factor") == b"true"]


def to_xarray(path: str | Path) -> xarray.Dataset:
    """A dataset over (run, territory), and over rule set and class where there are several; factors along `run`."""
    import numpy as np
    import xarray as xr

    table = read(Path(path))
    columns = {name: table.column(name).to_numpy(zero_copy_only=False) for name in table.column_names}
    labels = {name: _in_order(columns[name]) for name in DIMENSIONS}
    number = {name: {label: k for k, label in enumerate(labels[name])} for name in DIMENSIONS}
    place = {name: np.array([number[name][one] for one in columns[name]], np.intp) for name in DIMENSIONS}
    sizes = tuple(len(labels[name]) for name in DIMENSIONS)
    where = tuple(place[name] for name in DIMENSIONS)

    def laid_out(name: str) -> tuple[tuple[str, ...], Any, dict[str, str]]:
        values = columns[name]
        empty: Any = None if values.dtype == object else np.nan
        out = np.full(sizes, empty, object if values.dtype == object else np.float64)
        out[where] = values
        field = table.schema.field(name)
        told = {
            name: (field.metadata or {}).get(key, b"").decode()
            for name, key in (("units", b"unit"), ("long_name", b"meaning"))
        }
        return DIMENSIONS, out, {key: text for key, text in told.items() if text}

    first = np.unique(place["run"], return_index=True)[1]
    said = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    found = xr.Dataset(
        {column.name: laid_out(column.name) for column in RECORDED if column.name not in DIMENSIONS},
        coords={**labels, **{name: ("run", columns[name][first]) for name in factors_of(table)}},
        attrs=said,
    )
    return found.squeeze([name for name in ("under", "class") if len(labels[name]) == 1])


def _in_order(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


def about(study: str, version: str, scenario: str) -> dict[str, str]:
    """What a dataset says of itself."""
    return {"study": study, "openleo": version, "scenario": scenario}
