"""A backup of a running controller, and what comes back from it: the same, or nothing."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from governed import PERMIT, START, Governed
from kept_rows import fill, rows
from planned import small_twin
from sqlalchemy import Engine, create_engine, insert, inspect, select, text

from command_line import openleo
from openleo.controller import runtime
from openleo.controller.backup import Made, backup
from openleo.controller.backup_file import MANIFEST, Manifest, members, pack, unpack
from openleo.controller.clock import ManualClock
from openleo.controller.database import address_of, connect, reading, upgrade, writing
from openleo.controller.restore import restore
from openleo.controller.settings import Settings
from openleo.controller.tables import events, known
from openleo.errors import InputError
from openleo.governance.house import Folder, House
from openleo.governance.state import Refused
from openleo.ledger.faults import LedgerError, NotProven
from openleo.ledger.mark import Mark
from postgres_server import Server

NOW = START + timedelta(days=2)
KINDS = ("sqlite", "postgresql")


@dataclass
class Controller:
    """A data folder whose ledger governs, and its database with rows in every table."""

    folder: Folder
    governed: Governed

    @property
    def engine(self) -> Engine:
        return connect(address_of(self.folder.path, self.folder.database))

    def backup(self, out: Path, **options: Any) -> Made:
        return backup(self.folder, out, NOW, **options)

    def checkpoint(self) -> bytes:
        with House(self.folder, write=False) as house:
            note = house.ledger.signed()
            assert note is not None
            return note.encode()

    def history(self) -> tuple[int, str]:
        with House(self.folder, write=False) as house:
            return house.ledger.size, house.ledger.root.hex()


@dataclass
class Governing(Governed):
    """One whose ledger may be in a server's database."""

    address: str = ""

    @property
    def folder(self) -> Folder:
        return Folder(self.path, self.address)


Make = Callable[[str], Folder]
Founded = Callable[[Folder], Controller]
NOT_KEPT: dict[str, list[dict[str, Any]]] = {"sessions": [], "logins": []}


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Make]:
    """Empty places for controllers, by the kind of their database."""
    with ExitStack() as stack:
        made: list[str] = []

        def new(kind: str) -> Folder:
            made.append(kind)
            path = tmp_path / f"{kind}-{len(made)}"
            if kind == "sqlite":
                return Folder(path)
            server: Server = request.getfixturevalue("postgres")
            return Folder(path, stack.enter_context(server.database()))

        yield new


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A controller's folder and its backup: a book of rules is in force, and the ledger commits to an account."""
    folder = Folder(tmp_path_factory.mktemp("template") / "data")
    governed = Governing.founded(folder.path)
    governed.rules(PERMIT)
    governed.commit("account", "a-1")
    engine = connect(address_of(folder.path))
    upgrade(engine)
    fill(engine)
    engine.dispose()
    backup(folder, folder.path.with_name("b.tar"), NOW, with_keys=True)
    return folder.path


@pytest.fixture
def founded(template: Path) -> Callable[[Folder], Controller]:
    """The same at another place: a copy, or on a server restored, as nobody copies one."""

    def at(folder: Folder) -> Controller:
        if folder.database:
            restore(template.with_name("b.tar"), folder)
        else:
            shutil.copytree(template, folder.path)
        return Controller(folder, Governing(folder.path, START + timedelta(days=1), 1, address=folder.database))

    return at


def rows_of(folder: Folder) -> dict[str, list[dict[str, Any]]]:
    engine = connect(address_of(folder.path, folder.database))
    found = rows(engine)
    engine.dispose()
    return {table: kept for table, kept in found.items() if not table.startswith("ledger_")}


def artefacts(folder: Folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder.path / "artefacts").iterdir()}


@pytest.mark.parametrize("to", KINDS)
@pytest.mark.parametrize("of", KINDS)
def test_all_comes_back_on_either_database(
    of: str, to: str, place: Make, founded: Founded, template: Path, tmp_path: Path
) -> None:
    one = founded(place(of))
    made = one.backup(tmp_path / "b.tar", with_keys=True)
    assert made.manifest.ledger is not None
    assert (made.manifest.ledger.size, made.manifest.ledger.root) == one.history()
    assert made.manifest.ledger.checkpoint.encode() == one.checkpoint()
    assert (tmp_path / "b.tar").stat().st_mode & 0o777 == 0o600

    back = place(to)
    restore(tmp_path / "b.tar", back, not_before=one.checkpoint())
    before, after = rows_of(Folder(template)), rows_of(back)
    assert all(before.values())
    assert after == before | NOT_KEPT
    assert artefacts(back) == artefacts(one.folder)
    assert Controller(back, one.governed).history() == one.history()
    with House(back) as house:  # it can sign, and knows what it has signed
        assert Mark.beside(back.key).read() == (house.ledger.size, house.ledger.root)
        assert dict(house.state.active(NOW))["book:operator"]
    assert (back.path / "private" / "records.sqlite").stat().st_mode & 0o077 == 0
    _goes_on(back)


