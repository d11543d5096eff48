"""What the computed slots of a run gave: beside each slot allocated by itself, and however the work is divided."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from network.capacity_cases import alone, gen1, pressed_alone
from openleo.capacity_file import CapacityRecord, DemandRecord
from openleo.instants import SlotGrid
from openleo.network import failures
from openleo.network.capacity import run, tally, user_rates
from openleo.network.capacity.caps import Binding
from openleo.network.failures import Outage
from openleo.network.reach import cell_users, reach_and_ways
from openleo.places import parts as places
from openleo.scenario_capacity import read_capacity

GRID = SlotGrid(datetime(2026, 11, 20, 12, 0, tzinfo=UTC), 60.0, 7)


@cache
def taiwan(penetration=0.02):
    network = gen1()
    parts = places.cut(places.cells_with_people(["TWN", "kinmen", "matsu"], 4))
    case, _ = read_capacity(CapacityRecord(ways="shortest"), DemandRecord(penetration=penetration), 4, Path(), "")
    asked, _ = case.demand_of(parts)
    return parts, run.load(case, parts.cells, asked, network.constellation, network.gateways, 25.0, 25.0)


def permissions(parts):
    return [np.ones((len(parts), 1), bool), (parts.territory.astype(str) == "kinmen")[:, None]]


def tallied(some, every, threads=1, network=None, pressed=2):
    parts, loaded = taiwan()
    return tally.tally(network or gen1(), GRID, parts.cells, loaded, some, every, pressed, threads)


def same(one, other):
    for field in fields(one):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        if isinstance(mine, user_rates.Pressed):
            same(mine, theirs)
        else:
            np.testing.assert_array_equal(mine, theirs, field.name)


@pytest.mark.parametrize("every", [1, 3])
def test_side_by_side_as_one_by_one_on_any_number_of_threads(every):
    parts, _ = taiwan()
    some = permissions(parts)
    together = tallied(some, every, threads=3)
    assert [one.slots for one in together] == [len(range(0, 7, every))] * 2
    for permitted, one in zip(some, together, strict=True):
        (alone,) = tallied([permitted], every)
        same(one, alone)


def test_against_slots_allocated_by_themselves():
    """The sums written out, for each third slot."""
    parts, loaded = taiwan()
    network = gen1()
    (one,) = tallied(permissions(parts)[:1], 3)
    users = cell_users(network, parts.cells)
    rate, part, binding, gateway, links = [], [], [], [], []
    for _, _, ways in reach_and_ways(network, GRID, users, 1):
        for slot in (0, 3, 6):
            made = alone(network, GRID, slot, users, loaded)
            asked = loaded.demand.at(GRID.instant(slot))
            rate.append(made.rate_down_mbps)
            parts_of = [
                np.divide(got, want, out=np.ones_like(want), where=want > 0)
                for got, want in (
                    (made.rate_down_mbps, asked.down_mbps[:, 0]), (made.rate_up_mbps, asked.up_mbps[:, 0]),
                )
            ]  # fmt: skip
            part.append(np.minimum(*parts_of))
            binding.append(made.binding)
            satellites = len(ways.onward[slot])
            gateway.append(made.down.of_node[2 * satellites :][: len(network.gateways)])
            onward = made.up.of_node[satellites : 2 * satellites][ways.onward[slot] >= 0]
            links.append([(onward <= 1e-6).sum(), ((onward > 1e-6) & (onward <= 5_000.0)).sum(), len(onward)])
    assert one.rate_down_mbps == pytest.approx(np.mean(rate, axis=0))
    assert one.given[:, 0] == pytest.approx(np.mean(part, axis=0), abs=2e-6)
    assert 0.01 < one.given.min() < 0.9
    for code in Binding:
        assert one.binding[:, code].tolist() == (np.array(binding) == code).sum(axis=0).tolist()
    assert one.gateway_down_mbps == pytest.approx(np.mean(gateway, axis=0))
    assert one.pop_down_mbps.sum() == pytest.approx(one.rate_down_mbps.sum())
    assert one.begin_s.tolist() == [0.0, 180.0, 360.0]
    counts = np.sum(links, axis=0)
    assert [*one.isl_counts[1, :2], one.isl_counts[1].sum()] == counts.tolist()


def test_what_is_short_slot_by_slot_is_what_is_not_given_over_the_run():
    """With a weight of our own for each cell, summed over cells a slot at a time or over slots a cell at a time."""
    parts, loaded = taiwan()
    weight = np.random.default_rng(5).random((len(parts.cells), 1))
    everybody = permissions(parts)[:1]
    (one,) = tally.tally(gen1(), GRID, parts.cells, loaded, everybody, 1, 1, weights=[weight])
    with_way = 1.0 - one.binding[:, Binding.NO_WAY] / one.slots
    assert one.slot_short.shape == (7,)
    assert one.slot_short.mean() == pytest.approx((weight[:, 0] * with_way) @ (1.0 - one.given[:, 0]))
    assert one.slot_short.min() > 0.0
    (without,) = tally.tally(gen1(), GRID, parts.cells, loaded, everybody, 3, 1)
    assert without.slot_short.tolist() == [0.0] * 3


def test_pressed_slots_are_spread_over_the_computed_ones():
    parts, loaded = taiwan()
    network = gen1()
    (one,) = tallied(permissions(parts)[:1], 1, pressed=2)
    assert one.pressed_slots == 2
    users = cell_users(network, parts.cells)
    found = [user_rates.pressed(*pressed_alone(network, GRID, slot, users, loaded)) for slot in (0, 3)]
    assert one.pressed.down_mbps == pytest.approx(np.mean([each.down_mbps for each in found], axis=0))
    channels = np.stack([each.channel_up_mbps for each in found])
    assert np.isfinite(channels).all()
    assert one.pressed.channel_up_mbps == pytest.approx(channels.mean(axis=0))


def test_ways_round_full_links_carry_more_over_the_same_landings():
    """Ways are still one a satellite; by hand, from the loads of gateways: more of them have something to carry."""
    parts, loaded = taiwan()
    crowded = replace(loaded, demand=loaded.demand.times(20.0))
    shortest, spread = (
        tally.tally(gen1(), GRID, parts.cells, replace(crowded, least_load=one), permissions(parts)[:1], 7, 1)[0]
        for one in (False, True)
    )
    assert spread.rate_down_mbps.sum() > 1.02 * shortest.rate_down_mbps.sum()
    assert (spread.gateway_down_mbps > 1.0).sum() > (shortest.gateway_down_mbps > 1.0).sum()
    assert spread.gateway_down_mbps.sum() == pytest.approx(spread.rate_down_mbps.sum())
    assert spread.asked_down_mbps.tolist() == shortest.asked_down_mbps.tolist()


def test_the_load_of_a_place_is_the_networks_and_not_its_terminals():
    """By hand: a few who ask for nearly all that a terminal takes are as many as a thirtieth of them, thirty times."""
    parts, loaded = taiwan()
    few = replace(loaded.demand, subscribers=loaded.demand.down_mbps.sum(axis=1, keepdims=True) / 380.0)
    (many,), (one,) = (
        tally.tally(gen1(), GRID, parts.cells, replace(loaded, demand=each), permissions(parts)[:1], 7, 1)
        for each in (replace(loaded.demand, subscribers=few.subscribers * 1e3), few)
    )
    same(one.pressed, many.pressed)


def test_what_a_user_finds_does_not_turn_on_whom_the_objective_would_leave_dark():
    """Pressed for the most in total, far cells would have nothing, though none lacks anything as it is."""
    parts, loaded = taiwan()
    fair, total = (
        tally.tally(gen1(), GRID, parts.cells, replace(loaded, objective=one), permissions(parts)[:1], 7, 1)[0]
        for one in ("max_min", "total")
    )
    same(fair.pressed, total.pressed)
    assert fair.rate_down_mbps.tolist() != total.rate_down_mbps.tolist()


def test_gateways_that_are_withheld_or_out_carry_nothing():
    parts, _ = taiwan()
    network = gen1()
    (whole,) = tallied(permissions(parts)[:1], 3)
    busiest = np.flatnonzero(whole.gateway_down_mbps)
    withheld = replace(network, gateways=network.gateways.without(busiest[:1].astype(np.int32), np.array([], np.int32)))
    (without,) = tallied(permissions(parts)[:1], 3, network=withheld)
    assert without.gateway_down_mbps[busiest[0]] == 0.0
    assert without.gateway_down_mbps.sum() > 0.0
    name = network.gateways.stations[busiest[-1]].name
    out = failures.resolve(
        [("", "", Outage("gateway", name, None, GRID.instant(3)))], network.constellation, network.gateways,
        network.topology.neighbours,
    )  # fmt: skip
    assert isinstance(out, failures.Failures)
    first, second = (
        tallied(permissions(parts)[:1], every, network=replace(network, failures=out))[0] for every in (7, 3)
    )
    assert first.gateway_down_mbps[busiest[-1]] == 0.0
    assert second.gateway_down_mbps[busiest[-1]] > 0.0  # it works again in slots 3 and 6


def test_who_may_not_be_served_takes_nothing():
    parts, _ = taiwan()
    everybody, few = tallied(permissions(parts), 3)
    here = np.unique(parts.cell[parts.territory.astype(str) == "kinmen"])
    elsewhere = np.setdiff1d(np.arange(len(parts.cells)), here)
    assert few.rate_down_mbps[elsewhere].tolist() == [0.0] * len(elsewhere)
    assert (few.binding[elsewhere, Binding.POLICY] == few.slots).all()
    assert (few.asked_down_mbps[elsewhere] == 0.0).all()
    assert few.given[elsewhere].tolist() == [[1.0]] * len(elsewhere)
    assert (few.given[here] >= everybody.given[here] - 1e-9).all()
