"""Max-min fair shares against linear programs (HiGHS), filling written out plainly, and the conditions they must meet.

A max-min fair allocation is the one whose rates by weight, sorted from the least on, are the greatest in the order of a
dictionary (Bertsekas & Gallager, Data Networks, section 6.5.2). So one program raises the least of those still free as
far as it goes, others tell which of them could have more, and the rest are settled.
"""

from __future__ import annotations

import doctest
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from compared import compared
from openleo.network import max_min
from openleo.network.kernels import filling
from openleo.network.max_min import ITS_DEMAND, WITHOUT_LINKS, Shares, fill

ONE_PART_IN_A_BILLION = 1e-9
OF_A_PROGRAM = 1e-5  # HiGHS meets its constraints to 1e-7


@dataclass(frozen=True)
class Case:
    offsets: np.ndarray
    link: np.ndarray
    coefficient: np.ndarray
    capacity: np.ndarray
    demand: np.ndarray
    weight: np.ndarray

    @property
    def flow(self) -> np.ndarray:
        return np.repeat(np.arange(len(self.demand)), np.diff(self.offsets))

    @property
    def no_way(self) -> np.ndarray:
        return np.diff(self.offsets) == 0

    @property
    def most(self) -> np.ndarray:
        """What each flow could get at most, axes (flow,)."""
        return np.where(self.no_way, 0.0, self.demand)

    def shares(self) -> Shares:
        return fill(
            self.offsets, self.link, self.capacity,
            coefficient=self.coefficient, demand_mbps=self.demand, weight=self.weight,
        )  # fmt: skip

    def dense(self) -> np.ndarray:
        """What each unit of a flow's rate takes of each link, axes (link, flow)."""
        taken = np.zeros((len(self.capacity), len(self.demand)))
        np.add.at(taken, (self.link, self.flow), self.coefficient)
        return taken


def by_linear_programs(case: Case) -> np.ndarray:
    """The rates; every demand is finite."""
    taken, flows = case.dense(), len(case.demand)
    finite = np.isfinite(case.capacity)
    settled = np.full(flows, np.nan)
    while np.isnan(settled).any():
        free = np.isnan(settled)
        # Unknowns: rates, then the level, which every free flow reaches.
        reaches = np.zeros((free.sum(), flows + 1))
        reaches[np.arange(free.sum()), np.flatnonzero(free)], reaches[:, -1] = -1.0, case.weight[free]
        within = np.column_stack([taken[finite], np.zeros(finite.sum())])
        bounds = [(0.0, d) if f else (s, s) for d, s, f in zip(case.most, settled, free, strict=True)]
        a, b = np.vstack([within, reaches]), np.concatenate([case.capacity[finite], np.zeros(free.sum())])
        solved = linprog(-np.eye(flows + 1)[-1], A_ub=a, b_ub=b, bounds=[*bounds, (0.0, None)], method="highs")
        assert solved.status == 0, solved.message
        level = solved.x[-1]
        kept = [(max(0.0, level * w * (1 - 1e-9)), hi) if f else (lo, hi)
                for (lo, hi), w, f in zip(bounds, case.weight, free, strict=True)]  # fmt: skip
        stuck = []
        for flow in np.flatnonzero(free):
            most = linprog(
                -np.eye(flows)[flow], A_ub=taken[finite], b_ub=case.capacity[finite], bounds=kept, method="highs"
            )
            assert most.status == 0, most.message
            if -most.fun <= level * case.weight[flow] + 1e-6:
                stuck.append(flow)
        assert stuck
        settled[stuck] = level * case.weight[stuck]
    return settled


def by_plain_filling(case: Case) -> np.ndarray:
    """Raise all flows that still grow to the next event, and stop those that it stops; all sums made anew."""
    taken = case.dense()
    rate, growing = np.zeros(len(case.demand)), np.ones(len(case.demand), bool)
    while growing.any():
        wants = taken[:, growing] @ case.weight[growing]
        left = np.maximum(case.capacity - taken[:, ~growing] @ rate[~growing], 0.0)
        full_at = np.where(wants > 0.0, left / np.where(wants > 0.0, wants, 1.0), np.inf)
        met_at = np.where(growing, case.most / case.weight, np.inf)
        level = min(full_at.min(initial=np.inf), met_at.min())
        full = full_at <= level * (1.0 + 1e-12)
        stop = growing & ((met_at <= level) | (taken[full] > 0.0).any(axis=0))
        rate[stop] = np.minimum(case.most, case.weight * level)[stop]
        growing &= ~stop
    return rate


