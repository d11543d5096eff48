"""Failures against the same graph with the failed things taken away, for scipy's Dijkstra to search."""

from __future__ import annotations

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.stats import binomtest, expon, kstest

from openleo.geodesy import ecef_km, up
from openleo.instants import SlotGrid
from openleo.interchange.hypatia_text import circular_elements
from openleo.network import ephemeris, failures, journeys, topology
from openleo.network.constellation import from_elements, from_shells
from openleo.network.constellation.elements import ElementSets
from openleo.network.constellation.shells import Shell
from openleo.network.failures import Chance, Failures, Outage, draw, resolve, satellite_names
from openleo.network.ground import gateways, stations
from openleo.network.pairs import ByElevation, Places, Sky, lengths_between, rtt_between, shortest, skies, times_between
from openleo.network.reach import Network, gateway_sites, place_users, positions_over, reach
from openleo.network.routing import routes

START = datetime(2026, 11, 20, tzinfo=UTC)
GRID = SlotGrid(START, 15.0, 8)
SITES = np.array([(51.5, -0.1), (40.7, -74.0), (35.7, 139.7), (-33.9, 151.2), (1.35, 103.8), (-23.5, -46.6)])


@cache
def network(hand_over: str = "least_rtt", isl: str = "+grid") -> Network:
    constellation = from_shells("t", START, [Shell("a", 1100.0, 60.0, 12, 16, 5), Shell("b", 1150.0, 80.0, 6, 10, 1)])
    lists = [stations.read("starlink-2026", kind, Path(), "", "")[0] for kind in ("gateways", "pops")]
    joined = gateways.join(lists[0][::8], lists[1][::9], 1.5)
    return Network(constellation, topology.build(constellation, isl), joined, 20.0, 15.0, "middle", hand_over, 11.0)


def failing(*outages: Outage, of: Network | None = None) -> Network:
    of = of or network()
    found = resolve([("f.toml", "here", one) for one in outages], of.constellation, of.gateways, of.topology.neighbours)
    assert isinstance(found, Failures), found
    return replace(of, failures=found)


def served(of: Network) -> tuple[np.ndarray, np.ndarray]:
    """(serving satellite, RTT), axes (slot, place)."""
    chunks = list(reach(of, GRID, place_users(of, *SITES.T), threads=1))
    return np.concatenate([one.satellite for one in chunks]), np.concatenate([one.rtt_ms for one in chunks])


def links(of: Network) -> list[str]:
    names, neighbours = of.constellation.satellite_name, of.topology.neighbours
    return sorted(
        {f"{names[min(a, b)]} -- {names[max(a, b)]}" for a, row in enumerate(neighbours) for b in row if b >= 0}
    )


@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.0, 0.9))
@settings(deadline=None, max_examples=25)
def test_ways_between_places_against_scipy_without_what_failed(seed: int, share: float) -> None:
    random, of = np.random.default_rng(seed), network()
    names = of.constellation.satellite_name
    lost_links = [one for one in links(of) if random.random() < share]
    lost = [n for n in range(len(names)) if random.random() < share / 2]
    of = failing(*(Outage("isl", one) for one in lost_links), *(Outage("satellite", names[n]) for n in lost))
    places = Places(tuple("ABCDEF"), ecef_km(*SITES.T), up(*SITES.T))
    sky = Sky(of.constellation, of.topology, ByElevation(20.0), of.failures)
    position = ephemeris.positions(of.constellation, START, 0.0).position_km[0]
    number = {name: n for n, name in enumerate(names)}
    cut = {tuple(number[end] for end in one.split(" -- ")) for one in lost_links}
    weights = np.zeros((len(names) + 2 * len(SITES),) * 2)
    for a, row in enumerate(of.topology.neighbours):
        for b in row:
            clear = b >= 0 and (min(a, b), max(a, b)) not in cut and a not in lost and b not in lost
            if clear and lowest_km(position[a], position[b]) >= topology.LOWEST_LINK_KM:
                weights[a, b] = np.linalg.norm(position[a] - position[b])
    sight = position - places.position_km[:, np.newaxis]
    distance = np.linalg.norm(sight, axis=-1)
    above = np.einsum("psk,pk->ps", sight, places.up) >= np.sin(np.radians(20.0)) * distance
    above[:, lost] = False
    for place, satellite in np.argwhere(above):
        weights[len(names) + place, satellite] = distance[place, satellite]
        weights[satellite, len(names) + len(SITES) + place] = distance[place, satellite]
    expected = dijkstra(csr_matrix(weights), indices=len(names) + np.arange(len(SITES)))[:, -len(SITES) :]
    np.fill_diagonal(expected, np.inf)
    ((now, at_km, usable),) = skies(sky, START, [0.0])
    assert np.allclose(shortest(now, places, at_km, usable)[0], expected, rtol=1e-9)
    assert np.allclose(lengths_between(now, places, at_km, usable), expected, rtol=1e-6)


