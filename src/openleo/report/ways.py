"""Ways between pairs over time: a summary of every pair, and every way as a line of JSON."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from openleo.network.ways import PairFigures, PairWays
from openleo.report.staging import StagedFile, blaming, closed

DIGITS = {"rtt_ms": 3, "geodesic_km": 3, "stretch": 4}  # by how a column's name begins
COUNTS = ("unreachable", "hops_min", "hops_max", "path_changes", "lost", "regained")
FIGURES = (
    "unreachable",
    "rtt_ms_min",
    "rtt_ms_p50",
    "rtt_ms_p95",
    "rtt_ms_max",
    "hops_min",
    "hops_max",
    "path_changes",
    "lost",
    "regained",
    "geodesic_km",
    "stretch_vacuum_p50",
    "stretch_vacuum_max",
    "stretch_fibre_p50",
    "stretch_fibre_max",
)
COLUMNS: dict[str, type] = {
    "from": str,
    "to": str,
    "instants": int,
    "reachable": float,
    **{name: int if name in COUNTS else float for name in FIGURES},
}


def rows(found: PairFigures, names: tuple[str, ...]) -> Iterator[tuple[object, ...]]:
    """One row an ordered pair, in the order of COLUMNS; None for what does not exist."""
    columns = [(name, getattr(found, name)) for name in FIGURES]
    for i, start in enumerate(names):
        for j, end in enumerate(names):
            if i == j:
                continue
            share = round(1.0 - float(found.unreachable[i, j]) / found.instants, 6)
            yield (start, end, found.instants, share, *(_known(name, values[i, j]) for name, values in columns))


def _known(name: str, value: float) -> float | int | None:
    if name in COUNTS:
        return int(value) if value >= 0 else None
    digits = next(digits for begins, digits in DIGITS.items() if name.startswith(begins))
    return round(float(value), digits) if np.isfinite(value) else None


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


class PathsWriter:
    """Every way as a line of JSON; a context manager, and the file is there only if everything was written."""

    def __init__(self, target: Path, names: tuple[str, ...], satellites: tuple[str, ...]):
        self._target, self._names = target, [_json(name) for name in names]
        self._satellites = [_json(name) for name in satellites]
        self._open = ExitStack()
        self._file: IO[str] | None = None

    def __enter__(self) -> PathsWriter:
        with ExitStack() as opening:
            path = opening.enter_context(StagedFile(self._target))
            with blaming(self._target):
                self._file = path.open("w", encoding="utf-8")
            opening.enter_context(closed(self._file, self._target))
            self._open = opening.pop_all()
        return self

    def write(self, t_s: str, found: PairWays) -> None:
        """All ordered pairs of one instant; null and no satellites where there is no way."""
        assert self._file is not None
        names, at = self._names, _json(t_s)
        over = [self._satellites[one] for one in found.satellite.tolist()]
        begin, rtt_ms = found.begin.tolist(), found.times.rtt_ms.ravel().tolist()
        # Put together from pieces that are JSON already: several times sooner than `json` on every line.
        lines = [
            f'{{"t_s": {at}, "from": {names[i]}, "to": {names[j]}, '
            f'"rtt_ms": {round(rtt_ms[pair], 6) if begin[pair] < begin[pair + 1] else "null"}, '
            f'"satellites": [{", ".join(over[begin[pair] : begin[pair + 1]])}]}}\n'
            for pair, (i, j) in enumerate(itertools.product(range(len(names)), repeat=2))
            if i != j
        ]
        with blaming(self._target):
            self._file.writelines(lines)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)
