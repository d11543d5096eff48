"""What a plan keeps of its rules: windows at its start, nothing permitted on what it cannot know, and it says so."""

from __future__ import annotations

import pytest

from command_line import openleo
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


def test_notes_are_of_the_slots_that_are_computed(load, tmp_path):
    """A change of rules after the first slots was told as one within the run."""
    whole = load(RULE + "until = 2026-11-20T00:00:30Z\n")
    assert [note for note in whole.first_slots(4).case.notes if "within the run" in note]
    cut = whole.first_slots(2)
    assert not [note for note in cut.case.notes if "within the run" in note]
    assert cut.case.notes == tuple(note for note in whole.case.notes if "within the run" not in note)
    for slots, told in (("4", True), ("2", False)):
        code, _, err = openleo("plan", tmp_path / "s.toml", "--slots", slots, "--out", tmp_path / "out")
        assert code == 0, err
        assert ("within the run" in err) == told


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (RULE + 'land_in = ["TON"]\n', "land_in is not yet kept"),
    ],
)
def test_what_a_plan_would_not_keep_is_refused(load, rules, said):
    read = load(rules)
    with pytest.raises(InputError) as refused:
        read.run()
    assert said in str(refused.value)
    with pytest.raises(InputError) as at_once:
        Scenario.load(read.path, to_run=True)
    assert str(at_once.value) == str(refused.value)


def test_the_file_at_fault_is_named_and_others_of_the_scenario_with_it(tmp_path):
    """All files were named, "a.toml, b.toml", and verbs that compute no plan refused the scenario."""
    (tmp_path / "a.toml").write_text(RULE)
    (tmp_path / "b.toml").write_text(RULE.replace("operator", "court") + 'land_in = ["TON"]\n')
    said = SCENARIO.replace('rules = "r.toml"', 'rules = ["a.toml", "b.toml"]\ncompare = "b.toml"')
    (tmp_path / "s.toml").write_text(said)
    with pytest.raises(InputError) as refused:
        Scenario.load(tmp_path / "s.toml", to_run=True)
    (problem,) = refused.value.problems
    assert (problem.file, problem.where) == (str(tmp_path / "b.toml"), 'rule "r1"')
    (tmp_path / "s.toml").write_text(said.replace("TON", "TONN", 1))
    with pytest.raises(InputError) as both:
        Scenario.load(tmp_path / "s.toml", to_run=True)
    assert len(both.value.problems) == 2, "all problems at once"


def test_only_a_plan_minds_rules_that_a_plan_would_not_keep(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.toml").write_text(RULE + 'land_in = ["TON"]\n')
    (tmp_path / "s.toml").write_text(SCENARIO)
    path = tmp_path / "s.toml"
    assert openleo("plan", path, "--out", tmp_path / "out")[0] == 2
    code, _, err = openleo("passes", path, "--at=-21.1,-175.2")
    assert code == 0, err
    assert "not yet kept" not in err
    assert openleo("export", "failures", path, "--out", tmp_path / "f.csv")[0] == 0
