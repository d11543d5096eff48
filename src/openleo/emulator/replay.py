"""Recorded traces as a table, replayed through the engine that carries out plans.

Takes what was measured (`recordings`); gives a LinkTable. Delay runs straight from each step's beginning to its end,
through the median of the round trips nearest to each: with steps as long as the time between samples it is the trace
itself, with longer ones the trace without its jitter. Of a round trip `up_share` is up. A packet that was lost is not
said to have been lost up or down unless the recording knows: then both ways lose alike, so that as many come back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from openleo.emulator.recordings import NS_PER_MS, Opportunities, Recording
from openleo.emulator.table import BEGIN, DOWN, END, NOBODY, QUEUE_S, SERVED, UP, LinkTable
from openleo.errors import InputError, Problem

Floats = NDArray[np.float64]

NOT_RECORDED = "not_recorded"  # why nothing passes where a recording has a gap, and after its end
GAP_INTERVALS = 5.0  # a gap: no packet was sent for so many times as long as usual
MOST_STEPS = 2_000_000


@dataclass(frozen=True, eq=False)
class RecordedTerminal:
    """One terminal. recording: its round trips; without one, `rtt_ms` throughout. up, down: packet by packet what may
    pass; without them what the recording knows of rates, or no limit.
    """

    terminal: str
    anchor: str
    recording: Recording | None = None
    rtt_ms: float = 0.0
    up: Opportunities | None = None
    down: Opportunities | None = None


def replayed(
    terminals: Sequence[RecordedTerminal], start: datetime, step_s: float, duration_s: float | None = None,
    up_share: float = 0.5, queue_s: tuple[float, float] = (QUEUE_S, QUEUE_S),
) -> LinkTable:  # fmt: skip
    """The table of some terminals, each with its own traces, over the longest recording or `duration_s`.

    How far PoPs are apart no trace says: 0. Raises InputError where nothing says how long to run.
    """
    steps = _steps(terminals, step_s, duration_s)
    anchors = tuple(dict.fromkeys(one.anchor for one in terminals))
    shape = (steps, len(terminals))
    served, rtt_ms = np.ones(shape, np.bool_), np.empty((*shape, 2))
    loss, rate = np.zeros((*shape, 2)), np.full((*shape, 2), np.inf)
    for number, one in enumerate(terminals):
        rtt_ms[:, number] = one.rtt_ms
        if one.recording is not None:
            edges_ms = _delays_ms(one.recording, steps, step_s)
            rtt_ms[:, number, BEGIN], rtt_ms[:, number, END] = edges_ms[:-1], edges_ms[1:]
            served[:, number] = _recorded(one.recording, steps, step_s)
            loss[:, number] = _losses(one.recording, steps, step_s)
            rate[:, number] = _rates_mbps(one.recording, steps, step_s)
        for direction, packets in ((UP, one.up), (DOWN, one.down)):
            if packets is not None:
                # A step in which nothing may pass loses what comes: a packet that began to leave at next to no rate
                # would hold up those of the steps to come.
                mbps = packets.rates_mbps(steps, step_s)
                rate[:, number, direction] = np.where(mbps > 0.0, mbps, np.inf)
                loss[:, number, direction] = np.where(mbps > 0.0, loss[:, number, direction], 1.0)
    one_way_ms: list[Floats] = [rtt_ms, rtt_ms]
    one_way_ms[UP], one_way_ms[DOWN] = up_share * rtt_ms, (1.0 - up_share) * rtt_ms
    delay_ns = np.rint(np.stack(one_way_ms, axis=2) * NS_PER_MS).astype(np.int64)
    return LinkTable(
        start=start,
        step_s=step_s,
        terminals=tuple(one.terminal for one in terminals),
        anchors=anchors,
        anchor=np.array([anchors.index(one.anchor) for one in terminals], np.intp),
        served=served,
        why=np.where(served, SERVED, NOT_RECORDED),
        because=np.full(shape, ""),
        satellite=np.full(shape, NOBODY, np.int32),
        hand_over=np.zeros(shape, np.bool_),
        delay_ns=np.where(served[..., np.newaxis, np.newaxis], delay_ns, 0),
        rate_mbps=rate,
        loss=loss,
        outage_s=np.zeros(shape),
        queue_s=np.array(queue_s),
        backbone_ns=np.zeros((len(anchors), len(anchors)), np.int64),
        pairs=(),
        direct_ns=np.zeros((steps, 0, 2), np.int64),
    )


def _steps(terminals: Sequence[RecordedTerminal], step_s: float, duration_s: float | None) -> int:
    if duration_s is None:
        lasting = [float(one.recording.t_s[-1]) + _interval_s(one.recording) for one in terminals if one.recording]
        if not lasting:
            rule = "is needed, as no round trips were recorded, and packets by Mahimahi's traces go round."
            raise InputError(Problem("duration", "", rule, "Say for how long."))
        duration_s = max(lasting)
    steps = max(1, int(np.ceil(duration_s / step_s - 1e-9)))
    if steps > MOST_STEPS:
        rule = f"of {step_s:g} s makes {steps:,} steps of {duration_s:,.0f} s, more than {MOST_STEPS:,}."
        raise InputError(Problem("step", "", rule, "Take longer steps or less of the recording."))
    return steps


def _interval_s(recording: Recording) -> float:
    """The usual time from a packet to the next."""
    between = np.diff(recording.t_s)
    return float(np.median(between)) if len(between) else 0.0


def _delays_ms(recording: Recording, steps: int, step_s: float) -> Floats:
    """The round trip at each edge of steps, axes (edge,): the median of those nearest to it; a straight line between
    edges that have any, and the last known before the first and after the last.
    """
    came = np.isfinite(recording.rtt_ms)
    edge = np.rint(recording.t_s[came] / step_s).astype(np.intp)
    rtt_ms = recording.rtt_ms[came]
    order = np.lexsort((rtt_ms, edge))
    edge, rtt_ms = edge[order], rtt_ms[order]
    known, first, count = np.unique(edge, return_index=True, return_counts=True)
    middle = (rtt_ms[first + (count - 1) // 2] + rtt_ms[first + count // 2]) / 2.0
    return np.asarray(np.interp(np.arange(steps + 1), known, middle))


def _recorded(recording: Recording, steps: int, step_s: float) -> NDArray[np.bool_]:
    """Whether packets were sent in each step, or so near to it that it lies in no gap."""
    near_s = GAP_INTERVALS * _interval_s(recording)
    begins = np.arange(steps) * step_s
    before = np.searchsorted(recording.t_s, begins - near_s, side="left")
    after = np.searchsorted(recording.t_s, begins + step_s + near_s, side="left")
    ends_s = recording.t_s[-1] + max(_interval_s(recording), step_s * 1e-6)
    return np.asarray((after > before) & (begins < ends_s - step_s * 1e-9))


def _losses(recording: Recording, steps: int, step_s: float) -> Floats:
    """The part of packets lost in each step, axes (step, direction)."""
    step = (recording.t_s / step_s + 1e-9).astype(np.intp)
    inside = step < steps
    sent: Floats = np.bincount(step[inside], minlength=steps).astype(np.float64)
    lost = recording.lost[inside].T
    up, down, either = (np.bincount(step[inside], some, minlength=steps).astype(np.float64) for some in lost)

    def part(lost: Floats, of: Floats) -> Floats:
        return np.clip(np.divide(lost, of, out=np.zeros(steps), where=of > 0.0), 0.0, 1.0)

    kept = np.sqrt(1.0 - part(either, sent - up - down))  # each way, of those lost on either
    found = np.empty((steps, 2))
    found[:, UP] = 1.0 - (1.0 - part(up, sent)) * kept
    found[:, DOWN] = 1.0 - (1.0 - part(down, sent - up)) * kept
    return found


def _rates_mbps(recording: Recording, steps: int, step_s: float) -> Floats:
    """The mean of what was recorded in each step, axes (step, direction); in one without, as in the last with any."""
    found = np.full((steps, 2), np.inf)
    step = (recording.t_s / step_s + 1e-9).astype(np.intp)
    for direction in (UP, DOWN):
        rate = recording.rate_mbps[:, direction]
        some = np.isfinite(rate) & (step < steps)
        if not some.any():
            continue
        count = np.bincount(step[some], minlength=steps)
        total = np.bincount(step[some], rate[some], minlength=steps)
        last = np.maximum.accumulate(np.where(count > 0, np.arange(steps), -1))
        last = np.where(last < 0, np.flatnonzero(count)[0], last)
        found[:, direction] = total[last] / count[last]
    return found
