"""Secrets and positions stay where they belong: every route is driven with marked ones, and nothing we say has them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from asking import KINDS_SLOWLY, ask, filled, on_both, routes
from fastapi import FastAPI
from secured import House
from sqlalchemy import text

from openleo.controller import logs
from openleo.controller.database import reading
from openleo.controller.redaction import REMOVED, clean, clean_text
from openleo.controller.roles import Role

MARK = "MARKEDsecret"
TOKEN = "olt_" + MARK + "0123456789"
COOKIE = MARK + "cookie"
SIGNATURE = MARK + "signature=="
PASSWORD = MARK + "password"
LATITUDE, LONGITUDE = 25.03777, 121.56444
POSITION = {"lat_deg": LATITUDE, "lon_deg": LONGITUDE, "uncertainty_m": 20, "age_s": 1, "source": "gnss"}
BODY = {
    "terminal": "t-1", "position": POSITION, "positions": [POSITION], "signature": SIGNATURE, "nonce": MARK + "nonce",
    "token": TOKEN, "password": PASSWORD, "private_key": MARK + "key", "at": "2026-11-22T00:00:00Z",
    "name": "n", "roles": ["viewer", "emperor"], "issuer": 7, "ranging": [POSITION],
}  # fmt: skip
MARKS = (MARK, str(LATITUDE), str(LONGITUDE))


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """All that is logged meanwhile, as `openleo serve` logs it."""
    stream, root = io.StringIO(), logging.getLogger()
    kept = list(root.handlers), root.level
    logs.begin(stream, logging.DEBUG)
    yield stream
    root.handlers, root.level = kept
    for name in (*logs.LIBRARIES, *logs.ADDRESSES):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture(scope="module", params=KINDS_SLOWLY)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FastAPI, House]]:
    with on_both(request, tmp_path_factory.mktemp("secrets"), oidc_client_secret=MARK + "client") as made:
        yield made


def has_mark(said: str) -> list[str]:
    return [mark for mark in MARKS if mark in said]


def test_no_route_tells_what_it_was_given_in_secret(served, logged):
    app, house = served
    everything = house.token(*Role)
    shown = everything["Authorization"].split()[1]
    secrets = {"cookie": f"openleo-session={COOKIE}; openleo-login={COOKIE}", "x-csrf-token": MARK + "csrf"}
    query = f"?code={MARK}&state={MARK}&token={TOKEN}&lat={LATITUDE}&lon={LONGITUDE}"
    asked = 0
    for method, path in routes(app):
        for who in (everything, {"authorization": f"Bearer {TOKEN}"}, {"authorization": f"Basic {MARK}"}, {}):
            for target in (filled(path) + query, filled(path, TOKEN)):
                body = None if method in ("GET", "DELETE") else json.dumps(BODY).encode()
                answer = ask(app, method, target, {**who, **secrets, "content-type": "application/json"}, body)
                assert not has_mark(answer.text), (method, target, answer.text[:300])
                assert not has_mark(str(answer.headers)), (method, target)
                asked += 1
    assert asked >= 100
    with reading(house.engine) as connection:
        audited = str(connection.execute(text("select * from audit")).all())
    lines = logged.getvalue().splitlines()
    assert len(lines) >= asked
    for name, said in (("audit", audited), ("log", logged.getvalue())):
        assert not has_mark(said), name
        assert shown not in said, name
    assert all(json.loads(line)["event"] for line in lines)


def test_the_description_of_the_routes_holds_no_secret_of_the_settings(served):
    app, _ = served
    answer = ask(app, "GET", "/v1/openapi.json")
    assert answer.status == 200
    assert not has_mark(answer.text)


def test_settings_show_no_secret(tmp_path):
    from openleo.controller.settings import Settings

    made = Settings.load(tmp_path, oidc_client_secret=MARK, database=f"postgresql://leo:{MARK}@127.0.0.1/x")
    assert not has_mark(repr(made) + str(made) + made.model_dump_json())


def test_an_error_of_ours_names_itself_alone(served, logged):
    """What a route did not expect is logged without secrets, and answered with its kind."""
    app, house = served
    secret = f"postgresql://leo:{PASSWORD}@db/x at {LATITUDE}, {LONGITUDE} with Bearer {TOKEN}"

    class Gone:
        @property
        def settings(self):
            return house.settings

        def __getattr__(self, name: str):
            raise RuntimeError(secret)

    kept, app.state.runtime = app.state.runtime, Gone()
    try:
        answer = ask(app, "GET", "/v1/session", {"authorization": "Bearer olt_x"})
    except RuntimeError:
        answer = None  # the server's own handler tells it; the log has it by then
    finally:
        app.state.runtime = kept
    if answer is not None:
        assert answer.status == 500
        assert not has_mark(answer.text)
    logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=RuntimeError(secret))
    assert "Exception in ASGI application" in logged.getvalue()
    assert not has_mark(logged.getvalue())


def test_a_database_that_is_gone_does_not_tell_its_password(tmp_path, logged):
    from openleo.controller.database import Unavailable, address_of, connect

    engine = connect(address_of(tmp_path, f"postgresql://leo:{PASSWORD}@127.0.0.1:1/openleo"))
    with pytest.raises(Unavailable) as caught, reading(engine):
        pass
    assert not has_mark(str(caught.value))
    logs.log.error("gone", why=str(caught.value), database=str(engine.url), raw=f"postgresql://leo:{PASSWORD}@h/x")
    assert not has_mark(logged.getvalue())


SAID = (
    TOKEN,
    f"Authorization: Bearer {TOKEN}",
    f"authorization: basic {MARK}",
    f"Cookie: openleo-session={COOKIE}; a=b",
    f"__Host-openleo-session={COOKIE}",
    f"postgresql+psycopg://leo:{PASSWORD}@h/x",
    f"password={PASSWORD} host=h",
    f"password='{PASSWORD} x'",
    f"whsec_{MARK}",
    f"-----BEGIN OPENSSH PRIVATE KEY-----\n{MARK}\n-----END OPENSSH PRIVATE KEY-----",
    f"-----BEGIN PRIVATE KEY-----\n{MARK}",
    f"-----BEGIN SSH SIGNATURE-----\n{MARK}\n-----END SSH SIGNATURE-----",
    f"eyJhbGciOiJub25lIn0.{MARK}.",
    f"GET /v1/login/back?code={MARK}&state={MARK}",
    f"{LATITUDE}, {LONGITUDE}",
    f"lat={LATITUDE} lon={LONGITUDE}",
    f'{{"lat_deg": {LATITUDE}, "lon_deg": {LONGITUDE}}}',
)


@pytest.mark.parametrize("said", SAID, ids=range(len(SAID)))
def test_a_text_loses_what_looks_like_a_secret(said):
    assert not has_mark(clean_text(said)), clean_text(said)
    assert REMOVED in clean_text(said)
    logs_of = clean({"deep": [{"in": {"it": said}}], "event": said})
    assert not has_mark(json.dumps(logs_of))


def test_a_document_loses_what_stands_under_the_name_of_a_secret():
    said = clean(
        {**BODY, "Set-Cookie": COOKIE, "X-CSRF-Token": MARK, "raw": MARK.encode(), 5: {"signature": SIGNATURE}}
    )
    assert not has_mark(json.dumps(said))
    assert said["terminal"] == "t-1"
    assert clean({"state": "suspended", "code": ""}) == {"state": "suspended", "code": ""}


def test_a_line_of_the_log_is_one_line_of_json(logged):
    structlog.contextvars.clear_contextvars()
    logs.log.warning("a\nb\u2028c\x1b[31m", about="x\r\ny", level_of="ü")
    logging.getLogger("somebody.else").warning("lat=%s\n%s", LATITUDE, TOKEN)
    lines = logged.getvalue().splitlines()  # a thread of another test may say something of its own meanwhile
    first, second = [line for line in lines if "about" in line or "somebody.else" in line]
    assert json.loads(first)["about"] == "x\r\ny"
    assert json.loads(second)["logger"] == "somebody.else"
    assert not has_mark(first + second)
    assert first.isascii()
