"""A backup of a controller while it runs: nobody waits for it, and it is verified before it counts.

    database, ledger, artefacts, in this order ─► staging ─► verified by its own ledger ─► one file

What the database has seen of the ledger is in the ledger that is read after it, and what that names is among the
artefacts that are read last: whatever goes on meanwhile, the three fit.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, MetaData

import openleo
from openleo.controller import migrations
from openleo.controller.backup_file import (
    ARTEFACTS,
    DATABASE,
    FORMAT,
    KEYS,
    LEDGER,
    Manifest,
    members,
    pack,
    write_table,
)
from openleo.controller.backup_ledger import Verified, verified
from openleo.controller.database import address_of, connect, reading
from openleo.controller.tables import metadata
from openleo.governance.entries import instant
from openleo.governance.house import Folder
from openleo.governance.registry import PRIVATE, RECORDS
from openleo.governance.state import Refused
from openleo.ledger.database import SCHEMA

LEDGER_TABLES = tuple(statement.split("(")[0].split()[-1] for statement in SCHEMA)
NOT_KEPT = frozenset({"sessions", "logins"})  # who was logged in logs in again


@dataclass(frozen=True)
class Made:
    """What became of a backup."""

    path: Path
    manifest: Manifest
    verified: Verified | None


def backup(folder: Folder, out: Path, now: datetime, *, with_keys: bool = False) -> Made:
    """Write one. Raises Unavailable, Refused, NotProven, NotInOrder, OSError: then there is no file."""
    if out.exists():
        raise Refused(f"{out} is there already, and a backup is never written over")
    with tempfile.TemporaryDirectory(prefix=".backup", dir=out.parent) as name:
        staging = Path(name) / "staging"
        staging.mkdir()
        version = _database(folder, staging)
        has_ledger = _ledger(folder, staging)
        if has_ledger:
            _artefacts(folder, staging)
        if with_keys:
            _keys(folder, staging)
        found = verified(staging, Path(name)) if has_ledger else None
        manifest = Manifest(
            format=FORMAT, made_at=instant(now), openleo=openleo.__version__, version=version,
            ledger=found.head if found else None, members=members(staging),
        )  # fmt: skip
        pack(staging, manifest, out)
    return Made(out, manifest, found)


def _database(folder: Folder, staging: Path) -> str:
    """Gives the version of the schema. Raises Refused."""
    engine = connect(address_of(folder.path, folder.database))
    if engine.dialect.name == "sqlite" and not Path(str(engine.url.database)).is_file():
        raise Refused(f"{folder.path} holds no database of a controller")
    try:
        with reading(engine) as connection:
            _unhurried(connection)
            version = migrations.current(connection)
            if version != migrations.newest():
                raise Refused(f"the database is of schema {version}, and this version works with {migrations.newest()}")
            for table in metadata.sorted_tables:
                if table.name not in NOT_KEPT:
                    write_table(connection, table, staging / DATABASE / f"{table.name}.parquet")
    finally:
        engine.dispose()
    return version


def _ledger(folder: Folder, staging: Path) -> bool:
    """Whether there is one."""
    if not folder.database and not Path(folder.ledger).is_file():
        return False
    engine = ledger_engine(folder)
    try:
        with reading(engine) as connection:
            _unhurried(connection)
            tables = ledger_tables(connection)
            for name in LEDGER_TABLES if len(tables.tables) == len(LEDGER_TABLES) else ():
                write_table(connection, tables.tables[name], staging / LEDGER / f"{name}.parquet")
    finally:
        engine.dispose()
    return (staging / LEDGER).is_dir()


def ledger_engine(folder: Folder) -> Engine:
    """Where the ledger is: its own file, or the controller's database."""
    return connect(address_of(folder.path, folder.database) if folder.database else f"sqlite:///{folder.ledger}")


def ledger_tables(connection: Connection) -> MetaData:
    """The ledger's tables that are there."""
    tables = MetaData()
    tables.reflect(connection, only=lambda name, _: name in LEDGER_TABLES)
    return tables


def _artefacts(folder: Folder, staging: Path) -> None:
    there = folder.path / ARTEFACTS
    (staging / ARTEFACTS).mkdir()
    for path in sorted(there.iterdir()) if there.is_dir() else ():
        if not path.name.startswith("."):  # of a writer, which gives it its name when it is whole
            shutil.copy2(path, staging / ARTEFACTS / path.name)


def _keys(folder: Folder, staging: Path) -> None:
    """What signs for the log, and what opens commitments."""
    keys = staging / KEYS
    keys.mkdir(mode=0o700)
    if folder.key.is_file():
        with os.fdopen(os.open(keys / folder.key.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(folder.key.read_bytes())
    records = folder.path / PRIVATE / RECORDS
    if records.is_file():
        os.close(os.open(keys / RECORDS, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(records)) as there, closing(sqlite3.connect(keys / RECORDS)) as here:
            there.backup(here)


def _unhurried(connection: Connection) -> None:
    """A snapshot is read for as long as it takes."""
    if connection.dialect.name == "postgresql":
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.exec_driver_sql(f"set local {limit} = 0")
