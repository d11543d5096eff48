"""Tokens, sessions and people: who is known, for how long, with what roles; on SQLite and PostgreSQL."""

from __future__ import annotations

import json

import pytest
from secured import House
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from openleo.controller import sessions, tokens
from openleo.controller.database import Unavailable, reading, writing
from openleo.controller.roles import Principal, Role
from openleo.controller.tables import audit as audit_table
from openleo.controller.tables import people as people_table
from openleo.controller.tables import tokens as token_table

ME = "/v1/session"


@pytest.fixture
def house(engine):
    return House(engine)


def test_a_token_is_shown_once_and_kept_as_its_sha256(house):
    client = house.client()
    admin = house.token(Role.KEY_ADMIN, Role.VIEWER)
    made = client.post("/v1/tokens", json={"name": "map", "roles": ["viewer"]}, headers=admin)
    assert made.status_code == 201
    secret = made.json()["token"]
    assert secret.startswith("olt_")
    assert made.headers["cache-control"] == "no-store"
    who = client.get(ME, headers={"Authorization": f"Bearer {secret}"}).json()
    assert (who["roles"], who["party"], who["via"]) == (["viewer"], "operator", "token")
    for path in ("/v1/tokens", made.headers["location"]):
        told = client.get(path, headers=admin)
        assert told.status_code == 200
        assert secret not in told.text
    with reading(house.engine) as connection:
        kept = json.dumps([list(row) for row in connection.execute(select(token_table))])
    assert secret not in kept
    assert tokens.sha256_of(secret) in kept


def test_a_token_has_no_more_roles_than_its_maker(house):
    client = house.client()
    answer = client.post(
        "/v1/tokens",
        json={"name": "n", "roles": ["viewer", "approver"]},
        headers=house.token(Role.KEY_ADMIN, Role.VIEWER),
    )
    assert answer.status_code == 403
    assert "approver" in answer.text
    answer = client.post("/v1/tokens", json={"name": "n", "roles": ["viewer"]}, headers=house.token(Role.VIEWER))
    assert answer.status_code == 403  # a token of a program makes no other


def test_a_token_that_a_token_makes_expires_no_later(house):
    now_s = house.clock.now_s()
    headers = house.token(Role.KEY_ADMIN, expires_s=now_s + 3600)
    client = house.client()
    late = {"name": "n", "roles": [], "expires_at": "2099-01-01T00:00:00Z"}
    assert client.post("/v1/tokens", json=late, headers=headers).status_code == 403
    assert client.post("/v1/tokens", json={"name": "n", "roles": []}, headers=headers).status_code == 403
    past = {"name": "n", "roles": [], "expires_at": "2020-01-01T00:00:00Z"}
    assert client.post("/v1/tokens", json=past, headers=headers).status_code == 422


