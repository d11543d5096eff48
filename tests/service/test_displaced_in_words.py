"""What shared beams take, as it is told: in words, as JSON, and to the public."""

from __future__ import annotations

from dataclasses import replace

import pytest

from openleo.governance.public_effect import in_public, is_public
from openleo.report import effect_text
from openleo.service.amounts import NOTHING, Amount, EffectRow, EffectTotal, Moved, Spill
from openleo.service.effect import Effect, Shared

LESS, MORE = Amount(3, 12.5, 1200), Amount(1, 2.0, 4)
JAPAN = EffectRow(
    "JPN", "fixed", NOTHING, NOTHING, (30.0, 31.0), (), moved=Moved(LESS, MORE), down_mbps_p50=(80.0, 71.2),
    up_mbps_p50=(12.0, 11.5),
)  # fmt: skip
TAIWAN = EffectRow(
    "TWN", "fixed", NOTHING, Amount(9, 36_000.0, 23_000_000), (None, 28.0), ("on",), moved=Moved(),
    down_mbps_p50=(None, 42.1), up_mbps_p50=(None, 6.0),
)  # fmt: skip
TOTAL = EffectTotal("fixed", NOTHING, TAIWAN.gained, moved=Moved(LESS, MORE))
FULL = Effect("a" * 64, "b" * 64, "c" * 64, (TAIWAN, JAPAN), slots=240, totals=(TOTAL,), shared=Shared(80, 8))


def alone(row: EffectRow) -> EffectRow:
    none = (None, None)
    return replace(row, moved=None, down_mbps_p50=none, up_mbps_p50=none)


EMPTY = replace(
    FULL, rows=tuple(alone(row) for row in FULL.rows), totals=(replace(TOTAL, moved=None),), shared=None
)  # fmt: skip


def test_words_tell_what_beams_take_apart_from_what_rules_give() -> None:
    said = effect_text.text(FULL, ("old", "new"))
    assert "gains:    23,000,000 people, 36,000 km², 9 cells" in said
    assert "median rates none before, 42.1 Mbit/s down and 6.0 up after" in said
    assert "What shared beams take and give back, over 80 slots with everybody on the network" in said
    assert "displaced: 1,200 people, 12 km², 3 cells; freed: 4 people, 2 km², 1 cell" in said
    assert "median rates 80.0 Mbit/s down and 12.0 up before, 71.2 Mbit/s down and 11.5 up after" in said
    assert effect_text.NO_CAPACITY not in said


def test_without_capacity_words_say_that_it_is_not_computed() -> None:
    said = effect_text.text(EMPTY, ("old", "new"))
    assert effect_text.NO_CAPACITY in said
    assert "displaced" not in said
    assert "Mbit/s" not in said


def test_where_nobody_gets_less_that_is_said() -> None:
    still = replace(FULL, rows=(TAIWAN,), totals=(replace(TOTAL, moved=Moved()),))
    assert "nobody gets more or less of what they ask for" in effect_text.text(still, ("old", "new"))


def test_the_page_tells_them_in_columns() -> None:
    said = effect_text.markdown(FULL, ("old", "new"), "a scenario", ("map.png", "sides.png"))
    heads = next(line for line in said.splitlines() if line.startswith("| Territory"))
    assert "Displaced" in heads
    assert "Freed" in heads
    (japan,) = (line for line in said.splitlines() if line.startswith("| Japan"))
    assert "1,200 people, 12 km², 3 cells" in japan
    assert japan.count("|") == heads.count("|")
    off = effect_text.markdown(EMPTY, ("old", "new"), "a scenario", ("map.png", "sides.png"))
    assert "Displaced" not in off


def test_the_form_has_amounts_with_capacity_and_null_without() -> None:
    rows = {row["territory"]: row for row in FULL.as_json()["territories"]}
    assert rows["JPN"]["displaced_by_capacity"] == LESS.as_json()
    assert rows["JPN"]["freed_by_capacity"] == MORE.as_json()
    assert (rows["JPN"]["down_mbps_p50"], rows["JPN"]["up_mbps_p50"]) == ([80.0, 71.2], [12.0, 11.5])
    assert rows["TWN"]["displaced_by_capacity"] == NOTHING.as_json()  # computed, and nothing
    assert rows["TWN"]["down_mbps_p50"] == [None, 42.1]
    assert FULL.as_json()["capacity"] == {"slots": 80, "rate_slots": 8}
    assert FULL.as_json()["totals"][0]["displaced_by_capacity"] == LESS.as_json()
    off = EMPTY.as_json()
    assert off["capacity"] is None
    for row in (*off["territories"], *off["totals"]):
        assert row["displaced_by_capacity"] is row["freed_by_capacity"] is None
    assert all(row[name] == [None, None] for row in off["territories"] for name in ("down_mbps_p50", "up_mbps_p50"))


@pytest.mark.parametrize(
    "change",
    [
        {"moved": Moved(replace(LESS, people=1201), MORE)},
        {"moved": None},
        {"down_mbps_p50": (80.0, 71.3)},
        {"up_mbps_p50": (12.0, None)},
    ],
)
def test_the_fingerprint_covers_what_beams_take(change: dict[str, object]) -> None:
    assert replace(FULL, rows=(TAIWAN, replace(JAPAN, **change))).sha256 != FULL.sha256  # type: ignore[arg-type]
    assert replace(FULL, shared=Shared(81, 8)).sha256 != FULL.sha256


def test_few_people_who_are_displaced_are_not_told_apart_to_the_public() -> None:
    exact = FULL.as_json()
    assert not is_public(exact)
    told = in_public(exact)
    (japan,) = (row for row in told["territories"] if row["territory"] == "JPN")
    assert japan["freed_by_capacity"]["people"] == 9
    assert japan["displaced_by_capacity"] == LESS.as_json()
    assert told["totals"][0]["freed_by_capacity"]["people"] == 9
    assert is_public(told)
    assert is_public(in_public(EMPTY.as_json()))


def test_few_people_in_the_light_of_others_beams_are_not_told_apart_to_the_public() -> None:
    lit = replace(JAPAN, spill=Spill((3, 4), (0, 2500)))
    told = in_public(replace(FULL, rows=(lit,)).as_json())["territories"][0]
    assert (told["spill_people"], told["beams"]) == (9, {"lit_people": [9, 9], "dark_people": [0, 2500]})