def lowest_km(a: np.ndarray, b: np.ndarray) -> float:
    share = np.linspace(0.0, 1.0, 201)[:, np.newaxis]
    return float(np.linalg.norm(a + share * (b - a), axis=1).min())


def test_nothing_out_changes_nothing_and_all_out_serves_nobody() -> None:
    satellite, rtt_ms = served(network())
    again = served(failing(Outage("gateway", network().gateways.stations[0].name, end=START - timedelta(days=1))))
    assert np.array_equal(satellite, again[0])
    assert np.array_equal(rtt_ms, again[1])
    assert (satellite >= 0).any()
    dark = [
        [Outage("satellite", name) for name in network().constellation.satellite_name],
        [Outage("plane", f"{shell} p{p}") for shell, planes in (("a", 12), ("b", 6)) for p in range(planes)],
        [Outage("gateway", one.name) for one in network().gateways.stations],
        [Outage("pop", one.name) for one in network().gateways.pops],
    ]
    for outages in dark:
        assert (served(failing(*outages))[0] == -1).all()


@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.05, 0.8))
@settings(deadline=None, max_examples=15)
def test_failures_never_help(seed: int, share: float) -> None:
    of = network()
    names: dict[failures.Kind, tuple[str, ...] | list[str]] = {
        "satellite": of.constellation.satellite_name,
        "isl": links(of),
        "gateway": [one.name for one in of.gateways.stations],
        "pop": [one.name for one in of.gateways.pops],
    }
    drawn = list(draw(seed, names, dict.fromkeys(names, Chance(share)), START, START + timedelta(hours=1)))
    _, rtt_ms = served(of)
    _, with_failures = served(failing(*drawn))
    assert (with_failures >= rtt_ms - 1e-3).all()


def test_no_failed_thing_is_on_any_way() -> None:
    of = network()
    names = of.constellation.satellite_name
    out_gateways = [one.name for one in of.gateways.stations[::2]]
    of = failing(
        *(Outage("satellite", name) for name in names[::5]),
        *(Outage("gateway", name) for name in out_gateways),
        *(Outage("isl", one) for one in links(of)[::3]),
        Outage("pop", of.gateways.pops[0].name),
    )
    position = positions_over(of, GRID, 0, 3)
    with ThreadPoolExecutor(1) as pool:
        ways = routes(position, of.gateways, gateway_sites(of), of.topology, pool)
    broken = {frozenset(one.split(" -- ")) for one in links(network())[::3]}
    for slot in range(3):
        for s, onward in enumerate(ways.onward[slot]):
            if s % 5 == 0:
                assert not np.isfinite(ways.decided_km[slot, s])
            if onward >= 0:
                assert onward % 5 != 0
                assert frozenset((names[s], names[onward])) not in broken
            if ways.gateway[slot, s] >= 0:
                assert of.gateways.stations[ways.gateway[slot, s]].name not in out_gateways
    found = journeys.to_internet(of, GRID, journeys.Point("here", 40.7, -74.0), START)
    assert all(hop.end != of.gateways.pops[0].name for hop in found.hops)


