"""Traces of pairs: the round-trip time between places over a run, as rows for other people's tools.

Takes the sky, places and instants; gives Arrow batches, an instant after the other, so that memory does not grow with
the run. Capacity is not computed yet: its columns are there, and empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow
from numpy.typing import NDArray

from openleo.network import ephemeris
from openleo.network.pairs import Places, Sky, shortest
from openleo.units import LIGHT_KM_PER_S, MS_PER_S

RTT_DIGITS = 6
INSTANTS_AT_ONCE = 16
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

    def batch(after_s: float, position_km: NDArray[np.float64], usable: NDArray[np.bool_]) -> pyarrow.RecordBatch:
        between_km, _ = shortest(sky, places, position_km, usable, with_links=False)
        rtt_ms = np.round(between_km[pairs.start, pairs.end] * (2.0 * MS_PER_S / LIGHT_KM_PER_S), RTT_DIGITS)
        times = pyarrow.array(rtt_ms, mask=~np.isfinite(rtt_ms))
        at = pyarrow.array(np.full(len(rtt_ms), after_s))
        return pyarrow.record_batch([at, from_, to, times, nothing, nothing], schema=SCHEMA)

    with ThreadPoolExecutor(threads) as pool:
        for first in range(0, len(seconds), INSTANTS_AT_ONCE):
            now = [float(after_s) for after_s in seconds[first : first + INSTANTS_AT_ONCE]]
            moved = ephemeris.positions(sky.constellation, start, now)
            yield from pool.map(batch, now, moved.position_km, moved.valid)
