"""What a constellation could sell, against del Portillo, Cameron and Crawley (Acta Astronautica, 2019) and brute force.

The paper's totals were found with a population grid, weather, candidate sites and a genetic algorithm that are not
public: docs/papers/del-portillo-2019.md. The pieces are held to brute force and to networkx.
"""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compared import compared, same
from openleo.geodesy import ecef_km, up
from openleo.network import ephemeris, topology
from openleo.network.capacity import throughput
from openleo.network.capacity.modcods import dvb_s2x
from openleo.network.capacity.throughput import ANYWHERE, Beams, System
from openleo.network.constellation import catalogue

EXAMPLE = Path(__file__).parents[2] / "examples" / "del_portillo_2019.py"
WITHIN = 0.15  # of the paper's totals
NO_LASERS = np.empty((0, 0), np.int32), np.empty((0, 0), np.bool_)


@pytest.fixture(scope="module")
def study() -> ModuleType:
    found = importlib.util.spec_from_file_location("del_portillo_2019", EXAMPLE)
    assert found
    assert found.loader
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module  # where its dataclasses look for their annotations
    found.loader.exec_module(module)
    return module


def paper(study: ModuleType, name: str):  # type: ignore[no-untyped-def]
    return next(one for one in study.PAPERS if one.name == name)


def ring(count: int, satellite: int, lasers: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Satellites joined to the next and the one before; only the first `satellite` of them have links that hold."""
    number = np.arange(count, dtype=np.int32)
    neighbours = np.column_stack([(number + 1) % count, (number - 1) % count])[:, :lasers].astype(np.int32)
    joined = (number < satellite)[:, None] & (neighbours < satellite)
    return neighbours, joined


# The paper's numbers.


@pytest.fixture(scope="module")
def rows(study: ModuleType) -> dict[tuple[str, int], Any]:
    """Every two hours of the day (SpaceX: six). The page has the full day of 60 s steps."""
    every_s = {"oneweb": 7_200, "telesat": 7_200, "spacex": 21_600}
    return {(one.name, row.sites): row for one in study.PAPERS for row in study.rows(one, every_s[one.name])}


MISSED = pytest.mark.xfail(strict=True, reason="17 % too much: see docs/papers/del-portillo-2019.md")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "sites", "theirs_tbps"),
    [
        ("oneweb", 71, 1.56),
        ("oneweb", 50, 1.47),
        ("telesat", 42, 2.66),
        ("telesat", 50, 2.65),
        ("spacex", 123, 23.7),
        pytest.param("spacex", 50, 16.5, marks=MISSED),
    ],
)
def test_totals_of_the_paper(rows: dict[tuple[str, int], Any], name: str, sites: int, theirs_tbps: float) -> None:
    compared(
        authority="del Portillo 2019",
        what="throughput of a constellation for a number of gateway sites",
        case=f"{name}, {sites} sites",
        theirs=theirs_tbps,
        ours=rows[name, sites].tbps,
        relative=WITHIN,
        unit="Tbit/s",
    )


@pytest.mark.slow
def test_the_row_that_misses_lies_between_the_lasers_of_the_paper(study: ModuleType) -> None:
    """5, 10 and 20 Gbit/s, all of them the paper's; which of them its 50 sites are from is not known."""
    one = paper(study, "spacex")
    slow, fast = (
        replace(one, results={50: 16.5}, system=replace(one.system, isl_mbps=mbps)) for mbps in (5_000.0, 20_000.0)
    )
    slow, fast = (study.rows(some, 43_200, 4)[0] for some in (slow, fast))
    assert slow.tbps < 16.5 < fast.tbps


@pytest.mark.slow
def test_what_is_carried_is_bounded(rows: dict[tuple[str, int], Any]) -> None:
    for row in rows.values():
        assert row.tbps <= row.at_most_tbps + 1e-9 <= row.demand_tbps * 1.001


def test_antennas_of_a_system_are_never_more_than_there_are(study: ModuleType) -> None:
    one = paper(study, "telesat")
    made = study.Study(one.system, catalogue.load(one.catalogue).constellation(), resolution=2)
    instant = made.at(3_600.0)
    sites = np.arange(20)
    links = throughput.assign_antennas(instant.demand_mbps, instant.visible[sites], 2, 3)
    assert links.sum(axis=0).max() <= 2
    assert links.sum(axis=1).max() <= 3
    assert not (links & ~instant.visible[sites]).any()


def test_candidates_are_spread_over_the_land(study: ModuleType) -> None:
    latitude, longitude, names = study.candidates()
    assert len(names) == len(set(zip(latitude, longitude, strict=True))) == study.CANDIDATES
    zenith = up(latitude, longitude)
    apart_deg = np.degrees(np.arccos(np.clip(zenith @ zenith.T, -1.0, 1.0))) + 180.0 * np.eye(len(names))
    assert apart_deg.min() > 8.0


# Demand, against brute force.


def brute_demand(
    latitude: np.ndarray, longitude: np.ndarray, asked: np.ndarray, position_km: np.ndarray, system: System
) -> tuple[np.ndarray, np.ndarray]:
    """(what each place asks each satellite, axes (place, satellite); among how many each place shares it)."""
    way = position_km[np.newaxis] - ecef_km(latitude, longitude)[:, np.newaxis]
    sine = (way * up(latitude, longitude)[:, np.newaxis]).sum(axis=2) / np.linalg.norm(way, axis=2)
    seen = sine >= np.sin(np.radians(system.user_elevation_deg))
    in_view = (sine >= np.sin(np.radians(system.asked_above_deg))).sum(axis=1)
    return np.where(seen, (asked / np.maximum(in_view, 1))[:, np.newaxis], 0.0), in_view


def some_places(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(2019)
    latitude = np.degrees(np.arcsin(random.uniform(-1.0, 1.0, count)))
    return latitude, random.uniform(-180.0, 180.0, count), random.lognormal(5.0, 2.0, count)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "elevation_deg"), [("oneweb", 55.0), ("telesat-2016", 20.0), ("spacex-2016", 40.0)])
