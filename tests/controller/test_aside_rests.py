"""Loops over many leases rest, so that threads which answer requests go first; loops over a few lose no time."""

from __future__ import annotations

import pytest

from openleo.controller import aside


@pytest.mark.parametrize(
    ("items", "rests"), [(0, []), (aside.LEAST_ITEMS - 1, []), (10_000, [10_000 * aside.REST_S_A_ITEM])]
)
def test_a_rest_is_as_long_as_the_loop_before_it(
    items: int, rests: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(aside.time, "sleep", slept.append)
    aside.give_way(items)
    assert slept == rests


def test_rests_of_a_slot_are_a_small_part_of_it() -> None:
    """Enforcing has some twenty such loops; all of it is to be done long before the slot begins."""
    assert 20 * 10_000 * aside.REST_S_A_ITEM <= 0.1 * 15.0
