"""A study whose processes are killed: nothing done is lost or done again, and the dataset is the same bytes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from command_line import run_openleo
from study_files import SEEDS, small

pytestmark = pytest.mark.slow
WAIT_S = 120.0
RUNS = 60
Kept = dict[str, tuple[int, int]]  # (inode, ns of the last change) by name: a file written again has others


def kept(out: Path) -> Kept:
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in out.glob("runs/*/??/*.json")}


def until(holds: Callable[[], bool], what: str) -> None:
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < WAIT_S, what
        time.sleep(0.02)


def start(*arguments: object, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, *map(str, arguments)]
    with log.open("wb") as file:
        return subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)


@contextlib.contextmanager
def running(*arguments: object, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = start(*arguments, log=log)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return small(tmp_path, SEEDS.format(count=RUNS))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The dataset of the same study, computed by one process that nobody ends."""
    folder = tmp_path_factory.mktemp("undisturbed")
    done = run_openleo("study", small(folder, SEEDS.format(count=RUNS)), "--out", folder / "out")
    assert done.code == 0, done.err
    return (folder / "out" / "dataset.parquet").read_bytes()


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_killed_twice_it_computes_only_what_is_missing(
    study: Path, tmp_path: Path, executor: str, undisturbed: bytes
) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    command = ("-m", "openleo", "study", study, "--out", out, "--executor", executor, "--workers", 2)
    before: Kept = {}
    for least in (4, 11):
        with running(*command, log=log) as process:
            until(lambda least=least: len(kept(out)) >= least or process.poll() is not None, log.read_text())  # type: ignore[misc]
            assert process.poll() is None, log.read_text()
            os.killpg(process.pid, signal.SIGKILL)
        now = kept(out)
        assert now.items() >= before.items(), "what was there was computed again"
        assert len(now) < RUNS
        assert not (out / "dataset.parquet").exists()
        before = now
    done = run_openleo("study", study, "--out", out)
    assert done.code == 0, done.err
    assert f"{len(before)} from before" in done.err
    assert kept(out).items() >= before.items()
    assert len(kept(out)) == RUNS
    assert (out / "dataset.parquet").read_bytes() == undisturbed


def test_a_dask_cluster_loses_a_worker_and_nothing_else(study: Path, tmp_path: Path, undisturbed: bytes) -> None:
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    out, file = tmp_path / "out", tmp_path / "scheduler.json"
    scheduler = ("-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard")
    worker = ("-m", "distributed.cli.dask_worker", "--scheduler-file", file, "--nthreads", 1, "--no-dashboard")
    worker = (*worker, "--no-nanny", "--local-directory", tmp_path)
    with contextlib.ExitStack() as open_:
        open_.enter_context(running(*scheduler, "--scheduler-file", file, log=tmp_path / "scheduler.log"))
        until(lambda: file.is_file() and bool(file.read_text()), (tmp_path / "scheduler.log").read_text())
        address = json.loads(file.read_text())["address"]
        first, _ = [open_.enter_context(running(*worker, log=tmp_path / f"worker-{one}.log")) for one in (1, 2)]
        log = tmp_path / "study.log"
        command = ("-m", "openleo", "study", study, "--out", out, "--cluster", address)
        process = open_.enter_context(running(*command, log=log))
        until(lambda: len(kept(out)) >= 4 or process.poll() is not None, "the cluster computed nothing")
        assert process.poll() is None, log.read_text()
        os.kill(first.pid, signal.SIGKILL)
        at_the_kill = len(kept(out))
        assert process.wait(WAIT_S) == 0, log.read_text()
    assert at_the_kill < RUNS
    assert len(kept(out)) == RUNS
    assert (out / "dataset.parquet").read_bytes() == undisturbed
