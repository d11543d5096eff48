"""Sessions of people's browsers: a cookie of which the table keeps the sha256, and the proof that a page of ours asks.

A cookie comes along whoever wrote the page that asks. So an unsafe method of a session needs a header that only our
own pages can set: `X-CSRF-Token`, made from the cookie, told by GET /v1/session; and where the browser says from
which origin it asks, that is ours.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

from sqlalchemy import Connection, delete, select

from openleo.controller.roles import PERSON, Principal, read_roles
from openleo.controller.tables import people, sessions
from openleo.controller.tokens import sha256_of

COOKIE = "openleo-session"
SECURE_COOKIE = "__Host-openleo-session"  # a browser takes it only with Secure, Path=/ and no Domain
CSRF_HEADER = "x-csrf-token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SECRET_BYTES = 32


def begin(connection: Connection, person: str, now_s: float, lasts_s: float) -> str:
    """The cookie of a new session. Those that are over are thrown away on the way."""
    connection.execute(delete(sessions).where(sessions.c.expires_at <= now_s))
    cookie = secrets.token_urlsafe(SECRET_BYTES)
    row = {"sha256": sha256_of(cookie), "person": person, "created_at": now_s, "expires_at": now_s + lasts_s}
    connection.execute(sessions.insert().values(row))
    return cookie


def end(connection: Connection, cookie: str) -> None:
    """Log out."""
    connection.execute(delete(sessions).where(sessions.c.sha256 == sha256_of(cookie)))


def end_all(connection: Connection, person: str) -> None:
    """Log a person out everywhere."""
    connection.execute(delete(sessions).where(sessions.c.person == person))


def principal_of(connection: Connection, cookie: str, now_s: float) -> Principal | None:
    """Whose session it is, with the roles that they have now."""
    row = connection.execute(
        select(people)
        .join(sessions, sessions.c.person == people.c.id)
        .where(sessions.c.sha256 == sha256_of(cookie), sessions.c.expires_at > now_s)
    ).one_or_none()
    if row is None:
        return None
    return Principal(PERSON + row.id, row.party, read_roles(row.roles), row.officer, "session")


def csrf_token(cookie: str) -> str:
    """What a page of ours shows beside the cookie. It tells nothing of the cookie."""
    return hmac.new(cookie.encode(), b"openleo csrf v1", "sha256").hexdigest()


def is_ours(method: str, headers: Mapping[str, str], cookie: str, origin: str) -> bool:
    """Whether a request that a cookie came with was asked by a page of ours. `origin`: ours, as browsers write it."""
    if method in SAFE_METHODS:
        return True
    said = headers.get("origin")
    if said is not None and _origin(said) != _origin(origin):
        return False
    shown = headers.get(CSRF_HEADER, "").encode("utf-8", "surrogateescape")
    return hmac.compare_digest(shown, csrf_token(cookie).encode())


def _origin(text: str) -> tuple[str, str, int | None]:
    """(scheme, host, port), the scheme's own port where none is written."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return "", "", None
    return parts.scheme, parts.hostname or "", port or {"http": 80, "https": 443}.get(parts.scheme)
