"""Where runs are computed: threads of this process, processes of this machine, workers of a Dask cluster."""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from openleo.errors import InputError, Problem

Kind = Literal["threads", "processes"]
KINDS: tuple[Kind, ...] = ("threads", "processes")
AHEAD = 2  # tasks that wait for each worker, so that none of them waits for one
AHEAD_OF_A_CLUSTER = 10_000  # tasks at a time: a cluster grows and shrinks while it works
HAND_OUT_S = 0.5  # of a cluster, whose scheduler needs some 3 ms for each: what is lost with a worker at most
TIMEOUT_S = 5.0
WAYS_TO_A_CLUSTER = "docs/how-to/studies.md says how to start one."


@dataclass(frozen=True)
class Pool:
    """An executor, and how many tasks it is given at a time."""

    executor: Executor
    at_a_time: int
    workers: int  # how many work side by side now; 0: none yet
    hand_out_s: float = 0.0  # short tasks go together, as many as take about so long; 0: each by itself


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def on_this_machine(kind: Kind, workers: int) -> Iterator[Pool]:
    """Threads or processes. Raises InputError where a process is ended from without."""
    executor: Executor
    if kind == "threads":
        executor = ThreadPoolExecutor(workers)
    else:
        # Not by fork: threads of the numerical libraries hold locks that a forked process would wait for forever.
        ways = multiprocessing.get_all_start_methods()
        way = "forkserver" if "forkserver" in ways else "spawn"
        executor = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context(way))
    try:
        yield Pool(executor, AHEAD * workers, workers)
    except BrokenExecutor:
        rule = "a worker process was ended from without, by lack of memory for instance; what was done is kept."
        raise InputError(Problem("--executor processes", "", rule, "Go on with fewer --workers.")) from None
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


@contextmanager
def on_a_cluster(address: str) -> Iterator[Pool]:
    """Workers of the Dask scheduler at an address. Raises InputError where there is none, or it loses a task."""
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError:
        rule = "needs Dask, which is not installed."
        raise InputError(Problem(f"--cluster {address}", "", rule, "pip install 'openleo[cluster]'.")) from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what it would say of a lost connection is said below
    try:
        client = distributed.Client(address, timeout=TIMEOUT_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError, RuntimeError, TypeError) as error:
        why = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        rule = f"no Dask scheduler answers there within {TIMEOUT_S:g} s: {why}."
        raise InputError(Problem(f"--cluster {address}", "", rule, WAYS_TO_A_CLUSTER)) from None
    try:
        workers = sum(one["nthreads"] for one in client.scheduler_info(n_workers=-1)["workers"].values())
        yield Pool(client.get_executor(pure=False), AHEAD_OF_A_CLUSTER, workers, HAND_OUT_S)
    except distributed.KilledWorker as error:
        rule = f"{str(error).splitlines()[0].rstrip('.')}; what was done is kept."
        raise InputError(Problem(f"--cluster {address}", "", rule, "Look into the workers' logs.")) from None
    except (CancelledError, OSError) as error:
        rule = f"the scheduler was lost on the way ({str(error) or type(error).__name__}); what was done is kept."
        raise InputError(Problem(f"--cluster {address}", "", rule, "Start it, and give the same command.")) from None
    finally:
        client.close(timeout=TIMEOUT_S)
