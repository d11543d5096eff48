"""`openleo policy shadow`: counts as text and JSON, requests as a list or a line each."""

from __future__ import annotations

import json

import pytest

RULES = """schema = 1
book = "operator"

[[rule]]
id = "lux"
effect = "permit"
territory = { in = "LUX" }
reason = "service is licensed"
"""
LIMIT = 'conditions = { speed_kmh_max = 75 }\nreason = "'
LUX = {"lat_deg": 49.61, "lon_deg": 6.13, "uncertainty_m": 30}
REQUESTS = [
    {"terminal": "t-1", "class": "fixed", "speed_kmh": 0, "position": LUX},
    {"terminal": "t-2", "class": "vehicle", "speed_kmh": 90, "position": LUX},
    {"terminal": "t-3", "class": "vehicle", "position": LUX},
    {"class": "vehicle", "speed_kmh": 90, "position": LUX},
]


@pytest.fixture
def shadow(run, tmp_path):
    (tmp_path / "now.toml").write_text(RULES)
    (tmp_path / "limit.toml").write_text(RULES.replace('reason = "', LIMIT))
    (tmp_path / "f.json").write_text(json.dumps(REQUESTS))
    return lambda *more: run("policy", "shadow", "now.toml", "limit.toml", "--requests", *more)


def test_the_text(shadow):
    done = shadow("f.json", "--examples", "1")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "Requests: 4, decided by now.toml; limit.toml looked on and decided nothing.\n"
        "Decided alike: 1, of them 0 permitted by other rules.\n"
        "Decided otherwise: 3.\n"
        "\n"
        "territory  class    permitted -> refused  refused -> permitted  refused otherwise\n"
        "LUX        vehicle                     3                     0                  0\n"
        "\n"
        "Each difference once, with how many have it and the first of these requests\n"
        "  2 in LUX, class vehicle: PERMITTED (lux) -> NOT_PERMITTED; request [1], terminal t-2\n"
        "  and 1 more (--examples)\n"
    )
    assert "  1 in LUX, class vehicle: PERMITTED (lux) -> INDETERMINATE (lux; missing speed_kmh); request [2]" in (
        shadow("f.json").out
    )


def test_json_and_lines_give_the_same(shadow, tmp_path):
    (tmp_path / "f.jsonl").write_text("\n".join(map(json.dumps, REQUESTS)) + "\n\n")
    answer = shadow("f.json", "--json").json
    assert shadow("f.jsonl", "--json").json == answer
    assert (answer["requests"], answer["different"], answer["permitted_to_refused"]) == (4, 3, 3)
    assert {"in_force": "PERMITTED", "shadow": "NOT_PERMITTED", "requests": 2} in answer["decisions"]
    assert answer["territories"] == [
        {"territory": "LUX", "class": "vehicle", "permitted_to_refused": 3, "refused_to_permitted": 0,
         "refused_otherwise": 0}
    ]  # fmt: skip
    assert [(one["first"], one["requests"]) for one in answer["differences"]] == [(1, 2), (2, 1)]
    assert answer["differences_left_out"] == 0
    short = shadow("f.json", "--json", "--examples", "0").json
    assert (short["differences"], short["differences_left_out"]) == ([], 2)


TERMINALS = """id,class,lat_deg,lon_deg,uncertainty_m,speed_kmh
t-1,fixed,49.61,6.13,30,0
t-2,vehicle,49.61,6.13,30,90
t-3,vehicle,49.61,6.13,30,
t-4,vehicle,49.62,6.12,30,95
"""


def test_a_table_says_what_its_requests_say(shadow, run, tmp_path):
    (tmp_path / "t.csv").write_text(TERMINALS)
    of_table = ("policy", "shadow", "now.toml", "limit.toml", "--terminals", "t.csv")
    said = run(*of_table, "--json").json
    requests = shadow("f.json", "--json").json
    assert said["terminals"] == requests["requests"]
    same = ("different", "territories", "permitted_to_refused", "in_force", "shadow")
    assert {name: said[name] for name in same} == {name: requests[name] for name in same}
    assert [(one["terminal"], one["terminals"]) for one in said["differences"]] == [("t-2", 2), ("t-3", 1)]
    text = run(*of_table)
    assert text.out.splitlines()[0].startswith("Terminals: 4, decided by now.toml")
    assert text.out.splitlines()[-2].endswith("PERMITTED (lux) -> NOT_PERMITTED; row 2, terminal t-2")
    assert text.err == ""


