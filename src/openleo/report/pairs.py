"""Round-trip times of pairs as a CSV, written beside its place and moved there when the last row is in."""

from __future__ import annotations

import csv
import io
import math
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from openleo.network.pairs import PairTimes
from openleo.report.staging import StagedFile, blaming, closed

COLUMNS = ("t_s", "from", "to", "rtt_ms", "hops")


class PairsWriter:
    """A context manager; the file is there only if everything was written."""

    def __init__(self, target: Path, names: tuple[str, ...]):
        self.pairs = self.unreachable = 0
        self._target = target
        self._pairs = [f",{_fields(i, j)}," for i in names for j in names]  # written anew at every instant
        self._other = np.flatnonzero(~np.eye(len(names), dtype=np.bool_))  # pairs of two places
        self._open = ExitStack()
        self._file: IO[str] | None = None

    def __enter__(self) -> PairsWriter:
        with ExitStack() as opening:
            path = opening.enter_context(StagedFile(self._target))
            with blaming(self._target):
                self._file = path.open("w", newline="", encoding="utf-8")
            opening.enter_context(closed(self._file, self._target))
            self._file.write(_fields(*COLUMNS) + "\n")
            self._open = opening.pop_all()
        return self

    def write(self, t_s: str, times: PairTimes) -> None:
        """All ordered pairs of one instant; `t_s` as it was asked for."""
        assert self._file is not None
        pairs, at = self._pairs, _fields(t_s)
        rtt_ms, hops = (values.ravel()[self._other] for values in (times.rtt_ms, times.hops))
        found = zip(self._other.tolist(), rtt_ms.tolist(), hops.tolist(), strict=True)
        lines = [
            f"{at}{pairs[pair]}{ms:.6f},{links}\n" if ms < math.inf else f"{at}{pairs[pair]},\n"
            for pair, ms, links in found
        ]
        with blaming(self._target):
            self._file.writelines(lines)
        self.pairs += len(lines)
        self.unreachable += int((~np.isfinite(rtt_ms)).sum())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)


def _fields(*values: str) -> str:
    """Fields of a CSV, quoted where they must be."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue().removesuffix("\n")