@pytest.mark.parametrize("ending", ["revoked", "expired", "owner forgotten", "owner of another party"])
def test_a_token_ends(house, ending):
    house.person("p1", Role.VIEWER)
    id_, secret = house.made(Role.VIEWER, owner="person:p1", expires_s=house.clock.now_s() + 3600)
    headers, client = {"Authorization": f"Bearer {secret}"}, house.client()
    assert client.get(ME, headers=headers).status_code == 200
    if ending == "revoked":
        gone = client.delete(f"/v1/tokens/{id_}", headers=headers)
        assert gone.status_code == 204
    elif ending == "expired":
        house.clock.ahead_s += 3601
    else:
        change = (
            delete(people_table) if ending == "owner forgotten" else update(people_table).values(party="regulator:TWN")
        )
        with writing(house.engine) as connection:
            connection.execute(change)
    answer = client.get(ME, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_who_loses_a_role_loses_it_in_every_program(house):
    house.person("p1", Role.VIEWER, Role.APPROVER)
    headers = house.token(Role.VIEWER, Role.APPROVER, owner="person:p1")
    with writing(house.engine) as connection:
        connection.execute(update(people_table).values(roles='["viewer"]'))
    assert house.client().get(ME, headers=headers).json()["roles"] == ["viewer"]


def test_last_use_is_written_down_once_a_minute(house):
    id_, secret = house.made(Role.VIEWER)
    headers, client = {"Authorization": f"Bearer {secret}"}, house.client()

    def used_at():
        with reading(house.engine) as connection:
            return connection.execute(select(token_table.c.used_at).where(token_table.c.id == id_)).scalar_one()

    assert used_at() is None
    client.get(ME, headers=headers)
    first = used_at()
    client.get(ME, headers=headers)
    assert used_at() == first
    house.clock.ahead_s += 61
    client.get(ME, headers=headers)
    assert used_at() >= first + 60


def test_the_administrator_token_has_no_role_and_is_spent_once(house):
    with writing(house.engine) as connection:
        secret = tokens.make_administrator(connection, house.clock.now_s())
    headers, client = {"Authorization": f"Bearer {secret}"}, house.client()
    for path in ("/v1/tokens", "/v1/people", "/v1/audit", ME):
        assert client.get(path, headers=headers).status_code == 403
    assert client.post("/v1/tokens", json={"name": "n", "roles": []}, headers=headers).status_code == 403
    with reading(house.engine) as connection:
        principal, _ = tokens.principal_of(connection, secret, house.clock.now_s())
    assert principal.via == "admin"

    def draft_that_fails():
        with writing(house.engine) as connection:
            assert tokens.spend(connection, principal, house.clock.now_s())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        draft_that_fails()  # and the token is as good as before
    with writing(house.engine) as connection:
        assert tokens.spend(connection, principal, house.clock.now_s())
        assert not tokens.spend(connection, principal, house.clock.now_s())
    assert client.get(ME, headers=headers).status_code == 401


def test_a_second_administrator_token_ends_the_first(house):
    with writing(house.engine) as connection:
        first = tokens.make_administrator(connection, 1.0)
        second = tokens.make_administrator(connection, 2.0)
    with reading(house.engine) as connection:
        assert tokens.principal_of(connection, first, 3.0) is None
        assert tokens.principal_of(connection, second, 3.0) is not None


def test_another_party_s_token_is_not_there(house):
    id_, _ = house.made(Role.VIEWER)
    stranger = house.token(Role.KEY_ADMIN, party="regulator:TWN")
    client = house.client()
    hidden, missing = (client.get(f"/v1/tokens/{one}", headers=stranger) for one in (id_, "none"))
    assert hidden.status_code == missing.status_code == 404
    assert hidden.json() == missing.json()
    assert client.delete(f"/v1/tokens/{id_}", headers=stranger).status_code == 404
    assert [row.about for row in house.audited("refused")] == [f"/v1/tokens/{id_}"] * 2


def test_another_party_s_people_are_not_there(house):
    house.person("p1", Role.VIEWER)
    stranger = house.token(Role.KEY_ADMIN, party="regulator:TWN")
    client = house.client()
    hidden, missing = (client.get(f"/v1/people/{one}", headers=stranger) for one in ("p1", "none"))
    assert hidden.status_code == missing.status_code == 404
    assert hidden.json() == missing.json()
    assert client.get("/v1/people", headers=stranger).json()["items"] == []
    person = {"issuer": "i", "subject": "s", "party": "operator", "roles": ["key-admin"]}
    assert client.post("/v1/people", json=person, headers=stranger).status_code == 403


def test_a_key_admin_makes_people_known_and_changes_them(house):
    client, admin = house.client(), house.token(Role.KEY_ADMIN)
    person = {"issuer": "i", "subject": "s", "party": "regulator:TWN", "roles": ["approver"], "officer": "officer-7"}
    made = client.post("/v1/people", json=person, headers=admin)
    assert made.status_code == 201
    assert client.post("/v1/people", json=person, headers=admin).status_code == 409
    where = made.headers["location"]
    cookies, _ = house.session(made.json()["id"])
    for cookie in cookies.items():
        client.cookies.set(*cookie)
    assert client.get(ME).json()["roles"] == ["approver"]
    change = {"roles": ["viewer"], "officer": None}
    assert client.put(where, json=change, headers=admin).status_code == 428
    assert client.put(where, json=change, headers={**admin, "If-Match": '"7"'}).status_code == 412
    changed = client.put(where, json=change, headers={**admin, "If-Match": made.headers["etag"]})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert client.get(ME).json()["roles"] == ["viewer"]
    assert client.delete(where, headers=admin).status_code == 204
    assert client.get(ME).status_code == 401


def test_nobody_changes_their_own_roles(house):
    house.person("p1", Role.KEY_ADMIN)
    program = house.token(Role.KEY_ADMIN, owner="person:p1")
    cookies, csrf = house.session("p1")
    client = house.client()
    change = {"roles": ["key-admin", "approver"], "officer": None}
    assert client.put("/v1/people/p1", json=change, headers={**program, "If-Match": '"1"'}).status_code == 403
    for cookie in cookies.items():
        client.cookies.set(*cookie)
    assert client.put("/v1/people/p1", json=change, headers={**csrf, "If-Match": '"1"'}).status_code == 403
    assert client.delete("/v1/people/p1", headers=csrf).status_code == 403


def test_a_session_s_change_needs_the_header_of_our_own_page(house):
    house.person("p1", Role.VIEWER)
    cookies, csrf = house.session("p1")
    client = house.client()
    for cookie in cookies.items():
        client.cookies.set(*cookie)
    assert client.get(ME).json()["csrf"] == csrf["X-CSRF-Token"]
    asked = {"name": "n", "roles": ["viewer"]}
    for headers in (
        {},
        {"X-CSRF-Token": "0" * 64},
        {**csrf, "Origin": "https://elsewhere.example"},
        {**csrf, "Origin": "null"},
        {**csrf, "Origin": "http://127.0.0.1:8601"},
    ):
        assert client.post("/v1/tokens", json=asked, headers=headers).status_code == 403
    assert client.post("/v1/tokens", json=asked, headers=csrf).status_code == 201
    assert client.post("/v1/tokens", json=asked, headers={**csrf, "Origin": "http://127.0.0.1:8600"}).status_code == 201
    made = client.get("/v1/tokens").json()["items"]
    assert {one["owner"] for one in made} == {"person:p1"}


def test_a_session_lapses_and_its_cookie_is_kept_as_a_hash(house):
    house.person("p1", Role.VIEWER)
    ((_, cookie),) = house.session("p1")[0].items()
    with reading(house.engine) as connection:
        assert sessions.principal_of(connection, cookie, house.clock.now_s()).id == "person:p1"
        assert sessions.principal_of(connection, cookie, house.clock.now_s() + 3601) is None
        assert sessions.principal_of(connection, cookie[:-1], house.clock.now_s()) is None
        rows = connection.exec_driver_sql("select * from sessions").all()
    assert cookie not in repr(rows)


def test_the_audit_is_only_added_to(house):
    client = house.client()
    client.get("/v1/audit")
    assert house.audited("refused")
    for change in (update(audit_table).values(what="nothing"), delete(audit_table)):
        with pytest.raises(DBAPIError, match="only added to"), writing(house.engine) as connection:
            connection.execute(change)
    assert house.audited("refused")


def test_every_change_is_written_down_before_and_after(house):
    client, admin = house.client(), house.token(Role.KEY_ADMIN)
    client.post("/v1/people", json={"issuer": "i", "subject": "s", "party": "operator", "roles": []}, headers=admin)
    client.post("/v1/people", json={"issuer": "i"}, headers=admin)
    client.get("/v1/people", headers=admin)
    asked, *rest = house.audited()
    assert [(row.what, row.about) for row in (asked, rest[1])] == [("asked", "/v1/people"), ("changed", "/v1/people")]
    assert rest[0].what == "made_person"
    assert json.loads(rest[1].body) == {"asked": asked.id, "method": "POST", "status": 201}
    assert [row.what for row in rest[2:]] == ["asked", "failed"]


def test_what_cannot_be_written_down_is_not_done(house, monkeypatch):
    admin = house.token(Role.KEY_ADMIN)
    client = house.client()
    client.get(ME, headers=admin)

    def gone(*_, **__):
        raise Unavailable("the disk is full")

    monkeypatch.setattr("openleo.controller.door.audit.record", gone)
    person = {"issuer": "i", "subject": "s", "party": "operator", "roles": []}
    answer = client.post("/v1/people", json=person, headers=admin)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["content-type"] == "application/problem+json"
    assert client.get("/v1/people", headers=admin).json()["items"] == []


def test_auditors_of_another_party_read_its_own_acts(house):
    client = house.client()
    theirs = house.token(Role.AUDITOR, party="regulator:TWN")
    client.get("/v1/people", headers=house.token(Role.VIEWER))
    client.get("/v1/people", headers=house.token(Role.VIEWER, party="regulator:TWN"))
    told = client.get("/v1/audit", headers=theirs).json()["items"]
    assert {one["party"] for one in told} == {"regulator:TWN"}
    ours = client.get("/v1/audit?limit=1", headers=house.token(Role.AUDITOR)).json()
    assert len(ours["items"]) == 1
    more = client.get(ours["next"], headers=house.token(Role.AUDITOR)).json()
    assert (len(more["items"]), more["next"]) == (1, None)


def test_too_many_requests_are_told_when_to_come_back(engine):
    from openleo.controller.settings import Settings

    house = House(engine, Settings(requests_per_minute=3, anonymous_requests_per_minute=2))
    app = house.app()
    client, known = house.client(app), house.token(Role.VIEWER)
    assert [client.get(ME, headers=known).status_code for _ in range(4)] == [200, 200, 200, 429]
    answer = client.get(ME, headers=known)
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert answer.headers["content-type"] == "application/problem+json"
    assert client.get(ME, headers=house.token(Role.VIEWER)).status_code == 200  # another principal
    bad = {"Authorization": "Bearer olt_guessed"}
    assert [client.get(ME, headers=bad).status_code for _ in range(3)] == [401, 401, 429]  # guesses count by address
    assert house.client(app, "198.51.100.7").get(ME).status_code == 401
    assert len([row for row in house.audited("refused") if json.loads(row.body)["status"] == 429]) == 2


def test_a_principal_is_a_value():
    assert Principal("a", "b", frozenset(), None, "token") == Principal("a", "b", frozenset(), None, "token")
