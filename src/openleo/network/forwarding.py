"""Forwarding states: where every satellite sends what is bound for each place, instant after instant.

Takes the sky, places and instants; gives States for packet simulators: single shortest ways over satellites alone, as
`pairs` measures them, told as next hops. Interfaces are numbered as Hypatia numbers them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from openleo.network.hypatia import neighbours
from openleo.network.kernels import forwarding, torus
from openleo.network.kernels.forwarding import Lengths
from openleo.network.kernels.paths import NO_LINK
from openleo.network.pairs import SOURCES_AT_ONCE, Places, Sky, ground_links, skies
from openleo.network.topology import Topology

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
GroundLinks = tuple[NDArray[np.int64], Ints, Floats]  # offsets, satellite, range, as `pairs.ground_links`

INSTANTS_AT_ONCE = 32


@dataclass(frozen=True, eq=False)
class Wiring:
    """The satellites' interfaces: k = 0, 1, … in the order of the links that name a satellite.

    links (link, two ends), the lower number first; neighbours (satellite, k): the other end, −1 for none;
    far_interface (satellite, k): the interface there; count (satellite): how many interfaces each has.
    """

    links: Ints
    neighbours: Ints
    far_interface: Ints
    count: Ints


@dataclass(frozen=True, eq=False)
class State:
    """One instant. interface (satellite, place): which one to send on, `paths.LANDS_HERE` or `paths.NO_WAY`.

    first (place, place): the satellite that a place sends up to, −1 where there is no way and on the diagonal.
    """

    after_s: float
    interface: NDArray[np.int16]
    first: Ints


def links_of(joined: Ints) -> Ints:
    """The links (link, two ends) of neighbours (satellite, k), each once, in the order of their ends."""
    here, k = np.nonzero(joined != NO_LINK)
    there = joined[here, k]
    ends = np.stack([np.minimum(here, there), np.maximum(here, there)], axis=1)
    return np.unique(ends, axis=0).astype(np.int32).reshape(-1, 2)


def wire(links: Ints, satellites: int) -> Wiring:
    """The wiring that an order of links makes."""
    joined = neighbours(links, satellites)
    far = np.full(joined.shape, NO_LINK, np.int32)
    for k in range(joined.shape[1]):
        here = np.flatnonzero(joined[:, k] != NO_LINK)
        far[here, k] = (joined[joined[here, k]] == here[:, np.newaxis]).argmax(axis=1)
    return Wiring(links, joined, far, (joined != NO_LINK).sum(axis=1, dtype=np.int32))


def states(
    sky: Sky, wiring: Wiring, places: Places, start: datetime, seconds: Sequence[float], threads: int
) -> Iterator[State]:
    """The state at each of `seconds` after `start`, in the order given; the links are the wiring's."""
    column = _columns(sky.topology.neighbours, wiring.neighbours)
    with ThreadPoolExecutor(threads) as pool:
        for first in range(0, len(seconds), INSTANTS_AT_ONCE):
            now = list(seconds[first : first + INSTANTS_AT_ONCE])
            yield from pool.map(
                lambda after_s, at: _state(at[0], wiring, column, places, after_s, at[1], at[2]),
                now,
                skies(sky, start, now),
            )


def _columns(joined: Ints, wired: Ints) -> NDArray[np.intp]:
    """Where each neighbour of the wiring stands among those of the topology, axes (satellite, k); 0 where none is."""
    same = (joined[:, np.newaxis, :] == wired[:, :, np.newaxis]) & (wired != NO_LINK)[:, :, np.newaxis]
    if not (same.any(axis=2) | (wired == NO_LINK)).all():
        raise ValueError("the wiring has a link that the topology has not")
    return same.argmax(axis=2) if joined.shape[1] else np.zeros(wired.shape, np.intp)


def _state(
    sky: Sky, wiring: Wiring, column: NDArray[np.intp], places: Places, after_s: float, position_km: Floats,
    usable: NDArray[np.bool_],
) -> State:  # fmt: skip
    count, satellites = len(places.names), len(position_km)
    length_km = sky.topology.lengths_km(position_km, usable)
    ground = ground_links(sky, places, position_km, usable)
    interface, first = np.empty((satellites, count), np.int16), np.empty((count, count), np.int32)
    for begin in range(0, count, SOURCES_AT_ONCE):
        end = min(begin + SOURCES_AT_ONCE, count)
        found = _distances(sky.topology, length_km, ground, begin, end)
        wired: Lengths = found.length[np.arange(satellites)[:, np.newaxis], column]
        offsets, satellite, reach = found.ground
        mine = slice(offsets[begin], offsets[end])
        mine_from = offsets[begin : end + 1] - offsets[begin]
        onward, up = np.empty((satellites, end - begin), np.int16), np.empty((count, end - begin), np.int32)
        forwarding.next_interfaces(
            wiring.neighbours, wired, mine_from, satellite[mine], reach[mine],
            found.distance, found.no_link, found.no_way, onward,
        )  # fmt: skip
        forwarding.first_satellites(offsets, satellite, reach, begin, found.distance, found.no_way, up)
        interface[:, begin:end], first[:, begin:end] = onward, up
    return State(after_s, interface, first)


@dataclass(frozen=True, eq=False)
class _Settled:
    """Lengths of the links (satellite, k), distances (satellite, place) and ground links, all in one unit."""

    length: Lengths
    distance: Lengths
    ground: tuple[NDArray[np.int64], Ints, Lengths]
    no_link: float
    no_way: float


def _distances(topology: Topology, length_km: Floats, ground: GroundLinks, begin: int, end: int) -> _Settled:
    """The distances to places begin … end − 1.

    Over a grid in whole steps (`kernels.torus`), so that what ties there ties here; else in km.
    """
    offsets, satellite, range_km = ground
    if topology.orders is not None and topology.neighbours.shape[1] >= torus.LEAST_COLUMNS:
        steps = np.empty(length_km.shape, np.uint32)
        torus.in_steps(length_km, steps)
        swept = np.empty((len(length_km), -(-(end - begin) // torus.LANES) * torus.LANES), np.uint32)
        torus.seed(begin, *ground, swept)
        torus.settle(topology.orders, topology.neighbours, steps, swept)
        linked = np.diff(offsets)[begin:end] > 0
        if not (swept.max(axis=0)[: end - begin][linked] >= torus.FAR).any():
            in_steps = np.minimum(np.floor(range_km * torus.STEPS_PER_KM + 0.5), torus.NO_STEP).astype(np.uint32)
            return _Settled(steps, swept, (offsets, satellite, in_steps), torus.NO_STEP, torus.FAR)
    place, mine = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets)), slice(offsets[begin], offsets[end])
    distance_km = np.full((len(length_km), end - begin), np.inf)
    distance_km[satellite[mine], place[mine] - begin] = range_km[mine]
    topology.settle_many(length_km, distance_km)
    return _Settled(length_km, distance_km, ground, np.inf, np.inf)
