"""One slot with everybody on the network: beams, rates, and what binds each cell."""

from __future__ import annotations

import numpy as np
import pytest

from network.capacity_cases import Slot, all_faults, line, lognormal, region
from openleo.network.capacity import forest
from openleo.network.capacity.allocation import SlotDemand
from openleo.network.capacity.caps import Binding, Caps

ONE_BEAM = Caps(beams=1, channels=1, shares=4)


def binding(made) -> list[str]:
    return [Binding(one).name for one in made.binding]


# --- by hand --------------------------------------------------------------------------------------------------------


def test_two_territories_sharing_one_beam_displace_each_other_by_the_amount_computed_by_hand():
    """One beam of 400 Mbit/s in quarters; each asks for 300. Alone either has its 300; together, 200 each."""
    both = line(2, 1, [[1], [1]], 400.0, ONE_BEAM, SlotDemand.of([300.0, 300.0]))
    made = both.allocate()
    assert made.rate_down_mbps.tolist() == [200.0, 200.0]
    assert binding(made) == ["BEAM", "BEAM"]
    for cell in (0, 1):
        alone = both.allocate(permitted=np.arange(2) == cell)
        assert alone.rate_down_mbps[cell] == 300.0
        assert alone.rate_down_mbps[1 - cell] == 0.0
        assert binding(alone)[cell] == "DEMAND"
        assert binding(alone)[1 - cell] == "POLICY"
        displaced = alone.rate_down_mbps[cell] - made.rate_down_mbps[cell]
        assert displaced == 100.0


def test_weights_divide_a_beam_in_their_ratio():
    demand = SlotDemand.of([400.0, 400.0], weight=[3.0, 1.0])
    made = line(2, 1, [[1], [1]], 400.0, ONE_BEAM, demand).allocate()
    assert made.rate_down_mbps.tolist() == [300.0, 100.0]


def test_emergencies_come_first_whatever_the_weights():
    """Cell 0 has 250 of ordinary demand, cell 1 of 200 urgent and 200 ordinary: 200 of 400 are taken first."""
    demand = SlotDemand.of([[0.0, 250.0], [200.0, 200.0]], weight=1.0, priority=[0, 1])
    for objective in ("max_min", "total"):
        made = line(2, 1, [[1], [1]], 400.0, ONE_BEAM, demand).allocate(objective=objective)
        assert made.down.of_class[1, 0] == 200.0
        assert made.rate_down_mbps.sum() == 400.0


def test_a_chain_of_cells_moves_on_so_that_all_are_served():
    """Cell i sees satellites i and i + 1, the last sees only the first's neighbour; one beam each, whole."""
    cells = 5
    see = np.zeros((cells, cells), bool)
    for cell in range(cells - 1):
        see[cell, [cell, cell + 1]] = True
    see[cells - 1, 0] = True
    caps = Caps(beams=1, channels=1, shares=1)
    rate = 100.0 + 10.0 * np.eye(cells)  # each would rather have the satellite that the last needs, or leads to it
    demand = SlotDemand.of(np.full(cells, 50.0))
    for objective in ("max_min", "total"):
        made = line(cells, cells, see, rate, caps, demand).allocate(objective=objective)
        assert made.rate_down_mbps.tolist() == [50.0] * cells, objective


@pytest.mark.parametrize(
    ("changes", "expected", "mbps"),
    [
        ({}, "CELL", 800.0),  # two channels, all of them
        ({"beams": 1}, "BEAM", 400.0),
        ({"cell_down_mbps": 250.0}, "CELL", 250.0),
        ({"satellite_down_mbps": 150.0}, "SATELLITE", 150.0),
        ({"feeder_down_mbps": 140.0}, "FEEDER", 140.0),
        ({"site_down_mbps": 130.0}, "FEEDER", 130.0),
        ({"pop_down_mbps": 120.0}, "POP", 120.0),
        ({"terminal_down_mbps": 55.0}, "TERMINAL", 110.0),
    ],
)
def test_what_binds_is_what_was_made_scarce(changes, expected, mbps):
    demand = SlotDemand.of([1000.0], terminals=[2.0])
    slot = line(1, 1, [[1]], 400.0, Caps(beams=8, channels=2, shares=4), demand)
    made = slot.with_caps(**changes).allocate()
    assert made.rate_down_mbps[0] == pytest.approx(mbps, rel=1e-9)
    assert binding(made) == [expected]


def test_an_inter_satellite_link_binds_those_behind_it():
    """Satellite 1 hands on to satellite 0, which lands; their cells ask for 300 each, the link carries 100."""
    caps = Caps(beams=4, channels=4, shares=1, isl_mbps=100.0)
    slot = line(2, 2, [[1, 0], [0, 1]], 400.0, caps, SlotDemand.of([300.0, 300.0]))
    ways = forest.grow([-1, 0], [0, -1], [0], caps)
    made = Slot(slot.candidates, caps, ways, slot.demand, slot.neighbours).allocate()
    assert made.rate_down_mbps.tolist() == [300.0, 100.0]
    assert binding(made) == ["DEMAND", "ISL"]
    assert ways.hops.tolist() == [0, 1]


