"""Traces of pairs: the round-trip time between places over a run, as rows for other people's tools.

Takes the sky, places and instants; gives Arrow batches, an instant after the other, so that memory does not grow with
the run. Capacity is not computed yet: its columns are there, and empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow
from numpy.typing import NDArray

from openleo.network.pairs import Places, Sky, times_between

RTT_DIGITS = 5  # 1.5 m there and back: finer than the sweeps in whole steps
SCHEMA = pyarrow.schema(
    [
        ("t_s", pyarrow.float64()),
        ("src", pyarrow.string()),
        ("dst", pyarrow.string()),
        ("rtt_ms", pyarrow.float64()),
        ("down_mbps", pyarrow.float64()),
        ("up_mbps", pyarrow.float64()),
    ]
)


@dataclass(frozen=True, eq=False)
class Pairs:
    """The ordered pairs of places that are asked for. Axes (pair,): start, end, numbers of places."""

    start: NDArray[np.intp]
    end: NDArray[np.intp]


def pairs_of(names: tuple[str, ...], start: str | None, end: str | None) -> Pairs:
    """All ordered pairs, or those from one place, to one place, or both; the names must be among `names`."""
    count = len(names)
    first, last = np.divmod(np.arange(count * count), count)
    wanted = first != last
    if start is not None:
        wanted &= first == names.index(start)
    if end is not None:
        wanted &= last == names.index(end)
    return Pairs(first[wanted], last[wanted])


def needed(places: Places, pairs: Pairs) -> tuple[Places, Pairs]:
    """Only the places that some pair has, and the pairs by their new numbers."""
    kept, number = np.unique(np.concatenate([pairs.start, pairs.end]), return_inverse=True)
    fewer = Places(tuple(places.names[n] for n in kept), places.position_km[kept], places.up[kept])
    return fewer, Pairs(number[: len(pairs.start)], number[len(pairs.start) :])


def batches(
    sky: Sky, places: Places, pairs: Pairs, start: datetime, seconds: Sequence[float], threads: int
) -> Iterator[pyarrow.RecordBatch]:
    """The rows of one instant at a time: `t_s` since `start`, `rtt_ms` null where there is no way."""
    names = np.array(places.names, dtype=object)
    from_, to = (pyarrow.array(names[ends], pyarrow.string()) for ends in (pairs.start, pairs.end))
    nothing = pyarrow.nulls(len(pairs.start), pyarrow.float64())

    times = times_between(sky, places, start, seconds, threads)
    for after_s, found in zip(seconds, times, strict=True):
        rtt_ms = np.round(found[pairs.start, pairs.end], RTT_DIGITS)
        column = pyarrow.array(rtt_ms, mask=~np.isfinite(rtt_ms))
        at = pyarrow.array(np.full(len(rtt_ms), float(after_s)))
        yield pyarrow.record_batch([at, from_, to, column, nothing, nothing], schema=SCHEMA)
