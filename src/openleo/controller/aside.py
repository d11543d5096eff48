"""Work that may take too long, done aside: whoever asked goes on without it when its time is over.

A thread cannot be ended. What is late runs on, its answer is thrown away, and until it is done nothing else is begun.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class StillBusy(Exception):
    """What was begun before has not ended yet."""


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