def check_conditions(case: Case, shares: Shares) -> None:
    """No link carries more than it can; a flow meets its demand, or a full link stops it where no flow has more."""
    rate, flow = shares.rate_mbps, case.flow
    by_weight = rate / case.weight
    load = np.zeros(len(case.capacity))
    np.add.at(load, case.link, case.coefficient * rate[flow])
    np.testing.assert_allclose(shares.load_mbps, load, rtol=ONE_PART_IN_A_BILLION, atol=1e-300)
    assert (load <= case.capacity * (1.0 + ONE_PART_IN_A_BILLION)).all()
    assert (rate <= case.most).all()
    np.testing.assert_array_equal(shares.bottleneck == WITHOUT_LINKS, case.no_way)
    assert (rate >= 0.0).all()
    own = shares.bottleneck == ITS_DEMAND
    np.testing.assert_array_equal(rate[own], case.demand[own])
    by_link = shares.bottleneck >= 0
    stops = shares.bottleneck[by_link]
    np.testing.assert_allclose(load[stops], case.capacity[stops], rtol=ONE_PART_IN_A_BILLION)
    uses = case.coefficient > 0.0
    greatest = np.zeros(len(case.capacity))
    np.maximum.at(greatest, case.link[uses], by_weight[flow[uses]])
    assert (by_weight[by_link] >= greatest[stops] * (1.0 - ONE_PART_IN_A_BILLION)).all()
    used = {*zip(flow[uses].tolist(), case.link[uses].tolist(), strict=True)}
    assert all(pair in used for pair in zip(np.flatnonzero(by_link).tolist(), stops.tolist(), strict=True))


@st.composite
def cases(draw: st.DrawFn, most_flows: int = 12) -> Case:
    flows, links = draw(st.integers(0, most_flows)), draw(st.integers(1, 8))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    uses = random.integers(0, 5, flows)
    offsets = np.concatenate([[0], np.cumsum(uses)])
    link = random.integers(0, links, offsets[-1])  # some twice by one flow, some by none
    round_numbers = draw(st.booleans())  # so that ties are tried too
    count = offsets[-1]
    coefficient = random.integers(0, 3, count) / 2.0 if round_numbers else random.uniform(0.01, 2.0, count)
    capacity = random.integers(0, 4, links) * 30.0 if round_numbers else random.uniform(1.0, 100.0, links)
    demand = random.integers(0, 4, flows) * 10.0 if round_numbers else random.lognormal(2.0, 1.5, flows)
    weight = random.integers(1, 3, flows) * 1.0 if round_numbers else random.lognormal(0.0, 1.0, flows)
    capacity[random.random(links) < draw(st.sampled_from([0.0, 0.2]))] = np.inf
    case = Case(offsets, link, coefficient, capacity, demand, weight)
    limited = np.zeros(flows, bool)
    limited[case.flow[(coefficient > 0.0) & np.isfinite(capacity[link])]] = True
    demand[(limited | (uses == 0)) & (random.random(flows) < draw(st.sampled_from([0.0, 0.5, 1.0])))] = np.inf
    return case


@settings(max_examples=60, deadline=None)
@given(cases(most_flows=7))
def test_rates_against_linear_programs(case: Case) -> None:
    bounded = replace(case, demand=np.minimum(case.demand, 1e5))  # more than any link gives a flow
    compared(
        authority="scipy",
        what="max-min fair rates, by linear programs (HiGHS)",
        theirs=by_linear_programs(bounded),
        ours=case.shares().rate_mbps,
        tolerance=OF_A_PROGRAM,
        relative=OF_A_PROGRAM,
        unit="Mbit/s",
    )


@settings(max_examples=400, deadline=None)
@given(cases())
def test_rates_against_plain_filling_and_the_conditions(case: Case) -> None:
    shares = case.shares()
    compared(
        authority="brute force",
        what="max-min fair rates, by plain filling",
        theirs=by_plain_filling(case),
        ours=shares.rate_mbps,
        tolerance=1e-12,
        relative=ONE_PART_IN_A_BILLION,
        unit="Mbit/s",
    )
    check_conditions(case, shares)


