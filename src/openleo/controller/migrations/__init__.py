"""Steps from each schema of the controller's database to the next, in `versions`; made by tools/build_migration.py.

A step stands for good once a version with it was released: databases have it behind them. `tables` says what the last
one leads to, and a test compares them. alembic's own command line is not used: a controller upgrades as it starts.
"""

from __future__ import annotations

from pathlib import Path

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from openleo.controller.tables import metadata
from openleo.errors import InputError, Problem

SCRIPTS = Path(__file__).parent


def scripts() -> ScriptDirectory:
    """All steps, in order."""
    return ScriptDirectory(str(SCRIPTS))


def newest() -> str:
    """The schema that this version of the program works with."""
    head = scripts().get_current_head()
    assert head is not None
    return head


def bring_up(connection: Connection) -> list[str]:
    """Every step that a database lacks, within the caller's transaction; gives them in order. Raises InputError."""
    steps, context = scripts(), MigrationContext.configure(connection)
    current = context.get_current_revision()
    _check_known(connection, steps, current)
    lacking = [step for step in steps.iterate_revisions("head", current or "base") if step.revision != current][::-1]
    with Operations.context(context):
        for step in lacking:
            step.module.upgrade()
    if lacking:
        context.stamp(steps, "head")
    return [step.revision for step in lacking]


def _check_known(connection: Connection, steps: ScriptDirectory, current: str | None) -> None:
    if current is None:
        there = sorted(set(inspect(connection).get_table_names()) & set(metadata.tables))
        if there:
            rule = f"it has a table {there[0]}, and does not say of which schema: it is not a controller's."
            raise InputError(Problem("database", "", rule, "Name an empty one."))
    elif current not in {step.revision for step in steps.walk_revisions()}:
        rule = f"it is of schema {current}, and this version of OpenLEO knows those up to {newest()}."
        raise InputError(Problem("database", "", rule, "Run the newer version that made it so."))
