"""What slots and blocks of sites are computed on: so many threads, or, for one, the thread that asks.

A run of a study is computed on one thread. To hand each of its slots to another thread and wait for it would take time,
and where several runs do so at once each waits for all others to let go of the interpreter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any


class Inline(Executor):
    """An executor whose work is done by whoever gives it, at once; so is what it raises.

    >>> list(Inline().map(abs, [-1, 2]))
    [1, 2]
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done

    def map(self, fn: Callable[..., Any], *iterables: Iterable[Any], **_options: Any) -> Iterator[Any]:
        return map(fn, *iterables)


def executor_of(threads: int) -> Executor:
    """So many threads; one is the thread that asks."""
    return Inline() if threads == 1 else ThreadPoolExecutor(threads)
