"""What is at fault on the command line of a study, and between shards."""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path

import pytest

from command_line import run_openleo
from openleo.study import keys, running
from openleo.study.compute import Outcome
from openleo.study.reading import read_study
from openleo.study.store import Store
from study_files import SEEDS, small

ROW = {"territory": "LUX", "under": "rules", "class": "fixed", "served": 1.0}


def shard(path: Path, folder: Path, numbers: list[int], served: float = 1.0) -> Store:
    """A folder with results that nobody computed."""
    store = running.store_of(folder)
    for one in running.asked_of(read_study(path)):
        if one.run.number in numbers:
            store.keep(Outcome(one.address, ({**ROW, "served": served},), 0.1))
    return store


def test_more_runs_than_allowed_are_asked_for_with_the_estimate(tmp_path: Path) -> None:
    path = small(tmp_path, SEEDS.format(count=1000), "most_runs = 100")
    done = run_openleo("study", path, "--out", tmp_path / "out", "--workers", 2)
    assert done.code == 2
    assert "comes to 1,000 runs, more than most_runs (100): about " in done.err
    assert "on 2 workers, and 4 MB" in done.err
    assert "--yes" in done.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--shard", "0/4"), "--shard 0/4: is no shard"),
        (("--shard", "5/4"), "is no shard"),
        (("--shard", "1"), "is no shard"),
        (("--shard", "1/2", "--merge", "x"), "--merge: was given with --shard"),
        (("--cluster", "tcp://127.0.0.1:1", "--workers", 2), "--cluster: was given with --workers"),
        (("--executor", "thread"), "there is no such executor. Did you mean threads?"),
        (("--merge", "nowhere"), "there is no such folder"),
        (("--cluster", "nonsense"), "--cluster nonsense: is no address of a scheduler."),
    ],
)
def test_options_at_fault(tmp_path: Path, options: tuple[object, ...], said: str) -> None:
    done = run_openleo("study", small(tmp_path), "--out", tmp_path / "out", *options)
    assert done.code == 2
    assert said in done.err


@pytest.mark.parametrize(
    ("head", "factors", "said"),
    [
        ("", SEEDS.format(count=0), "factor[0].count: is 0"),
        ("", SEEDS.replace("count = {count}", "values = []"), "factor[0].values: is []"),
        ('kind = "withdrawl"', SEEDS.format(count=2), "Did you mean withdrawal?"),
    ],
)
def test_files_at_fault(tmp_path: Path, head: str, factors: str, said: str) -> None:
    done = run_openleo("study", small(tmp_path, factors, head), "--out", tmp_path / "out")
    assert done.code == 2
    assert said in done.err
    assert not (tmp_path / "out").exists()


def test_a_run_that_was_cut_in_half_is_computed_again_and_none_is_taken_from_a_shard(tmp_path: Path) -> None:
    path = small(tmp_path)
    store = shard(path, tmp_path / "out", [0, 1, 2, 3])
    half = next(store.own.glob("??/*.json"))
    half.write_bytes(half.read_bytes()[:100])
    done = run_openleo("study", path, "--out", tmp_path / "merged", "--merge", tmp_path / "out")
    assert done.code == 2
    assert not (tmp_path / "merged" / "dataset.parquet").exists()
    done = run_openleo("study", path, "--out", tmp_path / "out")
    assert done.code == 0, done.err
    assert "3 of 4 runs are there, 3 from before" in done.err
    assert len(json.loads(half.read_bytes())["sha256"]) == 64


def test_a_full_disk_leaves_no_half_of_a_file(tmp_path: Path) -> None:
    """As with a disk, a file may grow to 200 bytes and no further."""
    path = small(tmp_path)
    allowed = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, allowed[1]))
    try:
        done = run_openleo("study", path, "--out", tmp_path / "out", "--workers", 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, allowed)
    assert done.code == 2
    assert "cannot be written: File too large" in done.err
    assert [one for one in (tmp_path / "out").rglob("*") if one.is_file()] == []