@pytest.mark.parametrize(
    "beams", [ANYWHERE, Beams(16, fixed=True), Beams(4, 250_000.0)], ids=["one", "strips", "turned"]
)
@pytest.mark.parametrize("shared_above_deg", [None, 10.0])
def test_demand_by_brute_force(name: str, elevation_deg: float, beams: Beams, shared_above_deg: float | None) -> None:
    constellation = catalogue.load(name).constellation()
    system = System(elevation_deg, 10.0, 20_000.0, beams, 1, 30, 0.0, shared_above_deg)
    latitude, longitude, asked = some_places(3_000)
    now_km, later_km = ephemeris.positions(constellation, constellation.epoch, [5_000.0, 5_001.0]).position_km
    here = throughput.users(latitude, longitude, asked, system, float(constellation.semi_major_axis_km.max()))
    demand, in_view = throughput.demand_mbps(here, system, now_km, later_km)

    share, seen = brute_demand(latitude, longitude, asked, now_km, system)
    np.testing.assert_array_equal(in_view, seen[here.sites.order])
    if beams == ANYWHERE:
        expected = np.minimum(share.sum(axis=0), 20_000.0)
    elif beams.fixed:
        expected = np.zeros(len(now_km))
        place_km = ecef_km(latitude, longitude)
        for s, (here_km, then_km) in enumerate(zip(now_km, later_km, strict=True)):
            zenith = here_km / np.linalg.norm(here_km)
            way = then_km - here_km
            way -= (way @ zenith) * zenith
            mask = np.radians(elevation_deg)
            angle = np.pi / 2 - mask - np.arcsin(6371.0088 * np.cos(mask) / np.linalg.norm(here_km))
            edges = 6371.0088 * np.sin(angle) * np.linspace(-1.0, 1.0, beams.count + 1)
            along_km = np.clip(place_km @ (way / np.linalg.norm(way)), edges[0], edges[-1])
            expected[s] = np.minimum(np.histogram(along_km, edges, weights=share[:, s])[0], 20_000.0 / 16).sum()
    else:
        tile = throughput.equal_areas(latitude, longitude, beams.area_km2)
        of_tile = np.zeros((tile.max() + 1, len(now_km)))
        np.add.at(of_tile, tile, share)
        expected = np.sort(np.minimum(of_tile, 5_000.0), axis=0)[-4:].sum(axis=0)
    np.testing.assert_allclose(demand, expected, rtol=1e-9, atol=1e-9)


