"""Tasks given to an executor, whichever it is, a bounded number at a time; outcomes in the order in which they come.

Every executor of `concurrent.futures` will do: threads, processes, a cluster's. Nothing here knows which it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from itertools import islice

from openleo.study.compute import Compute, Outcome, Task


def outcomes(tasks: Iterable[Task], executor: Executor, at_a_time: int, compute: Compute) -> Iterator[Outcome]:
    """Each task's outcome, as it comes; at most `at_a_time` are with the executor. Leaving early cancels the rest."""
    left = iter(tasks)
    running: set[Future[Outcome]] = set()
    try:
        while True:
            running |= {executor.submit(compute, task) for task in islice(left, at_a_time - len(running))}
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    finally:
        for future in running:
            future.cancel()
