"""Rates beside what users measured: the rank correlation of modelled and published medians, with its interval.

Authority: the operator's published medians of 2026-09 on the half that was given. Skipped, visibly, without them.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import openleo

ROOT = Path(__file__).resolve().parents[2]
MEASURED = ROOT.parent / "shared" / "data" / "measured" / "starlink_residential_p50_2026-09_a.csv"


@pytest.mark.slow
@pytest.mark.skipif(not MEASURED.exists(), reason="the measured medians are not in ../shared/data")
def test_modelled_downloads_rank_as_measured_ones_do(capsys):
    code, said, err = openleo("score", ROOT / "examples" / "score-rates.toml", "--measured", MEASURED, "--json")
    assert code == 0, err
    found = json.loads(said)
    down, up = found["down"], found["up"]
    low, high = down["spearman_95"]
    with capsys.disabled():
        print(f"\ndown: rank correlation {down['spearman']} (95 %: {low} to {high}), {down['n']} territories")
        print(f"up: rank correlation {up['spearman']}, {up['n']} territories; {found['notes'][-1]}")
    assert down["n"] >= 80
    assert 0.0 < low < down["spearman"] < high  # better than chance; 0.5 was aimed at, and is within
    assert high > 0.5
    assert "assumptions" in found["notes"][-1]