def test_a_lost_pop_hands_its_gateways_to_the_next_nearest() -> None:
    of = network().gateways
    lost = int(np.bincount(of.pop).argmax())
    left = of.without(np.empty(0, np.int32), np.array([lost], np.int32))
    moved = of.pop == lost
    assert moved.any()
    assert np.array_equal(left.pop[~moved], of.pop[~moved])
    assert np.array_equal(left.fibre_km[~moved], of.fibre_km[~moved])
    assert (left.pop[moved] != lost).all()
    assert (left.fibre_km[moved] >= of.fibre_km[moved]).all()
    for g in np.flatnonzero(moved):
        lengths = [
            Geod(ellps="WGS84").inv(of.longitude_deg[g], of.latitude_deg[g], pop.longitude_deg, pop.latitude_deg)[2]
            for pop in of.pops
        ]
        lengths[lost] = np.inf
        assert left.pop[g] == int(np.argmin(lengths))
        assert left.fibre_km[g] == pytest.approx(min(lengths) * 1.5 / 1000.0)


@pytest.mark.parametrize(
    ("begin_s", "end_s", "slots_out"),
    [(0, 15, {0}), (0, 15.001, {0, 1}), (14.999, 15, {0}), (15, 30, {1}), (20, 40, {1, 2}), (-100, 0, set()),
     (-5, 1e9, set(range(8)))],
)  # fmt: skip
def test_a_slot_is_out_when_any_of_it_is(begin_s: float, end_s: float, slots_out: set[int]) -> None:
    begin, end = (START + timedelta(seconds=seconds) for seconds in (begin_s, min(end_s, 1e6)))
    of = failing(*(Outage("satellite", name, begin, end) for name in network().constellation.satellite_name))
    usable = positions_over(of, GRID, 0, 8).usable
    assert set(np.flatnonzero(~usable.any(axis=1))) == slots_out
    assert usable.all(axis=1).sum() == 8 - len(slots_out)


def test_an_instant_is_out_from_the_first_to_before_the_last() -> None:
    begin, end = START + timedelta(seconds=10), START + timedelta(seconds=20)
    of = failing(*(Outage("satellite", name, begin, end) for name in network().constellation.satellite_name))
    places = Places(tuple("ABCDEF"), ecef_km(*SITES.T), up(*SITES.T))
    sky = Sky(of.constellation, of.topology, ByElevation(20.0), of.failures)
    seconds = [9.999, 10.0, 19.999, 20.0]
    served_at = [np.isfinite(found).any() for found in times_between(sky, places, START, seconds)]
    assert served_at == [True, False, False, True]
    assert [np.isfinite(one.rtt_ms).any() for one in rtt_between(sky, places, START, seconds)] == served_at
    ends = journeys.Point("a", 51.5, -0.1), journeys.Point("b", 40.7, -74.0)
    assert journeys.between(of, *ends, begin - timedelta(seconds=1)).rtt_ms is not None
    assert journeys.between(of, *ends, begin).rtt_ms is None


def test_draws_are_repeatable_and_as_frequent_as_asked() -> None:
    names: dict[failures.Kind, list[str]] = {"satellite": [f"s{n}" for n in range(20_000)], "pop": ["p"]}
    end = START + timedelta(hours=1000)
    share = list(draw(7, names, {"satellite": Chance(0.3)}, START, end))
    assert abs(len(share) / 20_000 - 0.3) < 5.0 * np.sqrt(0.3 * 0.7 / 20_000)
    assert share == list(draw(7, names, {"satellite": Chance(0.3), "pop": Chance(1.0)}, START, end))[: len(share)]
    assert share != list(draw(8, names, {"satellite": Chance(0.3)}, START, end))
    few: dict[failures.Kind, list[str]] = {"gateway": [f"g{n}" for n in range(500)]}
    turns = list(draw(1, few, {"gateway": Chance(0.0, hours_between=30.0, hours_out=10.0)}, START, end))
    hours_out = sum((one.end - one.begin).total_seconds() for one in turns if one.begin and one.end) / 3600.0
    assert hours_out / (500 * 1000.0) == pytest.approx(0.25, abs=0.01)
    assert len(turns) / 500 == pytest.approx(25.0, abs=1.0)  # 1,000 hours of 40-hour turns
    for before, after in pairwise(turns):
        if before.name == after.name:
            assert before.end < after.begin  # type: ignore[operator]


