"""The same ledger in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledgers import LOG, ORIGIN, entries, mth
from openleo.ledger import merkle, policy, proof, store, tiles
from openleo.ledger.faults import NotProven, Unavailable
from openleo.ledger.mark import Mark
from postgres_server import Server

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed: pip install openleo[postgres]")


@pytest.fixture
def ledger(postgres: Server) -> Iterator[str]:
    """An empty ledger, in a database of its own."""
    with postgres.database() as address:
        store.create(address, LOG.verifier)
        yield address


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
