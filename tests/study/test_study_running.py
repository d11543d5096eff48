"""What is there is not computed again, and everything that computes gives the same bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from command_line import run_openleo
from openleo.errors import InputError, Problem
from openleo.study import dataset, execute, keys, running
from openleo.study.compute import Outcome, Task
from openleo.study.executors import Pool
from openleo.study.reading import read_study
from openleo.study.store import Store
from study_files import SEEDS, small

ROW = {"territory": "LUX", "under": "rules", "class": "fixed", "served": 1.0}


class Counting:
    """Computes nothing, and remembers for what it was asked. Seeds of `wrong` are at fault."""

    def __init__(self, wrong: tuple[int, ...] = (), most: int = 1_000_000):
        self.seeds: list[int] = []
        self.wrong = wrong
        self.most = most

    def __call__(self, task: Task) -> Outcome:
        seed = task.tables["failures"]["random"]["seed"]
        if len(self.seeds) == self.most:
            raise KeyboardInterrupt
        self.seeds.append(seed)
        if seed in self.wrong:
            return Outcome(task.address, problems=(Problem("small.toml", "failures", "is at fault."),))
        return Outcome(task.address, ({**ROW, "served": 1.0 / seed},), 0.1)


def compute(path: Path, folder: Path, counting: Counting, runs: int | None = None) -> list[running.Progress]:
    read, told = read_study(path), list[running.Progress]()
    with ThreadPoolExecutor(1) as executor:
        asked, store = running.asked_of(read, runs=runs), running.store_of(folder)
        running.compute_missing(read, asked, store, Pool(executor, 2, 1), told.append, counting)
    return told


def test_what_was_done_is_not_done_again(tmp_path: Path) -> None:
    path, out = small(tmp_path, SEEDS.format(count=20)), tmp_path / "out"
    first = Counting(most=7)
    with pytest.raises(KeyboardInterrupt):
        compute(path, out, first)
    kept = len(list(out.rglob("*.json")))
    assert kept in (6, 7), "what was with the executor when it ended may be lost, and nothing before it"
    second = Counting()
    told = compute(path, out, second)
    assert len(second.seeds) == 20 - kept
    assert (told[0].before, told[0].left) == (kept, 20 - kept)
    assert (told[-1].computed, told[-1].left, told[-1].all) == (20 - kept, 0, 20)
    third = Counting()
    compute(path, out, third)
    assert third.seeds == []


def test_a_study_made_larger_computes_what_is_new(tmp_path: Path) -> None:
    out = tmp_path / "out"
    compute(small(tmp_path, SEEDS.format(count=5)), out, Counting())
    more = Counting()
    compute(small(tmp_path, SEEDS.format(count=8)), out, more)
    assert sorted(more.seeds) == [6, 7, 8]


def test_runs_that_are_the_same_are_computed_once(tmp_path: Path) -> None:
    factor = '[[factor]]\nname = "seed"\nkey = "failures.random.seed"\nvalues = [3, 4, 3]\n'
    counting = Counting()
    compute(small(tmp_path, factor), tmp_path / "out", counting)
    assert sorted(counting.seeds) == [3, 4]


def test_results_of_another_version_are_told_and_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, out = small(tmp_path, SEEDS.format(count=3)), tmp_path / "out"
    compute(path, out, Counting())
    monkeypatch.setattr(keys, "version", lambda: "0.0.9-other")
    monkeypatch.setattr(running, "version", lambda: "0.0.9-other")
    again = Counting()
    compute(path, out, again)
    assert sorted(again.seeds) == [1, 2, 3]
    assert list(running.store_of(out).others().values()) == [3]


def test_runs_at_fault_are_told_with_their_values_when_the_others_are_done(tmp_path: Path) -> None:
    path, out = small(tmp_path, SEEDS.format(count=6)), tmp_path / "out"
    with pytest.raises(InputError) as caught:
        compute(path, out, Counting(wrong=(2, 5)))
    assert [one.where for one in caught.value.problems] == ["run 1 (seed = 2): failures", "run 4 (seed = 5): failures"]
    assert len(list(out.rglob("*.json"))) == 4
    with pytest.raises(InputError, match="so many at fault"):
        compute(small(tmp_path, SEEDS.format(count=60)), out, Counting(wrong=tuple(range(1, 61))))


def test_what_breaks_is_told_with_its_run_and_loses_nothing_that_came_with_it(tmp_path: Path) -> None:
    path, out = small(tmp_path, SEEDS.format(count=5)), tmp_path / "out"

    class Breaking(Counting):
        def __call__(self, task: Task) -> Outcome:
            if task.tables["failures"]["random"]["seed"] == 3:
                raise ZeroDivisionError
            return super().__call__(task)

    with pytest.raises(ZeroDivisionError) as error:
        compute(path, out, Breaking())
    assert error.value.__notes__ == ["While run 2 (seed = 3) was computed."]
    assert len(list(out.rglob("*.json"))) >= 2


def test_outcomes_that_came_with_a_fault_are_given_first() -> None:
    class AtOnce(Executor):
        def submit(self, fn, /, *args, **kwargs):
            made = Future()
            try:
                made.set_result(fn(*args))
            except ZeroDivisionError as error:
                made.set_exception(error)
            return made

    def broken(task: Task) -> Outcome:
        return Outcome(task.address, seconds=1.0 / (task.address != "b"))

    given = execute.outcomes([Task(name, {}, "", None) for name in "abc"], AtOnce(), 3, broken)
    assert {next(given).address, next(given).address} == {"a", "c"}
    with pytest.raises(ZeroDivisionError) as error:
        next(given)
    assert error.value.__notes__ == ["While the run b was computed."]


def test_an_executor_has_a_bounded_number_of_tasks(tmp_path: Path) -> None:
    asked = []

    def tasks() -> object:
        for number in range(50):
            asked.append(number)
            yield Task(str(number), {}, "", None)

    with ThreadPoolExecutor(1) as executor:
        found = execute.outcomes(tasks(), executor, 4, lambda task: Outcome(task.address))  # type: ignore[arg-type]
        next(found)
        assert len(asked) <= 4
        assert len(list(found)) == 49


@pytest.mark.parametrize(("task_s", "together"), [(0.12, 4), (2.0, 1), (0.0, execute.MOST_TOGETHER)])
def test_short_tasks_are_handed_out_together_once_it_is_known_that_they_are(task_s: float, together: int) -> None:
    handed: list[int] = []

    class Counted(ThreadPoolExecutor):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            handed.append(len(args[1]))
            return super().submit(fn, *args, **kwargs)

    tasks = [Task(str(number), {}, "", None) for number in range(500)]
    with Counted(2) as executor:
        found = list(execute.outcomes(tasks, executor, 10_000, lambda task: Outcome(task.address, (), task_s), 0.5))
    assert sorted(int(one.address) for one in found) == list(range(500))
    assert handed[: execute.FIRST] == [1] * execute.FIRST
    assert set(handed[execute.FIRST : -1]) == {together}


def test_a_dataset_has_the_factors_and_is_laid_out_by_run_and_territory(tmp_path: Path) -> None:
    factors = SEEDS.format(count=2) + (
        '[[factor]]\nname = "sky"\n[factor.variants]\nall = { "links.chain" = true }\nfew = { "links.chain" = false }\n'
    )
    path, out = small(tmp_path, factors), tmp_path / "out"
    compute(path, out, Counting())
    read = read_study(path)
    file = tmp_path / "dataset.parquet"
    running.write_dataset(read, running.asked_of(read), running.store_of(out), file)
    table = pq.read_table(file)
    assert table.column_names[:4] == ["run", "seed", "sky", "territory"]
    assert table.column("sky").to_pylist() == ["all", "few", "all", "few"]
    assert dataset.factors_of(table) == ["seed", "sky"]
    found = dataset.to_xarray(file)
    assert found["served"].dims == ("run", "territory")
    np.testing.assert_array_equal(found["served"].sel(territory="LUX"), [1.0, 1.0, 0.5, 0.5])
    assert found["served"].groupby("seed").mean().sel(seed=2).item() == 0.5
    assert found.attrs["study"] == "seeds"


@pytest.mark.slow
def test_threads_processes_and_shards_give_the_same_bytes(tmp_path: Path) -> None:
    path = small(tmp_path, SEEDS.format(count=6))

    def bytes_of(folder: Path, *options: object) -> bytes:
        done = run_openleo("study", path, "--out", folder, *options)
        assert done.code == 0, done.err
        return (folder / "dataset.parquet").read_bytes()

    one = bytes_of(tmp_path / "one", "--workers", 1)
    assert bytes_of(tmp_path / "two", "--workers", 2) == one
    assert bytes_of(tmp_path / "processes", "--workers", 2, "--executor", "processes") == one
    shards = [tmp_path / f"shard-{number}" for number in (1, 2, 3)]
    for number, folder in enumerate(shards, start=1):
        done = run_openleo("study", path, "--out", folder, "--shard", f"{number}/3", "--json")
        assert (done.code, done.json["missing"]) == (0, 4), done.err
        assert not (folder / "dataset.parquet").exists()
    merged = [word for folder in shards for word in ("--merge", folder)]
    assert bytes_of(tmp_path / "merged", *merged) == one
    # What a run gives is what `openleo plan` gives.
    (tmp_path / "alone.toml").write_text((tmp_path / "small.toml").read_text().replace("seed = 1", "seed = 4"))
    plan = run_openleo("plan", tmp_path / "alone.toml", "--slots", 4, "--json", "--out", tmp_path / "plan").json
    row = pq.read_table(tmp_path / "one" / "dataset.parquet").to_pylist()[3]
    (territory,) = plan["territories"]
    assert {name: row[name] for name in ("can_serve", "served", "rtt_ms_p50", "rtt_ms_p95", "cells")} == {
        name: territory[name] for name in ("can_serve", "served", "rtt_ms_p50", "rtt_ms_p95", "cells")
    }
    served = {one["served"] for one in pq.read_table(tmp_path / "one" / "dataset.parquet").to_pylist()}
    assert len(served) > 1, "some draws leave nobody in view"


def test_a_summary_and_what_is_said_of_it(tmp_path: Path) -> None:
    path, out = small(tmp_path, SEEDS.format(count=3)), tmp_path / "out"
    compute(path, out, Counting())
    done = run_openleo("study", path, "--out", out, "--json")
    assert done.code == 0, done.err
    assert done.json == json.loads((out / "study.json").read_text())
    (row,) = done.json["territories"]
    assert row["served"] == {"min": 0.333333, "p5": 0.35, "p50": 0.5, "p95": 0.95, "max": 1.0, "mean": 0.611111}
    assert row["rtt_ms_p50"] is None
    shown = run_openleo("study", path, "--out", out)
    assert "50.0% (35.0% to 95.0%)" in shown.out
    assert isinstance(running.store_of(out), Store)