@given(
    seed=st.integers(0, 2**63 - 1),
    hours=st.tuples(st.floats(0.1, 50.0), st.floats(0.1, 50.0)),
    days=st.tuples(st.integers(1, 10), st.integers(1, 10)),
)
@settings(deadline=None, max_examples=50)
def test_a_longer_duration_and_more_things_keep_the_failures_drawn_so_far(
    seed: int, hours: tuple[float, float], days: tuple[int, int]
) -> None:
    ends = [START + timedelta(days=sum(days[: n + 1])) for n in range(2)]
    few: dict[failures.Kind, list[str]] = {"gateway": ["Suva", "Apia"], "pop": ["Suva"]}
    more: dict[failures.Kind, list[str]] = {
        "pop": ["Apia", "Suva"],
        "satellite": ["s"],
        "gateway": ["Apia", "X", "Suva"],
    }
    chance = Chance(0.0, *hours)
    short = list(draw(seed, few, dict.fromkeys(few, chance), START, ends[0]))
    long = list(draw(seed, more, dict.fromkeys(more, chance), START, ends[1]))
    cut = [
        replace(one, end=min(one.end or ends[0], ends[0]))
        for one in long
        if one.begin and one.begin < ends[0] and one.name in few.get(one.kind, [])
    ]

    def in_order(outages: list[Outage]) -> list[Outage]:
        return sorted(outages, key=lambda one: (one.kind, one.name, one.begin))

    assert in_order(short) == in_order(cut)
    assert all(one.end and START <= one.begin < one.end <= ends[0] for one in short if one.begin)


def test_times_between_failures_and_out_against_the_exponential_law() -> None:
    """Kolmogorov and Smirnov's test of times that the end does not cut, and of the states at instants far apart."""
    end = START + timedelta(hours=2000)
    names: dict[failures.Kind, list[str]] = {"gateway": [f"g{n}" for n in range(800)]}
    turns = list(draw(3, names, {"gateway": Chance(0.0, hours_between=12.0, hours_out=4.0)}, START, end))
    by_name: dict[str, list[Outage]] = {name: [] for name in names["gateway"]}
    for one in turns:
        by_name[one.name].append(one)
    # Of each thing the first ten of each kind, so that the end, which cuts long ones more often, has no say.
    out, between, first_failure = [], [], []
    for of_thing in by_name.values():
        assert len(of_thing) > 12
        whole = [one for one in of_thing if one.begin and one.begin > START][:11]
        out += [hours(one.begin, one.end) for one in whole[:10]]
        between += [hours(before.end, after.begin) for before, after in pairwise(whole)]
        if of_thing[0].begin != START:
            first_failure.append(hours(START, of_thing[0].begin))
    assert kstest(out, expon(scale=4.0).cdf).pvalue > 0.01
    assert kstest(between, expon(scale=12.0).cdf).pvalue > 0.01
    assert kstest(first_failure, expon(scale=12.0).cdf).pvalue > 0.01  # no memory: as if it had worked for ever
    assert binomtest(800 - len(first_failure), 800, 0.25).pvalue > 0.01
    for after in (100, 1000, 1900):
        at = START + timedelta(hours=after)
        now_out = sum(bool(one.begin and one.end and one.begin <= at < one.end) for one in turns)
        assert binomtest(now_out, 800, 0.25).pvalue > 0.01


def hours(begin: datetime | None, end: datetime | None) -> float:
    assert begin is not None
    assert end is not None
    return (end - begin) / timedelta(hours=1)


def test_things_with_an_immense_time_out_draw_without_overflow() -> None:
    drawn = list(draw(1, {"pop": ["a", "b"]}, {"pop": Chance(0.0, 1e-6, 1e300)}, START, START + timedelta(hours=1)))
    assert [(one.begin, one.end) for one in drawn] == [(START, START + timedelta(hours=1))] * 2


