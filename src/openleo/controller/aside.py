"""Work that may take too long, done aside: whoever asked goes on without it when its time is over.

A thread cannot be ended. What is late runs on, its answer is thrown away, and until it is done nothing else is begun.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

REST_S_A_ITEM = 2e-6  # some times as long as the work itself
LEAST_ITEMS = 500  # of which nobody notices

T = TypeVar("T")


def give_way(items: int) -> None:
    """A rest after a loop over so many items, for threads that answer requests: loop after loop they would wait."""
    if items >= LEAST_ITEMS:
        time.sleep(REST_S_A_ITEM * items)


class StillBusy(Exception):
    """What was begun before has not ended yet."""


@contextmanager
def one_thread(name: str) -> Iterator[Executor]:
    """For an event loop's regular work, which then uses the same memory again: each thread keeps what it once took.

    What runs when it ends runs on; nobody waits for it.
    """
    pool = ThreadPoolExecutor(1, name)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class Aside:
    """One thread beside the caller's."""

    def __init__(self, name: str):
        self._pool = ThreadPoolExecutor(1, name)
        self._running: Future[Any] | None = None

    def run(self, work: Callable[[], T], most_s: float | None) -> T:
        """What the work gives, or raises. Raises TimeoutError when its time is over, StillBusy without beginning it."""
        if self._running is not None and not self._running.done():
            raise StillBusy
        self._running = future = self._pool.submit(work)
        return future.result(None if most_s is None else max(most_s, 0.0))

    def close(self) -> None:
        """Wait for nothing."""
        self._pool.shutdown(wait=False, cancel_futures=True)
