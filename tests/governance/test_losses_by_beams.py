"""The gate at activation, and what shared beams take."""

from __future__ import annotations

from typing import Any

from openleo.governance import losses


def effect(displaced: int | None) -> dict[str, Any]:
    """Nothing is lost by rules; so many of 10,000 people lose it to others on their beams; None: capacity is off."""
    amount = {"cells": 1, "area_km2": 1.0, "terminals": None}
    row = {
        "territory": "MWI",
        "class": "fixed",
        "lost": {**amount, "cells": 0, "people": 0},
        "displaced_by_capacity": None if displaced is None else {**amount, "people": displaced},
    }
    return {"territories": [row], "edges": [], "people": {"MWI": 10_000}, "terminals": None}


def test_a_change_that_displaces_many_more_than_was_signed_is_held() -> None:
    """By hand: 5 % of 10,000 people and one for rounding are 501; 200 were signed for."""
    assert losses.loses_more(effect(200), effect(702), 10_000) == (
        "MWI, fixed: 702 people displaced by capacity, 200 signed",
    )
    assert losses.loses_more(effect(None), effect(702), 10_000) == (
        "MWI, fixed: 702 people displaced by capacity, 0 signed",
    )


def test_what_the_sale_of_beams_strays_by_holds_nobody_up() -> None:
    assert losses.loses_more(effect(200), effect(701), 10_000) == ()
    assert losses.loses_more(effect(701), effect(200), 10_000) == ()
    assert losses.loses_more(effect(None), effect(None), 0) == ()
