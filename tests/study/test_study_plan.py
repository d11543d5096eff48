"""Which runs a study has."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import qmc

from openleo.study.overrides import place_of, with_overrides
from openleo.study.plan import Between, Counted, Factor, Level, Plan, shares

SEED = Factor("seed", Counted("failures.random.seed", 3))
MASK = Factor("mask", tuple(Level(deg, (("links.user_elevation_deg", deg),)) for deg in (25, 30, 35, 40)))
SHARE = Factor("share", Between("failures.random.satellites.share", 0.0, 0.5, whole=False))
PLANES = Factor("planes", Between("constellation.shell[0].planes", 3, 6, whole=True))


def test_a_latin_hypercube_against_scipys_discrepancy() -> None:
    """It fills the square more evenly than independent draws do, by SciPy's measure, nearly always."""
    both = {
        method: [
            qmc.discrepancy(np.column_stack([shares(seed, name, 64, method) for name in ("a", "b")]))
            for seed in range(40)
        ]
        for method in ("latin", "random")
    }
    assert np.mean(np.array(both["latin"]) < np.array(both["random"])) > 0.9


def test_a_latin_hypercube_draws_once_from_each_piece() -> None:
    found = shares(7, "mask", 100, "latin")
    assert sorted((found * 100).astype(int)) == list(range(100))


def test_a_grid_has_every_value_with_every_other_once_the_last_factors_first() -> None:
    runs = list(Plan((SEED, MASK)))
    assert [tuple(run.values.values()) for run in runs] == list(product((1, 2, 3), (25, 30, 35, 40)))
    assert runs[5].overrides == (("failures.random.seed", 2), ("links.user_elevation_deg", 30))
    assert [run.number for run in runs] == list(range(12))


def test_a_list_takes_values_together_and_one_alone_for_all() -> None:
    alone = Factor("alone", (Level("a", ()),))
    runs = list(Plan((SEED, alone, Factor("mask", MASK.levels[:3])), "list"))  # type: ignore[index]
    assert [tuple(run.values.values()) for run in runs] == [(1, "a", 25), (2, "a", 30), (3, "a", 35)]


def test_a_sample_is_the_same_again_and_one_more_factor_moves_no_other() -> None:
    first = Plan((SHARE, PLANES), "sample", 20, seed=3)
    more = Plan((MASK, SHARE, PLANES), "sample", 20, seed=3)
    assert [run.values for run in first] == [run.values for run in Plan((SHARE, PLANES), "sample", 20, seed=3)]
    assert [run.values["share"] for run in first] == [run.values["share"] for run in more]
    assert [run.values for run in first] != [run.values for run in Plan((SHARE, PLANES), "sample", 20, seed=4)]
    assert {run.values["planes"] for run in first} == {3, 4, 5, 6}
    assert all(0.0 <= float(run.values["share"]) <= 0.5 for run in first)


def test_a_study_of_millions_is_made_run_by_run() -> None:
    plan = Plan((Factor("seed", Counted("a", 1_000_000)), MASK))
    assert len(plan) == 4_000_000
    assert plan.run(3_999_999).values == {"seed": 1_000_000, "mask": 40}


@pytest.mark.parametrize("key", ["", ".", "a.", "a..b", "a[", "a[x]", "[0]", "a b", "a.[0]"])
def test_what_is_no_key(key: str) -> None:
    assert place_of(key) is None


def test_keys_are_set_in_a_copy() -> None:
    tables = {"constellation": {"shell": [{"planes": 3}, {"planes": 4}]}, "name": "x"}
    made = with_overrides(tables, [("constellation.shell[1].planes", 9), ("ground.area", ["LUX"])])
    assert made["constellation"] == {"shell": [{"planes": 3}, {"planes": 9}]}
    assert made["ground"] == {"area": ["LUX"]}
    assert tables["constellation"]["shell"][1] == {"planes": 4}  # type: ignore[index]
    for key in ("constellation.shell[2].planes", "name.first", "constellation.shell.planes"):
        with pytest.raises(KeyError):
            with_overrides(tables, [(key, 1)])
