"""Who may ask what: every route has a row in docs/reference/access.csv, and answers everybody as the row says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from asking import KINDS, ROLES, ask, filled, on_both, routes, table
from fastapi import FastAPI
from secured import House

from openleo.controller.roles import Role

COLUMNS = ["method", "path", *ROLES, "administrator", "other_party", "public", "positions"]
REGULATOR = "regulator:TWN"
NOBODY_S = {401, 403}
READERS = {"", "operator's", "none"}
Made = tuple[str, bytes | None]  # what to ask for, with which body


def _person(house: House) -> Made:
    return house.person("p-operator", Role.VIEWER), json.dumps({"roles": [], "officer": None}).encode()


def _token(house: House) -> Made:
    return house.made(Role.VIEWER)[0], None


def _job(house: House) -> Made:
    return house.jobs.start("a change's effect", "operator", lambda _tell: {}).id, None


# An object of the operator's for each route of which another party sees its own objects alone.
OWNED: dict[str, Callable[[House], Made]] = {
    "/v1/people/{id}": _person,
    "/v1/tokens/{id}": _token,
    "/v1/jobs/{id}": _job,
}


@pytest.fixture(scope="module", params=KINDS)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FastAPI, House]]:
    with on_both(request, tmp_path_factory.mktemp("access")) as made:
        yield made


@pytest.fixture(scope="module")
def known(served) -> dict[str, dict[str, str]]:
    """The header that each shows."""
    _, house = served
    theirs = house.token(*Role, party=REGULATOR)
    return {**{role: house.token(Role(role)) for role in ROLES}, "other_party": theirs}


def asked(app: FastAPI, row: dict[str, str], headers: dict[str, str] | None = None, made: Made = ("none", b"{}")):
    """What is open to this machine alone is asked for from another one by whoever shows something."""
    method, word, body = row["method"], *made
    more = {"content-type": "application/json", "if-match": '"1"', "idempotency-key": "k"}
    shown = {**(headers or {}), **({} if method == "GET" else more)}
    client = "192.0.2.7" if row["public"] == "near" and headers else "127.0.0.1"
    sent = None if method in ("GET", "DELETE") else body or b"{}"
    return ask(app, method, filled(row["path"], word), shown, sent, client=client)


def test_every_route_has_a_row_and_every_row_a_route(served):
    app, _ = served
    there, told = routes(app), [(row["method"], row["path"]) for row in table()]
    assert [one for one in there if one not in told] == [], "say in docs/reference/access.csv who may ask them"
    assert [one for one in told if one not in there] == [], "are in the table, and nowhere else"
    assert len(told) == len(set(told))


def test_the_table_says_of_everybody_whether(served):
    for row in table():
        assert list(row) == COLUMNS
        said = {row[name] for name in (*ROLES, "administrator", "other_party")}
        assert said <= {"yes", "no", "own", "hidden"}, row
        assert row["public"] in ("yes", "no", "signed", "near"), row
        assert row["positions"] in READERS, row


@pytest.mark.parametrize("row", table(), ids=lambda row: f"{row['method']} {row['path']}")
def test_a_route_answers_everybody_as_the_table_says(served, known, row):
    app, house = served
    nobody = asked(app, row).status
    if row["public"] in ("yes", "near"):
        assert nobody not in NOBODY_S or row["path"] == "/v1/login/back"  # which refuses whoever did not log in
    elif row["public"] == "signed":  # by a terminal's key; here by none
        assert nobody >= 400
    else:
        assert nobody == 401
    for role in ROLES:
        _check(asked(app, row, known[role]).status, row[role], row, role)
    with_one_use = {"Authorization": "Bearer " + _administrator(house)}
    _check(asked(app, row, with_one_use).status, row["administrator"], row, "the administrator token")
    _check(asked(app, row, known["other_party"]).status, row["other_party"], row, "another party")


def _check(status: int, said: str, row: dict[str, str], who: str) -> None:
    where = f"{row['method']} {row['path']} answers {who} {status}, and the table says {said}"
    if row["public"] == "signed":
        assert status >= 400, where
    elif said == "no":
        assert status == 403, where
    elif said == "hidden":  # whatever is asked for: to them there is nothing here
        assert status == 404, where
    else:
        assert status not in (*NOBODY_S, 500) or row["path"] == "/v1/login/back", where


@pytest.mark.parametrize(
    "row", [row for row in table() if row["other_party"] == "own" and "{" in row["path"]],
    ids=lambda row: f"{row['method']} {row['path']}",
)  # fmt: skip
def test_another_party_s_object_is_answered_as_if_it_were_not_there(engine, tmp_path, row):
    assert row["path"] in OWNED, "make an object of the operator's for it, in OWNED"
    house = House(engine)
    made = OWNED[row["path"]](house)
    app, theirs = house.app(), house.token(*Role, party=REGULATOR)
    hidden, missing = asked(app, row, theirs, made), asked(app, row, theirs, ("missing", made[1]))
    assert hidden.status == missing.status == 404
    assert hidden.json() == missing.json()
    assert [audited.about for audited in house.audited("refused")] == [filled(row["path"], made[0])]
    assert asked(app, row, house.token(*Role), made).status < 300  # it is there


def test_no_role_outside_the_operator_reads_positions():
    for row in table():
        if row["positions"] == "operator's":
            assert row["other_party"] in ("no", "hidden"), row
            assert row["public"] == "no", row


def test_metrics_and_every_route_refuse_a_token_that_is_garbage(served):
    app, _ = served
    for row in table():
        if row["public"] == "no":
            for shown in ("Bearer olt_none", "Basic b2x0XzE6", "Bearer " + "x" * 5_000, ""):
                assert asked(app, row, {"Authorization": shown}).status == 401, (row, shown)


def test_the_page_on_the_table_names_every_column():
    page = (Path(__file__).parents[3] / "docs" / "threat-model.md").read_text(encoding="utf-8")
    assert "reference/access.csv" in page
    assert re.search(r"other_party", page)


def _administrator(house: House) -> str:
    from openleo.controller import tokens
    from openleo.controller.database import writing

    with writing(house.engine) as connection:
        return tokens.make_administrator(connection, house.clock.now_s())
