"""Who serves whom as tables: a row a beam's place in a slot, and a row a cell with what it gets and what binds it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from openleo import cells as h3cells
from openleo.network.capacity.caps import Binding
from openleo.network.constellation import Constellation
from openleo.network.ground.gateways import Gateways
from openleo.service.slots_shared import SharedSlot

COLUMNS: dict[str, type] = {
    "t_s": float,
    "cell": str,
    "satellite": str,
    "satellite_id": int,
    "channel": int,
    "sub_slots": str,
    "share": float,
    "elevation_deg": float,
    "channel_down_mbps": float,
    "channel_up_mbps": float,
    "down_mbps": float,
    "up_mbps": float,
    "satellite_x_km": float,
    "satellite_y_km": float,
    "satellite_z_km": float,
    "gateway": str,
    "pop": str,
}
CELL_COLUMNS: dict[str, type] = {
    "t_s": float,
    "cell": str,
    "asked_down_mbps": float,
    "asked_up_mbps": float,
    "down_mbps": float,
    "up_mbps": float,
    "satellites_in_view": int,
    "bound_by": str,
}


def rows(
    slot: SharedSlot, cells: h3cells.Cells, constellation: Constellation, gateways: Gateways
) -> Iterator[tuple[object, ...]]:
    """In the order of COLUMNS, by cell. A candidate's Mbit/s are divided among its rows by their shares of the time."""
    given, made = slot.candidates, slot.allocation
    lit, link, share = made.assignment, made.assignment.link, made.assignment.share
    names, ids = h3cells.text(cells), constellation.satellite_id.tolist()
    of_link = np.bincount(link, share, minlength=len(given.satellite))
    part = share / of_link[link]
    down, up = (part * rates.of_link[link] for rates in (made.down, made.up))
    for n, (cell, satellite) in enumerate(zip(lit.cell.tolist(), lit.satellite.tolist(), strict=True)):
        gateway, at = int(slot.lands_at[satellite]), int(link[n])
        sub_slots = "".join(str(int(lit.sub_slots[n]) >> t & 1) for t in range(lit.shares))
        numbers = (
            given.elevation_deg[at], given.down_mbps[at], given.up_mbps[at], down[n], up[n],
            *given.satellite_km[satellite],
        )  # fmt: skip
        yield (
            slot.begin_s, names[cell], constellation.satellite_name[satellite], ids[satellite], int(lit.channel[n]),
            sub_slots, float(share[n]), *(round(float(one), 6) for one in numbers),
            gateways.stations[gateway].name, gateways.pops[int(slot.pop[gateway])].name,
        )  # fmt: skip


def cell_rows(slot: SharedSlot, cells: h3cells.Cells) -> Iterator[tuple[object, ...]]:
    """In the order of CELL_COLUMNS. What those ask for who may be served; where nobody may and all would, `policy`."""
    made, in_view = slot.allocation, np.diff(slot.candidates.offsets)
    asked = [np.where(slot.may, one.sum(axis=1), 0.0) for one in (slot.asked.down_mbps, slot.asked.up_mbps)]
    binding = np.where(in_view > 0, made.binding, np.int8(Binding.NO_WAY))
    binding = np.where(slot.may, binding, np.int8(Binding.POLICY))
    for n, name in enumerate(h3cells.text(cells)):
        rates: Sequence[float] = (asked[0][n], asked[1][n], made.rate_down_mbps[n], made.rate_up_mbps[n])
        yield (
            slot.begin_s, name, *(round(float(one), 6) for one in rates), int(in_view[n]),
            Binding(int(binding[n])).name.lower(),
        )  # fmt: skip
