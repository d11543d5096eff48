"""The whole evaluation, slow, as docs/misuse.md quotes it. Its seed was run after thresholds were frozen."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from openleo.misuse.evaluation import Evaluation
from openleo.misuse.thresholds import KINDS

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
from evaluate_misuse import DAYS, TERMINALS, TEST_SEED, run  # noqa: E402


def meets(scored: Evaluation) -> None:
    """Recall of what is held, and whom it cuts, as the headline has them."""
    said = scored.as_json()
    assert said["honest_terminal_days"] >= 100_000
    assert said["jammed_terminal_days"] > 0
    assert said["wrongly_cut_per_10000_days_most"] <= 1.0
    for one in scored.kinds:
        assert one.misusers > 0
        assert one.held >= 0.9 * one.misusers, one


@pytest.mark.slow
def test_misuse_is_told_and_hardly_anybody_cut(tmp_path: Path) -> None:
    scored, _, _ = run(TERMINALS, DAYS, TEST_SEED)
    meets(scored)
    kept = json.loads((ROOT / "docs" / "pictures" / "misuse.json").read_text())
    assert scored.as_json() == {
        name: value for name, value in kept.items() if name not in ("seed", "terminals", "days")
    }


def test_what_the_page_says_is_what_came_out() -> None:
    kept = json.loads((ROOT / "docs" / "pictures" / "misuse.json").read_text())
    page = (ROOT / "docs" / "misuse.md").read_text(encoding="utf-8")
    assert f"{kept['honest_terminal_days']:,} honest terminal-days" in page
    assert f"{kept['wrongly_cut_terminal_days']} wrongly cut" in page
    assert f"below {kept['wrongly_cut_per_10000_days_most']:.2f} per 10,000" in page
    for one in kept["kinds"]:
        rates = f"{one['recall_held']:.3f} | {one['recall_held_least']:.3f} | {one['precision']:.3f}"
        assert f"| `{one['kind']}` | {one['misusers']} | {rates} |" in page


def test_a_slice_of_it_cuts_nobody() -> None:
    scored, _, _ = run(60, 3.0, 41)
    assert scored.wrong_days == 0
    told = {str(one.kind): one.raised / one.misusers for one in scored.kinds if one.misusers}
    assert min(told[kind] for kind in ("clone", "travel", "unregistered", "identical")) >= 0.9
    assert set(told) == {str(kind) for kind in KINDS} - {"abroad"}
