"""Jobs end with the controller that runs them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from openleo.controller.jobs import Jobs, Tell


def test_what_runs_ends_when_it_next_tells_and_what_waits_is_not_begun() -> None:
    jobs = Jobs(lambda error: {"detail": str(error)})
    begun, closed = threading.Event(), threading.Event()

    def long(tell: Tell) -> Mapping[str, Any]:
        begun.set()
        assert closed.wait(5.0)
        tell("computing slots", 1, 1_000)
        raise AssertionError("it goes on")

    running = jobs.start("one", "operator", long)
    waiting = jobs.start("two", "operator", lambda _tell: {})
    assert begun.wait(5.0)
    jobs.close()
    closed.set()
    jobs._pool.shutdown(wait=True)
    assert (running.state, waiting.state) == ("failed", "waiting")
    assert "the controller stops" in str(running.problem)
