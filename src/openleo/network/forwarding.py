"""Forwarding states: where every satellite sends what is bound for each place, instant after instant.

Takes the sky, places and instants; gives States for packet simulators: single shortest ways over satellites alone, as
`pairs` measures them, told as next hops. Interfaces are numbered as Hypatia numbers them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from openleo.network.hypatia import neighbours
from openleo.network.kernels import forwarding, pairs
from openleo.network.kernels.paths import NO_LINK
from openleo.network.pairs import SOURCES_AT_ONCE, Places, Sky, ground_links, skies

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

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
    sky = replace(sky, topology=replace(sky.topology, neighbours=wiring.neighbours))
    with ThreadPoolExecutor(threads) as pool:
        for first in range(0, len(seconds), INSTANTS_AT_ONCE):
            now = list(seconds[first : first + INSTANTS_AT_ONCE])
            yield from pool.map(
                lambda after_s, at: _state(at[0], places, after_s, at[1], at[2]), now, skies(sky, start, now)
            )


def _state(sky: Sky, places: Places, after_s: float, position_km: Floats, usable: NDArray[np.bool_]) -> State:
    count, satellites = len(places.names), len(position_km)
    joined, length_km = sky.topology.neighbours, sky.topology.lengths_km(position_km, usable)
    offsets, satellite, range_km = ground_links(sky, places, position_km, usable)
    place = np.repeat(np.arange(count), np.diff(offsets))
    interface, first = np.empty((satellites, count), np.int16), np.empty((count, count), np.int32)
    for begin in range(0, count, SOURCES_AT_ONCE):
        end = min(begin + SOURCES_AT_ONCE, count)
        mine = slice(offsets[begin], offsets[end])
        distance_km = np.full((satellites, end - begin), np.inf)
        distance_km[satellite[mine], place[mine] - begin] = range_km[mine]
        pairs.settle_many(joined, length_km, distance_km)
        onward, up = np.empty((satellites, end - begin), np.int16), np.empty((count, end - begin), np.int32)
        mine_from = offsets[begin : end + 1] - offsets[begin]
        forwarding.next_interfaces(joined, length_km, mine_from, satellite[mine], range_km[mine], distance_km, onward)
        forwarding.first_satellites(offsets, satellite, range_km, begin, distance_km, up)
        interface[:, begin:end], first[:, begin:end] = onward, up
    return State(after_s, interface, first)
