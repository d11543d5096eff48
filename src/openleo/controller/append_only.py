"""Tables that are only ever added to, held by the database itself: what says so refuses to change or take out a row.

Whoever owns the database can take the triggers away: this is against faults of ours. Against its owner there is the
ledger.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, event


def statements(table: str, dialect: str) -> list[str]:
    """What makes a table so, in the words of one database; a migration executes the same."""
    said = f"{table} is only added to"
    if dialect == "sqlite":
        again = f"when exists (select 1 from {table} where id = new.id)"  # noqa: S608 - names of ours
        acts = {"update": "", "delete": "", "insert": again}  # `insert or replace` deletes without saying so
        return [
            f"create trigger {table}_no_{act} before {act} on {table} {when} begin select raise(abort, '{said}'); end"
            for act, when in acts.items()
        ]
    function = (
        f"create or replace function {table}_only_added_to() returns trigger language plpgsql as "
        f"$$ begin raise exception '{said}' using errcode = 'integrity_constraint_violation'; end $$"
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
