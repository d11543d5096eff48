"""Round-trip times between all pairs of places over the satellites alone.

Takes a constellation, its links, places and instants; gives PairTimes: there and back at the speed of light along the
shortest way ground – satellite – … – satellite – ground, nothing added and no relay on the ground. How a ground link
is admitted is the caller's choice: by an elevation mask on the ellipsoid, or by slant range as Hypatia does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from openleo.network import ephemeris, failures
from openleo.network.admission import NO_CONDITIONS, NO_LIMITS, GroundLimits
from openleo.network.constellation import Constellation
from openleo.network.failures import Failures
from openleo.network.kernels import pairs, torus
from openleo.network.topology import Topology
from openleo.units import LIGHT_KM_PER_S, MS_PER_S

Floats = NDArray[np.float64]
Asked = TypeVar("Asked")
Found = TypeVar("Found")

SOURCES_AT_ONCE = 128  # their distances from 1,584 satellites fit the second-level cache
LINKS_EXPECTED = 64  # of a place; more are made room for
INSTANTS_AT_ONCE = 64  # of a shell's positions


@dataclass(frozen=True)
class Places:
    """Places on the ground, ECEF; `up` is each one's zenith. Axes (place, xyz)."""

    names: tuple[str, ...]
    position_km: Floats
    up: Floats


@dataclass(frozen=True)
class ByElevation:
    """A ground link counts above this elevation, where it meets the other limits of terminals too."""

    elevation_deg: float
    limits: GroundLimits = NO_LIMITS


@dataclass(frozen=True)
class ByRange:
    """A ground link counts up to this slant range, wherever the horizon is."""

    range_km: float


@dataclass(frozen=True)
class Sky:
    """What the pairs are computed over."""

    constellation: Constellation
    topology: Topology
    admitted: ByElevation | ByRange
    failures: Failures = failures.NONE


@dataclass(frozen=True)
class PairTimes:
    """Axes (from, to). rtt_ms: infinite where there is no way and on the diagonal; hops: links, −1 then."""

    at: datetime
    rtt_ms: Floats
    hops: NDArray[np.int32]


@dataclass(frozen=True)
class Settled:
    """A block of sources, `first` and those after it, whose distances are settled; the arrays are those of
    `kernels.pairs`, and from them a shortest way can be walked back.
    """

    first: int
    neighbours: NDArray[np.int32]
    length_km: Floats
    distance_km: Floats
    offsets: NDArray[np.int64]
    satellite: NDArray[np.int32]
    range_km: Floats
    between_km: Floats


OnSettled = Callable[[Settled], None]


