"""How many reports a second the detectors of misuse take, and what they remember of each terminal."""

from __future__ import annotations

import time
from pathlib import Path

from openleo.fleet.simulate import FleetAsked, Simulation
from openleo.misuse.detector import Detector
from openleo.misuse.state import BYTES_A_TERMINAL
from openleo.misuse.trace_reader import Reader

TERMINALS, DAYS, SEED = 2_000, 2.0, 1


def run(_out: Path) -> dict[str, object]:
    """Two days of a fleet with all kinds of misuse; simulated beforehand, and not timed."""
    parts = list(Simulation(FleetAsked.of(TERMINALS, DAYS, SEED, "all")).parts())
    reader = Reader()
    detector = Detector(reader.registers)
    began, cpu = time.perf_counter(), time.process_time()
    found = [one for part in parts for one in detector.take(reader.reports(part))] + detector.finish()
    cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - began
    reports = sum(map(len, parts))
    print(f"{'misuse':58} {reports / cpu_s:,.0f} reports a CPU second; {BYTES_A_TERMINAL} bytes a terminal", flush=True)
    return {
        "reports": reports, "cpu_s": cpu_s, "wall_s": wall_s, "reports_per_cpu_s": reports / cpu_s,
        "bytes_a_terminal": BYTES_A_TERMINAL, "evidence": len(found),
    }  # fmt: skip
