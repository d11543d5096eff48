"""A bad rule file is refused by every command that reads one (issue 4, Must show), in the same words as by `check`.

Exit code 2, nothing on stdout, nothing written; each problem says the file, the place in it, the rule and a way out.
What else these commands read (requests, tables of terminals, classes, instants) is refused in the same way.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest
from test_bad_rules import AREAS, HEAD, RULES, area, rules

from command_line import openleo

AT = "2026-11-20T12:00:00Z"
POSITION = {"lat_deg": -21.1, "lon_deg": -175.2, "uncertainty_m": 30, "age_s": 1, "source": "gnss"}
REQUEST = {"at": AT, "class": "fixed", "groups": [], "position": POSITION}
SCENARIO = """
name = "tonga"
start = 2026-11-20T00:00:00Z
duration = "1min"
[constellation]
catalogue = "starlink-gen1"
[ground]
area = "TON"
resolution = 3
gateways = "starlink-2026"
[policy]
rules = "{rules}"
"""
VERBS = {
    "decide": "policy decide {} --request f.json",
    "decide in bulk": f"policy decide {{}} --terminals t.csv --at {AT} --out out.csv",
    "mask": f"policy mask {{}} --at {AT} --resolution 3 --out out.parquet",
    "explain": f"policy explain {{}} --at TON --class fixed --time {AT}",
    "diff, of the old": "policy diff {} good.toml",
    "diff, of the new": "policy diff good.toml {}",
    "diff of a view": "policy diff {} --view de-facto",
    "shadow, of those in force": "policy shadow {} good.toml --requests f.json",
    "shadow": "policy shadow good.toml {} --requests f.json",
    "effect, of the old": "policy effect {} good.toml --scenario s.toml --out out",
    "effect, of the new": "policy effect good.toml {} --scenario s.toml --out out",
    "plan": "plan bad.toml --out out",
}
# Those of Must show by name; a class is refused where the file says so, so the others of RULES are of its form alone.
BAD = [
    "an unknown territory", "an unknown territory within an expression", "an unknown class", "an unknown key",
    "an unknown condition", "a window that ends before it begins", "a rule without reason",
    "a rule set of a later schema",
]  # fmt: skip
BAD_AREAS = ["a polygon that crosses itself", "a star of 10,001 vertices that crosses itself everywhere",
             "two combs whose union has a hundred million holes", "coordinates 900 deep"]  # fmt: skip
LONG_TO_READ = BAD_AREAS[1:3]
# The file, a place in it, what was found and the rule, and what to do about it.
WHOLE = re.compile(r"(r\.toml|a\.geojson): [^:]+: .+?[.:;?] .+[.?)]")


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.toml").write_text(rules())
    (tmp_path / "f.json").write_text(json.dumps([REQUEST]))
    (tmp_path / "t.csv").write_text("id,class\nt1,fixed\n")
    (tmp_path / "s.toml").write_text(SCENARIO.format(rules="good.toml"))
    (tmp_path / "bad.toml").write_text(SCENARIO.format(rules="r.toml"))
    return tmp_path


def write(here: Path, name: str) -> None:
    if name in RULES:
        (here / "r.toml").write_text(RULES[name][0])
        return
    content = AREAS[name][0]
    (here / "a.geojson").write_text(content if isinstance(content, str) else json.dumps(content))
    (here / "r.toml").write_text(area("a.geojson"))


def by_every_verb():
    """Every bad file by every verb; those that take long to read by the three that differ most, the rest if slow."""
    for name in [*BAD, *BAD_AREAS]:
        for verb in VERBS:
            quick = name not in LONG_TO_READ or verb in ("decide", "mask", "plan")
            yield pytest.param(name, verb, id=f"{name}-{verb}", marks=[] if quick else [pytest.mark.slow])


@cache
def said_by_check(name):
    """What check says of a file, with that file in the folder of the test that asks first."""
    code, out, said = openleo("policy", "check", "r.toml")
    assert (code, out) == (2, "")
    return said


@pytest.mark.parametrize(("name", "verb"), list(by_every_verb()))
def test_every_verb_says_what_check_says_and_does_nothing(here, name, verb):
    write(here, name)
    said = said_by_check(name)
    before = {path.name for path in here.iterdir()}
    code, out, err = openleo(*VERBS[verb].format("r.toml").split())
    assert (code, out) == (2, "")
    assert set(said.splitlines()) == {line for line in err.splitlines() if line.startswith(("r.toml", "a.geojson"))}
    assert said
    assert {path.name for path in here.iterdir()} == before


@pytest.mark.parametrize("name", [*RULES, *AREAS])
def test_every_problem_says_file_place_rule_and_way_out(here, name):
    write(here, name)
    for line in said_by_check(name).splitlines():
        assert WHOLE.fullmatch(line) or "is not TOML" in line or "too deep" in line or "lists" in line, line


def test_every_good_file_is_taken_by_every_verb_but_those_that_need_a_network(here):
    """So that nothing above is refused for another reason."""
    for verb, text in VERBS.items():
        if verb.startswith(("effect", "plan")):
            continue
        code, _, err = openleo(*text.format("good.toml").split())
        assert code == 0, err


# --- what else is read --------------------------------------------------------------------------------------------

# (what is wrong, the command, a file to change, what is said)
OTHERS = [
    ("a class that is none, in a request", VERBS["decide"], "f.json", [REQUEST | {"class": "fixd"}],
     ["f.json", "[0]", "fixd", "fixed"]),
    ("a field that is none, in a request", VERBS["decide"], "f.json", [REQUEST | {"spee_kmh": 3}],
     ["f.json", "[0].spee_kmh", "no key", "speed_kmh"]),
    ("a source that is none, in a request", VERBS["decide"], "f.json",
     [REQUEST | {"position": POSITION | {"source": "gps"}}], ["f.json", "[0].position.source", "gps"]),
    ("a leap second that never was", VERBS["decide"], "f.json", [REQUEST | {"at": "2026-11-20T23:59:60Z"}],
     ["f.json", "[0].at", "leap second"]),
    ("a class that is none, of a terminal", VERBS["decide in bulk"], "t.csv", "id,class\nt1,fixd\n",
     ["t.csv", "row 1", "fixd", "fixed"]),
    ("a column that is none", VERBS["decide in bulk"], "t.csv", "id,clas\nt1,fixed\n",
     ["t.csv", '"clas"', "not known", "class"]),
    ("a class that is none, of explain", VERBS["explain"].replace("fixed", "fixd"), None, None, ["fixd", "fixed"]),
    ("a class that is none, of mask", VERBS["mask"] + " --classes fixd", None, None, ["fixd", "fixed"]),
    ("a place that is none", VERBS["explain"].replace("TON", "Tonnga"), None, None, ["Tonnga"]),
    ("an instant without its zone", VERBS["mask"].replace("12:00:00Z", "12:00:00"), None, None,
     ["2026-11-20T12:00:00", "zone"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("verb", "file", "content", "said"), [one[1:] for one in OTHERS], ids=[one[0] for one in OTHERS]
)
def test_what_else_is_at_fault_is_refused_in_one_line_that_teaches(here, verb, file, content, said):
    if file:
        (here / file).write_text(content if isinstance(content, str) else json.dumps(content))
    code, out, err = openleo(*verb.format("good.toml").split())
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    for words in said:
        assert words in line


def test_rules_of_two_files_are_told_together(here):
    (here / "r.toml").write_text(HEAD + RULES["an unknown territory"][0].removeprefix(HEAD))
    (here / "b.toml").write_text(RULES["a rule with an empty reason"][0])
    code, _, err = openleo("policy", "decide", "r.toml", "b.toml", "--request", "f.json")
    assert code == 2
    assert [line.partition(":")[0] for line in err.splitlines()] == ["r.toml", "b.toml", "b.toml"]
    assert "stands twice in the book" in err.splitlines()[2]
