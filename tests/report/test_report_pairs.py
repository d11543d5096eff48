"""Times and ways of pairs as rows put together in bulk, against the standard library's own writers row by row."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from openleo.network.pairs import PairTimes
from openleo.network.ways import PairWays
from openleo.report.pairs import COLUMNS, PairsWriter
from openleo.report.ways import PathsWriter

AT = datetime(2026, 11, 20, tzinfo=UTC)
NAMES = ("plain", "with, comma", 'with "quotes"', "two\nlines", "100 % {0} %s", "")
RANDOM = np.random.default_rng(5)


def some_times() -> PairTimes:
    """Times of all sizes, some of which end in a five that is rounded, and a third of them without a way."""
    rtt_ms = RANDOM.choice([1e-7, 0.0000005, 1.0000015, 12.3456785, 123456.7], (len(NAMES), len(NAMES)))
    rtt_ms *= RANDOM.choice([1.0, RANDOM.random()], rtt_ms.shape)
    reached = (RANDOM.random(rtt_ms.shape) < 0.67) & ~np.eye(len(NAMES), dtype=bool)
    hops = np.where(reached, RANDOM.integers(2, 40, rtt_ms.shape), -1).astype(np.int32)
    return PairTimes(AT, np.where(reached, rtt_ms, np.inf), hops)


def test_times_against_csv_row_by_row(tmp_path: Path) -> None:
    instants = [("0", some_times()), ("1e2", some_times()), ("0.10", some_times())]
    with PairsWriter(tmp_path / "t.csv", NAMES) as writer:
        for word, times in instants:
            writer.write(word, times)
    expected, unreachable = io.StringIO(), 0
    rows = csv.writer(expected, lineterminator="\n")
    rows.writerow(COLUMNS)
    for word, times in instants:
        for i, start in enumerate(NAMES):
            for j, end in enumerate(NAMES):
                if i != j:
                    there = bool(np.isfinite(times.rtt_ms[i, j]))
                    unreachable += not there
                    rows.writerow(
                        [word, start, end, *([f"{times.rtt_ms[i, j]:.6f}", times.hops[i, j]] if there else ["", ""])]
                    )
    assert (tmp_path / "t.csv").read_bytes() == expected.getvalue().encode()
    assert (writer.pairs, writer.unreachable) == (3 * 30, unreachable)
    assert 0 < unreachable < 90


def test_ways_against_json_line_by_line(tmp_path: Path) -> None:
    times = some_times()
    satellites = ("S-1", 'S "2"', "Ш-3\\", "S-4")
    met = [RANDOM.integers(0, 4, hops - 1).tolist() if hops > 0 else [] for hops in times.hops.ravel()]
    begin = np.concatenate([[0], np.cumsum([len(one) for one in met])])
    ways = PairWays(times, begin, np.array([one for way in met for one in way], np.int32))
    with PathsWriter(tmp_path / "w.jsonl", NAMES, satellites) as writer:
        writer.write("1e2", ways)
    expected = [
        {
            "t_s": "1e2",
            "from": start,
            "to": end,
            "rtt_ms": round(float(times.rtt_ms[i, j]), 6) if times.hops[i, j] > 0 else None,
            "satellites": [satellites[one] for one in met[i * len(NAMES) + j]],
        }
        for i, start in enumerate(NAMES)
        for j, end in enumerate(NAMES)
        if i != j
    ]
    said = (tmp_path / "w.jsonl").read_text(encoding="utf-8")
    assert said == "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in expected)
