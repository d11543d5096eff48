"""How full the network is: the bars, circles and words of a Tally made up, and of a run."""

from types import SimpleNamespace

import numpy as np
import pytest

from openleo.network.capacity.tally import LOAD_BINS, Tally
from openleo.report import load_plot


def tally_of(down, up=None, **more):
    """`down`, `up`: links × slots by twentieth, the first those that carry nothing."""
    counts = np.zeros((2, LOAD_BINS), np.int64)
    counts[0, : len(down)] = down
    counts[1, : len(up or down)] = up or down
    names = Tally.__dataclass_fields__
    made = {**dict.fromkeys(names), "slots": 4, "isl_counts": counts, **more}
    return Tally(**made)


def bars(axes):
    return [bar.get_height() for bar in axes.patches]


def test_bars_are_shares_of_the_links_that_carry_something():
    figure = load_plot.isl_drawn(tally_of([60, 30, 10], [90, 10]), 100_000.0, "a run")
    down, up = figure.axes
    assert bars(down)[:3] == pytest.approx([75.0, 25.0, 0.0])
    assert bars(up)[:2] == pytest.approx([100.0, 0.0])
    assert len(bars(down)) == LOAD_BINS - 1
    assert [bar.get_x() for bar in down.patches][:3] == pytest.approx([0.0, 5.0, 10.0])
    assert down.get_title(loc="left") == "Down, to users: 40.0% carry something"
    assert "100 Gbit/s" in down.get_xlabel()


def test_the_95th_percentile_is_that_of_the_counts():
    """Of links drawn at random, told in twentieths: numpy's own percentile lies in the twentieth that ends there."""
    rng = np.random.default_rng(3)
    load = rng.beta(2.0, 5.0, 4000)
    counts = np.bincount(np.ceil(load * 20.0).astype(int), minlength=LOAD_BINS)
    one = tally_of(counts.tolist())
    found = load_plot.p95(load_plot.shares(one)[0])
    assert found - 0.05 <= np.percentile(load, 95.0) <= found
    assert found == pytest.approx(one.isl_load_p95)
    figure = load_plot.isl_drawn(one, 20_000.0, "")
    (line,) = figure.axes[0].lines
    assert line.get_xdata()[0] == pytest.approx(found * 100.0)


def test_full_links_have_another_colour():
    counts = [0] * LOAD_BINS
    counts[3], counts[20] = 7, 1
    down, _ = load_plot.isl_drawn(tally_of(counts), 1000.0, "").axes
    colours = {bar.get_x(): bar.get_facecolor() for bar in down.patches if bar.get_height() > 0.0}
    assert colours[10.0] != colours[95.0]


def test_words_tell_use_load_and_the_fullest():
    said = load_plot.isl_finding(tally_of([60, 38, 0, 2], [75, 25]), 100_000.0)
    assert "40.0% carry something down and 25.0% up" in said
    assert "at most 5% down and 5% up of the 100 Gbit/s that one can carry each way, the fullest up to 15%" in said
    assert "not limited" in load_plot.isl_finding(tally_of([60, 40]), np.inf)
    assert load_plot.isl_finding(tally_of([60]), 100_000.0).endswith("0% carry something down and 0% up.")
    assert load_plot.isl_finding(tally_of([0]), 100_000.0) == ""


def test_areas_of_circles_are_in_the_ratio_of_what_gateways_carry():
    across = load_plot.across_pt(np.array([100.0, 25.0, 0.0]), 100.0)
    assert across[0] ** 2 / across[1] ** 2 == pytest.approx(4.0)
    assert across[2] == 0.0


def test_the_map_is_around_those_that_carry_all_but_a_hundredth():
    assert load_plot.main_ones(np.array([0.1, 50.0, 0.0, 49.9])).tolist() == [False, True, False, True]
    assert load_plot.main_ones(np.array([5.0, 5.0])).all()
    assert not load_plot.main_ones(np.zeros(3)).any()


def test_words_name_the_busiest_gateways():
    stations = [SimpleNamespace(name=name) for name in "ABCDE"]
    known = SimpleNamespace(stations=stations)
    one = tally_of([1, 1], gateway_down_mbps=np.array([10.0, 3000.0, 0.0, 20.0, 500.0]))
    said = load_plot.gateway_finding(known, one)
    assert said.startswith("4 of 5 gateways carry traffic of this run; most down: B (3.0 Gbit/s), E (500 Mbit/s) and D")
    assert load_plot.gateway_finding(known, tally_of([1], gateway_down_mbps=np.zeros(5))).startswith("No gateway")


def test_circles_stand_at_their_gateways(crowded):
    tally, gateways = crowded.service.rates.tally, crowded.case.network.gateways
    figure = load_plot.gateway_drawn(crowded, tally)
    circles = next(one for one in figure.axes[0].collections if one.get_sizes().size and one.get_zorder() == 7)
    frame_east = figure.axes[0].get_xlim()[1]
    order = np.argsort(-tally.gateway_down_mbps, kind="stable")[: len(circles.get_offsets())]
    longitude = np.array([x - 360.0 if x > 180.0 else x for x, _ in circles.get_offsets()])
    assert frame_east > -180.0
    assert longitude[0] == pytest.approx(gateways.longitude_deg[order[0]])
    assert np.all(np.diff(circles.get_sizes()) <= 0.0)


def test_nothing_is_drawn_without_capacity(compared):
    assert load_plot.isl_picture(compared) is None
    assert load_plot.gateway_picture(compared) is None
