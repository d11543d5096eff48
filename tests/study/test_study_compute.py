"""One run: what is recorded of it, and what is refused before it is computed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from openleo.study.compute import compute_task
from openleo.study.dataset import to_xarray
from openleo.study.reading import read_study
from openleo.study.running import asked_of, store_of, task_of, write_dataset
from study_files import SCENARIO, small

EXAMPLES = Path(__file__).parents[2] / "examples" / "studies"
RULE = """
schema = 1
book = "operator"
[[rule]]
id = "lux"
effect = "{effect}"
territory = {{ in = "LUX" }}
authority = "operator"
reason = "said so"
{more}
"""
RULES = """
[[factor]]
name = "rules"
[factor.variants]
permitted = { "policy.rules" = "permit.toml", "policy.compare" = ["permit.toml", "suspend.toml"] }
withdrawn = { "policy.rules" = ["permit.toml", "suspend.toml"], "policy.compare" = "permit.toml" }
"""


def test_rules_as_variants_are_recorded_under_both_sets_for_every_class(tmp_path: Path) -> None:
    (tmp_path / "permit.toml").write_text(RULE.format(effect="permit", more=""))
    suspend = 'emergency = "keep"\nuntil = 2027-01-01T00:00:00Z'
    (tmp_path / "suspend.toml").write_text(RULE.format(effect="suspend", more=suspend).replace('"lux"', '"lux-off"'))
    read = read_study(small(tmp_path, RULES, scenario=SCENARIO.replace("0.95", "0.0")))
    store = store_of(tmp_path / "out")
    for one in asked_of(read):
        done = compute_task(task_of(read, one))
        assert done.problems == ()
        store.keep(done)
    file = tmp_path / "dataset.parquet"
    write_dataset(read, asked_of(read), store, file)
    found = to_xarray(file)
    meaning = "Median round trip to the Internet, of what is served."
    assert found.rtt_ms_p50.attrs == {"units": "ms", "long_name": meaning}
    assert found["served"].dims == ("run", "territory", "under", "class")
    may = found["may_serve"].sel(territory="LUX").set_index(run="rules")
    told = {
        (rules, under, class_): may.sel(run=rules, under=under, **{"class": class_}).item()
        for rules in ("permitted", "withdrawn")
        for under in ("rules", "compare")
        for class_ in ("fixed", "emergency")
    }
    assert told == {
        ("permitted", "rules", "fixed"): 1.0,
        ("permitted", "rules", "emergency"): 1.0,
        ("permitted", "compare", "fixed"): 0.0,
        ("permitted", "compare", "emergency"): 1.0,
        ("withdrawn", "rules", "fixed"): 0.0,
        ("withdrawn", "rules", "emergency"): 1.0,
        ("withdrawn", "compare", "fixed"): 1.0,
        ("withdrawn", "compare", "emergency"): 1.0,
    }


def test_a_worker_with_another_version_or_other_files_computes_nothing(tmp_path: Path) -> None:
    read = read_study(small(tmp_path))
    task = task_of(read, asked_of(read)[0])
    (problem,) = compute_task(replace(task, address="0" * 64)).problems
    assert "another openleo, or other files" in problem.rule


@pytest.mark.parametrize(("name", "runs"), [("failures-shell1", 1000), ("masks-and-failures", 200)])
def test_the_examples_are_read(name: str, runs: int) -> None:
    read = read_study(EXAMPLES / f"{name}.toml")
    assert len(read.plan) == runs
    assert len({one.address for one in asked_of(read, runs=20)}) == 20


def test_the_thousand_failures_are_a_distribution() -> None:
    read = replace(read_study(EXAMPLES / "failures-shell1.toml"), slots=40)
    served = [compute_task(task_of(read, one)).rows[0]["served"] for one in asked_of(read, runs=4)]
    assert len(set(served)) == 4
    assert all(0.6 < share < 0.99 for share in served)
