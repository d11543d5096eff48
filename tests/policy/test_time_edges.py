"""Decisions at the edges of time: windows to the microsecond, clocks set forward and back, and a leap second.

When clocks were or will be set is IANA's (zone names as below); the instants were worked out by hand from it.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.instants import civil_instant
from openleo.places.expressions import Labels
from openleo.places.point import at as place_of
from openleo.policy.decide import Outcome, decide
from openleo.policy.request import Request, read_requests
from openleo.policy.rule_file import read_rules
from openleo.policy.rules import Rule, RuleSet, union
from openleo.policy.when import Window

HERE = place_of("TON")
TICK = timedelta(microseconds=1)


def rules(folder: Path, **said: Any) -> RuleSet:
    """A rule set of one permit on Tonga."""
    rule = {"id": "r", "effect": "permit", "territory": {"in": "TON"}, "reason": "a licence"} | said
    (folder / "rules.json").write_text(json.dumps({"schema": 1, "book": "operator", "rule": [rule]}))
    return read_rules([folder / "rules.json"])


def permitted(rule_set: RuleSet, at: datetime) -> bool:
    outcome = decide(rule_set, Request(at=at), HERE).outcome
    assert outcome in (Outcome.PERMITTED, Outcome.NOT_PERMITTED)
    return outcome is Outcome.PERMITTED


# (what happens, zone, day, from, until, the instants at which the permit begins and ends in turn)
CLOCKS = [
    ("forward, within the period", "Europe/Berlin", "sun", "02:30", "03:30",
     ["2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"]),
    ("forward, over all of the period", "Europe/Berlin", "sun", "02:10", "02:50",
     ["2026-04-05T00:10:00Z", "2026-04-05T00:50:00Z"]),
    ("back, an hour shown twice", "Europe/Berlin", "sun", "02:00", "02:30",
     ["2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"]),
    ("forward at midnight", "America/Sao_Paulo", "sun", "00:00", "01:30",
     ["2018-11-04T03:00:00Z", "2018-11-04T03:30:00Z"]),
    ("forward at midnight, in a night", "America/Sao_Paulo", "sat", "23:30", "00:30",
     ["2018-11-04T02:30:00Z", "2018-11-04T03:00:00Z"]),
    ("back at midnight", "America/Sao_Paulo", "sat", "23:00", "24:00",
     ["2018-02-18T01:00:00Z", "2018-02-18T03:00:00Z"]),
    ("back at midnight, the last half-hour twice", "America/Sao_Paulo", "sat", "23:30", "24:00",
     ["2018-02-18T01:30:00Z", "2018-02-18T02:00:00Z", "2018-02-18T02:30:00Z", "2018-02-18T03:00:00Z"]),
    ("no change of clocks", "Asia/Taipei", "mon", "00:00", "24:00",
     ["2026-11-22T16:00:00Z", "2026-11-23T16:00:00Z"]),
    ("back by half an hour", "Australia/Lord_Howe", "sun", "01:45", "02:00",
     ["2026-04-04T14:45:00Z", "2026-04-04T15:00:00Z", "2026-04-04T15:15:00Z", "2026-04-04T15:30:00Z"]),
    ("back by half an hour, all of it twice", "Australia/Lord_Howe", "sun", "01:30", "02:00",
     ["2026-04-04T14:30:00Z", "2026-04-04T15:30:00Z"]),
    ("forward by half an hour", "Australia/Lord_Howe", "sun", "02:15", "02:45",
     ["2026-10-03T15:30:00Z", "2026-10-03T15:45:00Z"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "day", "begins", "ends", "edges"), [one[1:] for one in CLOCKS], ids=[one[0] for one in CLOCKS]
)
def test_a_week_on_the_day_that_clocks_change(
    zone: str, day: str, begins: str, ends: str, edges: list[str], tmp_path: Path
) -> None:
    rule_set = rules(tmp_path, weekly=[{"days": [day], "from": begins, "until": ends, "zone": zone}])
    instants = [civil_instant(edge) for edge in edges]
    for number, edge in enumerate(instants):
        serves = number % 2 == 0
        assert permitted(rule_set, edge - TICK) is not serves
        assert permitted(rule_set, edge) is serves
        assert decide(rule_set, Request(at=edge - TICK), HERE).valid_until == edge
        following = instants[number + 1] if number + 1 < len(instants) else None
        if following is not None:
            assert decide(rule_set, Request(at=edge), HERE).valid_until == following
            middle = edge + (following - edge) / 2
            assert permitted(rule_set, middle) is serves


@given(
    st.datetimes(datetime(1972, 1, 2), datetime(2100, 1, 1), timezones=st.timezones()),
    st.timedeltas(TICK, timedelta(days=4000)),
)
@settings(max_examples=150, deadline=None)
def test_a_window_to_the_microsecond(begins: datetime, length: timedelta) -> None:
    """In whatever zone the instants are written."""
    begins = civil_instant(begins.isoformat())
    ends = begins + length
    window = Window(begins, ends)
    permit = Rule("p", "operator", "permit", Labels(frozenset({"TON"})), window=window)
    said = [permitted(union([permit]), one) for one in (begins - TICK, begins, ends - TICK, ends)]
    assert said == [False, True, True, False]
    forbid = Rule("f", "operator", "forbid", Labels(frozenset({"TON"})), window=window, emergency="cut")
    always = Rule("a", "operator", "permit", Labels(frozenset({"TON"})))
    outcomes = [
        decide(union([forbid, always]), Request(at=one), HERE).outcome
        for one in (begins - TICK, begins, ends - TICK, ends)
    ]
    assert [one is Outcome.FORBIDDEN for one in outcomes] == said
    assert decide(union([forbid, always]), Request(at=begins), HERE).valid_until == ends


LEAP = "2016-12-31T23:59:60Z"  # IERS Bulletin C 52


@pytest.mark.parametrize("written", [LEAP, "2017-01-01T07:59:60+08:00", "2016-12-31T23:59:60.5Z"])
@pytest.mark.parametrize(
    ("said", "serves"),
    [
        ({"until": "2017-01-01T00:00:00Z"}, True),
        ({"from": "2017-01-01T00:00:00Z"}, False),
        ({"from": "2016-12-31T23:59:59Z", "until": "2017-01-01T00:00:00Z"}, True),
        ({"from": LEAP}, True),
        ({"until": LEAP}, False),
        ({"weekly": [{"days": ["sat"], "from": "23:00", "until": "24:00", "zone": "UTC"}]}, True),
        ({"weekly": [{"days": ["sun"], "from": "00:00", "until": "01:00", "zone": "UTC"}]}, False),
        ({"weekly": [{"days": ["sun"], "from": "07:00", "until": "08:00", "zone": "Asia/Taipei"}]}, True),
        ({"weekly": [{"days": ["sun"], "from": "08:00", "until": "09:00", "zone": "Asia/Taipei"}]}, False),
    ],
)
def test_a_leap_second_belongs_to_the_day_that_it_ends(
    said: dict[str, Any], serves: bool, written: str, tmp_path: Path
) -> None:
    (request,) = read_requests({"at": written}, "request", None)
    assert request.at is not None
    assert permitted(rules(tmp_path, **said), request.at) is serves
    (after,) = read_requests({"at": "2017-01-01T00:00:00Z"}, "request", None)
    assert after.at is not None
    assert request.at < after.at