def test_nothing_asked_is_lost_or_made() -> None:
    """Without a limit, satellites are asked for what places in view ask, to the last kbit/s."""
    constellation = catalogue.load("telesat-2016").constellation()
    system = System(20.0, 10.0, 1e12, ANYWHERE, 1, 30, 0.0)
    latitude, longitude, asked = some_places(2_000)
    at_km = ephemeris.positions(constellation, constellation.epoch, [0.0, 1.0]).position_km
    here = throughput.users(latitude, longitude, asked, system, float(constellation.semi_major_axis_km.max()))
    demand, in_view = throughput.demand_mbps(here, system, *at_km)
    assert demand.sum() == pytest.approx(here.asked_mbps[in_view > 0].sum(), rel=1e-12)


@pytest.mark.parametrize("area_km2", [2_800.0, 90_000.0, 246_000.0])
def test_tiles_have_the_area_asked_for(area_km2: float) -> None:
    """By the share of points spread evenly over the sphere; a tile's own count scatters by its root."""
    random = np.random.default_rng(7)
    points = 2_000_000
    latitude = np.degrees(np.arcsin(random.uniform(-1.0, 1.0, points)))
    count = np.bincount(throughput.equal_areas(latitude, random.uniform(-180.0, 180.0, points), area_km2))
    mean_km2 = 510_065_622.0 * count / points
    assert np.mean(mean_km2) == pytest.approx(area_km2, rel=0.02)
    middle = np.sort(mean_km2)[len(count) // 50 : -len(count) // 50 or None]  # tiles at the poles differ more
    scatter = 5.0 * area_km2 * np.sqrt(510_065_622.0 / area_km2 / points)
    assert abs(middle - area_km2).max() < 0.1 * area_km2 + scatter


# Flows, by hand and against networkx.


def test_a_flow_by_hand() -> None:
    """Three satellites in a row; the first asks 30, the second nothing, the third 5; the third alone lands, with 20.

    The lasers of 8 take 8 of the first's 30; with the third's own 5, 13 land. With lasers of 18 20 do: the antenna's.
    """
    demand = np.array([30.0, 0.0, 5.0])
    links = np.array([[False, False, True]])
    neighbours = np.array([[1, -1], [0, 2], [1, -1]], np.int32)
    for laser, landed in ((8.0, 13.0), (18.0, 20.0), (0.0, 5.0)):
        system = System(40.0, 10.0, 20.0, ANYWHERE, 1, 30, laser)
        assert throughput.carried_mbps(demand, links, system, neighbours, neighbours >= 0) == landed


def test_without_lasers_a_satellite_carries_the_lesser_of_what_is_asked_and_landed() -> None:
    """The paper's equation (3), TH = min(d, Σ R)."""
    random = np.random.default_rng(3)
    demand = np.round(random.uniform(0.0, 40_000.0, 60))
    visible = random.random((9, 60)) < 0.3
    system = System(55.0, 10.0, 36_000.0, ANYWHERE, 2, 6, 0.0)
    links = throughput.assign_antennas(demand, visible, 2, 6)
    carried = throughput.carried_mbps(demand, links, system, *NO_LASERS)
    assert carried == np.minimum(demand, links.sum(axis=0) * 18_000.0).sum()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 12), st.sampled_from([0.0, 3.0, 10.0, 40.0]))
def test_flows_against_networkx(seed: int, with_lasers: int, laser: float) -> None:
    random = np.random.default_rng(seed)
    satellites, sites = 12, 4
    demand = random.integers(0, 60, satellites).astype(np.float64)
    links = random.random((sites, satellites)) < 0.25
    neighbours, joined = ring(satellites, with_lasers)
    system = System(40.0, 10.0, 40.0, ANYWHERE, 2, 2, laser)

    graph = networkx.DiGraph()
    graph.add_nodes_from(["users", "internet"])
    for s in range(satellites):
        graph.add_edge("users", ("has", s), capacity=demand[s])
        graph.add_edge(("has", s), ("down", s), capacity=40)
        for g in np.flatnonzero(links[:, s]):
            graph.add_edge(("down", s), ("site", g), capacity=20)
        for other in neighbours[s][joined[s]]:
            graph.add_edge(("has", s), ("has", other), capacity=laser)
    for g in range(sites):
        graph.add_edge(("site", g), "internet", capacity=40)
    expected = networkx.maximum_flow_value(graph, "users", "internet")
    same(
        authority="networkx",
        what="maximum flow from users over lasers and antennas",
        theirs=expected,
        ours=throughput.carried_mbps(demand, links, system, neighbours, joined),
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 4))
def test_more_of_anything_never_carries_less(seed: int, antennas: int, site_antennas: int) -> None:
    """Antennas given one by one never carry more than antennas shared without loss; nor does anything beyond demand."""
    random = np.random.default_rng(seed)
    demand = random.integers(0, 90, 15).astype(np.float64)
    visible = random.random((5, 15)) < 0.4
    neighbours, joined = ring(15, 15)
    system = System(40.0, 10.0, 30.0 * antennas, ANYWHERE, antennas, site_antennas, 10.0)
    links = throughput.assign_antennas(demand, visible, antennas, site_antennas)
    carried = throughput.carried_mbps(demand, links, system, neighbours, joined)
    bound = throughput.carried_mbps(demand, visible, system, neighbours, joined)
    assert carried <= bound <= demand.sum()
    fewer = throughput.carried_mbps(demand, visible[:3], system, neighbours, joined)
    assert fewer <= bound


