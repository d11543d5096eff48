"""Decided terminals as a table, Parquet or CSV: a row a terminal, in the order they came in.

Columns: `id`, `decision`, `because` (the rules that make it), `missing` (inputs that would have to be known) and
`territory` (labels of where it may be, separated by a space; null where that is not known). Parquet has lists of
strings; a CSV joins them with `;`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from openleo.places.points import OnProgress
from openleo.policy.bulk import OUTCOMES, DecidedTerminals

ROWS_AT_ONCE = 1 << 19
SEPARATOR = ";"
WORDS = pa.list_(pa.string())
SCHEMA = pa.schema(
    [("id", pa.string()), ("decision", pa.string()), ("because", WORDS), ("missing", WORDS), ("territory", pa.string())]
)
TOLD_EVERY = 500  # kinds


def write(decided: DecidedTerminals, path: Path, progress: OnProgress | None = None) -> None:
    """Write the table to `path`, by its ending; the caller stages the file."""
    by_kind = _by_kind(decided, progress or (lambda _what, _done, _of: None))
    kinds = decided.kinds
    parts = range(0, len(kinds.number), ROWS_AT_ONCE)
    if path.suffix.lower() == ".parquet":
        with pq.ParquetWriter(path, SCHEMA, compression="zstd") as to:
            for start in parts:
                to.write_table(_rows(decided, by_kind, start))
        return
    joined = by_kind.set_column(1, "because", pc.binary_join(by_kind["because"], SEPARATOR))
    joined = joined.set_column(2, "missing", pc.binary_join(joined["missing"], SEPARATOR))
    options = pacsv.WriteOptions(include_header=False, quoting_style="needed")
    with path.open("wb") as file:
        file.write((",".join(SCHEMA.names) + "\n").encode())
        for start in parts:
            pacsv.write_csv(_rows(decided, joined, start), file, options)


def _by_kind(decided: DecidedTerminals, tell: OnProgress) -> pa.Table:
    """decision, because, missing and territory of every kind."""
    kinds = decided.kinds
    verdicts = []
    for kind in range(len(kinds)):
        if kind % TOLD_EVERY == 0:
            tell("reasons", kind, len(kinds))
        verdicts.append(decided.verdict(kind))
    wheres = [kinds.settled.wheres[place] for place in kinds.place]
    columns = [
        pa.array([OUTCOMES[number].value for number in decided.of_kind], pa.string()),
        pa.array([[one.rule for one in verdict.because] for verdict in verdicts], WORDS),
        pa.array([verdict.missing for verdict in verdicts], WORDS),
        pa.array([None if where is None else " ".join(where.labels) for where in wheres], pa.string()),
    ]
    return pa.table(columns, names=SCHEMA.names[1:])


def _rows(decided: DecidedTerminals, by_kind: pa.Table, start: int) -> pa.Table:
    """The rows from `start` on."""
    part = slice(start, start + ROWS_AT_ONCE)
    ids = decided.kinds.terminals.id.slice(start, ROWS_AT_ONCE)
    rows = by_kind.take(pa.array(decided.kinds.number[part].astype(np.int64)))
    return rows.add_column(0, "id", ids)
