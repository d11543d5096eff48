"""A controller as it runs, logging all it can: of the secrets that it is given and shown it writes none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import provider as providers
import pytest
from planned import scenario
from processes import enrolled, wait_for
from secured import House

from openleo.controller import database
from openleo.controller.roles import Role
from postgres_server import Server

# As `openleo serve`, but that everything is logged that is said anywhere, libraries' own talk too.
AT_LENGTH = """
import logging, runpy
from openleo.controller import logs
logs.begin.__defaults__ = (None, logging.DEBUG)
runpy.run_module("openleo", run_name="__main__")
"""
PASSWORD, OTEL, CLIENT = "hush-the-database", "hush-the-collector", providers.SECRET
AT = (23.971357, 120.982468)  # degrees
BAD_JSON = b'{"token": "olt_not-a-token-of-ours", "password": "hush-in-a-body", '


@dataclass
class Talk:
    """A process, what it wrote, and all that was to stay secret."""

    url: str
    errors: Path
    house: House
    administrator: str
    secrets: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, **more: Any) -> int:
        return httpx.request(method, self.url + path, timeout=30.0, **more).status_code


@pytest.fixture
def provider() -> Iterator[providers.Provider]:
    with providers.running() as running:
        yield running


@pytest.fixture
def talk(tmp_path: Path, postgres: Server, provider: providers.Provider) -> Iterator[Talk]:
    with postgres.database() as address:
        address = address.replace("openleo@", f"openleo:{PASSWORD}@")
        environment = {
            "OPENLEO_DATABASE": address, "OPENLEO_OTEL_ENDPOINT": f"http://leo:{OTEL}@127.0.0.1:9/v1/traces",
            "OPENLEO_OIDC_ISSUER": provider.issuer, "OPENLEO_OIDC_CLIENT_ID": providers.CLIENT,
            "OPENLEO_OIDC_CLIENT_SECRET": CLIENT, "PYTHONASYNCIODEBUG": "1",
        }  # fmt: skip
        command = [sys.executable, "-c", AT_LENGTH, "serve", str(scenario(tmp_path)), "--data", str(tmp_path / "data")]
        errors, told = tmp_path / "errors", tmp_path / "told"
        with errors.open("w") as to_errors, told.open("w") as to_told:
            process = subprocess.Popen(
                [*command, "--port", "0"], stdout=to_told, stderr=to_errors, env=os.environ | environment
            )
        engine = None
        try:
            url, once = wait_for(lambda: _begun(process, told, errors), 90.0)
            engine = database.connect(database.address_of(tmp_path, address))
            made = Talk(url, errors, House(engine), once)
            made.secrets |= {"database": PASSWORD, "collector": OTEL, "client secret": CLIENT, "administrator": once}
            wait_for(lambda: made.ask("GET", "/healthz") == 200, 60.0)
            yield made
            process.terminate()
            process.wait(30.0)
            said = told.read_text().replace(f"administrator token, shown once: {once}\n", "", 1)
            check(said + errors.read_text(), made.secrets)
        finally:
            process.kill()
            process.wait()
            if engine is not None:
                engine.dispose()


def _begun(process: subprocess.Popen[bytes], told: Path, errors: Path) -> tuple[str, str] | None:
    """(its address, the administrator token)."""
    assert process.poll() is None, errors.read_text()
    lines = told.read_text().splitlines()
    return (lines[0], lines[1].rpartition(" ")[2]) if len(lines) >= 2 else None


def check(said: str, secrets: dict[str, str]) -> None:
    assert len(said) > 2_000, "it hardly said anything"
    for name, secret in secrets.items():
        assert len(secret) >= 6, name
        assert secret not in said, (name, next(line for line in said.splitlines() if secret in line)[:2_000])


@pytest.mark.slow
def test_what_a_process_writes_holds_no_secret(talk: Talk, provider: providers.Provider, postgres: Server) -> None:
    kept = talk.secrets
    _programs(talk)
    _person(talk, provider)
    _terminal(talk)
    name = str(talk.house.engine.url.database)
    talk.house.engine.dispose()
    postgres.run(f"alter database {name} allow_connections false")
    postgres.run(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")
    shown = {"authorization": f"Bearer {kept['token']}"}
    assert talk.ask("GET", "/v1/tokens", headers=shown) == 503
    assert talk.ask("GET", "/v1/session", headers={"cookie": f"openleo-session={kept['session']}"}) == 503
    postgres.run(f"alter database {name} allow_connections true")
    wait_for(lambda: talk.ask("GET", "/v1/tokens", headers=shown) == 200, 30.0)
    time.sleep(6.0)  # spans are sent, and not taken, every five seconds
    lines = talk.errors.read_text().splitlines()
    levels = [json.loads(line).get("level") for line in lines if line.startswith("{")]
    assert {"debug", "info", "warning"} <= {*levels}  # it does log at length


def _programs(talk: Talk) -> None:
    once = {"authorization": f"Bearer {talk.administrator}"}
    assert talk.ask("POST", "/v1/genesis/draft", headers=once, json={}) == 422
    talk.secrets["token"] = made = talk.house.made(*Role)[1]
    shown = {"authorization": f"Bearer {made}", "content-type": "application/json"}
    told = httpx.post(f"{talk.url}/v1/tokens", headers=shown, json={"name": "n", "roles": ["viewer"]}, timeout=30.0)
    talk.secrets["a token by HTTP"] = told.json()["token"]
    bad = "olt_this-is-none-of-them-0123456789"
    talk.secrets |= {
        "a bad token": bad,
        "in a bad body": "hush-in-a-body",
        "a token in a body": "olt_not-a-token-of-ours",
    }
    assert talk.ask("GET", "/v1/tokens", headers={"authorization": f"Bearer {bad}"}) == 401
    assert talk.ask("GET", f"/v1/tokens/{bad}", headers=shown) == 404
    assert talk.ask("GET", f"/v1/tokens?after={bad}&token={bad}", headers=shown) == 422
    assert talk.ask("POST", "/v1/tokens", headers=shown, content=BAD_JSON) == 422
    assert talk.ask("POST", "/v1/leases", headers=shown, content=BAD_JSON) >= 400


def _person(talk: Talk, provider: providers.Provider) -> None:
    talk.house.person(provider.subject, Role.VIEWER, issuer=provider.issuer)
    with httpx.Client(base_url=talk.url, timeout=30.0) as browser:
        begun = browser.get("/v1/login")
        assert begun.status_code == 303, begun.text
        back = httpx.URL(provider.authorize(begun.headers["location"]))
        talk.secrets |= {"code": back.params["code"], "state": back.params["state"]}
        talk.secrets["log-in"] = browser.cookies["openleo-login"]
        assert browser.get(str(back)).status_code == 303
        talk.secrets["session"] = browser.cookies["openleo-session"]
        talk.secrets["csrf"] = browser.get("/v1/session").json()["csrf"]
        assert browser.get(str(back)).status_code >= 400  # a code is good once
        assert browser.post("/v1/logout", headers={"X-CSRF-Token": "wrong"}).status_code == 403


def _terminal(talk: Talk) -> None:
    (device,) = enrolled(talk.house.engine, 1)
    device.at = AT
    said = device.request()
    talk.secrets |= {
        "nonce": said["nonce"],
        "signature": said["signature"],
        "where": str(AT[0]),
        "and where": str(AT[1]),
    }
    assert talk.ask("POST", "/v1/leases", json=said) >= 400  # nothing is in force
    assert talk.ask("POST", "/v1/leases", json=said | {"nonce": "another nonce, of 22 letters"}) >= 400
