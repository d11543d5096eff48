"""The recipes of examples/cluster, run with a scheduler's variables set by hand: shards of one study, and a cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from example_programs import example
from study_files import SEEDS, small

CLUSTER = Path(__file__).parents[2] / "examples" / "cluster"
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def job(*command: object, **variables: str) -> None:
    done = subprocess.run(
        [str(word) for word in command], env={**os.environ, "PATH": PATH, **variables}, capture_output=True, text=True,
        timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.slow  # two processes begin
def test_a_slurm_array_and_an_indexed_job_are_the_shards_of_one_study(tmp_path: Path) -> None:
    """The first shard as SLURM starts it, the second as Kubernetes does: the last one writes the dataset."""
    path = small(tmp_path, SEEDS.format(count=2))
    out = tmp_path / "out"
    variables = {"SLURM_ARRAY_TASK_ID": "1", "SHARDS": "2"}
    job("sh", CLUSTER / "slurm_array.sh", path, out, **variables)
    assert not (out / "dataset.parquet").exists()
    lines = (CLUSTER / "kubernetes_job.yaml").read_text().splitlines()
    (shell,) = (line.strip().removeprefix("- ") for line in lines if "openleo study" in line)
    assert "completions: 64" in map(str.strip, lines)
    shell = shell.replace("/64", "/2").replace("/study/failures.toml", str(path)).replace("/study/out", str(out))
    job("sh", "-c", shell, JOB_COMPLETION_INDEX="1")
    assert (out / "dataset.parquet").exists()


class Jobs:
    """What dask-jobqueue's classes have, as far as the recipe asks; `LocalCluster` of its own was run by hand."""

    scheduler_address = "tcp://nobody.invalid:1"
    told: list[object]

    def __init__(self, **of_a_job: object) -> None:
        self.told = [of_a_job]
        type(self).last = self

    last: Jobs

    def __enter__(self) -> Jobs:
        return self

    def __exit__(self, *_: object) -> None:
        self.told.append("ended")

    def scale(self, jobs: int) -> None:
        self.told.append(jobs)

    def wait_for_workers(self, number: int) -> None:
        self.told.append(number)


def test_the_cluster_is_ended_and_the_exit_code_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def run(command: list[object]) -> subprocess.CompletedProcess[str]:
        asked.append([str(word) for word in command])
        return subprocess.CompletedProcess([], 2)

    recipe = example("cluster/slurm_dask")
    monkeypatch.setattr(recipe.subprocess, "run", run)
    assert recipe.main(Jobs, 3, ["study.toml"], cores=4) == 2
    assert asked[0][1:] == ["study", "study.toml", "--cluster", "tcp://nobody.invalid:1"]
    assert Jobs.last.told == [{"cores": 4}, 3, 1, "ended"]
