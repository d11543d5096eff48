"""Slots allocated one after the other over a real constellation, from a scenario's case."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from network.capacity_cases import alone, gen1, pressed_alone
from openleo.capacity_file import CapacityRecord, DemandRecord
from openleo.instants import SlotGrid
from openleo.network.capacity import run, user_rates
from openleo.network.capacity.caps import Binding
from openleo.network.capacity.user_rates import PRESSED
from openleo.network.kernels import paths
from openleo.network.reach import cell_users, reach_and_ways
from openleo.places import parts as places
from openleo.scenario_capacity import read_capacity

GRID = SlotGrid(datetime(2026, 11, 20, 12, 0, tzinfo=UTC), 15.0, 4)  # 20:00 at 120° east


def loaded(demand: DemandRecord, **capacity):
    """(parts, what slots are allocated from, users) of Taiwan under Starlink's first generation."""
    network = gen1()
    parts = places.cut(places.cells_with_people(["TWN"], 4))
    case, _ = read_capacity(CapacityRecord(**capacity), demand, 4, Path(), "")
    asked, left_out = case.demand_of(parts)
    assert left_out == 0
    made = run.load(case, parts.cells, asked, network.constellation, network.gateways, 25.0, 25.0)
    return parts, made, cell_users(network, parts.cells)


def allocated(made, users, **options):
    found, previous = [], None
    for number in range(GRID.slots):
        found.append(alone(gen1(), GRID, number, users, made, previous=previous, **options))
        previous = found[-1].assignment
    return found


@pytest.fixture(scope="module")
def few():
    return loaded(DemandRecord(penetration=0.0001))


def test_little_demand_is_met_in_every_slot(few):
    _, made, users = few
    slots = allocated(made, users)
    assert len(slots) == 4
    for number, slot in enumerate(slots):
        asked = made.demand.at(GRID.instant(number))
        assert slot.rate_down_mbps == pytest.approx(asked.down_mbps.sum(axis=1), rel=1e-6)
        assert (slot.binding == Binding.DEMAND).all()


def test_more_is_asked_for_than_there_is():
    """With 5 in 100 people the satellites above Taiwan are full, and nobody gets more than asked for."""
    _, made, users = loaded(DemandRecord(penetration=0.05))
    for number, slot in enumerate(allocated(made, users)[:2]):
        asked = made.demand.at(GRID.instant(number)).down_mbps.sum(axis=1)
        assert slot.rate_down_mbps.sum() < 0.7 * asked.sum()
        assert (slot.rate_down_mbps <= asked * (1.0 + 1e-9) + 1e-9).all()
        satellites = np.unique(slot.assignment.satellite)
        by_satellite = np.bincount(slot.assignment.satellite, slot.assignment.share)[satellites]
        assert by_satellite.max() <= made.caps.beams + 1e-9


def test_feeders_follow_elevation_and_rain(few):
    _, made, users = few
    network = gen1()
    for _, positions, ways in reach_and_ways(network, GRID, users, 1):
        _, trees = run.ready(users, positions, ways, 0, network.gateways, made)
        lands = np.flatnonzero(ways.onward[0] == paths.LANDS_HERE)
        node = trees.satellites + lands
        assert np.isfinite(trees.down_mbps[node]).all()
        assert trees.down_mbps[node].max() <= made.feeders.up_mbps.max() + 1e-6
        assert np.unique(trees.down_mbps[node].round(3)).size > 3
        free = run.ready(users, positions, ways, 0, network.gateways, replace(made, feeders=None))[1]
        assert np.isinf(free.down_mbps[node]).all()


def test_parts_that_may_not_be_served_take_nothing(few):
    parts, made, users = few
    nobody = np.zeros(len(parts), bool)
    slot = allocated(made, users, permitted=nobody)[0]
    assert slot.rate_down_mbps.sum() == 0.0
    asks = np.bincount(parts.cell, made.demand.subscribers.sum(axis=1), minlength=len(parts.cells)) > 0.0
    assert set(slot.binding[asks].tolist()) == {Binding.POLICY}
    assert set(slot.binding[~asks].tolist()) <= {Binding.DEMAND}
    half = parts.territory.astype(str) == "TWN"
    some = allocated(made, users, permitted=half)[0]
    assert some.rate_down_mbps.sum() == pytest.approx(made.demand.at(GRID.start, half).down_mbps.sum(), rel=1e-6)


def test_pressed_cells_have_more_and_others_what_they_ask_for(few):
    _, made, users = few
    network = gen1()
    asked = made.demand.at(None).down_mbps.sum(axis=1)
    one = np.zeros(len(asked), bool)
    one[int(asked.argmax())] = True
    found, pressed = pressed_alone(network, GRID, 0, users, made, one)
    assert pressed.rate_down_mbps[~one] == pytest.approx(asked[~one], rel=1e-6)
    brought = user_rates.pressed(found, pressed)
    load = user_rates.load(asked, brought.down_mbps)
    assert 1.0 / PRESSED <= load[one][0] < 1.0
    channel = brought.channel_down_mbps[one][0]
    assert 300.0 < channel < 800.0
    assert found.down_mbps.max() >= channel


def test_users_measure_less_where_more_subscribe(few):
    parts, made, users = few
    group = np.where(parts.territory.astype(str) == "TWN", 0, -1)

    def measured(demand):
        brought = user_rates.pressed(*pressed_alone(gen1(), GRID, 0, users, replace(made, demand=demand)))
        down, _ = user_rates.by_group(demand, demand.subscribers.sum(axis=1), group, 1, brought, (400.0, 40.0))
        return down[0], np.nanmax(user_rates.load(demand.at(None).down_mbps.sum(axis=1), brought.down_mbps))

    (few_mbps, little), (many_mbps, much) = measured(made.demand), measured(made.demand.times(300.0))
    assert few_mbps == 400.0  # the terminal's own limit
    assert many_mbps < 100.0
    assert much > 1.0 > little


def test_few_antennas_limit_a_site():
    case, _ = read_capacity(CapacityRecord(), DemandRecord(), 4, Path(), "")
    network = gen1()
    feeders = case.feeders(network.gateways, [550.0], 25.0)
    antennas = np.full(len(network.gateways), -1)
    antennas[3] = 8
    caps = case.caps(feeders, antennas)
    assert caps.site_down_mbps[3] == pytest.approx(8.0 * feeders.up_mbps[:, 3].max())
    assert np.isinf(np.delete(caps.site_down_mbps, 3)).all()
    assert np.isinf(case.caps(feeders).site_up_mbps)
