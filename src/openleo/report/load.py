"""The load of links as a table, a row each directed link that carries something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from openleo.network.load import ISL, Loads

COLUMNS: dict[str, type] = {
    "link": str,
    "from": str,
    "to": str,
    "mbps": float,
    "flows": int,
    "share_of_capacity": float,
}


def rows(
    loads: Loads, places: Sequence[str], satellites: Sequence[str], isl_mbps: float | None
) -> Iterator[tuple[object, ...]]:
    """In the order of COLUMNS, the fullest link first and equal ones by name; None where no capacity was given."""
    names = node_names(places, satellites)
    from_node, to_node = loads.graph.ends()
    kind = loads.kinds()
    used = sorted(
        np.flatnonzero(loads.flows).tolist(), key=lambda n: (-loads.mbps[n], names[from_node[n]], names[to_node[n]])
    )
    for n in used:
        share = round(float(loads.mbps[n]) / isl_mbps, 6) if isl_mbps and kind[n] == ISL else None
        ends = names[from_node[n]], names[to_node[n]]
        yield str(kind[n]), *ends, round(float(loads.mbps[n]), 6), int(loads.flows[n]), share


def node_names(places: Sequence[str], satellites: Sequence[str]) -> list[str]:
    """What the nodes of a Graph are called."""
    return [*satellites, *(name for place in places for name in (place, place))]
