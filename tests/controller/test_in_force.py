"""What the controller takes for in force: proven by the ledger, kept for a time without it, and then nothing."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from governed import PERMIT, START, Governed, book, rule
from sqlalchemy import Engine, select
from world_made import roster

from openleo.changes import sha256_of
from openleo.controller.database import address_of, connect, reading
from openleo.controller.in_force import NO_GENESIS, Gate, InForce, LedgerReader, Outage, network_fault
from openleo.controller.tables import known, metadata
from openleo.governance.house import Folder, House
from openleo.governance.moves import SUSPENDED
from openleo.governance.registry import Registry
from openleo.governance.state import Refused
from openleo.ledger.faults import LedgerError, NotProven
from openleo.ledger.policy import UNWITNESSED
from postgres_server import Server

FORBID = book("regulator:PRY", rule("strip", "forbid", "PRY"))


@pytest.fixture
def governed(tmp_path: Path) -> Governed:
    made = Governed.founded(tmp_path / "data")
    made.rules(PERMIT)
    return made


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Engine]:
    engine = connect(address_of(tmp_path))
    metadata.create_all(engine)
    yield engine
    engine.dispose()


def read(governed: Governed, reader: LedgerReader | None = None) -> InForce:
    return (reader or LedgerReader(governed.folder)).read(governed.now)


def rule_ids(found: InForce) -> list[str]:
    return [one.id for one in found.rules.rules]


def test_what_was_activated_is_in_force_with_its_proof(governed: Governed) -> None:
    found = read(governed)
    assert rule_ids(found) == ["everywhere"]
    assert found.books == {"operator": PERMIT}
    with House(governed.folder, write=False) as house:
        assert (found.ledger_size, found.ledger_root) == (house.ledger.size, house.ledger.root.hex())
    assert (found.witnessed, found.unwitnessed_because) == (False, UNWITNESSED)


def test_a_book_names_the_change_and_the_entry_that_put_it_there(governed: Governed) -> None:
    before = read(governed).entry_of("operator")
    governed.rules(FORBID)
    found = read(governed)
    forbid = found.entry_of("regulator:PRY")
    assert before == found.entry_of("operator")
    assert before is not None
    assert forbid is not None
    assert (before.change, forbid.change, forbid.sha256) == ("c-1", "c-2", sha256_of(FORBID))
    with House(governed.folder, write=False) as house:
        logged = [json.loads(house.ledger.entry(one.entry)) for one in (before, forbid)]
    assert [one["type"] for one in logged] == ["change.activated"] * 2
    governed.break_glass({"book:regulator:PRY": sha256_of(PERMIT | {"book": "regulator:PRY"})})
    governed.put(PERMIT | {"book": "regulator:PRY"})
    assert read(governed).entry_of("regulator:PRY") is None
    assert read(governed).entry_of("nobody") is None


def test_before_the_genesis_nobody_is_served(tmp_path: Path) -> None:
    found = Gate(LedgerReader(Folder(tmp_path))).current(START)
    assert isinstance(found, InForce)
    assert (found.founded, found.rules.rules, found.unwitnessed_because) == (False, (), NO_GENESIS)


def test_before_the_genesis_in_postgresql(tmp_path: Path, postgres: Server) -> None:
    with postgres.database() as address:
        found = Gate(LedgerReader(Folder(tmp_path, address))).current(START)
        assert isinstance(found, InForce)
        assert not found.founded


def test_each_reading_goes_on_from_the_last(governed: Governed, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = LedgerReader(governed.folder)
    size = read(governed, reader).ledger_size
    governed.rules(FORBID)
    followed: list[int] = []
    follow = type(reader._done.history).follow

    def counted(self, entries):  # type: ignore[no-untyped-def]
        held = list(entries)
        followed.append(len(held))
        return follow(self, held)

    monkeypatch.setattr(type(reader._done.history), "follow", counted)
    found = read(governed, reader)
    assert sorted(rule_ids(found)) == ["everywhere", "strip"]
    assert followed == [found.ledger_size - size]
    assert read(governed, reader).ledger_size == found.ledger_size
    assert followed[1:] == [0]


def test_break_glass_holds_and_lapses_by_the_clock(governed: Governed) -> None:
    governed.put(FORBID)
    governed.break_glass({"book:regulator:PRY": sha256_of(FORBID)}, hours=2)
    gate = Gate(LedgerReader(governed.folder))
    assert sorted(rule_ids(gate.current(governed.now))) == ["everywhere", "strip"]  # type: ignore[arg-type]
    governed.wait(hours=2)
    assert rule_ids(gate.current(governed.now)) == ["everywhere"]  # type: ignore[arg-type]


def test_break_glass_lapses_though_the_ledger_is_gone(governed: Governed) -> None:
    governed.put(FORBID)
    governed.break_glass({"book:regulator:PRY": sha256_of(FORBID)}, hours=2)
    gate = Gate(LedgerReader(governed.folder))
    gate.current(governed.now)
    shutil.rmtree(governed.path)
    governed.wait(hours=2, seconds=-1)
    found = gate.current(governed.now)
    assert isinstance(found, InForce)
    assert sorted(rule_ids(found)) == ["everywhere", "strip"]
    governed.wait(seconds=1)
    assert rule_ids(gate.current(governed.now)) == ["everywhere"]  # type: ignore[arg-type]


def test_without_storage_it_stays_for_a_day_and_then_nothing(governed: Governed) -> None:
    gate = Gate(LedgerReader(governed.folder))
    gate.current(governed.now)
    (governed.path / "ledger.sqlite").rename(governed.path / "away")
    governed.wait(seconds=15)
    found = gate.current(governed.now)
    assert isinstance(found, InForce)
    assert found.alarm is not None
    assert "is not there" in found.alarm.why
    assert (found.alarm.since, found.alarm.until) == (governed.now, START + timedelta(hours=24))
    assert rule_ids(found) == ["everywhere"]
    governed.now = START + timedelta(hours=24)
    none = gate.current(governed.now)
    assert isinstance(none, Outage)
    assert none.since == START + timedelta(seconds=15)
    assert none.in_force.rules.rules == ()
    (governed.path / "away").rename(governed.path / "ledger.sqlite")
    back = gate.current(governed.now)
    assert isinstance(back, InForce)
    assert back.alarm is None


def test_the_roster_says_how_long(tmp_path: Path) -> None:
    governed = Governed.founded(tmp_path / "data", roster(storage_outage_hours=1))
    gate = Gate(LedgerReader(governed.folder))
    gate.current(governed.now)
    shutil.rmtree(governed.path)
    governed.wait(hours=1)
    assert isinstance(gate.current(governed.now), Outage)


def test_a_controller_that_starts_without_the_ledger_permits_nothing(governed: Governed, cache: Engine) -> None:
    read(governed, LedgerReader(governed.folder, cache))
    (governed.path / "ledger.sqlite").unlink()
    found = Gate(LedgerReader(governed.folder, cache)).current(governed.now)
    assert isinstance(found, Outage)
    assert "is not there" in found.why


def test_an_old_copy_of_the_ledger_is_told_after_a_restart(governed: Governed, cache: Engine, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(governed.path, copy)
    governed.rules(FORBID)
    size = read(governed, LedgerReader(governed.folder, cache)).ledger_size
    with reading(cache) as connection:
        kept = json.loads(connection.execute(select(known.c.value).where(known.c.name == "ledger")).scalar_one())
    assert kept["size"] == size
    with pytest.raises(NotProven, match=f"{size} were seen here"):  # the mark beside the key is of the copy, too
        LedgerReader(Folder(copy), cache).read(governed.now)


def test_another_history_is_told_after_a_restart(governed: Governed, cache: Engine, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(governed.path, copy)
    governed.rules(FORBID)
    read(governed, LedgerReader(governed.folder, cache))
    forked = Governed(copy, governed.now, made=5)
    for number in range(3):
        forked.rules(book("operator", rule(f"other-{number}", "permit", "world")))
    with pytest.raises(NotProven):
        LedgerReader(forked.folder, cache).read(forked.now)


@pytest.mark.parametrize("table", ["ledger_entry", "ledger_tile", "ledger_checkpoint"])
def test_a_ledger_that_was_altered_moves_nothing(governed: Governed, table: str) -> None:
    gate = Gate(LedgerReader(governed.folder))
    before = gate.current(governed.now)
    governed.rules(FORBID)
    change = {
        "ledger_entry": "update ledger_entry set body = replace(body, 'PRY', 'TWN') where number = 8",
        "ledger_tile": "update ledger_tile set hashes = zeroblob(length(hashes))",
        "ledger_checkpoint": "delete from ledger_checkpoint where size = (select max(size) from ledger_checkpoint)",
    }[table]
    with sqlite3.connect(governed.path / "ledger.sqlite") as database:
        database.execute(change)
    database.close()
    for _ in range(2):
        found = gate.current(governed.now)
        assert isinstance(found, InForce)
        assert isinstance(before, InForce)
        assert found.alarm is not None
        assert (found.rules, found.ledger_size) == (before.rules, before.ledger_size)
    assert isinstance(Gate(LedgerReader(governed.folder)).current(governed.now), Outage)


def test_a_book_that_was_altered_moves_nothing(governed: Governed) -> None:
    gate = Gate(LedgerReader(governed.folder))
    gate.current(governed.now)
    governed.rules(FORBID)
    governed.folder.artefacts.path(sha256_of(FORBID)).write_bytes(b"{}")
    found = gate.current(governed.now)
    assert isinstance(found, InForce)
    assert found.alarm is not None
    assert "altered" in found.alarm.why
    assert rule_ids(found) == ["everywhere"]


def test_the_ledger_is_read_while_another_process_writes(governed: Governed) -> None:
    reader = LedgerReader(governed.folder)
    read(governed, reader)
    with House(governed.folder):
        assert read(governed, reader).founded
        with pytest.raises(LedgerError, match="another process writes"):
            House(governed.folder)


# --- whom targets mean ----------------------------------------------------------------------------------------------


def test_targets_are_the_names_of_the_registry(governed: Governed) -> None:
    accounts = governed.commit("account", "acme", "other")
    terminals = governed.commit("terminal", "t-1", "t-2")
    members = governed.folder.artefacts.put_json(sorted([accounts["other"], terminals["t-1"]]), private=True)
    governed.change("account", {f"account:{accounts['acme']}": SUSPENDED})
    governed.change("class", {f"class:{terminals['t-2']}": "maritime"})
    governed.change("group", {"group:Rescue": members})
    meant = read(governed).meant
    assert meant.suspended_accounts == {"acme"}
    assert meant.class_of("t-2", "acme", "fixed") == "maritime"
    assert meant.class_of("t-1", "acme", "fixed") == "fixed"
    assert meant.groups_of("t-1", "acme", ["rescue", "fleet"]) == {"rescue", "fleet"}
    assert meant.groups_of("t-9", "other", []) == {"rescue"}
    assert meant.groups_of("t-9", "acme", ["rescue"]) == frozenset()  # the ledger's list is the one that counts
    assert meant.unresolved == ()


def test_an_account_that_was_forgotten_is_told(governed: Governed) -> None:
    accounts = governed.commit("account", "acme")
    governed.act(f"account:{accounts['acme']}", SUSPENDED)
    with Registry(governed.path) as registry:
        registry.forget(accounts["acme"])
    meant = read(governed).meant
    assert (meant.suspended_accounts, meant.unresolved) == (frozenset(), (accounts["acme"],))


def test_without_the_registry_nobody_knows_whom_to_cut_off(governed: Governed) -> None:
    accounts = governed.commit("account", "acme")
    governed.act(f"account:{accounts['acme']}", SUSPENDED)
    (governed.path / "private" / "records.sqlite").unlink()
    with pytest.raises(Refused, match="nobody can tell whom"):
        read(governed)
    assert not (governed.path / "private" / "records.sqlite").exists()


# --- the network ----------------------------------------------------------------------------------------------------


def test_a_network_that_was_not_approved_is_told_with_both_hashes(governed: Governed) -> None:
    approved, other = "1" * 64, "2" * 64
    assert network_fault(read(governed), other) == ""  # none was approved yet
    governed.change("network", {"network": approved})
    found = read(governed)
    assert found.network == approved
    assert network_fault(found, approved) == ""
    said = network_fault(found, other)
    assert approved in said
    assert other in said
    assert "openleo change propose-network" in said
