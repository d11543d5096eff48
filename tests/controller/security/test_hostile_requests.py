"""Requests made to harm: large, deep, oddly written, or pointing elsewhere. Nothing of them is our fault (5xx)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from asking import KINDS_SLOWLY, ask, filled, on_both, routes
from fastapi import FastAPI
from secured import House

from openleo.controller.roles import Role
from openleo.controller.settings import Settings

MOST = 20_000  # bytes of a body
JSON = {"content-type": "application/json"}
SQL = (
    "' or '1'='1", "'; drop table people; --", '"; delete from audit; --', "%' or 1=1 --", "\\'; select 1; --",
    "1; attach database '/tmp/x' as x", "$$; select pg_sleep(5); $$", "%s %(x)s {0} :name ?", "_%", "x" * 300,
)  # fmt: skip
PATHS = (
    "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "....//etc/passwd", "%2e%2e%2f", "..\\..\\x", "/etc/passwd",
    "%00", "a%0d%0aSet-Cookie:%20x=y", "%c0%ae%c0%ae/", "~root", "C:\\boot.ini", "\u2025/x", "." * 300,
)  # fmt: skip
NOT_OURS = {400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 428, 429}


@pytest.fixture(scope="module", params=KINDS_SLOWLY)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FastAPI, House]]:
    with on_both(request, tmp_path_factory.mktemp("hostile"), body_bytes_max=MOST, upload_bytes_max=MOST) as made:
        yield made


@pytest.fixture(scope="module")
def everything(served) -> dict[str, str]:
    _, house = served
    return house.token(*Role)


def takers(app: FastAPI) -> list[tuple[str, str]]:
    return [(method, filled(path)) for method, path in routes(app) if method in ("POST", "PUT", "PATCH")]


def test_a_body_that_says_it_is_too_large_is_not_read(served, everything):
    app, _ = served
    for method, path in takers(app):
        answer = ask(app, method, path, everything | JSON | {"content-length": str(MOST + 1)}, b"")
        assert answer.status == 413, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["connection"] == "close"


def test_a_body_that_is_too_large_without_saying_so_is_refused(served, everything):
    app, _ = served
    for method, path in takers(app):
        body = b'{"x": "' + b"a" * MOST + b'"}'
        answer = ask(app, method, path, everything | JSON | {"transfer-encoding": "chunked"}, body)
        assert answer.status in (413, 204, 415), path  # who needs no body, or none of its kind, does not read it


@pytest.mark.parametrize("length", ["-1", "1e3", "+5", " ", "0x10", "9" * 30, "5, 5"])
def test_a_length_that_is_no_number_is_refused(served, everything, length):
    app, _ = served
    assert ask(app, "POST", "/v1/tokens", everything | JSON | {"content-length": length}, b"{}").status == 413


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 9_000 + b"]" * 9_000, b'{"a":' * 3_000 + b"1" + b"}" * 3_000, b"[" * 9_000,
        b'{"name": ' + b"[" * 4_000 + b"]" * 4_000 + b"}", b'{"name": ' + b"9" * 5_000 + b"}", b'{"name": 1e999}',
        b'{"name": NaN}', b'{"name": "\\ud800"}', b'{"name": "\\u0000", "roles": []}', b"\xff\xfe", b"", b"null",
        b'{"name": "a", "name": "b", "roles": []}', b'{"__proto__": {"roles": ["key-admin"]}}',
        b"{" + b'"a":1,' * 2_000 + b'"b":1}',
    ],
    ids=range(15),
)  # fmt: skip
def test_a_body_that_is_no_honest_json_is_refused(served, everything, body):
    app, _ = served
    for method, path in takers(app):
        answer = ask(app, method, path, everything | JSON | {"if-match": '"1"'}, body)
        assert answer.status in NOT_OURS | {201, 204}, (path, answer.text[:300])
        assert len(answer.body) < 20_000, "the refusal repeats the body"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_only_json_is_read_as_json(served, everything, content_type):
    """A page of another site can send these types without asking first."""
    app, _ = served
    body = json.dumps({"name": "n", "roles": []}).encode()
    assert ask(app, "POST", "/v1/tokens", everything | {"content-type": content_type}, body).status == 422


@pytest.mark.parametrize("word", SQL)
def test_what_looks_like_sql_is_a_word_like_any_other(engine, word):
    """Kept as it was written, and found by itself alone; on both databases."""
    house = House(engine)
    app, admin = house.app(), house.token(Role.KEY_ADMIN, Role.AUDITOR)
    person = {"issuer": word, "subject": word, "party": "operator", "roles": []}
    made = ask(app, "POST", "/v1/people", admin | JSON, json.dumps(person).encode())
    assert made.status == 201
    assert (made.json()["issuer"], made.json()["subject"]) == (word, word)
    again = ask(app, "POST", "/v1/people", admin | JSON, json.dumps(person).encode())
    assert again.status == 409
    token = ask(app, "POST", "/v1/tokens", admin | JSON, json.dumps({"name": word[:200], "roles": []}).encode())
    assert token.json()["name"] == word[:200]
    for path in ("/v1/people", "/v1/tokens"):
        assert ask(app, "GET", f"{path}/{word}", admin).status == 404
    assert ask(app, "GET", "/v1/people?" + _query(after=word[:64]), admin).status == 200
    assert ask(app, "GET", "/v1/audit?" + _query(what=word), admin).status == 422
    assert len(ask(app, "GET", "/v1/people", admin).json()["items"]) == 1


@pytest.mark.parametrize("word", PATHS)
def test_a_path_that_climbs_leads_nowhere(served, everything, word):
    app, _ = served
    for method, path in routes(app):
        if method != "GET":
            continue
        for target in {path.split("{")[0] + word, filled(path, word), filled(path) + "/" + word}:
            answer = ask(app, "GET", target, everything)
            assert answer.status in NOT_OURS | {200, 303, 503}, (target, answer.text[:200])
            assert "root:" not in answer.text
            assert answer.headers.get("set-cookie", "") == "" or path == "/v1/login"


@pytest.mark.parametrize("word", ["a\r\nSet-Cookie: x=y", "a\nb", "\r\n\r\n<script>", "\x00", "é", "\udcff"])
def test_nothing_that_is_asked_gets_into_a_header_or_a_line_of_the_log(served, everything, word, caplog):
    app, _ = served
    raw = [(b"x-request-id", word.encode("utf-8", "surrogateescape")), (b"origin", word.encode("utf-8", "replace"))]
    for target in ("/v1/login?to=/" + _query(x=word), "/v1/tokens?" + _query(after=word), "/v1/people/" + word):
        answer = ask(app, "GET", target, everything, raw_headers=raw)
        assert answer.status in NOT_OURS | {200, 303, 502}
        assert not any("\n" in value or "\r" in value for value in answer.headers.values())
        assert "x=y" not in str(answer.headers.get("set-cookie", ""))


def test_a_host_of_somebody_else_does_not_become_where_people_are_sent(served):
    app, _ = served
    answer = ask(app, "GET", "/v1/session", raw_headers=[(b"x-forwarded-host", b"evil.example")])
    assert "evil.example" not in str(answer.headers) + answer.text


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "[::2]"]
)
def test_a_host_of_somebody_else_is_told_to_no_provider(engine, host):
    """It would be the address that the code is sent to. Where `public_url` is set, that is, whatever host is named."""
    settings = Settings(oidc_issuer="https://127.0.0.1:1", oidc_client_id="c")
    client = House(engine, settings).client()
    assert client.get("/v1/login", headers={"host": host}).status_code == 404
    assert client.get("/v1/login", headers={"host": "127.0.0.1:8600"}).status_code == 502  # nobody is there to be asked
    public = House(engine, settings.model_copy(update={"public_url": "https://leo.example"})).client()
    assert public.get("/v1/login", headers={"host": host}).status_code == 502


def test_nobody_takes_all_places_of_listeners(served):
    app, house = served
    mine, other = house.made(Role.VIEWER), house.token(Role.VIEWER)
    hub, most = app.state.runtime.hub, app.state.runtime.settings.listeners_per_principal
    hub.listening[f"token:{mine[0]}"] = most
    answer = ask(app, "GET", "/v1/events", {"Authorization": f"Bearer {mine[1]}"})
    assert (answer.status, answer.headers["retry-after"]) == (429, "30")
    assert ask(app, "GET", "/v1/events", other).status == 200
    assert hub.listening == {f"token:{mine[0]}": most}
    del hub.listening[f"token:{mine[0]}"]


@pytest.mark.parametrize(
    "number", ["-1", "9223372036854775808", "1e3", "0x1", "999999999999999999999999", "1.5", "١", "²"]
)
def test_a_number_that_no_column_holds_is_refused(served, everything, number):
    app, _ = served
    for path in ("/v1/audit?after=", "/v1/audit?limit=", "/v1/tokens?limit=", "/v1/people?limit=", "/v1/slots/",
                 "/v1/slots?after="):  # fmt: skip
        assert ask(app, "GET", path + number, everything).status in (404, 422), path


def test_a_method_that_is_none_is_refused(served, everything):
    app, _ = served
    for method in ("TRACE", "CONNECT", "PROPFIND", "X" * 100, "GET\r\n"):
        assert ask(app, method, "/v1/session", everything).status == 405


def _query(**words: str) -> str:
    from urllib.parse import quote

    return "&".join(f"{name}={quote(word, errors='surrogateescape')}" for name, word in words.items())
