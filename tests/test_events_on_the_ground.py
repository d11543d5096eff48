"""Gateways of a region without power (docs/events.md): who lands elsewhere, and by how much later."""

from __future__ import annotations

import numpy as np
import pytest

from example_programs import example

pytestmark = pytest.mark.slow

SLOTS = 138  # power is lost as the 133rd begins


def test_a_region_without_power_lands_abroad_from_that_moment_on() -> None:
    events = example("events_on_the_ground")
    before, cut = events.run(0.0, slots=SLOTS), events.run(events.RADIUS_KM, slots=SLOTS)
    late = events.after(cut)
    assert late.sum() == SLOTS - 132
    assert np.array_equal(before.gateway[~late], cut.gateway[~late])
    assert not set(events.near(cut.results.case, events.RADIUS_KM)) & set(cut.gateway[late].ravel())
    assert events.share(cut, cut.gateway != "") == 1.0
    assert events.share(cut, cut.gateway != before.gateway) > 0.9
    assert events.most_used(cut, cut.pop)[0][0] == "Milan"  # as reported: ground stations in Italy
    assert 2.0 < events.rtt_ms(cut) - events.rtt_ms(before) < 4.0


def test_a_smaller_region_moves_nobody() -> None:
    """The nearest gateway to the centre of the circle is more than a hundred kilometres away."""
    events = example("events_on_the_ground")
    whole = events.run(0.0, slots=1)
    assert events.near(whole.results.case, 100.0) == []
    assert len(events.near(whole.results.case, events.RADIUS_KM)) == 5
