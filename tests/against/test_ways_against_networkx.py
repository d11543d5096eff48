"""Ways of pairs over time, against networkx on a graph drawn with the geometry of `independent.py`, and numpy.

Light cannot beat the geodesic: a way runs outside the ellipsoid (ground links rise above the horizon, links between
satellites keep 80 km above it). Bring each of its points to the nearest one of the ellipsoid, which is convex: that
shortens no step into a longer one, and leaves a curve on the ground between both ends, so no shorter than the geodesic.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from functools import cache
from itertools import islice, pairwise, permutations

import networkx as nx
import numpy as np
import pytest
from independent import LIGHT_KM_PER_MS, START, haversine_km, links_in_sight, sight

from compared import compared
from openleo.geodesy import ecef_km, up
from openleo.network import ephemeris, topology
from openleo.network.constellation import catalogue
from openleo.network.kernels import ways as kernel
from openleo.network.pairs import ByElevation, Places, Sky, in_order, rtt_between
from openleo.network.ways import Gathered, PairFigures, PairWays, geodesics_km, ways_between

SITES = np.array([(51.5, -0.1), (40.7, -74.0), (25.0, 121.5), (-33.9, 151.2), (64.1, -21.9), (84.0, 10.0), (51.6, 0.4)])
NAMES = tuple("ABCDEFG")
SECONDS = (0.0, 60.0, 120.0, 777.0, 1500.0)


@cache
def sky(system: str, mask_deg: float = 25.0) -> Sky:
    filed = catalogue.load(system).constellation()
    constellation = replace(filed, has_laser=np.ones(filed.satellites, bool))
    return Sky(constellation, topology.build(constellation, "+grid"), ByElevation(mask_deg))


@cache
def places() -> Places:
    return Places(NAMES, ecef_km(*SITES.T), up(*SITES.T))


@cache
def found(system: str) -> tuple[PairWays, ...]:
    return tuple(ways_between(sky(system), places(), START, SECONDS))


@cache
def by_networkx(system: str, after_s: float) -> dict[tuple[int, int], tuple[float, list[int], bool]]:
    """For each pair with a way: its length in km, its satellites, and whether no other way is as short."""
    where = ephemeris.positions(sky(system).constellation, START, after_s).position_km[0]
    graph = nx.DiGraph()
    graph.add_nodes_from([("from", n) for n in range(len(SITES))] + [("to", n) for n in range(len(SITES))])
    elevation, distance = sight(*SITES.T, where)
    for site, satellite in zip(*np.nonzero(elevation >= 25.0), strict=True):
        graph.add_edge(("from", site), int(satellite), km=distance[site, satellite])
        graph.add_edge(int(satellite), ("to", site), km=distance[site, satellite])
    for one, other in zip(*links_in_sight(where, sky(system).topology.neighbours), strict=True):
        graph.add_edge(int(one), int(other), km=float(np.linalg.norm(where[one] - where[other])))
    answers = {}
    for i, j in permutations(range(len(SITES)), 2):
        try:
            km, way = nx.single_source_dijkstra(graph, ("from", i), ("to", j), weight="km")
        except nx.NetworkXNoPath:
            continue
        satellites = way[1:-1]
        # Another way leaves out one of this one's links; the shortest without each of them tells how near it comes.
        second = np.inf
        for step in pairwise(way):
            kept = graph.edges[step]["km"]
            graph.edges[step]["km"] = np.inf
            second = min(second, nx.dijkstra_path_length(graph, ("from", i), ("to", j), weight="km"))
            graph.edges[step]["km"] = kept
        answers[i, j] = (km, satellites, second > km + 1e-6)
    return answers


@pytest.mark.parametrize("system", ["telesat-lightspeed", "starlink-shell1"])
def test_the_satellites_of_every_way_against_networkx(system: str) -> None:
    unique = 0
    theirs, ours = [], []
    seconds = SECONDS[:3] if system == "telesat-lightspeed" else SECONDS[:1]
    for after_s, ways in zip(seconds, found(system), strict=False):
        expected = by_networkx(system, after_s)
        for i, j in permutations(range(len(SITES)), 2):
            pair = i * len(SITES) + j
            met = ways.satellite[ways.begin[pair] : ways.begin[pair + 1]].tolist()
            if (i, j) not in expected:
                assert met == []
                assert (ways.times.rtt_ms[i, j], ways.times.hops[i, j]) == (np.inf, -1)
                continue
            km, satellites, alone = expected[i, j]
            theirs.append(2.0 * km / LIGHT_KM_PER_MS)
            ours.append(ways.times.rtt_ms[i, j])
            assert ways.times.hops[i, j] == len(met) + 1
            unique += alone
            if alone:
                assert met == satellites
        assert all(ways.begin[n * len(SITES) + n] == ways.begin[n * len(SITES) + n + 1] for n in range(len(SITES)))
    assert unique > 10
    compared(
        authority="networkx",
        what="RTT of the ways between places over time",
        theirs=theirs,
        ours=ours,
        tolerance=1e-6,
        unit="ms",
    )


@pytest.mark.parametrize("system", ["starlink-shell1", "starlink-gen1", "oneweb"])
def test_ways_are_those_that_rtt_gives(system: str) -> None:
    for ways, times in zip(found(system), rtt_between(sky(system), places(), START, SECONDS), strict=True):
        np.testing.assert_array_equal(ways.times.rtt_ms, times.rtt_ms)
        np.testing.assert_array_equal(ways.times.hops, times.hops)
        assert ways.times.at == times.at


def gathered(system: str, order: tuple[int, ...] = (0, 1, 2, 3, 4)) -> PairFigures:
    kept = Gathered(places(), len(order))
    for number in order:
        kept.add(found(system)[number])
    return kept.figures()


@pytest.mark.parametrize("system", ["starlink-shell1", "kuiper"])
def test_figures_against_numpy_and_a_walk_through_the_instants(system: str) -> None:
    figures = gathered(system)
    lost_somewhere = 0
    for i, j in permutations(range(len(SITES)), 2):
        pair = i * len(SITES) + j
        rtt = np.array([ways.times.rtt_ms[i, j] for ways in found(system)])
        hops = [ways.times.hops[i, j] for ways in found(system)]
        trails = [tuple(ways.satellite[ways.begin[pair] : ways.begin[pair + 1]]) for ways in found(system)]
        reached = rtt[np.isfinite(rtt)]
        assert figures.unreachable[i, j] == len(SECONDS) - len(reached)
        assert figures.path_changes[i, j] == sum(a != b for a, b in pairwise(trails))
        assert figures.lost[i, j] == sum(bool(a) and not b for a, b in pairwise(trails))
        assert figures.regained[i, j] == sum(bool(b) and not a for a, b in pairwise(trails))
        assert (figures.hops_min[i, j], figures.hops_max[i, j]) == (
            min((hop for hop in hops if hop > 0), default=-1),
            max(hops),
        )
        lost_somewhere += len(reached) < len(SECONDS)
        if not len(reached):
            assert np.isnan(
                [figures.rtt_ms_min[i, j], figures.rtt_ms_p50[i, j], figures.stretch_vacuum_max[i, j]]
            ).all()
            continue
        low, median, high, top = np.percentile(reached, (0, 50, 95, 100))
        got = [getattr(figures, f"rtt_ms_{name}")[i, j] for name in ("min", "p50", "p95", "max")]
        np.testing.assert_allclose(got, [low, median, high, top], rtol=2e-7)
        light_ms = 2.0 * figures.geodesic_km[i, j] / LIGHT_KM_PER_MS
        assert figures.stretch_vacuum_p50[i, j] == pytest.approx(median / light_ms, rel=1e-6)
        assert figures.stretch_fibre_max[i, j] == pytest.approx(top / (light_ms * 1.468), rel=1e-6)
    assert lost_somewhere > 0  # 84° N lies beyond both systems


def test_lost_and_regained_are_counted_as_changes() -> None:
    whole = found("starlink-shell1")[0]
    count = len(SITES)
    none = PairWays(
        replace(whole.times, rtt_ms=np.full((count, count), np.inf), hops=np.full((count, count), -1, np.int32)),
        np.zeros(count * count + 1, np.int64),
        np.empty(0, np.int32),
    )
    kept = Gathered(places(), 5)
    for ways in (whole, none, none, whole, whole):
        kept.add(ways)
    figures = kept.figures()
    assert (figures.unreachable[0, 1], figures.path_changes[0, 1]) == (2, 2)
    assert (figures.lost[0, 1], figures.regained[0, 1]) == (1, 1)
    assert figures.rtt_ms_max[0, 1] == pytest.approx(whole.times.rtt_ms[0, 1], rel=1e-7)


def test_the_order_of_instants_changes_nothing_but_the_changes() -> None:
    one, other = gathered("starlink-shell1"), gathered("starlink-shell1", (3, 0, 4, 2, 1))
    for name in PairFigures.__dataclass_fields__:
        if name not in ("path_changes", "lost", "regained"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("system", ["starlink-shell1", "starlink-gen1", "oneweb", "kuiper", "telesat-lightspeed"])
@pytest.mark.parametrize("mask_deg", [0.0, 25.0])
def test_light_does_not_beat_the_geodesic(system: str, mask_deg: float) -> None:
    kept = Gathered(places(), 2)
    for ways in ways_between(sky(system, mask_deg), places(), START, SECONDS[:2]):
        kept.add(ways)
    figures = kept.figures()
    reached = np.isfinite(figures.rtt_ms_min)
    light_ms = 2.0 * figures.geodesic_km / LIGHT_KM_PER_MS
    assert reached.any()
    assert (figures.rtt_ms_min[reached] >= light_ms[reached]).all()
    assert (figures.stretch_vacuum_p50[reached] <= figures.stretch_vacuum_max[reached]).all()


def test_geodesics_against_great_circles() -> None:
    lat, lon = np.meshgrid(SITES[:, 0], SITES[:, 0]), np.meshgrid(SITES[:, 1], SITES[:, 1])
    compared(
        authority="brute force",
        what="geodesics, against great circles of a sphere",
        theirs=haversine_km(lat[1], lon[1], lat[0], lon[0]),
        ours=geodesics_km(places()),
        relative=0.006,
        unit="km",
    )


def test_room_for_long_ways_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openleo.network.ways.SATELLITES_EXPECTED", 1)
    (ways,) = ways_between(sky("starlink-shell1"), places(), START, SECONDS[:1])
    np.testing.assert_array_equal(ways.satellite, found("starlink-shell1")[0].satellite)


def test_distances_that_lead_nowhere_are_a_bug_and_are_said() -> None:
    neighbours, length_km = np.array([[1], [0]], np.int32), np.array([[10.0], [10.0]])
    distance_km = np.array([[100.0], [55.0]])  # 55 is nobody's sum
    ground = (np.array([0, 1, 2]), np.array([0, 1], np.int32), np.array([100.0, 7.0]))
    with pytest.raises(RuntimeError, match="does not lead back"):
        kernel.trace(
            0, neighbours, length_km, distance_km, *ground, np.array([[200.0, 62.0]]), np.empty(3, np.int64),
            np.empty(9, np.int32),
        )  # fmt: skip


@pytest.mark.parametrize("between", [rtt_between, ways_between])
def test_the_same_in_the_same_order_for_any_number_of_threads(between) -> None:
    seconds = [*range(0, 1500, 60), 7.5, 0.0]  # in the order given, not that of time
    one, four = (list(between(sky("starlink-shell1"), places(), START, seconds, threads)) for threads in (1, 4))
    assert len(one) == len(four) == len(seconds)
    for after_s, mine, other in zip(seconds, one, four, strict=True):
        if isinstance(mine, PairWays):
            assert np.array_equal(mine.begin, other.begin)
            assert np.array_equal(mine.satellite, other.satellite)
            mine, other = mine.times, other.times
        assert mine.at == other.at == START + timedelta(seconds=after_s)
        assert mine.rtt_ms.tobytes() == other.rtt_ms.tobytes()
        assert np.array_equal(mine.hops, other.hops)


def test_answers_come_in_order_and_no_more_than_two_a_thread_wait() -> None:
    begun: list[int] = []

    def find(number: int) -> int:
        begun.append(number)
        time.sleep(0.01 * (number % 3))  # later ones are done sooner
        if number == 17:
            raise ValueError("no answer")
        return number

    answers, taken = in_order(find, range(100), threads=3), []
    for number in islice(answers, 17):
        taken.append(number)
        assert len(begun) <= len(taken) + 6
    assert taken == list(range(17))
    with pytest.raises(ValueError, match="no answer"):
        next(answers)
    assert len(begun) < 30
