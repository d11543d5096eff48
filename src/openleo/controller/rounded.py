"""A slot's plan as a map needs it, in a fifth of the bytes: the page asks for it in every slot.

Left out are the classes' bits, as `reason` says the same of whole cells. Amounts are rounded to what somebody reads:
round trips to 0.1 ms, rates to three digits. The plan itself, which its hash is of, is never rounded.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from openleo.controller import plan_arrow

LEFT_OUT = plan_arrow.BY_WORD
TENTHS = "rtt_tenth_ms"
RATES = ("down_mbps", "up_mbps")
RATE_DIGITS = 3
MOST_TENTHS = 65_534
GZIP_LEVEL = 6
KEPT = 4  # of slots looked at last


@dataclass(frozen=True)
class Rounded:
    """Bytes that are sent to many, packed once. `sha256`: names them, by the plan that they were made of."""

    content: bytes
    sha256: str
    media_type: str = plan_arrow.MEDIA_TYPE

    @cached_property
    def gzipped(self) -> bytes:
        """The same by gzip."""
        return gzip.compress(self.content, GZIP_LEVEL, mtime=0)


@lru_cache(maxsize=KEPT)
def sent(content: bytes, sha256: str) -> Rounded:
    """What is sent of a plan's bytes: the same for everybody who may read them."""
    return Rounded(of_arrow(content), f"{sha256}-rounded")


def of_arrow(content: bytes) -> bytes:
    """The rounded form of a plan's bytes; what is said of the plan as a whole, its hash too, stays with it."""
    table = pa.ipc.open_stream(content).read_all().drop_columns(list(LEFT_OUT))
    at = table.column_names.index("rtt_ms")
    table = table.set_column(at, TENTHS, _tenths(table["rtt_ms"]))
    for name in RATES:
        table = table.set_column(table.column_names.index(name), name, _rates(table[name]))
    narrow = {field.name: _narrow(table[field.name]) for field in table.schema if field.type == pa.int32()}
    for name, column in narrow.items():
        table = table.set_column(table.column_names.index(name), name, column)
    return plan_arrow.stream(table)


def digits(values: NDArray[np.float64], kept: int = RATE_DIGITS) -> NDArray[np.float64]:
    """Numbers to so many digits.

    >>> digits(np.array([1234.6, 0.0012349, 0.0])).tolist()
    [1230.0, 0.00123, 0.0]
    """
    size = np.floor(np.log10(np.where(values > 0.0, values, 1.0)))
    step = 10.0 ** (size - kept + 1)
    return np.round(values / step) * step


def _narrow(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whole numbers in 16 bits where they go in."""
    fits = (pc.max(column).as_py() or 0) <= np.iinfo(np.int16).max
    return column.cast(pa.int16()) if fits else column


def _rates(column: pa.ChunkedArray) -> pa.Array:
    """Half the bytes where they can hold them: a float of 16 bits has three digits, and ends at 65,504."""
    values = digits(_numbers(column))
    none = np.isnan(values)
    kind = pa.float16() if values[~none].max(initial=0.0) <= np.finfo(np.float16).max else pa.float32()
    return pa.array(values.astype(kind.to_pandas_dtype()), kind, mask=none)


def _tenths(column: pa.ChunkedArray) -> pa.Array:
    values = np.minimum(np.round(_numbers(column) * 10.0), MOST_TENTHS)
    return pa.array(np.nan_to_num(values).astype(np.uint16), pa.uint16(), mask=np.isnan(values))


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.asarray(column.combine_chunks().fill_null(np.nan).to_numpy(zero_copy_only=False), np.float64)
