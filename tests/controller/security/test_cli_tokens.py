"""`openleo controller token`: for whoever holds the data folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from openleo.cli.controller_token import app
from openleo.controller import tokens
from openleo.controller.database import FILE, address_of, connect, reading, upgrade
from openleo.controller.roles import Role
from openleo.errors import InputError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    engine = connect(address_of(tmp_path))
    upgrade(engine)
    engine.dispose()
    assert (tmp_path / FILE).exists()
    return tmp_path


def run(*words: str) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False, standalone_mode=False)
    if done.exception:
        raise done.exception
    return done.stdout


def test_a_token_is_made_listed_and_revoked_with_the_data_folder_alone(data: Path) -> None:
    made = json.loads(
        run("make", "--data", data, "--name", "map", "--role", "viewer", "--role", "auditor", "--party",
            "regulator:TWN", "--expires", "2099-01-01T00:00:00Z", "--json")
    )  # fmt: skip
    engine = connect(address_of(data))
    with reading(engine) as connection:
        principal, _ = tokens.principal_of(connection, made["token"], 1.0) or (None, None)
        assert tokens.principal_of(connection, made["token"], 4.1e9) is None
    assert principal is not None
    assert (principal.party, principal.roles) == ("regulator:TWN", {Role.VIEWER, Role.AUDITOR})
    (listed,) = json.loads(run("list", "--data", data, "--json"))
    assert (listed["id"], listed["owner"]) == (made["id"], "data-folder")
    assert made["token"] not in run("list", "--data", data) + json.dumps(listed)
    run("revoke", made["id"], "--data", data)
    with reading(engine) as connection:
        assert tokens.principal_of(connection, made["token"], 1.0) is None
        whats = [row.what for row in connection.exec_driver_sql("select what from audit order by id")]
    assert whats == ["made_token", "revoked_token"]
    engine.dispose()
    with pytest.raises(InputError, match="no token that is good"):
        run("revoke", made["id"], "--data", data)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--role", "viewr"), "there is no role"),
        (("--role", "viewer", "--party", "Mr X"), "--party"),
        (("--role", "viewer", "--expires", "2020-01-01T00:00:00Z"), "not after now"),
    ],
)
def test_what_is_at_fault_is_told_and_no_token_is_made(data: Path, words: tuple[str, ...], why: str) -> None:
    with pytest.raises(InputError, match=why):
        run("make", "--data", data, "--name", "n", *words)
    assert json.loads(run("list", "--data", data, "--json")) == []


def test_a_folder_without_a_controller_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no controller"):
        run("list", "--data", tmp_path)
