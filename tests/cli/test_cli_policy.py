"""`openleo policy`: check, decide and schema, as a user meets them."""

from __future__ import annotations

import io
import json

import pytest

RULES = """schema = 1
book = "regulator:LUX"

[[rule]]
id = "lux"
effect = "permit"
territory = { in = ["LUX", "BEL"] }
conditions = { speed_kmh_max = 75, location_age_s_max = 300 }
reason = "service is licensed"

[[rule]]
id = "unpaid"
effect = "suspend"
territory = { in = "LUX" }
who = { groups = ["acme"] }
until = 2027-01-01T00:00:00Z
emergency = "keep"
authority = "operator"
reason = "payment stopped"
"""
POSITION = {"lat_deg": 49.61, "lon_deg": 6.13, "uncertainty_m": 30, "age_s": 12, "source": "gnss"}
REQUEST = {"at": "2026-11-20T12:00:00Z", "class": "fixed", "groups": [], "speed_kmh": 0, "position": POSITION}


@pytest.fixture
def decide(run, tmp_path):
    """Decides requests under RULES."""
    (tmp_path / "r.toml").write_text(RULES)

    def decide(request, *more):
        (tmp_path / "f.json").write_text(request if isinstance(request, str) else json.dumps(request))
        return run("policy", "decide", "r.toml", "--request", "f.json", *more)

    return decide


# --- decide -------------------------------------------------------------------------------------------------------


def test_a_request_that_is_permitted(decide):
    done = decide(REQUEST)
    assert (done.code, done.err) == (0, "")
    assert done.json == {
        "decision": "PERMITTED",
        "because": [{"rule": "lux", "authority": "regulator:LUX", "reason": "service is licensed"}],
        "missing": [],
        "valid_until": "2026-11-20T12:04:48Z",
        "refusal": None,
    }
    assert decide(REQUEST, "--json").out == done.out


def test_a_refusal_exits_0_with_its_reason(decide):
    done = decide({**REQUEST, "groups": ["acme"]})
    assert done.code == 0
    assert done.json["decision"] == "SUSPENDED"
    assert done.json["because"] == [{"rule": "unpaid", "authority": "operator", "reason": "payment stopped"}]
    refusal = done.json["refusal"]
    assert refusal == {
        "cause": 78,
        "territory": "LUX",
        "retry_not_before": "2027-01-01T00:00:00Z",
        "radius_km": refusal["radius_km"],
    }
    assert refusal["radius_km"] in (10, 20)  # the nearest border is 15 km away


@pytest.mark.parametrize(
    ("without", "missing"),
    [
        ("speed_kmh", ["speed_kmh"]),
        ("groups", ["groups"]),
        ("position", ["position", "position.age_s"]),
        ("class", []),
    ],
)
def test_what_is_missing_is_said(decide, without, missing):
    done = decide({key: value for key, value in REQUEST.items() if key != without})
    assert done.code == 0
    assert done.json["missing"] == missing
    assert done.json["decision"] == ("INDETERMINATE" if missing else "PERMITTED")


def test_a_position_without_its_uncertainty_is_not_known(decide):
    done = decide({**REQUEST, "position": {**POSITION, "uncertainty_m": None}})
    assert (done.json["decision"], done.json["missing"]) == ("INDETERMINATE", ["position.uncertainty_m"])


def test_the_circle_has_to_lie_within_the_permits(decide):
    across = {**POSITION, "lat_deg": 49.9, "lon_deg": 5.74, "uncertainty_m": 5000}  # Belgium and Luxembourg
    assert decide({**REQUEST, "position": across}).json["decision"] == "PERMITTED"
    beyond = {**POSITION, "uncertainty_m": 20_000}  # France and Germany too
    done = decide({**REQUEST, "position": beyond})
    assert (done.json["decision"], done.json["missing"]) == ("INDETERMINATE", ["position"])
    assert done.json["refusal"]["territory"].split() == ["BEL", "DEU", "FRA", "LUX"]


def test_a_list_gives_a_list(decide):
    done = decide([REQUEST, {**REQUEST, "speed_kmh": 76}, {}])
    assert [one["decision"] for one in done.json] == ["PERMITTED", "NOT_PERMITTED", "INDETERMINATE"]
    assert decide([]).json == []


def test_requests_come_from_stdin_too(run, tmp_path, monkeypatch):
    (tmp_path / "r.toml").write_text(RULES)
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(REQUEST)))
    assert run("policy", "decide", "r.toml", "--request", "-").json["decision"] == "PERMITTED"


def test_rules_and_requests_at_fault_are_told_together(run, tmp_path):
    (tmp_path / "r.toml").write_text(RULES.replace("LUX", "LUY"))
    (tmp_path / "f.json").write_text('{"sped_kmh": 3}')
    done = run("policy", "decide", "r.toml", "--request", "f.json")
    assert (done.code, done.out) == (2, "")
    assert 'there is no territory "LUY"' in done.err
    assert "f.json: sped_kmh: there is no key" in done.err


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ("{", "f.json: is not JSON"),
        ('{"class": "a", "class": "b"}', '"class" stands twice'),
        ("null", "a request is an object"),
        ('{"class": "fixd"}', 'f.json: class: there is no class "fixd". Did you mean fixed?'),
        ('[{}, {"position": {"lat_deg": 100, "lon_deg": 0}}]', "f.json: [1].position.lat_deg"),
    ],
)
def test_a_request_at_fault_is_exit_2(decide, request_, said):
    done = decide(request_, "--json")
    assert done.code == 2
    assert said in done.err
    assert done.json["ok"] is False


# --- check --------------------------------------------------------------------------------------------------------


def test_check_counts_what_it_read(run, tmp_path):
    (tmp_path / "r.toml").write_text(RULES)
    (tmp_path / "empty.json").write_text('{"schema": 1, "book": "operator"}')
    done = run("policy", "check", "r.toml", "empty.json")
    assert done.code == 0
    assert "Rules: 2 (permit 1, suspend 1), in order." in done.out
    answer = run("policy", "check", "r.toml", "empty.json", "--json").json
    assert (answer["ok"], answer["rules"], answer["effects"]) == (True, 2, {"permit": 1, "forbid": 0, "suspend": 1})
    assert answer["sha256"] in done.out


def test_check_tells_every_problem_of_every_file(run, tmp_path):
    (tmp_path / "a.toml").write_text(
        RULES.replace("until = 2027-01-01T00:00:00Z\n", "").replace('"LUX", "BEL"', '"JPN"')
    )
    (tmp_path / "b.json").write_text('{"schema": 3}')
    done = run("policy", "check", "a.toml", "b.json", "no.toml")
    assert (done.code, done.out) == (2, "")
    for said in ('a.toml: rule "lux": JPN touches contested areas', 'a.toml: rule "unpaid": a suspend must say until',
                 "b.json: schema: is 3", "no.toml: there is no such file"):  # fmt: skip
        assert said in done.err


# --- schema -------------------------------------------------------------------------------------------------------


def test_schema_prints_the_form_of_a_rule_file(run):
    done = run("policy", "schema")
    assert done.code == 0
    assert done.json["required"] == ["schema", "book"]
