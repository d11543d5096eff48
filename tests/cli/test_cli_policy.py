"""`openleo policy`: check, decide and schema, as a user meets them."""

from __future__ import annotations

import csv
import io
import json

import pyarrow.parquet as pq
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


BEAMS_AND_GATEWAYS = """
[[rule]]
id = "quiet"
effect = "forbid"
territory = { in = "LUX" }
applies_to = "beam"
emergency = "cut"
reason = "a radio-quiet zone"

[[rule]]
id = "licence"
effect = "permit"
territory = { in = "LUX" }
applies_to = "gateway"
reason = "licensed"
"""


@pytest.mark.parametrize(
    ("applies_to", "decision", "rules"),
    [("terminal", "PERMITTED", ["lux"]), ("beam", "FORBIDDEN", ["quiet"]), ("gateway", "PERMITTED", ["licence"])],
)
def test_rules_on_beams_and_gateways_are_decided_on_request(decide, run, tmp_path, applies_to, decision, rules):
    decide(REQUEST)
    (tmp_path / "r.toml").write_text(RULES + BEAMS_AND_GATEWAYS)
    done = run("policy", "decide", "r.toml", "--request", "f.json", "--applies-to", applies_to)
    assert (done.code, "Not asked here: 1 rule on beams (quiet)." in done.err) == (0, applies_to == "terminal")
    assert (done.json["decision"], [one["rule"] for one in done.json["because"]]) == (decision, rules)


def test_a_place_that_no_rule_on_gateways_permits_is_not_permitted(decide):
    assert decide(REQUEST, "--applies-to", "gateway").json["decision"] == "NOT_PERMITTED"


def test_a_table_holds_terminals_alone(run, tmp_path):
    (tmp_path / "r.toml").write_text(RULES)
    (tmp_path / "t.csv").write_text("id\nt-1\n")
    done = run("policy", "decide", "r.toml", "--terminals", "t.csv", "--out", "o.csv", "--applies-to", "beam")
    assert done.code == 2
    assert '--applies-to: is "beam", and the table is of terminals. Ask by --request.' in " ".join(done.err.split())
    assert not (tmp_path / "o.csv").exists()


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


# --- decide, a table of terminals ---------------------------------------------------------------------------------

TERMINALS = """id,class,groups,lat_deg,lon_deg,uncertainty_m,age_s,source,speed_kmh
kept,fixed,;,49.61,6.13,30,12,gnss,0
quick,fixed,;,49.61,6.13,30,12,gnss,75.5
unpaid,fixed,acme,49.61,6.13,30,12,gnss,0
nowhere,fixed,;,,,,,,0
abroad,fixed,;,48.85,2.35,30,12,gnss,0
either,fixed,;,49.61,6.13,30,12,gnss,
"""


@pytest.fixture
def decide_terminals(run, tmp_path):
    (tmp_path / "r.toml").write_text(RULES)

    def decide_terminals(*more, terminals=TERMINALS):
        (tmp_path / "t.csv").write_text(terminals)
        return run("policy", "decide", "r.toml", "--terminals", "t.csv", *more)

    return decide_terminals


