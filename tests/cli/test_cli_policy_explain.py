"""`openleo policy explain`: its text, word for word, and its errors."""

from __future__ import annotations

import pytest

from openleo.places.territories import contested_areas, territories

RULES = """schema = 1
book = "regulator:UKR"

[[rule]]
id = "licence"
effect = "permit"
territory = { in = "UKR", include = ["crimea"] }
conditions = { speed_kmh_max = 75 }
reason = "service is licensed"
legal_reference = "licence 17/2026"

[[rule]]
id = "unpaid"
effect = "suspend"
territory = { in = ["UKR", "crimea"], include = [] }
who = { groups = ["acme"] }
until = 2027-01-01T00:00:00Z
emergency = "keep"
authority = "operator"
reason = "payment stopped"

[[rule]]
id = "elsewhere"
effect = "permit"
territory = { in = "TUV" }
reason = "service is licensed"
"""
ASKED = ("--class", "fixed", "--time", "2026-11-20T12:00:00Z")
CRIMEA, LAND = contested_areas()["crimea"], territories()["crimea"]  # whose words are the tables' own
GOLDEN = f"""\
A terminal of class fixed at Sevastopol (44.6080, 33.5213), exactly there, at 2026-11-20T12:00:00Z
Known: speed 60 km/h; groups acme.
Not known: altitude, days abroad, home territory, position's age, position's source.

Where it is
  crimea: Crimea and Sevastopol
    contested: administered by RUS; claimed by UKR, as of {CRIMEA.as_of}
    {CRIMEA.note}
    sources: {"; ".join(CRIMEA.sources)}
  borders: {LAND.source}, version {LAND.version}; point of view: {LAND.point_of_view}

What the rules say: 2 of 3 speak of this place
  permit "licence" (regulator:UKR) matches: service is licensed [licence 17/2026]
    it asks for speed up to 75 km/h: the speed is 60 km/h
  suspend "unpaid" (regulator:UKR) matches: payment stopped (operator)
    it asks for group acme: the groups are acme
    it asks for all but class emergency (emergency terminals keep service): this is none of them
    it asks for a time until 2027-01-01T00:00:00Z: it is 2026-11-20T12:00:00Z

Decision: SUSPENDED: service is withheld for a time; the entitlement stays.
  by suspend "unpaid" (regulator:UKR)
  It holds until 2027-01-01T00:00:00Z.

What would change it
  2027-01-01T00:00:00Z: PERMITTED from then on, if nothing else changes
  suspend "unpaid" (regulator:UKR) stands in the way while all of this holds: this place; group acme; \
all but class emergency (emergency terminals keep service); a time until 2027-01-01T00:00:00Z
"""


@pytest.fixture
def explain(run, tmp_path):
    (tmp_path / "r.toml").write_text(RULES)
    return lambda *asked: run("policy", "explain", "r.toml", *asked)


def test_the_text_is_as_it_was_read(explain):
    done = explain("--at", "Sevastopol", *ASKED, "--group", "acme", "--speed-kmh", "60")
    assert (done.code, done.err) == (0, "")
    assert done.out == GOLDEN


def test_what_is_missing_is_asked_for_by_rule(explain):
    said = explain("--at", "50.45,30.52", *ASKED).out
    assert "A terminal of class fixed at 50.4500, 30.5200, exactly there" in said
    assert "UKR: Ukraine\n  borders: Natural Earth" in said
    assert "it depends: it asks for speed up to 75 km/h: speed_kmh not known" in said
    assert "Decision: INDETERMINATE: something is not known" in said
    assert 'knowing speed_kmh (--speed-kmh): permit "licence" (regulator:UKR) asks for it' in said


def test_where_no_rule_speaks(explain):
    said = explain("--at", "0,-150", *ASKED).out
    assert "high-seas: High seas" in said
    assert "they are no legal boundary" in said
    assert "What the rules say: none of 3 speak of this place" in said
    assert "Only another rule, or another place." in said


def test_a_circle_over_several_territories_is_said_to_be_one(explain):
    said = explain("--at", "48.1,22.3", *ASKED, "--speed-kmh", "0", "--no-group", "--uncertainty-m", "20000").out
    assert "The circle of its uncertainty touches several of these:" in said
    assert "its area holds a part of the circle of uncertainty only" in said
    assert "a smaller uncertainty of the position" in said


def test_json_is_the_same_with_clauses(explain, run):
    asked = ("--at", "Sevastopol", *ASKED, "--group", "acme", "--speed-kmh", "90")
    answer = explain(*asked, "--json").json
    (place,) = answer["territories"]
    assert place["contested"]["administered_by"] == ["RUS"]
    assert (place["contested"]["claimed_by"], place["contested"]["as_of"]) == (["UKR"], "2026-11-01")
    assert [(one["rule"], one["says"]) for one in answer["rules"]] == [
        ("unpaid", "matches"), ("licence", "does not match")
    ]  # fmt: skip
    assert answer["rules"][1]["clauses"][0] == {
        "asks": "speed up to 75 km/h", "holds": False, "stands": "the speed is 90 km/h", "missing": []
    }  # fmt: skip
    assert answer["decision"]["decision"] == "SUSPENDED"
    assert answer["decision"]["refusal"]["radius_km"] is not None
    assert answer["then"] == "NOT_PERMITTED"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--at", "Sevastopoll"), '--at: there is no place "Sevastopoll". Did you mean Sevastopol'),
        (("--at", "TUV", "--class", "fixd"), '--class: there is no class "fixd". Did you mean fixed?'),
        (("--at", "TUV", "--speed-kmh", "-3"), "--speed-kmh: is -3.0"),
        (("--at", "TUV", "--home-territory", "TUX"), '--home-territory: there is no territory "TUX"'),
        (("--at", "TUV", "--time", "noon"), "--time: is 'noon'"),
        (("--at", "TUV", "--group", "a", "--no-group"), "--no-group: was given with --group"),
    ],
)
def test_an_option_at_fault_is_exit_2(explain, asked, said):
    done = explain("--class", "fixed", *asked)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
