"""What shared beams take where rules change, and what they give back.

Takes what is reached on both sides, who may be served there, and the part of what cells ask for that they were given;
gives amounts by territory and class. A place counts only where it may be served on both sides and both networks reach
it: what rules or gateways take is lost, and never displaced as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from openleo.policy.mask import YES
from openleo.service.amounts import Amount, Moved
from openleo.service.change import Between, Side
from openleo.service.rates import Rates
from openleo.service.reached import Reached

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

OF_AREA = "Beams are shared out by what the scenario's area asks for alone: who lives beyond it takes nothing of them."
BothRates = tuple[Rates, Rates]  # before and after

MBPS_DIGITS = 1  # tenths, so that what another machine computes is the same
LEAST_DROP = 0.001  # of what is asked for: a cell that has so much less, or more, counts as one


@dataclass(frozen=True)
class ByBeams:
    """Axes of `of`: (territory, class), by name; `totals` by class: a cell that several share counts once."""

    of: Mapping[tuple[str, str], Moved]
    totals: Mapping[str, Moved]


def with_beams(found: Between, networks: tuple[Reached, Reached], was: Side, is_: Side, rates: BothRates) -> Between:
    """Rows and totals with what shared beams do, and with what users measure before and after."""
    reached = networks[0]
    classes = tuple(total.class_ for total in found.totals)
    may = tuple(side.decided(reached.kinds, classes).may == YES for side in (was, is_))
    given = tuple(np.stack([one.given(class_) for class_ in classes], axis=1) for one in rates)
    beams = by_beams(networks, (may[0], may[1]), (given[0], given[1]), classes)
    before, after = (_users_mbps(*one, classes) for one in zip(networks, may, rates, strict=True))
    rows = []
    for row in found.rows:
        key = row.territory, row.class_
        down, up = ((before[key][way], after[key][way]) for way in (0, 1))
        rows.append(replace(row, moved=beams.of[key], down_mbps_p50=down, up_mbps_p50=up))
    totals = [replace(total, moved=beams.totals[total.class_]) for total in found.totals]
    return Between(tuple(rows), tuple(totals))


def _users_mbps(
    reached: Reached, may: Flags, rates: Rates, classes: Sequence[str]
) -> dict[tuple[str, str], tuple[float | None, float | None]]:
    """(down, up) by territory and class, to MBPS_DIGITS; of whom the network reaches and may serve."""
    territories, kind = reached.territories, reached.kinds.of_part
    place = _places(reached)
    found: dict[tuple[str, str], tuple[float | None, float | None]] = {}
    for column, class_ in enumerate(classes):
        group = np.where(may[kind, column] & (reached.share > 0.0), place, -1)
        down, up = (
            [None if np.isnan(one) else round(float(one), MBPS_DIGITS) for one in way]
            for way in rates.users_mbps(group, len(territories), class_)
        )
        found |= {(name, class_): pair for name, pair in zip(territories, zip(down, up, strict=True), strict=True)}
    return found


def _places(reached: Reached) -> Ints:
    """(part,): the number of its territory."""
    kinds = len(reached.kinds)
    of_kind = np.repeat(np.arange(len(reached.territories)), np.diff(np.append(reached.start, kinds)))
    return of_kind[reached.kinds.of_part]


def by_beams(
    networks: tuple[Reached, Reached],
    may: tuple[Flags, Flags],
    given: tuple[Floats, Floats],
    classes: tuple[str, ...],
) -> ByBeams:
    """Every territory and class, before and after; those that nothing moves included.

    may (kind, class): who may be served for certain. given (part, class): the mean part of what is asked for, 1 where
    nobody asks. People, and area, count by the share of time that both networks reach them, times the part that is
    missing after and was not before, or the other way round.
    """
    reached = networks[0]
    territories, kind, place = reached.territories, reached.kinds.of_part, _places(reached)
    share = np.minimum(networks[0].share, networks[1].share)
    both = may[0] & may[1]
    drop = given[0] - given[1]
    found: dict[tuple[str, str], Moved] = {}
    totals = {}
    for column, class_ in enumerate(classes):
        stays = np.flatnonzero(both[kind, column] & (share > 0.0))
        less = drop[stays, column]
        sums = [_Sums(reached, place[stays], stays, share[stays], part) for part in (less, -less)]
        rows = [Moved(*(one.of(number) for one in sums)) for number in range(len(territories))]
        found |= {(territory, class_): row for territory, row in zip(territories, rows, strict=True)}
        totals[class_] = Moved(
            *(_total([getattr(row, name) for row in rows], one.in_all)
              for name, one in zip(("displaced", "freed"), sums, strict=True))
        )  # fmt: skip
    return ByBeams(found, totals)


class _Sums:
    """What one direction moves, by territory; `missing` (part,) of those parts that stay, at most 0 where nothing."""

    def __init__(self, reached: Reached, place: Ints, parts: Ints, share: Floats, missing: Floats):
        territories, known = len(reached.territories), reached.parts
        weight = np.maximum(missing, 0.0) * share
        self.people = np.bincount(place, weight * known.people[parts], territories)
        self.area_km2 = np.bincount(place, weight * known.area_km2[parts], territories)
        counts = missing >= LEAST_DROP
        cell = known.cell[parts[counts]].astype(np.int64)
        each = np.unique(place[counts] * np.int64(max(len(known.cells), 1)) + cell)
        self.cells = np.bincount(each // max(len(known.cells), 1), minlength=territories)
        self.in_all = len(np.unique(cell))

    def of(self, territory: int) -> Amount:
        people, area_km2 = float(self.people[territory]), float(self.area_km2[territory])
        return Amount(int(self.cells[territory]), round(area_km2, 3), round(people))


def _total(amounts: list[Amount], cells: int) -> Amount:
    """Of rows as they are told."""
    return Amount(cells, round(sum(one.area_km2 for one in amounts), 3), sum(one.people for one in amounts))
