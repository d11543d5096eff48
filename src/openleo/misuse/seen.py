"""One window of reports, looked at: which positions are believed, and whom trouble all around excuses.

A position is believed that is precise enough and within its serving cell's reach. Who has no such position is in
trouble; where several accounts of a neighbourhood are, receivers are jammed or led astray there, and nobody of it is
judged by position.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.misuse.ground import REGION, Ground, distance_km
from openleo.misuse.reports import Floats, Numbers, Reports
from openleo.misuse.thresholds import Thresholds
from openleo.units import M_PER_KM

Bools = NDArray[np.bool_]
MISMATCH_CIRCLES = 1.5  # radii at 95 %: with two-dimensional normal errors 1 report in 900 lies farther out


@dataclass(frozen=True, eq=False)
class Seen:
    """Reports in order, by terminal. Axes (report,), or (group,) of terminals with reports."""

    reports: Reports
    first: NDArray[np.int64]  # (group,) where each begins
    who: Numbers  # (group,)
    group: NDArray[np.int64]  # (report,)
    off_km: Floats  # of the position beyond what the serving cell reaches; NaN without either
    vague: Bools
    mismatch: Bools
    believed: Bools
    excused: Bools  # (group,) its neighbours are in trouble as well
    sparse: Bools  # (group,) too few neighbours to tell

    def any(self, of_reports: Bools) -> Bools:
        """(group,) whether any of its reports."""
        return np.logical_or.reduceat(of_reports, self.first)

    def count(self, of_reports: Bools) -> NDArray[np.int64]:
        """(group,) how many of its reports."""
        return np.add.reduceat(of_reports.astype(np.int64), self.first)

    @property
    def last(self) -> NDArray[np.int64]:
        """(group,) its last report."""
        return np.append(self.first[1:], len(self.reports)) - 1


def look(reports: Reports, thresholds: Thresholds, ground: Ground) -> Seen:
    """A window's reports, one or more, in order."""
    changed = np.append(True, reports.terminal[1:] != reports.terminal[:-1])
    first = np.flatnonzero(changed)
    group = np.cumsum(changed) - 1
    latitude, longitude, radius_km = ground.centres(reports.cell)
    away_km = distance_km(reports.latitude_deg, reports.longitude_deg, latitude, longitude)
    circle_km = np.nan_to_num(reports.uncertainty_m) / M_PER_KM
    off_km = away_km - radius_km - MISMATCH_CIRCLES * circle_km
    vague = np.isnan(reports.latitude_deg) | (reports.uncertainty_m > thresholds.vague_m)
    mismatch = ~vague & (off_km > thresholds.beam_slack_km)
    excused, sparse = _neighbours(reports, first, group, vague | mismatch, thresholds, ground)
    excused |= _led_alike(reports, group, mismatch, excused, thresholds)
    return Seen(
        reports, first, reports.terminal[first], group, off_km, vague, mismatch, ~vague & ~mismatch, excused, sparse
    )


def _neighbours(
    reports: Reports, first: NDArray[np.int64], group: NDArray[np.int64], trouble: Bools, asked: Thresholds,
    ground: Ground,
) -> tuple[Bools, Bools]:  # fmt: skip
    """(excused, sparse) of each group. Counted are accounts, so that one holder's terminals are one voice."""
    region = np.zeros(len(first), np.uint64)
    of_report = ground.regions(reports.cell)
    known = np.flatnonzero(of_report)
    region[group[known]] = of_report[known]  # the last cell of each
    troubled = np.logical_or.reduceat(trouble, first)
    account = reports.account[first].astype(np.int64)
    voice = np.where(account < 0, -2 - reports.terminal[first].astype(np.int64), account)  # no account: its own
    somewhere = region != 0
    regions, where = np.unique(region[somewhere], return_inverse=True)
    if not len(regions):
        return np.zeros(len(first), np.bool_), np.ones(len(first), np.bool_)
    pairs = np.unique(np.stack([where, voice[somewhere]]), axis=1)[0]
    unwell = troubled[somewhere]
    in_trouble = np.unique(np.stack([where[unwell], voice[somewhere][unwell]]), axis=1)[0]
    voices = np.bincount(pairs, minlength=len(regions))
    complaints = np.bincount(in_trouble, minlength=len(regions))
    around, unwell_around = ground.around(regions, voices, complaints)
    others, others_unwell = around[where] - 1, unwell_around[where] - unwell  # without one's own
    jammed = (others_unwell >= asked.neighbours_troubled) & (others_unwell >= asked.neighbours_share * others)
    excused, sparse = np.zeros(len(first), np.bool_), np.ones(len(first), np.bool_)
    excused[somewhere], sparse[somewhere] = jammed, others < asked.neighbours_least
    return excused, sparse


def _led_alike(reports: Reports, group: NDArray[np.int64], mismatch: Bools, excused: Bools, asked: Thresholds) -> Bools:
    """Who is led to where several excused terminals are led: a jammer's edge, where most neighbours are well."""
    led = np.zeros(len(excused), np.bool_)
    rows = np.flatnonzero(mismatch)
    if not excused.any() or not len(rows):
        return led
    there = h3cells.at_each(reports.latitude_deg[rows], reports.longitude_deg[rows], REGION)
    _, spot = np.unique(there, return_inverse=True)
    pairs = np.unique(np.stack([spot, group[rows]]), axis=1)
    excused_there = np.bincount(pairs[0][excused[pairs[1]]], minlength=int(spot.max()) + 1)
    led[pairs[1][excused_there[pairs[0]] >= asked.neighbours_troubled]] = True
    return led
