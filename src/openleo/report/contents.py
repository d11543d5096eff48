"""The bytes of every file of numbers that a run leaves behind, made in memory; `write` puts them on disk."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from openleo import cells as h3cells
from openleo.attributes import attributes
from openleo.results import Results
from openleo.service.summary import TerritoryRow

ARROW_TYPES = {"string": pa.string(), "double": pa.float64(), "int32": pa.int32()}


def json_bytes(value: object) -> bytes:
    """JSON for people to read, too: indented, UTF-8, without NaN, ending in a newline."""
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def summary_json(results: Results) -> bytes:
    """The summary, keys as in data/attributes/summary.csv."""
    return json_bytes(results.summary())


def effect_json(results: Results) -> bytes | None:
    """None without a second rule set."""
    return json_bytes(results.effect.as_json()) if results.effect else None


def territories_csv(results: Results) -> bytes:
    """One row a territory, columns as in data/attributes/territories.csv."""
    columns = [attribute.name for attribute in attributes("territories")]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_flat(row) for row in results.territories)
    return out.getvalue().encode()


def _flat(row: TerritoryRow) -> dict[str, Any]:
    """One row of territories.csv; what does not exist is empty."""
    named = {name: value for name, value in vars(row).items() if name != "not_served_because"}
    bound_by = max(row.bound_by, key=row.bound_by.__getitem__) if row.bound_by else None
    return {**named, "bound_by": bound_by, **row.not_served_because}


def cells_parquet(results: Results) -> bytes:
    """The table of cells as a Parquet file."""
    out = io.BytesIO()
    pq.write_table(cells_table(results), out, compression="zstd")
    return out.getvalue()


def cells_table(results: Results) -> pa.Table:
    """One row a cell. Units, meanings and the codes of `reason` stand in the schema's field metadata."""
    columns = _cell_columns(results)
    fields, arrays = [], []
    for attribute in attributes("cells"):
        about = {"unit": attribute.unit, "meaning": attribute.meaning}
        if attribute.name == "reason":
            about["codes"] = json.dumps({code.name: code.meaning for code in attributes("reasons")})
        type_ = ARROW_TYPES[attribute.type]
        fields.append(pa.field(attribute.name, type_, metadata=about))
        arrays.append(pa.array(columns[attribute.name], type_, from_pandas=True))  # from_pandas: NaN becomes null
    head = {"scenario": results.case.name, "class": results.service.class_}
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=head))


def _cell_columns(results: Results) -> dict[str, Any]:
    table, statistics = results.cell_table, results.statistics
    return {
        "cell": h3cells.text(results.cells),
        **vars(table),
        "satellites_min": statistics.satellites_min,
        "satellites_mean": statistics.satellites_mean,
        "outages": statistics.outages,
        "outage_s_longest": statistics.outage_s_longest,
        "availability": statistics.can_serve,
        "hand_overs": statistics.hand_overs,
    }