def _goes_on(back: Folder) -> None:
    engine = connect(address_of(back.path, back.database))
    assert upgrade(engine) == []
    with writing(engine) as connection:
        connection.execute(insert(events).values(at=0.0, kind="slot", body="{}"))
        assert max(connection.execute(select(events.c.id)).scalars()) == 3
    engine.dispose()


@pytest.mark.parametrize("to", KINDS)
def test_a_restored_controller_starts_and_reads_what_is_in_force(
    to: str, place: Make, founded: Founded, tmp_path: Path
) -> None:
    founded(one := place("sqlite"))
    backup(one, tmp_path / "b.tar", NOW)
    back = place(to)
    restore(tmp_path / "b.tar", back)
    settings = Settings.load(back.path, database=back.database)
    held = runtime.opened(small_twin(), back.path, settings, ManualClock(NOW.timestamp()))
    try:
        assert held.administrator is None, "somebody has a token already"
        assert held.read_in_force(NOW).ledger_size == Controller(one, Governed(one.path)).history()[0]
        assert held.in_force is not None
        assert [rule.id for rule in held.in_force.rules.rules] == ["everywhere"]
    finally:
        held.close()


def test_without_keys_it_is_read_and_not_signed_for(place: Make, founded: Founded, tmp_path: Path) -> None:
    one = founded(place("sqlite"))
    made = one.backup(tmp_path / "b.tar")
    assert not made.manifest.with_keys
    back = place("sqlite")
    restore(tmp_path / "b.tar", back)
    assert Controller(back, one.governed).history() == one.history()
    assert not back.key.exists()
    assert not (back.path / "private").exists()
    with pytest.raises(LedgerError, match=r"log\.key"):
        House(back)
    secret = one.folder.key.read_bytes()
    assert secret not in (tmp_path / "b.tar").read_bytes()


def test_before_the_ledger_is_founded_there_is_a_database_alone(place: Make, tmp_path: Path) -> None:
    one = place("sqlite")
    one.path.mkdir()
    engine = connect(address_of(one.path))
    upgrade(engine)
    fill(engine)
    engine.dispose()
    assert backup(one, tmp_path / "b.tar", NOW).manifest.ledger is None
    back = place("sqlite")
    restore(tmp_path / "b.tar", back)
    assert rows_of(back) == rows_of(one) | NOT_KEPT
    with pytest.raises(Refused, match="no ledger yet"):
        restore(tmp_path / "b.tar", place("sqlite"), not_before=b"a checkpoint")


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_written_meanwhile_the_parts_fit(kind: str, place: Make, founded: Founded, tmp_path: Path) -> None:
    """The database says how much of the ledger it has seen: never more than there is in the backup."""
    one = founded(place(kind))
    stop, faults = threading.Event(), []
    engine = one.engine

    def goes_on() -> None:
        try:
            with House(one.folder) as house:
                number = 0
                while not stop.is_set():
                    number += 1
                    document = house.artefacts.put_json({"number": number})
                    house.ledger.append([json.dumps({"artefact": document}).encode()], house.signer)
                    with writing(engine) as connection:
                        connection.execute(known.delete().where(known.c.name == "seen"))
                        connection.execute(insert(known).values(name="seen", value=str(house.ledger.size)))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test fails by it
            faults.append(error)

    thread = threading.Thread(target=goes_on)
    sizes = []
    thread.start()
    try:
        for number in range(3):
            staging = tmp_path / f"staging-{number}"
            staging.mkdir()
            # entries of no type are in no order: what is verified here is the ledger's structure
            sizes.append(_parts(one.folder, tmp_path / f"b{number}.tar", staging))
    finally:
        stop.set()
        thread.join()
        engine.dispose()
    assert not faults
    assert sizes[0] < sizes[-1]


def _parts(folder: Folder, out: Path, staging: Path) -> int:
    from openleo.controller import backup as module

    module._database(folder, staging)
    module._ledger(folder, staging)
    module._artefacts(folder, staging)
    seen = {row["name"]: row["value"] for row in pq.read_table(staging / "database/known.parquet").to_pylist()}
    entries = pq.read_table(staging / "ledger/ledger_entry.parquet").to_pylist()
    named = [json.loads(row["body"])["artefact"] for row in entries if row["body"].startswith(b'{"artefact"')]
    assert int(seen.get("seen", 0)) <= len(entries)
    assert all((staging / "artefacts" / name).is_file() for name in named)
    return len(entries)


