"""The chain of a round trip: its terms sum up, a bent pipe computed by hand, PoPs by territory."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openleo import cells as h3cells
from openleo.errors import InputError
from openleo.geodesy import GEOD, look_angles
from openleo.instants import SlotGrid
from openleo.network import chain, ephemeris, failures, serving_pops, topology
from openleo.network.constellation import catalogue
from openleo.network.ground import gateways, stations
from openleo.network.journeys import Point, seen_by, to_internet
from openleo.network.pop_reach import pop_of_user, reach_of_cells, served_cells, towards, trips
from openleo.network.reach import Network, cell_users, place_users, reach
from openleo.network.serving_pops import LONGEST_FIBRE_KM, Listed, ServingPops

GRID = SlotGrid(datetime(2026, 9, 15, tzinfo=UTC), 15.0, 6)
CONSTANTS = chain.Constants(scheduling_ms=15.0, way_stretch=1.2, fibre_detour=1.5, pop_ms=0.5, jitter_ms=0.0)
LIGHT_KM_PER_MS = 299.792458
LENGTHS = st.floats(0.0, 20_000.0)


@cache
def network(isl: str = "none") -> Network:
    constellation = catalogue.load("starlink-gen1").constellation()
    ground = [stations.read("starlink-2026", kind, Path(), "", "")[0] for kind in ("gateways", "pops")]
    links = topology.build(constellation, isl)
    return Network(constellation, links, gateways.join(*ground, 1.5), 25.0, 25.0, "middle", "least_rtt", 11.0)


def number_of(name: str) -> int:
    return [pop.name for pop in network().gateways.pops].index(name)


def table(**listed: tuple[Listed, ...]) -> ServingPops:
    return ServingPops("a table", listed, "2026-09")


# --- terms --------------------------------------------------------------------------------------------------------


@given(LENGTHS, LENGTHS, LENGTHS, LENGTHS, st.floats(1.0, 3.0))
def test_the_terms_of_a_chain_sum_to_its_total(user, isl, feeder, fibre, stretch):
    found = chain.chain_of(replace(CONSTANTS, way_stretch=stretch), user, isl, feeder, fibre)
    assert found.rtt_ms == pytest.approx(math.fsum(found.terms().values()), abs=1e-9)
    assert all(term >= 0.0 for term in found.terms().values())
    path = np.array([user + isl + feeder + fibre])
    whole = chain.rtt_ms(replace(CONSTANTS, way_stretch=stretch), path, np.array([fibre]))
    assert whole[0] == pytest.approx(found.rtt_ms, rel=1e-6)


def test_a_bent_pipe_by_hand():
    """Satellite overhead at 550 km, gateway 25° below it (1123.42 km: notes on geometry), 300 km of fibre."""
    light_in_fibre_km = 300.0 * 1.5 * 1.468
    found = chain.chain_of(CONSTANTS, 550.0, 0.0, 1123.42, light_in_fibre_km)
    by_hand = 2 * 1.2 * (550.0 + 1123.42) / LIGHT_KM_PER_MS + 2 * light_in_fibre_km / LIGHT_KM_PER_MS + 15.5
    assert by_hand == pytest.approx(33.304, abs=1e-3)  # 13.397 + 4.407 + 15.5
    assert found.rtt_ms == pytest.approx(by_hand, abs=1e-9)


def test_what_has_no_way_has_no_round_trip():
    assert np.isinf(chain.rtt_ms(CONSTANTS, np.array([np.inf]), np.array([0.0])))


def test_jitter_moves_the_tail_and_not_the_median():
    spread = chain.jitters(0, 96, 50)
    assert spread.min() >= -1.0
    assert spread.max() < 1.0
    paths = np.full(spread.shape, 2000.0)
    calm, shaken = (
        chain.rtt_ms(replace(CONSTANTS, jitter_ms=jitter), paths, np.zeros(1), spread) for jitter in (0.0, 6.0)
    )
    assert np.median(shaken) == pytest.approx(calm[0, 0], abs=0.05)
    assert np.quantile(shaken, 0.95) == pytest.approx(calm[0, 0] + 5.4, abs=0.1)
    site = np.sort(spread[:, 7])  # of one site, too, evenly over the slots
    assert np.abs(site - np.linspace(-1.0, 1.0, 96)).max() < 0.1


def test_each_of_several_pops_has_all_of_the_jitter():
    """Whoever shares a site with others by turns has the others' jitter, in the mean and in the spread."""
    jitter, turn = chain.jitters(0, 240, 50), chain.turns(0, 240, 50)
    for share in (0.1, 0.5, 0.9):
        mine = turn < share
        np.testing.assert_allclose(mine.mean(axis=0), share, atol=0.02)  # of the slots of each site
        for some in (jitter[mine], jitter[~mine]):
            quantiles = np.quantile(some, [0.05, 0.25, 0.5, 0.75, 0.95])
            np.testing.assert_allclose(quantiles, [-0.9, -0.5, 0.0, 0.5, 0.9], atol=0.02)
        per_site = np.where(mine, jitter, 0.0).sum(axis=0) / mine.sum(axis=0)
        assert np.abs(per_site).max() < 0.15  # of one site in an hour: 1 ms of 6


