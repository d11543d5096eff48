"""The next step of the controller's schema, from what `tables` says beyond the steps there are.

    python tools/build_migration.py WORD           a new step, versions/NNNN_WORD.py
    python tools/build_migration.py --again        the newest one anew, as long as no version with it was released

Beside it tests/data/controller/NNNN/ is written: how a database of this schema looks on SQLite and on PostgreSQL, and
rows of every table, from which a test upgrades. Read the step before it is committed: renamed columns look to alembic
like one dropped and one added, and it sees no changed check.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Boolean, Column, Float, Integer, LargeBinary, Table, create_engine

from openleo.controller import migrations
from openleo.controller.tables import metadata

ROOT = Path(__file__).parents[1]
VERSIONS = migrations.SCRIPTS / "versions"
DATA = ROOT / "tests" / "data" / "controller"
STEP = '''"""{title}"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {down_revision}


def upgrade() -> None:
    """From the schema before."""
    {body}
'''


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("word", nargs="?", default="")
    parser.add_argument("--again", action="store_true")
    given = parser.parse_args()
    steps = sorted(VERSIONS.glob("[0-9]*.py"))
    if given.again:
        path = steps.pop()
        path.unlink()
    elif re.fullmatch("[a-z_]+", given.word):
        path = VERSIONS / f"{len(steps) + 1:04}_{given.word}.py"
    else:
        parser.error("name the step by a word, or say --again")
    revision, before = path.stem[:4], steps[-1].stem[:4] if steps else None
    title = f"Schema {revision}: {path.stem[5:].replace('_', ' ')}."
    down_revision = f'"{before}"' if before else None
    path.write_text(STEP.format(title=title, revision=revision, down_revision=down_revision, body=difference()))
    for command in (["format"], ["check", "--fix"]):
        subprocess.run([sys.executable, "-m", "ruff", *command, "--quiet", str(path)], check=True)
    keep(revision)
    print(f"wrote {path} and {DATA / revision}")


def difference() -> str:
    """What `tables` says beyond the steps, as operations."""
    with create_engine("sqlite://").begin() as connection:
        if any(VERSIONS.glob("[0-9]*.py")):
            migrations.bring_up(connection)
        context = MigrationContext.configure(connection, opts={"target_metadata": metadata, "render_as_batch": True})
        operations = produce_migrations(context, metadata).upgrade_ops
        assert operations is not None
        if operations.is_empty():
            sys.exit("the steps there are lead to what tables.py says: nothing to add")
        text = render_python_code(operations, migration_context=context)
    return text.partition("\n")[2].lstrip()  # without alembic's remark


def keep(revision: str) -> None:
    """What a database of this schema looks like, for as long as there may be one."""
    folder = DATA / revision
    folder.mkdir(parents=True, exist_ok=True)
    for dialect in ("sqlite", "postgresql"):
        written = io.StringIO()
        context = MigrationContext.configure(
            dialect_name=dialect, opts={"as_sql": True, "output_buffer": written, "literal_binds": True}
        )
        steps = migrations.scripts()
        with Operations.context(context):
            for step in list(steps.iterate_revisions(revision, "base"))[::-1]:
                step.module.upgrade()
        written.write(f"CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY);\n\n"
                      f"INSERT INTO alembic_version (version_num) VALUES ('{revision}');\n")  # fmt: skip
        (folder / f"{dialect}.sql").write_text(written.getvalue())
    rows = {table.name: [row(table, 1), row(table, 2)][: 1 if table.name == "leadership" else 2] for table in
            metadata.sorted_tables}  # fmt: skip
    (folder / "rows.json").write_text(json.dumps(rows, indent=1) + "\n")


def row(table: Table, number: int) -> dict[str, Any]:
    """Of the second nothing is set that may be left out."""
    return {column.name: value(column, number) for column in table.columns if number == 1 or not column.nullable}


def value(column: Column[Any], number: int) -> Any:
    for reference in column.foreign_keys:
        return value(reference.column, number)
    if column.name == "state":
        return "active"
    if isinstance(column.type, Boolean):
        return number == 1
    if isinstance(column.type, Integer):
        return number
    if isinstance(column.type, Float):
        return 1_795_000_000.0 + number / 4
    if isinstance(column.type, LargeBinary):
        return {"base64": base64.b64encode(bytes([number]) * 32).decode()}
    text = f"{column.table.name}.{column.name} {number} 'é'"
    return text[-(getattr(column.type, "length", None) or 1000) :]


if __name__ == "__main__":
    main()