@settings(max_examples=150, deadline=None)
@given(cases(), st.integers(0, 2**32 - 1))
def test_order_is_nothing(case: Case, seed: int) -> None:
    """Flows, links and the uses of each flow in another order."""
    random = np.random.default_rng(seed)
    flows, links = random.permutation(len(case.demand)), random.permutation(len(case.capacity))
    number = np.argsort(links)
    uses = [random.permutation(np.arange(case.offsets[f], case.offsets[f + 1])) for f in flows]
    use = np.concatenate([np.empty(0, int), *uses])
    moved = Case(
        offsets=np.concatenate([[0], np.cumsum(np.diff(case.offsets)[flows])]),
        link=number[case.link[use]],
        coefficient=case.coefficient[use],
        capacity=case.capacity[links],
        demand=case.demand[flows],
        weight=case.weight[flows],
    )
    np.testing.assert_allclose(
        moved.shares().rate_mbps, case.shares().rate_mbps[flows], rtol=ONE_PART_IN_A_BILLION, atol=1e-12
    )


@settings(max_examples=150, deadline=None)
@given(cases(), st.sampled_from([1e-6, 3.0, 1e9]))
def test_rates_follow_the_unit_and_weights_have_none(case: Case, factor: float) -> None:
    rate = case.shares().rate_mbps
    larger = replace(case, capacity=case.capacity * factor, demand=case.demand * factor)
    np.testing.assert_allclose(larger.shares().rate_mbps, rate * factor, rtol=ONE_PART_IN_A_BILLION, atol=1e-12)
    heavier = replace(case, weight=case.weight * factor)
    np.testing.assert_allclose(heavier.shares().rate_mbps, rate, rtol=ONE_PART_IN_A_BILLION, atol=1e-12)


def many(flows: int, links: int, seed: int) -> Case:
    """As over a constellation: ten links a flow, some of them crowded, weights and demands over six decades."""
    random = np.random.default_rng(seed)
    uses = random.integers(1, 20, flows)
    offsets = np.concatenate([[0], np.cumsum(uses)])
    link = (links * random.random(offsets[-1]) ** 2).astype(int)
    demand = random.lognormal(3.0, 3.0, flows)
    demand[::3] = np.inf
    return Case(
        offsets,
        link,
        random.uniform(0.1, 1.0, offsets[-1]),
        random.uniform(100.0, 20_000.0, links),
        demand,
        random.lognormal(0.0, 3.0, flows),
    )


@pytest.mark.parametrize(("flows", "links"), [(100_000, 30_000), (50_000, 3), (2_000, 20_000)])
def test_many_flows_meet_the_conditions(flows: int, links: int) -> None:
    case = many(flows, links, seed=flows)
    shares = case.shares()
    check_conditions(case, shares)
    assert (shares.bottleneck >= 0).mean() > 0.3
    assert (shares.load_mbps <= case.capacity * (1.0 + 1e-12)).all()


def test_weights_far_apart_lose_no_digits() -> None:
    """One link; each flow's demand stops it before the next lighter one, which is a hundredth of its weight."""
    weight = 100.0 ** -np.arange(20.0)
    demand = np.append(weight[:-1] * np.arange(1.0, 20.0), np.inf)  # the last takes what is left
    left = 1e-30
    capacity = demand[:-1].sum() + left
    shares = fill(np.arange(21), np.zeros(20, int), [capacity], demand_mbps=demand, weight=weight)
    np.testing.assert_array_equal(shares.rate_mbps[:-1], demand[:-1])
    # What is left cannot be told from rounding in the capacity, and is not more than that.
    assert 0.0 <= shares.rate_mbps[-1] <= capacity * 1e-15
    # A thousand-millionth of a link is left to a flow of a thousand-millionth of the weight.
    narrow = fill([0, 1, 2, 4], [0, 1, 0, 1], [1.0 + 1e-9, 3.0], demand_mbps=[1.0, 2.5, np.inf], weight=[1e9, 1e3, 1.0])
    assert narrow.rate_mbps[2] == pytest.approx(1e-9, rel=1e-6)
    assert narrow.bottleneck.tolist() == [ITS_DEMAND, ITS_DEMAND, 0]


