"""Tables that are only ever added to, held by the database itself: what says so refuses to change or take out a row."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, event

ACTS = ("update", "delete")


def statements(table: str, dialect: str) -> list[str]:
    """What makes a table so, in the words of one database; a migration executes the same."""
    if dialect == "sqlite":
        return [
            f"create trigger {table}_no_{act} before {act} on {table} "
            f"begin select raise(abort, '{table} is only added to'); end"
            for act in ACTS
        ]
    function = (
        f"create or replace function {table}_only_added_to() returns trigger language plpgsql as "
        f"$$ begin raise exception '{table} is only added to' using errcode = 'integrity_constraint_violation'; end $$"
    )
    trigger = (
        f"create trigger {table}_kept before update or delete or truncate on {table} "
        f"for each statement execute function {table}_only_added_to()"
    )
    return [function, trigger]


def keep(table: Table) -> None:
    """Make it so wherever the table is made."""

    def after_create(_table: object, connection: Any, **_: object) -> None:
        for statement in statements(table.name, connection.dialect.name):
            connection.exec_driver_sql(statement)

    event.listen(table, "after_create", after_create)
