"""The controller's database: SQLite (a file, write-ahead log) or PostgreSQL by its address, one way to use both.

`reading` is one snapshot; `writing` is a transaction, and a commit has reached the disk when it ends. What a leader
writes it writes under its fencing token, so that one who lost the lead without knowing changes nothing.

PostgreSQL runs writers side by side (read committed): who decides on rows that he read either locks them
(`with_for_update`) or names what he read in the update's condition, as `version` is. SQLite has one writer at a time.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from openleo.controller import migrations
from openleo.controller.tables import leadership
from openleo.errors import InputError, Problem

FILE = "controller.sqlite"
OWN = 0o600
BUSY_S = 5.0  # how long anything waits: for a lock, a connection, a statement
POOL = 8  # connections, and as many again when all are out; PostgreSQL would give a hundred
POSTGRES = ("postgres", "postgresql", "postgresql+psycopg")
# A statement that the database refuses is our fault and stays what it is; of these the classes of SQLSTATE.
OUR_FAULT = ("0A", "21", "22", "23", "26", "2F", "34", "42")
# A leader that is stopped in the midst of a transaction holds the row of who leads: the server ends it in its stead.
OPTIONS = f"-c statement_timeout={BUSY_S * 1000:.0f} -c idle_in_transaction_session_timeout={BUSY_S * 1000:.0f}"
# A server that has gone without a word is given up as soon.
ALONE = (  # nobody else alters the schema, and nobody is hurried who does
    f"select pg_advisory_xact_lock({0x6F6C656F6D})", "set local statement_timeout = 0",
    "set local idle_in_transaction_session_timeout = 0",
)  # fmt: skip
LIBPQ: dict[str, Any] = {
    "connect_timeout": int(BUSY_S), "tcp_user_timeout": int(BUSY_S * 1000),
    "keepalives_idle": int(BUSY_S), "keepalives_interval": 2, "keepalives_count": 2, "options": OPTIONS,
}  # fmt: skip


class Unavailable(Exception):
    """The database cannot do it now, and later it may. Nothing was done, unless `unknown`."""

    def __init__(self, why: str, *, unknown: bool = False):
        super().__init__(why)
        self.unknown = unknown  # the commit was sent and its answer did not come: it may have been done


class Fenced(Exception):
    """Another controller leads: what this one would have written was not."""


def address_of(data: Path, database: str = "") -> str:
    """SQLAlchemy's address: of the file in a data folder, or of the PostgreSQL that is named. Raises InputError."""
    if not database:
        return f"sqlite:///{data / FILE}"
    try:
        url = make_url(database)
    except (ArgumentError, ValueError):  # which quote what they were given, with its password
        raise _no_address("it cannot be read") from None
    if url.drivername not in POSTGRES:
        raise _no_address(f"it begins with {url.drivername}://")
    if "password" in url.query:  # where nothing that shows an address would hide it
        url = url.set(password=str(url.query["password"])).difference_update_query(["password"])
    return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def own_file(data: Path) -> None:
    """Make sure that a data folder's file is its owner's alone: it holds positions.

    SQLite gives the files that it makes beside it (-wal, -shm) the mode of this one.
    """
    path = data / FILE
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, OWN))
    for one in (path, *(path.with_name(FILE + end) for end in ("-wal", "-shm"))):
        with suppress(FileNotFoundError):
            one.chmod(OWN)


def _no_address(why: str) -> InputError:
    rule = f"{why}, and is no address of a database."
    return InputError(Problem("database", "", rule, "Try: postgresql://USER@HOST/NAME, or none for a file."))


def connect(address: str) -> Engine:
    """An engine; nothing is opened before it is used. What statements carry is in no error and no log."""
    if address.startswith("sqlite"):
        engine = create_engine(
            address, hide_parameters=True, pool_size=POOL, max_overflow=POOL, pool_timeout=BUSY_S,
            connect_args={"timeout": BUSY_S},
        )  # fmt: skip
        event.listen(engine, "connect", _sqlite)
        return engine
    return create_engine(
        address, hide_parameters=True, pool_size=POOL, max_overflow=POOL, pool_timeout=BUSY_S, pool_pre_ping=True,
        connect_args=LIBPQ,
    )  # fmt: skip


def _sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say so
    for setting in ("journal_mode = wal", "synchronous = full", "foreign_keys = on"):
        connection.execute(f"pragma {setting}")


def upgrade(engine: Engine) -> list[str]:
    """Bring the schema up to what this version works with: all of it or nothing; gives the steps that it took.

    Of several controllers that start at once the first does it. Raises Unavailable, and InputError where the database
    is of a newer version or not a controller's.
    """
    with upgrade_alone(engine) as connection:
        return migrations.bring_up(connection)


