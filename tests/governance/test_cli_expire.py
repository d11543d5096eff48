"""A change that ran out is closed by the command line; and every type of entry has a verb that writes it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from office import Office
from test_life import change_roster, status
from world_made import LINES, OPERATORS, TWN, World, roster

from command_line import openleo
from openleo.cli import change_audit, change_expire, change_vote
from openleo.cli.change_common import clock, placed
from openleo.governance.entries import TYPES, Expired
from openleo.governance.state import Status

# Who writes each type of entry: a verb; or what an activation tells besides, by the kind of its change.
WRITTEN_BY = {
    "genesis": "officer found",
    "change.proposed": "change propose",
    "change.effect": "change propose",
    "change.approval": "change approve",
    "approval.withdrawn": "change withdraw",
    "change.rejection": "change reject",
    "change.activated": "change activate",
    "change.expired": "change expire",
    "objection": "change object",
    "break_glass.used": "change break-glass",
    "break_glass.reviewed": "change review",
    "network.changed": "change activate",
    "account.suspended": "change act",
    "account.reinstated": "change act",
    "class.changed": "change act",
    "group.changed": "change act",
    "key.added": "change activate",
    "key.revoked": "officer revoke-key",
    "quorum.changed": "change activate",
    "log_key.rotated": "change activate",
    "terminal.enrolled": "change enrol",
    "terminal.transferred": "change transfer",
    "terminal.revoked": "change revoke-terminal",
    "mask.published": "change record",
    "enforcement.summary": "change record",
    "disclosure": "change record",
}


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office.founded(tmp_path)


def later(monkeypatch: pytest.MonkeyPatch, **time: float) -> None:
    for module in (change_expire, change_audit, change_vote):
        monkeypatch.setattr(module, "clock", lambda: clock() + timedelta(**time))


def test_what_ran_out_is_closed_and_nothing_else(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    first = office.propose("propose-log-key", "first", of="officer")["change"]
    said = office.change("expire", office.path / "first", code=3)
    assert f"{first} is approving, and has not ended by itself: it may be activated until 2" in said
    assert json.loads(office.change("expire", "--all", "--json")) == {"ok": True, "expired": []}
    assert len(office.entries()) == 2
    later(monkeypatch, days=400)
    office.change("expire", office.path / "first")
    assert "closed already" in office.change("expire", first, code=3)
    (entry,) = office.entries(first=3)
    assert (entry["type"], entry["body"]["change"]) == ("change.expired", first)
    assert entry["body"]["why"].startswith("over since 2")
    assert office.audit()["ok"]


def test_all_that_ran_out_are_closed_together(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [office.propose("propose-log-key", name, of="officer")["change"] for name in ("one", "two")]
    later(monkeypatch, days=400)
    said = json.loads(office.change("expire", "--all", "--json"))
    assert [row["change"] for row in said["expired"]] == ids
    assert [row["entry"] for row in said["expired"]] == [5, 6]
    assert "No change ended by itself" in openleo("change", "expire", "--all", "--ledger", office.ledger)[2]


@pytest.mark.parametrize("words", [(), ("c-1", "--all")])
def test_one_change_or_all_are_named(office: Office, words: tuple[str, ...]) -> None:
    assert "or --all is needed" in office.change("expire", *words, code=2)
    assert "no change c-9" in office.change("expire", "c-9", code=3)


def test_replaying_refuses_a_change_that_is_said_to_be_over_and_is_not() -> None:
    world = World.founded()
    world.propose()
    false = Expired(change="c-1", why="the operator says so")
    assert "c-1 is approving, and has not ended by itself" in world.why(false)
    world.approve("c-1", OPERATORS[1], TWN[0])
    assert "c-1 is ready" in world.why(false)
    world.wait(days=14, seconds=-1)
    assert "c-1 is ready" in world.why(false)
    world.wait(seconds=1)
    world.append(false)
    assert world.replayed().status("c-1", world.now) is Status.EXPIRED


def test_a_change_in_force_or_rejected_does_not_run_out() -> None:
    world = World.founded()
    world.propose("c-1")
    world.approve("c-1", OPERATORS[1], TWN[0])
    world.activate("c-1")
    world.wait(days=400)
    assert world.why(Expired(change="c-1", why="old")) == "c-1 is active, and has not ended by itself"


def test_what_is_void_is_closed_with_its_reason() -> None:
    world = World.founded()
    world.propose("c-1")
    change_roster(world, roster(lines=LINES[:2]), "r-1", *OPERATORS[1:], TWN[0])
    assert status(world) is Status.VOID
    assert not world.why(Expired(change="c-1", why="the roster moved"))


def test_every_type_of_entry_has_a_verb() -> None:
    assert WRITTEN_BY.keys() == TYPES.keys()
    for verb in set(WRITTEN_BY.values()):
        code, out, err = openleo(*verb.split(), "--help")
        assert code == 0, out + err


SPAN = {"from": "2026-03-01T00:00:00Z", "until": "2026-03-02T00:00:00Z"}
TOLD = {
    "mask.published": SPAN | {"sha256": "a" * 64, "note": "to the network"},
    "enforcement.summary": SPAN | {"sha256": "b" * 64, "note": ""},
    "disclosure": {
        "party": "a court",
        "what": "a subscriber's records",
        "legal_reference": "order 7",
        "asked_at": SPAN["from"],
        "given": "nothing",
    },
}


@pytest.mark.parametrize("type_", TOLD)
def test_what_only_tells_something_is_recorded(office: Office, type_: str) -> None:
    said = office.path / "said.json"
    said.write_text(json.dumps(TOLD[type_]))
    assert json.loads(office.change("record", type_, "--json", said, "--json-out")) == {"ok": True, "entry": 1}
    assert [(entry["type"], entry["body"]) for entry in office.entries()] == [(type_, TOLD[type_])]
    assert office.audit()["ok"]


def test_the_number_of_an_entry_at_fault_is_said_once(office: Office) -> None:
    office.propose("propose-log-key", "first", of="officer")
    database = office.ledger / "ledger.sqlite"
    database.write_bytes(database.read_bytes().replace(b"an example", b"an exbmple"))
    said = office.change("show", code=3)
    assert said.count("entry 1") == 1
    assert "no: entry 1 was altered" in said
    assert placed(12, "entry 1 is another") == "entry 12: entry 1 is another"