@pytest.mark.parametrize(("after_s", "known"), [(-1.0, False), (0.0, True), (599.999, True), (600.0, False)])
def test_an_instant_beyond_the_time_drawn_is_refused_by_every_way_of_asking(
    tmp_path: Path, after_s: float, known: bool
) -> None:
    from openleo.errors import InputError
    from openleo.scenario import Scenario, load_pairs

    path, at = tmp_path / "s.toml", START + timedelta(seconds=after_s)
    drawn = "[failures.random]\nseed = 3\ngateways = {hours_between = 1, hours_out = 1}\n"
    path.write_text(SCENARIO + drawn)
    case, pairs = Scenario.load(path).case, load_pairs(path)
    places = Places(tuple("ABCDEF"), ecef_km(*SITES.T), up(*SITES.T))
    ends = journeys.Point("a", 51.5, -0.1), journeys.Point("b", 40.7, -74.0)
    asked = (
        lambda: journeys.between(case.network, *ends, at),
        lambda: journeys.to_internet(case.network, case.grid, ends[0], at),
        lambda: list(rtt_between(pairs.sky, places, pairs.start, [after_s])),
        lambda: list(times_between(pairs.sky, places, pairs.start, [0.0, after_s], threads=2)),
    )
    for ask in asked:
        if known:
            assert ask()
            continue
        with pytest.raises(InputError) as error:
            ask()
        (problem,) = error.value.problems
        assert (problem.file, problem.where) == (str(path), "failures.random")
        assert "from 2026-11-20T00:00:00Z to before 2026-11-20T00:10:00Z" in problem.rule
        assert "A longer duration keeps these failures" in problem.way_out
    path.write_text(SCENARIO + drawn.replace("hours_between = 1, hours_out = 1", "share = 0.5"))
    assert journeys.between(Scenario.load(path).case.network, *ends, at)  # for the whole run and beyond


def test_every_unknown_name_is_said_at_once() -> None:
    of = network()
    pop = of.gateways.pops[0].name
    outages = [
        Outage("satellite", "a p0 s99"),
        Outage("plane", "c p0"),
        Outage("isl", "a p0 s0"),
        Outage("isl", "a p0 s0 -- x"),
        Outage("gateway", "Nowhere"),
        Outage("pop", pop[:-1]),
        Outage("pop", pop, START, START),
    ]
    placed = [("f", str(n), one) for n, one in enumerate(outages)]
    found = resolve(placed, of.constellation, of.gateways, of.topology.neighbours)
    assert not isinstance(found, Failures)
    assert [one.where for one in found] == ["0", "1", "2", "3", "4", "5", "6"]
    assert "Did you mean" in str(found[5])


SCENARIO = """name = "f"
start = 2026-11-20T00:00:00Z
duration = "10m"
[constellation]
catalogue = "starlink-shell1"
[ground]
area = ["TON"]
"""


def test_a_scenario_with_failures(tmp_path: Path) -> None:
    from openleo.errors import InputError
    from openleo.scenario import Scenario

    path = tmp_path / "s.toml"
    drawn = "[failures.random]\nseed = 3\nsatellites = {share = 0.2}\ngateways = {hours_between = 1, hours_out = 1}\n"
    listed = '[failures]\nfile = "o.csv"\n'
    (tmp_path / "o.csv").write_text(
        "kind,name,from,until\nplane,550-53.0 p3,,\npop,Nowhere,,\ngateway,x,then,\nmoon,y,,\n"
    )
    path.write_text(SCENARIO + listed)
    with pytest.raises(InputError) as error:
        Scenario.load(path)
    assert [one.where for one in error.value.problems] == ["line 4", "line 5", "line 3"]
    path.write_text(SCENARIO + drawn)
    case = Scenario.load(path).case
    assert any("Out of order" in one for one in case.notes)
    from openleo.scenario_failures import as_csv

    (tmp_path / "o.csv").write_text(as_csv(case.network.failures))
    rows = list(csv.DictReader(io.StringIO(as_csv(case.network.failures))))
    assert len(rows) == len(case.network.failures.outages)
    path.write_text(SCENARIO + listed)
    again = Scenario.load(path).case
    assert again.network.failures.outages == case.network.failures.outages
    assert again.network_sha256 == case.network_sha256
    path.write_text(SCENARIO)
    assert Scenario.load(path).case.network_sha256 != case.network_sha256


