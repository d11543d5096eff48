"""`openleo policy check`: what is odd about files that are whole."""

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

[[rule]]
id = "lux-cities"
effect = "permit"
territory = { in = "LUX" }
who = { classes = ["fixed"] }
reason = "service is licensed"

[[rule]]
id = "trial"
effect = "permit"
territory = { in = "BEL" }
until = 2026-06-01T00:00:00Z
reason = "a trial"

[[rule]]
id = "fair"
effect = "suspend"
territory = { in = "LUX" }
until = 2026-12-10T00:00:00Z
emergency = "keep"
reason = "a fair"
"""
AT = ("--now", "2026-11-20T00:00:00Z")
TOLD = """\
Warnings: 3.
  never-applies: permit "trial" (operator) is over since 2026-06-01T00:00:00Z.
  shadowed: permit "lux-cities" (operator) says nothing that is not said by permit "lux" (operator).
  expires: suspend "fair" (operator) ends 2026-12-10T00:00:00Z, within 30 days.
"""


@pytest.fixture
def check(run, tmp_path):
    (tmp_path / "r.toml").write_text(RULES)
    return lambda *more: run("policy", "check", "r.toml", *more)


def test_warnings_are_told_and_exit_is_0(check):
    done = check(*AT)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Rules: 4 (permit 3, suspend 1), in order.\n")
    assert done.out.endswith(TOLD)


def test_strict_exits_2_with_the_same_answer(check):
    assert check(*AT, "--strict").code == 2
    assert check(*AT, "--strict").out == check(*AT).out
    answer = check(*AT, "--strict", "--json").json
    assert answer["ok"] is False
    assert check(*AT, "--json").json == {**answer, "ok": True}


def test_json_names_the_rules(check):
    warnings = check(*AT, "--json").json["warnings"]
    assert [(one["kind"], one["rule"], one["book"]) for one in warnings] == [
        ("never-applies", "trial", "operator"),
        ("shadowed", "lux-cities", "operator"),
        ("expires", "fair", "operator"),
    ]
    assert warnings[1]["other"] == {"rule": "lux", "book": "operator"}


def test_the_instant_and_the_days_are_what_is_asked(check):
    assert "trial" not in check("--now", "2026-01-01T00:00:00Z").out
    assert "fair" not in check(*AT, "--expiry-days", "19").out
    assert "Warnings" in check().out  # the clock's


def test_without_oddities_nothing_is_said_and_strict_passes(run, tmp_path):
    (tmp_path / "r.toml").write_text(RULES.partition('[[rule]]\nid = "lux-cities"')[0])
    done = run("policy", "check", "r.toml", "--strict")
    assert (done.code, "Warnings" in done.out) == (0, False)


def test_an_instant_at_fault_is_exit_2(check):
    done = check("--now", "yesterday")
    assert (done.code, done.out) == (2, "")
    assert "--now: is 'yesterday'" in done.err


def test_a_book_without_rules_is_warned_of(run, tmp_path):
    (tmp_path / "r.toml").write_text('schema = 1\nbook = "b"\n')
    done = run("policy", "check", "r.toml")
    assert done.code == 0
    assert "empty: the rule set has no rule" in done.out
    done = run("policy", "check", "r.toml", "--json", "--strict")
    assert done.code == 2
    assert json.loads(done.out)["warnings"][0]["rule"] is None


def test_a_day_without_a_time_is_exit_2(check):
    assert "--now: is 2026-01-01, a day without a time; write 2026-01-01T00:00:00Z" in check("--now", "2026-01-01").err
