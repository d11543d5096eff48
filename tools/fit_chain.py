"""Fit the constants of the chain on measured medians, and say how far they can be trusted.

    python tools/fit_chain.py examples/score.toml measured.csv

Computes the ways to the PoPs once (they do not depend on the constants), then finds the constants with the least mean
absolute error over territories. No territory has a constant of its own. Prints the values with their bootstrap errors,
the error on territories left out (k-fold), and a naive model of distance fitted on the same folds. Deterministic.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from openleo.network.chain import ROUND_TRIP_MS_PER_KM, Constants, read_constants
from openleo.network.pop_reach import served_cells, trips
from openleo.network.reach import cell_users
from openleo.places.areas import Area, parts_of
from openleo.results import labels_of_cells
from openleo.scenario import Scenario
from openleo.score import SLOW_MS, least_absolute_line, least_squares_line, read_measured
from openleo.scoring import naive_distances_km

Floats = NDArray[np.float64]
FITTED = ("scheduling_ms", "way_stretch")
STARTS = ((12.0, 1.4), (16.0, 1.2))
POINTS = 300  # of a territory's ways, by their weights
JITTER = (2.0 * np.arange(7) + 1.0) / 7.0 - 1.0  # evenly from −1 to 1
FOLDS, DRAWS, SEED = 9, 200, 20260915


def ways_of(scenario: Path, measured: Path) -> tuple[list[str], Floats, list[tuple[Floats, Floats]], Floats]:
    """(territories, measured ms, (space ms, fibre ms) points of equal weight of each, km from centre to PoP)."""
    rows = read_measured(measured)
    case = Scenario.load(scenario).case
    parts = parts_of(Area(tuple(row.iso3 for row in rows)), case.resolution)
    centre_km = naive_distances_km(case.network, parts, [row.iso3 for row in rows])
    parts = parts.select(parts.people > 0.0)
    labels, people = labels_of_cells(parts)
    served = served_cells(case.network, parts.cells, labels, people)
    users_of = lambda which: cell_users(case.network, parts.cells[which])  # noqa: E731
    chunks = list(trips(case.network, case.grid, users_of, served))
    path_km = np.concatenate([one.path_km for one in chunks]).astype(np.float64)
    fibre_km = np.concatenate([one.fibre_km for one in chunks]).astype(np.float64)
    territory = parts.territory.astype(str)
    points = []
    for row in rows:
        mine = np.flatnonzero(territory == row.iso3)
        path, fibre = path_km[:, parts.cell[mine]], fibre_km[:, parts.cell[mine]]
        weight = np.broadcast_to(parts.people[mine], path.shape)
        there = np.isfinite(path)
        space_ms = ROUND_TRIP_MS_PER_KM * (path[there] - fibre[there])
        points.append(_thinned(space_ms, ROUND_TRIP_MS_PER_KM * fibre[there], weight[there]))
    return [row.iso3 for row in rows], np.array([row.rtt_ms for row in rows]), points, centre_km


def _thinned(space_ms: Floats, fibre_ms: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """So many points of equal weight that stand for all, taken evenly along the sums."""
    if len(space_ms) == 0:
        return np.full(1, np.inf), np.zeros(1)
    order = np.argsort(space_ms + fibre_ms, kind="stable")
    upto = np.cumsum(weight[order])
    at = order[np.searchsorted(upto, (np.arange(POINTS) + 0.5) / POINTS * upto[-1])]
    return space_ms[at], fibre_ms[at]


def modelled(points: list[tuple[Floats, Floats]], known: Constants, constants: Floats) -> Floats:
    """The median round trip of each territory. `known`: for the constants that are not fitted."""
    scheduling, stretch = constants
    medians = [
        np.median((stretch * space + fibre)[:, np.newaxis] + known.jitter_ms * JITTER) for space, fibre in points
    ]
    return np.array(medians) + scheduling + known.pop_ms


def fit(model: Callable[[Floats], Floats], measured_ms: Floats, which: NDArray[np.intp]) -> Floats:
    """The constants with the least mean absolute error over some territories."""

    def error(constants: Floats) -> float:
        return float(np.abs(model(constants)[which] - measured_ms[which]).mean())

    found = [
        minimize(error, start, method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-5, "maxiter": 400})
        for start in STARTS
    ]
    return np.asarray(min(found, key=lambda one: one.fun).x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", type=Path)
    parser.add_argument("measured", type=Path)
    given = parser.parse_args()
    names, measured_ms, points, centre_km = ways_of(given.scenario, given.measured)
    constants, _, _ = read_constants()
    model = partial(modelled, points, constants)
    everyone = np.arange(len(names))
    best = fit(model, measured_ms, everyone)
    generator = np.random.default_rng(SEED)
    drawn = np.array([fit(model, measured_ms, generator.integers(0, len(names), len(names))) for _ in range(DRAWS)])
    print(f"{len(names)} territories; ways by {given.scenario}")
    for name, value, error in zip(FITTED, best, drawn.std(axis=0), strict=True):
        print(f"{name:14} = {value:7.3f} ± {error:.3f}")
    print("correlation of the two:", round(float(np.corrcoef(drawn.T)[0, 1]), 2))
    lines = {"by least squares": least_squares_line, "by least absolute error": least_absolute_line}
    left_out, x = np.empty(len(names)), centre_km / 1000.0
    naive = {label: np.empty(len(names)) for label in lines}
    for fold in range(FOLDS):
        test = everyone % FOLDS == fold
        left_out[test] = model(fit(model, measured_ms, everyone[~test]))[test]
        for label, line in lines.items():
            at_zero, slope = line(x[~test], measured_ms[~test])
            naive[label][test] = at_zero + slope * x[test]
    own = {label: line(x, measured_ms) for label, line in lines.items()}
    _tell("fitted rows", measured_ms, model(best), {label: a + b * x for label, (a, b) in own.items()})
    _tell(f"{FOLDS}-fold", measured_ms, left_out, naive)


def _tell(label: str, measured_ms: Floats, chain_ms: Floats, naive: dict[str, Floats]) -> None:
    slow, said, size = measured_ms > SLOW_MS, chain_ms > SLOW_MS, np.abs(chain_ms - measured_ms)
    balanced = (said[slow].mean() + (~said[~slow]).mean()) / 2.0
    print(f"{label}: mean absolute error {size.mean():.3f} ms, median {np.median(size):.3f}, ", end="")
    print(f"balanced accuracy above {SLOW_MS:g} ms {balanced:.3f}")
    for which, naive_ms in naive.items():
        print(f"    distance alone, fitted {which}: {np.abs(naive_ms - measured_ms).mean():.3f} ms")


if __name__ == "__main__":
    main()
