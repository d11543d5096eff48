"""Tables made from scenarios, against `openleo path` (journeys), slot by slot and at the middle of each."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from scenes import scenario_text

from openleo.emulator.outlook import outlook
from openleo.emulator.planned import Options, PlacedTerminal, link_table
from openleo.emulator.table import DOWN, UP, LinkTable
from openleo.errors import InputError
from openleo.instants import SlotGrid
from openleo.network import journeys
from openleo.network.ground.tracks import Track
from openleo.network.journeys import Point
from openleo.network.pop_reach import towards
from openleo.results import Case
from openleo.scenario import Scenario
from openleo.units import LIGHT_KM_PER_S

MANILA, TAIPEI = Point("Manila", 14.6, 120.98), Point("Taipei", 25.03, 121.56)
POLE = Point("north pole", 90.0, 0.0)
AN_ARC_S_HEIGHT_MS = 0.06  # of a round trip over several satellites: 3 km of each link at most
A_MICROSECOND_MS = 1e-3


@cache
def case(more: str = "", instead: tuple[str, str] = ("", "")) -> Case:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "s.toml"
        path.write_text(scenario_text(more).replace(*instead))
        return Scenario.load(path).case


def on_path(one: Case, terminal: PlacedTerminal, pop: str, slot: int, window: SlotGrid) -> journeys.Path:
    """What `openleo path --to pop:NAME` shows in a slot."""
    number = [station.name for station in one.network.gateways.pops].index(pop)
    return journeys.to_pop(one.network, one.grid, terminal.user, number, window.instant(slot) + timedelta(seconds=7.5))


def checked_against_paths(one: Case, table: LinkTable, terminals: list[PlacedTerminal], window: SlotGrid) -> None:
    names = one.network.constellation.satellite_name
    for number, terminal in enumerate(terminals):
        handed = np.flatnonzero(table.hand_over[:, number])
        for slot in sorted({0, window.slots - 1, *handed.tolist(), *(handed - 1).tolist()}):
            found = on_path(one, terminal, table.anchors[table.anchor[number]], slot, window)
            assert table.served[slot, number] == (found.rtt_ms is not None)
            if found.rtt_ms is None:
                assert table.why[slot, number] == found.why_none
                continue
            assert names[table.satellite[slot, number]] == found.hops[0].end
            middle = table.rtt_ms(number, np.array([(slot + 0.5) * window.slot_s]))[0]
            assert middle == pytest.approx(found.rtt_ms, abs=AN_ARC_S_HEIGHT_MS)


@pytest.mark.parametrize("more", ["", "\n[links]\nchain = true\n", '\n[links]\nmask_at = "middle"\n'])
def test_each_slot_is_the_path_of_openleo_path_over_hand_overs(more: str) -> None:
    one = case(more)
    window = SlotGrid(one.grid.instant(4), one.grid.slot_s, 36)
    terminals = [PlacedTerminal(MANILA, anchor="Tokyo"), PlacedTerminal(TAIPEI)]
    table = link_table(one, terminals, window)
    assert table.hand_over.sum(axis=0).max() >= 3
    assert table.hand_over.any(axis=0).all()
    up, down = table.delay_ns[:, :, UP], table.delay_ns[:, :, DOWN]
    assert (up[table.served] > down[table.served]).all()
    checked_against_paths(one, table, terminals, window)


def test_a_line_begins_and_ends_with_the_links_as_they_are_at_a_slot_s_ends() -> None:
    """The path's own satellites and gateway, moved by journeys to the slot's two ends."""
    one = case()
    window = SlotGrid(one.grid.start, one.grid.slot_s, 6)
    table = link_table(one, [PlacedTerminal(MANILA, anchor="Tokyo")], window, Options(up_share=0.5))
    network, names = one.network, one.network.constellation.satellite_name
    for slot in range(window.slots):
        hops = on_path(one, PlacedTerminal(MANILA), "Tokyo", slot, window).hops
        trail = [names.index(hop.end) for hop in hops if hop.end in names]
        station = next(s for s in network.gateways.stations if s.name == hops[len(trail)].end)
        there = Point(station.name, station.latitude_deg, station.longitude_deg).position_km
        fibre = next(hop.delay_ms for hop in hops if hop.kind == journeys.FIBRE)
        for end in (0, 1):
            sky = journeys._sky_at(network, window.instant(slot + end)).position_km
            points = [MANILA.position_km, *(sky[s] for s in trail), there]
            km = sum(float(np.linalg.norm(b - a)) for a, b in pairwise(points))
            ms = 2.0 * (km / LIGHT_KM_PER_S * 1000.0 + fibre) + network.processing_ms
            assert table.delay_ns[slot, 0, :, end].sum() / 1e6 == pytest.approx(ms, abs=A_MICROSECOND_MS)


def test_light_takes_as_long_up_as_down_and_the_rest_is_split() -> None:
    one = case()
    window = SlotGrid(one.grid.start, one.grid.slot_s, 4)
    by_share = {
        share: link_table(one, [PlacedTerminal(MANILA, anchor="Tokyo")], window, Options(up_share=share)).delay_ns
        for share in (0.0, 0.5, 1.0)
    }
    processing_ns = round(one.network.processing_ms * 1e6)
    assert (by_share[0.5][:, :, UP] == by_share[0.5][:, :, DOWN]).all()
    assert (by_share[1.0][:, :, UP] - by_share[1.0][:, :, DOWN] == processing_ns).all()
    assert (by_share[0.0][:, :, DOWN] - by_share[0.0][:, :, UP] == processing_ns).all()
    sums = [one_.sum(axis=2) for one_ in by_share.values()]
    assert max(int(abs(a - b).max()) for a in sums for b in sums) <= 1  # a nanosecond, of rounding


def test_the_anchor_is_by_default_the_pop_that_openleo_path_shows() -> None:
    for more in ("", "\n[links]\nchain = true\n"):
        one = case(more)
        table = link_table(one, [PlacedTerminal(MANILA)], SlotGrid(one.grid.start, 15.0, 2))
        found = journeys.to_internet(one.network, one.grid, MANILA, one.grid.start)
        assert [hop.end for hop in found.hops if hop.kind == journeys.FIBRE] == list(table.anchors)


def test_who_is_never_served_is_told_before_start_and_who_is_at_times() -> None:
    one = case(instead=('isl = "+grid"', 'isl = "none"'))
    window = SlotGrid(one.grid.start, 15.0, 40)
    table = link_table(
        one, [PlacedTerminal(POLE), PlacedTerminal(Point("Fiji", -18.14, 178.44), anchor="Tokyo")], window
    )
    said = outlook(table, "s.toml")
    span = "from 2026-11-20T00:00:00Z to 2026-11-20T00:10:00Z"
    higher, nearer = (problem.way_out for problem in said.never)
    assert [str(problem) for problem in said.never] == [
        f"s.toml: north pole: is never served {span}: no_satellite in 40. {higher}",
        f"s.toml: Fiji: is never served {span}: no_gateway in 40. {nearer}",
    ]
    assert higher == "Take another place, another time, or a lower user_elevation_deg."
    assert nearer == "Name a PoP nearer to it, or links between satellites (isl) in the scenario."
    assert not table.delay_ns.any()


def test_a_track_is_served_along_its_way_and_not_before_it_sets_out() -> None:
    one = case()
    after_s, latitude = np.array([60.0, 400.0]), np.array([14.6, 15.3])
    ship = Track("ship", one.grid.start, after_s, latitude, np.full(2, 118.0), np.zeros(2))
    window = SlotGrid(one.grid.start, one.grid.slot_s, 40)
    terminals = [PlacedTerminal(ship, anchor="Tokyo")]
    table = link_table(one, terminals, window)
    assert set(table.why[:4, 0]) == {"not_there"}
    assert set(table.why[27:, 0]) == {"not_there"}
    names = one.network.constellation.satellite_name
    for slot in range(4, 27, 3):
        found = on_path(one, terminals[0], "Tokyo", slot, window)
        assert found.rtt_ms is not None
        assert names[table.satellite[slot, 0]] == found.hops[0].end
        middle = table.rtt_ms(0, np.array([(slot + 0.5) * window.slot_s]))[0]
        assert middle == pytest.approx(found.rtt_ms, abs=AN_ARC_S_HEIGHT_MS)
    assert outlook(table, "s.toml").at_times[0].startswith("ship is served in 23 of 40 slots")


def test_pairs_over_satellites_are_as_far_as_openleo_path_has_them_at_both_ends() -> None:
    one = case()
    window = SlotGrid(one.grid.start, one.grid.slot_s, 3)
    table = link_table(one, [PlacedTerminal(MANILA), PlacedTerminal(TAIPEI), PlacedTerminal(POLE)], window,
                       Options(pairs=((0, 1), (1, 2))))  # fmt: skip
    for slot in range(3):
        for end in (0, 1):
            found = journeys.between(one.network, MANILA, TAIPEI, window.instant(slot + end)).rtt_ms
            assert found is not None
            assert table.direct_ns[slot, 0, end] / 1e6 == pytest.approx(found / 2.0, abs=A_MICROSECOND_MS)
    assert (table.direct_ns[:, 1] == -1).all()


def test_pops_are_joined_by_fibre_as_gateways_are() -> None:
    one = case()
    window = SlotGrid(one.grid.start, one.grid.slot_s, 1)
    table = link_table(one, [PlacedTerminal(MANILA, anchor="Tokyo"), PlacedTerminal(TAIPEI, anchor="Manila")], window)
    joined = one.network.gateways
    assert table.anchors == tuple(sorted(table.anchors, key=[pop.name for pop in joined.pops].index))
    a, b = (next(pop for pop in joined.pops if pop.name == name) for name in table.anchors)
    km = 2990.0 * joined.detour * 1.468  # geodesic Tokyo to Manila, to 1 %
    assert a.name != b.name
    assert table.backbone_ns[0, 1] == table.backbone_ns[1, 0] == pytest.approx(km / LIGHT_KM_PER_S * 1e9, rel=0.01)
    assert table.backbone_ns[0, 0] == 0


def test_rates_loss_queues_and_outages_are_what_options_say() -> None:
    one = case()
    window = SlotGrid(one.grid.start, one.grid.slot_s, 20)
    options = Options(rates_mbps=(10.0, 100.0), loss=(0.01, 0.0), queue_s=(0.2, 0.05), outage_s=0.08, outage_loss=0.3)
    table = link_table(one, [PlacedTerminal(MANILA, anchor="Tokyo")], window, options)
    assert table.rate_mbps[3, 0].tolist() == [10.0, 100.0]
    assert table.loss[3, 0].tolist() == [0.01, 0.0]
    assert table.queue_s.tolist() == [0.2, 0.05]
    assert table.outage_loss == 0.3
    assert table.hand_over.any()
    assert (table.outage_s[table.hand_over] == 0.08).all()
    assert (table.outage_s[~table.hand_over] == 0.0).all()
    assert np.isinf(link_table(one, [PlacedTerminal(MANILA)], window).rate_mbps).all()


def test_unknown_anchors_are_told_together() -> None:
    one = case()
    with pytest.raises(InputError) as told:
        link_table(one, [PlacedTerminal(MANILA, anchor="Tokio"), PlacedTerminal(TAIPEI, anchor="Q")], one.grid)
    first, second = map(str, told.value.problems)
    assert first == 'Manila: anchor: there is no PoP "Tokio". Did you mean Tokyo?'
    assert second.startswith('Taipei: anchor: there is no PoP "Q". PoPs of this scenario: ')


# --- what a plan does with it ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("hand_over", ["least_change", "longest_remaining", "highest"])
def test_who_served_before_is_carried_from_slot_to_slot_as_a_plan_does(hand_over: str) -> None:
    """Against the plan's own reach of the same places, whole and by the hand-overs that `openleo passes` lists."""
    one = case(f'\n[links]\nhand_over = "{hand_over}"\n')
    terminals = [PlacedTerminal(MANILA), PlacedTerminal(Point("Seoul", 37.5, 127.0)), PlacedTerminal(TAIPEI)]
    window = SlotGrid(one.grid.start, one.grid.slot_s, 40)
    table = link_table(one, terminals, window)
    for number, terminal in enumerate(terminals):
        pop = [station.name for station in one.network.gateways.pops].index(table.anchors[table.anchor[number]])
        changes = journeys.hand_overs(towards(one.network, pop), window, terminal.user)
        handed = [change.at for change in changes if change.from_satellite and change.to_satellite]
        assert [window.instant(int(slot)) for slot in np.flatnonzero(table.hand_over[:, number])] == handed
        assert handed


