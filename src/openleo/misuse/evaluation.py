"""How good detectors are on a trace that says which of it was misuse.

Detectors never see the labels: they are read here, beside. In the headline stands the rate of wrongly cut terminals:
days on which the renewal of an honest terminal was held, jammed ones and those on borders among them, by all days on
which honest terminals reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.stats import beta

from openleo.misuse.detector import Detector
from openleo.misuse.evidence import Evidence
from openleo.misuse.reports import Reports
from openleo.misuse.thresholds import KINDS, Kind
from openleo.units import SECONDS_PER_DAY

SURE = 0.95
PER = 10_000  # terminal-days
FACTORS = tuple(float(one) for one in np.geomspace(0.02, 1.9, 60).round(4))
KINDS_OF = {str(kind): number for number, kind in enumerate(KINDS)}


def upper_bound(events: int, trials: int) -> float:
    """The Clopper–Pearson bound that a rate lies below with 95 %; without events the rule of three.

    >>> round(upper_bound(0, 100_000) * 10_000, 3), round(upper_bound(4, 100_000) * 10_000, 3)
    (0.3, 0.915)
    """
    return 1.0 if events >= trials else float(beta.ppf(SURE, events + 1, trials - events))


def lower_bound(events: int, trials: int) -> float:
    """As `upper_bound`, for what a share lies above."""
    return 1.0 - upper_bound(trials - events, trials)


class Truth:
    """What labels say of each terminal, gathered while a trace is read."""

    def __init__(self) -> None:
        self.begins_s = np.full((0, len(KINDS)), np.inf)  # of each kind
        self._day = np.full(0, -1, np.int64)
        self._jammed_day = np.full(0, -1, np.int64)
        self.days = np.zeros(0, np.int64)
        self.jammed_days = np.zeros(0, np.int64)
        self.by_border = np.zeros(0, np.bool_)
        self.reports = 0

    def add(self, table: pa.Table, reports: Reports) -> None:
        """A table with its labels, and the same rows as reports; in order of time."""
        self._grow(int(reports.terminal.max()) + 1)
        self.reports += len(reports)
        labels = table["label"].cast(pa.string()).combine_chunks().dictionary_encode()
        of_word = np.array([*(KINDS_OF.get(word, -1) for word in labels.dictionary.to_pylist()), -1])
        kind = of_word[labels.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
        rows = np.flatnonzero(kind >= 0)
        np.minimum.at(self.begins_s, (reports.terminal[rows], kind[rows]), reports.at_s[rows])
        day = (reports.at_s // SECONDS_PER_DAY).astype(np.int64)
        self._count(self.days, self._day, reports.terminal, day)
        if "border" in table.column_names:
            self.by_border[reports.terminal[table["border"].fill_null(False).to_numpy()]] = True
        if "jammed" in table.column_names:
            jammed = table["jammed"].fill_null(False).to_numpy()
            self._count(self.jammed_days, self._jammed_day, reports.terminal[jammed], day[jammed])

    def _grow(self, rows: int) -> None:
        more = max(0, rows - len(self.days))
        self.begins_s = np.concatenate([self.begins_s, np.full((more, len(KINDS)), np.inf)])
        self._day, self._jammed_day = (np.append(one, np.full(more, -1)) for one in (self._day, self._jammed_day))
        self.days, self.jammed_days = (
            np.append(one, np.zeros(more, np.int64)) for one in (self.days, self.jammed_days)
        )
        self.by_border = np.append(self.by_border, np.zeros(more, np.bool_))

    @staticmethod
    def _count(
        days: NDArray[np.int64], last: NDArray[np.int64], terminal: NDArray[np.int32], day: NDArray[np.int64]
    ) -> None:
        """Count each terminal's days once; days come in order."""
        if not len(day):
            return
        who, when = np.unique(np.stack([terminal.astype(np.int64), day]), axis=1)
        new = when > last[who]
        np.add.at(days, who[new], 1)
        np.maximum.at(last, who, when)

    @property
    def honest(self) -> NDArray[np.bool_]:
        return np.asarray(np.isinf(self.begins_s).all(axis=1))


