"""Checks an assignment of beams from its rows alone: shares nothing with the code that makes it."""

from __future__ import annotations

import math
from collections import defaultdict


def angle_deg(at, a, b):
    """Between two satellites, seen from a place."""
    u, v = [[p - q for p, q in zip(one, at, strict=True)] for one in (a, b)]
    cosine = sum(p * q for p, q in zip(u, v, strict=True)) / math.dist(u, (0, 0, 0)) / math.dist(v, (0, 0, 0))
    return math.degrees(math.acos(max(-1.0, min(1.0, cosine))))


def faults(rows, *, beams, channels, shares, interference_deg, neighbours, cell_km, satellite_km, sees):
    """What is wrong with rows of (cell, satellite, channel, sub-slots as bits): a list of sentences.

    neighbours: cell -> adjacent cells; sees: pairs (cell, satellite) that may be joined.
    """
    wrong, lit, users = [], defaultdict(int), defaultdict(list)
    for cell, satellite, channel, sub_slots in rows:
        if not 0 <= channel < channels:
            wrong.append(f"cell {cell} uses channel {channel}")
        if sub_slots <= 0 or sub_slots >> shares:
            wrong.append(f"cell {cell} is served in sub-slots {sub_slots:b} of {shares}")
        if (cell, satellite) not in sees:
            wrong.append(f"satellite {satellite} cannot serve cell {cell}")
        for t in range(shares):
            if sub_slots >> t & 1:
                lit[satellite, t] += 1
                users[cell, channel, t].append(satellite)
    wrong += [f"satellite {s} has {n} beams in sub-slot {t}" for (s, t), n in lit.items() if n > beams]
    for (cell, channel, t), here in users.items():
        if len(here) > 1:
            wrong.append(f"cell {cell} has channel {channel} twice in sub-slot {t}")
        for other in neighbours[cell]:
            for there in users.get((other, channel, t), ()):
                for one in here:
                    apart = one != there and all(
                        angle_deg(cell_km[place], satellite_km[one], satellite_km[there]) >= interference_deg - 1e-6
                        for place in (cell, other)
                    )
                    if not apart:
                        wrong.append(f"cells {cell} and {other} share channel {channel} in sub-slot {t}")
    return wrong


def overloads(link_rates, rows_share, channel_mbps, parent, caps, *, tolerance=1e-6):
    """Beams and nodes that carry more than they can.

    link_rates: (cell, satellite) -> Mbit/s; rows_share: (cell, satellite) -> beam time, in channels; channel_mbps:
    (cell, satellite) -> of one channel; parent, caps: of nodes, the first of which are the satellites.
    """
    wrong, load = [], defaultdict(float)
    for (cell, satellite), rate in link_rates.items():
        most = rows_share.get((cell, satellite), 0.0) * channel_mbps[cell, satellite]
        if rate > most * (1.0 + tolerance) + tolerance:
            wrong.append(f"{rate} Mbit/s from satellite {satellite} to cell {cell}, whose beams carry {most}")
        node = satellite
        while node >= 0:
            load[node] += rate
            node = parent[node]
    wrong += [
        f"node {node} carries {mbps} of {caps[node]}"
        for node, mbps in load.items()
        if mbps > caps[node] * (1.0 + tolerance) + tolerance
    ]
    return wrong
