"""A position whose known age is more than a day tells nothing of where a terminal is (DESIGN §5: stale is unknown)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from openleo.instants import civil_instant
from openleo.places.expressions import Labels
from openleo.policy import bulk, terminal_kinds
from openleo.policy.answer import answer, where_of
from openleo.policy.decide import Outcome, decide
from openleo.policy.explain import explain
from openleo.policy.explain_words import text
from openleo.policy.request import STALE_AFTER_S, Request
from openleo.policy.rules import Rule, union
from openleo.policy.shadow import Shadow
from openleo.policy.terminals import Terminals, read_terminals

AT = civil_instant("2026-11-20T00:00:00Z")
TONGA = Labels(frozenset({"TON", "TON.sea12"}))
PERMIT = union([Rule("p", "b", "permit", TONGA, authority="a", reason="r")])
FRESH = Request(at=AT, latitude_deg=-21.13, longitude_deg=-175.2, uncertainty_m=5.0, class_="fixed", age_s=60.0)


def aged(age_s: float | None) -> Request:
    return replace(FRESH, age_s=age_s)


def test_the_bound_is_a_day_and_belongs_to_what_is_fresh():
    assert STALE_AFTER_S == 24 * 3600
    assert [answer(PERMIT, aged(age_s)).permitted for age_s in (None, 0.0, 86_400.0, 86_400.5, 1e8)] == [
        True, True, True, False, False
    ]  # fmt: skip


@pytest.mark.parametrize("uncertainty_m", [5.0, None])
def test_a_stale_position_is_missing_and_not_refused_by_place(uncertainty_m):
    decision = answer(PERMIT, replace(aged(1e8), uncertainty_m=uncertainty_m))
    assert (decision.outcome, decision.missing) == (Outcome.INDETERMINATE, ("position",))
    assert decision.refusal is not None
    assert decision.refusal.territory is None
    assert decide(PERMIT, aged(1e8), where_of(PERMIT, FRESH)).missing == ("position",), "whatever place is handed in"
    fiji = union([Rule("p", "b", "permit", Labels(frozenset({"FJI"})))])
    assert answer(fiji, aged(60.0)).outcome is Outcome.NOT_PERMITTED
    assert answer(fiji, aged(1e8)).outcome is Outcome.INDETERMINATE, "it may be in Fiji by now"


def test_a_decision_holds_no_longer_than_its_position():
    assert answer(PERMIT, FRESH).valid_until == AT + timedelta(hours=24, seconds=-60)
    assert answer(PERMIT, aged(None)).valid_until is None, "a position without age is as of the instant asked for"
    assert answer(PERMIT, aged(1e8)).valid_until is None
    until = answer(PERMIT, FRESH).valid_until
    assert until is not None
    gone_s = (until - AT).total_seconds()
    then = replace(FRESH, at=until, age_s=60.0 + gone_s)
    assert answer(PERMIT, then).permitted
    later = replace(then, at=until + timedelta(seconds=1), age_s=61.0 + gone_s)
    assert answer(PERMIT, later).missing == ("position",)


def test_another_limit_can_be_set():
    assert not answer(PERMIT, FRESH, stale_after_s=30.0).permitted
    assert where_of(PERMIT, FRESH, stale_after_s=30.0) is None
    assert answer(PERMIT, FRESH, stale_after_s=90.0).valid_until == AT + timedelta(seconds=30)


def table(path: Path, *asked: Request) -> Terminals:
    def said(value: float | None) -> str:
        return "" if value is None else str(value)

    rows = ["id,class,lat_deg,lon_deg,uncertainty_m,age_s"]
    for number, one in enumerate(asked):
        place = f"{one.latitude_deg},{one.longitude_deg},{said(one.uncertainty_m)}"
        rows.append(f"t-{number},{one.class_},{place},{said(one.age_s)}")
    path.write_text("\n".join(rows) + "\n")
    return read_terminals(path, ["fixed"])


def test_a_table_of_terminals_is_decided_alike(tmp_path):
    asked = [aged(age_s) for age_s in (None, 86_400.0, 86_400.5, 1e8)]
    asked += [replace(one, uncertainty_m=None) for one in asked]
    some = table(tmp_path / "t.csv", *asked)
    settled = terminal_kinds.settle(some, PERMIT.regions)
    decided = bulk.decide_all(PERMIT, some, settled, AT)
    for row, request in enumerate(asked):
        expected, verdict = answer(PERMIT, request), decided.decided(row)
        assert (verdict.outcome, verdict.because, verdict.missing) == (
            expected.outcome, expected.because, expected.missing,
        ), request  # fmt: skip
    assert [decided.decided(row).outcome.value for row in range(4)] == ["PERMITTED"] * 2 + ["INDETERMINATE"] * 2


def test_it_is_explained_and_counted_alike():
    stale = aged(1e8)
    explanation = explain(PERMIT, stale, where_of(PERMIT, FRESH))
    assert explanation.decision == decide(PERMIT, stale, None)
    said = text(explanation)
    assert "Not known: the position is more than 24 h old, so every territory is possible." in said
    assert "a position that is not older than 24 h" in said
    shadow = Shadow(PERMIT, union([]))
    shadow.count(stale)
    assert shadow.tally.outcomes == {(Outcome.INDETERMINATE, Outcome.NOT_PERMITTED): 1}