# --- what is refused


@pytest.fixture
def made(place: Make, founded: Founded, template: Path, tmp_path: Path) -> Controller:
    shutil.copy(template.with_name("b.tar"), tmp_path)
    return founded(place("sqlite"))


def refused(file: Path, to: Folder, why: str, error: type[Exception] = Refused, **options: Any) -> None:
    """And nothing is left of it."""
    before = sorted(to.path.parent.iterdir())
    with pytest.raises(error, match=why):
        restore(file, to, **options)
    assert sorted(to.path.parent.iterdir()) == before
    if to.database:
        engine = connect(address_of(to.path, to.database))
        assert inspect(engine).get_table_names() == []
        engine.dispose()


def remade(tmp_path: Path, alter: Callable[[Path], None]) -> Path:
    """A backup whose members were altered by somebody who made its manifest fit."""
    staging = tmp_path / "remade"
    manifest = unpack(tmp_path / "b.tar", staging)
    alter(staging)
    out = tmp_path / "altered.tar"
    pack(staging, manifest.model_copy(update={"members": members(staging)}), out)
    return out


def test_a_backup_older_than_a_checkpoint_that_is_known_is_refused(
    made: Controller, place: Make, tmp_path: Path
) -> None:
    made.governed.rules({**PERMIT, "classes": ["more"]})
    for kind in KINDS:
        refused(tmp_path / "b.tar", place(kind), "older than the checkpoint", not_before=made.checkpoint())


def test_a_backup_of_another_history_is_refused(made: Controller, place: Make, tmp_path: Path) -> None:
    """The log's key signed something else at a size that the backup has: on another copy."""
    copy = place("sqlite")
    restore(tmp_path / "b.tar", copy)
    fork = Governed(copy.path, now=made.governed.now + timedelta(hours=1), made=50)
    fork.rules({**PERMIT, "classes": ["fork"]})
    forked = Controller(copy, fork).checkpoint()
    made.governed.rules({**PERMIT, "classes": ["more"]})
    made.backup(tmp_path / "more.tar")
    refused(tmp_path / "more.tar", place("sqlite"), "another history", not_before=forked)


def test_a_checkpoint_of_another_log_is_refused(made: Controller, place: Make, tmp_path: Path) -> None:
    other = Controller(Folder(tmp_path / "other"), Governing.founded(tmp_path / "other"))
    refused(tmp_path / "b.tar", place("sqlite"), "not signed by a log", NotProven, not_before=other.checkpoint())