def test_a_cell_without_a_satellite_has_no_way_and_one_without_demand_nothing():
    made = line(3, 1, [[1], [0], [1]], 400.0, ONE_BEAM, SlotDemand.of([100.0, 100.0, 0.0])).allocate()
    assert made.rate_down_mbps.tolist() == [100.0, 0.0, 0.0]
    assert binding(made) == ["DEMAND", "NO_WAY", "DEMAND"]
    assert made.assignment.cell.tolist() == [0]


def test_a_link_that_does_not_close_carries_nothing():
    made = line(1, 1, [[1]], 0.0, ONE_BEAM, SlotDemand.of([100.0])).allocate()
    assert made.rate_down_mbps[0] == 0.0
    assert binding(made) == ["NO_WAY"]
    assert len(made.assignment.cell) == 0


def test_upload_alone_gets_beams_too():
    """A beam of 400 down carries 50 up; 30 up need it for 0.6, so three quarters."""
    made = line(1, 1, [[1]], 400.0, ONE_BEAM, SlotDemand.of([0.0], up_mbps=[30.0])).allocate()
    assert made.rate_up_mbps[0] == pytest.approx(30.0)
    assert made.rate_down_mbps[0] == 0.0
    assert made.used_quanta.tolist() == [3]


def test_adjacent_cells_take_turns_on_the_one_channel_of_one_satellite():
    caps = Caps(beams=2, channels=1, shares=4)
    slot = line(2, 1, [[1], [1]], 400.0, caps, SlotDemand.of([400.0, 400.0]))
    made = slot.allocate()
    assert all_faults(slot, made) == []
    assert made.rate_down_mbps.tolist() == [200.0, 200.0]
    assert binding(made) == ["CELL", "CELL"]


@pytest.mark.parametrize(("apart_deg", "total"), [(5.0, 800.0), (40.0, 400.0)])
def test_two_satellites_share_a_channel_next_door_only_if_far_enough_apart_in_the_sky(apart_deg, total):
    """They stand about 90° apart from below (80 mrad to either side at 550 km), so 5° and 40° of asking both allow it;
    the sky narrows when they are asked to be 120° apart."""
    caps = Caps(beams=1, channels=1, shares=1, interference_deg=apart_deg if total == 800.0 else 120.0)
    slot = line(2, 2, [[1, 0], [0, 1]], 400.0, caps, SlotDemand.of([400.0, 400.0]))
    made = slot.allocate()
    assert all_faults(slot, made) == []
    assert made.rate_down_mbps.sum() == total


# --- bad input --------------------------------------------------------------------------------------------------------


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"down_mbps of cell 1 is -3; a demand is at least 0"):
        SlotDemand.of([1.0, -3.0])
    with pytest.raises(ValueError, match="weight of 0"):
        SlotDemand.of([1.0], weight=[0.0])
    with pytest.raises(ValueError, match="reaches no PoP"):
        forest.grow([-1], [0], [-1], ONE_BEAM)
    with pytest.raises(ValueError, match="circle"):
        forest.grow([1, 0], [-1, -1], [0], ONE_BEAM)
    with pytest.raises(ValueError, match="beams = -1"):
        Caps(beams=-1, channels=1, shares=1)
    with pytest.raises(ValueError, match="satellite_down_mbps is negative"):
        Caps(beams=1, channels=1, shares=1, satellite_down_mbps=-2.0)
    with pytest.raises(ValueError, match="objective is 'most'"):
        line(1, 1, [[1]], 1.0, ONE_BEAM, SlotDemand.of([1.0])).allocate(objective="most")


# --- a region under a real constellation ------------------------------------------------------------------------------

TIGHT = Caps(
    beams=48, channels=8, shares=4, interference_deg=10.0, satellite_down_mbps=20_000.0, satellite_up_mbps=2_500.0,
    feeder_down_mbps=19_000.0, feeder_up_mbps=2_400.0, site_down_mbps=152_000.0, site_up_mbps=19_000.0,
    isl_mbps=100_000.0, pop_down_mbps=400_000.0, pop_up_mbps=50_000.0,
)  # fmt: skip


@pytest.mark.parametrize("objective", ["max_min", "total", "min_cost_flow"])
@pytest.mark.parametrize("caps", [Caps(16, 8, 4, 10.0), TIGHT], ids=["beams", "tight"])
def test_a_checker_finds_nothing_wrong_with_a_region(objective, caps):
    demand = SlotDemand.of(
        np.stack([lognormal(721, 100.0, 1), lognormal(721, 1500.0, 2)], axis=1),
        np.stack([lognormal(721, 20.0, 3), lognormal(721, 150.0, 4)], axis=1),
        priority=[0, 1],
    )
    slot = region(caps, demand)
    made = slot.allocate(objective=objective)
    assert all_faults(slot, made) == []
    assert made.rate_down_mbps.sum() > 1e5
