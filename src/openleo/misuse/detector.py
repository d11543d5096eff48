"""Reports in, evidence out.

    batches ─► windows of 15 minutes ─► seen ─► symptoms ─► scores ─► evidence
                                                   days ─────┘

Batches come in the order of time; within one, reports may stand in any order. A window is looked at when a report past
its end has come, so neither the order within batches nor where they are cut changes anything. Nothing here reads a
clock, and nothing is done: a hold is a word to whoever renews leases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.misuse import symptoms
from openleo.misuse.evidence import Evidence
from openleo.misuse.ground import Ground
from openleo.misuse.reports import Floats, Registers, Reports
from openleo.misuse.seen import look
from openleo.misuse.state import State
from openleo.misuse.symptoms import Symptoms
from openleo.misuse.thresholds import CAPPED, KINDS, MOST, NUMBER, THRESHOLDS, Kind, Thresholds
from openleo.units import SECONDS_PER_DAY

FORGOTTEN = 0.5  # of what raised it: evidence is given anew after a score fell so low
ALL = frozenset(Kind)


class Detector:
    """All detectors over one stream. `kinds`: those that are on; `registers`: the names in its reports."""

    def __init__(self, registers: Registers, thresholds: Thresholds = THRESHOLDS, kinds: frozenset[Kind] = ALL) -> None:
        self.registers, self.thresholds, self.kinds = registers, thresholds, kinds
        self.state, self.ground = State(), Ground()
        self.late = 0  # reports that came after their window was looked at, and were left out
        self.excused = 0  # windows × terminals that trouble all around excused
        self._waiting: list[Reports] = []
        self._window: int | None = None  # the oldest that is open
        self._day: int | None = None
        on = np.array([kind in kinds for kind in KINDS])
        bars = [thresholds.bars[kind] for kind in KINDS]
        self._on = on
        self._raise_at, self._hold_at, self._leak, self._contrary = (
            np.array([getattr(bar, name) for bar in bars], np.float32)
            for name in ("raise_at", "hold_at", "leak_per_day", "contrary")
        )

    def take(self, reports: Reports) -> list[Evidence]:
        """A batch; gives the evidence of windows that it has closed."""
        if not len(reports):
            return []
        window = np.floor_divide(reports.at_s, self.thresholds.window_s).astype(np.int64)
        if self._window is None:
            self._window = int(window.min())
        on_time = window >= self._window
        self.late += int(np.count_nonzero(~on_time))
        self._waiting.append(reports if on_time.all() else reports.of(on_time))
        newest = int(window.max())
        return list(self._close(newest)) if newest > self._window else []

    def finish(self) -> list[Evidence]:
        """The evidence of what is still open: the stream is over."""
        if self._window is None:
            return []
        found = list(self._close(np.iinfo(np.int64).max))
        return [*found, *self._end_day()]

    def dismiss(self, terminal: str, kind: Kind) -> None:
        """Begin anew: somebody looked, and there is nothing to it."""
        number = self.registers.terminals.known.get(terminal, -1)
        if 0 <= number < self.state.rows:
            for name in ("score", "raised", "held"):
                self.state[name][number, NUMBER[kind]] = 0

    # --- windows ------------------------------------------------------------------------------------------------

    def _close(self, newest: int) -> Iterator[Evidence]:
        """Look at every window before `newest` that has reports."""
        assert self._window is not None
        waiting = Reports.joined(self._waiting)
        window = np.floor_divide(waiting.at_s, self.thresholds.window_s).astype(np.int64)
        order = np.argsort(window, kind="stable")
        waiting, window = waiting.of(order), window[order]
        edges = np.append(np.flatnonzero(np.append(True, window[1:] != window[:-1])), len(window))
        done = 0
        for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True) if len(window) else ():
            if window[begin] >= newest:
                break
            yield from self._look_at(waiting.of(slice(begin, end)).in_order(), int(window[begin]))
            done = end
        self._waiting = [waiting.of(slice(done, None))]
        self._window = newest

    def _look_at(self, reports: Reports, window: int) -> Iterator[Evidence]:
        ends_s = (window + 1) * self.thresholds.window_s
        day = int(window * self.thresholds.window_s // SECONDS_PER_DAY)
        if self._day is not None and day != self._day:
            yield from self._end_day()
        self._day = day
        self.state.grow(int(reports.terminal[-1]) + 1)
        seen = look(reports, self.thresholds, self.ground)
        self.excused += int(np.count_nonzero(seen.excused))
        found = symptoms.of_window(seen, self.state, self.thresholds, self._limits(), self.ground)
        self._remember(reports.of(seen.last), *symptoms.abroad_windows(seen), day)
        now = [Kind.ABROAD, Kind.HOLDER]  # those of days, which a window says nothing of
        for kind in now:
            found.for_[NUMBER[kind]] = 0.0
        found.against *= (self._contrary > 0.0)[:, np.newaxis]
        yield from self._score(found, reports.of(seen.last), ends_s, self.thresholds.window_s / symptoms.HOUR_S)

    def _limits(self) -> Floats:
        named = [
            self.thresholds.speeds_kmh.get(word, self.thresholds.fastest_kmh) for word in self.registers.classes.words
        ]
        return np.array([*named, self.thresholds.fastest_kmh])

    def _remember(self, last: Reports, away: NDArray[np.bool_], home: NDArray[np.bool_], day: int) -> None:
        """What days are judged by."""
        state, who = self.state, last.terminal
        new = state["day"][who] != day
        for name, seen in (("windows_abroad", away), ("windows_at_home", home)):
            state[name][who] = np.where(new, 0, state[name][who]) + seen
        state["day"][who] = day
        for name in ("account", "class_", "quota"):
            value = getattr(last, name)
            state[name][who] = np.where(value >= 0, value, state[name][who])

    # --- days ---------------------------------------------------------------------------------------------------

    def _end_day(self) -> Iterator[Evidence]:
        """Days abroad, and how many terminals each holder ran."""
        if self._day is None:
            return
        state, asked = self.state, self.thresholds
        who = np.flatnonzero(state["day"][: state.rows] == self._day).astype(np.int32)
        found = Symptoms.none(len(who))
        abroad, holder = NUMBER[Kind.ABROAD], NUMBER[Kind.HOLDER]
        roams = {self.registers.classes.known.get(word, -2) for word in asked.at_home}
        bound_home = ~np.isin(state["class_"][who], list(roams))
        at_home = state["windows_at_home"][who] > 0
        found.for_[abroad] = bound_home & ~at_home & (state["windows_abroad"][who] >= asked.abroad_windows)
        found.against[abroad] = at_home
        account = state["account"][who]
        known = account >= 0
        active = np.bincount(account[known], minlength=1)
        quota = np.full(len(active), -1)
        np.maximum.at(quota, account[known], state["quota"][who][known])
        quota = np.where(quota < 0, asked.quota, quota)
        ran = np.where(known, active[account], 0)
        may = np.where(known, quota[account], asked.quota)
        found.for_[holder] = ran > may
        found.against[holder] = ran <= may
        found.measures[Kind.HOLDER] = {"terminals_active": ran, "quota": may}
        ends_s = (self._day + 1) * SECONDS_PER_DAY
        yield from self._score(found, _nothing_of(who, account), ends_s, 1.0)

    # --- scores -------------------------------------------------------------------------------------------------

    def _score(self, found: Symptoms, last: Reports, at_s: float, unit: float) -> Iterator[Evidence]:
        """Add what was found to the scores, and say what has passed a bar. `unit`: of what speaks against."""
        state, who = self.state, last.terminal
        score = state["score"][who].T  # (kind, group)
        hold_at = self._hold_at[:, np.newaxis]
        elapsed = np.nan_to_num((at_s - state["scored_at_s"][who]) / SECONDS_PER_DAY).astype(np.float32)
        less = (
            self._leak[:, np.newaxis] * np.maximum(elapsed, 0.0)
            + found.against * (self._contrary * unit)[:, np.newaxis]
        )
        more = found.for_ * self._on[:, np.newaxis]
        raised = np.maximum(score - less, 0.0) + more
        top = np.where(
            found.capped & (more > 0.0), np.maximum(CAPPED * hold_at, np.minimum(score, MOST * hold_at)), MOST * hold_at
        )
        score = np.minimum(raised, top)
        state["score"][who] = score.T
        state["scored_at_s"][who] = np.fmax(state["scored_at_s"][who], at_s)
        state["peak"][who] = np.maximum(state["peak"][who], (score / hold_at).T)
        told, held = state["raised"][who].T, state["held"][who].T
        low = score < FORGOTTEN * self._raise_at[:, np.newaxis]
        tell = ~told & (score >= self._raise_at[:, np.newaxis])
        hold = ~held & (score >= hold_at)
        state["raised"][who] = ((told & ~low) | tell).T
        state["held"][who] = ((held & ~low) | hold).T
        kinds, groups = np.nonzero(tell | hold)
        yield from self._told(kinds, groups, score, hold, found, last, at_s)

    def _told(
        self, kinds: NDArray[np.int64], groups: NDArray[np.int64], score: NDArray[np.float32],
        hold: NDArray[np.bool_], found: Symptoms, last: Reports, at_s: float,
    ) -> list[Evidence]:  # fmt: skip
        """Evidence, in an order that no order of arrival changes."""
        told = []
        for number, group in zip(kinds.tolist(), groups.tolist(), strict=True):
            kind = KINDS[number]
            bar = self.thresholds.bars[kind]
            measures = {name: values[group].item() for name, values in found.measures.get(kind, {}).items()}
            counted = {bar.unit: round(float(score[number, group]), 3)}
            inputs = {**counted, **measures, **self._inputs(last, group)}
            share = round(float(score[number, group]) / float(self._hold_at[number]), 4)
            terminal = self.registers.terminals.words[last.terminal[group]]
            told.append(Evidence(kind, terminal, at_s, share, bool(hold[number, group]), bar.rule, inputs))
        return sorted(told, key=lambda one: (one.kind, one.terminal))

    def _inputs(self, last: Reports, group: int) -> Mapping[str, Any]:
        """What the last report of the window says; what is unknown is left out."""
        names = self.registers
        numbers = ("lat_deg", last.latitude_deg), ("lon_deg", last.longitude_deg), ("uncertainty_m", last.uncertainty_m)
        said: dict[str, Any] = {
            name: round(float(values[group]), 6)
            for name, values in (*numbers, ("reported_speed_kmh", last.speed_kmh))
            if not np.isnan(values[group])
        }
        if last.cell[group]:
            said["cell"] = format(int(last.cell[group]), "x")
        words = {
            "account": names.accounts.word(int(last.account[group])),
            "class": names.classes.word(int(last.class_[group])),
            "home_territory": names.territories.word(int(last.home[group])),
            "territory": names.territories.word(int(last.territory[group])),
        }
        return said | {name: word for name, word in words.items() if word is not None}


def _nothing_of(who: NDArray[np.int32], account: NDArray[np.int32]) -> Reports:
    """Reports that say nothing but whose they are."""
    rows = len(who)
    unknown, nan, none = np.full(rows, -1, np.int32), np.full(rows, np.nan), np.zeros(rows, np.uint64)
    return Reports(
        at_s=nan, terminal=who, account=account, class_=unknown, home=unknown, registered=unknown, latitude_deg=nan,
        longitude_deg=nan, uncertainty_m=nan, by_gnss=unknown, speed_kmh=nan, session=none, cell=none,
        permitted=unknown, territory=unknown, quota=unknown,
    )  # fmt: skip
