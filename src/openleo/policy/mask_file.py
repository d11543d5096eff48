"""A mask of the world as a Parquet table, written beside its place and moved there when whole.

One row a cell and class: `cell` (hexadecimal), `class`, `may` (yes, no, depends), `rule` (the one that decides, null
where no rule speaks). Rows go cell by cell, classes in the mask's order.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from openleo.cells import Cells
from openleo.policy.mask_world import MAY, WorldMask

ROWS_AT_ONCE = 1 << 19
HEX_DIGITS = 15  # of an H3 index: the top four bits of its 64 are zero
NAMES = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema([("cell", pa.string()), ("class", NAMES), ("may", NAMES), ("rule", NAMES)])


def write(mask: WorldMask, path: Path) -> int:
    """Write the table to `path`, a part at a time; the number of rows. The caller stages the file."""
    rows = 0
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for table in tables(mask):
            writer.write_table(table)
            rows += len(table)
    return rows


def tables(mask: WorldMask) -> Iterator[pa.Table]:
    """The rows, some cells at a time."""
    classes = len(mask.classes)
    step = max(ROWS_AT_ONCE // classes, 1)
    may = np.stack([mask.may(class_) for class_ in mask.classes], axis=1)
    names = [entry.rule for entry in mask.entries]
    for first in range(0, len(mask.index), step):
        cells = mask.index.cells[first : first + step]
        rule = mask.rules(slice(first, first + step)).ravel()
        columns = [
            _hexadecimal(np.repeat(cells, classes)),
            _named(np.tile(np.arange(classes, dtype=np.int32), len(cells)), mask.classes),
            _named(may[first : first + step].ravel().astype(np.int32), MAY),
            _named(rule, names),
        ]
        yield pa.Table.from_arrays(columns, schema=SCHEMA)


def _named(number: NDArray[np.int32], names: list[str] | tuple[str, ...]) -> pa.Array:
    """Names by number, null for −1."""
    return pa.DictionaryArray.from_arrays(pa.array(number, mask=number < 0), pa.array(list(names), pa.string()))


def _hexadecimal(cells: Cells) -> pa.Array:
    """The strings of cells, as `cells.text` has them."""
    shift = np.arange(4 * (HEX_DIGITS - 1), -1, -4).astype(np.uint64)
    digits = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
    letters = digits[((cells[:, np.newaxis] >> shift) & np.uint64(15)).astype(np.intp)]
    offsets = np.arange(len(cells) + 1, dtype=np.int32) * HEX_DIGITS
    return pa.StringArray.from_buffers(len(cells), pa.py_buffer(offsets), pa.py_buffer(letters.tobytes()))
