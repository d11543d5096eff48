"""The demo (issue 2), over its first hour: Taiwan not permitted, and what permitting it would change.

Numbers are those of the issue: reach at least 0.99; nothing served; every other territory loses exactly nothing.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from openleo.places.territories import territories

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTHING = {"cells": 0, "area_km2": 0.0, "people": 0, "terminals": None}
ACTIVATED = ("TWN", "kinmen", "matsu")
NEIGHBOURS = ("JPN", "PHL", "KOR")
SLOTS = 240

pytestmark = pytest.mark.slow


def plan(scenario, folder):
    """summary.json of `openleo plan SCENARIO`."""
    command = [sys.executable, "-m", "openleo", "plan", scenario, "--slots", SLOTS, "--out", folder]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Taiwan" in done.stdout
    return json.loads((folder / "summary.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=["taiwan", "taiwan-no-isl"])
def demo(request, tmp_path_factory):
    return plan(EXAMPLES / f"{request.param}.toml", tmp_path_factory.mktemp(request.param) / "out")


@pytest.fixture(scope="module")
def there_and_back(tmp_path_factory):
    """The demo, and the demo with its two rule sets swapped."""
    folder = tmp_path_factory.mktemp("swapped")
    text = (EXAMPLES / "taiwan.toml").read_text(encoding="utf-8")
    rules = {key: re.search(rf'^{key} = "(.*)"', text, re.MULTILINE)[1] for key in ("rules", "compare")}
    for key, other in (("rules", "compare"), ("compare", "rules")):
        text = re.sub(rf'^{key} = ".*"', f'{key} = "{EXAMPLES / rules[other]}"', text, flags=re.MULTILINE)
    (folder / "swapped.toml").write_text(text, encoding="utf-8")
    return plan(EXAMPLES / "taiwan.toml", folder / "there"), plan(folder / "swapped.toml", folder / "back")


def by_territory(summary):
    return {row["territory"]: row for row in summary["territories"]}


def changes(summary, class_="fixed"):
    return {row["territory"]: row for row in summary["effect"]["territories"] if row["class"] == class_}


def test_taiwan_can_be_served_and_may_not_be(demo):
    taiwan = by_territory(demo)["TWN"]
    assert taiwan["can_serve"] >= 0.99
    assert taiwan["may_serve"] == 0.0
    assert taiwan["served"] == 0.0
    assert taiwan["not_served_because"]["not_permitted"] >= 0.99
    assert (taiwan["rtt_ms_p50"], taiwan["rtt_ms_p95"]) == (None, None)
    assert taiwan["weighting"] == "population"
    assert taiwan["population"] == territories()["TWN"].population


@pytest.mark.parametrize("id_", NEIGHBOURS)
def test_the_neighbours_are_served(demo, id_):
    row = by_territory(demo)[id_]
    assert row["may_serve"] == 1.0
    assert row["served"] >= 0.99
    assert row["population"] == territories()[id_].population
    assert 15.0 < row["rtt_ms_p50"] < row["rtt_ms_p95"] < 150.0


def test_every_share_is_accounted_for(demo):
    for row in demo["territories"]:
        assert row["served"] + sum(row["not_served_because"].values()) == pytest.approx(1.0, abs=1e-5), row["territory"]
        assert row["served"] <= min(row["can_serve"], row["may_serve"]) + 1e-6


def test_the_run_is_the_one_that_was_asked_for(demo):
    assert demo["slots"] == SLOTS
    assert demo["satellites"] == 4_408
    assert demo["satellites_masked"] == []
    assert demo["start"] == "2026-11-20T00:00:12Z"
    expected = {
        "scenario",
        "constellation",
        "gateways",
        "pops",
        "area",
        "territories",
        "population",
        "rules",
        "compare",
    }
    assert set(demo["inputs"]) == expected


@pytest.mark.parametrize("id_", ACTIVATED)
def test_activation_gives_service_to_the_people_of_taiwan_kinmen_and_matsu(demo, id_):
    change = changes(demo)[id_]
    assert change["gained"]["people"] == pytest.approx(territories()[id_].population, rel=0.01)
    assert change["gained"]["cells"] > 0
    assert change["gained"]["area_km2"] > 0.0
    assert change["lost"] == NOTHING
    assert "twn-1" in change["because"]
    assert change["rtt_ms_p50"][0] is None
    assert 15.0 < change["rtt_ms_p50"][1] < 150.0


def test_nobody_loses_anything(demo):
    for row in demo["effect"]["territories"]:
        assert row["lost"] == NOTHING, row["territory"]


def test_nothing_changes_for_anybody_else(demo):
    with_waters = {*ACTIVATED, *(f"{id_}.sea12" for id_ in ACTIVATED)}
    others = [row for row in demo["effect"]["territories"] if row["territory"] not in with_waters]
    assert {row["territory"] for row in others} >= {*NEIGHBOURS, "JPN.sea12", "TWN.sea200", "JPN.sea200"}
    for row in others:
        assert row["gained"] == NOTHING, row["territory"]
        assert row["because"] == []
        assert row["rtt_ms_p50"][0] == row["rtt_ms_p50"][1]


def test_every_territory_of_the_summary_has_its_row_of_the_effect(demo):
    assert set(changes(demo)) == set(by_territory(demo))


def test_what_beams_would_take_is_not_known_and_not_zero(demo):
    for row in demo["effect"]["territories"]:
        assert row["displaced_by_capacity"] is None
        assert row["spill_people"] is None


def test_swapping_the_rule_sets_swaps_gained_and_lost(there_and_back):
    there, back = (summary["effect"] for summary in there_and_back)
    assert (there["base"], there["new"]) == (back["new"], back["base"])
    assert there["network"] == back["network"]
    assert [(row["territory"], row["class"]) for row in there["territories"]] == [
        (row["territory"], row["class"]) for row in back["territories"]
    ]
    for one, other in zip(there["territories"], back["territories"], strict=True):
        assert one["gained"] == other["lost"]
        assert one["lost"] == other["gained"]
        assert one["rtt_ms_p50"] == other["rtt_ms_p50"][::-1]
        assert one["because"] == other["because"]


def test_the_swapped_run_serves_taiwan(there_and_back):
    taiwan = by_territory(there_and_back[1])["TWN"]
    assert taiwan["may_serve"] == 1.0
    assert taiwan["served"] == taiwan["can_serve"] >= 0.99