def test_a_table_of_terminals_is_decided_as_their_requests_are(decide_terminals, decide, tmp_path):
    done = decide_terminals("--at", REQUEST["at"], "--out", "g.csv", "--json")
    assert done.code == 0
    with (tmp_path / "g.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    with (tmp_path / "t.csv").open(newline="") as file:
        asked = [as_request(row) for row in csv.DictReader(file)]
    expected = decide(asked).json
    assert [row["id"] for row in rows] == [one["terminal"] for one in asked]
    for row, one in zip(rows, expected, strict=True):
        assert row["decision"] == one["decision"]
        assert row["because"].split(";") == [because["rule"] for because in one["because"]] or not one["because"]
        assert [word for word in row["missing"].split(";") if word] == one["missing"]
    assert [row["decision"] for row in rows] == [
        "PERMITTED", "NOT_PERMITTED", "SUSPENDED", "INDETERMINATE", "NOT_PERMITTED", "INDETERMINATE",
    ]  # fmt: skip
    assert [row["territory"] for row in rows] == ["LUX", "LUX", "LUX", "", "FRA", "LUX"]
    assert done.json["decisions"] == {
        "FORBIDDEN": 0, "SUSPENDED": 1, "NOT_PERMITTED": 2, "INDETERMINATE": 2, "PERMITTED": 1,
    }  # fmt: skip
    assert [(row["territory"], sum(row["decisions"].values())) for row in done.json["territories"]] == [
        ("LUX", 4), ("(not known)", 1), ("FRA", 1),
    ]  # fmt: skip


def as_request(row):
    """A row of TERMINALS as a request."""
    numbers = {key: float(row[key]) if row[key] else None for key in ("lat_deg", "lon_deg", "uncertainty_m", "age_s")}
    position = {**numbers, "source": row["source"] or None} if row["lat_deg"] else None
    speed = float(row["speed_kmh"]) if row["speed_kmh"] else None
    groups = [word for word in row["groups"].split(";") if word]
    return {"at": REQUEST["at"], "terminal": row["id"], "class": row["class"], "groups": groups,
            "position": position, "speed_kmh": speed}  # fmt: skip


def test_terminals_to_parquet_with_a_table_for_people(decide_terminals, tmp_path):
    done = decide_terminals("--at", REQUEST["at"], "--out", "g.parquet")
    assert done.code == 0
    assert done.out.splitlines() == [
        "territory        SUSPENDED  NOT_PERMITTED  INDETERMINATE      PERMITTED",
        "LUX                      1              1              1              1",
        "(not known)              0              0              1              0",
        "FRA                      0              1              0              0",
        "all                      1              2              2              1",
        "wrote g.parquet",
    ]
    rows = pq.read_table(tmp_path / "g.parquet").to_pylist()
    assert rows[5] == {
        "id": "either", "decision": "INDETERMINATE", "because": ["lux"], "missing": ["speed_kmh"], "territory": "LUX",
    }  # fmt: skip
    assert rows[3]["territory"] is None


def test_without_an_instant_windows_are_in_doubt(decide_terminals, tmp_path):
    done = decide_terminals("--out", "g.parquet")
    assert "No --at was given" in done.err
    rows = pq.read_table(tmp_path / "g.parquet").to_pylist()
    assert (rows[2]["decision"], rows[2]["missing"]) == ("INDETERMINATE", ["at"])
    assert rows[0]["decision"] == "PERMITTED"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--terminals", "t.csv"), "--out: is needed with --terminals."),
        (("--terminals", "t.csv", "--request", "f.json"), "--request: was given with --terminals"),
        (("--request", "f.json", "--out", "g.csv"), "--out: is for --terminals"),
        (("--request", "f.json", "--at", "2026-11-20T00:00:00Z"), "--at: is for --terminals"),
        ((), "--request or --terminals: is needed."),
        (("--terminals", "t.csv", "--out", "g.txt"), "--out g.txt: is named neither as a CSV nor as a Parquet file."),
        (("--terminals", "t.csv", "--out", "g.csv", "--at", "noon"), "--at: is 'noon'; write an instant such as"),
    ],
)
def test_options_of_terminals_that_do_not_fit(run, tmp_path, options, said):
    (tmp_path / "r.toml").write_text(RULES)
    (tmp_path / "t.csv").write_text(TERMINALS)
    (tmp_path / "f.json").write_text(json.dumps(REQUEST))
    done = run("policy", "decide", "r.toml", *options)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert not (tmp_path / "g.csv").exists()


def test_faults_of_rules_and_terminals_are_told_together(decide_terminals, tmp_path):
    (tmp_path / "r.toml").write_text(RULES.replace("speed_kmh_max", "speed_max"))
    done = decide_terminals("--out", "g.csv", terminals="id,class\na,fixed\na,boat\n")
    assert done.code == 2
    assert "speed_max" in done.err
    assert 'rows 1 and 2, id: "a" is the id of 2 terminals.' in done.err


def test_a_table_of_terminals_is_not_written_over(decide_terminals, tmp_path):
    done = decide_terminals("--out", "t.csv")
    assert done.code == 2
    assert "is --terminals, too" in " ".join(done.err.split())
    assert (tmp_path / "t.csv").read_text() == TERMINALS
