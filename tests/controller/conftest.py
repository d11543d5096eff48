"""Databases for the controller's tests: each test that asks for one runs on SQLite and on PostgreSQL.

database_address   of an empty database, which nobody else has
engine             of one that has the controller's tables
database_setting   where that is, as `openleo serve` is told: "" is a file of the data folder
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from openleo.controller import database
from postgres_server import Server

KINDS = ("sqlite", "postgresql")


@pytest.fixture(params=KINDS)
def database_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def database_address(database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    if database_kind == "sqlite":
        (tmp_path / "empty").mkdir()
        yield database.address_of(tmp_path / "empty")
        return
    server: Server = request.getfixturevalue("postgres")
    with server.database() as address:
        yield database.address_of(tmp_path, address)


@pytest.fixture
def engine(database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Copied from one that was made once in this process: many times quicker than to make its tables again."""
    if database_kind == "sqlite":
        shutil.copy(request.getfixturevalue("_sqlite_made"), tmp_path / database.FILE)
        yield from _opened(database.address_of(tmp_path))
        return
    server: Server = request.getfixturevalue("postgres")
    with server.database(template=request.getfixturevalue("_postgres_made")) as address:
        yield from _opened(database.address_of(tmp_path, address))


@pytest.fixture
def database_setting(engine: Engine) -> str:
    if engine.dialect.name == "sqlite":
        return ""
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture
def outage(engine: Engine, request: pytest.FixtureRequest) -> Callable[[], AbstractContextManager[None]]:
    """A block in which nobody reaches the database: its file's folder is away, or its server lets nobody in."""

    @contextmanager
    def gone() -> Iterator[None]:
        name = str(engine.url.database)
        engine.dispose()
        if engine.dialect.name == "sqlite":
            folder = Path(name).parent
            away = folder.rename(folder.with_name(folder.name + "-away"))
            folder.write_text("no folder")
            try:
                yield
            finally:
                folder.unlink()
                away.rename(folder)
        else:
            server: Server = request.getfixturevalue("postgres")
            server.run(f"alter database {name} allow_connections false")
            server.run(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")
            try:
                yield
            finally:
                server.run(f"alter database {name} allow_connections true")

    return gone


def _opened(address: str) -> Iterator[Engine]:
    engine = database.connect(address)
    try:
        yield engine
    finally:
        engine.dispose()


def _make(address: str) -> None:
    for engine in _opened(address):
        database.upgrade(engine)


@pytest.fixture(scope="session")
def _sqlite_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    _make(database.address_of(folder))
    return folder / database.FILE


@pytest.fixture(scope="session")
def _postgres_made(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgres.database() as address:
        _make(database.address_of(tmp_path_factory.getbasetemp(), address))
        yield address.split("?", 1)[0].rsplit("/", 1)[1]
