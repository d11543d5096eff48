"""Who did what, and who was refused what: rows that are only ever added.

    asked     an unsafe method of somebody known, written before it is carried out
    changed   it succeeded            failed   it did not, by no refusal
    refused   401, 403, 429, and 404 for what is another party's
    read_position, logged_in, logged_out, made_token, …

No row holds a secret or a position: bodies are redacted on the way in, and what is about a position says whose.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, select

from openleo.controller.database import in_order
from openleo.controller.redaction import clean, clean_text
from openleo.controller.roles import OPERATOR, Principal
from openleo.controller.tables import audit

LONGEST_ABOUT = 300
LONGEST_PRINCIPAL = 200
READ_POSITION = "read_position"
WRITERS = 5_704_303  # a number of ours for a lock of PostgreSQL


def record(
    connection: Connection,
    now_s: float,
    principal: Principal,
    what: str,
    about: str,
    body: Mapping[str, Any] | None = None,
) -> int:
    """Add a row; its number."""
    in_order(connection, WRITERS)
    added = connection.execute(
        audit.insert().values(
            at=now_s, principal=principal.id[:LONGEST_PRINCIPAL], party=principal.party[:100], what=what,
            about=_plain(about), body=json.dumps(clean(body or {}), sort_keys=True),
        )
    )  # fmt: skip
    (number,) = added.inserted_primary_key or (0,)
    return int(number)


def read_position(connection: Connection, principal: Principal, about: str, now_s: float) -> None:
    """Somebody is about to be told a position of `about` (a terminal, evidence); call it before the answer."""
    record(connection, now_s, principal, READ_POSITION, about)


def page(connection: Connection, reader: Principal, after: int, limit: int, what: str = "") -> list[Row[Any]]:
    """Rows as they came, from behind `after` on: all to the operator's auditors, its own to another party's."""
    rows = select(audit).where(audit.c.id > after).order_by(audit.c.id).limit(limit)
    if reader.party != OPERATOR:
        rows = rows.where(audit.c.party == reader.party)
    if what:
        rows = rows.where(audit.c.what == what)
    return list(connection.execute(rows))


def _plain(about: str) -> str:
    """On one line, of bounded length, without secrets. PostgreSQL knows no NUL in a text."""
    kept = "".join(sign if sign.isprintable() else "?" for sign in about[: 2 * LONGEST_ABOUT])
    return clean_text(kept)[:LONGEST_ABOUT]
