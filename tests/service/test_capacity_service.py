"""Capacity joined with service: who gets how much of what it asks for, and what of that is told.

`one_beam` is worked out by hand. A satellite stands over two cells of two territories, which have their names from
elsewhere, and has one beam, which carries 400 Mbit/s and is shared in quarters. A asks for `a`, B for `b`; shares are
in the ratio of what is asked for.

* Both ask for 300: each has two quarters, 200 of 300. Pressed (30 times as much) each has 200 as well: its load is 1.5,
  and a test of a line finds 25 / 1.5 Mbit/s.
* A alone asks for 300: three quarters, all of it. Pressed it has all 400: its load is 0.75, a test finds 100.
* A asks for 200, B for 600: A has one quarter, B three, half of what each asks for.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo import Scenario
from openleo import cells as h3cells
from openleo.instants import SlotGrid
from openleo.network import topology
from openleo.network.capacity import run, tally
from openleo.network.capacity.caps import Binding, Caps
from openleo.network.capacity.demand import FLAT, Demand, PerSubscriber, PriorityClass, demand
from openleo.network.capacity.radios import embedded
from openleo.network.capacity.rain_grid import climate
from openleo.network.capacity.rates import channel_rates
from openleo.network.constellation import from_shells
from openleo.network.constellation.shells import Shell
from openleo.network.ground import gateways
from openleo.network.ground.stations import Station
from openleo.network.reach import Network, cell_users, positions_over, reach
from openleo.places.parts import Parts
from openleo.policy import mask
from openleo.service.rates import Rates, decided_as, permission
from openleo.service.serve import ServiceMap, serve
from openleo.service.statistics import CellStatistics, Counter
from openleo.service.summary import by_cell, by_territory, capacity_json

GRID = SlotGrid(datetime(2026, 11, 20, 12, 0, tzinfo=UTC), 15.0, 2)
CAPS = Caps(beams=1, channels=1, shares=4, terminal_down_mbps=400.0, terminal_up_mbps=40.0)
BOTH, ONLY_A = np.array([[True], [True]]), np.array([[True], [False]])


def one_satellite() -> tuple[Network, h3cells.Cells]:
    """A satellite above the equator, a gateway below it, and two adjacent cells there."""
    constellation = from_shells("one", GRID.start, [Shell("one", 550.0, 0.0, planes=1, per_plane=1, phasing=0)])
    links = topology.build(constellation, "none")
    bare = Network(constellation, links, None, 25.0, 25.0, "middle", "highest", 0.0)  # type: ignore[arg-type]
    x, y, _ = positions_over(bare, GRID, 0, 1).middle_km[0, 0]
    longitude = float(np.degrees(np.arctan2(y, x)))
    below = [Station("below", 0.0, longitude)]
    first = h3cells.at(0.0, longitude, 4)
    around = h3cells.neighbours(np.sort(h3cells.children(h3cells.parents(np.array([first]), 2), 4)))
    disk = np.sort(h3cells.children(h3cells.parents(np.array([first]), 2), 4))
    second = disk[next(one for one in around[np.searchsorted(disk, first)] if one >= 0)]
    return replace(bare, gateways=gateways.join(below, below, detour=1.0)), np.sort([first, second]).astype(np.uint64)


NETWORK, CELLS = one_satellite()
PARTS = Parts(
    CELLS, np.array([0, 1], np.int32), np.array(["BRN", "SGP"], object), np.zeros((2, 0), bool), np.ones(2),
    np.array([1000.0, 3000.0]),
)  # fmt: skip


def asking(a: float, b: float) -> Demand:
    _, longitude = h3cells.centres_deg(CELLS)
    return demand(2, PARTS.cell, longitude, np.array([a, b]), PerSubscriber(1.0, 0.0), FLAT)


def loaded(asked: Demand, caps: Caps = CAPS) -> run.Loaded:
    """Channels that carry 400 Mbit/s down and 40 up wherever they are."""
    known = embedded()
    rates = channel_rates(
        known.satellite("starlink-v1"), known.terminal("fixed"), climate(*h3cells.centres_deg(CELLS)), [550.0], 1.0
    )
    carried = replace(rates, down_mbps=np.full_like(rates.down_mbps, 400.0), up_mbps=np.full_like(rates.up_mbps, 40.0))
    return run.Loaded(CELLS, h3cells.neighbours(CELLS), carried, None, caps, asked, "max_min", 0.0)


def reached() -> CellStatistics:
    counter = Counter(2, GRID.slot_s)
    for chunk in reach(NETWORK, GRID, cell_users(NETWORK, CELLS), 1):
        counter.add(chunk)
    return counter.finish()


def one_beam(a: float, b: float, *permissions: np.ndarray, every: int = 1) -> list[ServiceMap]:
    """Service under each permission (part, class)."""
    asked = asking(a, b)
    made = tally.tally(NETWORK, GRID, CELLS, loaded(asked), permissions, every, pressed=1, threads=1)
    return [
        serve(reached(), PARTS, mask.Mask(("fixed",), may, np.full((2, 1), -1, np.int32), ()), "fixed",
              Rates(one, asked, may, ("fixed",), "fixed", (400.0, 40.0)))
        for one, may in zip(made, permissions, strict=True)
    ]  # fmt: skip


def test_two_territories_that_share_a_beam():
    shared, alone = one_beam(300.0, 300.0, BOTH, ONLY_A)
    assert shared.statistics.can_serve.tolist() == [1.0, 1.0]
    assert shared.served == pytest.approx([2.0 / 3.0, 2.0 / 3.0])
    assert shared.because[:, 3] == pytest.approx([1.0 / 3.0, 1.0 / 3.0])
    assert alone.served == pytest.approx([1.0, 0.0])  # so B displaces a third of A
    assert alone.because.tolist() == [[0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]
    both, only = by_territory(shared), by_territory(alone)
    assert [row.down_mbps_p50 for row in both] == [16.67, 16.67]
    assert [row.down_mbps_p50 for row in only] == [100.0, None]
    assert [row.up_mbps_p50 for row in both] == [40.0, 40.0]  # nobody sends anything: the terminal's own limit
    assert [max(row.bound_by, key=row.bound_by.get) for row in both] == ["beam", "beam"]
    assert [max(row.bound_by, key=row.bound_by.get) for row in only] == ["demand", "policy"]
    cells = by_cell(shared)
    assert cells.rate_down_mbps == pytest.approx([200.0, 200.0])
    assert cells.asked_down_mbps == pytest.approx([300.0, 300.0])
    assert alone.rates.tally.asked_down_mbps == pytest.approx([300.0, 0.0])
    assert capacity_json(shared)["given_down_mbps"] == pytest.approx(400.0)
    assert capacity_json(shared)["subscribers"] == 600
    gave = alone.rates.tally
    assert gave.gateway_down_mbps.tolist() == gave.pop_down_mbps.tolist() == pytest.approx([300.0])
    assert gave.slot_given_down_mbps.tolist() == pytest.approx([300.0, 300.0])
    assert gave.isl_used is None


def test_unequal_territories_get_the_same_part():
    (service,) = one_beam(200.0, 600.0, BOTH)
    assert service.served == pytest.approx([0.5, 0.5])
    assert service.rates.tally.rate_down_mbps == pytest.approx([100.0, 300.0])


def test_where_all_fits_all_are_served():
    (service,) = one_beam(100.0, 300.0, BOTH)
    assert service.served.tolist() == [1.0, 1.0]
    assert service.rates.tally.given.tolist() == [[1.0], [1.0]]
    assert set(by_cell(service).bound_by) == {"demand"}


def test_where_nobody_asks_reach_is_service():
    (service,) = one_beam(0.0, 500.0, BOTH)
    assert service.served == pytest.approx([1.0, 0.8])
    assert by_territory(service)[0].down_mbps_p50 is None


def test_a_cell_out_of_reach_has_no_rate():
    """A network whose one satellite stands too low for either cell."""
    high = replace(NETWORK, user_elevation_deg=89.9)
    (made,) = tally.tally(high, GRID, CELLS, loaded(asking(300.0, 0.0)), [BOTH], 1, 1, threads=1)
    assert made.given.tolist() == [[0.0], [1.0]]
    assert made.rate_down_mbps.tolist() == [0.0, 0.0]
    assert (made.binding[:, Binding.NO_WAY] == 2).all()
    down, up = Rates(made, asking(300.0, 0.0), BOTH, ("fixed",), "fixed", (400.0, 40.0)).users_mbps(np.arange(2), 2)
    assert np.isnan([*down, *up]).all()


def test_where_nobody_is_served_no_line_is_tested():
    """Reach by a table of PoPs may leave out a cell that capacity's common ways reach."""
    (service,) = one_beam(300.0, 300.0, BOTH)
    one = replace(service.statistics, can_serve=np.array([1.0, 0.0]), no_gateway=np.array([0.0, 1.0]))
    made = serve(one, PARTS, service.mask, "fixed", service.rates)
    assert [row.down_mbps_p50 for row in by_territory(made)] == [16.67, None]
    cells = by_cell(made)
    assert np.isnan([cells.down_mbps_p50[1], cells.up_mbps_p50[1], cells.rtt_ms_p50[1]]).all()
    assert cells.down_mbps_p50[0] == 16.67


