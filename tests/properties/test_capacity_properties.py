"""What must hold of any slot that is allocated, whatever the network."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from network.capacity_cases import Slot, all_faults, by_elevation, line, lognormal, region
from openleo.network.capacity import beams, forest
from openleo.network.capacity.allocation import SlotDemand
from openleo.network.capacity.caps import Binding, Caps
from openleo.network.capacity.share import Beams, share

OBJECTIVES = ("max_min", "total", "min_cost_flow")
ALIKE_MBPS = 300.0  # that a beam carries where all carry alike


@st.composite
def slots(draw, *, alike=False) -> Slot:
    """Small slots. Alike: equal rates, no caps in Mbit/s, no neighbours, so that quanta are all that counts."""
    cells, satellites = draw(st.integers(1, 8)), draw(st.integers(1, 5))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    see = random.random((cells, satellites)) < draw(st.floats(0.1, 1.0))
    mbps = st.just(np.inf) if alike else st.one_of(st.just(np.inf), st.floats(0.0, 3000.0))
    caps = Caps(
        beams=draw(st.integers(0, 4)), channels=draw(st.integers(1, 5)), shares=draw(st.integers(1, 5)),
        interference_deg=draw(st.sampled_from([0.0, 20.0, 90.0])), satellite_down_mbps=draw(mbps),
        satellite_up_mbps=draw(mbps), feeder_down_mbps=draw(mbps), feeder_up_mbps=draw(mbps),
        site_down_mbps=draw(mbps), pop_down_mbps=draw(mbps), pop_up_mbps=draw(mbps), isl_mbps=draw(mbps),
        terminal_down_mbps=draw(mbps), cell_down_mbps=draw(mbps),
    )  # fmt: skip
    rate = (
        np.full((cells, satellites), ALIKE_MBPS) if alike else by_elevation(random.uniform(25, 90, (cells, satellites)))
    )
    rate = np.where(random.random(rate.shape) < (0.0 if alike else 0.1), 0.0, rate)
    classes = 1 if alike else draw(st.integers(1, 3))
    down = random.exponential(400.0, (cells, classes)) * (random.random((cells, classes)) < 0.8)
    demand = SlotDemand.of(
        np.full((cells, 1), 1e4) if alike else down,
        0.0 if alike else random.exponential(40.0, (cells, classes)) * (random.random((cells, classes)) < 0.8),
        weight=1.0 if alike or draw(st.booleans()) else None,
        priority=random.integers(0, 2, classes),
        terminals=None if alike else random.integers(0, 30, cells).astype(float),
    )
    slot = line(cells, satellites, see, rate, caps, demand)
    onward = [-1] + [int(random.integers(-1, s)) if not alike else -1 for s in range(1, satellites)]
    gateway = np.where(np.array(onward) == -1, random.integers(2, size=satellites), -1)
    neighbours = np.full((cells, 2), -1, np.int32) if alike else slot.neighbours
    return Slot(slot.candidates, caps, forest.grow(onward, gateway, [0, 1], caps), demand, neighbours)


def least(slot: Slot, made) -> float:
    wants = slot.demand.down_mbps.sum(axis=1) > 0.0
    return float(np.min(made.rate_down_mbps[wants] / slot.demand.weight.sum(axis=1)[wants], initial=np.inf))


@settings(max_examples=150, deadline=None)
@given(slots(), st.sampled_from(OBJECTIVES))
def test_no_cap_is_exceeded_and_nobody_is_served_without_a_beam(slot, objective):
    made = slot.allocate(objective=objective)
    assert all_faults(slot, made) == []
    served = np.isin(np.arange(slot.candidates.cells), made.assignment.cell)
    for rates in (made.rate_down_mbps, made.rate_up_mbps):
        assert (rates[~served] == 0.0).all()
    nothing = slot.demand.down_mbps.sum(axis=1) + slot.demand.up_mbps.sum(axis=1) == 0.0
    assert (made.rate_down_mbps[nothing] == 0.0).all()
    assert (made.binding[nothing] == Binding.DEMAND).all()


@settings(max_examples=100, deadline=None)
@given(slots(), st.sampled_from(OBJECTIVES))
def test_what_binds_is_demand_exactly_where_demand_is_met(slot, objective):
    made = slot.allocate(objective=objective)
    met = np.ones(slot.candidates.cells, bool)
    for rates, asked in ((made.rate_down_mbps, slot.demand.down_mbps), (made.rate_up_mbps, slot.demand.up_mbps)):
        met &= rates >= asked.sum(axis=1) * (1.0 - 1e-6) - 1e-6
    assert (met == (made.binding == Binding.DEMAND)).all()


@settings(max_examples=60, deadline=None)
@given(slots(), st.integers(0, 255))
def test_a_cell_that_may_not_be_served_has_nothing_and_policy_binds_it(slot, bits):
    may = np.array([bits >> cell & 1 == 1 for cell in range(slot.candidates.cells)])
    made = slot.allocate(permitted=may)
    asks = slot.demand.down_mbps.sum(axis=1) + slot.demand.up_mbps.sum(axis=1) > 0.0
    assert (made.rate_down_mbps[~may] == 0.0).all()
    assert (made.rate_up_mbps[~may] == 0.0).all()
    assert ((made.binding == Binding.POLICY) == (~may & asks)).all()


@settings(max_examples=100, deadline=None)
@given(slots(alike=True), st.sampled_from(["beams", "channels"]))
def test_more_beams_or_channels_lower_the_least_share_by_no_more_than_a_quantum_where_those_carry_alike(slot, cap):
    """They hardly ever lower it at all, but the choice of beams is a heuristic: four beams a satellite instead of three
    gave one of four cells 750 Mbit/s where each had 900.
    """
    more = slot.with_caps(**{cap: getattr(slot.caps, cap) + 1})
    quantum_mbps = ALIKE_MBPS / slot.caps.shares
    assert least(more, more.allocate()) >= least(slot, slot.allocate()) - quantum_mbps - 1e-6


@settings(max_examples=100, deadline=None)
@given(slots(), st.data())
def test_more_mbps_never_lower_the_least_share_of_given_beams(slot, data):
    """The same beams under higher caps: fair shares are exact, so this is too, for cells of one satellite."""
    ones = slot.candidates
    first = np.zeros(len(ones.satellite), bool)
    first[ones.offsets[:-1][np.diff(ones.offsets) > 0]] = True
    single = replace(
        ones, offsets=np.concatenate([[0], np.cumsum(np.diff(ones.offsets) > 0)]).astype(np.int64),
        satellite=ones.satellite[first], elevation_deg=ones.elevation_deg[first], down_mbps=ones.down_mbps[first],
        up_mbps=ones.up_mbps[first],
    )  # fmt: skip
    asked, weight = slot.demand.down_mbps, slot.demand.weight
    tier = asked.sum(axis=1)[None]
    sold = beams.assign(single, slot.caps, slot.ways, tier, weight.sum(axis=1)[None], slot.neighbours, "max_min")
    carries = sold.quanta * single.down_mbps / slot.caps.shares
    factor = np.array([data.draw(st.sampled_from([1.0, 1.5, np.inf])) for _ in slot.ways.parent])
    capped = slot.ways.down_mbps
    raised = np.where(np.isinf(factor) | np.isinf(capped), np.inf, capped * np.where(np.isinf(factor), 1.0, factor))
    before, after = (
        share(
            single, sold, Beams.of(single, sold.quanta), slot.ways, nodes, carries, carries, asked,
            np.full(len(asked), np.inf), weight, np.zeros(asked.shape[1], np.int32), as_planned=False,
        ).of_class / weight
        for nodes in (slot.ways.down_mbps, raised)
    )  # fmt: skip
    wants = asked > 0.0
    assert after[wants].min(initial=np.inf) >= before[wants].min(initial=np.inf) * (1.0 - 1e-9) - 1e-9


@settings(max_examples=40, deadline=None)
@given(slots(), st.sampled_from(OBJECTIVES))
def test_the_same_slot_gives_the_same_bytes(slot, objective):
    first, second = (slot.allocate(objective=objective) for _ in range(2))
    assert first.rate_down_mbps.tobytes() == second.rate_down_mbps.tobytes()
    assert first.rate_up_mbps.tobytes() == second.rate_up_mbps.tobytes()
    assert first.assignment.sub_slots.tobytes() == second.assignment.sub_slots.tobytes()


CAPS = Caps(16, 8, 4, 10.0, satellite_down_mbps=15_000.0)


@pytest.mark.parametrize("objective", ["max_min", "total"])
def test_any_number_of_threads_gives_the_same_bytes(objective):
    """Slots are decided side by side; nothing is shared between them."""
    slots = [
        region(CAPS, SlotDemand.of(lognormal(217, 1500.0)), disk=(49.0, 32.0, 8), slot=n, slots=4) for n in range(4)
    ]
    alone = [slot.allocate(objective=objective) for slot in slots]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda slot: slot.allocate(objective=objective), slots))
    for one, other in zip(alone, together, strict=True):
        assert one.rate_down_mbps.tobytes() == other.rate_down_mbps.tobytes()
        assert one.assignment.sub_slots.tobytes() == other.assignment.sub_slots.tobytes()


def renumbered(slot: Slot, seed: int) -> Slot:
    """The same slot with its cells, and each cell's candidates, in another order."""
    random, given_ = np.random.default_rng(seed), slot.candidates
    order = random.permutation(given_.cells)
    back = np.argsort(order)
    links = [random.permutation(np.arange(given_.offsets[c], given_.offsets[c + 1])) for c in order]
    link = np.concatenate(links)
    candidates = replace(
        given_, offsets=np.concatenate([[0], np.cumsum([len(one) for one in links])]).astype(np.int64),
        satellite=given_.satellite[link], elevation_deg=given_.elevation_deg[link], down_mbps=given_.down_mbps[link],
        up_mbps=given_.up_mbps[link], cell_km=given_.cell_km[order],
    )  # fmt: skip
    demand = SlotDemand.of(slot.demand.down_mbps[order])
    around = np.where(slot.neighbours[order] >= 0, back[slot.neighbours[order]], -1).astype(np.int32)
    return Slot(candidates, slot.caps, slot.ways, demand, around)


