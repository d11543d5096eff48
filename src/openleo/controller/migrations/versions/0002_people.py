"""Schema 0002: people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from openleo.controller.append_only import statements

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """From the schema before."""
    op.create_table(
        "logins",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("until", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_logins")),
    )
    for table in ("audit", "custody"):
        for statement in statements(table, op.get_context().dialect.name):
            op.execute(statement)