def in_order(find: Callable[[Asked], Found], asked: Iterable[Asked], threads: int) -> Iterator[Found]:
    """What `find` gives for each that is asked for, in their order, on so many threads.

    Twice as many as threads are begun before they are taken, so that they do not pile up.
    """
    begun: deque[Future[Found]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for one in asked:
            begun.append(pool.submit(find, one))
            if len(begun) == 2 * threads:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()


def rtt_between(
    sky: Sky, places: Places, start: datetime, seconds: Sequence[float], threads: int = 1
) -> Iterator[PairTimes]:
    """The times between all ordered pairs at each of `seconds` after `start`, in the order given.

    The same for any number of threads.
    """

    def at(after_s: float) -> PairTimes:
        ((now, position_km, usable),) = skies(sky, start, [after_s])
        between_km, links = shortest(now, places, position_km, usable)
        rtt_ms = between_km * (2.0 * MS_PER_S / LIGHT_KM_PER_S)
        return PairTimes(start + timedelta(seconds=after_s), rtt_ms, links)

    return in_order(at, seconds, threads)


def skies(sky: Sky, start: datetime, seconds: Sequence[float]) -> Iterator[tuple[Sky, Floats, NDArray[np.bool_]]]:
    """(the sky without the links that are out, positions (satellite, xyz), usable satellites) at each instant."""
    moved = ephemeris.positions(sky.constellation, start, seconds)
    if not sky.failures:
        yield from ((sky, at_km, valid) for at_km, valid in zip(moved.position_km, moved.valid, strict=True))
        return
    now_s = start.timestamp() + np.asarray(seconds, dtype=np.float64)
    usable = moved.valid & sky.failures.usable(sky.constellation.satellites, now_s, now_s)
    for at_s, at_km, working in zip(now_s.tolist(), moved.position_km, usable, strict=True):
        topology = replace(sky.topology, broken=sky.failures.broken(at_s, at_s))
        yield replace(sky, topology=topology), at_km, working


def times_between(
    sky: Sky, places: Places, start: datetime, seconds: Sequence[float], threads: int = 1
) -> Iterator[Floats]:
    """The times alone, in ms, axes (from, to), at each of `seconds` after `start`: for many instants.

    As `rtt_between` without hops, to 0.000 01 ms; several times sooner over a grid. The same for any number of threads.
    """

    def of(chunk: Sequence[float]) -> list[Floats]:
        return [
            lengths_between(now, places, position_km, usable) * (2.0 * MS_PER_S / LIGHT_KM_PER_S)
            for now, position_km, usable in skies(sky, start, chunk)
        ]

    chunks = [seconds[first : first + INSTANTS_AT_ONCE] for first in range(0, len(seconds), INSTANTS_AT_ONCE)]
    for found in in_order(of, chunks, threads):
        yield from found


def lengths_between(sky: Sky, places: Places, position_km: Floats, usable: NDArray[np.bool_]) -> Floats:
    """Lengths of the shortest ways in km, axes (from, to), infinite where there is none and on the diagonal.

    Over a grid to a metre (`kernels.torus`); over any other topology, or where a way is longer than steps can say,
    exact.
    """
    topology, count = sky.topology, len(places.names)
    if topology.orders is None or topology.neighbours.shape[1] < torus.LEAST_COLUMNS:
        return shortest(sky, places, position_km, usable, with_links=False)[0]
    length_km = topology.lengths_km(position_km, usable)
    ground = ground_links(sky, places, position_km, usable)
    steps, between_km = np.empty(length_km.shape, np.uint32), np.empty((count, count))
    torus.in_steps(length_km, steps)
    for first in range(0, count, SOURCES_AT_ONCE):
        sources = min(SOURCES_AT_ONCE, count - first)
        distance = np.empty((len(position_km), -(-sources // torus.LANES) * torus.LANES), np.uint32)
        torus.seed(first, *ground, distance)
        torus.settle(topology.orders, topology.neighbours, steps, distance)
        if not torus.land(first, sources, *ground, distance, between_km):
            return shortest(sky, places, position_km, usable, with_links=False)[0]
    np.fill_diagonal(between_km, np.inf)
    return between_km


def shortest(
    sky: Sky,
    places: Places,
    position_km: Floats,
    usable: NDArray[np.bool_],
    *,
    with_links: bool = True,
    on_settled: OnSettled | None = None,
) -> tuple[Floats, NDArray[np.int32]]:
    """(length of the shortest way in km, links on it), axes (from, to), with the satellites at given positions.

    Infinite and −1 where there is no way, and on the diagonal. Without `with_links` they are not counted: all −1.
    `on_settled` is shown every block of sources.
    """
    count, satellites = len(places.names), len(position_km)
    neighbours, length_km = sky.topology.neighbours, sky.topology.lengths_km(position_km, usable)
    offsets, satellite, range_km = ground_links(sky, places, position_km, usable)
    between_km, links = np.empty((count, count)), np.full((count, count), -1, np.int32)
    place = np.repeat(np.arange(count), np.diff(offsets))
    for first in range(0, count, SOURCES_AT_ONCE):
        block = slice(first, min(first + SOURCES_AT_ONCE, count))
        distance_km = np.full((satellites, block.stop - first), np.inf)
        mine = slice(offsets[block.start], offsets[block.stop])
        distance_km[satellite[mine], place[mine] - first] = range_km[mine]
        sky.topology.settle_many(length_km, distance_km)
        pairs.land(offsets, satellite, range_km, distance_km, between_km[block])
        if with_links:
            ground = (offsets, satellite, range_km)
            pairs.count_links(first, neighbours, length_km, distance_km, *ground, between_km[block], links[block])
        if on_settled:
            graph = (neighbours, length_km, distance_km)
            on_settled(Settled(first, *graph, offsets, satellite, range_km, between_km[block]))
    np.fill_diagonal(between_km, np.inf)
    np.fill_diagonal(links, -1)
    return between_km, links


def ground_links(
    sky: Sky, places: Places, position_km: Floats, usable: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int32], Floats]:
    """(offsets, satellite, range) of the links of every place, in the places' order."""
    if isinstance(sky.admitted, ByRange):
        sine_mask, range_km, conditions = -1.0, sky.admitted.range_km, NO_CONDITIONS
    else:
        sine_mask, range_km = float(np.sin(np.radians(sky.admitted.elevation_deg))), np.inf
        conditions = sky.admitted.limits.for_users(sky.constellation, places.names)
    offsets = np.empty(len(places.names) + 1, np.int64)
    room = LINKS_EXPECTED * len(places.names)
    while True:
        satellite, length_km = np.empty(room, np.int32), np.empty(room)
        found = pairs.ground_links(
            places.position_km, places.up, sine_mask, conditions, range_km, position_km, usable,
            offsets, satellite, length_km,
        )  # fmt: skip
        if found <= room:
            return offsets, satellite[:found], length_km[:found]
        room = found