def test_the_first_site_takes_most_and_each_instant_counts() -> None:
    """Two antennas a site. Site 0 sees 10 + 9, site 1 12 alone, then 8 more: 19 against 20; then what is left of 0."""
    demand = [np.array([10.0, 9.0, 12.0, 1.0]), np.array([0.0, 0.0, 8.0, 0.0])]
    visible = [np.array([[1, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 1]], bool)] * 2
    assert throughput.choose_sites(demand, visible, 2, 3).tolist() == [1, 0, 2]
    assert throughput.choose_sites(demand[:1], visible[:1], 2, 2).tolist() == [0, 1]


def test_sites_by_coverage_against_every_choice() -> None:
    """The first two are within 1 − 1/e of the best pair, as greedy choices of what only ever adds less are."""
    random = np.random.default_rng(5)
    for _ in range(20):
        visible = [random.random((7, 30)) < 0.2 for _ in range(2)]

        def sure(sites: tuple[int, ...], visible: list[np.ndarray] = visible) -> float:
            return float(sum((1.0 - 0.1 ** at[list(sites)].sum(axis=0)).sum() for at in visible))

        found = throughput.choose_by_coverage(visible, 0.1, 7).tolist()
        assert sorted(found) == list(range(7))
        assert sure((found[0],)) == max(sure((site,)) for site in range(7))
        best = max(sure((one, two)) for one in range(7) for two in range(one))
        assert sure(tuple(found[:2])) >= (1.0 - 1.0 / np.e) * best
        nexts = [sure((found[0], site)) for site in range(7) if site != found[0]]
        assert sure(tuple(found[:2])) == pytest.approx(max(nexts))


def test_the_nearest_satellites_first() -> None:
    """Site 0 has one antenna and takes the nearest of all, so that site 1 has what is left."""
    distance = np.array([[900.0, 700.0, 800.0], [1000.0, 750.0, 2000.0]])
    visible = np.array([[True, True, True], [True, True, False]])
    links = throughput.assign_nearest(distance, visible, 1, 1)
    assert links.tolist() == [[False, True, False], [True, False, False]]
    assert throughput.assign_nearest(distance, visible, 2, 2).sum() == 4


def test_links_of_their_own_rate(study: ModuleType) -> None:
    """Two links of 7 and 4 land 11 of a satellite's 20; and shares fall with length as MODCODs do."""
    system = System(40.0, 10.0, 40.0, ANYWHERE, 2, 2, 0.0)
    links = np.ones((2, 1), bool)
    carried = throughput.carried_mbps(np.array([20.0]), links, system, *NO_LASERS, np.array([[7.9], [4.0]]))
    assert carried == 11.0
    radius = np.array([6371.0088 + 1200.0])
    share = study.shares(np.array([[1200.0], [1200.0 * 10 ** (6.0 / 20.0)], [1e6]]), radius, 90.0)
    # 256APSK 3/4 at 19.57 dB; 6 dB less is 13.57 dB: the best that closes by the table of DVB-S2X.
    table = dvb_s2x()
    assert share[:, 0].tolist() == [1.0, float(table.efficiency(13.57) / table.efficiency(19.57)), 0.0]
    both_sides = study.shares(np.array([[1411.9], [1411.91]]), radius, 55.0)  # 1411.903 km at 55 degrees
    assert (both_sides == 1.0).tolist() == [[True], [False]]


def test_lasers_of_the_paper_stay_within_a_shell() -> None:
    """Section 3.6 has them within one set of orbits, as a grid over shells is."""
    constellation = catalogue.load("spacex-2016").constellation()
    joined = topology.build(constellation, "+grid").neighbours
    here, k = np.nonzero(joined >= 0)
    assert (constellation.shell[here] == constellation.shell[joined[here, k]]).all()
