"""The load of links against networkx: every demand on simple paths over a graph built here, added up link by link."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import islice, pairwise

import networkx as nx
import numpy as np
import pytest
from independent import START, on_wgs84, sight, starlink_network

from compared import compared, same
from openleo.network import ephemeris
from openleo.network.demand_routing import ROUTINGS
from openleo.network.failures import Failures, Outage, resolve
from openleo.network.k_paths import k_shortest
from openleo.network.load import Demand, Loads, check_conserved, load
from openleo.network.pairs import ByElevation, Places, Sky, rtt_between
from openleo.report import load as table

NAMES = ("Tokyo", "Cape Town", "Quito", "Osaka", "the pole")
LATITUDE = np.array([35.69, -33.93, -0.19, 34.69, 90.0])
LONGITUDE = np.array([139.69, 18.42, -78.5, 135.5, 0.0])
PLACES = Places(NAMES, *on_wgs84(LATITUDE, LONGITUDE))
# Equal ones are there so that names must decide; from the pole no satellite of these shells is in view.
DEMANDS = (
    Demand(0, 1, 300.0),
    Demand(3, 1, 500.0),
    Demand(2, 0, 300.0),
    Demand(1, 0, 120.0),
    Demand(0, 3, 300.0),
    Demand(3, 2, 300.0),
    Demand(4, 2, 70.0),
    Demand(0, 2, 450.0),
)
K, AT_S = 5, 615.0


def sky() -> Sky:
    """The shells at 540 and 550 km alone, of which the former has lasers: nothing above the pole."""
    network = starlink_network()
    names = network.constellation.satellite_name
    outages = [("", "", Outage("satellite", name)) for name in names if not name.startswith(("540", "550"))]
    failures = resolve(outages, network.constellation, network.gateways, network.topology.neighbours)
    assert isinstance(failures, Failures)
    return Sky(network.constellation, network.topology, ByElevation(25.0), failures)


SKY = sky()


def web() -> nx.DiGraph:
    """All directed links that hold, by name; a place is left from and arrived at under two names."""
    network = starlink_network()
    names = network.constellation.satellite_name
    moved = ephemeris.positions(network.constellation, START, AT_S).position_km[0]
    kept = np.array([name.startswith(("540", "550")) for name in names])
    graph = nx.DiGraph()
    for s, row in enumerate(network.topology.neighbours):
        for n in row[row >= 0]:
            if kept[s] and kept[n]:
                graph.add_edge(names[s], names[n], km=float(np.linalg.norm(moved[s] - moved[n])))
    elevation, distance = sight(LATITUDE, LONGITUDE, moved)
    for p, name in enumerate(NAMES):
        graph.add_nodes_from([("up", name), ("down", name)])
        for s in np.flatnonzero((elevation[p] >= 25.0) & kept):
            graph.add_edge(("up", name), names[s], km=float(distance[p, s]))
            graph.add_edge(names[s], ("down", name), km=float(distance[p, s]))
    return graph


def expected(routing: str, demands=DEMANDS, ground_counts=False) -> tuple[dict, dict, list[int]]:
    """(Mbps, demands) of every directed link, and the demands without a path: the rule as it is documented.

    ground_counts: another rule, by which the load of links to places counts in the choice too.
    """
    graph, mbps, flows, lost = web(), defaultdict(float), defaultdict(int), []
    numbers = sorted(
        range(len(demands)), key=lambda n: (-demands[n].mbps, NAMES[demands[n].start], NAMES[demands[n].end])
    )
    for n in numbers:
        one = demands[n]
        simple = nx.shortest_simple_paths(graph, ("up", NAMES[one.start]), ("down", NAMES[one.end]), weight="km")
        try:
            ways = [list(pairwise(way)) for way in islice(simple, 1 if routing == "shortest" else K)]
        except nx.NetworkXNoPath:
            lost.append(n)
            continue
        if routing == "least-loaded":
            counted = [
                [link for link in way if ground_counts or (isinstance(link[0], str) and isinstance(link[1], str))]
                for way in ways
            ]
            loads = [sorted((mbps[link] for link in way if link in mbps), reverse=True) for way in counted]
            ways = [ways[loads.index(min(loads))]]
        for way in ways:
            for link in way:
                mbps[link] += one.mbps / len(ways)
        for link in {link for way in ways for link in way}:
            flows[link] += 1
    return dict(mbps), dict(flows), lost


def as_rows(loads: Loads, isl_mbps: float | None = None) -> list[tuple]:
    return list(table.rows(loads, NAMES, SKY.constellation, isl_mbps))


def key(row: tuple) -> tuple:
    kind, start, end = row[:3]
    return (("up", start) if kind == "up" else start), (("down", end) if kind == "down" else end)


@pytest.mark.parametrize("routing", ROUTINGS)
def test_every_link_carries_what_networkx_s_paths_put_on_it(routing) -> None:
    loads = load(SKY, PLACES, DEMANDS, START, AT_S, routing, K)
    mbps, flows, lost = expected(routing)
    rows = as_rows(loads)
    found = {key(row): row[3] for row in rows}
    assert found.keys() == mbps.keys()
    compared(
        authority="networkx",
        what="load of every link, for each way of routing",
        theirs=list(mbps.values()),
        ours=[found[link] for link in mbps],
        relative=1e-9,
        unit="Mbit/s",
    )
    same(
        authority="networkx",
        what="demands on every link, for each way of routing",
        theirs=flows,
        ours={key(row): row[4] for row in rows},
    )
    assert list(loads.unreachable) == lost == [6]
    assert [row[3] for row in rows] == sorted((row[3] for row in rows), reverse=True)


def test_links_to_places_do_not_count_in_the_choice_of_the_least_loaded() -> None:
    """Twice from Tokyo to Osaka over a single satellite: what its links carry turns nobody to another satellite."""
    demands = (Demand(0, 3, 500.0), Demand(0, 3, 400.0), Demand(0, 1, 300.0))
    mbps, flows, lost = expected("least-loaded", demands)
    assert mbps != expected("least-loaded", demands, ground_counts=True)[0]  # else this test would be none
    rows = as_rows(load(SKY, PLACES, demands, START, AT_S, "least-loaded", K))
    assert {key(row): row[3] for row in rows} == pytest.approx(mbps, rel=1e-9)
    assert {key(row): row[4] for row in rows} == flows
    assert not lost
    assert max(row[3] for row in rows if row[0] == "up") == 900.0


@pytest.mark.parametrize("routing", ROUTINGS)
def test_what_leaves_and_arrives_is_what_was_asked(routing) -> None:
    rows = as_rows(load(SKY, PLACES, DEMANDS, START, AT_S, routing, K))
    reached = [one for n, one in enumerate(DEMANDS) if n != 6]
    for p, name in enumerate(NAMES):
        up = sum(row[3] for row in rows if row[0] == "up" and row[1] == name)
        down = sum(row[3] for row in rows if row[0] == "down" and row[2] == name)
        assert up == pytest.approx(sum(one.mbps for one in reached if one.start == p), abs=1e-4)  # rows are rounded
        assert down == pytest.approx(sum(one.mbps for one in reached if one.end == p), abs=1e-4)


def test_the_shortest_takes_the_time_that_rtt_says() -> None:
    loads = load(SKY, PLACES, DEMANDS, START, AT_S)
    (times,) = rtt_between(SKY, PLACES, START, [AT_S])
    reached = [one for n, one in enumerate(DEMANDS) if n != 6]
    mean = sum(one.mbps * times.rtt_ms[one.start, one.end] for one in reached) / sum(one.mbps for one in reached)
    assert loads.rtt_ms_mean() == pytest.approx(mean, rel=1e-12)
    assert np.isinf(times.rtt_ms[4, 2])
    nothing = load(SKY, PLACES, DEMANDS[6:7], START, AT_S)
    assert (nothing.rtt_ms_mean(), nothing.unreachable, as_rows(nothing)) == (None, (0,), [])


def test_each_way_of_routing_is_another() -> None:
    found = [load(SKY, PLACES, DEMANDS, START, AT_S, routing, K).mbps for routing in ROUTINGS]
    assert len({one.tobytes() for one in found}) == len(ROUTINGS)


def test_the_order_of_the_file_moves_nothing() -> None:
    turned = DEMANDS[::-1]
    for routing in ROUTINGS:
        first, second = (load(SKY, PLACES, those, START, AT_S, routing, K) for those in (DEMANDS, turned))
        np.testing.assert_allclose(first.mbps, second.mbps, rtol=1e-12)
        np.testing.assert_array_equal(first.flows, second.flows)
    least = [load(SKY, PLACES, those, START, AT_S, "least-loaded", K) for those in (DEMANDS, turned)]
    np.testing.assert_array_equal(least[0].mbps, least[1].mbps)


def test_paths_that_share_a_link_are_one_flow_of_it() -> None:
    loads = load(SKY, PLACES, DEMANDS[:1], START, AT_S, "k-paths", K)
    assert set(loads.flows.tolist()) == {0, 1}
    assert loads.mbps.max() > DEMANDS[0].mbps / K * 1.5
    assert len(loads.ways[0]) == len(k_shortest(loads.graph, 0, 1, K)) == K


def test_capacity_is_of_links_between_satellites_alone() -> None:
    loads = load(SKY, PLACES, DEMANDS, START, AT_S)
    for kind, _, _, mbps, _, share, *_ in as_rows(loads, 400.0):
        assert share == (round(mbps / 400.0, 6) if kind == "isl" else None)


def test_traffic_lost_on_the_way_is_a_bug_that_is_said() -> None:
    loads = load(SKY, PLACES, DEMANDS, START, AT_S)
    mbps = loads.mbps.copy()
    mbps[int(np.flatnonzero(loads.flows)[3])] += 1e-3
    with pytest.raises(RuntimeError, match="lost or made"):
        check_conserved(replace(loads, mbps=mbps))


def test_satellites_of_one_name_are_told_apart_by_their_ids() -> None:
    """The flow of every satellite is whole by id; by name all are one."""
    constellation = SKY.constellation
    same = replace(constellation, satellite_name=("SAT",) * constellation.satellites)
    loads = load(SKY, PLACES, DEMANDS[:1], START, AT_S)
    rows = [dict(zip(table.COLUMNS, row, strict=True)) for row in table.rows(loads, NAMES, same, None)]
    by_start = {row["from_id"]: row for row in rows}
    assert len(by_start) == len(rows) > 3
    here, way = by_start[None]["to_id"], []  # the one link up, then on from one id to the next
    assert by_start[None]["from"] == "Tokyo"
    while here is not None:
        way.append(here)
        assert by_start[here]["from"] == "SAT"
        here = by_start[here]["to_id"]
    (nodes,) = k_shortest(loads.graph, 0, 1, 1)
    assert way == [int(constellation.satellite_id[node]) for node in nodes[1:-1]]
    assert table.told_apart(constellation) == list(constellation.satellite_name)
    assert table.told_apart(same)[:2] == [f"SAT ({number})" for number in constellation.satellite_id[:2]]


@pytest.mark.parametrize("mbps", [float("nan"), float("inf"), 1e308])
def test_traffic_that_is_no_number_is_a_bug_that_is_said(mbps: float) -> None:
    """1e308 twice from one place is more than a number can hold."""
    with pytest.raises(RuntimeError, match="lost or made"), np.errstate(all="ignore"):
        load(SKY, PLACES, (Demand(0, 1, mbps), Demand(0, 2, mbps)), START, AT_S)


def test_choosing_the_least_loaded_parts_what_shares_its_lasers() -> None:
    """Forty equal demands from around Tokyo to around Cape Town, which on the shortest path share their lasers."""
    count = 40
    beside = np.arange(count) * 0.02
    latitude = np.concatenate([LATITUDE[0] + beside, LATITUDE[1] + beside])
    longitude = np.repeat(LONGITUDE[:2], count)
    places = Places(tuple(f"p{n:02}" for n in range(2 * count)), *on_wgs84(latitude, longitude))
    demands = [Demand(n, count + n, 100.0) for n in range(count)]
    squares = {}
    for routing in ROUTINGS:
        loads = load(SKY, places, demands, START, AT_S, routing, 8)
        on_lasers = loads.mbps[loads.kinds() == "isl"]
        assert not loads.unreachable
        assert on_lasers.max() == pytest.approx(count * 100.0)  # the eight paths share some of their links
        squares[routing] = (on_lasers**2).sum()
    assert squares["least-loaded"] <= squares["k-paths"] < 0.8 * squares["shortest"]
