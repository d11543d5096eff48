"""What is at fault in a study file is told whole, in the user's words."""

from __future__ import annotations

from pathlib import Path

import pytest

from openleo.errors import InputError
from openleo.study.reading import read_study
from study_files import SCENARIO, SEEDS, small


def told(path: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_study(path)
    return [str(problem).replace(str(path.parent) + "/", "") for problem in caught.value.problems]


def factor(name: str, rest: str) -> str:
    return f'[[factor]]\nname = "{name}"\n{rest}\n'


def test_a_study_is_read(tmp_path: Path) -> None:
    read = read_study(small(tmp_path, SEEDS.format(count=1000)))
    assert len(read.plan) == 1000
    assert read.tables_of(read.plan.run(4).overrides)["failures"]["random"]["seed"] == 5


def test_every_problem_of_keys_and_values_is_told_at_once(tmp_path: Path) -> None:
    factors = (
        factor("seed", 'key = "failures.random.sead"\ncount = 3')
        + factor("mask", 'key = "links.user_elevation_deg"\nvalues = [25, "high", 30, 95]')
        + factor("system", 'key = "constellation.catalogue.name"\nvalues = ["starlink-shell1"]')
    )
    said = told(small(tmp_path, factors))
    assert len(said) == 1, "a place that cannot be set is told first"
    assert "constellation.catalogue" in said[0]
    said = told(small(tmp_path, factors.partition('[[factor]]\nname = "system"')[0]))
    assert said == [
        'study.toml: factor "seed": failures.random.sead: there is no key "sead" here. Did you mean seed?',
        'study.toml: factor "mask": links.user_elevation_deg: mask = "high": is \'high\': should be a valid number.',
        'study.toml: factor "mask": links.user_elevation_deg: mask = "95": is 95: should be less than or equal to 90.',
    ]


def test_what_a_value_names_is_looked_for_before_anything_is_computed(tmp_path: Path) -> None:
    factors = factor("system", 'key = "constellation.catalogue"\nvalues = ["starlink-shell1", "starlink-shel1"]')
    factors += factor("area", 'key = "ground.area"\nvalues = [["LUX"], ["LUY"]]')
    factors += '[[factor]]\nname = "rules"\n[factor.variants]\nnone = { "policy.rules" = "none.toml" }\n'
    said = told(small(tmp_path, factors))
    assert any('"system"' in one and "starlink-shell1" in one for one in said), said
    assert any('"area"' in one and "LUY" in one for one in said), said
    assert any("none.toml" in one for one in said), said


def test_factors_that_meet_are_refused(tmp_path: Path) -> None:
    factors = SEEDS.format(count=2) + factor("all", 'key = "failures.random"\nvalues = [{seed = 1}]')
    (said,) = told(small(tmp_path, factors))
    assert 'factor[1]: sets failures.random, of which factor "seed" (factor[0]) sets something, too.' in said


def test_a_list_of_unlike_lengths_a_bound_in_a_grid_and_more_than_can_be(tmp_path: Path) -> None:
    masks = factor("mask", 'key = "links.user_elevation_deg"\nvalues = [25, 30, 35]')
    assert "seed 4, mask 3" in told(small(tmp_path, SEEDS.format(count=4) + masks, 'plan = { kind = "list" }'))[0]
    between = factor("mask", 'key = "links.user_elevation_deg"\nbetween = [25, 30]')
    assert "only a sample draws" in told(small(tmp_path, between))[0]
    many = SEEDS.format(count=1_000_000) + masks
    assert "comes to 3,000,000 runs (1,000,000 × 3); a study has at most 1,000,000." in told(small(tmp_path, many))[0]


def test_faults_between_the_keys_of_the_study_are_told_together(tmp_path: Path) -> None:
    factors = (
        factor("served", 'key = "a..b"\ncount = 2\nvalues = [1]')
        + factor("x", "values = [1]")
        + factor("x", 'key = "links.chain"\nbetween = [3, 2]')
    )
    said = told(small(tmp_path, factors, 'plan = { kind = "grid", runs = 4 }'))
    for part in ("exactly one of", 'called "served"', '"a..b"', "needs a key", "between 3 and 2", "has runs"):
        assert any(part in one for one in said), (part, said)


def test_a_scenario_that_is_not_there_or_of_pairs_alone(tmp_path: Path) -> None:
    path = small(tmp_path)
    (tmp_path / "small.toml").write_text(f'conventions = "hypatia"\n{SCENARIO}')
    assert "only pairs of places" in told(path)[0]
    (tmp_path / "small.toml").unlink()
    assert told(path) == ["small.toml: there is no such file. Check the path."]
