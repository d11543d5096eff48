"""What all routes share: problems, sizes of bodies, pages, versions, requests sent twice, and their description."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient
from running import Running, shows_token
from sqlalchemy import func, select

from openleo.controller import app as service
from openleo.controller import pages
from openleo.controller.access import Role, needs
from openleo.controller.app import create_app
from openleo.controller.bodies import Bodies
from openleo.controller.database import Fenced, Unavailable, reading, writing
from openleo.controller.problems import Problem
from openleo.controller.tables import idempotency, tokens
from openleo.errors import InputError
from openleo.errors import Problem as Fault
from openleo.governance.state import Refused

router = APIRouter(prefix="/v1/things", route_class=pages.OnceRoute)
MADE: list[str] = []
RAISED = {
    "input": InputError(Fault("f.toml", "a", "is wrong.")),
    "refused": Refused("not yet"),
    "unavailable": Unavailable("host secret-host has gone"),
    "fenced": Fenced("token 3"),
    "ours": ZeroDivisionError("secret"),
}


@router.post("", status_code=201, dependencies=[Depends(needs(Role.PLANNER))])
async def make(request: Request) -> JSONResponse:
    """Make one, unless its name is bad."""
    said = await request.json()
    if said["name"] == "bad":
        raise Problem(409, "that name is taken")
    MADE.append(said["name"])
    return JSONResponse({"made": len(MADE)}, 201, {"Location": f"/v1/things/{len(MADE)}", "ETag": '"1"'})


@router.put("/one", dependencies=[Depends(needs(Role.PLANNER))])
def change(request: Request) -> dict[str, int]:
    """Change one, whose version is 3."""
    pages.meant(request, 3)
    return {"version": 4}


@router.get("")
def listed(request: Request, asked: Annotated[pages.Paging, Depends(pages.paging)]) -> pages.Page[int]:
    """Numbers from 0 to 6."""
    first = int(asked.after) + 1 if asked.after else 0
    found = pages.page(request, asked, list(range(first, 7))[: asked.limit + 1], str)
    return pages.Page[int].model_validate(found)


@router.get("/raises/{what}")
def raises(what: str) -> None:
    """Whatever goes wrong."""
    raise RAISED[what]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Running]:
    MADE.clear()
    made = Running.on(tmp_path, body_bytes_max=2_000, upload_bytes_max=5_000)
    yield made
    made.close()


@pytest.fixture
def client(here: Running, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setattr(service, "ROUTERS", (*service.ROUTERS, router))
    app = create_app(here.runtime, loop=False)
    return TestClient(app, headers=shows_token(here.runtime, "planner"), raise_server_exceptions=False)


# --- problems -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "status", "slug"),
    [
        ("input", 422, "input-at-fault"),
        ("refused", 409, "refused"),
        ("unavailable", 503, "no-database"),
        ("fenced", 503, "not-leading"),
        ("ours", 500, "our-fault"),
    ],
)
def test_whatever_goes_wrong_is_answered_as_a_problem(client: TestClient, what: str, status: int, slug: str) -> None:
    answer = client.get(f"/v1/things/raises/{what}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert said["type"].endswith(":" + slug)
    assert said["status"] == status
    assert "secret" not in answer.text
    assert ("retry-after" in answer.headers) == (status == 503)


def test_routes_that_there_are_not_and_methods_are_problems(client: TestClient) -> None:
    for method, path, status in (("GET", "/v1/nothing", 404), ("DELETE", "/v1/things", 405)):
        answer = client.request(method, path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


# --- bodies ---------------------------------------------------------------------------------------------------------


def test_a_body_that_says_it_is_too_large_is_refused(client: TestClient) -> None:
    assert client.post("/v1/things", content=b" " * 2_001).status_code == 413
    table = {"Content-Type": "text/csv"}
    assert client.post("/v1/things", content=b" " * 5_001, headers=table).status_code == 413
    assert client.post("/v1/things", content=b" " * 4_000, headers=table).status_code == 413, "no table goes there"
    assert client.post("/v1/terminals/bulk", content=b" " * 4_000, headers=table).status_code != 413
    assert client.post("/v1/things", json={"name": "a"}).status_code == 201


async def _sent(pieces: list[bytes], headers: list[tuple[bytes, bytes]]) -> tuple[int, int, bytes]:
    """(status, pieces taken, what the application got) of a body in pieces."""
    taken, answered, got = 0, [], b""

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": pieces[taken - 1], "more_body": taken < len(pieces)}

    async def send(message: Any) -> None:
        answered.append(message)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal got
        while True:
            message = await receive()
            got += message.get("body", b"")
            if not message.get("more_body", False):
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})

    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}
    await Bodies(app, most=100, most_of_a_table=1_000)(scope, receive, send)  # type: ignore[arg-type]
    return answered[0]["status"], taken, got


CHUNKED = (b"transfer-encoding", b"chunked")


def test_a_body_without_a_length_is_read_no_further_than_the_limit() -> None:
    assert asyncio.run(_sent([b"x" * 60] * 9, [CHUNKED])) == (413, 2, b"")
    assert asyncio.run(_sent([b"x" * 40, b"y" * 40], [CHUNKED])) == (200, 2, b"x" * 40 + b"y" * 40)
    assert asyncio.run(_sent([b"x"], [CHUNKED, (b"content-type", b"text/csv; charset=utf-8")]))[0] == 411


@pytest.mark.parametrize("length", [b"-1", b"1e3", b"101", b"99999999999999999999"])
def test_lengths_that_are_none_or_too_large_are_refused(length: bytes) -> None:
    assert asyncio.run(_sent([b"x"], [(b"content-length", length)]))[0] == 413


# --- pages and versions ---------------------------------------------------------------------------------------------


def test_pages_of_a_list_lead_from_one_to_the_next_and_hold_each_thing_once(client: TestClient) -> None:
    path, found, read = "/v1/things?limit=3", [], 0
    while path:
        said = client.get(path).json()
        found += said["items"]
        path, read = said["next"], read + 1
    assert (found, read) == (list(range(7)), 3)
    assert client.get("/v1/things?limit=7").json()["next"] is None


def test_a_change_says_which_version_it_means(client: TestClient) -> None:
    assert client.put("/v1/things/one").status_code == 428
    stale = client.put("/v1/things/one", headers={"If-Match": '"2"'})
    assert (stale.status_code, stale.headers["etag"]) == (412, '"3"')
    for said in ('"3"', '"1", "3"', "*"):
        assert client.put("/v1/things/one", headers={"If-Match": said}).json() == {"version": 4}


# --- sent twice -----------------------------------------------------------------------------------------------------


def test_a_request_that_is_sent_again_is_done_once_and_answered_alike(client: TestClient) -> None:
    key = {"Idempotency-Key": "k1"}
    first = client.post("/v1/things", json={"name": "a"}, headers=key)
    again = client.post("/v1/things", json={"name": "a"}, headers=key)
    assert (first.status_code, first.json()) == (again.status_code, again.json()) == (201, {"made": 1})
    assert [again.headers[name] for name in ("location", "etag", "idempotency-replayed")] == [
        "/v1/things/1",
        '"1"',
        "true",
    ]
    assert MADE == ["a"]
    client.post("/v1/things", json={"name": "a"})
    assert MADE == ["a", "a"]


def test_a_key_is_of_one_request_and_of_one_principal(client: TestClient, here: Running) -> None:
    key = {"Idempotency-Key": "k1"}
    client.post("/v1/things", json={"name": "a"}, headers=key)
    other = client.post("/v1/things", json={"name": "b"}, headers=key)
    assert (other.status_code, other.json()["type"].rsplit(":")[-1]) == (422, "key-used")
    somebody = key | shows_token(here.runtime, "planner")
    assert client.post("/v1/things", json={"name": "b"}, headers=somebody).json() == {"made": 2}


def test_who_may_no_more_is_told_no_answer_of_before(client: TestClient, here: Running) -> None:
    """A replay is no way round a role that was taken away, nor to what somebody else was answered."""
    key, body = {"Idempotency-Key": "k1"}, {"name": "a"}
    shown = shows_token(here.runtime, "planner")
    assert client.post("/v1/things", json=body, headers=key | shown).json() == {"made": 1}
    with writing(here.runtime.engine) as connection:
        connection.execute(tokens.update().where(tokens.c.owner == "o").values(roles='["viewer"]'))
    again = client.post("/v1/things", json=body, headers=key | shown)
    assert (again.status_code, again.headers.get("idempotency-replayed")) == (403, None)
    with writing(here.runtime.engine) as connection:
        connection.execute(tokens.update().where(tokens.c.owner == "o").values(roles='["planner"]'))
    assert client.post("/v1/things", json=body, headers=key | shown).headers["idempotency-replayed"] == "true"
    somebody = client.post("/v1/things", json=body, headers=key | shows_token(here.runtime, "planner"))
    assert (somebody.json(), MADE) == ({"made": 2}, ["a", "a"])
    nobody = client.post("/v1/things", json=body, headers=key | shows_token(here.runtime, "viewer"))
    assert (nobody.status_code, MADE) == (403, ["a", "a"])


def test_a_refusal_is_not_kept_and_a_request_that_is_being_done_is_not_done_beside_it(
    client: TestClient, here: Running
) -> None:
    key = {"Idempotency-Key": "k1"}
    assert client.post("/v1/things", json={"name": "bad"}, headers=key).status_code == 409
    with reading(here.runtime.engine) as connection:
        assert connection.execute(select(func.count()).select_from(idempotency)).scalar_one() == 0
    assert client.post("/v1/things", json={"name": "a"}, headers=key).status_code == 201
    assert client.post("/v1/things", json={"name": "a"}, headers={"Idempotency-Key": "k" * 201}).status_code == 422

    async def both() -> list[int]:
        asked = asyncio.Event()

        async def slow(_request: Request) -> JSONResponse:
            asked.set()
            await asyncio.sleep(0.3)
            return JSONResponse({})

        class Slow(pages.APIRoute):
            def get_route_handler(self) -> Any:
                return slow

        class SlowOnce(pages.OnceRoute, Slow):
            pass

        handle = SlowOnce("/slow", slow, methods=["POST"]).get_route_handler()

        def request() -> Request:
            headers = [(b"idempotency-key", b"k2"), *((k.lower().encode(), v.encode()) for k, v in shown.items())]
            scope = {"type": "http", "method": "POST", "path": "/slow", "query_string": b"", "headers": headers,
                     "app": client.app, "server": ("h", 80), "client": ("127.0.0.1", 1)}  # fmt: skip
            return Request(scope, lambda: _body())

        shown = shows_token(here.runtime, "planner")
        first = asyncio.create_task(handle(request()))
        await asked.wait()
        with pytest.raises(Problem) as second:
            await handle(request())
        return [(await first).status_code, second.value.status]

    assert asyncio.run(both()) == [200, 409]


async def _body() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


# --- described ------------------------------------------------------------------------------------------------------


def routes_of(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            yield path, method, one


def test_the_description_names_every_answer_with_its_schema_and_its_problems(here: Running) -> None:
    document = create_app(here.runtime, loop=False).openapi()
    assert document["openapi"].startswith("3.1")
    assert {"/v1/slots/current", "/v1/events", "/healthz", "/readyz"} <= document["paths"].keys()
    for path, method, one in routes_of(document):
        assert one.get("summary"), path
        assert one.get("description"), path
        assert {"4XX", "5XX"} <= one["responses"].keys(), path
        assert "422" not in one["responses"], path
        for status, answer in one["responses"].items():
            if status.startswith("2") and status != "204":
                contents = answer["content"].values()
                assert all(content.get("schema") for content in contents), (path, method, status)
    names = str(document["components"]["schemas"].keys())
    assert "HTTPValidationError" not in names


def test_the_reference_names_every_route_and_parameter() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "http.md").read_text(encoding="utf-8")
    for path, method, one in routes_of(service.described()):
        section = page.partition(f"## `{method.upper()} {path}`\n")[2].partition("\n## ")[0]
        assert section, (method, path)
        assert one["description"].splitlines()[0] in section
        assert all(f"`{said['name']}`" in section for said in one.get("parameters", [])), (method, path)


def test_the_description_is_served(client: TestClient) -> None:
    assert client.get("/v1/openapi.json").json()["openapi"].startswith("3.1")