def test_a_table_is_of_an_instant(run, shadow, tmp_path):
    (tmp_path / "t.csv").write_text(TERMINALS)
    (tmp_path / "later.toml").write_text(RULES + "from = 2027-01-01T00:00:00Z\n")
    of_table = ("policy", "shadow", "now.toml", "later.toml", "--terminals", "t.csv")
    assert run(*of_table, "--at", "2027-01-01T00:00:00Z", "--json").json["different"] == 0
    assert run(*of_table, "--at", "2026-12-31T23:59:59Z", "--json").json["permitted_to_refused"] == 4
    without = run(*of_table)
    assert "No --at was given" in without.err
    assert "missing at" in without.out


def test_many_places_are_summed_and_all_are(run, shadow, tmp_path):
    rows = [f"t-{number},{class_},{latitude},{longitude},30,"
            for number, (class_, (latitude, longitude)) in enumerate(
                (class_, place) for class_ in ("fixed", "vehicle", "portable", "maritime")
                for place in ((49.61, 6.13), (48.86, 2.35), (52.52, 13.4), (50.85, 4.35), (40.4, -3.7), (-30.0, -120.0))
            )]  # fmt: skip
    (tmp_path / "t.csv").write_text("\n".join([TERMINALS.splitlines()[0], *rows]) + "\n")
    (tmp_path / "all.toml").write_text(
        RULES.replace('"LUX"', '["LUX", "FRA", "DEU", "BEL", "ESP", "high-seas"], include = []')
    )
    (tmp_path / "none.toml").write_text('schema = 1\nbook = "operator"\n')
    done = run("policy", "shadow", "all.toml", "none.toml", "--terminals", "t.csv", "--examples", 0)
    table = done.out.split("\n\n")[1].splitlines()
    assert len(table) == 1 + 20 + 2, done.out
    assert table[-2].split() == ["4", "others", "4", "0", "0"]
    assert table[-1].split() == ["all", "24", "0", "0"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "--requests or --terminals: is needed."),
        (("--requests", "f.json", "--terminals", "t.csv"), "only one of them can be"),
        (("--requests", "f.json", "--at", "2026-11-20T00:00:00Z"), "--at: is for --terminals"),
        (("--terminals", "t.csv", "--at", "soon"), "--at: is 'soon'"),
        (("--terminals", "no.csv"), "no.csv: there is no such file"),
    ],
)
def test_options_at_fault_are_exit_2(run, shadow, tmp_path, options, said):
    (tmp_path / "t.csv").write_text(TERMINALS)
    done = run("policy", "shadow", "now.toml", "limit.toml", *options)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_no_difference_is_said_shortly(run, shadow):
    assert run("policy", "shadow", "now.toml", "now.toml", "--requests", "f.json").out.endswith(
        "Decided otherwise: 0.\n"
    )


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("f.json", "{}", "f.json: holds no list of requests"),
        ("f.json", '[{"class": "fixd"}]', 'f.json: [0].class: there is no class "fixd"'),
        (
            "f.jsonl",
            '{"class": "fixed"}\n{"class": "fixd"}\n[]\n{\n',
            'f.jsonl, line 2: class: there is no class "fixd"',
        ),
        ("f.jsonl", '{"class": "fixed"}\n[]\n{\n', "f.jsonl, line 2: holds no request"),
        ("f.jsonl", '{"class": "fixed"}\n[]\n{\n', "f.jsonl, line 3: is not JSON"),
    ],
)
def test_requests_at_fault_are_exit_2(shadow, tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    done = shadow(name)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_all_files_at_fault_are_told_together(run, shadow):
    done = run("policy", "shadow", "no.toml", "now.toml", "--requests", "no.jsonl")
    assert done.code == 2
    assert "no.toml: there is no such file" in done.err
    assert "no.jsonl: there is no such file" in done.err
