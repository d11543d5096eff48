"""Evaluate the detectors of misuse on simulated fleets, and draw the curve.

    python tools/evaluate_misuse.py train [SEED …]    seeds 1 to 99: look as often as you like, choose thresholds
    python tools/evaluate_misuse.py test              seed 2027, run once thresholds were committed; writes
                                                      docs/pictures/misuse.png and docs/pictures/misuse.json
    python tools/evaluate_misuse.py check             run that once more: exactly what misuse.json says must come out

2,100 honest terminals over 50 days (training: 1,000), and all kinds of misuse beside them: twenty million reports, six
minutes of a processor. Reports go from simulation to detectors without a file between.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from openleo.fleet.simulate import FleetAsked, Simulation
from openleo.misuse.curve import draw
from openleo.misuse.detector import Detector
from openleo.misuse.evaluation import Evaluation, Truth, evaluate
from openleo.misuse.evidence import Evidence
from openleo.misuse.trace_reader import Reader

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
KEPT = PICTURES / "misuse.json"
TEST_SEED, TRAINING_SEED = 2027, 1
TERMINALS, DAYS = 2_100, 50.0
TRAINING_TERMINALS = 1_000


def run(terminals: int, days: float, seed: int) -> tuple[Evaluation, list[Evidence], float]:
    """(evaluation, evidence, CPU seconds of reading and detecting)."""
    made = Simulation(FleetAsked.of(terminals, days, seed, "all"))
    reader, truth = Reader(), Truth()
    detector = Detector(reader.registers)
    found: list[Evidence] = []
    cpu_s = 0.0
    for part in made.parts():
        began = time.process_time()
        reports = reader.reports(part)
        found += detector.take(reports)
        cpu_s += time.process_time() - began
        truth.add(part, reports)
    found += detector.finish()
    return evaluate(truth, detector, found), found, cpu_s


def told(scored: Evaluation, cpu_s: float) -> None:
    print(scored.headline(), f"{scored.reports:,} reports, {scored.reports / cpu_s:,.0f} a CPU second")
    for one in scored.kinds:
        print("  ", one.as_json())
    honest = {row["factor"]: row["wrongly_cut_terminals"] for row in scored.as_json()["curve"]}
    print("   wrongly cut terminals by factor:", {factor: count for factor, count in honest.items() if factor > 0.2})


def written(scored: Evaluation) -> str:
    """As misuse.json has it."""
    said = scored.as_json() | {"seed": TEST_SEED, "terminals": TERMINALS, "days": DAYS}
    return json.dumps(said, indent=1) + "\n"


def main() -> None:
    match sys.argv[1:]:
        case ["train", *seeds]:
            for seed in map(int, seeds or [str(TRAINING_SEED)]):
                if seed == TEST_SEED:
                    sys.exit("that is the test's seed")
                scored, found, cpu_s = run(TRAINING_TERMINALS, DAYS, seed)
                told(scored, cpu_s)
                for one in found:
                    if one.holds_renewal:
                        print(json.dumps(one.as_json()))
        case ["test"]:
            scored, _, cpu_s = run(TERMINALS, DAYS, TEST_SEED)
            told(scored, cpu_s)
            draw(scored, PICTURES / "misuse.png")
            KEPT.write_text(written(scored), encoding="utf-8")
        case ["check"]:
            scored, _, cpu_s = run(TERMINALS, DAYS, TEST_SEED)
            told(scored, cpu_s)
            if written(scored) != KEPT.read_text(encoding="utf-8"):
                sys.exit(f"{KEPT} says something else")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
