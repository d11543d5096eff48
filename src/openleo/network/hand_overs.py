"""Hand-overs: when the serving satellite of a user changes, and why.

Takes users watched slot after slot; gives a record for the first slot of the run and for each change after it. The
reason is found from what the slot was decided from: whether the former satellite is still above the mask, and whether
it still has a way to a gateway. A summary of each user's stays and outages is folded from the records.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from openleo.instants import SlotGrid
from openleo.network.kernels.admission import clear_each
from openleo.network.reach import Network
from openleo.network.watch import Watched

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

NOBODY, AWAY, NOT_BEGUN = -1, -2, -3  # in place of a satellite's number
(
    FIRST_SERVICE,
    SERVICE_RETURNS,
    LEAVES_MASK,
    LOSES_GATEWAY,
    NO_POSITION,
    PREFERS_ANOTHER,
    NO_SATELLITE,
    NO_GATEWAY,
    NOT_THERE,
) = range(9)


def reasons(hand_over: str) -> tuple[str, ...]:
    """The words of each reason, by its number; `hand_over` is the policy."""
    return (
        "first service",
        "service returns",
        "the satellite leaves the mask",
        "the satellite loses its gateway",
        "the satellite has no position or is out of order",
        f"{hand_over} prefers another",
        "no satellite",
        "no gateway",
        "not on its track",
    )


@dataclass(frozen=True)
class HandOvers:
    """Records in the order of their slots, then sites; axes (record,).

    from_satellite, to_satellite: NOBODY for none, AWAY while a user on a track is not there, NOT_BEGUN before the run.
    why: a number of `reasons`. rtt_ms_before is of the slot before, NaN without service; served_s: how long the former
    satellite had served (from the run's start at the earliest), NaN without one.
    """

    slot: NDArray[np.int64]
    site: NDArray[np.int64]
    from_satellite: Ints
    to_satellite: Ints
    why: NDArray[np.int8]
    rtt_ms_before: Floats
    rtt_ms_after: Floats
    served_s: Floats

    def __len__(self) -> int:
        return len(self.slot)


def hand_overs(watched: Iterable[Watched], slot_s: float) -> Iterator[HandOvers]:
    """The records of each chunk watched. Slots follow each other from the first one on."""
    last: Ints | None = None
    for chunk in watched:
        state = np.where(chunk.there, chunk.reach.satellite, AWAY).astype(np.int32)
        rtt_ms = np.where(np.isfinite(chunk.reach.rtt_ms), chunk.reach.rtt_ms, np.nan).astype(np.float64)
        if last is None:
            last = np.full(state.shape[1], NOT_BEGUN, np.int32)
            last_rtt_ms = np.full(state.shape[1], np.nan)
            since = np.zeros(state.shape[1], np.int64)
            served = np.zeros(state.shape[1], np.bool_)
        before = np.vstack([last, state[:-1]])
        served_before = np.vstack([served, served | np.logical_or.accumulate(state >= 0, axis=0)])
        row, site = np.nonzero(state != before)
        slot = row + chunk.reach.first_slot
        was, now = before[row, site], state[row, site]
        why = np.where(served_before[row, site], SERVICE_RETURNS, FIRST_SERVICE).astype(np.int8)
        why[was >= 0] = _why_left(chunk, row[was >= 0], site[was >= 0], was[was >= 0])
        blind = np.where(chunk.reach.seen[row, site] > 0, NO_GATEWAY, NO_SATELLITE)
        why = np.where(now == AWAY, NOT_THERE, np.where(now == NOBODY, blind, why)).astype(np.int8)
        began = _changed_before(slot, site, since)
        yield HandOvers(
            slot,
            site,
            was,
            now,
            why,
            np.vstack([last_rtt_ms, rtt_ms[:-1]])[row, site],
            rtt_ms[row, site],
            np.where(was >= 0, (slot - began) * slot_s, np.nan),
        )
        np.maximum.at(since, site, slot)
        last, last_rtt_ms, served = state[-1], rtt_ms[-1], served_before[-1]


def _why_left(chunk: Watched, row: NDArray[np.intp], site: NDArray[np.intp], was: Ints) -> NDArray[np.int8]:
    """Why a user no longer has the satellite that served it: the first test of the slot that it fails."""
    above = np.ones(len(row), np.bool_)
    for step in (0, 1) if chunk.positions.both_ends else (0,):
        sight = chunk.positions.at_km[row + step, was] - chunk.position_km[row, site]
        rises = (sight * chunk.up[row, site]).sum(axis=-1)
        above &= rises >= chunk.sine_mask[site] * np.linalg.norm(sight, axis=-1)
        if chunk.conditions.active:
            here, there = chunk.position_km[row, site], chunk.positions.at_km[row + step, was]
            above &= clear_each(chunk.conditions, site, was, here, chunk.up[row, site], there)
    lands = np.isfinite(chunk.ways.decided_km[row, was])
    why = np.where(above, np.where(lands, PREFERS_ANOTHER, LOSES_GATEWAY), LEAVES_MASK)
    return np.where(chunk.positions.usable[row, was], why, NO_POSITION).astype(np.int8)


def _changed_before(slot: NDArray[np.intp], site: NDArray[np.intp], since: NDArray[np.int64]) -> NDArray[np.int64]:
    """The slot of the same site's change before each one; `since` (site) is that of the last one of earlier chunks."""
    order = np.lexsort((slot, site))
    began = since[site]
    same = site[order][1:] == site[order][:-1]
    began[order[1:][same]] = slot[order[:-1][same]]
    return began


@dataclass(frozen=True)
class Stays:
    """What the records of a run add up to, axes (site,). NaN for a figure that does not exist.

    served: the share of the slots in which the user is there. A stay is the time with one satellite: `stay_s_p50` is of
    those that both begin and end within the run (and on the track), `stay_s_longest` of all.
    """

    there_s: Floats
    away_s: Floats
    served: Floats
    hand_overs: NDArray[np.int64]  # from one satellite to another
    hand_overs_per_h: Floats
    stay_s_p50: Floats
    stay_s_longest: Floats
    outages: NDArray[np.int64]
    outage_s: Floats
    outage_s_longest: Floats


class Diary:
    """Collects the records of a run: twelve bytes a record, so that a day of ten thousand places fits in memory."""

    def __init__(self, sites: int) -> None:
        self._sites = sites
        self._kept: list[tuple[Ints, Ints, Ints]] = []

    def add(self, found: HandOvers) -> None:
        self._kept.append((found.slot.astype(np.int32), found.site.astype(np.int32), found.to_satellite))

    def finish(self, grid: SlotGrid) -> Stays:
        """The stays and outages of a whole run over `grid`."""
        slot, site, state = (np.concatenate(column) for column in zip(*self._kept, strict=True))
        order = np.lexsort((slot, site))
        slot, site, state = slot[order], site[order], state[order]
        goes_on = np.append(site[1:] == site[:-1], False)
        length_s = np.where(goes_on, np.roll(slot, -1), grid.slots) * grid.slot_s - slot * grid.slot_s
        after = np.where(goes_on, np.roll(state, -1), NOT_BEGUN)
        before = np.where(np.roll(goes_on, 1), np.roll(state, 1), NOT_BEGUN)
        serving, out, away = state >= 0, state == NOBODY, state == AWAY

        def total(chosen: NDArray[np.bool_]) -> Floats:
            return np.bincount(site[chosen], length_s[chosen], self._sites).astype(np.float64)

        def longest(chosen: NDArray[np.bool_]) -> Floats:
            found = np.full(self._sites, np.nan)
            np.fmax.at(found, site[chosen], length_s[chosen])
            return found

        def count(chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
            return np.bincount(site[chosen], minlength=self._sites)

        away_s = total(away)
        there_s = grid.duration_s - away_s
        handed = count(serving & (before >= 0))
        with np.errstate(invalid="ignore"):  # a user who is never there has no shares
            served, per_h = total(serving) / there_s, handed / there_s * 3600.0
        whole = serving & (before >= NOBODY) & (after >= NOBODY)
        return Stays(
            there_s,
            away_s,
            served,
            handed,
            per_h,
            _medians(site[whole], length_s[whole], self._sites),
            longest(serving),
            count(out),
            total(out),
            longest(out),
        )


def _medians(site: Ints, value: Floats, sites: int) -> Floats:
    """The median of each site's values, NaN for a site without one."""
    order = np.lexsort((value, site))
    value, count = value[order], np.bincount(site, minlength=sites)
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    found = np.full(sites, np.nan)
    some = count > 0
    low, high = (first + (count - 1) // 2)[some], (first + count // 2)[some]
    found[some] = (value[low] + value[high]) / 2.0
    return found


@dataclass(frozen=True)
class HandOver:
    """One record in words; an empty name stands for nobody, None for a figure that does not exist."""

    at: datetime
    site: str
    from_satellite: str
    to_satellite: str
    why: str
    rtt_ms_before: float | None
    rtt_ms_after: float | None
    served_s: float | None


def in_words(found: HandOvers, network: Network, grid: SlotGrid, sites: tuple[str, ...]) -> Iterator[HandOver]:
    """Each record with its instant and names."""
    names, words = network.constellation.satellite_name, reasons(network.hand_over)
    for n in range(len(found)):
        was, now = int(found.from_satellite[n]), int(found.to_satellite[n])
        yield HandOver(
            grid.instant(int(found.slot[n])),
            sites[found.site[n]],
            names[was] if was >= 0 else "",
            names[now] if now >= 0 else "",
            words[found.why[n]],
            _known(found.rtt_ms_before[n]),
            _known(found.rtt_ms_after[n]),
            _known(found.served_s[n]),
        )


def _known(value: float) -> float | None:
    """To a thousandth, a microsecond of RTT; None for NaN."""
    return round(float(value), 3) if np.isfinite(value) else None
