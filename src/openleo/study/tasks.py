"""Runs that are submitted to an executor, and told of as they end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, as_completed
from typing import Any, TypeVar

T = TypeVar("T")
OnDone = Callable[[str, int, int], None]  # what is being done, how much of it, of how much


def each(
    executor: Executor, task: Callable[..., T], arguments: Sequence[tuple[Any, ...]], what: str, on_done: OnDone | None
) -> list[T]:
    """The results of a task for several arguments, in their order. The first one that raises ends all that wait."""
    tell = on_done or (lambda _what, _done, _of: None)
    submitted = [executor.submit(task, *one) for one in arguments]
    tell(what, 0, len(submitted))
    try:
        for done, future in enumerate(as_completed(submitted), 1):
            future.result()
            tell(what, done, len(submitted))
    finally:
        for future in submitted:
            future.cancel()
    return [future.result() for future in submitted]
