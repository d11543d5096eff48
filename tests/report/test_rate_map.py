"""Maps of rates: what every cell shows, what the scales and keys say, told by their data."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba

from openleo.network.capacity.caps import Binding
from openleo.report import rate_map
from openleo.report.rate_map import BOUND, NOBODY, VALUE, WHY
from openleo.service.serve import Reason

RTT, DOWN, UP, WHAT_BINDS = range(4)


def table(**columns):
    """Seven cells: served well, served badly, half served, barred, dark, without a gateway, nobody there."""
    nan = np.nan
    made = {
        "reason": ["served", "served", "no_capacity", "not_permitted", "no_satellite", "no_gateway", "served"],
        "rtt_ms_p50": np.array([20.0, 30.0, 40.0, nan, nan, nan, 50.0]),
        "can_serve": np.array([1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0]),
        "may_serve": np.array([1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0]),
        "down_mbps_p50": np.array([150.0, 12.0, 3.0, nan, nan, nan, nan]),
        "up_mbps_p50": np.array([30.0, 11.0, 2.0, nan, nan, nan, nan]),
        "asked_down_mbps": np.array([5.0, 5.0, 5.0, 0.0, 5.0, 5.0, 0.0]),
        "asked_up_mbps": np.array([1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0]),
        "bound_by": ["demand", "beam", "cell", "policy", "no_way", "no_way", "demand"],
    }
    return SimpleNamespace(**{**made, **columns})


def test_a_cell_without_a_rate_says_why():
    for number in (DOWN, UP):
        code = rate_map.panels_of(table())[number].code.tolist()
        assert code == [VALUE, VALUE, VALUE, Reason.NOT_PERMITTED, Reason.NO_SATELLITE, Reason.NO_GATEWAY, NOBODY]
        assert all(one in WHY for one in code if one != VALUE)


def test_times_are_shown_where_too_little_is_given_too():
    """What a cell gets has its round-trip time, however little it is."""
    panel = rate_map.panels_of(table())[RTT]
    assert np.flatnonzero(panel.code == VALUE).tolist() == [0, 1, 2, 6]
    assert panel.value[[0, 1, 2, 6]].tolist() == [20.0, 30.0, 40.0, 50.0]
    assert panel.code[3:6].tolist() == [Reason.NOT_PERMITTED, Reason.NO_SATELLITE, Reason.NO_GATEWAY]


def test_having_all_that_is_asked_for_is_not_nobody_asking():
    code = rate_map.panels_of(table())[WHAT_BINDS].code.tolist()
    assert code[0] == Binding.DEMAND
    assert code[1:6] == [Binding.BEAM, Binding.CELL, Binding.POLICY, Binding.NO_WAY, Binding.NO_WAY]
    assert BOUND[code[6]].label == "Nobody subscribes"


def test_every_constraint_has_a_colour_of_its_own():
    assert {int(one) for one in Binding} <= set(BOUND)
    colours = [look.colour for look in BOUND.values()]
    assert len(set(colours)) == len(colours)
    assert np.ptp([int(BOUND[Binding.DEMAND].colour[k : k + 2], 16) for k in (1, 3, 5)]) < 25, "a grey"


@pytest.mark.parametrize(
    ("mbps", "ends"),
    [([12.0, 88.0], (10.0, 100.0)), ([40.0, 40.0], (20.0, 50.0)), ([10.0, 100.0], (10.0, 100.0)), ([0.0, 0.0], None)],
)
def test_a_scale_ends_at_round_rates_around_what_it_shows(mbps, ends):
    scale = rate_map.rate_scale(np.array(mbps))
    if ends is None:
        assert 0.0 < scale.vmin < scale.vmax
    else:
        assert (scale.vmin, scale.vmax) == ends


def test_equal_ratios_are_equal_steps_of_colour():
    scale = rate_map.rate_scale(np.array([1.0, 100.0]))
    assert [float(scale(one)) for one in (1.0, 10.0, 100.0)] == pytest.approx([0.0, 0.5, 1.0])
    assert rate_map.rate_scale(np.zeros(0)) is None


def test_light_is_good_on_every_scale():
    panels = rate_map.panels_of(table())

    def lightness(panel, value):
        return float(np.dot(panel.colours(panel.scale(value))[:3], (0.299, 0.587, 0.114)))

    assert lightness(panels[RTT], 20.0) > lightness(panels[RTT], 50.0)
    assert lightness(panels[DOWN], 150.0) > lightness(panels[DOWN], 3.0)


@pytest.fixture(scope="module")
def page(crowded):
    panels = rate_map.panels_of(crowded.cell_table)
    return panels, rate_map.drawn(crowded, panels)


def test_cells_have_the_colours_of_their_figures(page):
    panels, figure = page
    for panel, axes in zip(panels[:3], figure.axes, strict=False):
        drawn = [one for one in axes.collections if isinstance(one, PolyCollection) and one.get_array() is not None]
        values = np.unique(np.concatenate([one.get_array() for one in drawn]))
        assert values.tolist() == np.unique(panel.value[panel.code == VALUE]).tolist()
        (collection,) = drawn
        collection.update_scalarmappable()
        wanted = panel.colours(panel.scale(collection.get_array()))
        assert collection.get_facecolor() == pytest.approx(wanted)


def test_cells_have_the_colours_of_what_binds(page):
    panels, figure = page
    axes, panel = figure.axes[[ax.get_title(loc="left") for ax in figure.axes].index(panels[3].title)], panels[3]
    seen = {tuple(one.get_facecolor()[0]) for one in axes.collections if isinstance(one, PolyCollection)}
    assert seen == {to_rgba(look.colour) for look in panel.present}


def test_keys_name_all_that_is_on_the_map_and_nothing_else(page):
    panels, figure = page
    for panel, legend in zip(panels, figure.legends, strict=False):
        assert [text.get_text() for text in legend.get_texts()] == [look.label for look in panel.present]
    said = {text.get_text() for text in figure.legends[-1].get_texts()}
    assert {"Gateway", "PoP"} <= said


def test_scales_say_their_unit(page):
    panels, figure = page
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert sum("Mbit/s" in title for title in titles) == 2
    assert sum(title.endswith(", ms") for title in titles) == 1
    assert panels[RTT].title == "Round-trip time"


def test_pointed_ends_tell_of_cells_beyond_the_scale(crowded):
    """Of 200 cells, two lie below and two above: the ends are drawn open, as a clipped colour would lie."""
    many = np.concatenate([[0.5, 0.5], np.full(196, 60.0), [900.0, 900.0]])
    scale = rate_map.rate_scale(many)
    assert (scale.vmin, scale.vmax) == (50.0, 100.0)
    assert many.min() < scale.vmin < scale.vmax < many.max()


def test_no_picture_without_capacity(compared, fiji, crowded):
    assert rate_map.picture(compared) is None
    assert rate_map.picture_after(compared) is None
    assert rate_map.picture_after(replace(crowded, compared=None)) is None
    assert rate_map.picture_after(crowded).startswith(b"\x89PNG")