def test_the_embedded_constants_are_whole():
    constants, known, _ = chain.read_constants()
    assert constants.way_stretch >= 1.0
    fitted = {name for name, one in known.items() if one.basis == "fitted"}
    assert fitted == {"scheduling_ms", "way_stretch"}  # at most four may be
    for name, one in known.items():
        assert one.basis in ("fitted", "assumed")
        assert one.meaning
        assert (one.uncertainty is not None) == (name in fitted)


# --- nearest PoPs -------------------------------------------------------------------------------------------------


def test_nearest_pops_give_todays_reach_with_the_constants_in_place_of_processing():
    plain = replace(network(), processing_ms=0.0)
    exact = replace(CONSTANTS, way_stretch=1.0)
    users = cell_users(plain, h3cells.world(1)[::7])
    for now, then in zip(reach(plain, GRID, users), reach(replace(plain, chain=exact), GRID, users), strict=True):
        np.testing.assert_array_equal(now.satellite, then.satellite)
        np.testing.assert_array_equal(np.isinf(now.rtt_ms), np.isinf(then.rtt_ms))
        np.testing.assert_allclose(then.rtt_ms, now.rtt_ms + 15.5, rtol=1e-6)


def test_a_network_of_one_pop_is_todays_with_that_pop_alone():
    """Every cell by the table at Frankfurt, and by a list of PoPs that holds Frankfurt alone."""
    frankfurt = number_of("Frankfurt am Main")
    cells = h3cells.world(1)[:300:3]
    listed = replace(network(), serving=table(DEU=(Listed(frankfurt, 1.0),)))
    labels, people = ["DEU"] * len(cells), np.ones(len(cells))
    alone = gateways.join(network().gateways.stations, (network().gateways.pops[frankfurt],), 1.5)
    near = np.isfinite(alone.fibre_km) & (alone.fibre_km <= 1.5 * LONGEST_FIBRE_KM)
    only = replace(alone, fibre_km=np.where(near, alone.fibre_km, np.inf))
    users = cell_users(network(), cells)
    for one, other in zip(
        reach_of_cells(listed, GRID, cells, labels, people),
        reach(replace(network(), gateways=only), GRID, users),
        strict=True,
    ):
        np.testing.assert_array_equal(one.satellite, other.satellite)
        np.testing.assert_array_equal(one.rtt_ms, other.rtt_ms)


