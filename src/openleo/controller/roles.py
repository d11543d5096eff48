"""Principals and their roles: who somebody is, in the words that every route uses."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

OPERATOR = "operator"  # the party whose network it is
PERSON = "person:"  # what the id of a principal who logged in begins with


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
    via: Literal["session", "token", "admin", "anonymous"]


ANONYMOUS = Principal("anonymous", "", frozenset(), None, "anonymous")


def read_roles(text: str) -> frozenset[Role]:
    """Roles as a table keeps them (JSON); one that this version does not know gives nothing.

    >>> sorted(read_roles('["viewer", "emperor"]'))
    [<Role.VIEWER: 'viewer'>]
    """
    known = {role.value for role in Role}
    return frozenset(Role(name) for name in json.loads(text) if name in known)
