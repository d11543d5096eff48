"""A score as files: score.json, score.csv and score.png, all or none."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from openleo.report import score_plot
from openleo.report.staging import Staging, blaming
from openleo.score import Score

COLUMNS = ("iso3", "rtt_ms", "measured_rtt_ms", "error_ms", "nearest_pop_rtt_ms", "down_mbps", "measured_down_mbps",
           "up_mbps", "measured_up_mbps", "subscribers", "load", "bound_by", "pops", "why_missing")  # fmt: skip
FILES = ("score.json", "score.csv", "score.png")


def write(score: Score, name: str, folder: Path) -> tuple[str, ...]:
    """Write a score to a folder; gives the names of its files."""
    found = score.as_json()
    with blaming(folder), Staging(folder) as staging:
        text = json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False)
        (staging.path / FILES[0]).write_text(text + "\n", encoding="utf-8")
        with (staging.path / FILES[1]).open("w", encoding="utf-8", newline="") as stream:
            rows = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
            rows.writeheader()
            rows.writerows({**row, "pops": "; ".join(row["pops"])} for row in found["territories"])
        score_plot.draw(score, f"{name}: modelled and measured", staging.path / FILES[2])
        staging.commit(ours=FILES)
    return FILES
