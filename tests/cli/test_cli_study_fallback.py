"""`openleo study` of a place that falls back on satellites, as a person gives the command."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

import withdrawals
from command_line import Run

STUDY = """
kind = "fallback"
name = "small"
scenario = "scenario.toml"
place = ["matsu"]
source = "invented"
[[class]]
name = "government"
gbps = 0.2
[[class]]
name = "others"
gbps = 9.3
[[link]]
name = "cable"
gbps = 10.0
source = "invented"
[[link]]
name = "microwave"
kind = "microwave"
gbps = 0.1
source = "invented"
[satellite]
terminals = 2
terminal_mbps = 50
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    withdrawals.written(tmp_path, slots=2, shells=("low",), more="[capacity]\nenabled = true\n")
    path = tmp_path / "small.toml"
    path.write_text(STUDY, encoding="utf-8")
    return path


@pytest.mark.slow
def test_what_carries_each_class(run: Run, study: Path) -> None:
    done = run("study", study, "--out", "found")
    assert done.code == 0, done.err
    assert "microwave: all carried, 10.00 on the ground" in done.out
    found = Path("found")
    assert (found / "fallback.png").read_bytes().startswith(b"\x89PNG")
    page = (found / "report.html").read_text(encoding="utf-8")
    assert "Microwave: other links carry everything." in page
    assert "government lack nothing" in page or "Gbit/s are lost." in page
    assert page.count("<img ") == 1
    assert "http:" not in page
    rows = list(csv.DictReader((found / "fallback.csv").read_text(encoding="utf-8").splitlines()))
    told = json.loads((found / "fallback.json").read_text(encoding="utf-8"))
    assert [(row["case"], row["class"], float(row["lost_gbps"])) for row in rows] == [
        (row["case"], row["class"], row["lost_gbps"]) for row in told["classes"]
    ]
    cut = {row["class"]: row for row in told["classes"] if row["case"] == "cable"}
    assert cut["government"]["terrestrial_gbps"] == 0.1
    assert 0.0 < cut["government"]["satellite_gbps"] <= 0.1
    assert cut["others"]["whole"] == 0.0
    again = run("study", study, "--out", "again", "--json", "--executor", "processes", "--workers", 1)
    assert again.json == told
    assert (Path("again") / "fallback.png").read_bytes() == (found / "fallback.png").read_bytes()


def test_what_is_wrong_is_told_together(run: Run, study: Path) -> None:
    study.write_text(STUDY.replace("terminals = 2", "terminals = -2").replace("gbps = 0.1", 'gbps = "much"'))
    done = run("study", study, "--runs", 3)
    assert done.code == 2
    for said in ("--runs", "terminals", "gbps"):
        assert said in done.err
    study.write_text(STUDY.replace('"fallback"', '"falback"'))
    done = run("study", study)
    assert done.code == 2
    assert "fallback" in done.err
    study.write_text(STUDY.replace('kind = "fallback"\n', ""))  # its links say what it is
    done = run("study", study)
    assert done.code == 2
    assert "kind" in done.err
    assert not Path("out").exists()
