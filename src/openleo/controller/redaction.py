"""What no log, error, audit record or label may hold, taken out of it.

By the name of a key (`authorization`, `signature`, `position`, …) whatever its value is; and by the look of a text:
tokens, keys, cookies, signatures, addresses with a password, positions in words or JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

REMOVED = "[removed]"
SECRET_NAMES = frozenset({
    "authorization", "proxyauthorization", "cookie", "setcookie", "password", "passwd", "secret", "clientsecret",
    "token", "accesstoken", "idtoken", "refreshtoken", "code", "codeverifier", "state", "nonce", "csrf", "xcsrftoken",
    "signature", "sig", "privatekey", "key", "tlskey", "database", "dsn", "position", "positions", "lat", "lon",
    "latitude", "longitude", "latdeg", "londeg", "latitudedeg", "longitudedeg", "coordinates", "ellipse", "ranging",
})  # fmt: skip
STATES = frozenset({"enrolled", "active", "suspended", "revoked", "lost", "open", "upheld", "dismissed"})
LOOKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN ([A-Z ]+)-----.*?(-----END \1-----|\Z)", re.DOTALL), REMOVED),
    (re.compile(r"\bolt_[A-Za-z0-9_-]+"), REMOVED),
    (re.compile(r"\bwhsec_[A-Za-z0-9+/=_-]+"), REMOVED),
    (re.compile(r"\beyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.?[A-Za-z0-9_-]*"), REMOVED),  # a JSON Web Token
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]+"), rf"\1 {REMOVED}"),
    (re.compile(r"(?i)((?:__Host-)?openleo-(?:session|login)=)[^;\s]+"), rf"\1{REMOVED}"),
    (re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*://[^\s:/@]*):[^\s@/]+@"), rf"\1:{REMOVED}@"),  # user:password@
    (re.compile(r"(?i)\b(password\s*=\s*)('[^']*'|\"[^\"]*\"|[^\s&;]+)"), rf"\1{REMOVED}"),
    (
        re.compile(
            r"(?i)([\"']?\b(?:lat|lon|latitude|longitude)(?:_deg)?\b[\"']?\s*[=:]\s*)[\"']?[-+]?\d+(?:\.\d+)?[\"']?"
        ),
        rf"\1{REMOVED}",
    ),
    (re.compile(r"[-+]?\d{1,2}\.\d{3,}\s*,\s*[-+]?\d{1,3}\.\d{3,}"), REMOVED),  # 25.0330, 121.5654
    (re.compile(r"(?i)([?&](?:code|state|token|nonce|id_token|access_token)=)[^&\s\"']+"), rf"\1{REMOVED}"),
)


def clean_text(text: str) -> str:
    """A text without what looks like a secret or a position.

    >>> clean_text("Authorization: Bearer olt_abc at 25.0330,121.5654")
    'Authorization: Bearer [removed] at [removed]'
    >>> clean_text("postgresql://leo:hunter2@db/openleo")
    'postgresql://leo:[removed]@db/openleo'
    """
    for look, instead in LOOKS:
        text = look.sub(instead, text)
    return text


def clean(value: Any) -> Any:
    """A document without them, however deep they stand."""
    if isinstance(value, Mapping):
        return {
            clean_text(str(name)): REMOVED if is_secret(str(name), one) else clean(one) for name, one in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [clean(one) for one in value]
    if isinstance(value, bytes | bytearray):
        return REMOVED  # keys and signatures are bytes; nothing that is worth logging is
    if value is None or isinstance(value, bool | int | float):
        return value
    return clean_text(str(value))


def is_secret(name: str, value: object) -> bool:
    """Whether what stands under a name is not shown. `state` is also what terminals are in.

    >>> is_secret("Set-Cookie", "a=b"), is_secret("state", "active"), is_secret("state", "hD3k"), is_secret("rule", "a")
    (True, False, True, False)
    """
    plain = re.sub(r"[^a-z]", "", name.lower())
    return plain in SECRET_NAMES and value is not None and not (isinstance(value, str) and value in STATES | {""})