@dataclass(frozen=True)
class OfKind:
    """One kind: of `misusers`, who was told of and whose renewal was held; of all evidence, what was about misusers."""

    kind: Kind
    misusers: int
    raised: int
    held: int
    evidence: int
    right: int

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": str(self.kind),
            "misusers": self.misusers,
            "recall_evidence": _share(self.raised, self.misusers),
            "recall_held": _share(self.held, self.misusers),
            "recall_held_least": round(lower_bound(self.held, self.misusers), 4) if self.misusers else None,
            "evidence": self.evidence,
            "precision": _share(self.right, self.evidence),
        }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """`curve`: rows (factor on every hold, wrongly cut terminals, recall of each kind)."""

    reports: int
    honest_terminals: int
    honest_days: int
    jammed_days: int
    border_days: int
    wrong_days: int
    wrong_terminals: int
    wrong_evidence: int
    kinds: tuple[OfKind, ...]
    curve: tuple[tuple[float, int, tuple[float | None, ...]], ...]

    @property
    def rate(self) -> float:
        return self.wrong_days / max(1, self.honest_days)

    def as_json(self) -> dict[str, Any]:
        return {
            "reports": self.reports,
            "honest_terminals": self.honest_terminals,
            "honest_terminal_days": self.honest_days,
            "jammed_terminal_days": self.jammed_days,
            "border_terminal_days": self.border_days,
            "wrongly_cut_terminal_days": self.wrong_days,
            "wrongly_cut_terminals": self.wrong_terminals,
            "wrongly_cut_per_10000_days": round(self.rate * PER, 4),
            "wrongly_cut_per_10000_days_most": round(upper_bound(self.wrong_days, self.honest_days) * PER, 4),
            "evidence_on_honest_terminals": self.wrong_evidence,
            "kinds": [one.as_json() for one in self.kinds],
            "curve": [
                {"factor": factor, "wrongly_cut_terminals": wrong, **dict(zip(map(str, KINDS), recall, strict=True))}
                for factor, wrong, recall in self.curve
            ],
        }

    def headline(self) -> str:
        most = upper_bound(self.wrong_days, self.honest_days) * PER
        return (
            f"Wrongly cut: {self.wrong_days} of {self.honest_days:,} honest terminal-days "
            f"({self.jammed_days:,} of them jammed, {self.border_days:,} of people at home by a border): "
            f"{self.rate * PER:.2f} per 10,000, below {most:.2f} with 95 %."
        )


def evaluate(truth: Truth, detector: Detector, evidence: Sequence[Evidence]) -> Evaluation:
    """Evidence beside the labels, after the whole trace."""
    known = detector.registers.terminals.known
    honest = truth.honest
    about = np.array([known[one.terminal] for one in evidence], np.int64)
    at_s = np.array([one.at_s for one in evidence])
    holds = np.array([one.holds_renewal for one in evidence], np.bool_)
    number = np.array([KINDS_OF[one.kind] for one in evidence], np.int64)
    right = (truth.begins_s.min(axis=1)[about] <= at_s) if len(evidence) else np.zeros(0, np.bool_)
    wrong = holds & honest[about] if len(evidence) else holds
    days = {(int(who), int(when // SECONDS_PER_DAY)) for who, when in zip(about[wrong], at_s[wrong], strict=True)}
    rows = []
    for kind, column in KINDS_OF.items():
        misusers = np.flatnonzero(np.isfinite(truth.begins_s[:, column]))
        mine = number == column
        raised, held = (np.isin(misusers, about[mine & one]).sum() for one in (right, right & holds))
        rows.append(OfKind(Kind(kind), len(misusers), int(raised), int(held), int(mine.sum()), int(right[mine].sum())))
    return Evaluation(
        reports=truth.reports, honest_terminals=int(honest.sum()), honest_days=int(truth.days[honest].sum()),
        jammed_days=int(truth.jammed_days[honest].sum()), border_days=int(truth.days[honest & truth.by_border].sum()),
        wrong_days=len(days), wrong_terminals=len({who for who, _ in days}),
        wrong_evidence=int(honest[about].sum()) if len(evidence) else 0, kinds=tuple(rows),
        curve=_curve(truth, detector.state["peak"][: len(honest)]),
    )  # fmt: skip


def _curve(truth: Truth, peak: NDArray[np.float32]) -> tuple[tuple[float, int, tuple[float | None, ...]], ...]:
    """From the highest score of each terminal: whom every hold would have met, had it been `factor` times as high."""
    honest = peak[truth.honest].max(axis=1, initial=0.0)
    misuse = [peak[np.isfinite(truth.begins_s[:, column]), column] for column in range(len(KINDS))]
    return tuple(
        (factor, int((honest >= factor).sum()), tuple(_share(int((one >= factor).sum()), len(one)) for one in misuse))
        for factor in FACTORS
    )