@pytest.mark.parametrize(("objective", "tolerance"), [("max_min", 0.01), ("total", 0.01)])
def test_the_order_of_cells_moves_totals_by_a_percent_at_most(objective, tolerance):
    slot = region(Caps(16, 8, 4, 10.0), SlotDemand.of(lognormal(721, 1500.0)))
    totals = [slot.allocate(objective=objective).rate_down_mbps.sum()]
    for seed in range(3):
        other = renumbered(slot, seed)
        made = other.allocate(objective=objective)
        assert all_faults(other, made) == []
        totals.append(made.rate_down_mbps.sum())
    assert (max(totals) - min(totals)) / max(totals) <= tolerance


# --- hysteresis -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", ["max_min", "total"])
def test_keeping_satellites_cuts_hand_overs_and_costs_less_than_it_says(objective):
    """Five 15 s steps: links dropped from one slot to the next, and the total. Where nothing is kept most go."""
    keep = 0.2

    def over(keep: float) -> tuple[float, float]:
        previous, dropped, total = None, [], 0.0
        for n in range(6):
            slot = region(Caps(16, 8, 4, 10.0), SlotDemand.of(lognormal(721, 1500.0)), slot=n, slots=6)
            made = slot.allocate(objective=objective, previous=previous, keep=keep)
            assert all_faults(slot, made) == []
            if previous is not None:
                rows = [
                    set(zip(one.cell.tolist(), one.satellite.tolist(), strict=True))
                    for one in (previous, made.assignment)
                ]
                dropped.append(len(rows[0] - rows[1]) / len(rows[0]))
            previous, total = made.assignment, total + made.rate_down_mbps.sum()
        return float(np.mean(dropped)), total

    changes, total = over(0.0)
    kept, kept_total = over(keep)
    assert kept <= 0.65 * changes
    assert kept_total >= (1.0 - keep / 4.0) * total
