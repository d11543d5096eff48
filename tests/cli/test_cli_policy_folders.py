"""A folder of rule files in place of the files: every verb that reads rules takes it, and finds the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from openleo.scenario import Scenario

RULES = """schema = 1
book = "{book}"

[[rule]]
id = "lux"
effect = "{effect}"
territory = {{ in = "LUX" }}
authority = "{book}"
reason = "an example"
"""
REQUEST = {"class": "fixed", "position": {"lat_deg": 49.61, "lon_deg": 6.13, "uncertainty_m": 30}}
TERMINALS = "id,class,lat_deg,lon_deg,uncertainty_m\nt-1,fixed,49.61,6.13,30\n"
AT = "2026-11-20T00:00:00Z"
VERBS = {
    "check": ("RULES", "--now", AT),
    "decide": ("RULES", "--request", "f.json"),
    "decide a table": ("RULES", "--terminals", "t.csv", "--at", AT, "--out", "-"),
    "explain": ("RULES", "--at", "Luxembourg", "--class", "fixed", "--time", AT),
    "mask": ("RULES", "--at", AT, "--resolution", 3, "--out", "m.parquet"),
    "diff": ("other.toml", "RULES"),
    "diff a view": ("RULES", "--view", "de-facto"),
    "shadow": ("other.toml", "RULES", "--requests", "fs.json"),
}


@pytest.fixture
def policy(run, tmp_path):
    """Runs a verb with its RULES."""
    (tmp_path / "rules" / "older").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    (tmp_path / "rules" / "a.toml").write_text(RULES.format(book="operator", effect="permit"))
    court = {"id": "no", "effect": "forbid", "territory": {"in": "LUX"}, "emergency": "keep", "authority": "court",
             "reason": "an order"}  # fmt: skip
    (tmp_path / "rules" / "b.JSON").write_text(json.dumps({"schema": 1, "book": "court", "rule": [court]}))
    for name in ("notes.md", ".a.toml", "older/a.toml"):
        (tmp_path / "rules" / name).write_text("no rules")
    (tmp_path / "other.toml").write_text(RULES.format(book="operator", effect="permit"))
    (tmp_path / "f.json").write_text(json.dumps(REQUEST))
    (tmp_path / "fs.json").write_text(json.dumps([REQUEST]))
    (tmp_path / "t.csv").write_text(TERMINALS)

    def run_verb(verb, *rules):
        words = [word for given in VERBS[verb] for word in (rules if given == "RULES" else (given,))]
        out = str(tmp_path / "decided.csv") if "-" in words else ""
        return run("policy", verb.partition(" ")[0], *(out if word == "-" else word for word in words))

    return run_verb


@pytest.mark.parametrize("verb", VERBS)
def test_a_folder_is_its_files(policy, verb):
    of_folder = policy(verb, "rules")
    assert of_folder.code == 0, of_folder.err
    if verb in ("diff", "shadow"):  # which take one argument for a set: its second file forbids
        assert {"diff": "(court)", "shadow": "PERMITTED (lux) -> FORBIDDEN (no)"}[verb] in of_folder.out
    else:
        assert of_folder.out == policy(verb, "rules/a.toml", "rules/b.JSON").out


@pytest.mark.parametrize("verb", VERBS)
def test_a_folder_without_a_rule_file_is_refused(policy, verb):
    done = policy(verb, "empty")
    assert (done.code, done.out) == (2, "")
    said = "empty: is a folder without a rule file. Name a file, or a folder with files that end in .toml or .json."
    assert said in done.err


def test_a_link_to_nothing_is_a_fault_and_not_passed_over(policy, tmp_path):
    (tmp_path / "rules" / "c.toml").symlink_to(tmp_path / "nothing.toml")
    done = policy("decide", "rules")
    assert done.code == 2
    assert "rules/c.toml: there is no such file" in done.err


@pytest.mark.parametrize("verb", ["check", "decide", "explain", "mask"])
def test_help_says_it(run, verb):
    assert "folders of them" in " ".join(run("policy", verb, "--help").out.split())


def test_a_scenario_takes_a_folder_too(policy, tmp_path, starter):
    text = (
        starter.read_text()
        .replace('rules = "rules/permitted.toml"', 'rules = "rules"')
        .replace('compare = "rules/withdrawn.toml"', "")
    )
    (tmp_path / "scenario.toml").write_text(text)
    names = [Path(source).name for source in Scenario.load(tmp_path / "scenario.toml").case.rules.sources]
    assert names == ["a.toml", "b.JSON"]
