"""Who asks, and whether they may: principals, roles, and the dependency that every route names.

A program shows a token; what is kept of it is its sha256. A token of an officer's program is still no signature: what
an officer decides needs the officer's key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from fastapi import HTTPException, Request
from sqlalchemy import select

from openleo.controller.database import reading
from openleo.controller.tables import tokens

OPERATOR = "operator"  # the party whose network it is
BEARER = "bearer "


class Role(StrEnum):
    """What somebody may do; a person may have several."""

    VIEWER = "viewer"
    PLANNER = "planner"
    REQUESTER = "requester"
    APPROVER = "approver"
    AUDITOR = "auditor"
    KEY_ADMIN = "key-admin"


@dataclass(frozen=True)
class Principal:
    """Somebody known. `party`: the institution, as rosters name it; `officer`: their id on the roster, if any."""

    id: str
    party: str
    roles: frozenset[Role]
    officer: str | None
    via: Literal["session", "token"]


def needs(*roles: Role, operator_only: bool = False) -> Callable[[Request], Principal]:
    """A dependency that gives the principal of a request, who has one of the roles (none named: any)."""

    def check(request: Request) -> Principal:
        found = principal_of(request)
        if found is None:
            raise HTTPException(401, "Show a token: Authorization: Bearer …", {"WWW-Authenticate": "Bearer"})
        if (roles and not found.roles & set(roles)) or (operator_only and found.party != OPERATOR):
            raise HTTPException(403, f"This needs the role {' or '.join(roles)}.")
        return found

    return check


def principal_of(request: Request) -> Principal | None:
    """Whose token a request shows; None where it shows none that is good."""
    shown = request.headers.get("authorization", "")
    if not shown.lower().startswith(BEARER):
        return None
    sha256 = hashlib.sha256(shown[len(BEARER) :].strip().encode()).hexdigest()
    runtime = request.app.state.runtime
    with reading(runtime.engine) as connection:
        row = connection.execute(select(tokens).where(tokens.c.sha256 == sha256)).mappings().one_or_none()
    now_s = runtime.clock.now_s()
    if row is None or row["revoked_at"] is not None or (row["expires_at"] is not None and row["expires_at"] <= now_s):
        return None
    roles = frozenset(Role(name) for name in json.loads(row["roles"]))
    return Principal(row["id"], row["party"], roles, None, "token")
