"""What a plan keeps of its rules: windows at its start, nothing permitted on what it cannot know, and it says so."""

from __future__ import annotations

import pytest

from openleo.errors import InputError
from openleo.scenario import Scenario

SCENARIO = """name = "t"
start = 2026-11-20T00:00:00Z
duration = "1m"
[[constellation.shell]]
name = "demo"
altitude_km = 550
inclination_deg = 53
planes = 6
per_plane = 4
[ground]
area = ["TON"]
resolution = 3
[policy]
rules = "r.toml"
"""
RULE = """schema = 1
book = "operator"
[[rule]]
id = "r1"
effect = "permit"
territory = {in = "TON"}
reason = "licensed"
"""
FORBID = """[[rule]]
id = "f1"
effect = "forbid"
emergency = "cut"
territory = {in = "TON"}
reason = "a limit"
"""


@pytest.fixture
def load(tmp_path):
    def load(rules):
        (tmp_path / "r.toml").write_text(rules)
        (tmp_path / "s.toml").write_text(SCENARIO)
        return Scenario.load(tmp_path / "s.toml")

    return load


def may_serve(scenario):
    return {row.territory: row.may_serve for row in scenario.run().territories}["TON"]


@pytest.mark.parametrize(
    ("rules", "share"),
    [
        (RULE, 1.0),
        (RULE + "from = 2026-11-20T00:00:00Z\n", 1.0),
        (RULE + "from = 2026-11-21T00:00:00Z\n", 0.0),
        (RULE + "until = 2026-11-20T00:00:00Z\n", 0.0),
        (RULE + FORBID + "until = 2026-11-20T00:00:00Z\n", 1.0),
        (RULE + 'weekly = [{days = ["fri"], from = "13:00", until = "14:00", zone = "Pacific/Tongatapu"}]\n', 1.0),
        (RULE + 'weekly = [{days = ["fri"], from = "00:00", until = "01:00", zone = "Pacific/Tongatapu"}]\n', 0.0),
        (RULE + "conditions = {speed_kmh_max = 75}\n", 0.0),
        (RULE + FORBID + "conditions = {speed_kmh_min = 75}\n", 0.0),
        (RULE + FORBID + 'who = {classes = ["maritime"]}\nconditions = {speed_kmh_min = 75}\n', 1.0),
    ],
)
def test_a_plan_under_rules_of_the_whole_language(load, rules, share):
    assert may_serve(load(rules)) == share


def test_what_a_plan_cannot_know_is_said(load):
    notes = load(RULE + FORBID + "conditions = {speed_kmh_min = 75}\n").case.notes
    assert [note for note in notes if note.startswith("Rule f1: a plan knows no groups, speeds")]
    assert not [note for note in load(RULE).case.notes if note.startswith("Rule")]


def test_a_change_of_rules_within_the_run_is_said(load):
    (note,) = [note for note in load(RULE + "until = 2026-11-20T00:00:30Z\n").case.notes if "within the run" in note]
    assert "change at 2026-11-20T00:00:30Z" in note
    assert not [note for note in load(RULE + "until = 2026-11-20T00:01:00Z\n").case.notes if "within" in note]


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (RULE + 'applies_to = "beam"\n', 'applies_to = "beam" is not yet kept'),
        (RULE + 'land_in = ["TON"]\n', "land_in is not yet kept"),
    ],
)
def test_what_a_plan_would_not_keep_is_refused(load, rules, said):
    with pytest.raises(InputError) as refused:
        load(rules)
    assert said in str(refused.value)
