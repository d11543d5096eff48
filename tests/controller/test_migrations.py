"""Every schema that was ever released leads to the one that `tables` says, with all rows in it."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from kept_rows import RELEASED, SCHEMAS, VERSION, fill, rows
from sqlalchemy import Engine, insert, inspect, select, text, update

from openleo.controller import database, migrations
from openleo.controller.database import reading, upgrade, writing
from openleo.controller.tables import known, metadata
from openleo.errors import InputError

TRIGGERS = {
    "sqlite": "select name, sql from sqlite_master where type = 'trigger' order by name",
    "postgresql": "select tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal order by tgname",
}
Catalogue = dict[str, Any]


@pytest.fixture
def empty(database_address: str) -> Any:
    engine = database.connect(database_address)
    yield engine
    engine.dispose()


def catalogue(engine: Engine) -> Catalogue:
    """What the database itself says of its tables: checks and keys too, which alembic does not compare."""
    with engine.connect() as connection:
        seen = inspect(connection)
        asked = {
            "columns": seen.get_multi_columns(),
            "key": seen.get_multi_pk_constraint(),
            "foreign": seen.get_multi_foreign_keys(),
            "unique": seen.get_multi_unique_constraints(),
            "checks": seen.get_multi_check_constraints(),
            "indexes": seen.get_multi_indexes(),
        }
        triggers = [tuple(row) for row in connection.execute(text(TRIGGERS[engine.dialect.name]))]
    return {"triggers": triggers} | {
        table: {what: in_order(answers[(None, table)]) for what, answers in asked.items()}
        for _, table in asked["columns"]
        if table != VERSION
    }


def in_order(found: Any) -> Any:
    return sorted(map(repr, found)) if isinstance(found, list) else found


def test_every_step_is_kept_as_a_database_that_has_it() -> None:
    assert [step.revision for step in migrations.scripts().walk_revisions()][::-1] == SCHEMAS


def test_the_steps_lead_to_what_the_tables_say(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_the_steps_and_the_tables_make_the_same_schema(engine: Engine, empty: Engine) -> None:
    metadata.create_all(empty)
    assert catalogue(engine) == catalogue(empty)
    assert set(catalogue(engine)) == {"triggers", *metadata.tables}
    assert catalogue(engine)["triggers"]


def test_where_all_steps_are_taken_there_is_nothing_to_do(engine: Engine, empty: Engine) -> None:
    assert upgrade(engine) == []
    assert upgrade(empty) == SCHEMAS
    with writing(empty) as connection:
        connection.execute(insert(known).values(name="a", value="1"))
    assert upgrade(empty) == []


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_database_of_every_released_schema_is_upgraded_with_its_rows(
    schema: str, database_kind: str, empty: Engine, engine: Engine
) -> None:
    restore(empty, schema, database_kind)
    before = rows(empty)
    assert all(before[table] for table in json.loads((RELEASED / schema / "rows.json").read_text()))
    assert upgrade(empty) == SCHEMAS[SCHEMAS.index(schema) + 1 :]
    assert catalogue(empty) == catalogue(engine)
    after = rows(empty)
    for table in before:
        kept = set(before[table][0]) & set(after[table][0])
        assert kept
        assert [{name: row[name] for name in kept} for row in after[table]] == [
            {name: row[name] for name in kept} for row in before[table]
        ]


def restore(engine: Engine, schema: str, dialect: str) -> None:
    with engine.begin() as connection:
        for statement in (RELEASED / schema / f"{dialect}.sql").read_text().split(";\n"):
            if statement.strip():
                connection.execute(text(statement))
    fill(engine, schema)


def test_a_newer_schema_is_refused_and_left_alone(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
        connection.execute(insert(known).values(name="a", value="of the newer one"))
    with pytest.raises(
        InputError, match=f"is of schema 9999, and this version of OpenLEO knows those up to {migrations.newest()}"
    ):
        upgrade(engine)
    with reading(engine) as connection:
        assert connection.execute(select(known.c.value)).scalar_one() == "of the newer one"


def test_somebody_elses_tables_are_left_alone(empty: Engine) -> None:
    with empty.begin() as connection:
        connection.execute(text("create table accounts (name text)"))
    with pytest.raises(InputError, match="has a table accounts"):
        upgrade(empty)
    assert set(catalogue(empty)) == {"triggers", "accounts"}


def test_a_step_that_fails_leaves_the_schema_before(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(connection: Any) -> list[str]:
        connection.execute(text("create table half (a integer)"))
        connection.execute(update(known).values(value="half"))
        raise ZeroDivisionError

    with writing(engine) as connection:
        connection.execute(insert(known).values(name="a", value="whole"))
    monkeypatch.setattr(migrations, "bring_up", breaks)
    with pytest.raises(ZeroDivisionError):
        upgrade(engine)
    assert "half" not in catalogue(engine)
    with reading(engine) as connection:
        assert connection.execute(select(known.c.value)).scalar_one() == "whole"
        if engine.dialect.name == "sqlite":
            assert connection.exec_driver_sql("pragma foreign_keys").scalar_one() == 1


def test_of_controllers_that_start_at_once_one_upgrades(empty: Engine) -> None:
    taken: list[list[str]] = []
    engines = [database.connect(empty.url.render_as_string(hide_password=False)) for _ in range(4)]
    threads = [threading.Thread(target=lambda one=one: taken.append(upgrade(one))) for one in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in engines:
        one.dispose()
    assert sorted(taken) == [[], [], [], SCHEMAS]
