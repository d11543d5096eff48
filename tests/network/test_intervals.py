"""What doubts about radios do to a link: against sums done by hand, and what must hold."""

from __future__ import annotations

import math

import pytest

from openleo.network.capacity import intervals, radios

SKY = radios.embedded().satellite("starlink-v1")
FIXED = radios.embedded().terminal("fixed")


def found(ends_of, ground=FIXED) -> dict[tuple[str, str], tuple[float, float]]:
    doubts = intervals.doubts(SKY, ground, ends_of, 550.0, 40.0, None, 0.5)
    return {(one.radio, one.key): (one.low_db, one.high_db) for one in doubts}


def test_a_decibel_of_g_t_is_a_decibel_of_the_link():
    down = found(radios.down_ends)
    assert down["fixed", "g_t_db_k"] == pytest.approx((-1.0, 2.0))
    assert down["starlink-v1", "margin_db"] == pytest.approx((-1.0, 1.0))
    assert down["starlink-v1", "down.pfd_dbw_m2_4khz"] == pytest.approx((-4.0, 0.0))


def test_scan_loss_goes_with_the_exponent():
    """A satellite at 40° is 50° off zenith: 10 log10(cos 50°) = −1.919 dB a unit of the exponent, from 1.2 to 1.6."""
    unit = -10.0 * math.log10(math.cos(math.radians(50.0)))
    assert found(radios.down_ends)["fixed", "scan_exponent"] == pytest.approx((-0.3 * unit, 0.1 * unit))


def test_power_that_is_held_back_anyway_is_no_doubt():
    """At 40° the flux limit binds, with 34 dBW as with 39: what the satellite could radiate does not matter."""
    assert ("starlink-v1", "down.eirp_dbw") not in found(radios.down_ends)


def test_no_figure_of_the_other_direction_or_of_capacity_matters():
    keys = {key for _, key in found(radios.down_ends)}
    assert not any(key.startswith(("up.", "feeder", "beams", "mbps")) for key in keys)


def test_together_they_are_a_root_of_squares():
    three = tuple(intervals.Doubt("a", key, low, high) for key, low, high in (("x", -3.0, 0.0), ("y", -4.0, 1.0)))
    assert intervals.together_db(three) == (-5.0, 1.0)
    assert intervals.together_db(()) == (0.0, 0.0)


@pytest.mark.parametrize("key", ["margin_db", "down.eirp_dbw", "feeder_up.g_t_db_k"])
def test_a_varied_radio_differs_in_that_alone(key):
    made = intervals.varied(SKY, key, 1.25)
    side, _, name = key.rpartition(".")
    assert getattr(getattr(made, side) if side else made, name) == 1.25
    assert intervals.varied(made, key, SKY.figures[key].value) == SKY
