"""Tasks given to an executor, whichever it is, a bounded number at a time; outcomes in the order in which they come.

Every executor of `concurrent.futures` will do: threads, processes, a cluster's. Nothing here knows which it is.
Where handing one out takes milliseconds, as by a cluster's scheduler, short tasks go together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from itertools import islice

from openleo.study.compute import Compute, Outcome, Task

MOST_TOGETHER = 64
FIRST = 100  # tasks that go one by one, until it is known how long they take


def _address(task: Task) -> str:
    return f"the run {task.address}"


def outcomes(
    tasks: Iterable[Task],
    executor: Executor,
    at_a_time: int,
    compute: Compute,
    hand_out_s: float = 0.0,
    called: Callable[[Task], str] = _address,
) -> Iterator[Outcome]:
    """Each task's outcome, as it comes; at most `at_a_time` are with the executor. Leaving early cancels the rest.

    As many tasks are handed out together as take about `hand_out_s`, by those that came back; one where it is 0. What
    a task raises goes on, with a note of what the task is `called`, after the outcomes that came with it.
    """
    left = iter(tasks)
    running: dict[Future[list[Outcome]], list[Task]] = {}
    together, seen, seen_s = 1, 0, 0.0
    try:
        while True:
            room = (min(at_a_time, FIRST) if hand_out_s and not seen else at_a_time) - sum(map(len, running.values()))
            while room > 0 and (some := list(islice(left, min(together, room)))):
                running[executor.submit(_each, compute, some)] = some
                room -= len(some)
            if not running:
                return
            ended = {future: running.pop(future) for future in wait(running, return_when=FIRST_COMPLETED).done}
            for future in ended:
                if future.exception() is None:
                    found = future.result()
                    seen, seen_s = seen + len(found), seen_s + sum(one.seconds for one in found)
                    yield from found
            for future, some in ended.items():
                if (error := future.exception()) is not None:
                    others = f" or one of the {len(some) - 1} given out with it" if len(some) > 1 else ""
                    error.add_note(f"While {called(some[0])}{others} was computed.")
                    raise error
            together = _together(hand_out_s, seen_s / seen)
    finally:
        for future in running:
            future.cancel()


def _each(compute: Compute, tasks: Sequence[Task]) -> list[Outcome]:
    return [compute(task) for task in tasks]


def _together(hand_out_s: float, task_s: float) -> int:
    """How many tasks of that length take so long together.

    >>> _together(0.5, 0.06), _together(0.5, 30.0), _together(0.5, 0.0), _together(0.0, 0.06)
    (8, 1, 64, 1)
    """
    if not hand_out_s:
        return 1
    return max(1, int(min(MOST_TOGETHER, hand_out_s / task_s if task_s else MOST_TOGETHER)))
