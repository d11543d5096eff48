"""The whole language of rule files, in TOML and in JSON, and what is refused of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from openleo.errors import InputError
from openleo.policy.conditions import AtMost, MoreThan, OneOf, Selector
from openleo.policy.rule_file import read_rules
from openleo.policy.when import Period, Window

FULL_TOML = """
schema = 1
book = "regulator:TWN"
classes = ["press"]

[[rule]]
id = "full"
effect = "suspend"
territory = { in = "LUX" }
who = { classes = ["fixed", "press"], groups = ["acme"] }
except = { classes = ["fixed"], groups = ["clinic"], speed_kmh_max = 10 }
from = 2026-11-20T08:00:00+08:00
until = 2027-01-01T00:00:00Z
weekly = [
  { days = ["mon", "fri"], from = 22:00:00, until = "06:00", zone = "Europe/Kyiv" },
  { from = "00:00:30", until = "24:00", zone = "UTC" },
]
emergency = "keep"
applies_to = "terminal"
authority = "the regulator"
reason = "a test of everything"
legal_reference = "Act 12"
review_by = 2026-12-01
[rule.conditions]
speed_kmh_max = 75
speed_kmh_min = 5.5
altitude_m_max = 3000
altitude_m_min = -10
days_abroad_max = 60
days_abroad_min = 2
home_territory = ["twn", "JPN"]
location_source = "gnss"
location_age_s_max = 300
location_age_s_min = 1
location_uncertainty_m_max = 500
location_uncertainty_m_min = 0

[[rule]]
id = "gateway"
effect = "permit"
territory = { in = ["TON", "high-seas"] }
applies_to = "gateway"
reason = "licensed"

[[rule]]
id = "landing"
effect = "permit"
territory = { in = "TON" }
land_in = ["FJI", "TON"]
reason = "traffic lands in the islands"
"""

FULL_JSON = {
    "schema": 1,
    "book": "regulator:TWN",
    "classes": ["press"],
    "rule": [
        {
            "id": "full",
            "effect": "suspend",
            "territory": {"in": "LUX"},
            "who": {"classes": ["fixed", "press"], "groups": ["acme"]},
            "conditions": {
                "speed_kmh_max": 75,
                "speed_kmh_min": 5.5,
                "altitude_m_max": 3000,
                "altitude_m_min": -10,
                "days_abroad_max": 60,
                "days_abroad_min": 2,
                "home_territory": ["TWN", "JPN"],
                "location_source": ["gnss"],
                "location_age_s_max": 300,
                "location_age_s_min": 1,
                "location_uncertainty_m_max": 500,
                "location_uncertainty_m_min": 0,
            },
            "except": {"classes": ["fixed"], "groups": ["clinic"], "speed_kmh_max": 10},
            "from": "2026-11-20T00:00:00Z",
            "until": "2027-01-01T00:00:00Z",
            "weekly": [
                {"days": ["mon", "fri"], "from": "22:00", "until": "06:00", "zone": "Europe/Kyiv"},
                {"from": "00:00:30", "until": "24:00:00", "zone": "UTC"},
            ],
            "emergency": "keep",
            "applies_to": "terminal",
            "authority": "the regulator",
            "reason": "a test of everything",
            "legal_reference": "Act 12",
            "review_by": "2026-12-01",
        },
        {
            "id": "gateway",
            "effect": "permit",
            "territory": {"in": ["TON", "high-seas"]},
            "applies_to": "gateway",
            "reason": "licensed",
        },
        {
            "id": "landing",
            "effect": "permit",
            "territory": {"in": "TON"},
            "land_in": ["FJI", "TON"],
            "reason": "traffic lands in the islands",
        },
    ],
}


@pytest.fixture
def read(tmp_path):
    def read(text, name="a.toml"):
        path = tmp_path / name
        path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
        return read_rules([path])

    return read


@pytest.fixture
def refusal(read):
    def refusal(text, name="a.toml"):
        with pytest.raises(InputError) as refused:
            read(text, name)
        return refused.value.problems

    return refusal


def rule(**changed):
    """A rule in JSON's form; a value of None leaves its key out."""
    said = {"id": "r1", "effect": "permit", "territory": {"in": "LUX"}, "reason": "a test", **changed}
    return {key: value for key, value in said.items() if value is not None}


