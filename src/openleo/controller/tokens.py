"""Tokens of programs: made, shown once, kept as their sha256, revoked.

A token has no more roles than its maker, and of a person's token no more than that person has now: whoever loses a
role loses it in every program too. The administrator token of a new data folder has none: all it does is draft the
genesis, and once.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Collection, Iterable

from sqlalchemy import Connection, RowMapping, select, update

from openleo.controller.roles import OPERATOR, PERSON, Principal, Role, read_roles
from openleo.controller.tables import people, tokens

PREFIX = "olt_"  # so that scanners for secrets know one when they see it
SECRET_BYTES = 32
ADMINISTRATOR = "administrator"  # the name of the token that drafts the genesis
DATA_FOLDER = "data-folder"  # owner of what was made by whoever holds the data folder
USED_STEP_S = 60.0  # last use is kept no finer: not every request is worth a write


class NotGranted(Exception):
    """A token that its maker cannot give. `why` is for people."""


def sha256_of(secret: str) -> str:
    """What is kept of a secret that is shown.

    >>> sha256_of("olt_example")[:16]
    'ece431293b0d53f2'
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def make(
    connection: Connection,
    *,
    name: str,
    party: str,
    owner: str,
    roles: Collection[Role],
    now_s: float,
    expires_s: float | None = None,
    once: bool = False,
) -> tuple[str, str]:
    """(id, token) of a new token. The token itself is nowhere else, and cannot be had again."""
    id_, secret = secrets.token_hex(8), PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    connection.execute(
        tokens.insert().values(
            id=id_, sha256=sha256_of(secret), name=name, party=party, owner=owner, roles=json.dumps(sorted(roles)),
            created_at=now_s, expires_at=expires_s, once=once,
        )
    )  # fmt: skip
    return id_, secret


def make_administrator(connection: Connection, now_s: float) -> str:
    """The token that a new data folder prints: no role, one use. Those before it are revoked."""
    connection.execute(update(tokens).where(tokens.c.once, tokens.c.revoked_at.is_(None)).values(revoked_at=now_s))
    return make(
        connection, name=ADMINISTRATOR, party=OPERATOR, owner=DATA_FOLDER, roles=(), now_s=now_s, once=True
    )[1]  # fmt: skip


def spend(connection: Connection, principal: Principal, now_s: float) -> bool:
    """Whether the administrator token was still good for its one use, which this was.

    Call it in the transaction that does what the token is for: what fails leaves the token unspent.
    """
    done = connection.execute(
        update(tokens)
        .where(tokens.c.id == principal.id.partition(":")[2], tokens.c.once)
        .where(tokens.c.used_at.is_(None), tokens.c.revoked_at.is_(None))
        .values(used_at=now_s)
    )
    return done.rowcount == 1


def hold(connection: Connection, principal: Principal) -> bool:
    """Whether the administrator token is unspent, and stays so until the transaction ends."""
    stated = select(tokens.c.id).where(tokens.c.id == principal.id.partition(":")[2], tokens.c.once)
    unspent = tokens.c.used_at.is_(None) & tokens.c.revoked_at.is_(None)
    return connection.execute(stated.where(unspent).with_for_update()).first() is not None


def grant(maker: Principal, roles: Iterable[Role], expires_s: float | None, parent: RowMapping | None) -> str:
    """The owner of a token that `maker` makes with these roles. Raises NotGranted.

    `parent`: the row of the maker's own token, if it shows one. What a token makes belongs to that token's owner and
    ends no later than it.
    """
    if more := sorted(set(roles) - maker.roles):
        raise NotGranted(f"A token has no more roles than its maker; you have not {', '.join(more)}.")
    if parent is None:
        return maker.id
    if parent["expires_at"] is not None and (expires_s is None or expires_s > parent["expires_at"]):
        raise NotGranted("A token that a token makes expires no later than it.")
    return str(parent["owner"])


def principal_of(connection: Connection, shown: str, now_s: float) -> tuple[Principal, RowMapping] | None:
    """Whose token this is, with its row; None where it is not good, or no longer."""
    row = connection.execute(select(tokens).where(tokens.c.sha256 == sha256_of(shown))).mappings().one_or_none()
    if row is None or not is_good(row, now_s):
        return None
    roles = read_roles(row["roles"])
    if row["once"]:
        return Principal(f"token:{row['id']}", row["party"], frozenset(), None, "admin"), row
    if row["owner"].startswith(PERSON):
        owner = connection.execute(
            select(people.c.party, people.c.roles).where(people.c.id == row["owner"].removeprefix(PERSON))
        ).one_or_none()
        if owner is None or owner.party != row["party"]:
            return None
        roles &= read_roles(owner.roles)
    return Principal(f"token:{row['id']}", row["party"], roles, None, "token"), row


def is_good(row: RowMapping, now_s: float) -> bool:
    """Whether a token is neither revoked, nor expired, nor spent."""
    expired = row["expires_at"] is not None and row["expires_at"] <= now_s
    return row["revoked_at"] is None and not expired and not (row["once"] and row["used_at"] is not None)


def is_use_news(row: RowMapping, now_s: float) -> bool:
    """Whether its last use should be written down again."""
    return not row["once"] and (row["used_at"] is None or now_s - row["used_at"] >= USED_STEP_S)


def note_use(connection: Connection, id_: str, now_s: float) -> None:
    """Write down that a token was used."""
    connection.execute(update(tokens).where(tokens.c.id == id_, tokens.c.once.is_(False)).values(used_at=now_s))


def revoke(connection: Connection, id_: str, now_s: float) -> bool:
    """Whether there was such a token that was not revoked before. From now on it is nobody's."""
    done = connection.execute(
        update(tokens).where(tokens.c.id == id_, tokens.c.revoked_at.is_(None)).values(revoked_at=now_s)
    )
    return done.rowcount == 1
