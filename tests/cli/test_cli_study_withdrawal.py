"""`openleo study` of withdrawals, as a person gives the command: its tables, its files, and what it refuses."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from command_line import Run

EXAMPLES = Path(__file__).parents[2] / "examples" / "studies"
STUDY = """
kind = "withdrawal"
name = "small"
scenario = "{scenario}"
slots = 2
territories = ["TWN", "matsu"]
[withdraw]
countries = ["JPN", "PHL"]
[[together]]
name = "both"
countries = ["JPN", "PHL"]
[[cut]]
kind = "country"
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study of one operator without links between satellites."""
    text = (EXAMPLES / "withdrawal-taiwan" / "starlink.toml").read_text(encoding="utf-8")
    assert 'isl = "+grid"' in text
    (tmp_path / "no-links.toml").write_text(text.replace('isl = "+grid"', 'isl = "none"'), encoding="utf-8")
    path = tmp_path / "small.toml"
    path.write_text(STUDY.format(scenario="no-links.toml"), encoding="utf-8")
    return path


@pytest.mark.slow
def test_what_a_territory_depends_on_as_plan_has_it(run: Run, study: Path) -> None:
    done = run("study", study, "--out", "found")
    assert done.code == 0, done.err
    assert "Taiwan" in done.out
    assert "nobody is served without 2 countries' gateways (JPN, PHL); no smaller set does." in done.out
    found = Path("found")
    assert (found / "withdrawals.png").read_bytes().startswith(b"\x89PNG")
    page = (found / "report.html").read_text(encoding="utf-8")
    assert "nobody is served without 2 countries" in page
    assert page.count("<img ") == 1
    assert "http:" not in page
    rows = list(csv.DictReader((found / "withdrawals.csv").read_text(encoding="utf-8").splitlines()))
    told = json.loads((found / "dependence.json").read_text(encoding="utf-8"))
    assert [(row["territory"], row["withdrawn"], float(row["served"])) for row in rows] == [
        (row["territory"], row["withdrawn"], row["served"]) for row in told["withdrawals"]
    ]
    plan = run("plan", study.with_name("no-links.toml"), "--slots", 2, "--json").json
    served = {row["territory"]: row["served"] for row in plan["territories"]}
    assert {row["territory"]: row["served_before"] for row in told["withdrawals"]} == {
        name: served[name] for name in ("TWN", "matsu")
    }
    assert {row["served"] for row in told["withdrawals"] if row["withdrawn"] == "both"} == {0.0}
    again = run("study", study, "--executor", "processes", "--workers", 2, "--out", "again", "--json")
    assert again.json == told
    assert (Path("again") / "withdrawals.png").read_bytes() == (found / "withdrawals.png").read_bytes()


def test_a_kind_that_is_none_and_options_of_other_studies_are_refused(run: Run, study: Path) -> None:
    text = study.read_text(encoding="utf-8")
    study.write_text(text.replace('kind = "withdrawal"\nname', 'kind = "withdrawel"\nname'), encoding="utf-8")
    done = run("study", study)
    assert done.code == 2
    assert "withdrawel" in done.err
    assert "withdrawal" in done.err.replace("withdrawel", "")
    study.write_text(
        text.replace('countries = ["JPN", "PHL"]\n[[together', 'countries = ["JPX"]\n[[together'), encoding="utf-8"
    )
    done = run("study", study, "--runs", 3, "--shard", "1/2")
    assert done.code == 2
    for said in ("--runs", "--shard", "JPX"):
        assert said in done.err
    assert not Path("out").exists()