@pytest.mark.parametrize("seed", range(20))
def test_a_link_with_hardly_anything_left_does_not_overfill_another(seed: int) -> None:
    """Link 0 is full but for what 300 sums round; link 1 has all its digits, and is full a little earlier."""
    random, heavy, others = np.random.default_rng(seed), 300, 7
    met = random.uniform(0.0, 1.0, heavy)
    capacity = float(sum(map(Fraction, met))) + 1e-10
    left = float(Fraction(capacity) - sum(map(Fraction, met)))
    light = 1e-5
    full_earlier = left / light * (1.0 - 1e-5) * others
    case = Case(
        np.arange(heavy + 1 + others + 1),
        np.repeat([0, 1], [heavy + 1, others]),
        np.ones(heavy + 1 + others),
        np.array([capacity, full_earlier]),
        np.concatenate([met, np.full(1 + others, np.inf)]),
        np.concatenate([random.uniform(1e6, 1e7, heavy), [light], np.ones(others)]),
    )
    shares = case.shares()
    check_conditions(case, shares)
    np.testing.assert_allclose(shares.rate_mbps[-others:], full_earlier / others, rtol=ONE_PART_IN_A_BILLION)


@pytest.mark.parametrize("weight", [1e-100, 1.0, 1e100])
@pytest.mark.parametrize("coefficient", [1e-100, 1.0, 1e100])
@pytest.mark.parametrize("capacity", [1e-100, 1.0, 1e100])
def test_the_least_and_the_most_that_is_taken_is_shared_whole(
    weight: float, coefficient: float, capacity: float
) -> None:
    shares = fill([0, 1, 2], [0, 0], [capacity], weight=[weight, 1.0], coefficient=coefficient)
    assert np.isfinite(shares.rate_mbps).all()
    assert shares.load_mbps[0] == pytest.approx(capacity, rel=ONE_PART_IN_A_BILLION, abs=0.0)
    assert shares.rate_mbps[0] == pytest.approx(shares.rate_mbps[1] * weight, rel=ONE_PART_IN_A_BILLION, abs=0.0)


def test_shares_are_the_same_on_any_number_of_threads() -> None:
    asked = [many(flows, 400, seed=flows) for flows in (3_000, 500, 2_000, 1_000)] * 2
    alone = [case.shares() for case in asked]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(Case.shares, asked))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.rate_mbps, other.rate_mbps)
        np.testing.assert_array_equal(one.bottleneck, other.bottleneck)
        np.testing.assert_array_equal(one.load_mbps, other.load_mbps)


def test_by_hand() -> None:
    # Data Networks, figure 6.13's idea: three short flows and one over all links; the narrowest link sets the long one.
    offsets, link = [0, 1, 2, 3, 6], [0, 1, 2, 0, 1, 2]
    shares = fill(offsets, link, [10.0, 6.0, 20.0])
    assert shares.rate_mbps.tolist() == [7.0, 3.0, 17.0, 3.0]
    assert shares.bottleneck.tolist() == [0, 1, 2, 1]
    assert shares.load_mbps.tolist() == [10.0, 6.0, 20.0]
    # The long flow counts three times as much: 6 = 3 level + level.
    assert fill(offsets, link, [10.0, 6.0, 20.0], weight=[1, 1, 1, 3]).rate_mbps.tolist() == [5.5, 1.5, 15.5, 4.5]
    # Half of it on each of two ways: 6 = level + level / 2.
    halves = fill([0, 1, 2, 4], [0, 1, 0, 1], [10.0, 6.0], coefficient=[1, 1, 0.5, 0.5])
    assert halves.rate_mbps.tolist() == [8.0, 4.0, 4.0]


def test_arrays_of_any_kind_are_compiled_for_once() -> None:
    fill([0, 1, 2], [0, 0], [10.0])
    compiled = len(filling.fill.signatures)
    given = np.arange(12.0)[::2]
    given.flags.writeable = False
    rate = fill(np.arange(3, dtype=np.int16), (0, 0), given[:1] + 10, weight=given[1:3], demand_mbps=given[1]).rate_mbps
    assert rate.tolist() == [2.0, 2.0]
    assert len(filling.fill.signatures) == compiled