# --- links that are none, and names that several satellites share ----------------------------------------------------


@pytest.mark.parametrize("isl", ["+grid", "ring", "none"])
def test_an_outage_of_a_link_that_is_none_is_refused_and_of_one_that_is_taken(isl: str) -> None:
    of, rng = network(isl=isl), np.random.default_rng(5)
    names, there = of.constellation.satellite_name, set(links(network(isl=isl)))
    for a, b in rng.integers(0, len(names), (200, 2)):
        outages = [("f.csv", "line 2", Outage("isl", f"{names[a]} -- {names[b]}"))]
        found = resolve(outages, of.constellation, of.gateways, of.topology.neighbours)
        joined = {f"{names[a]} -- {names[b]}", f"{names[b]} -- {names[a]}"} & there
        assert isinstance(found, Failures) == bool(joined)
    for one in sorted(there)[::50]:
        assert failing(Outage("isl", one), Outage("isl", " -- ".join(reversed(one.split(" -- ")))), of=of)


def test_what_a_satellite_is_joined_to_is_said() -> None:
    of = network(isl="ring")
    outages = [("o.csv", "line 9", Outage("isl", "a p0 s0 -- a p1 s0"))]
    found = resolve(outages, of.constellation, of.gateways, of.topology.neighbours)
    assert isinstance(found, list)
    assert [str(one) for one in found] == [
        "o.csv: line 9: no inter-satellite link joins a p0 s0 and a p1 s0. a p0 s0 is joined to a p0 s1 and a p0 s15."
    ]


def namesakes() -> Network:
    """Element sets of which the first two and the third's number are called alike: TWIN, TWIN, 70003, 70003's name."""
    flown = circular_elements(from_shells("f", START, [Shell("f", 900.0, 60.0, 4, 6, 1)]), START)
    called = [("TWIN", 70001), ("TWIN", 70002), ("THREE", 70003), ("70003", 70004), ("A -- B", 70005)]
    sets = [replace(one, name=name, id=number) for one, (name, number) in zip(flown, called, strict=False)]
    sets += [replace(one, name=f"S{n}", id=71000 + n) for n, one in enumerate(flown[len(called) :])]
    constellation = from_elements("f", ElementSets(tuple(sets), (), "made here", ""))
    return replace(network(), constellation=constellation, topology=topology.build(constellation, "nearest", START))


def test_a_name_that_two_satellites_share_is_refused_and_their_numbers_are_taken() -> None:
    of = namesakes()
    outages = [Outage("satellite", "TWIN"), Outage("isl", "TWIN -- THREE"), Outage("satellite", "70003")]
    placed = [("f", f"line {n}", one) for n, one in enumerate(outages)]
    found = resolve(placed, of.constellation, of.gateways, of.topology.neighbours)
    assert isinstance(found, list)
    assert [(one.where, one.rule, one.way_out) for one in found] == [
        ("line 0", '2 satellites are called "TWIN".', "Write 70001 or 70002."),
        ("line 1", '2 satellites are called "TWIN".', "Write 70001 or 70002."),
        ("line 2", '2 satellites are called "70003".', "Write 70004 or THREE."),
    ]
    other = int(of.topology.neighbours[1].max())
    for name, number in (
        ("70001", 0),
        ("70002", 1),
        ("THREE", 2),
        ("70004", 3),
        ("70005", 4),
        ("S5", 10),
        ("71005", 10),
    ):
        out = failing(Outage("satellite", name), of=of).failures.usable(24, np.zeros(1), np.ones(1))[0]
        assert np.flatnonzero(~out).tolist() == [number]
    link = failing(Outage("isl", f"70002 -- {satellite_names(of.constellation)[other]}"), of=of).failures
    assert link.broken(0.0, 1.0).tolist() == [[1, other]]


def test_every_satellite_that_chance_names_is_one() -> None:
    of = namesakes()
    names = satellite_names(of.constellation)
    assert names[:3] == ["70001", "70002", "THREE"]
    assert names[4] == "70005"  # its name would read as a link
    out = failing(*(Outage("satellite", name) for name in names), of=of).failures
    assert out.satellites.thing.tolist() == list(range(24))


