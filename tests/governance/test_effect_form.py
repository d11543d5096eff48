"""Effects of hostile form are refused: they never crash who judges them, and never make a loss look smaller."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_activate import EFFECT, losing

from openleo.governance import drafting, gate, losses
from openleo.governance.effect_form import checked
from openleo.governance.state import Refused

WRONG = [None, True, -1, 1.5, float("nan"), float("inf"), 10**400, "1", [], {}, [None], "\ud800", {"cells": -5}]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, one in inner for found in places(one, (*path, key)))]


def with_(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    found = copy.deepcopy(value)
    at = found
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = new
    return found


def test_an_effect_in_order_is_judged() -> None:
    assert checked(EFFECT) == EFFECT
    assert checked(json.loads(json.dumps(EFFECT))) == EFFECT


@pytest.mark.parametrize("place", [one for one in places(EFFECT) if one and one[0] not in ("base", "new")], ids=str)
def test_a_key_that_is_missing_is_refused(place: tuple[Any, ...]) -> None:
    if not isinstance(place[-1], str) or (place[:1] == ("people",) and len(place) > 1):
        return
    effect = copy.deepcopy(EFFECT)
    at: Any = effect
    for key in place[:-1]:
        at = at[key]
    del at[place[-1]]
    with pytest.raises(Refused, match="cannot be judged"):
        checked(effect)


@settings(max_examples=400, deadline=None)
@given(place=st.sampled_from(places(EFFECT)), new=st.sampled_from(WRONG))
def test_a_value_that_is_wrong_is_refused_or_means_what_it_says(place: tuple[Any, ...], new: Any) -> None:
    effect = with_(EFFECT, place, new)
    try:
        gate.check_again(EFFECT, effect, 10_000)
        frozen = drafting.freezing("c-1", effect)
    except Refused:
        return
    assert losses.worst(effect, "lost", "may_lose").get(("TWN", "fixed"), {"people": 0.0})["people"] <= 102
    assert frozen.touched == losses.touched(effect)


@pytest.mark.parametrize("more", [{"edges_left_out": 1}, {"edges_untold": ["2026-05-01T00:00:00Z"]}])
def test_an_effect_that_leaves_changes_ahead_untold_is_not_frozen(more: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="1 changes of rules ahead are not told"):
        drafting.freezing("c-1", EFFECT | more)


def test_two_rows_of_one_territory_hide_nothing() -> None:
    row = EFFECT["territories"][0]
    with pytest.raises(Refused, match="two rows"):
        checked(EFFECT | {"territories": [row, row]})


def test_a_negative_loss_cancels_nothing() -> None:
    row = EFFECT["territories"][0]
    hidden = row | {"may_lose": row["may_lose"] | {"people": -100}}
    with pytest.raises(Refused, match=r"may_lose\.people"):
        checked(EFFECT | {"territories": [hidden]})


def test_an_effect_of_another_network_or_of_less_is_no_answer() -> None:
    for other in ({"network": "4" * 64}, {"people": {"JPN": 1000}}, {"terminals": "5" * 64}):
        with pytest.raises(Refused, match="computed again o"):
            gate.check_again(EFFECT, EFFECT | other, 10_000)
    with pytest.raises(Refused, match="103 people"):
        gate.check_again(EFFECT, losing(103), 10_000)
    gate.check_again(EFFECT, losing(1), 10_000)
