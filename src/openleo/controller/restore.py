"""A controller's data from a backup, into an empty place: all of it or nothing.

    file ─► staging ─► ledger verified ─► database and folder made beside the place ─► put in place in one step

The database is brought to this version's schema on the way, and may be of the other kind than the one backed up.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, MetaData, func, inspect, select

from openleo.controller import migrations
from openleo.controller.backup import LEDGER_TABLES, Made, ledger_engine
from openleo.controller.backup_file import ARTEFACTS, DATABASE, KEYS, LEDGER, Manifest, read_table, unpack
from openleo.controller.backup_ledger import Verified, create, fill, verified
from openleo.controller.database import address_of, connect, reading, upgrade_alone
from openleo.controller.tables import metadata
from openleo.governance.house import Folder
from openleo.governance.registry import PRIVATE, RECORDS
from openleo.governance.state import Refused
from openleo.ledger.database import POSTGRES_TYPES, SCHEMA
from openleo.ledger.mark import Mark


def restore(backup: Path, to: Folder, *, not_before: bytes | None = None) -> Made:
    """Raises Unavailable, Refused, NotProven, NotInOrder, InputError, OSError: then the place is as it was."""
    _check_empty(to)
    to.path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{to.path.name}.restoring", dir=to.path.parent) as name:
        staging = Path(name) / "staging"
        staging.mkdir()
        manifest, found = check(backup, staging, Path(name), not_before=not_before)
        made = Folder(Path(name) / "made", to.database)
        made.path.mkdir(mode=0o700)
        with _filled(made, staging, manifest):
            _lay_out(made, staging, found)
            if to.path.exists():
                to.path.rmdir()  # which is empty
            os.sync()  # thousands of single fsyncs take minutes
            made.path.rename(to.path)
    return Made(backup, manifest, found)


def check(
    backup: Path, staging: Path, beside: Path, *, not_before: bytes | None = None
) -> tuple[Manifest, Verified | None]:
    """Unpack a backup and verify it. Raises Refused, NotProven, NotInOrder, LedgerError, OSError."""
    manifest = unpack(backup, staging)
    has_ledger = any(name.startswith(f"{LEDGER}/") for name in manifest.members)
    if not has_ledger and not_before is not None:
        raise Refused("the backup is older than the checkpoint: there was no ledger yet")
    found = verified(staging, beside, not_before=not_before) if has_ledger else None
    if manifest.ledger != (found.head if found else None):
        raise Refused(f"{backup}: the ledger in it is not the one that its manifest says")
    return manifest, found


def _check_empty(to: Folder) -> None:
    if to.path.exists() and (not to.path.is_dir() or any(to.path.iterdir())):
        raise Refused(f"{to.path} is not empty, and nothing is written over: name a new folder")
    if to.database:
        engine = connect(address_of(to.path, to.database))
        try:
            with reading(engine) as connection:
                _check_no_tables(connection)
        finally:
            engine.dispose()


def _check_no_tables(connection: Connection) -> None:
    if there := sorted({*metadata.tables, *LEDGER_TABLES} & set(inspect(connection).get_table_names())):
        raise Refused(f"the database is not empty: it has a table {there[0]}, and nothing is written over")


@contextmanager
def _filled(made: Folder, staging: Path, manifest: Manifest) -> Iterator[None]:
    """The database and the ledger, filled; of a server's they are there when the block ends without an error."""
    engine = connect(address_of(made.path, made.database))
    try:
        if made.database:
            with _server(engine, staging, manifest):
                yield
            return
        with upgrade_alone(engine) as connection:
            _fill_database(connection, staging, manifest)
    finally:
        engine.dispose()
    if (staging / LEDGER).is_dir():
        _fill_ledger(made, staging)
    yield


def _fill_ledger(made: Folder, staging: Path) -> None:
    create(made.ledger)
    engine = ledger_engine(made)
    try:
        with upgrade_alone(engine) as connection:
            fill(connection, staging)
    finally:
        engine.dispose()


@contextmanager
def _server(engine: Engine, staging: Path, manifest: Manifest) -> Iterator[None]:
    with upgrade_alone(engine) as connection:
        _check_no_tables(connection)
        _fill_database(connection, staging, manifest)
        if (staging / LEDGER).is_dir():
            for statement in ledger_schema():
                connection.exec_driver_sql(statement)
            fill(connection, staging)
        yield


def ledger_schema() -> list[str]:
    """The ledger's tables on PostgreSQL, which are made with all else in one transaction."""
    return [statement.format(**POSTGRES_TYPES) for statement in SCHEMA]


def _fill_database(connection: Connection, staging: Path, manifest: Manifest) -> None:
    """In the schema that the backup is of, and from there up to this version's."""
    migrations.bring_up(connection, manifest.version)
    there = MetaData()
    there.reflect(connection)
    for table in there.sorted_tables:
        path = staging / DATABASE / f"{table.name}.parquet"
        if path.is_file():
            read_table(connection, table, path)
            _count_on(connection, there, table.name)
    migrations.bring_up(connection)


def _count_on(connection: Connection, there: MetaData, name: str) -> None:
    """PostgreSQL counts rows up beside the table: from where the restored ones end."""
    key = list(there.tables[name].primary_key.columns)
    if connection.dialect.name != "postgresql" or len(key) != 1:
        return
    sequence = connection.execute(select(func.pg_get_serial_sequence(name, key[0].name))).scalar_one()
    last = connection.execute(select(func.max(key[0]))).scalar_one()
    if sequence is not None and last is not None:
        connection.execute(select(func.setval(sequence, last)))


def _lay_out(made: Folder, staging: Path, found: Verified | None) -> None:
    """What is beside the databases."""
    if (staging / ARTEFACTS).is_dir():
        shutil.move(staging / ARTEFACTS, made.path / ARTEFACTS)
    keys = staging / KEYS
    if (keys / made.key.name).is_file() and found is not None:
        shutil.move(keys / made.key.name, made.key)
        Mark.beside(made.key).write(found.signed)  # the key has signed as much, and perhaps more elsewhere
    if (keys / RECORDS).is_file():
        (made.path / PRIVATE).mkdir(mode=0o700)
        shutil.move(keys / RECORDS, made.path / PRIVATE / RECORDS)
