"""The evaluation that docs/misuse.md quotes, and a slow part of it. Its seed was run after thresholds were frozen."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from openleo.misuse.thresholds import KINDS

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
from evaluate_misuse import DAYS, KEPT, TERMINALS, TEST_SEED, run  # noqa: E402


@pytest.mark.slow
def test_misuse_is_told_and_hardly_anybody_cut_in_a_part_of_it() -> None:
    """A quarter of the terminals, over all days: the whole is compared by `tools/evaluate_misuse.py check`."""
    scored, _, _ = run(TERMINALS // 4, DAYS, TEST_SEED)
    said = scored.as_json()
    assert said["honest_terminal_days"] >= 25_000
    assert said["jammed_terminal_days"] > 0
    assert said["border_terminal_days"] > 0
    assert said["wrongly_cut_terminal_days"] <= 1
    for one in scored.kinds:
        assert one.misusers > 0
        assert one.held >= 0.9 * one.misusers, one


def test_the_whole_of_it_met_what_was_asked() -> None:
    kept = json.loads(KEPT.read_text())
    assert (kept["seed"], kept["terminals"], kept["days"]) == (TEST_SEED, TERMINALS, DAYS)
    assert kept["honest_terminal_days"] >= 100_000
    assert kept["wrongly_cut_per_10000_days_most"] <= 1.0
    assert all(one["recall_held"] >= 0.9 for one in kept["kinds"])


def test_what_the_page_says_is_what_came_out() -> None:
    kept = json.loads(KEPT.read_text())
    page = (ROOT / "docs" / "misuse.md").read_text(encoding="utf-8")
    assert f"{kept['honest_terminal_days']:,} honest terminal-days" in page
    assert f"{kept['jammed_terminal_days']:,} of them jammed, {kept['border_terminal_days']:,} of people" in page
    assert f"{kept['wrongly_cut_terminal_days']} wrongly cut" in page
    assert f"below {kept['wrongly_cut_per_10000_days_most']:.2f} per 10,000" in page
    for one in kept["kinds"]:
        rates = f"{one['recall_held']:.3f} | {one['recall_held_least']:.3f} | {one['precision']:.3f}"
        assert f"| `{one['kind']}` | {one['misusers']} | {rates} |" in page


def test_a_slice_of_it_cuts_nobody() -> None:
    scored, _, _ = run(60, 3.0, 41)
    assert scored.wrong_days == 0
    assert 0 < scored.border_days < scored.honest_days
    told = {str(one.kind): one.raised / one.misusers for one in scored.kinds if one.misusers}
    assert min(told[kind] for kind in ("clone", "travel", "unregistered", "identical")) >= 0.9
    assert set(told) == {str(kind) for kind in KINDS} - {"abroad"}