def test_slots_between_are_left_out():
    (service,) = one_beam(300.0, 300.0, BOTH, every=2)
    assert service.rates.tally.slots == 1
    assert service.served == pytest.approx([2.0 / 3.0, 2.0 / 3.0])


def test_emergency_is_decided_as_itself():
    assert decided_as(["everybody", "emergency"], ["fixed", "emergency"]) == ("fixed", "emergency")
    classes = PriorityClass("everybody", 0.5), PriorityClass("emergency", 0.5, 0)
    one = demand(2, PARTS.cell, np.zeros(2), np.ones(2), PerSubscriber(600.0, 0.0), FLAT, classes)
    may = np.array([[False, True], [True, True]])
    made = permission(may, ("fixed", "emergency"), one)
    assert made.tolist() == may.tolist()
    (gave,) = tally.tally(NETWORK, GRID, CELLS, loaded(one), [made], 1, 1, threads=1)
    rates = Rates(gave, one, made, ("fixed", "emergency"), "fixed", (400.0, 40.0))
    # Emergency first: 300 to A and 100 to B, whose others get nothing; A's others may have nothing.
    assert rates.given("emergency") == pytest.approx([200 / 300, 200 / 300])
    assert rates.given("fixed") == pytest.approx([1.0, 0.0])
    assert rates.given("maritime").tolist() == rates.given("fixed").tolist()


