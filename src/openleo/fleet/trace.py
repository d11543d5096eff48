"""The form of a trace: one row a report, columns as data/attributes/traces.csv has them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

WORD = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        ("at_s", pa.float64()),
        ("terminal", WORD),
        ("account", WORD),
        ("class", WORD),
        ("home_territory", WORD),
        ("registered", pa.bool_()),
        ("lat_deg", pa.float64()),
        ("lon_deg", pa.float64()),
        ("uncertainty_m", pa.float32()),
        ("source", WORD),
        ("speed_kmh", pa.float32()),
        ("altitude_m", pa.float32()),
        ("session", WORD),
        ("cell", WORD),
        ("permitted", pa.bool_()),
        ("territory", WORD),
        ("quota", pa.int32()),
        ("border", pa.bool_()),
        ("jammed", pa.bool_()),
        ("label", WORD),
    ]
)
ROWS_A_GROUP = 500_000


def write(batches: Iterable[pa.Table], target: Path) -> int:
    """Write a trace, part by part; gives its rows."""
    rows = 0
    with pq.ParquetWriter(target, SCHEMA, compression="zstd") as out:
        for batch in batches:
            out.write_table(batch, row_group_size=ROWS_A_GROUP)
            rows += len(batch)
    return rows
