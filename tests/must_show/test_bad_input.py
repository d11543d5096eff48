"""Bad input (issue 2): each case by the command that a user types; exit 2, every problem said, nothing written.

A message names the file, the place in it, what was found, the rule and a way out.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import openleo
from openleo.network.constellation import tle

SHELL = """[[constellation.shell]]
name = "demo"
altitude_km = 550
inclination_deg = 53
planes = 6
per_plane = 4
"""
HEAD = 'name = "t"\nstart = 2026-11-20T00:00:00Z\n'
GOOD = f'{HEAD}duration = "1m"\n{{key}}\n{SHELL}[ground]\narea = {{area}}\n{{rest}}\n'
RULE = """schema = 1
book = "operator"
[[rule]]
id = "r1"
effect = "permit"
territory = {territory}
authority = "operator"
reason = "licensed"
"""


def scenario(key="", area='["TON"]', rest="", shell=SHELL, head=None):
    text = GOOD.format(key=key, area=area, rest=rest).replace(SHELL, shell)
    return text if head is None else text.replace(f'{HEAD}duration = "1m"\n', head)


BOW_TIE = json.dumps({"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]})

# What is wrong: (the scenario, files beside it, what the one line on stderr says).
CASES = {
    "a shell whose satellites do not divide by its planes": (
        scenario(shell=SHELL.replace("planes = 6\nper_plane = 4", "planes = 7\nsatellites = 40")),
        {},
        ["s.toml", "constellation.shell[0]", '"demo"', "40 satellites in 7 planes", "same number in each plane", "Try"],
    ),
    "an unknown territory": (
        scenario(area='["TWM"]'),
        {},
        ["s.toml", "ground.area", '"TWM"', "a territory is", "Did you mean", "TWN"],
    ),
    "an unknown territory in a rule": (
        scenario(rest='[policy]\nrules = "r.toml"'),
        {"r.toml": RULE.format(territory='{in = "TWM"}')},
        ["r.toml", 'rule "r1"', '"TWM"', "a territory is", "Did you mean", "TWN"],
    ),
    "a rule on a contested country without include or exclude": (
        scenario(rest='[policy]\nrules = "r.toml"'),
        {"r.toml": RULE.format(territory='{in = "TWN"}')},
        ["r.toml", 'rule "r1"', "touches contested areas", "kinmen (administered by TWN, claimed by CHN)", "include"],
    ),
    "a polygon that crosses itself": (
        scenario(area='["zone.geojson"]'),
        {"zone.geojson": BOW_TIE},
        ["zone.geojson", "geometry 0", "Self-intersection[1 1]", "not a simple polygon", "Draw the ring"],
    ),
    "an end before the start": (
        scenario(head=HEAD + "end = 2026-11-19T00:00:00Z\n"),
        {},
        ["s.toml", "end 2026-11-19T00:00:00Z", "start 2026-11-20T00:00:00Z", "not after", "write an end after"],
    ),
    "rules that are not there": (
        scenario(rest='[policy]\nrules = "no.toml"'),
        {},
        ["no.toml", "there is no such file", "Check the path"],
    ),
    "gateways that are not there": (
        scenario(rest='gateways = "no.csv"'),
        {},
        ["s.toml", "ground.gateways", "no.csv", "No such file", "relative to"],
    ),
    "elements that are not there": (
        scenario(shell='[constellation]\nelements = "no.tle"\n'),
        {},
        ["no.tle", "No such file", "Check the path"],
    ),
    "an area that is not there": (
        scenario(area='["no.geojson"]'),
        {},
        ["no.geojson", "no such file", "relative to"],
    ),
    "an unknown key": (
        scenario(key='slott = "15s"'),
        {},
        ["s.toml", "slott", "no key", "Did you mean slot"],
    ),
    "an unknown key of a rule": (
        scenario(rest='[policy]\nrules = "r.toml"'),
        {"r.toml": RULE.format(territory='{in = "TON"}') + "priority = 3\n"},
        ["r.toml", "rule[0].priority", "no key", "Known keys"],
    ),
    "a kind of rule that a plan does not yet keep": (
        scenario(rest='[policy]\nrules = "r.toml"'),
        {"r.toml": RULE.format(territory='{in = "TON"}') + 'land_in = ["FJI"]\n'},
        ["r.toml", 'rule "r1"', "land_in", "not yet", "Leave the rule out"],
    ),
    "a window that ends before it begins": (
        scenario(rest='[policy]\nrules = "r.toml"'),
        {"r.toml": RULE.format(territory='{in = "TON"}')
            + "from = 2026-11-20T00:00:00Z\nuntil = 2026-11-19T00:00:00Z\n"},
        ["r.toml", 'rule "r1"', "2026-11-19T00:00:00Z", "before it begins", "Set until after from"],
    ),
}  # fmt: skip


def plan(*options):
    """(exit code, stdout, stderr) of `openleo plan s.toml OPTIONS…`."""
    return openleo("plan", "s.toml", *options)


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused_in_one_line_that_teaches(here, name):
    text, files, said = CASES[name]
    (here / "s.toml").write_text(text)
    for file, content in files.items():
        (here / file).write_text(content)
    code, out, err = plan()
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    for words in said:
        assert words in line
    assert {path.name for path in here.iterdir()} == {"s.toml", *files}


def test_every_problem_is_reported_at_once(here):
    (here / "s.toml").write_text(
        scenario(
            area='["TWM", "zone.geojson"]',
            shell=SHELL.replace("planes = 6\nper_plane = 4", "planes = 7\nsatellites = 40"),
            rest='gateways = "no.csv"\n[policy]\nrules = ["r.toml", "no.toml"]',
        )
    )
    (here / "zone.geojson").write_text(BOW_TIE)
    (here / "r.toml").write_text(RULE.format(territory='{in = "JPN"}') + 'who = {classes = ["fixd"]}\n')
    code, _, err = plan()
    assert code == 2
    for words in ("40 satellites", "TWM", "Self-intersection", "no.csv", "dokdo", "fixd", "no.toml"):
        assert words in err
    assert len(err.splitlines()) == 7


def element_lines(number, anomaly_deg):
    bodies = (
        f"1 {number:05d}U 26001A   26324.00000000  .00000000  00000-0  10000-3 0  999",
        f"2 {number:05d}  53.0500 110.0000 0001500  75.0000 {anomaly_deg:8.4f} 15.0600000000001",
    )
    return [body + str(tle.checksum(body)) for body in bodies]


def test_a_wrong_checksum_among_good_ones_is_set_aside_and_said_and_the_run_goes_on(here):
    lines = []
    for number in range(12):
        first, second = element_lines(80_000 + number, 30.0 * number)
        if number == 5:
            first = first[:-1] + str((int(first[-1]) + 3) % 10)
        lines += [f"SAT-{number}", first, second]
    (here / "e.tle").write_text("\n".join(lines) + "\n")
    (here / "s.toml").write_text(scenario(shell='[constellation]\nelements = "e.tle"\n'))
    code, out, err = plan("--json", "--out", "out")
    assert code == 0
    said = [line for line in err.splitlines() if "SAT-5" in line]
    assert len(said) == 1
    for words in ("e.tle", "line 17", "checksum", "Set aside"):
        assert words in said[0]
    summary = json.loads(out)
    assert summary["satellites"] == 11
    assert any("SAT-5" in note and "checksum" in note for note in summary["notes"])
    assert (here / "out" / "summary.json").exists()


@pytest.mark.parametrize("out", ["file", "file/out"])
def test_an_output_folder_that_cannot_be_written_leaves_nothing_half_written(here, out):
    (here / "s.toml").write_text(scenario())
    (here / "file").write_text("mine")
    code, stdout, err = plan("--out", out)
    assert (code, stdout) == (2, "")
    (line,) = [line for line in err.splitlines() if line.startswith(out)]
    assert "--out" in line
    assert {path.name for path in here.iterdir()} == {"s.toml", "file"}
    assert (here / "file").read_text() == "mine"
