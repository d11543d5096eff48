"""The time until a share of a territory is served again, by gateways that can stand after so many days.

Takes who is served already, what each candidate site would serve, and from which day on; gives the share day by day,
the earliest day on which a wanted share is served, and the fewest sites with which it is. What sites serve adds up as
a coverage, so the earliest day is that on which all candidates of that day serve enough: fewer never serve more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from openleo.network.ground.stations import Station
from openleo.study.cuts import EQUAL, SCALE, merged

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

TIME_LIMIT_S = 60.0

Step = tuple[float, float]  # a day, and the share that is served from it on


@dataclass(frozen=True)
class Restored:
    """When a share is served again. `day`: None if no set of candidates serves so much.

    `curve`: each day on which candidates can stand, and the share that all of them serve from then on. `sites`: the
    fewest that serve the wanted share on that day; no set of fewer than `at_least` does.
    """

    wanted: float
    day: float | None
    sites: tuple[Station, ...]
    at_least: int
    served: float
    curve: tuple[Step, ...]

    def as_json(self) -> dict[str, object]:
        """As the document of a study has it."""
        return {
            "wanted": self.wanted, "day": self.day, "sites": [one.name for one in self.sites],
            "at_least": self.at_least, "served": round(self.served, 6),
            "curve": [{"day": day, "served": round(share, 6)} for day, share in self.curve],
        }  # fmt: skip


def restored(base: Bools, able: Bools, weight: Floats, sites: Sequence[Station], wanted: float) -> Restored:
    """The earliest day. base (row,): served already; able (site, row): by each site; weight (row,), 1 together."""
    days = np.array([one.days for one in sites], np.float64)
    steps = curve(base, able, weight, days)
    before = float(weight[base].sum())
    if before >= wanted - EQUAL:
        return Restored(wanted, 0.0, (), 0, before, steps)
    day = next((day for day, share in steps if share >= wanted - EQUAL), None)
    if day is None:
        return Restored(wanted, None, (), len(sites) + 1, steps[-1][1], steps)
    there = np.flatnonzero(days <= day)
    chosen, at_least = fewest(base, able[there], weight, wanted)
    served = float(weight[base | able[there[chosen]].any(axis=0)].sum())
    return Restored(wanted, day, tuple(sites[there[one]] for one in chosen), at_least, served, steps)


def curve(base: Bools, able: Bools, weight: Floats, days: Floats) -> tuple[Step, ...]:
    """For each day on which a site can stand: the share that all sites of that day and before serve.

    >>> able = np.array([[True, False, False], [False, True, False]])
    >>> curve(np.zeros(3, bool), able, np.array([0.25, 0.25, 0.5]), np.array([30.0, 10.0]))
    ((10.0, 0.25), (30.0, 0.5))
    """
    return tuple(
        (float(day), float(weight[base | able[days <= day].any(axis=0)].sum())) for day in np.unique(days)
    )  # fmt: skip


def fewest(
    base: Bools, able: Bools, weight: Floats, wanted: float, time_limit_s: float = TIME_LIMIT_S
) -> tuple[list[int], int]:
    """(sites that serve the wanted share, as few as were found; the number that no set is below).

    All sites together have to serve it. x (site): stands; u (row): served, at most the sum of the x that serve it.
    """
    by_hand = one_by_one(base, able, weight, wanted)
    open_ = ~base & able.any(axis=0)
    rows, share = merged(np.ascontiguousarray(able[:, open_].T), weight[open_])
    row, site = np.nonzero(rows)
    count, sites = len(rows), len(able)
    served = csr_array(
        (np.concatenate([np.ones(count), -np.ones(len(row))]),
         (np.concatenate([np.arange(count), row]), np.concatenate([sites + np.arange(count), site]))),
        shape=(count, sites + count),
    )  # fmt: skip
    enough = (wanted - float(weight[base].sum()) - EQUAL) * SCALE
    solved = milp(
        np.concatenate([np.ones(sites), np.zeros(count)]),
        integrality=np.concatenate([np.ones(sites), np.zeros(count)]),
        bounds=Bounds(0.0, 1.0),
        constraints=[
            LinearConstraint(served, -np.inf, 0.0),
            LinearConstraint(np.concatenate([np.zeros(sites), share * SCALE])[np.newaxis], enough, np.inf),
        ],
        options={"time_limit": time_limit_s, "mip_rel_gap": 0.0},
    )
    bound = getattr(solved, "mip_dual_bound", None)
    at_least = math.ceil(bound - 1e-6) if bound is not None and math.isfinite(bound) else 1
    found = by_hand if solved.x is None else np.flatnonzero(solved.x[:sites] > 0.5).tolist()
    holds = float(weight[base | able[found].any(axis=0)].sum()) >= wanted - EQUAL
    best = found if holds and len(found) < len(by_hand) else by_hand
    return best, min(at_least, len(best))


def one_by_one(base: Bools, able: Bools, weight: Floats, wanted: float) -> list[int]:
    """Sites that serve the wanted share, each the one that adds most."""
    left, share = np.where(base, 0.0, weight), float(weight[base].sum())
    chosen: list[int] = []
    while share < wanted - EQUAL and len(chosen) < len(able):
        gains = able @ left
        gains[chosen] = -1.0
        site = int(gains.argmax())
        chosen.append(site)
        share += float(gains[site])
        left[able[site]] = 0.0
    return sorted(chosen)
