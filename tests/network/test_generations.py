"""Satellites of unlike generations in one network: each keeps its own radio's rates, beams and Mbit/s."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from network.capacity_cases import gen1, line, pressed_alone
from openleo.capacity_file import CapacityRecord, DemandRecord
from openleo.errors import InputError
from openleo.instants import SlotGrid
from openleo.network.capacity import run
from openleo.network.capacity.allocation import SlotDemand
from openleo.network.capacity.caps import Caps
from openleo.network.capacity.generations import by_radio
from openleo.network.kernels import paths
from openleo.network.reach import cell_users, reach_and_ways
from openleo.places import parts as places
from openleo.scenario_capacity import read_capacity

GRID = SlotGrid(datetime(2026, 11, 20, 12, 0, tzinfo=UTC), 15.0, 1)
MINI = "starlink-v2-mini"


@pytest.fixture(scope="module")
def slot():
    parts = places.cut(places.cells_with_people(["TWN"], 4))
    users = cell_users(gen1(), parts.cells)
    return parts, users, next(reach_and_ways(gen1(), GRID, users, 1))


def loaded(parts, **capacity):
    case, _ = read_capacity(CapacityRecord(**capacity), DemandRecord(penetration=0.05), 4, Path(), "")
    asked, _ = case.demand_of(parts)
    return run.load(case, parts.cells, asked, gen1().constellation, gen1().gateways, 25.0, 25.0)


def test_each_satellite_has_its_own_radio(slot):
    """Against the same slot with either radio for all."""
    parts, users, (_, positions, ways) = slot
    names = gen1().constellation.shell_names
    mixed, first, second = (
        loaded(parts, radio_of_shell={names[0]: MINI, names[2]: MINI}), loaded(parts),
        loaded(parts, satellite_radio=MINI),
    )  # fmt: skip
    mini = np.isin(gen1().constellation.shell, [0, 2])
    assert mixed.caps.beams.tolist() == np.where(mini, 128, 48).tolist()
    assert mixed.caps.satellite_down_mbps.tolist() == np.where(mini, 96_000.0, 18_000.0).tolist()
    found = [run.ready(users, positions, ways, 0, gen1().gateways, one) for one in (mixed, first, second)]
    of_link = mini[found[0][0].satellite]
    assert 0 < of_link.sum() < len(of_link)
    for name in ("down_mbps", "up_mbps"):
        rates = [getattr(candidates, name) for candidates, _ in found]
        np.testing.assert_array_equal(rates[0], np.where(of_link, rates[2], rates[1]))
        nodes = [getattr(trees, name) for _, trees in found]
        satellites = found[0][1].satellites
        of_node = np.concatenate([mini, mini, np.zeros(len(nodes[0]) - 2 * satellites, bool)])
        np.testing.assert_array_equal(nodes[0], np.where(of_node, nodes[2], nodes[1]))
    made = [pressed_alone(gen1(), GRID, 0, users, one)[1] for one in (mixed, first, second)]
    total = [one.rate_down_mbps.sum() for one in made]
    assert total[1] < total[0] < total[2]


def test_all_shells_of_one_radio_are_that_radio_for_all(slot):
    parts, users, _ = slot
    named = loaded(parts, radio_of_shell=dict.fromkeys(gen1().constellation.shell_names, MINI))
    for_all = loaded(parts, satellite_radio=MINI)
    made = [pressed_alone(gen1(), GRID, 0, users, one)[1] for one in (named, for_all)]
    np.testing.assert_array_equal(made[0].rate_down_mbps, made[1].rate_down_mbps)
    np.testing.assert_array_equal(made[0].binding, made[1].binding)


def test_a_limit_that_is_stated_holds_for_every_generation(slot):
    parts, _, _ = slot
    name = gen1().constellation.shell_names[0]
    caps = loaded(parts, radio_of_shell={name: MINI}, beams_per_satellite=7, satellite_down_mbps=5.0).caps
    assert (caps.beams, caps.satellite_down_mbps) == (7, 5.0)
    assert np.unique(caps.satellite_up_mbps).tolist() == [6_000.0, 6_700.0]


def test_a_second_feeder_band_is_told_in_times_of_the_first(slot):
    """v2 mini hears and sends in Ka band as the first generation does, with four times as much over all bands."""
    parts, users, (_, positions, ways) = slot
    trees = [run.ready(users, positions, ways, 0, gen1().gateways, loaded(parts, satellite_radio=name))[1]
             for name in ("starlink-v1", MINI)]  # fmt: skip
    node = trees[0].satellites + np.flatnonzero(ways.onward[0] == paths.LANDS_HERE)
    assert trees[1].down_mbps[node] == pytest.approx(4.0 * trees[0].down_mbps[node], rel=1e-6)


def test_no_satellite_lights_more_beams_than_its_own():
    see = np.ones((6, 2))
    made_of = [(np.array([1, 3], np.int32), [1.0, 3.0]), (np.array([0, 2], np.int32), [0.0, 2.0])]
    for beams, most in made_of:
        caps = Caps(beams=beams, channels=4, shares=2)
        one = line(6, 2, see, 100.0, caps, SlotDemand.of(np.full(6, 500.0)))
        for objective in ("max_min", "total"):
            made = one.allocate(objective=objective)
            rows = made.assignment
            lit = np.bincount(rows.satellite, rows.share, minlength=2)
            assert lit.tolist() == most
            assert made.most_quanta.tolist() == (2 * beams).tolist()
            assert made.rate_down_mbps.sum() == pytest.approx(100.0 * sum(most))


def test_what_cannot_be_is_refused():
    constellation = gen1().constellation
    with pytest.raises(InputError, match="there is no radio"):
        read_capacity(CapacityRecord(radio_of_shell={"x": "starlink-v9"}), DemandRecord(), 4, Path(), "s.toml")
    case, _ = read_capacity(
        CapacityRecord(radio_of_shell={"shell-9": MINI, constellation.shell_names[1]: "oneweb"}),
        DemandRecord(), 4, Path(), "",
    )  # fmt: skip
    with pytest.raises(InputError) as caught:
        by_radio(case, constellation, "s.toml")
    said = [str(problem) for problem in caught.value.problems]
    assert len(said) == 2
    assert 's.toml: capacity.radio_of_shell: there is no shell "shell-9"' in said[0]
    assert 'channels of "oneweb"' in said[1]
    with pytest.raises(ValueError, match="beams = -1"):
        Caps(beams=np.array([3, -1]), channels=1, shares=1)
