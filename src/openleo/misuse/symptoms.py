"""What a window says of each terminal, kind by kind: for misuse, against it, or nothing.

Takes what was seen and what is remembered; gives Symptoms, and brings what is remembered up to date. Each detector is a
function; none decides anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.misuse.ground import Ground, distance_km
from openleo.misuse.reports import Floats, Reports
from openleo.misuse.seen import Bools, Seen
from openleo.misuse.state import SESSIONS, State
from openleo.misuse.thresholds import KINDS, NUMBER, Kind, Thresholds
from openleo.units import M_PER_KM

HOUR_S = 3_600.0
METRE_DEG = 1e-5  # of latitude, about
LEAST_S = 1.0  # between two reports, for a speed
MOVES_MORE = 1.2  # of the class's speed: what a receiver's own reading must exceed


@dataclass(eq=False)
class Symptoms:
    """Axes (kind, group): `for_`, `against` in the bars' units; `capped`: the network did not see it itself.

    `measures`: figures for the reviewer, by kind, axes (group,).
    """

    for_: NDArray[np.float32]
    against: NDArray[np.bool_]
    capped: NDArray[np.bool_]
    measures: dict[Kind, dict[str, NDArray[Any]]] = field(default_factory=dict)

    @staticmethod
    def none(groups: int) -> Symptoms:
        shape = (len(KINDS), groups)
        return Symptoms(np.zeros(shape, np.float32), np.zeros(shape, np.bool_), np.zeros(shape, np.bool_))


def of_window(seen: Seen, state: State, asked: Thresholds, limit_kmh: Floats, ground: Ground) -> Symptoms:
    """All kinds that a window tells of. `limit_kmh` (class,), the last one for a class that is not known."""
    found = Symptoms.none(len(seen.who))
    _places(found, seen, asked)
    _moves(found, seen, state, asked, limit_kmh, ground)
    _sessions(found, seen, state)
    _identical(found, seen, asked)
    unregistered = seen.any(seen.reports.registered == 0)
    found.for_[NUMBER[Kind.UNREGISTERED]] = unregistered * (asked.window_s / HOUR_S)
    return found


def _places(found: Symptoms, seen: Seen, asked: Thresholds) -> None:
    """Outside the permitted area; a position that the serving beam does not reach."""
    hours = asked.window_s / HOUR_S
    reports, judged = seen.reports, ~seen.excused
    out = seen.believed & (reports.permitted == 0)
    not_out = seen.believed & ((reports.permitted == 1) | (reports.permitted < 0))  # who lives on a border is in doubt
    outside = NUMBER[Kind.OUTSIDE]
    found.for_[outside] = hours * (seen.any(out) & ~seen.any(not_out) & judged)
    found.against[outside] = seen.any(not_out) & judged
    no_cell = ~seen.any(reports.cell != 0)
    found.capped[outside] = no_cell
    spoof = NUMBER[Kind.SPOOF]
    heard = reports.by_gnss != 0
    wrong, right = seen.count(seen.mismatch & heard), seen.count(seen.believed & heard & ~np.isnan(seen.off_km))
    found.for_[spoof] = hours * ((wrong > right) & judged)
    found.against[spoof] = (right > wrong) & judged
    found.capped[spoof] = seen.sparse
    found.measures[Kind.SPOOF] = {"beyond_beam_km": np.fmax.reduceat(np.nan_to_num(seen.off_km), seen.first).round(1)}


def _moves(found: Symptoms, seen: Seen, state: State, asked: Thresholds, limit_kmh: Floats, ground: Ground) -> None:
    """Faster than its class; two places too far apart. By positions that are believed, one after the other."""
    rows = np.flatnonzero(seen.believed)
    reports, group = seen.reports.of(rows), seen.group[rows]
    if not len(rows):
        _run(found, seen, state, asked, np.zeros(len(seen.who)), ground)
        return
    new = np.append(True, group[1:] != group[:-1])
    here: dict[str, NDArray[Any]] = {
        "at_s": reports.at_s, "latitude_deg": reports.latitude_deg, "longitude_deg": reports.longitude_deg,
        "uncertainty_m": np.nan_to_num(reports.uncertainty_m), "cell": reports.cell,
    }  # fmt: skip
    before: dict[str, NDArray[Any]] = {
        name: np.where(new, state[name][reports.terminal], np.concatenate([values[:1], values[:-1]]))
        for name, values in here.items()
    }
    elapsed_s = here["at_s"] - before["at_s"]  # NaN for the first position of all
    hours = np.fmax(elapsed_s, LEAST_S) / HOUR_S
    circles_km = (here["uncertainty_m"] + before["uncertainty_m"]) / M_PER_KM
    apart_km = distance_km(here["latitude_deg"], here["longitude_deg"], before["latitude_deg"], before["longitude_deg"])
    least_km = np.fmax(apart_km - circles_km, 0.0)
    cells_km = _cells_apart_km(here["cell"], before["cell"], ground)
    jump = (elapsed_s >= 0.0) & (least_km > asked.jump_km) & (least_km / hours > asked.fastest_kmh)
    borne_out = (cells_km > asked.jump_km) & (cells_km / hours > asked.fastest_kmh)
    blind = not seen.reports.cell.any()  # no network that could bear anything out
    limit = limit_kmh[reports.class_]
    speeding = (elapsed_s <= asked.pair_s) & ~jump & (
        (least_km / hours > limit) | (np.nan_to_num(reports.speed_kmh) > MOVES_MORE * limit)
    )  # fmt: skip
    groups, judged = len(seen.who), ~seen.excused
    travel = NUMBER[Kind.TRAVEL]
    jumps = np.bincount(group[jump & (borne_out | blind)], minlength=groups)
    found.for_[travel] = jumps * judged
    found.capped[travel] = blind
    far_km = np.zeros(groups)
    np.maximum.at(far_km, group[jump], least_km[jump])
    found.measures[Kind.TRAVEL] = {"jump_km": far_km.round(1)}
    speeding_h = elapsed_s[speeding] / HOUR_S
    run_hours = np.bincount(group[speeding], speeding_h, minlength=groups).astype(np.float64) * judged
    fast = np.zeros(groups)
    np.maximum.at(fast, group[speeding], np.fmax(least_km / hours, np.nan_to_num(reports.speed_kmh))[speeding])
    found.measures[Kind.SPEED] = {"speed_kmh": fast.round(1)}
    _run(found, seen, state, asked, run_hours, ground)
    ends = np.append(np.flatnonzero(new)[1:], len(rows)) - 1
    for name, values in here.items():
        state[name][reports.terminal[ends]] = values[ends]


def _cells_apart_km(one: NDArray[np.uint64], other: NDArray[np.uint64], ground: Ground) -> Floats:
    """How far apart places in two cells are at the least; NaN where one is not known."""
    latitude, longitude, radius_km = ground.centres(one)
    latitude_2, longitude_2, radius_2_km = ground.centres(other)
    return distance_km(latitude, longitude, latitude_2, longitude_2) - radius_km - radius_2_km


def _run(found: Symptoms, seen: Seen, state: State, asked: Thresholds, run_hours: Floats, ground: Ground) -> None:
    """Speeding counts when the serving cell has moved along: a receiver led in circles stays in its beam."""
    who, speeding = seen.who, run_hours > 0.0
    cell = seen.reports.cell[seen.last]
    kept_cell = state["run_cell"][who]
    kept_hours = state["run_hours"][who]
    began = np.where(kept_cell == 0, np.where(state["cell"][who] == 0, cell, state["cell"][who]), kept_cell)
    latitude, longitude, radius_km = ground.centres(began)
    latitude_2, longitude_2, _ = ground.centres(cell)
    moved = distance_km(latitude, longitude, latitude_2, longitude_2) > asked.run_cells * radius_km
    blind = not seen.reports.cell.any()
    waiting = np.where(speeding, kept_hours + run_hours, 0.0)
    counts = speeding & (moved | blind)
    speed = NUMBER[Kind.SPEED]
    found.for_[speed] = np.where(counts, waiting, 0.0)
    found.capped[speed] = blind
    state["run_hours"][who] = np.where(counts, 0.0, waiting)
    state["run_cell"][who] = np.where(speeding, began, np.uint64(0))


def _sessions(found: Symptoms, seen: Seen, state: State) -> None:
    """An old session that comes back: both are alive. Sessions that end are followed by new ones only."""
    rows = np.flatnonzero(seen.reports.session)
    if not len(rows):
        return
    group, session = seen.group[rows], seen.reports.session[rows]
    groups = np.unique(group)
    kept = state["sessions"][seen.who[groups]]  # (group, SESSIONS), the newest last
    all_groups = np.concatenate([np.repeat(groups, SESSIONS), group])
    all_sessions = np.concatenate([kept.ravel(), session])
    is_new = np.concatenate([np.zeros(kept.size, np.bool_), np.ones(len(rows), np.bool_)])
    order = np.argsort(all_groups, kind="stable")
    all_groups, all_sessions, is_new = all_groups[order], all_sessions[order], is_new[order]
    first = np.append(True, all_groups[1:] != all_groups[:-1])
    differs = first | np.append(True, all_sessions[1:] != all_sessions[:-1])
    all_groups, all_sessions, is_new = all_groups[differs], all_sessions[differs], is_new[differs]
    back = np.zeros(len(all_groups), np.bool_)
    for step in range(2, SESSIONS + 1):
        same = (all_sessions[step:] == all_sessions[:-step]) & (all_groups[step:] == all_groups[:-step])
        back[step:] |= same & (all_sessions[step:] != 0)
    returns = np.bincount(all_groups[back & is_new], minlength=len(seen.who))
    found.for_[NUMBER[Kind.CLONE]] = returns
    found.measures[Kind.CLONE] = {"returns": returns}
    ends = np.append(np.flatnonzero(np.diff(all_groups)), len(all_groups) - 1)
    starts = np.append(0, ends[:-1] + 1)
    newest = ends[:, np.newaxis] + np.arange(1 - SESSIONS, 1)
    last = np.where(newest >= starts[:, np.newaxis], all_sessions[np.maximum(newest, 0)], np.uint64(0))
    state["sessions"][seen.who[groups]] = last


def _identical(found: Symptoms, seen: Seen, asked: Thresholds) -> None:
    """Terminals whose own receivers report one spot, to the metre."""
    rows = np.flatnonzero(~seen.vague & (seen.reports.by_gnss == 1))
    if not len(rows):
        return
    spot = np.stack([
        np.round(seen.reports.latitude_deg[rows] / METRE_DEG), np.round(seen.reports.longitude_deg[rows] / METRE_DEG)
    ]).astype(np.int64)  # fmt: skip
    pairs = np.unique(np.concatenate([spot, seen.group[rows][np.newaxis]]), axis=1)
    _, which, terminals = np.unique(pairs[:2], axis=1, return_inverse=True, return_counts=True)
    together = np.zeros(len(seen.who), np.int64)
    np.maximum.at(together, pairs[2], terminals[which.ravel()])
    kind = NUMBER[Kind.IDENTICAL]
    alike = together >= asked.alike
    found.for_[kind] = (asked.window_s / HOUR_S) * (alike & ~seen.excused)
    found.against[kind] = (together > 0) & ~alike
    found.capped[kind] = seen.sparse
    found.measures[Kind.IDENTICAL] = {"terminals_alike": together}


def abroad_windows(seen: Seen) -> tuple[Bools, Bools]:
    """(abroad, at home) of each group in this window, by positions that are believed."""
    reports: Reports = seen.reports
    known = seen.believed & (reports.territory >= 0) & (reports.home >= 0)
    away = seen.any(known & (reports.territory != reports.home)) & ~seen.excused
    home = seen.any(known & (reports.territory == reports.home)) & ~seen.excused
    return away & ~home, home
