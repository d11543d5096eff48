"""`make bench`: times every workload beside its baseline and writes benchmarks/out/results.json and a table.

CPU seconds of this process, the median of several runs taken in turn (ours, baseline, ours, …), so that a machine that
slows down slows both. Before timing, both answers are compared: a fast wrong answer is no result.
"""

from __future__ import annotations

import json
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import workloads

RUNS = 5


@dataclass(frozen=True)
class Entry:
    """One workload against one baseline."""

    name: str
    openleo_cpu_s: float
    baseline: str
    baseline_cpu_s: float
    spread: float  # (max − min) / median of our runs
    peak_mib: float

    @property
    def ratio(self) -> float:
        return self.baseline_cpu_s / self.openleo_cpu_s


def _cpu_s(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def measure(workload: workloads.Workload) -> Entry:
    workload.check()
    ours, theirs = [], []
    for _ in range(RUNS):
        ours.append(_cpu_s(workload.openleo) / workload.repeats)
        theirs.append(_cpu_s(workload.baseline))
    middle = statistics.median(ours)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    spread = (max(ours) - min(ours)) / middle
    return Entry(workload.name, middle, workload.baseline_name, statistics.median(theirs), spread, peak_mib)


def main() -> None:
    entries = []
    print(f"{'workload':58} {'openleo':>11} {'baseline':>11} {'ratio':>8}  baseline")
    for make in workloads.ALL:
        entry = measure(make())
        entries.append(entry)
        times = f"{entry.openleo_cpu_s * 1e3:8.2f} ms {entry.baseline_cpu_s * 1e3:8.1f} ms {entry.ratio:7.1f}×"
        print(f"{entry.name:58} {times}  {entry.baseline}", flush=True)
    out = Path(__file__).parent / "out"
    out.mkdir(exist_ok=True)
    rows = [{**vars(entry), "ratio": entry.ratio} for entry in entries]
    (out / "results.json").write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
