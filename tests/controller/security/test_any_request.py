"""Requests drawn from the service's own description, valid and not: none of them is our fault (schemathesis)."""

from __future__ import annotations

import ast
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from asking import ask, controller
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode

from openleo.controller.roles import Role

QUICK, MANY = 1, 60
HIDDEN = {"/v1/events"}  # does not end: a stream has tests of its own
NOT_NOW = {"/readyz"}  # what is not ready it may say; all else has what it needs
MANY_JOBS = "urn:openleo:problem:too-many-jobs"  # as many wait as one may have


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FastAPI, dict[str, str]]]:
    with _one_parser(), controller(tmp_path_factory.mktemp("any"), runs=True) as (app, house):
        yield app, house.token(*Role)


@contextlib.contextmanager
def _one_parser() -> Iterator[None]:
    """CPython 3.11 parses in one thread at a time (gh-106905): Hypothesis does in this one, Numba in the loop's."""
    lock, parse = threading.RLock(), ast.parse

    def in_turn(*given: Any, **named: Any) -> Any:
        with lock:
            return parse(*given, **named)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ast, "parse", in_turn)
        yield


def drawn(served: tuple[FastAPI, dict[str, str]], examples: int, mode: GenerationMode) -> None:
    app, everything = served
    document = ask(app, "GET", "/v1/openapi.json").json()
    document["paths"] = {path: found for path, found in document["paths"].items() if path not in HIDDEN}
    schema = schemathesis.openapi.from_dict(document)
    tried = 0
    for operation in schema.get_all_operations():
        strategy = operation.ok().as_strategy(generation_mode=mode)

        @settings(
            max_examples=examples, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=strategy)
        def one(case: schemathesis.Case) -> None:
            nonlocal tried
            _ask(app, case, everything)
            tried += 1

        with contextlib.suppress(Unsatisfiable):  # of some nothing is asked that could be wrong
            one()
    assert tried >= examples * len(document["paths"]) / 2


def _ask(app: FastAPI, case: schemathesis.Case, everything: dict[str, str]) -> None:
    sent = case.as_transport_kwargs(base_url="http://127.0.0.1:8600")

    made = requests.Request(
        sent["method"], sent["url"], params=sent.get("params"), json=sent.get("json"), data=sent.get("data"),
        cookies=sent.get("cookies"),
    ).prepare()  # fmt: skip
    given = {k: v for k, v in dict(sent.get("headers") or {}).items() if k.lower() not in ("authorization", "cookie")}
    body = made.body.encode() if isinstance(made.body, str) else made.body
    answer = ask(app, made.method or "GET", made.path_url, {**dict(made.headers), **given, **everything}, body)
    may_wait = made.path_url.partition("?")[0] in NOT_NOW or MANY_JOBS in answer.text
    assert answer.status < 500 or (answer.status == 503 and may_wait), (made.method, made.url, body, answer.text)
    if answer.status >= 400 and made.path_url != "/readyz":  # which answers with what is not ready
        assert answer.headers["content-type"] == "application/problem+json", (made.url, answer.text)
        assert set(answer.json()) >= {"type", "title", "status", "detail"}


def test_requests_drawn_from_the_description_are_answered(served):
    drawn(served, QUICK, GenerationMode.POSITIVE)


@pytest.mark.slow
@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
def test_many_requests_drawn_from_the_description_are_answered(served, mode):
    drawn(served, MANY, mode)


def test_a_lease_is_given_where_they_are_drawn(served):
    """So that what they try is more than a service that has nothing to give."""
    app, everything = served
    assert ask(app, "GET", "/v1/slots/current", everything).status == 200
    assert ask(app, "GET", "/ledger/checkpoint").status == 200
    assert ask(app, "POST", "/v1/leases", {}, b"{}").status == 422
