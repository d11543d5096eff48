"""Round-trip times of pairs as a CSV, written beside its place and moved there when the last row is in."""

from __future__ import annotations

import csv
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

from openleo.network.pairs import PairTimes
from openleo.report.staging import Staging, blaming

COLUMNS = ("t_s", "from", "to", "rtt_ms", "hops")


class PairsWriter:
    """A context manager; the file is there only if everything was written."""

    def __init__(self, target: Path, names: tuple[str, ...]):
        self.pairs = self.unreachable = 0
        self._target, self._names = target, names
        self._staging = Staging(target.parent)
        self._file: IO[str] | None = None
        self._rows: Any = None

    def __enter__(self) -> PairsWriter:
        with blaming(self._target):
            if self._target.is_dir():
                raise IsADirectoryError(21, "Is a directory")
            self._staging.__enter__()
            self._file = (self._staging.path / self._target.name).open("w", newline="", encoding="utf-8")
        self._rows = csv.writer(self._file, lineterminator="\n")
        self._rows.writerow(COLUMNS)
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
        try:
            with blaming(self._target):
                if self._file is not None:
                    self._file.close()
                if kind is None:
                    self._target.parent.mkdir(parents=True, exist_ok=True)
                    (self._staging.path / self._target.name).replace(self._target)
        finally:
            self._staging.__exit__(kind, error, trace)