def test_threads_do_not_change_reach_by_pop():
    shared = (Listed(number_of("Tokyo"), 0.5), Listed(number_of("Almaty"), 0.5))
    one = replace(network("+grid"), serving=table(MNG=shared), chain=CONSTANTS)
    cells = h3cells.world(1)[::11]
    labels, people = ["MNG"] * len(cells), np.ones(len(cells))
    first, second = (list(reach_of_cells(one, GRID, cells, labels, people, threads)) for threads in (1, 2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.rtt_ms, b.rtt_ms)
        np.testing.assert_array_equal(a.satellite, b.satellite)


def test_a_pop_that_is_out_hands_its_traffic_to_the_nearest_that_works():
    frankfurt, milan = number_of("Frankfurt am Main"), number_of("Milan")
    joined = network().gateways.towards(frankfurt, LONGEST_FIBRE_KM)
    assert set(joined.pop[joined.pop >= 0].tolist()) == {frankfurt}
    out = joined.without(np.array([0], np.int32), np.array([frankfurt], np.int32))
    assert set(out.pop[out.pop >= 0].tolist()) == {milan}
    assert out.pop[0] == -1
    assert np.isinf(out.fibre_km[0])
    nothing = joined.without(np.empty(0, np.int32), np.arange(len(joined.pops), dtype=np.int32))
    assert (nothing.pop == -1).all()


# --- PoPs by territory --------------------------------------------------------------------------------------------


def assigned(serving: ServingPops, labels: list[str], latitude: list[float], longitude: list[float]):
    people = np.ones(len(labels))
    where = np.array(latitude), np.array(longitude)
    return serving_pops.assign(serving, network().gateways.pops, labels, people, *where)


def test_the_nearest_of_a_territorys_pops_serves_each_place():
    listed = (Listed(number_of("Perth"), 0.5), Listed(number_of("Sydney"), 0.5))
    found = assigned(table(AUS=listed), ["AUS", "AUS.sea12"], [-31.0, -33.0], [117.0, 150.0])
    assert dict(zip(found.place.tolist(), found.pop.tolist(), strict=True)) == {0: listed[0].pop, 1: listed[1].pop}
    assert found.weight.tolist() == [1.0, 1.0]
    assert not found.fallback


def test_pops_beyond_a_bent_pipe_share_a_place_as_they_share_the_addresses():
    listed = (Listed(number_of("Tokyo"), 0.75), Listed(number_of("Frankfurt am Main"), 0.25))
    found = assigned(table(MNG=listed), ["MNG"], [47.9], [106.9])
    assert dict(zip(found.pop.tolist(), found.weight.tolist(), strict=True)) == {
        listed[0].pop: 0.75,
        listed[1].pop: 0.25,
    }
    unsaid = tuple(replace(one, share=None) for one in listed)
    assert assigned(table(MNG=unsaid), ["MNG"], [47.9], [106.9]).pop.tolist() == [listed[0].pop]


def test_a_place_has_the_same_pops_whatever_else_is_computed():
    """Darwin is farther from both its PoPs than a bent pipe reaches, and still served as Australia's people are."""
    listed = (Listed(number_of("Tokyo"), 0.75), Listed(number_of("Frankfurt am Main"), 0.25))
    near = (Listed(number_of("Perth"), 0.5), Listed(number_of("Sydney"), 0.5))
    serving = table(MNG=listed, AUS=near)
    labels, latitude, longitude = ["MNG", "MNG", "AUS", "AUS"], [47.9, 48.0, -31.9, -12.5], [106.9, 91.6, 115.9, 130.8]
    together = assigned(serving, labels, latitude, longitude)
    for place in range(len(labels)):
        alone = assigned(serving, labels[place:][:1], latitude[place:][:1], longitude[place:][:1])
        mine = together.place == place
        assert alone.pop.tolist() == together.pop[mine].tolist(), labels[place]
        assert alone.weight.tolist() == together.weight[mine].tolist(), labels[place]


def test_a_territory_without_a_row_falls_back_to_the_nearest_pop_and_is_counted():
    found = assigned(table(), ["LUX"], [49.6], [6.1])
    assert found.pop.tolist() == [number_of("Frankfurt am Main")]
    assert found.fallback == {"LUX": 1.0}


def test_shared_places_go_to_each_pop_as_often_as_its_share_says():
    listed = (Listed(number_of("Tokyo"), 0.75), Listed(number_of("Almaty"), 0.25))
    one = replace(network("+grid"), serving=table(MNG=listed))
    cells = np.sort(h3cells.world(1)[[3, 40, 200]])
    grid = replace(GRID, slots=96)
    served = serving_pops.Served(
        np.repeat(np.arange(3), 2), np.tile([listed[1].pop, listed[0].pop], 3).astype(np.int32),
        np.tile([0.25, 0.75], 3), {},
    )  # fmt: skip
    pop = np.concatenate([chunk.pop for chunk in trips(one, grid, lambda which: cell_users(one, cells[which]), served)])
    assert (pop == listed[0].pop).mean(axis=0) == pytest.approx(0.75, abs=0.02)
    assert ((pop == listed[0].pop) | (pop == listed[1].pop)).all()


def test_a_single_user_has_the_path_that_plan_counts():
    sky = network("+grid")
    serving, _ = serving_pops.read("starlink-2026", listed_pops(), sky.gateways, Path(), "", "")
    one = replace(sky, serving=serving, chain=CONSTANTS)
    here = Point("Ulaanbaatar", 47.92, 106.92)
    path = to_internet(one, GRID, here, GRID.start)
    assert path.rtt_ms is not None
    ends = [hop for hop in path.hops if hop.kind == "PoP"]
    assert [hop.start for hop in ends] in (["Almaty"], ["Tokyo"])
    both_ways = {"scheduling", "PoP"}
    summed = sum(hop.delay_ms * (1.0 if hop.kind in both_ways else 2.0) for hop in path.hops)
    assert summed == pytest.approx(path.rtt_ms, abs=1e-9)
    # the satellites and gateway are those of the network joined to that PoP alone
    alone = replace(towards(one, number_of(ends[0].start)), chain=None, processing_ms=0.0)
    light = to_internet(alone, GRID, here, GRID.start)
    assert [hop.end for hop in light.hops[:-1]] == [hop.end for hop in path.hops[: len(light.hops) - 1]]


def test_a_single_user_has_the_pop_that_a_cell_there_has():
    """Of two PoPs in reach the nearest, whichever has more addresses; out of reach of all, the one that has most."""
    near = table(AUS=(Listed(number_of("Sydney"), 0.75), Listed(number_of("Perth"), 0.25)))
    far = table(MNG=(Listed(number_of("Almaty"), 0.25), Listed(number_of("Tokyo"), 0.75)))
    alike = table(MNG=(Listed(number_of("Almaty"), 0.5), Listed(number_of("Tokyo"), 0.5)))
    for serving, label, latitude, longitude, pop in (
        (near, "AUS", -31.0, 117.0, "Perth"), (near, "AUS.sea12", -33.0, 150.0, "Sydney"),
        (far, "MNG", 47.9, 106.9, "Tokyo"), (alike, "MNG", 47.9, 91.6, "Almaty"), (near, "LUX", 49.6, 6.1,
        "Frankfurt am Main"),
    ):  # fmt: skip
        one = replace(network(), serving=serving)
        assert network().gateways.pops[pop_of_user(one, label, latitude, longitude)].name == pop
        place = assigned(serving, [label], [latitude], [longitude])
        assert number_of(pop) in place.pop.tolist()


# --- the table ----------------------------------------------------------------------------------------------------


def listed_pops() -> tuple[stations.Station, ...]:
    return stations.read_listed("starlink-2026", "pops", Path(), "", "")[0]


def read(tmp_path: Path, text: str, sky: Network | None = None) -> ServingPops:
    (tmp_path / "own.csv").write_text(text)
    ground = (sky or network()).gateways
    return serving_pops.read("own.csv", listed_pops(), ground, tmp_path, "s.toml", "ground.serving_pops")[0]


def test_a_table_of_ones_own_takes_codes_and_names(tmp_path):
    found = read(tmp_path, "territory,pop,as_of,basis\nTWN,tkyojpn1,2026,a record\nTWN,Manila,2026-09-23,another\n")
    assert [one.pop for one in found.by_territory["TWN"]] == [number_of("Tokyo"), number_of("Manila")]
    assert found.as_of == "2026-09-23"


def test_a_pop_that_is_planned_serves_nobody_and_is_named(tmp_path):
    found = read(tmp_path, "territory,pop,as_of,basis\nSWE,stcmswe1,2026,r\nSWE,frntdeu1,2026,r\n")
    assert [one.pop for one in found.by_territory["SWE"]] == [number_of("Frankfurt am Main")]
    assert found.not_working == ("Stockholm",)


def test_every_fault_of_a_table_is_told_at_once(tmp_path):
    rows = [
        "territory,pop,share,as_of,basis",
        "XXX,tkyojpn1,1,2026,r",
        "TWN,tkyojpn9,1,2026,r",
        "TWN,mnlaphl1,2,2026,r",
        "TWN,mnlaphl1,1,soon,",
    ]
    with pytest.raises(InputError) as caught:
        read(tmp_path, "\n".join(rows))
    said = "\n".join(str(problem) for problem in caught.value.problems)
    for words in ('no territory "XXX"', 'no PoP "tkyojpn9"', "tkyojpn1", "share 2", "already, in line 4",
                  "as_of 'soon'", "no basis"):  # fmt: skip
        assert words in said
    with pytest.raises(InputError, match="lacks the columns"):
        read(tmp_path, "territory,pops\nTWN,x\n")


def test_a_pop_that_no_gateway_reaches_is_refused(tmp_path):
    chile = [one for one in network().gateways.stations if one.territory == "CHL"]
    far = replace(network(), gateways=gateways.join(tuple(chile), network().gateways.pops, 1.5))
    with pytest.raises(InputError, match="no gateway reaches the PoP Tokyo"):
        read(tmp_path, "territory,pop,as_of,basis\nTWN,tkyojpn1,2026,r\n", far)
    assert read(tmp_path, "territory,pop,as_of,basis\nCHL,sntochl1,2026,r\n", far).by_territory


def test_a_gateway_is_assumed_only_where_a_pop_has_none_near():
    pops = network().gateways.pops
    found = gateways.assumed(network().gateways.stations, pops)
    assert "Doha (assumed gateway)" in [one.name for one in found]
    assert not any(one.name.startswith(("Frankfurt", "Tokyo", "Sydney")) for one in found)
    assert gateways.assumed((*network().gateways.stations, *found), pops) == ()


def test_cells_of_a_territory_are_served_by_its_pops():
    serving, _ = serving_pops.read("starlink-2026", listed_pops(), network().gateways, Path(), "", "")
    one = replace(network(), serving=serving)
    cells = h3cells.world(1)[:50]
    found = served_cells(one, cells, ["TON"] * 50, np.ones(50))
    assert {network().gateways.pops[pop].name for pop in found.pop} == {"Sydney"}
    sums = np.bincount(found.place, weights=found.weight)
    np.testing.assert_allclose(sums, 1.0)


def test_a_bent_pipe_over_the_stated_distance_holds_nine_times_in_ten():
    """Brute force on what BENT_PIPE_KM says: a satellite above 25° at both of two places so far apart."""
    hours = np.arange(48) * 1800.0
    position_km = ephemeris.positions(network().constellation, GRID.start, hours, every_s=1800.0).position_km
    for latitude in (0.0, 50.0):
        there = []
        for azimuth in (0.0, 45.0, 90.0):
            longitude, far, _ = GEOD.fwd(0.0, latitude, azimuth, serving_pops.BENT_PIPE_KM * 1000.0)
            here = look_angles(latitude, 0.0, position_km)[1] > 25.0
            there.append((here & (look_angles(far, longitude, position_km)[1] > 25.0)).any(axis=1).mean())
        assert np.mean(there) >= 0.88, latitude


def test_slots_in_which_a_pop_is_out_go_to_the_nearest_that_works():
    """Frankfurt is out for two of six slots: its users land as those of Milan do then, and as ever afterwards."""
    frankfurt, milan = number_of("Frankfurt am Main"), number_of("Milan")
    sky = replace(network("+grid"), chain=CONSTANTS)
    begin, until = GRID.start, GRID.instant(2)
    outage = failures.Outage("pop", "Frankfurt am Main", begin, until)
    spans = failures.resolve([("f", "w", outage)], sky.constellation, sky.gateways, sky.topology.neighbours)
    assert isinstance(spans, failures.Failures)
    cells = h3cells.world(1)[:200:5]

    def rtt_ms(one: Network, pop: int) -> np.ndarray:
        listed = replace(one, serving=table(DEU=(Listed(pop, 1.0),)))
        found = reach_of_cells(listed, GRID, cells, ["DEU"] * len(cells), np.ones(len(cells)))
        return np.concatenate([chunk.rtt_ms for chunk in found])

    broken = rtt_ms(replace(sky, failures=spans), frankfurt)
    np.testing.assert_array_equal(broken[2:], rtt_ms(sky, frankfurt)[2:])
    np.testing.assert_array_equal(broken[:2], rtt_ms(sky, milan)[:2])


def test_a_path_is_as_long_as_reach_says():
    sky = network("+grid")
    serving, _ = serving_pops.read("starlink-2026", listed_pops(), sky.gateways, Path(), "", "")
    one = replace(sky, serving=serving, chain=CONSTANTS)
    place = Point("Apia", -13.83, -171.77)
    alone = seen_by(one, place)
    users = place_users(alone, np.array([place.latitude_deg]), np.array([place.longitude_deg]))
    counted = np.concatenate([chunk.rtt_ms[:, 0] for chunk in reach(alone, GRID, users)])
    for slot in range(GRID.slots):
        path = to_internet(one, GRID, place, GRID.instant(slot))
        assert path.rtt_ms == pytest.approx(float(counted[slot]), rel=1e-6)