def test_many_terminals_are_as_each_of_them_alone() -> None:
    one = case()
    random = np.random.default_rng(9)
    places = np.column_stack([random.uniform(10.0, 45.0, 30), random.uniform(115.0, 145.0, 30)])
    terminals = [
        PlacedTerminal(Point(f"t{n}", *place), anchor=("Tokyo", "Manila")[n % 2]) for n, place in enumerate(places)
    ]
    window = SlotGrid(one.grid.start, one.grid.slot_s, 8)
    table = link_table(one, terminals, window)
    for number in (0, 1, 13, 29):
        alone = link_table(one, [terminals[number]], window)
        assert (alone.satellite[:, 0] == table.satellite[:, number]).all()
        assert (alone.delay_ns[:, 0] == table.delay_ns[:, number]).all()
        assert alone.why[:, 0].tolist() == table.why[:, number].tolist()


def test_no_way_beats_light() -> None:
    """Straight through the Earth to the PoP, in vacuum: less than any way takes; and pairs no less than their chord."""
    one = case()
    terminals = [
        PlacedTerminal(MANILA, anchor="Tokyo"),
        PlacedTerminal(TAIPEI, anchor="Sydney"),
        PlacedTerminal(POLE, anchor="Tokyo"),
    ]
    window = SlotGrid(one.grid.start, one.grid.slot_s, 20)
    table = link_table(one, terminals, window, Options(up_share=0.0, pairs=((0, 1),)))
    at_km = {pop.name: Point(pop.name, pop.latitude_deg, pop.longitude_deg).position_km
             for pop in one.network.gateways.pops}  # fmt: skip
    for number, terminal in enumerate(terminals[:2]):
        straight_km = np.linalg.norm(at_km[table.anchors[table.anchor[number]]] - terminal.user.position_km)
        served = table.served[:, number]
        assert (table.delay_ns[served, number] > straight_km / LIGHT_KM_PER_S * 1e9).all()
    chord_km = np.linalg.norm(MANILA.position_km - TAIPEI.position_km)
    assert (table.direct_ns[:, 0] > chord_km / LIGHT_KM_PER_S * 1e9).all()


