"""A trace of round trips from one place beside the twin's, slot by slot.

Takes measured samples (IRTT, ping) and what the twin says of each slot; gives a TraceScore: how both spread, how the
medians of slots differ, whether the trace steps where slots begin, and whether it steps where the twin hands over. A
trace knows nothing of satellites: that a step is a hand-over is an inference.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.errors import InputError, Problem
from openleo.reading import csv_rows
from openleo.score import spearman

Floats = NDArray[np.float64]

COLUMNS = ("t", "rtt_ms")
QUANTILES = {"p5_ms": 0.05, "p25_ms": 0.25, "p50_ms": 0.5, "p75_ms": 0.75, "p95_ms": 0.95}
FEWEST = 4  # samples of a slot: fewer have no median to speak of
PHASE_STEP_S = 1.0
CLEAR = 1.1  # within slots, variance must be so much smaller at the best phase than in the mean of all


@dataclass(frozen=True)
class Trace:
    """Samples in the order they were sent: seconds after the scenario's start, and the round trip, NaN where lost."""

    t_s: Floats
    rtt_ms: Floats


@dataclass(frozen=True)
class Twin:
    """What the twin says, axes (slot,): begin_s after the scenario's start; infinite and −1 where nobody serves."""

    begin_s: Floats
    slot_s: float
    rtt_ms: Floats
    satellite: NDArray[np.int32]


@dataclass(frozen=True)
class TraceScore:
    """Slots with enough samples, axes (slot,): both medians, and the change from the slot before, NaN without one.

    phase_s: at which slots begin in the trace, in seconds after the minute; None where it does not show.
    """

    samples: int
    lost: int
    slots: int
    measured_ms: Floats
    twin_ms: Floats
    measured_step_ms: Floats
    hand_over: NDArray[np.bool_]
    twin_phase_s: float
    phase_s: float | None
    within_ms: float | None
    quantiles_ms: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        error = self.twin_ms - self.measured_ms
        step = np.abs(self.measured_step_ms)
        known = np.isfinite(step)
        changed, kept = step[known & self.hand_over], step[known & ~self.hand_over]
        typical = float(np.median(step[known])) if known.any() else None
        return {
            "samples": self.samples,
            "lost": self.lost,
            "slots": self.slots,
            "slots_compared": len(error),
            "measured": {name: _rounded(value) for name, value in self.quantiles_ms.items()},
            "twin": {
                name: _rounded(np.quantile(self.twin_ms, share)) if len(error) else None
                for name, share in QUANTILES.items()
            },
            "mae_ms": _rounded(np.abs(error).mean()) if len(error) else None,
            "bias_ms": _rounded(error.mean()) if len(error) else None,
            "spearman": _rounded(spearman(self.twin_ms, self.measured_ms)),
            "edges": {
                "phase_s": _rounded(self.phase_s),
                "twin_phase_s": _rounded(self.twin_phase_s),
                "step_ms_p50": _rounded(typical),
                "within_slot_ms_p50": _rounded(self.within_ms),
            },
            "hand_overs": {
                "n": int(self.hand_over[known].sum()),
                "step_ms_p50": _rounded(np.median(changed)) if len(changed) else None,
                "step_ms_p50_without": _rounded(np.median(kept)) if len(kept) else None,
                "aligned": _rounded((changed > typical).mean()) if len(changed) and typical is not None else None,
            },
        }


def _rounded(value: float | np.floating[Any] | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), 3)


