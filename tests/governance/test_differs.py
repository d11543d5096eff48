"""Effects as everybody may read them, and where one that was computed again is another one."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.governance.differs import difference
from openleo.governance.gate import effect_sha256
from openleo.governance.losses import touched
from openleo.governance.public_effect import in_public, is_public

PPM = 10_000  # 1 %
counts = st.integers(0, 5000)
AMOUNTS = ("lost", "gained", "may_lose", "may_gain")


@st.composite
def amounts(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "cells": draw(st.integers(0, 50)),
        "area_km2": draw(st.integers(0, 9_000_000)) / 1000,
        "people": draw(counts),
        "terminals": draw(counts),
    }


@st.composite
def rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    keys = draw(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from(["fixed", "emergency"])), unique=True))
    return [
        {"territory": territory, "class": class_, "because": ["a"], "rtt_ms_p50": [draw(counts) / 10, None]}
        | {name: draw(amounts()) for name in AMOUNTS}
        for territory, class_ in keys
    ]


@st.composite
def effects(draw: st.DrawFn) -> dict[str, Any]:
    edges = [
        {"at": f"2026-12-{day:02}T00:00:00Z", "of": ["new"], "base_and_new": draw(rows()), "new_before_and_after": []}
        for day in draw(st.lists(st.integers(1, 28), max_size=2, unique=True))
    ]
    elsewhere = [{"territory": "Z", "class": "fixed", "lost": draw(counts), "gained": 0, "reached": True}]
    found = {
        "base": "b",
        "new": "n",
        "network": "0" * 64,
        "territories": draw(rows()),
        "people": {"A": draw(counts)},
        "totals": [{"class": "fixed"} | {name: draw(amounts()) for name in AMOUNTS}],
        "terminals": "t",
        "terminals_elsewhere": elsewhere,
        "edges": edges,
    }
    return found | {"sha256": effect_sha256(found)}


def figures(effect: Any) -> list[int]:
    """What is told of people and terminals that lose or gain."""
    if isinstance(effect, list):
        return [one for each in effect for one in figures(each)]
    if not isinstance(effect, dict):
        return []
    found = [effect[key] for key in ("lost", "gained") if isinstance(effect.get(key), int)]
    for name in AMOUNTS:
        if isinstance(effect.get(name), dict):
            found += [effect[name][key] for key in ("people", "terminals") if effect[name][key] is not None]
    return found + [one for value in effect.values() for one in figures(value)]


@settings(max_examples=40)
@given(effects())
def test_no_few_are_told_apart_and_nothing_is_told_smaller(effect: dict[str, Any]) -> None:
    before = copy.deepcopy(effect)
    public = in_public(effect)
    assert effect == before
    assert not any(0 < one < 9 for one in figures(public))
    assert in_public(public) == public
    assert is_public(public)
    assert public["sha256"] == effect_sha256(public)
    exact = {one.territory: one for one in touched(effect)}
    for one in touched(public):
        assert one.people_lost >= exact[one.territory].people_lost
        assert (one.terminals_lost or 0) >= (exact[one.territory].terminals_lost or 0)


@settings(max_examples=40)
@given(effects())
def test_sums_of_terminals_are_not_told(effect: dict[str, Any]) -> None:
    """Else what one territory has too few of stands in the difference."""
    assert all(total[name]["terminals"] is None for total in in_public(effect)["totals"] for name in AMOUNTS)


@settings(max_examples=40)
@given(effects())
def test_an_effect_does_not_differ_from_itself(effect: dict[str, Any]) -> None:
    assert difference(effect, copy.deepcopy(effect), PPM) == ""
    assert difference(effect, copy.deepcopy(effect), 0, terminals=False) == ""


@settings(max_examples=40)
@given(effects(), st.data())
def test_a_figure_that_is_another_one_is_named(effect: dict[str, Any], data: st.DataObject) -> None:
    places = [("", row) for row in effect["territories"]]
    places += [(f"at {edge['at']}, base_and_new, ", row) for edge in effect["edges"] for row in edge["base_and_new"]]
    if not places:
        return
    number = data.draw(st.integers(0, len(places) - 1))
    name, measure = data.draw(st.sampled_from(AMOUNTS)), data.draw(st.sampled_from(["cells", "people", "terminals"]))
    again = copy.deepcopy(effect)
    moved = [*again["territories"], *(row for edge in again["edges"] for row in edge["base_and_new"])][number]
    was = moved[name][measure]
    moved[name][measure] = new = was + was // 50 + 2  # 2 %, and more than what is rounded
    where, row = places[number]
    said = f"{where}{row['territory']}, {row['class']}, {name}.{measure}: {was:,} signed, {new:,} computed again"
    assert difference(effect, again, PPM) == said
    assert (difference(effect, again, PPM, terminals=False) == "") is (measure == "terminals")
    moved[name][measure] = was + was // 100
    assert difference(effect, again, PPM) == ""


@pytest.mark.parametrize(
    ("alter", "said"),
    [
        (lambda one: one.update(network="1" * 64), "network: '000"),
        (lambda one: one.update(at="2026-01-01T00:00:00Z"), "at: None signed"),
        (lambda one: one["territories"].pop(), "A, fixed: signed, and not computed again"),
        (lambda one: one["territories"].append({"territory": "B", "class": "fixed"}), "B, fixed: not signed"),
        (lambda one: one["people"].update(A=300), "A, served, people: 100 signed, 300"),
        (lambda one: one["people"].clear(), "A, served, people: 100 signed, None"),
        (lambda one: one["edges"].clear(), "base_and_new, A, fixed: signed, and not computed again"),
        (lambda one: one["territories"][0].update(because=["b"]), "because[0]: 'a' signed, 'b'"),
        (lambda one: one["territories"][0].update(rtt_ms_p50=[None, None]), "rtt_ms_p50[0]: 30 signed, None"),
        (lambda one: one["terminals_elsewhere"][0].update(lost=7), "terminals_elsewhere[0].lost: 3 signed, 7"),
    ],
)
def test_what_is_not_there_or_not_the_same_is_named(alter: Any, said: str) -> None:
    amount = {"cells": 1, "area_km2": 1.0, "people": 100, "terminals": 100}
    row = {"territory": "A", "class": "fixed", "because": ["a"], "rtt_ms_p50": [30, None]}
    row |= dict.fromkeys(AMOUNTS, amount)
    edge = {"at": "2026-12-01T00:00:00Z", "base_and_new": [row], "new_before_and_after": []}
    effect = {"network": "0" * 64, "territories": [row], "edges": [edge], "people": {"A": 100}}
    effect |= {"terminals_elsewhere": [{"lost": 3}]}
    again = copy.deepcopy(effect)
    alter(again)
    assert said in difference(effect, again, PPM)


def test_of_two_edges_at_one_instant_neither_hides_the_other() -> None:
    edge = {"at": "2026-12-01T00:00:00Z", "base_and_new": [], "new_before_and_after": []}
    assert "of one instant" in difference({"edges": [edge, edge]}, {"edges": [edge]}, PPM)


# --- what shared beams make -----------------------------------------------------------------------------------------


def with_beams(displaced: int | None, down: float | None, **others: Any) -> dict[str, Any]:
    """An effect of one row, of a territory with 100,000 people."""
    amount = None if displaced is None else {"cells": 7, "area_km2": 3.5, "people": displaced, "terminals": None}
    row = {
        "territory": "A", "class": "fixed", "displaced_by_capacity": amount, "freed_by_capacity": amount,
        "down_mbps_p50": [down, None], "up_mbps_p50": [None, 2.0],
    }  # fmt: skip
    return {"territories": [row], "people": {"A": 100_000}, "capacity": None, **others}


@pytest.mark.parametrize(
    ("again", "said"),
    [
        (with_beams(26_000, 80.0), ""),  # 5 % of the people of the territory, and one that is rounded
        (with_beams(31_001, 80.0), ""),
        (with_beams(31_002, 80.0), "A, fixed, displaced_by_capacity.people: 26,000 signed, 31,002 computed again"),
        (with_beams(20_998, 80.0), "A, fixed, displaced_by_capacity.people: 26,000 signed, 20,998 computed again"),
        (with_beams(None, 80.0), "A, fixed, displaced_by_capacity.people: 26,000 signed, None computed again"),
        (with_beams(26_000, 84.0), ""),
        (with_beams(26_000, 85.0), "A, fixed, down_mbps_p50[0]: 80.0 signed, 85.0 computed again"),
        (with_beams(26_000, None), "A, fixed, down_mbps_p50[0]: 80.0 signed, None computed again"),
        (
            with_beams(26_000, 80.0, capacity={"slots": 80}),
            "capacity: None signed, {'slots': 80} computed again",
        ),
    ],
)
def test_figures_of_shared_beams_differ_by_a_part_of_all_who_are_served(again: dict[str, Any], said: str) -> None:
    """They went by a part of themselves: 100 people of a million are then another effect than 110."""
    assert difference(with_beams(26_000, 80.0), again, PPM) == said


def test_round_trip_times_differ_by_what_they_are_rounded_to() -> None:
    """The name of the figure was cut with its place in the list: "rtt_ms_p50[0]" was looked up as "rtt_ms_p"."""
    one, two, three = (
        {"territories": [{"territory": "A", "class": "fixed", "rtt_ms_p50": [rtt_ms, None]}]}
        for rtt_ms in (5.05, 5.15, 5.26)
    )  # fmt: skip
    assert difference(one, two, PPM) == ""
    assert difference(one, three, PPM) == "A, fixed, rtt_ms_p50[0]: 5.05 signed, 5.26 computed again"


def test_an_effect_that_was_signed_before_there_was_capacity_is_still_the_same() -> None:
    signed, again = with_beams(None, None), with_beams(None, None)
    for key in ("freed_by_capacity", "up_mbps_p50"):
        del signed["territories"][0][key]
    del signed["capacity"]
    assert difference(signed, again, PPM) == ""


def test_few_who_are_displaced_are_not_told_apart() -> None:
    told = in_public(with_beams(3, 80.0))["territories"][0]
    assert told["displaced_by_capacity"]["people"] == told["freed_by_capacity"]["people"] == 9