def test_shards_are_merged_and_an_overlap_is_told(tmp_path: Path) -> None:
    path = small(tmp_path)
    for name, numbers in (("a", [0, 1, 2]), ("b", [2, 3])):
        shard(path, tmp_path / name, numbers)
    merge = ("study", path, "--out", tmp_path / "out", "--merge", tmp_path / "a", "--merge", tmp_path / "b")
    done = run_openleo(*merge)
    assert done.code == 0, done.err
    assert "Taken: 4 runs.\n1 run stood in several folders, with the same results: taken once." in done.err
    assert (tmp_path / "out" / "dataset.parquet").exists()
    again = run_openleo(*merge)
    assert (again.code, "Taken: 0 runs." in again.err) == (0, True), again.err


def test_a_shard_that_is_missing_or_given_twice_or_the_place_itself(tmp_path: Path) -> None:
    path = small(tmp_path)
    shard(path, tmp_path / "a", [0, 2])
    merge = ("study", path, "--out", tmp_path / "out", "--merge", tmp_path / "a")
    done = run_openleo(*merge, "--merge", tmp_path / "b" / ".." / "a", "--merge", tmp_path / "out")
    assert done.code == 2
    assert "is given twice" in done.err
    assert "is where the study is put together" in done.err
    done = run_openleo(*merge)
    assert done.code == 2
    assert "2 of 4 runs are in none of the folders: 1, 3." in done.err


def test_shards_that_contradict_each_other_or_are_not_whole_change_nothing(tmp_path: Path) -> None:
    path = small(tmp_path)
    shard(path, tmp_path / "a", [0, 1])
    shard(path, tmp_path / "b", [1, 2], served=0.5)
    broken = shard(path, tmp_path / "c", [3])
    file = next((tmp_path / "c").rglob("*.json"))
    file.write_text(file.read_text()[:-5])
    words = [word for name in "abc" for word in ("--merge", tmp_path / name)]
    done = run_openleo("study", path, "--out", tmp_path / "out", *words)
    assert done.code == 2
    assert "has other results of run 1 than" in done.err
    assert "holds results of run 3 that are not whole" in done.err
    assert not list(Store(tmp_path / "out", broken.version).addresses())


def test_shards_of_another_version_and_of_another_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = small(tmp_path)
    shard(path, tmp_path / "a", [0, 1, 2, 3])
    (tmp_path / "empty").mkdir()
    other = small(tmp_path, SEEDS.format(count=2))
    done = run_openleo("study", other, "--out", tmp_path / "out", "--merge", tmp_path / "a")
    assert (done.code, "2 runs there are of no run of this study" in done.err) == (0, True), done.err
    monkeypatch.setattr(keys, "version", lambda: "0.0.9-other")
    monkeypatch.setattr(running, "version", lambda: "0.0.9-other")
    words = ("--merge", tmp_path / "a", "--merge", tmp_path / "empty", "--json")
    done = run_openleo("study", other, "--out", tmp_path / "out", *words)
    assert done.code == 2
    said = [one["rule"] for one in json.loads(done.out)["problems"]]
    assert said[0].startswith("holds 4 runs of 0.1.0-")
    assert "results of two versions are not mixed" in said[0]
    assert said[1] == "holds no results of runs."
    assert "of another version (0.1.0-" in done.err


@pytest.mark.slow  # it waits for an answer
def test_a_scheduler_that_is_not_there(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    begun = time.monotonic()
    done = run_openleo("study", small(tmp_path), "--out", tmp_path / "out", "--cluster", "tcp://127.0.0.1:9")
    assert done.code == 2, done.err
    assert "no Dask scheduler answers there within 5 s" in done.err
    assert time.monotonic() - begun < 20.0
    done = run_openleo("study", small(tmp_path), "--out", tmp_path / "out", "--cluster", "nonsense://x")
    assert done.code == 2, done.err