def test_an_altered_or_broken_file_is_refused(made: Controller, place: Make, tmp_path: Path) -> None:
    data = (tmp_path / "b.tar").read_bytes()
    with tarfile.open(tmp_path / "b.tar") as tar:
        inside = next(member for member in tar if member.name == "database/terminals.parquet")
    altered = bytearray(data)
    altered[inside.offset_data + 40] ^= 1
    for name, what, why in (
        ("altered", bytes(altered), "terminals.parquet was altered"),
        ("cut", data[: len(data) // 2], "cut off"),
        ("cut between", data[: inside.offset], "cut off"),
        ("nothing", b"", "is no backup"),
        ("text", b"hello " * 1000, "is no backup"),
    ):
        (tmp_path / name).write_bytes(what)
        refused(tmp_path / name, place("sqlite"), why)


def test_members_that_are_no_part_of_a_backup_are_refused(place: Make, tmp_path: Path) -> None:
    for number, name in enumerate(("../../evil", "/etc/evil", "keys/../evil", "database/evil.sh")):
        out = tmp_path / f"{number}.tar"
        said = {"format": 1, "made_at": "", "openleo": "", "version": "0001", "ledger": None,
                "members": {name: {"sha256": "", "bytes": 4}}}  # fmt: skip
        with tarfile.open(out, "w") as tar:
            for member, data in ((MANIFEST, json.dumps(said).encode()), (name, b"evil")):
                info = tarfile.TarInfo(member)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        refused(out, place("sqlite"), "no part of a backup")


def test_a_ledger_that_does_not_hold_is_refused_whatever_the_manifest_says(
    made: Controller, place: Make, tmp_path: Path
) -> None:
    def alter(staging: Path) -> None:
        path = staging / "ledger/ledger_entry.parquet"
        entries = pq.read_table(path).to_pylist()
        entries[2]["body"] += b" "
        pq.write_table(pa.Table.from_pylist(entries), path)

    for kind in KINDS:
        refused(remade(tmp_path, alter), place(kind), "entry 2", NotProven)
        (tmp_path / "altered.tar").unlink()
        for path in sorted((tmp_path / "remade").rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()


def test_an_artefact_that_is_another_is_refused(made: Controller, place: Make, tmp_path: Path) -> None:
    def alter(staging: Path) -> None:
        next((staging / "artefacts").iterdir()).write_bytes(b"another")

    refused(remade(tmp_path, alter), place("sqlite"), "was altered")


def test_a_manifest_that_says_another_ledger_is_refused(made: Controller, place: Make, tmp_path: Path) -> None:
    staging = tmp_path / "remade"
    manifest = unpack(tmp_path / "b.tar", staging)
    assert manifest.ledger is not None
    other = manifest.ledger.model_copy(update={"size": manifest.ledger.size + 1})
    pack(staging, manifest.model_copy(update={"ledger": other}), tmp_path / "altered.tar")
    refused(tmp_path / "altered.tar", place("sqlite"), "not the one that its manifest says")


def test_a_schema_that_this_version_does_not_know_is_refused(made: Controller, place: Make, tmp_path: Path) -> None:
    staging = tmp_path / "remade"
    manifest: Manifest = unpack(tmp_path / "b.tar", staging)
    pack(staging, manifest.model_copy(update={"version": "9999"}), tmp_path / "altered.tar")
    for kind in KINDS:
        refused(tmp_path / "altered.tar", place(kind), "schema 9999", InputError)


def test_only_an_empty_place_is_restored_to(made: Controller, place: Make, tmp_path: Path) -> None:
    to = place("sqlite")
    to.path.mkdir()
    restore(tmp_path / "b.tar", to)  # an empty folder is one
    refused(tmp_path / "b.tar", to, "is not empty")
    taken = place("postgresql")
    engine = create_engine(address_of(taken.path, taken.database))
    with engine.begin() as connection:
        connection.execute(text("create table terminals (a integer)"))
    with pytest.raises(Refused, match="has a table terminals"):
        restore(tmp_path / "b.tar", taken)
    assert inspect(engine).get_table_names() == ["terminals"]
    engine.dispose()
    assert not taken.path.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_at_the_last_step_leaves_nothing(
    kind: str, made: Controller, place: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.sync", full)
    refused(tmp_path / "b.tar", place(kind), "No space left", OSError)


def test_a_backup_that_fails_leaves_no_file_and_none_is_written_over(made: Controller, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="never written over"):
        made.backup(tmp_path / "b.tar")
    victim = next((made.folder.path / "artefacts").iterdir())
    victim.write_bytes(b"another")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(Refused, match="was altered"):
        made.backup(tmp_path / "c.tar")
    assert sorted(tmp_path.iterdir()) == before


def test_a_database_of_another_schema_is_not_backed_up(made: Controller, tmp_path: Path) -> None:
    with writing(made.engine) as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(Refused, match="is of schema 9999"):
        made.backup(tmp_path / "c.tar")


def test_on_the_command_line(place: Make, founded: Founded, tmp_path: Path) -> None:
    one = founded(place("sqlite"))
    code, out, err = openleo("controller", "backup", "--data", one.folder.path, "--out", tmp_path / "b.tar", "--json")
    assert code == 0, err
    said = json.loads(out)
    assert (said["ok"], said["with_keys"], said["ledger"]["size"]) == (True, False, one.history()[0])
    assert "keep log.key and private/ elsewhere" in err

    (tmp_path / "checkpoint").write_bytes(one.checkpoint())
    back = tmp_path / "back"
    words = ("controller", "restore", tmp_path / "b.tar", "--data", back, "--checkpoint", tmp_path / "checkpoint")
    code, out, err = openleo(*words)
    assert (code, err) == (0, "")
    assert f"ledger of {one.history()[0]} entries" in out
    code, _, err = openleo(*words)
    assert code == 3
    assert "is not empty" in err

    one.governed.rules({**PERMIT, "classes": ["more"]})
    (tmp_path / "checkpoint").write_bytes(one.checkpoint())
    code, out, _ = openleo(*words[:3], "--data", tmp_path / "new", *words[5:], "--json")
    assert code == 3
    assert "older than the checkpoint" in json.loads(out)["why"]
    code, _, err = openleo("controller", "backup", "--data", tmp_path / "nowhere", "--out", tmp_path / "c.tar")
    assert code == 3
    assert "holds no database" in err
    code, out, _ = openleo("controller", "confirm-clock", "--data", back)
    assert (code, out) == (0, "no jump stood\n")


def test_reading_a_backup_takes_nothing_but_common_tools(made: Controller, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "b.tar") as tar:
        file = tar.extractfile("database/terminals.parquet")
        assert file is not None
        table = pq.read_table(io.BytesIO(file.read()))
    with reading(made.engine) as connection:
        assert table.num_rows == len(connection.execute(text("select id from terminals")).all())
