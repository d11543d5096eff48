"""Tables of rates: against the budget of every cell itself, and what must hold of any of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from openleo import cells
from openleo.errors import InputError
from openleo.network.capacity import feeders, radios, rain_grid, rates
from openleo.network.capacity.link_budget import budget, channel_mbps
from openleo.network.capacity.modcods import dvb_s2x
from openleo.network.kernels.channel_rates import rate_at

SKY = radios.embedded().satellite("starlink-v1")
FIXED = radios.embedded().terminal("fixed")
SHELLS_KM = (540.0, 550.0, 560.0, 570.0)


@pytest.fixture(scope="module")
def world() -> rain_grid.Climate:
    return rain_grid.climate(*cells.centres_deg(cells.world(2)))


@pytest.fixture(scope="module")
def table(world) -> rates.ChannelRates:
    return rates.channel_rates(SKY, FIXED, world, SHELLS_KM, 0.5)


@pytest.mark.parametrize("elevation", [25.0, 40.0, 62.5])
def test_the_table_against_the_budget_of_each_cell(world, table, elevation):
    """Zones round down, by 0.1 dB of sky: 1 % of the rate in the mean, a MODCOD or two at most."""
    every = np.arange(len(world))
    for ends, said, modcods in (
        (radios.down_ends(SKY, FIXED), table.down(every, 550.0, elevation), dvb_s2x()),
        (radios.up_ends(SKY, FIXED), table.up(every, 550.0, elevation), dvb_s2x().up_to(FIXED.bits_per_symbol_up_max)),
    ):
        exact = channel_mbps(ends, budget(ends, 550.0, elevation, world, 0.5).es_n0_db, modcods, SKY.margin_db)
        assert abs((said - exact).mean()) < 0.015 * exact.mean()
        assert np.abs(said - exact).max() < 45.0
        assert (said <= exact + 1e-3).mean() > 0.95


def test_zones_are_few_and_hold_every_cell(world, table):
    assert table.zone.min() == 0
    assert table.down_mbps.shape[1] == table.zone.max() + 1 < len(world) / 4


def test_between_elevations_a_rate_is_between_its_neighbours(table):
    elevation = table.elevation_deg
    cell = np.zeros(len(elevation) - 1, int)
    low, high = table.down(cell, 550.0, elevation[:-1]), table.down(cell, 550.0, elevation[1:])
    middle = table.down(cell, 550.0, (elevation[:-1] + elevation[1:]) / 2.0)
    closes = (low > 0.0) & (high > 0.0)
    np.testing.assert_allclose(middle[closes], ((low + high) / 2.0)[closes], rtol=1e-6)
    assert (middle[~closes] == 0.0).all()


def test_beside_an_elevation_that_does_not_close_there_is_no_rate():
    made = np.array([[[0.0, 4.0, 8.0, 0.0, 2.0]]], np.float32)
    said = [
        rate_at(made, 0, 0, elevation, 5.0, 0.5) for elevation in (5.25, 5.5, 5.75, 6.0, 6.25, 6.5, 6.75, 7.0, 90.0)
    ]
    assert said == [0.0, 4.0, 6.0, 8.0, 0.0, 0.0, 0.0, 2.0, 2.0]


def test_a_terminal_sends_no_better_modcod_than_it_can(world):
    clear = rates.channel_rates(SKY, FIXED, world, 550.0, 50.0)
    assert 0.9 < clear.up_mbps.max() / (62.5 / 1.05 * FIXED.bits_per_symbol_up_max) <= 1.0
    plain = rates.channel_rates(SKY, replace(FIXED, bits_per_symbol_up_max=2.0), world, 550.0, 50.0)
    assert 0.9 < plain.up_mbps.max() / (62.5 / 1.05 * 2.0) <= 1.0
    np.testing.assert_array_equal(plain.down_mbps, clear.down_mbps)


def test_no_rate_below_the_table_and_none_of_a_nan(table):
    assert table.down([0, 0, 0], 550.0, [4.99, -10.0, np.nan]).tolist() == [0.0, 0.0, 0.0]
    assert table.down(0, 550.0, 90.0) > 0.0


def test_the_nearest_altitude_speaks(table):
    assert table.altitude_number([400.0, 544.0, 556.0, 900.0]).tolist() == [0, 0, 2, 3]


def test_links_all_at_once_are_links_one_by_one(table):
    random = np.random.default_rng(5)
    cell = random.integers(0, len(table.zone), 500).astype(np.int32)
    altitude = random.integers(0, 4, 500).astype(np.int32)
    elevation = random.uniform(0.0, 90.0, 500)
    down, up = table.of_links(cell, altitude, elevation)
    np.testing.assert_array_equal(down, table.down(cell, np.array(SHELLS_KM)[altitude], elevation))
    np.testing.assert_array_equal(up, table.up(cell, np.array(SHELLS_KM)[altitude], elevation))


def test_the_fingerprint_knows_what_changes_a_rate(world, table):
    again = rates.channel_rates(SKY, FIXED, world, SHELLS_KM, 0.5)
    assert again.sha256 == table.sha256
    others = (
        rates.channel_rates(SKY, FIXED, world, SHELLS_KM, 0.4),
        rates.channel_rates(SKY, replace(FIXED, g_t_db_k=9.5), world, SHELLS_KM, 0.5),
        rates.channel_rates(SKY, FIXED, world, SHELLS_KM[:3], 0.5),
        rates.channel_rates(SKY, FIXED, world.of(np.arange(len(world))[::-1]), SHELLS_KM, 0.5),
    )
    assert len({table.sha256, *(one.sha256 for one in others)}) == 5


def test_without_rain_a_higher_satellite_is_never_slower(world):
    """Scan loss and range both fall with elevation. At 50 % of the year there is no rain in the formulas."""
    clear = rates.channel_rates(SKY, FIXED, world, 550.0, 50.0)
    assert np.diff(clear.down_mbps, axis=2).min() >= 0.0
    assert np.diff(clear.up_mbps, axis=2).min() >= 0.0


def test_in_rain_a_higher_satellite_is_slower_only_where_p618_says_so(world, table):
    """P.618-13 lets rain take more near the zenith (its path narrows less there), mostly in the tropics."""
    steps = np.diff(table.down_mbps, axis=2)
    assert (steps < 0.0).mean() < 0.005
    assert steps.min() > -60.0


def test_a_rainier_percentage_never_raises_a_rate(world):
    before = np.full(len(world), np.inf)
    for percent in (50.0, 5.0, 1.0, 0.3, 0.1, 0.03):
        made = rates.channel_rates(SKY, FIXED, world, 550.0, percent)
        now = made.down(np.arange(len(world)), 550.0, 40.0)
        assert (now <= before + 45.0).all()  # zones are made anew; but for their rounding
        assert now.mean() < before.mean()
        before = now


def test_a_weak_terminal_carries_nothing_rather_than_the_least(world):
    deaf = replace(FIXED, g_t_db_k=-20.0)
    assert rates.channel_rates(SKY, deaf, world, 550.0, 0.5).down_mbps.max() == 0.0


def test_what_cannot_be_a_link_is_refused(world):
    with pytest.raises(InputError, match="Is it a gain in dBi"):
        rates.channel_rates(SKY, replace(FIXED, g_t_db_k=33.0), world, 550.0, 0.5)


# --- feeder links -------------------------------------------------------------------------------------------------

SITES = rain_grid.climate([51.5, 1.3, 23.0], [0.0, 103.8, 10.0])  # London, Singapore, a desert
GATEWAY = radios.embedded().gateway("ka-1.5m")


def test_an_antenna_under_a_clear_sky_carries_about_one_satellite():
    """2.1 GHz in two polarisations at 4.5 bit/s/Hz are 19 Gbit/s: what the operator says of a satellite of v1."""
    found = feeders.feeder_rates(SKY, GATEWAY, SITES, 550.0, 50.0)
    at_40 = found.up_mbps[0, :, int((40.0 - found.first_deg) / found.step_deg)]
    np.testing.assert_allclose(at_40, 19_000.0, rtol=0.06)
    links = np.arange(3, dtype=np.int32), np.zeros(3, np.int32), np.full(3, 40.0)
    np.testing.assert_array_equal(found.of_links(*links)[0], at_40)
    assert (found.of_links(*links)[1] < found.of_links(*links)[0]).all()


def test_rain_of_the_tropics_ends_a_ka_link_and_a_second_site_brings_it_back():
    alone = feeders.feeder_rates(SKY, GATEWAY, SITES, 550.0, 0.1)
    two = feeders.feeder_rates(SKY, GATEWAY, SITES, 550.0, 0.1, other_site_km=[50.0, 50.0, np.inf])
    number = int((40.0 - alone.first_deg) / alone.step_deg)
    assert alone.up_mbps[0, 1, number] == 0.0
    assert two.up_mbps[0, 1, number] > 5_000.0
    assert two.site_percent[2] == 0.1
    assert (two.site_percent[:2] > 1.0).all()
    np.testing.assert_array_equal(alone.up_mbps[0, 2], two.up_mbps[0, 2])
    assert (two.up_mbps >= alone.up_mbps).all()


@pytest.mark.parametrize("distance_km", [1.0, 20.0, 150.0])
def test_both_fade_as_often_as_in_a_drawing_of_lots(distance_km):
    """Against drawn lots: it rains at both or not, and hard at both or not (P.618-13, 2.2.4.1)."""
    random = np.random.default_rng(11)

    def together(probability: float, correlation: float) -> float:
        one, other = random.standard_normal((2, 4_000_000))
        other = correlation * one + np.sqrt(1.0 - correlation**2) * other
        bound = norm.isf(probability)
        return float(((one > bound) & (other > bound)).mean())

    raining = together(0.06, 0.7 * np.exp(-distance_km / 60.0) + 0.3 * np.exp(-((distance_km / 700.0) ** 2)))
    hard = together(0.2, 0.94 * np.exp(-distance_km / 30.0) + 0.06 * np.exp(-((distance_km / 500.0) ** 2)))
    found = feeders.both_fade_percent((1.2, 1.2), (6.0, 6.0), distance_km)
    assert found == pytest.approx(100.0 * raining * hard, rel=0.02)


def test_two_sites_at_one_place_are_one_and_far_ones_are_independent():
    assert feeders.both_fade_percent((0.5, 0.5), (6.0, 6.0), 0.0) == pytest.approx(0.5)
    assert feeders.both_fade_percent((1.0, 2.0), (6.0, 5.0), 20_000.0) == pytest.approx(0.02, rel=1e-3)
    assert feeders.both_fade_percent((1.0, 1.0), (0.0, 6.0), 10.0) == 0.0  # where it never rains
    assert feeders.site_percent(0.1, 6.0, 0.0) == pytest.approx(0.1, abs=1e-3)
    assert feeders.site_percent(0.1, 6.0, np.inf) == 0.1
    assert feeders.site_percent(0.1, 0.05, 100.0) == 0.1  # it rains more seldom than the link may fail
    further = [feeders.site_percent(0.1, 6.0, distance) for distance in (0.0, 5.0, 20.0, 100.0, 1000.0)]
    assert further == sorted(further)
    for distance, each in zip((5.0, 20.0, 100.0), further[1:], strict=False):
        assert feeders.both_fade_percent((each, each), (6.0, 6.0), distance) == pytest.approx(0.1, rel=1e-3)


def test_a_satellite_without_known_feeders_has_no_table():
    assert feeders.feeder_rates(radios.embedded().satellite("dp2019-spacex"), GATEWAY, SITES, 550.0, 1.0) is None