def test_an_account_s_pop_by_the_scenario_s_table_is_its_anchor() -> None:
    """Where a table says which PoP serves a territory, that is it, whatever gateway a slot lands at."""
    one = case(instead=("gateways =", 'serving_pops = "starlink-2026"\ngateways ='))
    window = SlotGrid(one.grid.start, one.grid.slot_s, 12)
    for place in (MANILA, Point("Nairobi", -1.29, 36.82)):
        table = link_table(one, [PlacedTerminal(place)], window)
        for slot in range(0, window.slots, 4):
            found = journeys.to_internet(one.network, one.grid, place, window.instant(slot))
            assert [hop.end for hop in found.hops if hop.kind == journeys.FIBRE] == list(table.anchors)
            middle = table.rtt_ms(0, np.array([(slot + 0.5) * window.slot_s]))[0]
            assert middle == pytest.approx(found.rtt_ms, abs=AN_ARC_S_HEIGHT_MS)


def test_while_its_pop_is_out_a_terminal_is_cut_off() -> None:
    """Another PoP would take the traffic over; the terminal's address is not met there."""
    out = """
[[failures.out]]
kind = "pop"
name = "Tokyo"
from = 2026-11-20T00:01:00Z
until = 2026-11-20T00:02:00Z
"""
    table = link_table(case(out), [PlacedTerminal(MANILA, anchor="Tokyo")], SlotGrid(case().grid.start, 15.0, 12))
    assert table.why[:, 0].tolist() == [""] * 4 + ["no_gateway"] * 4 + [""] * 4


@pytest.mark.slow
def test_five_hundred_terminals_take_seconds() -> None:
    """Where the machine is busy too: 40 slots take 3 s of a processor otherwise."""
    one = case()
    random = np.random.default_rng(9)
    places = np.column_stack([random.uniform(10.0, 45.0, 500), random.uniform(115.0, 145.0, 500)])
    terminals = [PlacedTerminal(Point(f"t{n}", *place)) for n, place in enumerate(places)]
    began = time.process_time()
    table = link_table(one, terminals, SlotGrid(one.grid.start, one.grid.slot_s, 40), threads=1)
    assert time.process_time() - began < 20.0
    assert table.served.any(axis=0).mean() > 0.9
