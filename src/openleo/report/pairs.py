"""Round-trip times of pairs as a CSV, written beside its place and moved there when the last row is in."""

from __future__ import annotations

import csv
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from openleo.network.pairs import PairTimes
from openleo.report.staging import StagedFile, blaming, closed

COLUMNS = ("t_s", "from", "to", "rtt_ms", "hops")


class PairsWriter:
    """A context manager; the file is there only if everything was written."""

    def __init__(self, target: Path, names: tuple[str, ...]):
        self.pairs = self.unreachable = 0
        self._target, self._names = target, names
        self._open = ExitStack()
        self._rows: Any = None

    def __enter__(self) -> PairsWriter:
        with ExitStack() as opening:
            path = opening.enter_context(StagedFile(self._target))
            with blaming(self._target):
                file = path.open("w", newline="", encoding="utf-8")
            opening.enter_context(closed(file, self._target))
            self._rows = csv.writer(file, lineterminator="\n")
            self._rows.writerow(COLUMNS)
            self._open = opening.pop_all()
        return self

    def write(self, t_s: str, times: PairTimes) -> None:
        """All ordered pairs of one instant; `t_s` as it was asked for."""
        reached = np.isfinite(times.rtt_ms)
        with blaming(self._target):
            for i, start in enumerate(self._names):
                for j, end in enumerate(self._names):
                    if i == j:
                        continue
                    found = [f"{times.rtt_ms[i, j]:.6f}", times.hops[i, j]] if reached[i, j] else ["", ""]
                    self._rows.writerow([t_s, start, end, *found])
        of_all = len(self._names) * (len(self._names) - 1)
        self.pairs += of_all
        self.unreachable += of_all - int(reached.sum())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)
