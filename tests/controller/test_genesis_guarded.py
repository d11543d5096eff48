"""The administrator token founds one ledger, once; neither it nor a draft touches the key of a ledger that is there."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from governed import Governed
from sqlalchemy import Engine
from test_changes_api import Asker, Runtime, administrator, asker_of
from world_made import EVERYBODY, ORIGIN, SECOND, roster

from openleo.governance.house import Folder, House

DRAFT = {"origin": ORIGIN, "roster": dict(roster().document)}


class Broken(Exception):
    """As a crash there does."""


def new(tmp_path: Path, engine: Engine) -> tuple[Asker, dict[str, str]]:
    governed = Governed(tmp_path / "data")
    governed.path.mkdir()
    return asker_of(Runtime(engine, governed)), administrator(engine, governed.now.timestamp())


def signed(to_sign: str) -> dict[str, object]:
    message, lines = base64.b64decode(to_sign), {key.line for one in roster().officers for key in one.keys}
    people = [one for one in EVERYBODY + SECOND if one.line in lines]
    return {"signatures": [{"officer": one.id, "signature": one.sign(message)} for one in people]}


def test_of_many_at_once_one_founds_and_the_key_stays_its(tmp_path: Path, engine: Engine) -> None:
    asker, once = new(tmp_path, engine)
    drafted = asker.client.post("/v1/genesis/draft", json=DRAFT, headers=once).json()
    founding = signed(drafted["to_sign"])

    def ask(number: int) -> tuple[int, int]:
        path, body = ("/v1/genesis", founding) if number % 2 == 0 else ("/v1/genesis/draft", DRAFT)
        return number % 2, asker.client.post(path, json=body, headers=once).status_code

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(ask, range(6)))
    founded = [status for kind, status in answers if kind == 0]
    assert founded.count(201) <= 1
    assert set(founded) <= {201, 401, 403, 409}
    if 201 not in founded:  # a later draft came first, and needs signatures of its own
        return
    with House(Folder(asker.runtime.governed.path)) as house:  # opened to write: with the key of entry 0
        assert house.state.origin == ORIGIN
    for path, body in (("/v1/genesis", founding), ("/v1/genesis/draft", DRAFT)):
        assert asker.client.post(path, json=body, headers=once).status_code == 401


def test_a_ledger_that_was_founded_otherwise_keeps_its_key(tmp_path: Path, engine: Engine) -> None:
    """On an older folder the first start prints a token as well."""
    governed = Governed.founded(tmp_path / "data")
    asker, once = asker_of(Runtime(engine, governed)), administrator(engine, governed.now.timestamp())
    before = governed.folder.key.read_bytes()
    for path, body in (("/v1/genesis/draft", DRAFT), ("/v1/genesis", signed(""))):
        assert asker.client.post(path, json=body, headers=once).status_code == 409
    assert governed.folder.key.read_bytes() == before


@pytest.mark.parametrize("address", ["postgresql://nobody@127.0.0.1:1/nothing"])
def test_a_key_that_no_draft_names_is_left_as_it_is(tmp_path: Path, engine: Engine, address: str) -> None:
    """The ledger of a database leaves no file: where it cannot be asked, the key is what tells."""
    asker, once = new(tmp_path, engine)
    asker.client.post("/v1/genesis/draft", json=DRAFT, headers=once)
    reader = asker.runtime.gate.reader
    reader.folder = Folder(reader.folder.path, address)
    assert (
        asker.client.post("/v1/genesis/draft", json=DRAFT, headers=once).status_code == 200
    )  # a draft takes its place
    before = reader.folder.key.read_bytes()
    (reader.folder.path / "genesis-draft.json").unlink()  # as the founding does
    again = asker.client.post("/v1/genesis/draft", json=DRAFT, headers=once)
    assert (again.status_code, again.json()["type"].rpartition(":")[2]) == (409, "founded")
    assert reader.folder.key.read_bytes() == before


def test_a_founding_that_was_stopped_before_entry_0_goes_on(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asker, once = new(tmp_path, engine)
    drafted = asker.client.post("/v1/genesis/draft", json=DRAFT, headers=once).json()
    founding = signed(drafted["to_sign"])

    def breaks(*_: object) -> None:
        raise Broken

    with monkeypatch.context() as here, suppress(Broken):
        here.setattr(House, "append", breaks)
        assert asker.client.post("/v1/genesis", json=founding, headers=once).status_code == 500
    again = asker.client.post("/v1/genesis/draft", json=DRAFT, headers=once)  # its key would be of no ledger
    assert (again.status_code, "signatures again" in again.json()["detail"]) == (409, True)
    assert asker.client.post("/v1/genesis", json=founding, headers=once).status_code == 201
    with House(Folder(asker.runtime.governed.path)) as house:
        assert (house.state.origin, house.state.size) == (ORIGIN, 1)


def test_a_ledger_that_cannot_be_read_is_left_as_it_is(tmp_path: Path, engine: Engine) -> None:
    asker, once = new(tmp_path, engine)
    asker.client.post("/v1/genesis/draft", json=DRAFT, headers=once)
    file = asker.runtime.governed.path / "ledger.sqlite"
    file.write_bytes(b"what it was, nobody knows" * 100)
    assert asker.client.post("/v1/genesis/draft", json=DRAFT, headers=once).status_code == 409
    assert file.read_bytes().startswith(b"what it was")
