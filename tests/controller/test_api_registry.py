"""The routes of terminals and accounts: the operator's alone, versioned, without positions, refusals with a way out."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi.testclient import TestClient
from founded import InForce, Registered, founded
from httpx import Response
from sqlalchemy import Engine

from openleo.controller.roles import Role
from openleo.governance.house import Folder, House

WHY = {"reason": "as told"}
AT = "2026-03-02T12:00:00Z"


@pytest.fixture
def place(engine: Engine, tmp_path: Path) -> Registered:
    return Registered(engine, founded(tmp_path).ledger)


@pytest.fixture
def asks(place: Registered) -> TestClient:
    return place.client(Role.REQUESTER)


def key(number: int) -> str:
    return base64.b64encode(number.to_bytes(4, "big") * 8).decode()


def new(number: int = 1, account: str = "a-1", **more: object) -> dict[str, object]:
    said = {"id": f"t-{number}", "account": account, "class": "fixed", "home_territory": "TWN"}
    return said | {"public_key": key(number)} | more


def bulk(count: int, account: str = "others", first: int = 5_000) -> str:
    rows = [f"t-{n},{key(n)},fixed,{account},TWN" for n in range(first, first + count)]
    return "\n".join(["id,public_key,class,account,home_territory", *rows])


def enrol_others(asks: TestClient, count: int = 40, account: str = "others", first: int = 5_000) -> None:
    query = {"make_accounts": True, "active": True}
    done = asks.post(
        "/v1/terminals/bulk", params=query, content=bulk(count, account, first), headers={"content-type": "text/csv"}
    )
    assert done.json()["enrolled"] == count


def test_a_terminal_is_enrolled_changed_and_lost(place: Registered, asks: TestClient) -> None:
    enrol_others(asks)
    assert asks.post("/v1/accounts", json={"id": "a-1", "holder": "Roads Ltd"}).status_code == 201
    made = asks.post("/v1/terminals", json=new(active=True))
    assert (made.status_code, made.headers["etag"], made.headers["location"]) == (201, '"1"', "/v1/terminals/t-1")
    assert asks.post("/v1/terminals", json=new(active=True)).json() == made.json()
    lost = asks.post("/v1/terminals/t-1/state", json={"state": "lost", **WHY}, headers={"if-match": '"1"'})
    assert (lost.json()["state"], lost.headers["etag"]) == ("lost", '"2"')
    stale = asks.post("/v1/terminals/t-1/state", json={"state": "active", **WHY}, headers={"if-match": '"1"'})
    assert stale.status_code == 412
    assert stale.headers["content-type"] == "application/problem+json"
    assert asks.post("/v1/terminals/t-1/state", json={"state": "active", **WHY}).status_code == 428
    found = asks.post("/v1/terminals/t-1/state", json={"state": "active", **WHY}, headers={"if-match": '"2"'})
    assert found.json()["state"] == "active"
    classed = asks.patch("/v1/terminals/t-1", json={"class": "maritime", **WHY}, headers={"if-match": '"3"'})
    assert classed.json()["class"] == "maritime"
    grouped = asks.patch("/v1/terminals/t-1", json={"groups": ["clinics"], **WHY}, headers={"if-match": '"4"'})
    assert (grouped.status_code, grouped.json()["type"].rpartition(":")[2]) == (409, "needs-change")
    assert "propose-act group.changed group:clinics" in grouped.json()["way_out"]
    history = asks.get("/v1/terminals/t-1/history").json()["items"]
    assert [one["what"] for one in history] == ["enrolled", "state", "state", "class"]
    assert all(one["actor"].startswith("token:") for one in history)
    assert not {"lat_deg", "lon_deg", "position"} & set(json.dumps([made.json(), history]).replace('"', " ").split())
    with House(Folder(place.data), write=False) as house:
        assert house.entry(house.state.size - 1).type == "class.changed"


def test_a_transfer_and_a_suspension_and_what_is_above_the_rate(place: Registered, asks: TestClient) -> None:
    enrol_others(asks, 30, "large")
    enrol_others(asks, 2, "small", first=10)
    moved = asks.post("/v1/terminals/t-10/transfer", json={"account": "large", **WHY}, headers={"if-match": '"1"'})
    assert moved.json()["account"] == "large"
    assert asks.post("/v1/accounts/small/suspend", json=WHY).json()["state"] == "suspended"
    above = asks.post("/v1/accounts/large/suspend", json=WHY)
    assert above.status_code == 409
    assert "openleo change propose-act account.suspended account:hmac-sha256:" in above.json()["way_out"]
    with House(Folder(place.data), write=False) as house:
        place.in_force = InForce(house.state.lasting)
    states = {one["id"]: one["state"] for one in asks.get("/v1/accounts").json()["items"]}
    assert states == {"small": "suspended", "large": "active"}
    assert asks.get("/v1/accounts/small").headers["etag"] == '"1-suspended"'
    assert asks.post("/v1/accounts/small/reinstate", json=WHY).json()["entry"] is not None
    assert asks.post("/v1/accounts/small/reinstate", json=WHY).json()["entry"] is None


def test_to_other_parties_there_is_nothing(place: Registered, asks: TestClient) -> None:
    enrol_others(asks, 1, first=1)
    theirs = place.client(*Role, party="regulator:TWN")
    for method, path in (
        ("GET", "/v1/terminals"), ("GET", "/v1/terminals/t-1"), ("GET", "/v1/terminals/t-9"),
        ("GET", "/v1/terminals/t-1/history"), ("GET", "/v1/accounts/others"), ("POST", "/v1/accounts/others/suspend"),
    ):  # fmt: skip
        answer = theirs.request(method, path, json=WHY if method == "POST" else None)
        assert (answer.status_code, answer.json()["detail"]) == (404, "There is no such thing.")
    assert place.client(Role.VIEWER).get("/v1/terminals/t-1").status_code == 200
    assert place.client(Role.VIEWER).post("/v1/accounts/others/suspend", json=WHY).status_code == 403


def test_lists_are_filtered_and_go_on_from_page_to_page(asks: TestClient) -> None:
    enrol_others(asks, 7, "a-1", first=1)
    enrol_others(asks, 2, "a-2", first=20)
    found, at = [], "/v1/terminals?limit=3&account=a-1"
    while at:
        page = asks.get(at).json()
        found += [one["id"] for one in page["items"]]
        at = page["next"]
    assert found == [f"t-{n}" for n in range(1, 8)]
    assert asks.get("/v1/terminals?state=lost").json() == {"items": [], "next": None}
    assert asks.get("/v1/terminals?limit=0").status_code == 422


def test_faults_are_told_together_and_nothing_is_enrolled(asks: TestClient) -> None:
    table = bulk(3).replace("t-5001", "t 1").replace(",fixed,", ",ficsed,")
    kind = {"content-type": "text/csv"}
    refused = asks.post("/v1/terminals/bulk", content=table, headers=kind)
    assert refused.status_code == 422
    assert [one["where"] for one in refused.json()["problems"]] == [
        "row 1, class", "row 2, id", "row 2, class", "row 3, class",
    ]  # fmt: skip
    assert asks.post("/v1/terminals/bulk", content=b"x", headers={"content-type": "text/html"}).status_code == 415
    one = asks.post("/v1/terminals", json=new(**{"class": "ficsed", "home_territory": "Atlantis", "public_key": "no"}))
    assert {fault["where"] for fault in one.json()["problems"]} == {"class", "home_territory", "public_key"}
    assert "no such account" in asks.post("/v1/terminals", json=new()).json()["problems"][0]["rule"]
    dry = asks.post("/v1/terminals/bulk?dry_run=1&make_accounts=1", content=bulk(3), headers=kind)
    assert dry.json()["enrolled"] == 3
    assert asks.get("/v1/terminals").json()["items"] == []


def test_subscriptions_begin_and_are_listed(asks: TestClient) -> None:
    asks.post("/v1/accounts", json={"id": "a-1"})
    said = {"id": "s-1", "down_mbps": 100.0, "begins_at": "2026-03-01T00:00:00Z"}
    assert asks.post("/v1/accounts/a-1/subscriptions", json=said).status_code == 201
    assert asks.post("/v1/accounts/a-1/subscriptions", json=said).status_code == 409
    assert asks.get("/v1/accounts/a-1/subscriptions").json()["items"][0]["begins_at"] == "2026-03-01T00:00:00Z"
    changed = asks.patch("/v1/accounts/a-1", json={"quota": 5}, headers={"if-match": '"1"'})
    assert (changed.json()["quota"], changed.json()["version"]) == (5, 2)


def test_a_device_gets_a_certificate_by_its_signature_and_nobody_else(place: Registered, asks: TestClient) -> None:
    devices = [Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2)]
    asks.post("/v1/accounts", json={"id": "a-1"})
    public = base64.b64encode(devices[0].public_key().public_bytes_raw()).decode()
    assert asks.post("/v1/terminals", json=new(public_key=public)).status_code == 201
    nobody = place.client()
    nobody.headers.pop("authorization")

    def ask(
        by: Ed25519PrivateKey, nonce: str = "n" * 16, at: str = "2026-03-02T12:00:00Z", id_: str = "t-1"
    ) -> Response:
        signed = b"openleo-certificate@v1\n" + rfc8785.dumps({"terminal": "t-1", "at": at, "nonce": nonce})
        said = {"at": at, "nonce": nonce, "signature": base64.b64encode(by.sign(signed)).decode()}
        return nobody.post(f"/v1/terminals/{id_}/certificate", json=said)

    given = ask(devices[0])
    assert given.status_code == 201
    made = x509.load_pem_x509_certificate(given.json()["certificate"].encode())
    assert made.public_key().public_bytes_raw() == devices[0].public_key().public_bytes_raw()
    made.verify_directly_issued_by(x509.load_pem_x509_certificate(given.json()["authority"].encode()))
    assert given.json()["valid_until"] == "2026-03-02T20:00:00Z"
    assert (place.data / "device-ca.key").stat().st_mode & 0o777 == 0o600
    assert "used before" in ask(devices[0]).json()["detail"]
    assert "300 s from now" in ask(devices[0], "m" * 16, "2026-03-02T11:55:00Z").json()["detail"]
    other, missing = ask(devices[1], "o" * 16), ask(devices[0], "p" * 16, id_="t-9")
    assert (other.status_code, missing.status_code) == (403, 403)
    assert other.json() == missing.json()
    asks.post("/v1/terminals/t-1/state", json={"state": "lost", **WHY}, headers={"if-match": '"1"'})
    assert "gets no certificate" in ask(devices[0], "q" * 16).json()["detail"]


def test_a_reason_that_the_ledger_cannot_hold_is_refused_at_the_door(asks: TestClient) -> None:
    enrol_others(asks, 2, first=1)
    for reason in (" ", "a\u2028b", "a\x00", ""):
        refused = asks.post("/v1/accounts/others/suspend", json={"reason": reason})
        assert refused.status_code == 422, reason
    bought = {"id": "s", "begins_at": "9999-12-31T23:59:59-12:00"}
    assert asks.post("/v1/accounts/others/subscriptions", json=bought).status_code == 422


def test_a_request_sent_again_under_its_key_is_done_once(asks: TestClient) -> None:
    enrol_others(asks, 2, first=1)
    once = {"if-match": '"1"', "idempotency-key": "a key"}
    first = asks.post("/v1/terminals/t-1/state", json={"state": "lost", **WHY}, headers=once)
    again = asks.post("/v1/terminals/t-1/state", json={"state": "lost", **WHY}, headers=once)
    assert (again.status_code, again.json(), again.headers["etag"]) == (200, first.json(), '"2"')
    assert len(asks.get("/v1/terminals/t-1/history").json()["items"]) == 2
