"""The load of links as a table, a row each directed link that carries something."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from openleo.network.constellation import Constellation
from openleo.network.load import ISL, Loads

COLUMNS: dict[str, type] = {
    "link": str,
    "from": str,
    "to": str,
    "mbps": float,
    "flows": int,
    "share_of_capacity": float,
    "from_id": int,
    "to_id": int,
}


def rows(
    loads: Loads, places: Sequence[str], constellation: Constellation, isl_mbps: float | None
) -> Iterator[tuple[object, ...]]:
    """In the order of COLUMNS, the fullest link first and equal ones by name.

    None where no capacity was given, and for the ids of places: catalogue numbers, which tell satellites of one name
    apart; of shells, the number of the satellite.
    """
    names = node_names(places, constellation.satellite_name)
    ids = [*constellation.satellite_id.tolist(), *([None] * (2 * len(places)))]
    from_node, to_node = loads.graph.ends()
    kind = loads.kinds()
    used = sorted(
        np.flatnonzero(loads.flows).tolist(),
        key=lambda n: (-loads.mbps[n], names[from_node[n]], names[to_node[n]], from_node[n], to_node[n]),
    )
    for n in used:
        share = round(float(loads.mbps[n]) / isl_mbps, 6) if isl_mbps and kind[n] == ISL else None
        ends = names[from_node[n]], names[to_node[n]]
        yield (
            str(kind[n]),
            *ends,
            round(float(loads.mbps[n]), 6),
            int(loads.flows[n]),
            share,
            ids[from_node[n]],
            ids[to_node[n]],
        )


def node_names(places: Sequence[str], satellites: Sequence[str]) -> list[str]:
    """What the nodes of a Graph are called."""
    return [*satellites, *(name for place in places for name in (place, place))]


def three_digits(number: float) -> str:
    """Whole from a hundred on; below, three digits that say something.

    >>> three_digits(2450.4), three_digits(56.78), three_digits(20.0), three_digits(0.000_123_4), three_digits(0.0)
    ('2,450', '56.8', '20', '0.000123', '0')
    """
    decimals = max(0, 2 - math.floor(math.log10(number))) if number > 0.0 else 0
    words = f"{number:,.{decimals}f}"
    return words.rstrip("0").rstrip(".") if decimals else words


def told_apart(constellation: Constellation) -> list[str]:
    """What the satellites are called, with the id where several have one name."""
    count = Counter(constellation.satellite_name)
    numbered = zip(constellation.satellite_name, constellation.satellite_id.tolist(), strict=True)
    return [f"{name} ({number})" if count[name] > 1 else name for name, number in numbered]
