"""A study's report: from a dataset of known rows, what it says, and that it asks nobody for anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from openleo.report.study_page import findings, is_seed, render
from openleo.study import dataset
from openleo.study.plan import Between, Counted, Factor, Level, Plan, Run
from openleo.study.sides import Side, sides_of

MASK = Factor("mask <deg>", tuple(Level(value, (("links.user_elevation_deg", value),)) for value in (25, 40)))
SEED = Factor("seed", Counted("failures.random.seed", 5))
GRID = Plan((MASK, SEED))
TERRITORIES = {"LUX": 600_000, "TWN": 23_000_000}
Figures = Callable[[Run, str], dict[str, float | None]]


def row(territory: str, people: int, under: str, figures: dict[str, float | None]) -> dict[str, object]:
    nothing = dict.fromkeys(("not_permitted", "no_satellite", "no_gateway", "no_capacity"), 0.0)
    rates = {"down_mbps_p50": None, "up_mbps_p50": None}
    of = {"territory": territory, "under": under, "class": "fixed", "cells": 9, "population": people, "area_km2": 1e4}
    return {**of, "weighting": "population", "may_serve": 1.0, **nothing, **rates, **figures}


def table(plan: Plan, figures: Figures, sides: Iterable[str] = ("rules",), runs: int | None = None) -> pa.Table:
    schema = dataset.schema_of(plan.factors, dataset.about("small", "0", "small.toml"))
    rows = [
        {"run": run.number, **run.values, **row(territory, people, under, figures(run, territory))}
        for run in list(plan)[:runs]
        for under, (territory, people) in product(sides, TERRITORIES.items())
    ]
    return pa.Table.from_pylist(rows, schema=schema)


def by_mask(run: Run, territory: str) -> dict[str, float | None]:
    """Taiwan's share falls by the mask, and a little by the seed; Luxembourg has all in every run."""
    served = 1.0
    if territory == "TWN":
        served = (0.95 if run.values["mask <deg>"] == 25 else 0.8) + 0.01 * (int(run.values["seed"]) - 3)
    return {"can_serve": served, "served": served, "rtt_ms_p50": 20.0, "rtt_ms_p95": 25.0}


def side_of(plan: Plan, figures: Figures) -> Side:
    return sides_of(table(plan, figures))[0]


def test_a_run_as_a_whole_is_weighted_by_its_people() -> None:
    side = side_of(GRID, by_mask)
    first = (600_000 * 1.0 + 23_000_000 * 0.93) / 23_600_000
    assert side.whole("served")[0] == pytest.approx(first)
    assert side.whole("rtt_ms_p50") == pytest.approx(np.full(10, 20.0))
    assert np.isnan(side.whole("down_mbps_p50")).all()


def test_a_round_trip_is_weighted_by_who_is_served() -> None:
    def figures(run: Run, territory: str) -> dict[str, float | None]:
        alone = territory == "LUX"
        return {"can_serve": 1.0, "served": float(alone), "rtt_ms_p50": 20.0 if alone else None, "rtt_ms_p95": None}

    side = side_of(GRID, figures)
    assert side.whole("rtt_ms_p50") == pytest.approx(np.full(10, 20.0))


def test_rows_in_any_order_give_the_same_page() -> None:
    rows = table(GRID, by_mask)
    again = rows.take(np.random.default_rng(1).permutation(len(rows)))
    ours, theirs = sides_of(rows)[0], sides_of(again)[0]
    assert ours.whole("served") == pytest.approx(theirs.whole("served"))
    assert render("small", GRID, rows) == render("small", GRID, rows)


def test_the_words_say_how_much_and_what_moves_it() -> None:
    said = list(findings(side_of(GRID, by_mask), ["seed"]))
    assert said[0].startswith("87.8 % of people × time is served in the median run")
    assert said[1] == "mask <deg> moves the share served most: from 80.5 % (at 40) to 95.1 % (at 25)."


