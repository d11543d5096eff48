"""Ways between pairs of places over time: which satellites they run over, how long they take, how often they change.

Takes the pairs' shortest ways at instants in the order of time; gives, for each ordered pair, its round-trip times over
them, what its way is against the geodesic on the ground, and how often its satellites changed. An instant without a way
is counted, never dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from openleo.geodesy import GEOD
from openleo.network.kernels import ways as kernel
from openleo.network.pairs import PairTimes, Places, Settled, Sky, in_order, shortest, skies
from openleo.units import FIBRE_REFRACTIVE_INDEX, LIGHT_KM_PER_S, M_PER_KM, MS_PER_S

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Counts = NDArray[np.int64]

MOST_VALUES = 100_000_000  # round-trip times kept for percentiles: 400 MB as float32
SATELLITES_EXPECTED = 16  # of a way; more are made room for
VALUES_AT_ONCE = 4_000_000  # sorted at a time


@dataclass(frozen=True)
class PairWays:
    """The times of an instant, with the satellites of each way: those of pair p = from · places + to are
    begin[p]:begin[p + 1] of `satellite`, in the order light meets them; none without a way.
    """

    times: PairTimes
    begin: Counts
    satellite: Ints


def ways_between(
    sky: Sky, places: Places, start: datetime, seconds: Sequence[float], threads: int = 1
) -> Iterator[PairWays]:
    """The shortest ways between all ordered pairs at each of `seconds` after `start`, in the order given.

    The same for any number of threads.
    """
    return in_order(lambda after_s: _ways_at(sky, places, start, after_s), seconds, threads)


def _ways_at(sky: Sky, places: Places, start: datetime, after_s: float) -> PairWays:
    count = len(places.names)
    ((now, position_km, usable),) = skies(sky, start, [after_s])
    begins: list[Counts] = [np.zeros(1, np.int64)]
    trails: list[Ints] = []

    def walk(block: Settled) -> None:
        begin, trail = _trace(block)
        trails.append(trail)
        begins.append(begin[1:] + begins[-1][-1])

    between_km, _ = shortest(now, places, position_km, usable, with_links=False, on_settled=walk)
    begin = np.concatenate(begins)
    satellites = np.diff(begin).reshape(count, count)
    hops = np.where(satellites > 0, satellites + 1, -1).astype(np.int32)
    times = PairTimes(start + timedelta(seconds=after_s), between_km * (2.0 * MS_PER_S / LIGHT_KM_PER_S), hops)
    return PairWays(times, begin, np.concatenate(trails or [np.empty(0, np.int32)]))


def _trace(block: Settled) -> tuple[Counts, Ints]:
    begin, room = np.empty(block.between_km.size + 1, np.int64), SATELLITES_EXPECTED * block.between_km.size
    while True:
        trail = np.empty(room, np.int32)
        found = kernel.trace(
            block.first, block.neighbours, block.length_km, block.distance_km, block.offsets, block.satellite,
            block.range_km, block.between_km, begin, trail,
        )  # fmt: skip
        if found <= room:
            return begin, trail[:found]
        room = found


def geodesics_km(places: Places) -> Floats:
    """The length of the WGS 84 geodesic between each pair of places, axes (from, to)."""
    x, y, z = places.up.T
    latitude, longitude = np.degrees(np.arctan2(z, np.hypot(x, y))), np.degrees(np.arctan2(y, x))
    count = len(latitude)
    here, there = np.repeat(np.arange(count), count), np.tile(np.arange(count), count)
    metres = GEOD.inv(longitude[here], latitude[here], longitude[there], latitude[there])[2]
    return np.asarray(metres).reshape(count, count) / M_PER_KM


@dataclass(frozen=True)
class PairFigures:
    """What the pairs' ways over `instants` add up to, axes (from, to). NaN, or −1 for a count of links, where there is
    none.

    Percentiles are over the instants with a way, linear between ranks. path_changes: the satellites are not those of
    the instant before; a way that was lost or regained counts, and is also counted apart. stretch_vacuum: the round
    trip against light's along the geodesic there and back; stretch_fibre: against light in a fibre along the same
    line, without any detour.
    """

    instants: int
    unreachable: Counts
    rtt_ms_min: Floats
    rtt_ms_p50: Floats
    rtt_ms_p95: Floats
    rtt_ms_max: Floats
    hops_min: Ints
    hops_max: Ints
    path_changes: Counts
    lost: Counts
    regained: Counts
    geodesic_km: Floats
    stretch_vacuum_p50: Floats
    stretch_vacuum_max: Floats
    stretch_fibre_p50: Floats
    stretch_fibre_max: Floats


class Gathered:
    """Round-trip times of all pairs, kept instant after instant as float32 (1e-7 of the value), and the counts."""

    def __init__(self, places: Places, instants: int) -> None:
        self.places = places
        count = len(places.names)
        self.rtt_ms = np.full((instants, count, count), np.inf, np.float32)
        self._done = 0
        self._hops_min = np.full((count, count), np.iinfo(np.int32).max, np.int32)
        self._hops_max = np.full((count, count), -1, np.int32)
        self._changes, self._lost, self._regained = np.zeros((3, count, count), np.int64)
        self._before: PairWays | None = None

    def add(self, found: PairWays) -> None:
        """The next instant, in the order of time."""
        self.rtt_ms[self._done] = found.times.rtt_ms
        self._done += 1
        hops, reached = found.times.hops, found.times.hops > 0
        np.minimum(self._hops_min, np.where(reached, hops, self._hops_min), out=self._hops_min)
        np.maximum(self._hops_max, hops, out=self._hops_max)
        if self._before is not None:
            different = np.empty(hops.size, np.bool_)
            kernel.differ(found.begin, found.satellite, self._before.begin, self._before.satellite, different)
            reached_before = self._before.times.hops > 0
            self._changes += different.reshape(hops.shape)
            self._lost += reached_before & ~reached
            self._regained += reached & ~reached_before
        self._before = found

    def figures(self) -> PairFigures:
        """What it all adds up to."""
        instants, count = self._done, len(self.places.names)
        low, median, high, top = (one.reshape(count, count) for one in self._ranks((0.0, 0.5, 0.95, 1.0)))
        geodesic_km = geodesics_km(self.places)
        np.fill_diagonal(geodesic_km, np.nan)
        light_ms = geodesic_km * (2.0 * MS_PER_S / LIGHT_KM_PER_S)
        light_ms[light_ms == 0.0] = np.nan  # two places at one point: nothing to compare with
        unreachable = (~np.isfinite(self.rtt_ms[:instants])).sum(axis=0)
        return PairFigures(
            instants,
            unreachable,
            low,
            median,
            high,
            top,
            np.where(self._hops_max > 0, self._hops_min, -1),
            self._hops_max,
            self._changes,
            self._lost,
            self._regained,
            geodesic_km,
            median / light_ms,
            top / light_ms,
            median / light_ms / FIBRE_REFRACTIVE_INDEX,
            top / light_ms / FIBRE_REFRACTIVE_INDEX,
        )

    def _ranks(self, quantiles: Sequence[float]) -> Floats:
        """Quantiles of each pair's times with a way, axes (quantile, pair), NaN where there is never one."""
        instants = self._done
        flat = self.rtt_ms[:instants].reshape(instants, -1)
        found = np.full((len(quantiles), flat.shape[1]), np.nan)
        block = max(1, VALUES_AT_ONCE // max(1, instants))
        for first in range(0, flat.shape[1], block):
            part = np.sort(flat[:, first : first + block], axis=0)  # infinite ones come last
            reached = np.isfinite(part).sum(axis=0)
            some = np.flatnonzero(reached)
            for number, quantile in enumerate(quantiles):
                rank = (reached[some] - 1) * quantile
                below = np.floor(rank).astype(int)
                above = np.minimum(below + 1, reached[some] - 1)
                low, high = part[below, some].astype(np.float64), part[above, some].astype(np.float64)
                found[number, first + some] = low + (rank - below) * (high - low)
        return found