seeds = st.integers(0, 2**32 - 1)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(seeds)
def test_served_and_the_reasons_make_one_with_capacity(seed):
    """Whatever is asked for and permitted; and no rate where nobody is served."""
    random = np.random.default_rng(seed)
    a, b = random.choice([0.0, 5.0, 150.0, 400.0, 5000.0], 2)
    may = random.random((2, 1)) < 0.7
    (service,) = one_beam(float(a), float(b), may)
    np.testing.assert_allclose(service.served + service.because.sum(axis=1), 1.0, atol=1e-12)
    assert (service.because >= 0.0).all()
    gave = service.rates.tally
    assert (gave.rate_down_mbps[~may[:, 0]] == 0.0).all()
    assert gave.rate_down_mbps.sum() <= 400.0 + 1e-6
    assert (gave.rate_down_mbps <= gave.asked_down_mbps + 1e-6).all()
    for row in by_territory(service):
        assert row.served + sum(row.not_served_because.values()) == pytest.approx(1.0, abs=5e-6)
        assert sum(row.bound_by.values()) == pytest.approx(1.0, abs=1e-5)
        if row.served == 0.0:
            assert row.down_mbps_p50 is None
            assert row.rtt_ms_p50 is None


def test_a_run_says_what_its_rates_stand_on(tmp_path):
    """Who subscribes is assumed, who lives beyond the area takes nothing, and a cell is one of beams: in the notes."""
    text = """name = "t"
start = 2026-11-20T00:00:00Z
duration = "1m"
[constellation]
catalogue = "starlink-shell1"
[ground]
area = ["TON", "TON.sea12"]
resolution = 4
[capacity]
enabled = true
"""
    (tmp_path / "s.toml").write_text(text)
    results = Scenario.load(tmp_path / "s.toml").first_slots(1).run()
    notes = results.summary()["notes"]
    people = results.parts.people.sum()
    assert f"1 territory shares the network with {people / 1000:,.0f} subscribers, " in "".join(notes)
    assert "known or estimated by others for 0, elsewhere 0.001 of the people." in "".join(notes)
    assert (
        sum(note.startswith("Beams are shared out by what the scenario's area asks for alone") for note in notes) == 1
    )
    assert sum("A cell of resolution 4 (1,770 km² on the average)" in note for note in notes) == 1
    (tmp_path / "s.toml").write_text(text.replace("enabled = true", "enabled = false"))
    assert not [note for note in Scenario.load(tmp_path / "s.toml").first_slots(1).run().case.notes if "eam" in note]
