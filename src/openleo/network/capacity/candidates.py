"""Who could serve each cell in one slot, and how fast one channel of theirs would be there.

Takes sites (cells' centres by sky bins), the satellites of a slot and their ways; gives Candidates: for every cell the
satellites above its mask that have a way to a gateway, all of them. (Only the eight best of each cell would lose a
third of what the network can carry where demand exceeds it.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openleo.network.kernels import candidates, paths
from openleo.network.routing import Positions, Routes
from openleo.network.visibility import Sites

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

EXPECTED = 32  # candidates of a cell; more are made room for


@dataclass(frozen=True, eq=False)
class Candidates:
    """The candidates of cell c are offsets[c]:offsets[c + 1] of the others, axes (candidate,).

    satellite; elevation_deg, when the slot is decided; down_mbps and up_mbps: the rate of one whole channel each way,
    0 where the link does not close. cell_km (cell, xyz) and satellite_km (satellite, xyz): where they are then, ECEF.
    """

    offsets: NDArray[np.int64]
    satellite: Ints
    elevation_deg: Floats
    down_mbps: Floats
    up_mbps: Floats
    cell_km: Floats
    satellite_km: Floats

    @property
    def cells(self) -> int:
        return len(self.offsets) - 1

    @property
    def cell(self) -> NDArray[np.int64]:
        """The cell of each candidate."""
        return np.repeat(np.arange(self.cells), np.diff(self.offsets))

    def with_rates(self, down_mbps: ArrayLike, up_mbps: ArrayLike) -> Candidates:
        """With the rates of one whole channel, a number for all or one for each candidate."""
        each = [np.array(np.broadcast_to(one, self.satellite.shape), np.float64) for one in (down_mbps, up_mbps)]
        return replace(self, down_mbps=each[0], up_mbps=each[1])


def find(sites: Sites, positions: Positions, ways: Routes, slot: int) -> Candidates:
    """The candidates of sites (in the order they were given in) in one slot; their rates are still 0."""
    now = np.ascontiguousarray(positions.at_km[slot])
    later = np.ascontiguousarray(positions.at_km[slot + 1]) if positions.both_ends else now
    has_way = (ways.onward[slot] != paths.NO_WAY) & positions.usable[slot]
    offsets = np.zeros(len(sites) + 1, np.int64)
    room = EXPECTED * len(sites)
    while True:
        satellite, sine = np.empty(room, np.int32), np.empty(room)
        found = candidates.pairs(
            sites.block_offsets, sites.position_km, sites.up, sites.sine_mask, sites.conditions, sites.bin_offsets,
            sites.bins, ways.first[slot], ways.order[slot], now, later, has_way, offsets, satellite, sine,
        )  # fmt: skip
        if found <= room:
            break
        room = found
    return _in_order(sites, offsets, satellite[:found], np.degrees(np.arcsin(np.minimum(sine[:found], 1.0))), now)


def _in_order(sites: Sites, offsets: NDArray[np.int64], satellite: Ints, elevation: Floats, now: Floats) -> Candidates:
    """From the sites' order by blocks to the caller's."""
    back = np.argsort(sites.order)
    count = np.diff(offsets)[back]
    ordered = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    taken = np.repeat(offsets[back] - ordered[:-1], count) + np.arange(len(satellite))
    rates = np.zeros(len(satellite))
    return Candidates(
        ordered, satellite[taken], elevation[taken], rates, rates, np.ascontiguousarray(sites.position_km[back]), now
    )
