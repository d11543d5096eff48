"""Rates of lines from a scenario's capacity: a small island with everybody on, at the hour of each slot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scenes import scenario_text

from openleo.emulator.planned import Options, PlacedTerminal, link_table
from openleo.emulator.table import DOWN, UP
from openleo.errors import InputError
from openleo.instants import SlotGrid
from openleo.network.journeys import Point
from openleo.results import Case
from openleo.scenario import Scenario

CAPACITY = """
[capacity]
enabled = true

[demand]
curve = "evening"
factor = {factor}
"""
PRAIA, MADRID = Point("Praia", 14.93, -23.51), Point("Madrid", 40.4, -3.7)


def case(folder: Path, factor: float = 1.0) -> Case:
    more = CAPACITY.replace("{factor}", str(factor))
    text = scenario_text(more, name="islands", duration="24h", slot="1h", area="CPV", resolution=4)
    (folder / "s.toml").write_text(text)
    return Scenario.load(folder / "s.toml").case


@pytest.mark.slow
def test_a_line_is_slower_when_more_is_asked_for_and_in_the_evening(tmp_path: Path) -> None:
    """By the demand's own curve: most at 21:00 local solar time, 22:34 UTC in Praia; no line beats its terminal."""
    quiet, busy = (case(tmp_path, factor) for factor in (1.0, 400.0))
    first, then = (link_table(one, [PlacedTerminal(PRAIA)], one.grid).rate_mbps[:, 0] for one in (quiet, busy))
    assert (then <= first + 1e-9).all()
    assert then[:, DOWN].argmin() in (21, 22)
    assert then[:, DOWN].min() < 0.9 * then[:, DOWN].max()
    assert (first[:, UP] <= first[:, DOWN]).all()
    assert (first > 0.0).all()
    of_plan = quiet.capacity.caps() if quiet.capacity else None
    assert of_plan is not None
    assert first[:, DOWN].max() <= of_plan.terminal_down_mbps


@pytest.mark.slow
def test_what_is_outside_of_the_area_has_no_rate_but_a_fixed_one(tmp_path: Path) -> None:
    one = case(tmp_path)
    window = SlotGrid(one.grid.start, 15.0, 2)
    with pytest.raises(InputError, match=r"Madrid: is outside of ground\.area.*Add its territory"):
        link_table(one, [PlacedTerminal(PRAIA), PlacedTerminal(MADRID)], window)
    table = link_table(one, [PlacedTerminal(MADRID)], window, Options(rates_mbps=(5.0, 50.0)))
    assert (table.rate_mbps == np.array([5.0, 50.0])).all()
    down, plan = (
        link_table(one, [PlacedTerminal(PRAIA)], window, Options(rates_mbps=rates))
        for rates in ((None, 50.0), (None, None))
    )
    assert (down.rate_mbps[..., DOWN] == 50.0).all()
    np.testing.assert_array_equal(down.rate_mbps[..., UP], plan.rate_mbps[..., UP])
    alone = link_table(replace(one, capacity=None), [PlacedTerminal(MADRID)], window)
    assert np.isinf(alone.rate_mbps).all()