def test_the_edges() -> None:
    nobody = fill([0], [], [5.0])
    assert (nobody.rate_mbps.size, nobody.bottleneck.size, nobody.load_mbps.tolist()) == (0, 0, [0.0])
    # No way, with or without a demand; beside it a flow over a link without limit.
    lost = fill([0, 0, 0, 1], [0], [np.inf], demand_mbps=[7.0, np.inf, 7.0])
    assert lost.rate_mbps.tolist() == [0.0, 0.0, 7.0]
    assert lost.bottleneck.tolist() == [WITHOUT_LINKS, WITHOUT_LINKS, ITS_DEMAND]
    assert fill([0, 0], [], []).bottleneck.tolist() == [WITHOUT_LINKS]
    # An unused link, no capacity, no demand, all there could be.
    closed = fill([0, 1, 2, 3], [0, 0, 2], [0.0, 9.0, np.inf], demand_mbps=[np.inf, 0.0, 4.0])
    assert closed.rate_mbps.tolist() == [0.0, 0.0, 4.0]
    assert closed.bottleneck.tolist() == [0, ITS_DEMAND, ITS_DEMAND]
    assert closed.load_mbps.tolist() == [0.0, 0.0, 4.0]
    # With a coefficient of 0 a flow does not use a link, be it full.
    beside = fill([0, 1, 3], [0, 0, 1], [0.0, 8.0], coefficient=[1.0, 0.0, 1.0])
    assert (beside.rate_mbps.tolist(), beside.bottleneck.tolist()) == ([0.0, 8.0], [0, 1])
    # A demand that is just what a link gives is a demand that is met; of links full at once the lowest counts.
    assert fill([0, 1], [0], [8.0], demand_mbps=8.0).bottleneck.tolist() == [ITS_DEMAND]
    assert fill([0, 2], [1, 0], [8.0, 8.0]).bottleneck.tolist() == [0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"demand_mbps": np.inf, "capacity_mbps": [np.inf]}, r"demand_mbps\[0\] is not finite for a flow that no link"),
        ({"coefficient": 0.0}, r"demand_mbps\[0\] is not finite for a flow that no link limits"),
        ({"capacity_mbps": [-1.0]}, r"capacity_mbps\[0\]"),
        ({"capacity_mbps": [np.nan]}, r"capacity_mbps\[0\]"),
        ({"demand_mbps": [1.0, -1.0]}, r"demand_mbps\[1\]"),
        ({"demand_mbps": np.nan}, r"demand_mbps\[0\]"),
        ({"weight": [1.0, 0.0]}, r"weight\[1\]"),
        ({"weight": np.inf}, r"weight\[0\]"),
        ({"weight": 1e-200}, r"weight\[0\]"),
        ({"coefficient": -0.5}, r"coefficient\[0\]"),
        ({"coefficient": [1.0, 1.0, 1.0]}, r"coefficient has shape \(3,\)"),
        ({"link": [0, 1]}, r"link\[1\] is not of 0 to 0"),
        ({"link": [-1, 0]}, r"link\[0\]"),
        ({"offsets": [0, 2, 1]}, "never fall"),
        ({"offsets": [1, 1, 2]}, "offsets run from 0"),
        ({"offsets": []}, "offsets begins with 0"),
        ({"link": [0.0, 0.5]}, "whole numbers"),
        ({"link": [[0, 0]]}, "along one axis"),
        ({"link": [0, 2**32]}, r"link\[1\]"),
        ({"capacity_mbps": 10.0}, "capacity_mbps has 0 axes"),
    ],
)
def test_what_cannot_be_shared_is_refused(arguments: dict, words: str) -> None:
    fits = {"offsets": [0, 1, 2], "link": [0, 0], "capacity_mbps": [10.0], **arguments}
    with pytest.raises(ValueError, match=words):
        fill(fits.pop("offsets"), fits.pop("link"), fits.pop("capacity_mbps"), **fits)


def test_the_example_in_the_docs_holds() -> None:
    tried = doctest.testmod(max_min)
    assert tried.attempted > 1
    assert tried.failed == 0