@contextmanager
def upgrade_alone(engine: Engine) -> Iterator[Connection]:
    """A transaction that may alter the schema, and takes as long as it takes. Raises Unavailable."""
    with _said(engine), engine.connect() as connection:
        is_file = engine.dialect.name == "sqlite"
        # SQLite rebuilds a table to alter it, and must not take what refers to it along meanwhile.
        for statement in ("pragma foreign_keys = off", "begin immediate") if is_file else ALONE:
            connection.exec_driver_sql(statement)
        try:
            yield connection
            if is_file and (lost := connection.exec_driver_sql("pragma foreign_key_check").fetchall()):
                raise RuntimeError(f"rows refer to what is not there: {lost[:5]}")
            connection.commit()
        finally:
            with suppress(DBAPIError):  # the connection is lost
                connection.rollback()
                if is_file:
                    connection.exec_driver_sql("pragma foreign_keys = on")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One snapshot. Raises Unavailable."""
    with _said(engine), engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("begin")
        else:
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        yield connection
        connection.rollback()


@contextmanager
def writing(engine: Engine, token: int | None = None) -> Iterator[Connection]:
    """A transaction; with `token` of whoever still leads by it. Raises Unavailable, Fenced: nothing was written."""
    with _said(engine), engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("begin immediate")
        try:
            if token is not None:
                _check_led(connection, token)
            yield connection
        except BaseException:
            with suppress(DBAPIError):  # the connection is lost, and with it what was written
                connection.rollback()
            raise
        _commit(connection)


def _commit(connection: Connection) -> None:
    try:
        connection.commit()
    except DBAPIError as error:
        unknown = error.connection_invalidated
        with suppress(DBAPIError):
            connection.rollback()
        if unknown:
            raise Unavailable(f"{_says(error)}: what it did with the last commit is unknown", unknown=True) from None
        raise


def _check_led(connection: Connection, token: int) -> None:
    """Nobody takes the lead while the transaction lasts. Raises Fenced.

    The lock is the weakest that stands against a take-over's: the leader's own signs of life, updates of no key, pass
    beside it, so that no writer makes them late.
    """
    locked = select(leadership.c.token).with_for_update(read=True, key_share=True)
    held = connection.execute(locked).scalar_one_or_none()
    if held != token:
        raise Fenced(f"the lead has passed on: token {token} was ours, and {held} is in force")


def in_order(connection: Connection, lock: int) -> None:
    """Rows become known in the order of their ids: on PostgreSQL one transaction at a time adds to a table, to its end.

    Whoever reads on from the newest id that he knows would else pass over what is committed late. It comes last in a
    transaction: nobody then waits for rows of somebody who waits for this.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(lock)))


def put(connection: Connection, table: Table, **values: object) -> None:
    """A row, in place of the one with its key."""
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table).values(values)
    key = list(table.primary_key.columns)
    rest = {name: insert.excluded[name] for name in values if name not in {column.name for column in key}}
    connection.execute(insert.on_conflict_do_update(index_elements=key, set_=rest))


@contextmanager
def _said(engine: Engine) -> Iterator[None]:
    """What the database cannot do now, said without what it was given and without the address' password.

    The errors of drivers are left out of the chain: their further lines quote rows.
    """
    try:
        yield
    except PoolTimeout:
        raise Unavailable(f"all connections to {_place(engine.url)} are in use") from None
    except DBAPIError as error:
        if not _may_pass(error):
            raise
        raise Unavailable(f"{_place(engine.url)}: {_says(error)}".replace(*_hidden(engine.url))) from None


def _may_pass(error: DBAPIError) -> bool:
    """That the same may be done later, with nothing mended in the program."""
    if isinstance(error, IntegrityError):
        return False
    if error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.Error):
        code = getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        return code not in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISUSE, sqlite3.SQLITE_RANGE)
    state = getattr(error.orig, "sqlstate", None)  # none: the server never answered
    return state is None or not state.startswith(OUR_FAULT)


def _says(error: DBAPIError) -> str:
    return type(error.orig).__name__ + ": " + str(error.orig).partition("\n")[0]


def _place(url: URL) -> str:
    if url.drivername.startswith("sqlite"):
        return f"the database {url.database}"
    return f"the database {url.database} at {url.host or 'this machine'}"


def _hidden(url: URL) -> tuple[str, str]:
    secret = str(url.password or "")
    return (secret, "***") if secret else ("\0", "")
