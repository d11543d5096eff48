"""Beams and rates beside the optimum: HiGHS (scipy.optimize.linprog and milp) is the authority."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_matrix, vstack

from compared import compared
from network.capacity_cases import Slot, all_faults, by_elevation, line, lognormal, region
from openleo.network.capacity.allocation import SlotDemand
from openleo.network.capacity.caps import Caps

# --- the programmes --------------------------------------------------------------------------------------------------


def nodes_over_links(slot: Slot):
    """(node, link) matrix of what passes where, and the caps, for the way down."""
    given, ways = slot.candidates, slot.ways
    node, link = [], []
    for e, s in enumerate(given.satellite):
        at = int(s)
        while at >= 0:
            node.append(at)
            link.append(e)
            at = int(ways.parent[at])
    shape = len(ways.parent), len(given.satellite)
    finite = np.isfinite(ways.down_mbps)
    return csr_matrix((np.ones(len(node)), (node, link)), shape)[finite], ways.down_mbps[finite]


def greatest_total_mbps(slot: Slot) -> float:
    """All candidates, beams shared without quanta and without interference: no assignment can carry more."""
    given, caps = slot.candidates, slot.caps
    links = np.arange(len(given.satellite))
    assert (given.down_mbps > 0.0).all()
    passes, most = nodes_over_links(slot)
    time = 1.0 / given.down_mbps
    rows = [
        (csr_matrix((np.ones(len(links)), (given.cell, links)), (given.cells, len(links))),
         slot.demand.down_mbps.sum(axis=1)),
        (csr_matrix((time, (given.cell, links)), (given.cells, len(links))), np.full(given.cells, caps.channels)),
        (csr_matrix((time, (given.satellite, links)), (slot.ways.satellites, len(links))),
         np.full(slot.ways.satellites, caps.beams)),
        (passes, most),
    ]  # fmt: skip
    matrix, bound = vstack([row for row, _ in rows]).tocsr(), np.concatenate([limit for _, limit in rows])
    used = np.diff(matrix.indptr) > 0
    solved = linprog(-np.ones(len(links)), matrix[used], bound[used], method="highs-ipm")
    assert solved.success
    return -solved.fun


def fair_levels(slot: Slot, quanta: np.ndarray) -> np.ndarray:
    """The max-min fair rates of cells over given beams, level by level: one linear programme a level and cell."""
    given = slot.candidates
    cells, links = given.cells, len(given.satellite)
    demand, weight = slot.demand.down_mbps.sum(axis=1), slot.demand.weight.sum(axis=1)
    of_cell = csr_matrix((np.ones(links), (given.cell, np.arange(links))), (cells, links)).toarray()
    passes, most = nodes_over_links(slot)
    carries = quanta * given.down_mbps / slot.caps.shares

    def best(objective, floor):
        """Most of objective @ (links, level) with rates of at least `floor` + level × weight of those that grow."""
        least = np.column_stack([-of_cell, np.where(growing, weight, 0.0)])
        limit = np.concatenate([-np.where(growing, 0.0, floor), most, demand])
        matrix = np.vstack([
            least, np.column_stack([passes.toarray(), np.zeros(passes.shape[0])]),
            np.column_stack([of_cell, np.zeros(cells)]),
        ])  # fmt: skip
        bounds = [(0.0, most_of_link) for most_of_link in carries] + [(0.0, None)]
        solved = linprog(-np.asarray(objective), matrix, limit, bounds=bounds, method="highs")
        assert solved.success
        return -solved.fun

    rate, growing = np.zeros(cells), demand > 0.0
    while growing.any():
        level = best(np.append(np.zeros(links), 1.0), rate)
        reached = np.where(growing, level * weight, rate)
        kept, growing_now = growing.copy(), growing.copy()
        for cell in np.flatnonzero(kept):
            growing = np.zeros(cells, bool)
            floor = np.where(np.arange(cells) == cell, 0.0, reached) * (1.0 - 1e-9)
            if best(np.append(of_cell[cell], 0.0), floor) <= reached[cell] * (1.0 + 1e-6) + 1e-6:
                growing_now[cell] = False
        assert (growing_now != kept).any()
        rate, growing = reached, growing_now
    return rate


def least_share_of_all(slot: Slot) -> float:
    """The greatest least part of its demand that every cell can have, over all assignments of whole quanta."""
    given, caps = slot.candidates, slot.caps
    cells, links = given.cells, len(given.satellite)
    quantum = given.down_mbps / caps.shares
    demand = slot.demand.down_mbps.sum(axis=1)
    of_cell = csr_matrix((np.ones(links), (given.cell, np.arange(links))), (cells, links)).toarray()
    of_satellite = csr_matrix(
        (np.ones(links), (given.satellite, np.arange(links))), (slot.ways.satellites, links)
    ).toarray()
    passes, most = nodes_over_links(slot)
    empty = np.zeros((cells, links))
    column = np.zeros((cells, 1))
    # Variables: quanta, Mbit/s of each candidate, the share.
    rows = [
        LinearConstraint(np.hstack([of_cell, empty, column]), -np.inf, caps.channels * caps.shares),
        LinearConstraint(
            np.hstack([of_satellite, np.zeros(of_satellite.shape), np.zeros((slot.ways.satellites, 1))]),
            -np.inf, caps.beams * caps.shares,
        ),
        LinearConstraint(np.hstack([-np.diag(quantum), np.eye(links), np.zeros((links, 1))]), -np.inf, 0.0),
        LinearConstraint(np.hstack([empty, of_cell, -demand[:, None]]), 0.0, np.inf),
    ]  # fmt: skip
    if passes.shape[0]:
        wide = np.hstack([np.zeros(passes.shape), passes.toarray(), np.zeros((passes.shape[0], 1))])
        rows.append(LinearConstraint(wide, -np.inf, most))
    solved = milp(
        np.append(np.zeros(2 * links), -1.0), constraints=rows,
        bounds=Bounds(0.0, np.append(np.full(2 * links, np.inf), 1.0)),
        integrality=np.concatenate([np.ones(links), np.zeros(links + 1)]),
    )  # fmt: skip
    assert solved.success
    return -solved.fun


# --- the total of a region -------------------------------------------------------------------------------------------

TREE = Caps(
    48, 8, 4, 10.0, satellite_down_mbps=20_000.0, feeder_down_mbps=19_000.0, site_down_mbps=152_000.0,
    isl_mbps=100_000.0, pop_down_mbps=400_000.0,
)  # fmt: skip
CASES = {
    "few beams": (Caps(8, 8, 4, 10.0), 1000.0),
    "more beams": (Caps(16, 8, 4, 10.0), 2000.0),
    "wide angle": (Caps(16, 8, 4, 20.0), 2000.0),
    "satellites": (Caps(48, 8, 4, 10.0, satellite_down_mbps=20_000.0), 3000.0),
    "all caps": (TREE, 3000.0),
}


def check_total(case: str, rings: int, factor: float = 1.0) -> None:
    caps, mean_mbps = CASES[case][0], CASES[case][1] * factor
    cells = 3 * rings * (rings + 1) + 1
    slot = region(caps, SlotDemand.of(lognormal(cells, mean_mbps)), disk=(49.0, 32.0, rings))
    optimum = greatest_total_mbps(slot)
    assert slot.demand.down_mbps.sum() >= 2.0 * optimum
    made = slot.allocate(objective="total")
    assert all_faults(slot, made) == []
    compared(
        authority="scipy",
        what="total of a region under shared beams, beside HiGHS's optimum over all candidates",
        case=f"{case}, {cells} cells",
        theirs=optimum,
        ours=made.rate_down_mbps.sum(),
        relative=0.05,
        unit="Mbit/s",
    )
    assert made.rate_down_mbps.sum() <= optimum * (1.0 + 1e-6)
    flow = slot.allocate(objective="min_cost_flow")
    assert all_faults(slot, flow) == []
    compared(
        authority="scipy",
        what="total of a region by least cost, beside HiGHS's optimum over all candidates",
        case=f"{case}, {cells} cells",
        theirs=optimum,
        ours=flow.rate_down_mbps.sum(),
        relative=0.05,
        unit="Mbit/s",
    )


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_total_of_2437_cells_within_5_percent_of_highs_over_all_candidates(case):
    check_total(case, 28)


@pytest.mark.parametrize("case", ["more beams", "all caps"])
def test_total_of_397_cells_within_5_percent_of_highs_over_all_candidates(case):
    check_total(case, 11, 2.0)


def test_all_candidates_carry_more_than_the_best_eight():
    """What cutting candidates would lose, by the linear programme itself: the reason that none is cut."""
    slot = region(Caps(16, 8, 4, 10.0), SlotDemand.of(lognormal(397, 2500.0)), disk=(49.0, 32.0, 11))
    given = slot.candidates
    whole = greatest_total_mbps(slot)
    of_cells = zip(given.offsets[:-1], given.offsets[1:], strict=True)
    rank = np.concatenate([np.argsort(np.argsort(-given.down_mbps[a:b])) for a, b in of_cells])
    best = rank < 8
    few = replace(
        given, offsets=np.concatenate([[0], np.cumsum(np.bincount(given.cell[best], minlength=given.cells))]),
        satellite=given.satellite[best], elevation_deg=given.elevation_deg[best], down_mbps=given.down_mbps[best],
        up_mbps=given.up_mbps[best],
    )  # fmt: skip
    assert greatest_total_mbps(replace(slot, candidates=few)) < 0.7 * whole


# --- fair shares ----------------------------------------------------------------------------------------------------


def drawn(seed: int, *, cells=7, satellites=4, single=False, level=False, shares=3) -> Slot:
    """A small slot: caps at every step that some hold and some do not."""
    random = np.random.default_rng(seed)
    see = np.zeros((cells, satellites), bool)
    if single:
        see[np.arange(cells), random.integers(satellites, size=cells)] = True
    else:
        see = random.random((cells, satellites)) < 0.5
        see[np.arange(cells), random.integers(satellites, size=cells)] = True
    rate = by_elevation(
        np.full((cells, satellites), 30.0) if level else random.uniform(25.0, 90.0, (cells, satellites))
    )
    caps = Caps(
        beams=int(random.integers(1, 4)), channels=4, shares=shares,
        satellite_down_mbps=np.inf if level else random.uniform(200.0, 2000.0),
        feeder_down_mbps=np.inf if level else random.uniform(200.0, 2000.0),
        site_down_mbps=np.inf if level else random.uniform(300.0, 3000.0),
        pop_down_mbps=np.inf if level else random.uniform(500.0, 5000.0),
    )  # fmt: skip
    demand = SlotDemand.of(random.uniform(50.0, 1500.0, cells), weight=random.uniform(0.5, 2.0, cells))
    slot = line(cells, satellites, see, rate, caps, demand, random.integers(2, size=satellites), (0, 0))
    return Slot(slot.candidates, caps, slot.ways, demand, np.full((cells, 2), -1, np.int32))


@pytest.mark.parametrize("seed", range(12))
def test_fair_shares_of_given_beams_level_by_level_with_highs(seed):
    """Cells of one satellite each, under all the nested caps: every rate as the linear programmes have it."""
    slot = drawn(seed, single=True)
    made = slot.allocate()
    quanta = np.zeros(len(slot.candidates.satellite))
    np.add.at(quanta, made.assignment.link, made.assignment.share * slot.caps.shares)
    assert made.rate_down_mbps == pytest.approx(fair_levels(slot, quanta), rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("seed", range(12))
def test_shares_of_cells_with_many_satellites_near_highs_over_the_same_beams(seed):
    """Which part of a cell's traffic goes over which of its beams is planned before; the programme chooses anew."""
    slot = drawn(seed)
    made = slot.allocate()
    quanta = np.zeros(len(slot.candidates.satellite))
    np.add.at(quanta, made.assignment.link, made.assignment.share * slot.caps.shares)
    weight = slot.demand.weight.sum(axis=1)
    fair = fair_levels(slot, quanta)
    assert (made.rate_down_mbps / weight).min() >= 0.85 * (fair / weight).min()
    assert made.rate_down_mbps.sum() >= 0.95 * fair.sum()


