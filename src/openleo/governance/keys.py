"""The public keys of officers, as OpenSSH writes them.

Takes a line such as `ssh-ed25519 AAAAC3Nz… a comment`; gives a PublicKey. Two kinds are read, both Ed25519: a key in a
file, and one in a hardware token (`sk-`, FIDO). Comments are dropped: they often hold a name.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cached_property

from openleo.governance.wire import Reader, WireError, base64_bytes, string

FILE_KEY = "ssh-ed25519"
TOKEN_KEY = "sk-ssh-ed25519@openssh.com"  # PROTOCOL.u2f of OpenSSH  # noqa: S105
KINDS = (FILE_KEY, TOKEN_KEY)
POINT_BYTES = 32
APPLICATION = "ssh:"  # how the applications of tokens begin; a web page cannot have a token sign for one
LONGEST_LINE = 2_000  # characters, the comment included
MAKE_ONE = "Make one with `ssh-keygen -t ed25519`, or with a hardware token `ssh-keygen -t ed25519-sk`."

FIELD_PRIME = 2**255 - 19
# y of the points of Ed25519 whose order divides 8: under such a key anybody can sign (their x, and -x, have these y).
_OF_ORDER_8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER = frozenset({0, 1, FIELD_PRIME - 1, _OF_ORDER_8, FIELD_PRIME - _OF_ORDER_8})


class KeyRefused(ValueError):
    """Why a line is no public key that can approve, and the way out."""


@dataclass(frozen=True)
class PublicKey:
    """An Ed25519 key. `application`: of a key in a hardware token, what it was made for; else empty."""

    kind: str
    point: bytes  # 32 bytes: the public key of RFC 8032
    application: str = ""

    @classmethod
    def of_line(cls, line: str) -> PublicKey:
        """The key of an OpenSSH public-key line. Raises KeyRefused."""
        words = line.split(None, 2) if len(line) <= LONGEST_LINE else []
        if len(words) < 2 or len(line.strip().splitlines()) > 1:
            raise KeyRefused(f"is no public-key line, which is a kind, base64, and a comment. {MAKE_ONE}")
        kind, text = words[0], words[1]
        _check_kind(kind)
        try:
            key = cls.of_blob(base64_bytes(text))
        except WireError as error:
            raise KeyRefused(f"is no {kind} key: its base64 {error}. Copy the whole line of the .pub file.") from error
        if key.kind != kind:
            raise KeyRefused(f"says {kind}, but holds a {key.kind} key. Copy the whole line of the .pub file.")
        return key

    @classmethod
    def of_blob(cls, blob: bytes) -> PublicKey:
        """The key of its wire form. Raises KeyRefused, or WireError where the bytes have no such form."""
        reader = Reader(blob)
        kind = reader.string("the kind of key").decode("ascii", "replace")
        _check_kind(kind)
        point = reader.string("the key")
        application = reader.string("the application") if kind == TOKEN_KEY else b""
        reader.end("the key")
        _check_point(point)
        if kind == TOKEN_KEY:
            _check_application(application)
        return cls(kind, point, application.decode("ascii"))

    @cached_property
    def blob(self) -> bytes:
        """The wire form."""
        blob = string(self.kind.encode()) + string(self.point)
        return blob + string(self.application.encode()) if self.kind == TOKEN_KEY else blob

    @property
    def fingerprint(self) -> str:
        """`SHA256:…`, as ssh-keygen prints it."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    @property
    def line(self) -> str:
        """The public-key line, without a comment."""
        return f"{self.kind} {base64.b64encode(self.blob).decode()}"

    def __str__(self) -> str:
        return self.fingerprint


def _check_kind(kind: str) -> None:
    if kind in KINDS:
        return
    if kind.startswith(("ssh-", "sk-", "ecdsa-", "rsa-", "webauthn-")):
        raise KeyRefused(f"is a key of kind {kind[:60]}; officers sign with Ed25519. {MAKE_ONE}")
    raise KeyRefused(f"begins with {kind[:60]!r}, which is no kind of key; a line begins with {FILE_KEY}. {MAKE_ONE}")


def _check_point(point: bytes) -> None:
    if len(point) != POINT_BYTES:
        raise WireError(f"holds a key of {len(point)} bytes, and not of {POINT_BYTES}")
    y = int.from_bytes(point, "little") & (2**255 - 1)
    if y >= FIELD_PRIME or y in _SMALL_ORDER:
        raise KeyRefused(f"is a point under which anybody could sign, and nobody's key. {MAKE_ONE}")


def _check_application(application: bytes) -> None:
    text = application.decode("ascii", "replace")
    if not text.startswith(APPLICATION) or not text.isprintable() or not text.isascii():
        raise KeyRefused(
            f"is a token's key for the application {text[:60]!r}; one that signs for SSH begins with {APPLICATION!r}. "
            f"{MAKE_ONE}"
        )
