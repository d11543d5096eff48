"""What the network does to packets, step after step: the table that the engine carries out.

Takes nothing from orbits or rules: it is the value between those who plan (a scenario, a recorded trace, a running
controller) and those who move packets. A step is a slot where a scenario made the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

UP, DOWN = 0, 1  # the axis of directions: terminal → PoP, PoP → terminal
BEGIN, END = 0, 1  # the axis of a step's two ends
NOBODY = -1
SERVED = ""  # why a terminal is not served, where it is
QUEUE_S = 0.1  # what would wait longer to depart is dropped; assumed: no operator publishes its buffers


@dataclass(frozen=True, eq=False)
class Step:
    """One step of a table. Axes (terminal), (terminal, direction), (terminal, direction, end), (pair, end).

    `delay_ns` is one way at the step's beginning and its end, and a straight line between; `rate_mbps` infinite is
    unlimited; `loss` a probability; for `outage_s` from the step's beginning the table's `outage_loss` comes on top.
    `direct_ns` is one way between the terminals of a pair, over satellites alone; −1 where no path joins them.
    """

    served: NDArray[np.bool_]
    delay_ns: NDArray[np.int64]
    rate_mbps: NDArray[np.float64]
    loss: NDArray[np.float64]
    outage_s: NDArray[np.float64]
    direct_ns: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LinkTable:
    """Axes (step, terminal), with (direction) and (end of the step) after them where said at `Step`.

    start: of the first step. anchors: the PoPs where terminals' addresses are met from the Internet; anchor
    (terminal) says which, over the whole run, so that a change of gateway is only another delay. why: SERVED, or a
    reason's name. because: the rules that say so, separated by spaces. satellite: who serves, NOBODY for nobody.
    hand_over: as `handed_over` says. backbone_ns (anchor, anchor): one way through fibre.
    queue_s (direction): a packet that would wait longer to depart is dropped. pairs: terminals joined over satellites
    alone rather than through their anchors; each needs its own service all the same, which is up to a gateway.
    outage_loss: the chance of each packet to be lost in an outage; with 1 nothing passes. into_s: how far into its
    first step a run begins; times of a run count from there.
    """

    start: datetime
    step_s: float
    terminals: tuple[str, ...]
    anchors: tuple[str, ...]
    anchor: NDArray[np.intp]
    served: NDArray[np.bool_]
    why: NDArray[np.str_]
    because: NDArray[np.str_]
    satellite: NDArray[np.int32]
    hand_over: NDArray[np.bool_]
    delay_ns: NDArray[np.int64]
    rate_mbps: NDArray[np.float64]
    loss: NDArray[np.float64]
    outage_s: NDArray[np.float64]
    queue_s: NDArray[np.float64]
    backbone_ns: NDArray[np.int64]
    pairs: tuple[tuple[int, int], ...]
    direct_ns: NDArray[np.int64]
    outage_loss: float = 1.0
    into_s: float = 0.0

    @property
    def steps(self) -> int:
        return len(self.served)

    @property
    def duration_s(self) -> float:
        return self.steps * self.step_s - self.into_s

    @property
    def begins(self) -> datetime:
        """When the run does."""
        return self.start + timedelta(seconds=self.into_s)

    def step_at(self, after_s: NDArray[np.float64]) -> NDArray[np.intp]:
        """The step that holds at instants of the run; the first one before it, the last one after it."""
        return np.clip(((after_s + self.into_s) / self.step_s).astype(np.intp), 0, self.steps - 1)

    def begins_s(self, step: int) -> float:
        """When a step begins, in seconds of the run: the first one perhaps before it."""
        return step * self.step_s - self.into_s

    def __iter__(self) -> Iterator[Step]:
        """Step after step, as they are handed to the engine."""
        for n in range(self.steps):
            yield Step(
                self.served[n], self.delay_ns[n], self.rate_mbps[n], self.loss[n], self.outage_s[n], self.direct_ns[n]
            )

    def rtt_ms(self, terminal: int, after_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """The planned round trip between a terminal and its anchor at instants of the run; NaN where not served.

        An empty link: no packet waits for another. A packet that goes up at an instant comes down by the same line.
        """
        step = self.step_at(after_s)
        into = np.clip((after_s + self.into_s) / self.step_s - step, 0.0, 1.0)
        ends_ms = self.delay_ns[step, terminal].sum(axis=1) / 1e6
        trip = ends_ms[:, BEGIN] * (1.0 - into) + ends_ms[:, END] * into
        return np.where(self.served[step, terminal], trip, np.nan)


def handed_over(served: NDArray[np.bool_], satellite: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Axes (step, terminal): served, and by another satellite than in the step before, which served too.

    >>> handed_over(np.array([[True], [True], [False], [True]]), np.array([[7], [8], [-1], [9]])).ravel().tolist()
    [False, True, False, False]
    """
    found = np.zeros(served.shape, np.bool_)
    found[1:] = served[1:] & served[:-1] & (satellite[1:] != satellite[:-1])
    return found