def compare(trace: Trace, twin: Twin, start_s: float) -> TraceScore:
    """Both, over the slots that the trace has samples of. `start_s`: of the scenario, POSIX time."""
    slots = len(twin.rtt_ms)
    slot = np.floor((trace.t_s - twin.begin_s[0]) / twin.slot_s).astype(np.int64)
    inside = (slot >= 0) & (slot < slots)
    there = inside & np.isfinite(trace.rtt_ms)
    medians, halves = np.full(slots, np.nan), np.full(slots, np.nan)
    for one in np.unique(slot[there]):
        mine = np.flatnonzero(there & (slot == one))
        if len(mine) >= FEWEST:
            medians[one] = np.median(trace.rtt_ms[mine])
            late = trace.t_s[mine] >= twin.begin_s[one] + twin.slot_s / 2.0
            if late.any() and not late.all():
                halves[one] = np.median(trace.rtt_ms[mine][late]) - np.median(trace.rtt_ms[mine][~late])
    both = np.isfinite(medians) & np.isfinite(twin.rtt_ms)
    step = np.diff(medians, prepend=np.nan)
    changed = np.diff(twin.satellite, prepend=twin.satellite[:1]) != 0
    samples = trace.rtt_ms[there]
    return TraceScore(
        samples=int(inside.sum()),
        lost=int((inside & ~np.isfinite(trace.rtt_ms)).sum()),
        slots=slots,
        measured_ms=medians[both],
        twin_ms=twin.rtt_ms[both].astype(np.float64),
        measured_step_ms=step[both],
        hand_over=changed[both],
        twin_phase_s=float((start_s + twin.begin_s[0]) % min(twin.slot_s, 60.0)),
        phase_s=phase_of(trace.t_s[there] + start_s % 60.0, samples, twin.slot_s),
        within_ms=float(np.nanmedian(np.abs(halves))) if np.isfinite(halves).any() else None,
        quantiles_ms={
            name: float(np.quantile(samples, q)) if len(samples) else np.nan for name, q in QUANTILES.items()
        },
    )


def phase_of(t_s: Floats, rtt_ms: Floats, slot_s: float) -> float | None:
    """Where slots begin, in seconds after the minute modulo a slot: where samples vary least within slots.

    None where no phase stands out, or where slots do not divide the minute.
    """
    if len(t_s) < FEWEST or (60.0 / slot_s) % 1.0 > 1e-9:
        return None
    phases = np.arange(0.0, slot_s, PHASE_STEP_S)
    spread = np.array([_within(np.floor((t_s - phase) / slot_s), rtt_ms) for phase in phases])
    if spread.min() * CLEAR >= spread.mean():
        return None
    return float(phases[spread.argmin()])


def _within(group: Floats, values: Floats) -> float:
    """The variance of values within their groups."""
    _, code, count = np.unique(group, return_inverse=True, return_counts=True)
    mean = np.bincount(code, weights=values) / count
    return float(((values - mean[code]) ** 2).mean())


def read_trace(path: Path, option: str = "--trace") -> Trace:
    """A CSV of t (seconds after the scenario's start, not going back) and rtt_ms (empty: lost).

    Raises InputError with every fault.
    """
    file = str(path)
    rows = csv_rows(path, option, COLUMNS, "A trace needs t and rtt_ms.")
    problems, found, last = [], [], -np.inf
    for line, row in rows:
        t, rtt = _number(row["t"]), _number(row["rtt_ms"]) if str(row["rtt_ms"] or "").strip() else np.nan
        if t is None:
            problems.append(Problem(file, f"line {line}", f"has t {row['t']!r}; write seconds after the start."))
        elif t < last:
            problems.append(Problem(file, f"line {line}", f"has t {t:g}, before the line above.", "Sort by t."))
        if rtt is None or rtt <= 0.0:
            rule = f"has rtt_ms {row['rtt_ms']!r}; it is a number above 0, or empty where a packet was lost."
            problems.append(Problem(file, f"line {line}", rule))
        last = last if t is None else max(last, t)
        found.append((t or 0.0, np.nan if rtt is None else rtt))
    if not rows:
        problems.append(Problem(file, "", "holds no sample."))
    if problems:
        raise InputError(problems)
    t_s, rtt_ms = np.array(found, dtype=np.float64).T
    return Trace(t_s, rtt_ms)


def _number(words: str | None) -> float | None:
    try:
        value = float(str(words).strip())
    except ValueError:
        return None
    return value if np.isfinite(value) else None