def book(*rules):
    return {"schema": 1, "book": "operator", "rule": list(rules)}


def test_every_key_of_the_language(read):
    full, gateway, landing = read(FULL_TOML).rules
    assert full.effect == "suspend"
    assert full.selector.classes == {"fixed", "press"}
    assert full.selector.groups == {"acme"}
    assert set(full.selector.conditions) == {
        AtMost("speed_kmh", 75.0),
        MoreThan("speed_kmh", 5.5),
        AtMost("altitude_m", 3000.0),
        MoreThan("altitude_m", -10.0),
        AtMost("days_abroad", 60.0),
        MoreThan("days_abroad", 2.0),
        OneOf("home_territory", frozenset({"TWN", "JPN"})),
        OneOf("location_source", frozenset({"gnss"})),
        AtMost("location_age_s", 300.0),
        MoreThan("location_age_s", 1.0),
        AtMost("location_uncertainty_m", 500.0),
        MoreThan("location_uncertainty_m", 0.0),
    }
    assert full.unless == Selector(frozenset({"fixed"}), frozenset({"clinic"}), (AtMost("speed_kmh", 10.0),))
    assert full.window == Window(
        datetime(2026, 11, 20, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
        (
            Period(frozenset({0, 4}), 22 * 3600, 6 * 3600, "Europe/Kyiv"),
            Period(frozenset(range(7)), 30, 24 * 3600, "UTC"),
        ),
    )
    assert (full.emergency, full.authority, full.review_by.isoformat()) == ("keep", "the regulator", "2026-12-01")
    assert (gateway.applies_to, gateway.book) == ("gateway", "regulator:TWN")
    assert landing.land_in == {"FJI", "TON"}


def test_toml_and_json_give_the_same_rules(read):
    toml, as_json = read(FULL_TOML), read(FULL_JSON, "a.json")
    assert toml.rules == as_json.rules
    assert toml.sha256 == as_json.sha256


def leaves(value, path=()):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for number, inner in enumerate(value):
            yield from leaves(inner, (*path, number))
    else:
        yield path, value


CHANGES = {
    "full": [
        (path, value) for path, value in leaves(FULL_JSON["rule"][0]) if path not in (("applies_to",), ("effect",))
    ]
}


@pytest.mark.parametrize(("path", "value"), CHANGES["full"], ids=lambda item: str(item)[:40])
def test_the_hash_changes_with_every_key(read, path, value):
    """Each value of the full rule is changed in turn; nothing a file says is left out of its hash."""
    changed = json.loads(json.dumps(FULL_JSON))
    holder = changed["rule"][0]
    for step in path[:-1]:
        holder = holder[step]
    others = {
        "id": "other", "in": "BEL", "emergency": "cut", "zone": "Asia/Taipei", "review_by": "2027-02-01",
        "location_source": ["network"], "home_territory": ["FJI"], "days": ["tue"], "groups": ["others"],
        "classes": ["maritime"],
    }  # fmt: skip
    key = path[-1]
    if isinstance(value, int | float):
        other = value + 0.25
    elif key in others:
        other = others[key]
    elif key in ("from", "until"):
        other = value.replace("00:00", "00:01", 1) if "T" in value else "12:34"
    else:
        other = value + " and more"
    holder[key] = other
    assert read(changed, "b.json").sha256 != read(FULL_JSON, "a.json").sha256


@pytest.mark.parametrize(
    ("changed", "where", "said"),
    [
        ({"conditions": {"sped_kmh_max": 3}}, "rule[0].conditions.sped_kmh_max", "Did you mean speed_kmh_max"),
        ({"conditions": {"speed_kmh_max": "75"}}, "rule[0].conditions.speed_kmh_max", "'75'"),
        ({"conditions": {"speed_kmh_max": True}}, "rule[0].conditions.speed_kmh_max", "is true"),
        ({"conditions": {"speed_kmh_max": -1}}, "rule[0].conditions.speed_kmh_max", "greater than or equal"),
        ({"conditions": {"speed_kmh_max": 10**400}}, "rule[0].conditions.speed_kmh_max", ""),
        ({"conditions": []}, "rule[0].conditions", "must be a table"),
        ({"conditions": {"home_territory": ["TWM"]}}, 'rule "r1"', "Did you mean"),
        ({"conditions": {"home_territory": "high-seas"}}, 'rule "r1"', "no land"),
        ({"conditions": {"home_territory": []}}, 'rule "r1"', "empty list"),
        ({"conditions": {"location_source": []}}, 'rule "r1"', "conditions.location_source is an empty list"),
        ({"conditions": {"location_source": [""]}}, "rule[0].conditions.location_source[0]", "''"),
        ({"conditions": {"speed_kmh_max": 10, "speed_kmh_min": 10}}, 'rule "r1"', "nothing is both above"),
        ({"who": {"groups": []}}, 'rule "r1"', "who.groups is an empty list"),
        ({"who": {"accounts": ["a"]}}, "rule[0].who.accounts", "only through named groups"),
        ({"who": {"terminals": ["a"]}}, "rule[0].who.terminals", "only through named groups"),
        ({"except": {"accounts": ["a"]}}, "rule[0].except.accounts", "only through named groups"),
        ({"except": {}}, 'rule "r1"', "except everybody"),
        ({"except": {"classes": []}}, 'rule "r1"', "except.classes is an empty list"),
        ({"except": {"groups": []}}, 'rule "r1"', "except.groups is an empty list"),
        ({"except": {"classes": ["fixd"]}}, 'rule "r1"', "Did you mean fixed?"),
        ({"except": {"territory": "LUX"}}, "rule[0].except.territory", "no key"),
        ({"from": "2026-11-20"}, "rule[0].from", "a day without a time; write 2026-11-20T00:00:00Z"),
        ({"from": "2026-11-20T00:00:00"}, "rule[0].from", "without its zone; write 2026-11-20T00:00:00Z"),
        ({"from": "tomorrow"}, "rule[0].from", "write an instant such as"),
        ({"from": 20261120}, "rule[0].from", "write an instant such as"),
        ({"from": "1066-10-14T09:00:00Z"}, "rule[0].from", "1972"),
        ({"until": "2026-11-20T00:00:60Z"}, "rule[0].until", "leap second"),
        ({"from": "2026-11-20T00:00:00Z", "until": "2026-11-19T00:00:00Z"}, 'rule "r1"', "before it begins"),
        ({"from": "2026-11-20T00:00:00Z", "until": "2026-11-20T00:00:00Z"}, 'rule "r1"', "before it begins"),
        ({"weekly": []}, 'rule "r1"', "weekly is an empty list"),
        ({"weekly": {"from": "08:00"}}, "rule[0].weekly", "list"),
        ({"weekly": [{"from": "08:00", "until": "09:00"}]}, "rule[0].weekly[0].zone", "missing"),
        ({"weekly": [{"from": "08:00", "until": "09:00", "zone": "Europe/Kiyv"}]}, 'rule "r1"', "Europe/Kyiv"),
        ({"weekly": [{"from": "08:00", "until": "09:00", "zone": "../../etc/passwd"}]}, 'rule "r1"', "no time zone"),
        ({"weekly": [{"from": "25:00", "until": "09:00", "zone": "UTC"}]}, "rule[0].weekly[0].from", "'25:00'"),
        ({"weekly": [{"from": "08:60", "until": "09:00", "zone": "UTC"}]}, "rule[0].weekly[0].from", "'08:60'"),
        ({"weekly": [{"from": 8, "until": "09:00", "zone": "UTC"}]}, "rule[0].weekly[0].from", "such as 08:30"),
        ({"weekly": [{"from": "24:00", "until": "09:00", "zone": "UTC"}]}, 'rule "r1"', "begins at 24:00"),
        ({"weekly": [{"from": "08:00", "until": "08:00", "zone": "UTC"}]}, 'rule "r1"', "begins and ends at 08:00"),
        ({"weekly": [{"from": "08:00", "until": "09:00", "zone": "UTC", "days": []}]}, 'rule "r1"', "empty list"),
        ({"weekly": [{"from": "08:00", "until": "09:00", "zone": "UTC", "days": ["Mon"]}]},
         "rule[0].weekly[0].days[0]", "Did you mean mon"),
        ({"effect": "suspend", "emergency": "cut"}, 'rule "r1"', "until when"),
        ({"effect": "suspend", "until": "2027-01-01T00:00:00Z"}, 'rule "r1"', 'emergency = "keep" or "cut"'),
        ({"emergency": "keep"}, 'rule "r1"', "takes service from nobody"),
        ({"land_in": []}, 'rule "r1"', "empty list"),
        ({"land_in": ["TWM"]}, 'rule "r1"', "Did you mean"),
        ({"land_in": ["JPN.sea12"]}, 'rule "r1"', "no land"),
        ({"land_in": ["LUX"], "effect": "forbid", "emergency": "cut"}, 'rule "r1"', "land_in is for a permit"),
        ({"applies_to": "gateway", "who": {"classes": ["fixed"]}}, 'rule "r1"', "who is about terminals"),
        ({"applies_to": "beam", "conditions": {"speed_kmh_max": 3}}, 'rule "r1"', "conditions is about terminals"),
        ({"applies_to": "beam", "except": {"classes": ["fixed"]}}, 'rule "r1"', "except is about terminals"),
        ({"applies_to": "gateway", "land_in": ["LUX"]}, 'rule "r1"', "land_in is about terminals"),
        ({"review_by": "soon"}, "rule[0].review_by", "such as 2027-01-31"),
        ({"review_by": 3}, "rule[0].review_by", "3"),
        ({"id": 3}, "rule[0].id", "3"),
        ({"who": None, "who ": {}}, "rule[0].who ", "Did you mean who"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_kept_is_refused_with_its_place(refusal, changed, where, said):
    problems = refusal(book(rule(**changed)), "a.json")
    assert [problem.where for problem in problems] == [where]
    assert said in str(problems[0])


def test_everything_wrong_with_one_rule_is_told_at_once(refusal):
    wrong = rule(
        effect="suspend",
        territory={"in": "JPN"},
        who={"classes": ["fixd"], "accounts": ["a"]},
        conditions={"speed_kmh_max": 1, "speed_kmh_min": 2, "home_territory": "TWM"},
        weekly=[{"from": "08:00", "until": "09:00", "zone": "Mars/Olympus"}],
        priority=3,
    )
    said = "\n".join(map(str, refusal(book(wrong, rule(id="r2", reason="")), "a.json")))
    for part in ("senkaku", "fixd", "accounts", "nothing is both", "TWM", "Mars/Olympus", "until when", "priority",
                 'emergency = "keep"', "reason is empty"):  # fmt: skip
        assert part in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "holds no object"),
        ('{"schema": 1, "book": "a", "book": "b"}', '"book" stands twice'),
        ('{"schema": 1, "book": "a", "rule": [{"id": NaN}]}', "NaN is no number"),
        ('{"schema": 1, "book": "a", "rule": [3]}', "rule[0]"),
        ('{"schema": 1, "book": "a", "rule": [{"conditions": {"speed_kmh_max": 1e400}}]}', "speed_kmh_max: is inf"),
        ("[" * 100_000, "stand within each other too deep"),
        ('{"schema": 2, "book": 3, "rules": {}}', "this version reads schema 1. Write it in schema 1"),
    ],
)
def test_a_file_of_json_that_is_no_book(refusal, text, said):
    problems = refusal(text, "a.json")
    assert said in "\n".join(map(str, problems))
    assert all(problem.file.endswith("a.json") for problem in problems)


def test_another_version_of_the_language_has_a_way_out_and_is_judged_no_further(refusal):
    (problem,) = refusal({"schema": 2, "book": 3, "rules": {}}, "a.json")
    assert problem.where == "schema"
    assert "openleo policy schema" in problem.way_out