def test_the_page_has_every_part_and_asks_for_nothing() -> None:
    page = render("small", GRID, table(GRID, by_mask))
    assert "<script" not in page
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", page)
    assert page.count("<img ") == 3, "bars, panels of Taiwan, and a distribution"
    assert "Panels for Taiwan." in page
    assert "The same in all runs: Luxembourg." in page
    assert "mask &lt;deg&gt;" in page
    assert "mask <deg>" not in page
    assert "served: mask &lt;deg&gt; from 80.5 % at 40 to 95.1 % at 25, chance from" in page


def test_what_does_not_vary_is_told_and_not_drawn() -> None:
    page = render("small", GRID, table(GRID, lambda *_: {"can_serve": 1.0, "served": 1.0, "rtt_ms_p50": 20.0}))
    assert "<img " not in page
    assert "100.0 % is served in all 10 runs." in page
    assert "Nothing: no figure differs between runs." in page


def test_nobody_served_in_some_runs_is_no_round_trip_there() -> None:
    def figures(run: Run, territory: str) -> dict[str, float | None]:
        there = run.values["mask <deg>"] == 25
        rtt = 20.0 + 0.1 * run.number if there else None
        return {"can_serve": float(there), "served": float(there), "rtt_ms_p50": rtt, "rtt_ms_p95": rtt}

    page = render("small", GRID, table(GRID, figures))
    assert page.count("<img ") > 3
    assert "nan" not in page


def test_one_run_is_no_distribution() -> None:
    page = render("small", GRID, table(GRID, by_mask, runs=1))
    assert "One run: 93.2 % is served. A distribution takes several." in page
    assert "1 run of its 10" in page
    assert "<img " not in page


def test_seeds_alone_are_drawn_as_how_many_runs_have_how_much() -> None:
    plan = Plan((SEED,))

    def figures(run: Run, territory: str) -> dict[str, float | None]:
        served = 0.9 + 0.01 * int(run.values["seed"])
        return {"can_serve": served, "served": served, "rtt_ms_p50": 20.0, "rtt_ms_p95": 25.0}

    page = render("small", plan, table(plan, figures))
    assert "how many runs have how much" in page
    assert "moves the share served most" not in page


def test_a_sample_whose_runs_all_differ_cannot_tell_chance() -> None:
    plan = Plan(
        (Factor("mask <deg>", Between("links.user_elevation_deg", 25.0, 45.0, whole=False)), SEED), "sample", 20
    )

    def figures(run: Run, territory: str) -> dict[str, float | None]:
        served = 1.0 - 0.01 * (float(run.values["mask <deg>"]) - 25.0)
        return {"can_serve": served, "served": served, "rtt_ms_p50": 20.0, "rtt_ms_p95": 25.0}

    page = render("small", plan, table(plan, figures))
    assert "What seeds alone do (seed) cannot be told apart" in page


def test_both_rule_sets_have_their_sections() -> None:
    page = render("small", GRID, table(GRID, by_mask, ("rules", "compare")))
    assert "All territories (rules, fixed)" in page
    assert "All territories (the second rule set, fixed)" in page
    ids = re.findall(r'id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_a_list_says_that_its_factors_move_together() -> None:
    other = Factor("other", tuple(Level(value, (("a.b", value),)) for value in ("x", "y")))
    plan = Plan((MASK, other), "list")

    def figures(run: Run, territory: str) -> dict[str, float | None]:
        return {"can_serve": 1.0, "served": 0.5 + 0.1 * run.number, "rtt_ms_p50": 20.0, "rtt_ms_p95": 25.0}

    assert "The factors of this study move together" in render("small", plan, table(plan, figures))


def test_what_sets_a_seed_beside_something_else_is_a_choice() -> None:
    both = Factor("both", (Level("a", (("failures.random.seed", 1), ("links.user_elevation_deg", 25))),))
    assert is_seed(SEED)
    assert not is_seed(both)
    assert not is_seed(MASK)


def test_more_territories_than_panels_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openleo.report.study_page.MOST_PANELS", 1)
    page = render("small", GRID, table(GRID, by_mask))
    assert "The 1 that move most; 1 more are in the table." in page
    assert "Panels for Taiwan." in page
