"""Jobs end with the controller that runs them."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest

from openleo.controller.database import Fenced, Unavailable
from openleo.controller.jobs import MOST_HEAVY, Jobs, Tell
from openleo.errors import InputError, Problem
from openleo.governance.state import Refused


def test_what_runs_ends_when_it_next_tells_and_what_waits_is_not_begun() -> None:
    jobs = Jobs()
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
    assert running.problem is not None
    assert (running.problem["status"], running.problem["type"]) == (503, "urn:openleo:problem:stopping")


def test_of_large_outcomes_a_few_are_kept_and_of_others_many() -> None:
    jobs = Jobs()
    begun = []
    for heavy in [True] * (MOST_HEAVY + 3) + [False] * 4:
        begun.append(jobs.start("an effect", "operator", lambda tell: {"cells": 1}, heavy=heavy))
        while begun[-1].state in ("waiting", "running"):
            time.sleep(0.001)
    there = [jobs.find(one.id) is not None for one in begun]
    jobs.close()
    assert there == [False] * 3 + [True] * (MOST_HEAVY + 4)


def test_a_job_is_answered_as_its_request_would_have_been(caplog: pytest.LogCaptureFixture) -> None:
    two = InputError(
        [Problem("a.toml", "x", "is no number.", "Write 1."), Problem("a.toml", "y", "is old.", "Renew it.")]
    )
    raised = {
        "inputs": two,
        "gone": Unavailable("locked"),
        "led": Fenced("2"),
        "no": Refused("its book changed"),
        "bug": KeyError("secret"),
    }
    jobs = Jobs()
    for name, error in raised.items():
        jobs.start(name, f"party of {name}", partial(_raise, error))
    jobs._pool.shutdown(wait=True)
    said = {job.what: job.problem or {} for job in jobs._kept.values()}
    assert {name: problem["status"] for name, problem in said.items()} == {
        "inputs": 422, "gone": 503, "led": 503, "no": 409, "bug": 500,
    }  # fmt: skip
    assert [one["where"] for one in said["inputs"]["problems"]] == ["x", "y"]
    assert "secret" not in str(said["bug"])
    assert [record.exc_info is not None for record in caplog.records if record.levelname == "ERROR"] == [True]


def _raise(error: Exception, _tell: Tell) -> Mapping[str, Any]:
    raise error
