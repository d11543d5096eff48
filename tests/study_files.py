"""Studies small enough to be computed in a test."""

from __future__ import annotations

from pathlib import Path

SCENARIO = """
name = "small"
start = 2026-11-20T00:00:00Z
duration = "1h"
[constellation]
catalogue = "starlink-shell1"
[ground]
area = ["LUX"]
[failures.random]
seed = 1
satellites = { share = 0.95 }
"""

SEEDS = """
[[factor]]
name = "seed"
key = "failures.random.seed"
count = {count}
"""


def small(folder: Path, factors: str = SEEDS.format(count=4), head: str = "", scenario: str = SCENARIO) -> Path:
    """A study file beside its scenario; each run has four slots."""
    (folder / "small.toml").write_text(scenario)
    path = folder / "study.toml"
    path.write_text(f'name = "seeds"\nscenario = "small.toml"\nslots = 4\n{head}\n{factors}')
    return path
