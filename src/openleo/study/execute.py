"""Tasks given to an executor, whichever it is, a bounded number at a time; outcomes in the order in which they come.

Every executor of `concurrent.futures` will do: threads, processes, a cluster's. Nothing here knows which it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from itertools import islice

from openleo.study.compute import Compute, Outcome, Task


def _address(task: Task) -> str:
    return f"the run {task.address}"


def outcomes(
    tasks: Iterable[Task],
    executor: Executor,
    at_a_time: int,
    compute: Compute,
    called: Callable[[Task], str] = _address,
) -> Iterator[Outcome]:
    """Each task's outcome, as it comes; at most `at_a_time` are with the executor. Leaving early cancels the rest.

    What a task raises goes on, with a note of what the task is `called`, after the outcomes that came with it.
    """
    left = iter(tasks)
    running: dict[Future[Outcome], Task] = {}
    try:
        while True:
            running |= {executor.submit(compute, task): task for task in islice(left, at_a_time - len(running))}
            if not running:
                return
            done = wait(running, return_when=FIRST_COMPLETED).done
            ended = {future: running.pop(future) for future in done}
            yield from (future.result() for future in ended if future.exception() is None)
            for future, task in ended.items():
                if (error := future.exception()) is not None:
                    error.add_note(f"While {called(task)} was computed.")
                    raise error
    finally:
        for future in running:
            future.cancel()
