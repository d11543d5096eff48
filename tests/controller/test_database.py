"""What every use of the database relies on, on SQLite and on PostgreSQL."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, func, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from openleo.controller import database
from openleo.controller.database import Fenced, Unavailable, reading, writing
from openleo.controller.tables import known, leadership
from openleo.errors import InputError

ON_A_SERVER = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)  # a file has no connection to cut


def lead(engine: Engine, token: int) -> None:
    with writing(engine) as connection:
        connection.execute(leadership.delete())
        connection.execute(insert(leadership).values(id=1, holder="somebody", token=token, beat=1))


def write(engine: Engine, *acts: Callable[[Connection], object]) -> None:
    with writing(engine) as connection:
        for act in acts:
            act(connection)


def knows(name: str, value: str = "1") -> Callable[[Connection], object]:
    return lambda connection: connection.execute(insert(known).values(name=name, value=value))


def says(statement: str) -> Callable[[Connection], object]:
    return lambda connection: connection.exec_driver_sql(statement)


def names(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return sorted(connection.execute(select(known.c.name)).scalars())


def test_what_is_written_is_read_and_what_fails_leaves_nothing(engine: Engine) -> None:
    write(engine, knows("a"))
    with pytest.raises(ZeroDivisionError):
        write(engine, knows("b"), lambda _: 1 / 0)
    assert names(engine) == ["a"]


def test_only_who_leads_writes_under_its_token(engine: Engine) -> None:
    for token, is_led in ((7, True), (6, False), (8, False)):
        lead(engine, 7)
        try:
            with writing(engine, token) as connection:
                connection.execute(insert(known).values(name=str(token), value=""))
        except Fenced:
            assert not is_led
        else:
            assert is_led
    assert names(engine) == ["7"]


def test_where_nobody_leads_nothing_is_written_under_a_token(engine: Engine) -> None:
    with pytest.raises(Fenced), writing(engine, 1):
        pass


def test_a_reader_sees_one_moment_whatever_is_written_meanwhile(engine: Engine) -> None:
    count = select(func.count()).select_from(known)
    with reading(engine) as connection:
        assert connection.execute(count).scalar_one() == 0
        write(engine, knows("a"))
        assert connection.execute(count).scalar_one() == 0
    assert names(engine) == ["a"]


def hurried(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setattr(database, "BUSY_S", 0.2)
    return database.connect(engine.url.render_as_string(hide_password=False))


def test_when_all_connections_are_out_it_says_so(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    other = hurried(engine, monkeypatch)
    with ExitStack() as out:
        for _ in range(2 * database.POOL):
            out.enter_context(reading(other))
        with pytest.raises(Unavailable, match="all connections"), reading(other):
            pass
    with reading(other):  # and they came back
        pass
    other.dispose()


def test_who_writes_waits_a_little_for_another_and_no_longer(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """On SQLite any two writers; on PostgreSQL two who lock one row, here with the server's own limit."""
    lead(engine, 1)
    other = hurried(engine, monkeypatch)
    row = select(leadership).with_for_update()
    limit = [says("set local lock_timeout = '200ms'")] if engine.dialect.name == "postgresql" else []
    with writing(engine) as first:
        first.execute(row)
        with pytest.raises(Unavailable, match=r"locked|lock timeout"):
            write(other, *limit, lambda second: second.execute(row))
    other.dispose()


def pages(connection: Connection) -> int:
    return int(connection.exec_driver_sql("pragma page_count").scalar_one())


def test_a_full_disk_takes_nothing_and_says_so(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        fill = [lambda sqlite: says(f"pragma max_page_count = {pages(sqlite)}")(sqlite), knows("b", "x" * 1_000_000)]
    else:  # as the server says it (SQLSTATE 53100); its disk is not ours to fill
        said = "could not extend file: No space left on device: out of space"
        fill = [says(f"do $$ begin raise exception '{said}' using errcode = '53100'; end $$")]
    with pytest.raises(Unavailable, match=r"(?i)disk.* full|out of space"):
        write(engine, knows("a"), *fill)
    assert names(engine) == []
    engine.dispose()
    write(engine, knows("c", "x" * 10_000))  # there is room again
    assert names(engine) == ["c"]


def test_a_fault_of_ours_is_not_said_to_pass(engine: Engine) -> None:
    with pytest.raises(DBAPIError):
        write(engine, says("select nothing from nowhere"))
    with pytest.raises(IntegrityError) as refused:
        write(engine, knows("a", "secret"), knows("a", "secret"))
    assert "secret" not in str(refused.value)
    assert names(engine) == []


@ON_A_SERVER
def test_a_connection_that_is_cut_is_unavailable_and_the_next_one_is_not(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = text("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = :d")
    other = hurried(engine, monkeypatch)

    def cut_all(_: object = None) -> None:
        with other.connect() as killer:
            killer.execute(cut, {"d": engine.url.database})

    with pytest.raises(Unavailable):
        write(engine, knows("a"), cut_all, knows("b"))
    with pytest.raises(Unavailable, match="unknown") as lost:
        write(engine, knows("c"), cut_all)
    assert lost.value.unknown
    cut_all()  # while it lies in the pool
    assert names(engine) == []
    other.dispose()


@ON_A_SERVER
def test_who_holds_a_transaction_and_sleeps_is_ended_by_the_server(engine: Engine) -> None:
    with reading(engine) as connection:
        limits = [connection.exec_driver_sql(f"show {name}_timeout").scalar_one() for name in
                  ("statement", "idle_in_transaction_session")]  # fmt: skip
    assert limits == ["5s", "5s"]


@pytest.mark.parametrize("address", [
    "postgresql://somebody:hush@127.0.0.1:1/x", "postgres://127.0.0.1:1/x?user=somebody&password=hush",
    "postgresql://somebody:hush@/x?host=/hush",
])  # fmt: skip
def test_a_server_that_is_not_there_is_said_without_its_password(address: str, tmp_path: Path) -> None:
    engine = database.connect(database.address_of(tmp_path, address))
    with pytest.raises(Unavailable) as refused, reading(engine):
        pass
    assert "hush" not in "".join(traceback.format_exception(refused.value))
    assert "hush" not in repr(engine).replace("%2Fhush", "")
    with pytest.raises(Unavailable) as refused, writing(engine):
        pass
    assert not refused.value.unknown


@pytest.mark.parametrize("address", ["mysql://u:hush@h/x", "u:hush@h", "postgresql://u:hush@h:port/x"])
def test_an_address_of_something_else_is_refused_without_its_password(address: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"postgresql://USER") as refused:
        database.address_of(tmp_path, address)
    assert "hush" not in "".join(traceback.format_exception(refused.value))