@pytest.mark.slow
def test_least_share_over_all_assignments_near_highs():
    """Whole quanta, chosen by an integer programme for the least share alone: 20 small networks."""
    parts = []
    for seed in range(20):
        slot = drawn(seed, level=seed % 2 == 0)
        demand = SlotDemand.of(slot.demand.down_mbps)
        slot = Slot(slot.candidates, slot.caps, slot.ways, demand, slot.neighbours)
        least = (slot.allocate().rate_down_mbps / demand.down_mbps[:, 0]).min()
        best = least_share_of_all(slot)
        assert least <= best * (1.0 + 1e-6)
        parts.append(least / best)
    assert min(parts) >= 0.75
    assert np.mean(parts) >= 0.95


@pytest.mark.parametrize("seed", range(8))
def test_quanta_that_all_carry_the_same_are_given_max_min_fair_exactly(seed):
    """Equal rates, equal weights, endless demand: the numbers of quanta, sorted, are those of an integer programme
    whose gains fall so steeply that no number of later quanta outweighs an earlier one."""
    random = np.random.default_rng(seed)
    cells, satellites, shares = 6, 4, 2
    see = random.random((cells, satellites)) < 0.4
    see[np.arange(cells), random.integers(satellites, size=cells)] = True
    caps = Caps(beams=int(random.integers(1, 4)), channels=3, shares=shares)
    slot = line(cells, satellites, see, 200.0, caps, SlotDemand.of(np.full(cells, 1e4), weight=1.0))
    slot = Slot(slot.candidates, caps, slot.ways, slot.demand, np.full((cells, 2), -1, np.int32))
    given = slot.candidates
    made = slot.allocate()
    links, most = len(given.satellite), caps.channels * shares
    of_cell = np.zeros((cells, links))
    of_cell[given.cell, np.arange(links)] = 1.0
    of_satellite = np.zeros((satellites, links))
    of_satellite[given.satellite, np.arange(links)] = 1.0
    steps = np.kron(np.eye(cells), np.ones(most))  # the k-th quantum of a cell is worth 7 ** −k
    solved = milp(
        np.concatenate([np.zeros(links), -np.tile(7.0 ** -np.arange(most), cells)]),
        constraints=[
            LinearConstraint(np.hstack([of_cell, -steps]), 0.0, 0.0),
            LinearConstraint(np.hstack([of_satellite, np.zeros((satellites, cells * most))]), 0, caps.beams * shares),
        ],
        bounds=Bounds(0.0, np.concatenate([np.full(links, np.inf), np.ones(cells * most)])),
        integrality=np.ones(links + cells * most),
    )
    assert solved.success
    assert sorted(made.rate_down_mbps) == pytest.approx(sorted(of_cell @ solved.x[:links] * 200.0 / shares), abs=1e-6)
