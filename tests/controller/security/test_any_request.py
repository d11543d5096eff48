"""Requests drawn from the service's own description, valid and not: none of them is our fault (schemathesis)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
import schemathesis
from asking import ask, controller
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings

from openleo.controller.roles import Role

QUICK, MANY = 3, 150
HIDDEN = {"/v1/events"}  # does not end: a stream has tests of its own


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FastAPI, dict[str, str]]]:
    with controller(tmp_path_factory.mktemp("any")) as (app, house):
        yield app, house.token(*Role)


def drawn(served: tuple[FastAPI, dict[str, str]], examples: int) -> None:
    app, everything = served
    document = ask(app, "GET", "/v1/openapi.json").json()
    document["paths"] = {path: found for path, found in document["paths"].items() if path not in HIDDEN}
    schema = schemathesis.openapi.from_dict(document)
    tried = 0
    for operation in schema.get_all_operations():
        strategy = operation.ok().as_strategy()

        @settings(
            max_examples=examples, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=strategy)
        def one(case: schemathesis.Case) -> None:
            nonlocal tried
            _ask(app, case, everything)
            tried += 1

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
    assert answer.status < 500 or answer.status == 503, (made.method, made.url, body, answer.text)
    if answer.status >= 400 and made.path_url != "/readyz":  # which answers with what is not ready
        assert answer.headers["content-type"] == "application/problem+json", (made.url, answer.text)
        assert set(answer.json()) >= {"type", "title", "status", "detail"}


def test_requests_drawn_from_the_description_are_answered(served):
    drawn(served, QUICK)


@pytest.mark.slow
def test_many_requests_drawn_from_the_description_are_answered(served):
    drawn(served, MANY)
