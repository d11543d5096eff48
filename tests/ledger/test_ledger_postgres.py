"""The same ledger in PostgreSQL: a server of its own in a temporary folder, reached through its socket."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledgers import LOG, ORIGIN, entries, mth
from openleo.ledger import merkle, policy, proof, store, tiles
from openleo.ledger.faults import NotProven, Unavailable
from openleo.ledger.mark import Mark

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed: pip install openleo[postgres]")
PROGRAMS = [shutil.which(name) for name in ("initdb", "pg_ctl")]
AS_POSTGRES = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
pytestmark = pytest.mark.skipif(not all(PROGRAMS), reason="initdb and pg_ctl are not installed: postgresql")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server; as root it runs as the user postgres, since it refuses to run as root."""
    initdb, pg_ctl = map(str, PROGRAMS)
    folder = Path(tempfile.mkdtemp(prefix="ledger"))
    if AS_POSTGRES:
        shutil.chown(folder, "postgres", "postgres")

    def run(*command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, cwd=folder, **AS_POSTGRES)

    try:
        run(initdb, "-D", f"{folder}/data", "-U", "openleo", "-A", "trust", "-E", "UTF8")
        run(
            pg_ctl,
            "-D",
            f"{folder}/data",
            "-w",
            "-o",
            f"-k {folder} -c listen_addresses=",
            "-l",
            f"{folder}/log",
            "start",
        )
        yield f"postgresql://openleo@/postgres?host={folder}"
        run(pg_ctl, "-D", f"{folder}/data", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def ledger(server: str) -> str:
    """An empty ledger."""
    with psycopg.connect(server, autocommit=True) as connection:
        for table in ("about", "entry", "tile", "checkpoint"):
            connection.execute(f"drop table if exists ledger_{table}")
    store.create(server, LOG.verifier)
    return server


def alter(ledger: str, statement: str) -> None:
    with psycopg.connect(ledger, autocommit=True) as connection:
        connection.execute(statement)


def test_it_is_the_same_tree(ledger: str, tmp_path: Path) -> None:
    mark = Mark(tmp_path / "mark")
    with store.open_ledger(ledger, mark=mark) as log:
        for first, count in ((0, 1), (1, 255), (256, 700)):
            log.append(entries(count, first), LOG if first else None)
        assert log.root == mth(merkle.leaf_hashes(entries(956)))
        proven = proof.check(proof.parse(log.prove(77).encode()), policy.of_log(LOG.verifier))
        assert proven.leaf == merkle.leaf_hash(entries(956)[77])
        tiles.check_all(log.fetch, log.size, log.root)
    with store.open_ledger(ledger, mark=Mark(tmp_path / "mark")) as log:
        assert [body for _, body in log.entries()] == entries(956)
    assert mark.read() == (956, mth(merkle.leaf_hashes(entries(956))))


@pytest.mark.parametrize(
    ("statement", "entry"),
    [
        ("update ledger_entry set body = 'x' where number = 77", 77),
        ("delete from ledger_entry where number = 300", 300),
        ("update ledger_tile set hashes = substring(hashes for 32) where level = 0 and number = 0", 1),
    ],
)
def test_altered_by_hand_it_is_not_opened(ledger: str, statement: str, entry: int) -> None:
    with store.open_ledger(ledger) as log:
        log.append(entries(400), LOG)
    alter(ledger, statement)
    with pytest.raises(NotProven) as refused:
        store.open_ledger(ledger)
    assert refused.value.entry == entry


def test_who_closes_it_leaves_room_at_once_for_the_next_writer(ledger: str) -> None:
    for number in range(20):
        with store.open_ledger(ledger) as log:
            log.append(entries(1), LOG)
            assert log.size == number + 1


def test_there_is_one_writer_and_any_number_of_readers(ledger: str) -> None:
    with store.open_ledger(ledger) as log:
        log.append(entries(5), LOG)
        with pytest.raises(Unavailable, match="another process writes"):
            store.open_ledger(ledger)
        with store.open_ledger(ledger, write=False) as reading:
            assert reading.size == 5
            with pytest.raises(Unavailable, match="read-only"):
                reading.append([b"x"])
    with store.open_ledger(ledger) as log:
        assert log.size == 5


def test_a_batch_that_fails_leaves_nothing(ledger: str) -> None:
    with store.open_ledger(ledger) as log:
        log.append(entries(5), LOG)
        alter(ledger, "insert into ledger_entry values (7, 'x', 'y')")
        with pytest.raises(Unavailable, match="duplicate key"):
            log.append(entries(5, 5), LOG)
        assert log.size == 5
    alter(ledger, "delete from ledger_entry where number = 7")
    with store.open_ledger(ledger) as log:
        assert (log.size, log.origin) == (5, ORIGIN)


def test_a_server_that_is_not_there_is_said_without_its_password() -> None:
    with pytest.raises(Unavailable, match="the database x at 127") as refused:
        store.open_ledger("postgresql://someone:secret@127.0.0.1:1/x")
    assert "secret" not in str(refused.value)
