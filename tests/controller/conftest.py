"""Databases for the controller's tests: each test that asks for one runs on SQLite and on PostgreSQL.

database_address   of an empty database, which nobody else has
engine             of one that has the controller's tables
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
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
