"""`make bench`: times every workload beside its baselines and writes benchmarks/out/results.json and a table.

    python -m benchmarks [NAME …]      all, or those named; `days`, `believable`, `threads`, `growth`,
                                       `ledger`, `leases`, `misuse`, `emulator` and `study` too

Workloads that are named take the place of their own rows in results.json; all of them together begin it anew.

CPU seconds of the process, the median of several runs taken in turn (ours, baseline, ours, …), so that a machine that
slows down slows both. Before timing, the answers are compared: a fast wrong answer is no result. Every workload has a
process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks import (
    believable,
    days,
    emulator,
    growth,
    leases,
    ledger,
    misuse,
    study,
    threads,
    workloads,
)
from benchmarks.measuring import Entry, apart, measure, write_results

OUT = Path(__file__).parent / "out"


def main() -> None:
    known = [name for name, _ in workloads.all_workloads()]
    extra = {
        "days": days.run,
        "believable": believable.run,
        "threads": threads.run,
        "growth": growth.run,
        "ledger": ledger.run,
        "leases": leases.run,
        "misuse": misuse.run,
        "emulator": emulator.run,
        "study": study.run,
    }
    asked = sys.argv[1:] or [*known, *extra]
    if unknown := set(asked) - {*known, *extra}:
        sys.exit(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join([*known, *extra])}")
    OUT.mkdir(exist_ok=True)
    entries: list[Entry] = []
    if any(name in known for name in asked):
        print(f"{'workload':58} {'openleo':>11} {'baseline':>12} {'ratio':>8}  baseline (CPU; peak memory of ours)")
    for name in known:
        if name in asked:
            for entry in apart(measure, name):  # type: ignore[attr-defined]
                entries.append(entry)
                times = f"{entry.openleo_cpu_s * 1e3:8.2f} ms {entry.baseline_cpu_s * 1e3:9.1f} ms {entry.ratio:7.1f}×"
                print(f"{entry.name:58} {times}  {entry.baseline} ({entry.peak_mib:.0f} MiB)", flush=True)
    if entries:
        write_results(OUT / "results.json", entries, anew=set(known) <= set(asked))
    for name, run in extra.items():
        if name in asked:
            answer = apart(run, OUT)
            (OUT / f"{name}.json").write_text(json.dumps(answer, indent=2) + "\n")


if __name__ == "__main__":
    main()
