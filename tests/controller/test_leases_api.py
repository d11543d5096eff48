"""Leases over HTTP: what terminals hear, and what people may read."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, insert, select

import leasing
from leasing import Office
from openleo.controller import device_identity, lease_seal, problems, tables, tracing
from openleo.controller.api import leases
from openleo.controller.database import reading, writing
from openleo.controller.lane import Lane, Service
from openleo.controller.metrics import Metrics
from openleo.controller.settings import Settings

PEOPLE = {
    "operator-auditor": ("operator", ["auditor"]),
    "operator-viewer": ("operator", ["viewer"]),
    "regulator": ("regulator:TWN", ["auditor"]),
}


@pytest.fixture
def client(engine: Engine, tmp_path: Any) -> Iterator[TestClient]:
    leasing.lead(engine)
    leasing.enrol(engine, 3)
    with writing(engine) as connection:
        for name, (party, roles) in PEOPLE.items():
            sha256 = hashlib.sha256(name.encode()).hexdigest()
            row = {"id": name, "sha256": sha256, "name": name, "party": party, "owner": name, "created_at": 0.0}
            connection.execute(insert(tables.tokens).values(row | {"roles": json.dumps(roles), "once": False}))
    office = Office(engine, leasing.rules(tmp_path))

    @asynccontextmanager
    async def lives(app: FastAPI) -> AsyncIterator[None]:
        async with office as desk:
            app.state.desk, app.state.office = desk, office
            yield

    app = Service(lifespan=lives)
    app.state.runtime = SimpleNamespace(
        engine=engine,
        clock=office.clock,
        settings=Settings(),
        metrics=Metrics(),
        span=tracing.nothing,
        unheard=Counter(),
    )
    app.lane = Lane(app.state.runtime, app.state)
    problems.install(app)
    app.include_router(leases.router)
    with TestClient(app) as found:
        yield found


def ask(client: TestClient, number: int = 1, **changes: Any) -> Any:
    return client.post("/v1/leases", content=leasing.body(number, **changes))


def by(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}"}


def test_whoever_is_not_heard_is_counted(client: TestClient) -> None:
    assert client.post("/v1/leases", content=b"{").status_code == 422
    assert ask(client).status_code == 201
    assert client.app.state.runtime.unheard == {"422": 1}  # type: ignore[attr-defined]


def test_a_lease_is_given(client: TestClient) -> None:
    found = ask(client)
    assert found.status_code == 201, found.text
    assert found.headers["location"] == f"/v1/leases/{found.json()['lease']}"
    assert found.json()["decision"]["decision"] == "PERMITTED"


def test_anybody_may_verify_a_lease_by_the_keys_that_are_told(client: TestClient, engine: Engine) -> None:
    """As a terminal does: JSON as it came, and nothing of ours but the description."""
    for number in (1_000_000, 1_000_001, 1_000_002):
        lease_seal.publish(engine, lease_seal.Seal(leasing.key(number)), float(number))
    said = ask(client).json()
    first = client.get("/v1/leases/keys?limit=2")
    assert first.status_code == 200, first.text
    rest = client.get(first.json()["next"]).json()
    keys = {one["id"]: one["public_key"] for one in first.json()["items"] + rest["items"]}
    assert (len(keys), rest["next"]) == (3, None)
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(keys[said["signed_by"]]))
    signature = base64.b64decode(said.pop("signature"))
    key.verify(signature, b"openleo-lease-given@v1\n" + rfc8785.dumps(said))
    with pytest.raises(InvalidSignature):
        key.verify(signature, b"openleo-lease-given@v1\n" + rfc8785.dumps(said | {"terminal": "t-2"}))
    assert client.get("/v1/leases/keys?colour=red").status_code == 422


def test_a_refusal_says_why_and_when_to_try_again(client: TestClient) -> None:
    found = ask(client, place=leasing.OSAKA)
    assert (found.status_code, found.headers["content-type"]) == (403, problems.MEDIA_TYPE)
    said = found.json()
    assert (said["decision"], said["because"], said["missing"]) == ("NOT_PERMITTED", [], [])
    assert said["refusal"].keys() == {"cause", "territory", "retry_not_before", "radius_km"}
    assert said["refusal"]["cause"] == 78


def test_what_is_no_request_is_told_whole(client: TestClient) -> None:
    found = ask(client, speed_kmh=-1.0, altitude_m="high")
    assert found.status_code == 422
    assert {one["where"] for one in found.json()["problems"]} == {"speed_kmh", "altitude_m"}
    assert client.post("/v1/leases", content=b"x" * 9_000).status_code == 413
    pieces = (b"x" * 1_000 for _ in range(1_000))  # no length said, and more than is taken
    assert client.post("/v1/leases", content=pieces).status_code == 413


def test_who_is_not_known_and_what_was_said_before(client: TestClient) -> None:
    assert ask(client, 9).status_code == 401
    assert ask(client).status_code == 201
    assert ask(client).status_code == 409


def test_on_doubt_a_terminal_is_told_when_to_come_back(client: TestClient) -> None:
    client.app.state.office.plan = None  # type: ignore[attr-defined]
    found = ask(client)
    assert (found.status_code, found.headers["retry-after"]) == (503, "2")
    assert found.json()["type"].endswith(":no-plan")


def test_people_read_leases_without_places(client: TestClient) -> None:
    ids = [ask(client, number).json()["lease"] for number in (1, 2, 3)]
    first = client.get("/v1/leases?limit=2", headers=by("operator-viewer")).json()
    then = client.get(first["next"], headers=by("operator-viewer")).json()
    assert [one["lease"] for one in first["leases"] + then["leases"]] == sorted(ids)
    assert then["next"] is None
    told = client.get(f"/v1/leases/{ids[0]}", headers=by("operator-viewer"))
    for secret in ("cell", "lat_deg", "24.1", "gateway", "Changhua"):
        assert secret not in told.text + json.dumps(first)
    of_one = client.get("/v1/leases?terminal=t-2&limit=1", headers=by("operator-viewer")).json()
    assert [one["terminal"] for one in of_one["leases"]] == ["t-2"]
    for slot, count in ((leasing.NUMBER - 1, 0), (leasing.NUMBER, 3), (leasing.NUMBER + 3, 3), (leasing.NUMBER + 4, 0)):
        found = client.get(f"/v1/leases?slot={slot}", headers=by("operator-viewer")).json()
        assert len(found["leases"]) == count


def test_only_the_operator_reads_leases_and_only_its_auditors_positions(client: TestClient, engine: Engine) -> None:
    lease = ask(client).json()["lease"]
    for path in ("/v1/leases", f"/v1/leases/{lease}", f"/v1/leases/{lease}/record"):
        assert client.get(path).status_code == 401
        assert client.get(path, headers=by("regulator")).status_code == 404
        assert client.get(path, headers=by("operator-auditor")).status_code == 200
    assert client.get(f"/v1/leases/{lease}/record", headers=by("operator-viewer")).status_code == 403
    whole = client.get(f"/v1/leases/{lease}/record", headers=by("operator-auditor")).json()
    assert whole["record"]["request"]["position"]["lat_deg"] == leasing.TAICHUNG[0]
    with reading(engine) as connection:
        read = connection.execute(select(tables.audit).where(tables.audit.c.what == "read_position")).mappings().all()
    assert len(read) == 2
    assert {row["about"] for row in read} == {"terminal t-1"}
    assert "24.1" not in str([dict(row) for row in read])


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "after=x'", "slot=-1", "colour=red", "slot=9007199254740992"]
)
def test_a_query_at_fault_is_refused(client: TestClient, query: str) -> None:
    assert client.get(f"/v1/leases?{query}", headers=by("operator-viewer")).status_code == 422


def test_a_lease_that_is_not_there(client: TestClient) -> None:
    assert client.get(f"/v1/leases/{'0' * 32}", headers=by("operator-viewer")).status_code == 404
    assert client.get("/v1/leases/1' or '1", headers=by("operator-viewer")).status_code == 422


def test_a_terminal_gives_its_lease_back(client: TestClient) -> None:
    lease = ask(client).json()["lease"]
    said = {"lease": lease, "terminal": "t-1", "nonce": "m" * 22, "at": leasing.instant(leasing.NOW_S)}
    signature = device_identity.sign(leasing.key(), device_identity.RELEASE, said)
    headers = {"OpenLEO-At": said["at"], "OpenLEO-Nonce": said["nonce"], "OpenLEO-Signature": signature}
    other = headers | {"OpenLEO-Nonce": "o" * 22}
    assert client.delete(f"/v1/leases/{lease}", headers=other).status_code == 404
    assert client.delete(f"/v1/leases/{lease}", headers=headers).status_code == 204
    assert client.delete(f"/v1/leases/{lease}", headers=headers).status_code == 404  # it is over
    found = client.get(f"/v1/leases?slot={leasing.NUMBER}", headers=by("operator-viewer")).json()
    assert found["leases"] == []


def test_the_form_of_a_request_is_in_the_openapi(client: TestClient) -> None:
    described = client.app.openapi()  # type: ignore[attr-defined]
    asked = described["paths"]["/v1/leases"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    stated = {"terminal", "position", "speed_kmh", "altitude_m", "nonce", "at", "session", "signature"}
    assert set(asked["properties"]) == stated
    assert "lat_deg" in json.dumps(asked)
    assert "$ref" not in json.dumps(asked)
