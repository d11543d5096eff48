"""Rows of every table, as tools/build_migration.py wrote them down for each schema."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, MetaData, insert, select

from openleo.controller.database import reading

RELEASED = Path(__file__).parents[1] / "data" / "controller"
SCHEMAS = sorted(path.name for path in RELEASED.iterdir())
VERSION = "alembic_version"


def fill(engine: Engine, schema: str = SCHEMAS[-1]) -> None:
    there = MetaData()
    there.reflect(engine)
    with engine.begin() as connection:
        for name, kept in json.loads((RELEASED / schema / "rows.json").read_text()).items():
            for row in kept:
                connection.execute(insert(there.tables[name]).values({k: _plain(value) for k, value in row.items()}))


def _plain(value: Any) -> Any:
    return base64.b64decode(value["base64"]) if isinstance(value, dict) else value


def rows(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """All there are, by table."""
    there = MetaData()
    there.reflect(engine)
    with reading(engine) as connection:
        return {
            table.name: [
                {name: bytes(value) if isinstance(value, memoryview) else value for name, value in row.items()}
                for row in connection.execute(select(table).order_by(*table.primary_key.columns)).mappings()
            ]
            for table in there.sorted_tables
            if table.name != VERSION
        }
