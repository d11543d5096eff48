"""Jobs end with the controller that runs them."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from openleo.controller.jobs import MOST_HEAVY, Jobs, Tell


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


def test_of_large_outcomes_a_few_are_kept_and_of_others_many() -> None:
    jobs = Jobs(lambda error: {"detail": str(error)})
    begun = []
    for heavy in [True] * (MOST_HEAVY + 3) + [False] * 4:
        begun.append(jobs.start("an effect", "operator", lambda tell: {"cells": 1}, heavy=heavy))
        while begun[-1].state in ("waiting", "running"):
            time.sleep(0.001)
    there = [jobs.find(one.id) is not None for one in begun]
    jobs.close()
    assert there == [False] * 3 + [True] * (MOST_HEAVY + 4)
