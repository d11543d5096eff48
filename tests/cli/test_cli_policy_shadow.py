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
    done = shadow("f.json", "--examples", "2")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "Requests: 4, decided by now.toml; limit.toml looked on and decided nothing.\n"
        "The same decision: 1, of them 0 by other rules.\n"
        "Another decision: 3.\n"
        "\n"
        "In force \\ shadow      FORBIDDEN      SUSPENDED  NOT_PERMITTED  INDETERMINATE      PERMITTED\n"
        "FORBIDDEN                      0              0              0              0              0\n"
        "SUSPENDED                      0              0              0              0              0\n"
        "NOT_PERMITTED                  0              0              0              0              0\n"
        "INDETERMINATE                  0              0              0              0              0\n"
        "PERMITTED                      0              0              2              1              1\n"
        "\n"
        "Differences by territory\n"
        "  LUX: PERMITTED -> NOT_PERMITTED: 2\n"
        "  LUX: PERMITTED -> INDETERMINATE: 1\n"
        "\n"
        "The first 2\n"
        "  request [1], terminal t-2, in LUX: PERMITTED (lux) -> NOT_PERMITTED\n"
        "  request [2], terminal t-3, in LUX: PERMITTED (lux) -> INDETERMINATE (lux; missing speed_kmh)\n"
    )


def test_json_and_lines_give_the_same(shadow, tmp_path):
    (tmp_path / "f.jsonl").write_text("\n".join(map(json.dumps, REQUESTS)) + "\n\n")
    answer = shadow("f.json", "--json").json
    assert shadow("f.jsonl", "--json").json == answer
    assert (answer["requests"], answer["different"], answer["other_reasons"]) == (4, 3, 0)
    assert {"in_force": "PERMITTED", "shadow": "NOT_PERMITTED", "requests": 2} in answer["counts"]
    assert answer["territories"][0]["territory"] == "LUX"
    assert [one["number"] for one in answer["examples"]] == [1, 2, 3]


def test_no_difference_is_said_shortly(run, shadow):
    assert run("policy", "shadow", "now.toml", "now.toml", "--requests", "f.json").out.endswith(
        "Another decision: 0.\n"
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