# --- the file -------------------------------------------------------------------------------------------------------


def faults_of(folder: Path, listed: str, rest: str = "") -> list[tuple[str, str, str]]:
    """(file, place, words) of every problem that a list of outages gives."""
    from openleo.errors import InputError
    from openleo.scenario import Scenario

    (folder / "o.csv").write_text(listed)
    (folder / "s.toml").write_text(SCENARIO + '[failures]\nfile = "o.csv"\n' + rest)
    try:
        Scenario.load(folder / "s.toml")
    except InputError as error:
        return [(Path(one.file).name, one.where, f"{one.rule} {one.way_out}") for one in error.problems]
    return []


def test_every_fault_of_a_list_of_outages_is_said_with_its_line(tmp_path: Path) -> None:
    listed = """kind,name,from,until

plane,550-53.0 p3,,,
plane,550-53.0 p3,2026-11-20T00:00:00Z,2026-11-19T00:00:00Z

plane,550-53.0 p3
plane,550-53.0 p3,1800-01-01T00:00:00Z,
plane,550-53.0 p3,,2026-11-20T00:00:00
plane,"two
lines",,
plane,,,
plane,550-53.0 p3,2026-11-20T00:00:00Z,soon
isl,550-53.0 p0 s0 -- 550-53.0 p9 s9,,
plane,550-53.0 p4,2026-11-20T08:00:00+08:00,
"""
    found = faults_of(tmp_path, listed)
    assert {file for file, _, _ in found} == {"o.csv"}
    expected = {
        "line 3": "has 5 cells, and there are 4 columns",
        "line 4": "not after 2026-11-20T00:00:00Z",
        "line 6": "has 2 cells, and there are 4 columns",
        "line 7": "from is 1800-01-01T00:00:00Z; orbits are computed from 1957 to 2100",
        "line 8": "until is 2026-11-20T00:00:00, without its zone; write 2026-11-20T00:00:00Z for UTC",
        "line 9": "there is no plane",
        "line 11": "has no name",
        "line 12": "until is 'soon'; write an instant such as",
        "line 13": "no inter-satellite link joins",
    }
    assert sorted(where for _, where, _ in found) == sorted(expected)
    for _, where, said in found:
        assert expected[where] in said


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("", ["is empty"]),
        ("\n\n", ["is empty"]),
        ("kind,nam,form,until\n", ['column "nam"', 'column "form"', "lacks the column name"]),
        ("name\n", ["lacks the column kind"]),
        ("kind,name,name\nplane,a,b\n", ["the column name twice"]),
        ("kind,name,\nplane,550-53.0 p3,\n", ['column ""']),
        ('kind,name\nplane,"550\n', ["cannot be read"]),
    ],
)
def test_the_columns_of_a_list_of_outages(tmp_path: Path, listed: str, said: list[str]) -> None:
    found = faults_of(tmp_path, listed)
    assert len(found) == len(said)
    assert all(words in text for (_, _, text), words in zip(found, said, strict=True))


def test_a_list_of_outages_may_leave_out_its_times_and_have_its_columns_in_any_order(tmp_path: Path) -> None:
    assert faults_of(tmp_path, " kind , name \n plane , 550-53.0 p3 \n") == []
    assert faults_of(tmp_path, "until,name,kind\n2026-11-20T00:01:00Z,550-53.0 p3,plane\n,550-53.0 p4,plane\n") == []


def test_instants_as_text_keep_the_rules_of_instants(tmp_path: Path) -> None:
    table = '[[failures.out]]\nkind = "plane"\nname = "550-53.0 p3"\n'
    for said, words in (
        ('from = "1800-01-01T00:00:00Z"', "from 1957 to 2100"),
        ('until = "2026-11-20T00:00:00"', "without its zone"),
        ("until = 2026-11-20T00:00:00", "without its zone"),
        ('from = "soon"', "write an instant"),
    ):
        ((file, where, text),) = faults_of(tmp_path, "kind,name\n", table + said + "\n")
        assert (file, where) == ("s.toml", f"failures.out[0].{said[:5].strip(' =')}")
        assert words in text
