"""The controller's database: SQLite (a file, write-ahead log) or PostgreSQL by its address, one way to use both.

`reading` and `writing` are transactions; a commit has reached the disk when `writing` ends. What a leader writes it
writes under its fencing token, so that one who lost the lead without knowing changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from openleo.controller.tables import leadership

FILE = "controller.sqlite"
BUSY_S = 5.0
POOL = 8  # connections, of which PostgreSQL would give a hundred


class Unavailable(Exception):
    """The database cannot do it now; nothing of it was done, and later it may be."""


class Fenced(Exception):
    """Another controller leads: what this one would have written was not."""


def address_of(data: Path, database: str = "") -> str:
    """SQLAlchemy's address: of the file in a data folder, or of the PostgreSQL that is named."""
    if not database:
        return f"sqlite:///{data / FILE}"
    url = make_url(database.replace("postgres://", "postgresql://", 1))
    return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def connect(address: str) -> Engine:
    """An engine; nothing is opened before it is used."""
    if address.startswith("sqlite"):
        engine = create_engine(address, connect_args={"timeout": BUSY_S})
        event.listen(engine, "connect", _sqlite)
        return engine
    return create_engine(
        address, pool_size=POOL, max_overflow=POOL, pool_pre_ping=True, pool_timeout=BUSY_S,
        connect_args={"connect_timeout": int(BUSY_S), "options": f"-c statement_timeout={int(BUSY_S * 1000)}"},
    )  # fmt: skip


def _sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say so
    for setting in ("journal_mode = wal", "synchronous = full", "foreign_keys = on"):
        connection.execute(f"pragma {setting}")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One snapshot. Raises Unavailable."""
    with _said(), engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("begin")
        yield connection
        connection.rollback()


@contextmanager
def writing(engine: Engine, token: int | None = None) -> Iterator[Connection]:
    """A transaction; with `token` of whoever still leads by it. Raises Unavailable, Fenced: nothing was written."""
    with _said(), engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("begin immediate")
        try:
            if token is not None:
                _check_led(connection, token)
            yield connection
            connection.commit()
        except BaseException:
            connection.rollback()
            raise


def _check_led(connection: Connection, token: int) -> None:
    """Nobody takes the lead while the transaction lasts. Raises Fenced."""
    held = connection.execute(select(leadership.c.token).with_for_update(read=True)).scalar_one_or_none()
    if held != token:
        raise Fenced(f"the lead has passed on: token {token} was ours, and {held} is in force")


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise Unavailable(type(error.orig).__name__ + ": " + str(error.orig).partition("\n")[0]) from error
