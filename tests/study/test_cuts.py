"""The smallest sets of withdrawals: beside all sets there are, a graph's minimum cut, and runs of what is left."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

import withdrawals
from openleo import cells as h3cells
from openleo.errors import InputError
from openleo.geodesy import ecef_km, up
from openleo.network.reach import positions_over
from openleo.places.areas import parts_of
from openleo.study.cuts import EQUAL, Loss, greedy, loss_of, smallest
from openleo.study.providers import provided, providers
from openleo.study.served import shares, weights
from openleo.study.withdrawal import Cable, Thing, withdrawn

CABLES = (Cable("one", gateways=("Islands", "Middle")), Cable("two", gateways=("Middle", "South", "West")))


@pytest.fixture(scope="module")
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def few(size: int, loss: Loss, threshold: float) -> bool:
    """Whether any set of so many things leaves at most the threshold: all of them are tried."""
    return any(loss.left(gone) <= threshold + EQUAL for gone in combinations(loss.things, size))


def fewest(loss: Loss, threshold: float) -> int | None:
    return next((size for size in range(len(loss.things) + 1) if few(size, loss, threshold)), None)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("gateway", {"isl": "none"}),
        ("gateway", {"isl": "+grid", "slots": 4}),
        ("country", {"isl": "none"}),
        ("cable", {"isl": "none"}),
        ("pop", {"isl": "none"}),
        ("shell", {"isl": "+grid"}),  # no link joins its shells
        ("plane", {"isl": "none", "slots": 4}),
    ],
)
def test_what_providers_give_alone_says_what_is_left_of_any_set(kind, options, executor):
    cases = {"one": withdrawals.case(**options)}
    parts = parts_of(cases["one"].area, cases["one"].resolution)
    found = provided(cases, kind, parts, executor, cables=CABLES)
    random = np.random.default_rng(1)
    for size in (0, 1, len(found.things) - 1, *random.integers(1, len(found.things) + 1, 3)):
        gone = [found.things[n] for n in random.permutation(len(found.things))[:size]]
        run = shares(withdrawn(cases, gone, CABLES), parts)
        for one in run:
            told = loss_of(found, weights(parts, one.territory)).left(gone)
            assert told == pytest.approx(one.served, abs=1e-6), (one.territory, gone)  # shares have six decimals


def test_operators_are_withdrawn_as_sets_too(executor):
    cases = {name: withdrawals.case(isl="none", shells=(name,)) for name in ("low", "high")}
    parts = parts_of(cases["low"].area, cases["low"].resolution)
    for kind in ("operator", "country"):
        found = provided(cases, kind, parts, executor)
        for gone in ([], [found.things[0]], list(found.things)):
            run = shares(withdrawn(cases, gone), parts)
            told = [loss_of(found, weights(parts, one.territory)).left(gone) for one in run]
            assert told == pytest.approx([one.served for one in run], abs=1e-6)


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.35, 0.6])
def test_smallest_against_all_sets_of_a_network(threshold, executor):
    cases = {"one": withdrawals.case(isl="none")}
    parts = parts_of(cases["one"].area, cases["one"].resolution)
    for kind in ("gateway", "country"):
        found = provided(cases, kind, parts, executor)
        for territory in ("TWN", "kinmen"):
            loss = loss_of(found, weights(parts, territory))
            cut = smallest(loss, territory, kind, threshold)
            assert cut.exact
            assert cut.things is not None
            assert len(cut.things) == fewest(loss, threshold)
            run = {one.territory: one for one in shares(withdrawn(cases, cut.things), parts)}[territory]
            assert run.served == pytest.approx(cut.left, abs=1e-6)
            assert run.served <= threshold + 1e-6


def drawn(seed: int) -> Loss:
    """Places that stand on up to five of ten things, some on none that can be withdrawn."""
    random = np.random.default_rng(seed)
    stands_on = random.random((40, 10)) < random.uniform(0.1, 0.45)
    stands_on = stands_on[stands_on.any(axis=1)]
    weight = random.integers(1, 5, len(stands_on)).astype(float)
    kept = 0.1 if seed % 3 == 0 else 0.0
    things = tuple(Thing("gateway", f"g{n}") for n in range(10))
    return Loss(things, stands_on, (0.9 - kept) * weight / weight.sum(), kept)


@pytest.mark.parametrize("seed", range(12))
def test_smallest_against_all_sets_of_drawn_places(seed):
    loss = drawn(seed)
    for threshold in (0.0, 0.05, 0.3, 0.5, 0.9):
        cut, size = smallest(loss, "X", "gateway", threshold), fewest(loss, threshold)
        if size is None:
            assert cut.things is None
            assert cut.left == pytest.approx(loss.kept)
            assert not cut.exact
        else:
            assert cut.things is not None
            assert (len(cut.things), cut.exact) == (size, True)
            assert loss.left(cut.things) <= threshold + EQUAL


def test_without_time_the_set_holds_and_the_bound_is_told():
    for seed in range(4):
        loss = drawn(seed)
        cut = smallest(loss, "X", "gateway", 0.4, time_limit_s=1e-9)
        size = fewest(loss, 0.4)
        assert cut.things is not None
        assert size is not None
        assert cut.lower <= size <= len(cut.things)
        assert loss.left(cut.things) <= 0.4 + EQUAL
        for one in greedy(loss, 0.4):  # nothing of it could be left out
            assert loss.left(set(greedy(loss, 0.4)) - {one}) > 0.4


def test_one_place_and_slot_against_networkx_minimum_cut(executor):
    # With links between satellites the question is one of a graph: cell — satellites — gateways, each gateway's
    # removal costing one, a satellite's or a link's more than all.
    nx = pytest.importorskip("networkx")
    case = withdrawals.case(isl="ring", slots=4)
    parts = parts_of(case.area, case.resolution)
    found = provided({"one": case}, "gateway", parts, executor)
    network, positions = case.network, positions_over(case.network, case.grid, 0, 4)
    gateways = network.gateways
    sites = np.concatenate([h3cells.centres_deg(parts.cells), (gateways.latitude_deg, gateways.longitude_deg)], axis=1)
    seen = set()
    for slot in range(4):
        km = positions.middle_km[slot]
        lengths_km = network.topology.lengths_km(km, positions.usable[slot])
        graph = nx.DiGraph()
        for here, k in zip(*np.nonzero(np.isfinite(lengths_km)), strict=True):
            graph.add_edge(int(here), int(network.topology.neighbours[here, k]), capacity=1000)
        for site, (latitude, longitude) in enumerate(sites.T):
            away = km - ecef_km(np.array([latitude]), np.array([longitude]))
            sine = (away @ up(np.array([latitude]), np.array([longitude]))[0]) / np.linalg.norm(away, axis=1)
            for satellite in np.flatnonzero(sine > np.sin(np.radians(25.0))):
                if site < len(parts.cells):
                    graph.add_edge(("cell", site), int(satellite), capacity=1000)
                else:
                    graph.add_edge(int(satellite), ("gateway", site), capacity=1000)
                    graph.add_edge(("gateway", site), "internet", capacity=1)
        for part in range(len(parts)):
            cell = ("cell", int(parts.cell[part]))
            graph.add_node(cell)
            expected = nx.minimum_cut_value(graph, cell, "internet") if "internet" in graph else 0
            alone = replace(found, served=found.served[:, slot : slot + 1])
            weight = np.eye(len(parts))[part]
            cut = smallest(loss_of(alone, weight), "cell", "gateway", 0.0)
            assert cut.things is not None
            assert len(cut.things) == expected
            seen.add(expected)
    assert len(seen) > 1, seen  # not all alike


def test_what_sets_cannot_be_told_from_single_runs_is_refused():
    case = withdrawals.case()
    limits = replace(case.network.limits, gateway_antennas=(2,))
    few_antennas = replace(case, network=replace(case.network, limits=limits))
    named = (Cable("all", pops=("Alpha", "Beta")),)
    for asked, kind, cables, word in (
        (few_antennas, "country", (), "antennas"),
        (case, "plane", (), "no link between satellites joins"),
        (case, "cable", named, "the loss of PoPs"),
        (case, "isls", (), "one thing"),
    ):
        with pytest.raises(InputError, match=word), ThreadPoolExecutor(1) as pool:
            provided({"one": asked}, kind, parts_of(case.area, 3), pool, cables=cables)


def test_what_is_out_already_counts_as_none_of_a_set(executor):
    case = withdrawals.case(isl="none")
    parts = parts_of(case.area, case.resolution)
    for kind, name, fewer in (("pop", "Alpha", 1), ("gateway", "South", 5), ("country", "JPN", 3)):
        left = withdrawn({"one": case}, [Thing(kind, name)])
        found = provided(left, kind, parts, executor)
        assert Thing(kind, name) not in found.things
        assert len(found.things) == fewer
        loss = loss_of(found, weights(parts, "TWN"))
        cut = smallest(loss, "TWN", kind, 0.0)
        assert cut.things is not None
        assert len(cut.things) == fewest(loss, 0.0)


def test_what_would_fill_the_memory_is_refused_before_it_is_run(executor):
    case = withdrawals.case(isl="none")
    parts = parts_of(case.area, case.resolution)
    long = replace(case, grid=replace(case.grid, slots=60_000_000))
    with pytest.raises(InputError, match="6 runs of 60,000,000 slots and 16 parts"):
        provided({"one": long}, "gateway", parts, executor)


def test_gateways_that_stand_on_the_same_cables_are_one_provider():
    case = withdrawals.case()
    found = {one.needs: one for one in providers({"one": case}, "cable", CABLES)}
    one, two = Thing("cable", "one"), Thing("cable", "two")
    assert found.keys() == {frozenset(), frozenset({one}), frozenset({two}), frozenset({one, two})}
    out = {o.name for o in found[frozenset({two})].case.network.failures.outages}
    assert out == withdrawals.GATEWAYS.keys() - {"South", "West"}
