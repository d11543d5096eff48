"""A jump of the clock stops the command line too, and who confirmed it is on record; so is who read a lease's place."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
from founded import Office
from sqlalchemy import select

from command_line import openleo
from openleo.cli.change_activate import _check_clock
from openleo.controller.clock import Jump
from openleo.controller.clock_kept import JUMP, standing
from openleo.controller.database import FILE, address_of, connect, put, reading, upgrade, writing
from openleo.controller.tables import audit, known
from openleo.errors import InputError

AN_HOUR = Jump(by_s=3_600.0, at_s=1_795_000_000.0)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A controller's data, where a jump stands."""
    engine = connect(address_of(tmp_path))
    upgrade(engine)
    with writing(engine) as connection:
        put(connection, known, name=JUMP, value=json.dumps(asdict(AN_HOUR)))
    engine.dispose()
    return tmp_path


def audited(data: Path) -> list[tuple[str, str, str, dict[str, float]]]:
    engine = connect(address_of(data))
    with reading(engine) as connection:
        rows = connection.execute(select(audit).order_by(audit.c.id)).all()
    engine.dispose()
    return [(row.principal, row.what, row.about, json.loads(row.body)) for row in rows]


def test_nothing_activates_while_a_jump_of_the_clock_stands(data: Path) -> None:
    with pytest.raises(InputError, match="jumped by \\+3600 s") as refused:
        _check_clock(data, "")
    assert "openleo controller confirm-clock" in str(refused.value)
    assert openleo("controller", "confirm-clock", "--data", data)[0] == 0
    _check_clock(data, "")


def test_the_verb_asks_whether_a_jump_stands(data: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    office = Office.founded(tmp_path_factory.mktemp("office"))
    account = "account:hmac-sha256:" + "0" * 64
    office.propose("propose-act", "cut", "account.suspended", account, "--in", "TWN/fixed=1300")
    office.sign("cut")
    shutil.copy(data / FILE, office.ledger / FILE)
    assert "confirm-clock" in office.activate("cut", code=2)
    assert openleo("controller", "confirm-clock", "--data", office.ledger)[0] == 0
    office.activate("cut")


def test_a_folder_without_a_controller_activates(tmp_path: Path) -> None:
    _check_clock(tmp_path, "")
    assert list(tmp_path.iterdir()) == []
    engine = connect(f"sqlite:///{tmp_path / 'other.sqlite'}")  # a database that is no controller's
    assert standing(engine) is None


def test_who_confirmed_which_jump_is_on_record(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert openleo("controller", "confirm-clock", "--data", data, "--by", "ada")[1].startswith("confirmed")
    assert openleo("controller", "confirm-clock", "--data", data, "--by", "bob")[1] == "no jump stood\n"
    assert audited(data) == [("ada", "confirmed_clock", "clock", asdict(AN_HOUR))]


def test_who_asked_for_a_lease_s_place_is_on_record(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "carol")
    assert openleo("policy", "explain", "no-such-lease", "--data", data)[0] == 3
    assert audited(data) == [("carol", "read_position", "lease no-such-lease", {})]


def test_settings_at_fault_are_told_and_no_traceback(data: Path) -> None:
    verbs = (("controller", "token", "list"), ("controller", "confirm-clock"), ("policy", "explain", "a"))
    for text, said in (("lease_slots = 99\n", "lease_slots"), ("lease_slots =", "is no TOML")):
        (data / "settings.toml").write_text(text)
        for verb in verbs:
            code, _, err = openleo(*verb, "--data", data)
            assert (code, said in err) == (2, True), (verb, err)


def test_verbs_of_tokens_take_the_database_that_serve_takes(data: Path) -> None:
    words = ("--data", data, "--database", "postgresql://nobody@127.0.0.1:1/none")
    for verb in (("token", "list"), ("token", "make", "--name", "a", "--role", "viewer"), ("token", "revoke", "a")):
        code, _, err = openleo("controller", *verb, *words)
        assert (code, "the database none" in err) == (2, True), err
    assert openleo("policy", "explain", "a", *words)[0] == 2
