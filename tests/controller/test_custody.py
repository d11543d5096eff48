"""A terminal's history: rows are added, and the database itself lets none be changed or go."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, Engine, Table, delete, insert, text, update
from sqlalchemy.exc import IntegrityError

from openleo.controller import accounts, custody, registry
from openleo.controller import audit as auditing
from openleo.controller.accounts import Account
from openleo.controller.custody import Event, What
from openleo.controller.database import reading, writing
from openleo.controller.registry import RegisteredTerminal
from openleo.controller.roles import ANONYMOUS
from openleo.controller.tables import audit, metadata
from openleo.controller.tables import custody as custody_table

A, T = "hmac-sha256:" + "a" * 64, "hmac-sha256:" + "b" * 64


@pytest.fixture
def kept(engine: Engine) -> Engine:
    """A database with one terminal, two events of it, and an audited act."""
    with writing(engine) as connection:
        accounts.add(connection, [Account("a-1", "", A, None, 0.0)])
        registry.add(connection, [RegisteredTerminal("t-1", "a-1", "fixed", "TWN", b"k" * 32, T)])
        custody.add(connection, [Event("t-1", 1.0, What.ENROLLED, {}, {"account": "a-1"}, "kim")])
        custody.add(connection, [Event("t-1", 2.0, What.STATE, {"state": "active"}, {"state": "lost"}, "lee", "fell")])
        row = {"at": 1.0, "principal": "kim", "party": "operator", "what": "changed", "about": "t-1", "body": "{}"}
        connection.execute(insert(audit).values(row))
    return engine


def test_events_come_back_in_their_order(kept: Engine) -> None:
    with reading(kept) as connection:
        first, second = custody.of(connection, "t-1")
        assert [one.id for one in custody.of(connection, "t-1", after=first.id)] == [second.id]
        assert custody.of(connection, "t-2") == []
    assert (first.what, first.after, first.actor) == (What.ENROLLED, {"account": "a-1"}, "kim")
    assert (second.what, second.before, second.after) == (What.STATE, {"state": "active"}, {"state": "lost"})
    assert (second.at_s, second.reason) == (2.0, "fell")


@pytest.mark.parametrize("table", [custody_table, audit], ids=lambda table: table.name)
@pytest.mark.parametrize("verb", ["update", "delete", "delete none", "replace", "truncate"])
def test_the_database_refuses_to_change_what_is_only_ever_added_to(kept: Engine, table: Table, verb: str) -> None:
    on_sqlite = kept.dialect.name == "sqlite"
    if verb == ("truncate" if on_sqlite else "replace"):
        pytest.skip("of the other database")
    one = {"custody": "1, 't-1', 9, 'state', '{}', '{}', 'eve', ''", "audit": "1, 9, 'eve', 'x', 'x', 'x', '{}'"}
    statement = {
        "update": update(table).values(at=9.0),
        "delete": delete(table).where(table.c.id == 1),
        "delete none": delete(table),
        "replace": text(f"insert or replace into {table.name} values ({one[table.name]})"),
        "truncate": text(f"truncate {table.name} cascade"),
    }[verb]
    with pytest.raises(IntegrityError, match="only added to"), writing(kept) as connection:
        connection.execute(statement)
    with reading(kept) as connection:
        assert [one.at_s for one in custody.of(connection, "t-1")] == [1.0, 2.0]


def test_the_tables_go_and_come_again(engine: Engine) -> None:
    metadata.drop_all(engine)
    metadata.create_all(engine)
    with writing(engine) as connection:
        connection.execute(insert(audit).values(at=1.0, principal="", party="", what="", about="", body=""))
    with pytest.raises(IntegrityError, match="only added to"), writing(engine) as connection:
        connection.execute(delete(audit))


def _custody(connection: Connection) -> None:
    custody.add(connection, [Event("t-1", 3.0, What.STATE, {}, {"state": "active"}, "kim")])


def _audit(connection: Connection) -> None:
    auditing.record(connection, 3.0, ANONYMOUS, "refused", "t-1")


@pytest.mark.parametrize("add", [_custody, _audit])
def test_rows_become_known_in_the_order_of_their_ids(kept: Engine, add: Callable[[Connection], None]) -> None:
    """Who reads on from the newest that he knows misses none: the second writer waits for the first one's commit."""
    done = threading.Event()

    def second() -> None:
        with writing(kept) as connection:
            add(connection)
        done.set()

    other = threading.Thread(target=second)
    with writing(kept) as connection:
        add(connection)
        other.start()
        assert not done.wait(0.3)
    other.join(5.0)
    assert done.is_set()
