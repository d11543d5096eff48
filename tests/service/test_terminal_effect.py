"""Fleets between states of rules: what is decided is not kept for every instant that was ever asked of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from benchmarks import fleet as fleets

from openleo.places.expressions import Labels
from openleo.policy import bulk
from openleo.policy.rules import Rule, RuleSet, union
from openleo.policy.when import Period, Window
from openleo.service.change import Side
from openleo.service.terminal_effect import MOST_KEPT, Fleet, fleet

AT = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
TAIWAN = Labels(frozenset({"TWN"}))
PERMIT = Rule("p", "b", "permit", TAIWAN)
WEEK = [Window(weekly=(Period(frozenset({day}), 0, 0, "UTC"),)) for day in range(7)]
DAYS = [Rule(f"d{day}", "b", "forbid", TAIWAN, emergency="cut", window=window) for day, window in enumerate(WEEK)]


@pytest.fixture(scope="module")
def rules() -> tuple[RuleSet, RuleSet]:
    """Every day of the week another rule forbids; the old rules have none."""
    return union([PERMIT]), union([PERMIT, *DAYS[:6]])


@pytest.fixture
def some(rules) -> Fleet:
    random = np.random.default_rng(1)
    at = random.uniform(23.5, 24.5, 50), random.uniform(120.6, 121.2, 50)
    return fleet(fleets.terminals(50, 1, 0.0, at), rules, "")


def test_of_many_instants_few_decisions_are_kept_and_states_that_come_back_are_found(some, rules, monkeypatch) -> None:
    """There was one for each instant, with arrays of the whole fleet."""
    base, new = rules
    asked = []
    monkeypatch.setattr(bulk, "decide_all", lambda *said, of=bulk.decide_all: asked.append(said[3]) or of(*said))
    lost = []
    for hour in range(24 * 14):
        at = AT + timedelta(hours=hour)
        found = some.between(Side(base, at), Side(new, at))
        lost.append(sum(one.lost for one in found.values()))
        assert len(some._decided) <= MOST_KEPT
    sunday = [(AT + timedelta(hours=hour)).weekday() == 6 for hour in range(24 * 14)]
    assert [one == 0 for one in lost] == sunday
    assert len(asked) < 20
