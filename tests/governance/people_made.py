"""Officers for tests: people of parties, each with a key made from a seed."""

from __future__ import annotations

import base64
import hashlib
import zlib
from dataclasses import dataclass
from functools import cached_property

from ssh_made import NAMESPACE, Key


@dataclass(frozen=True)
class Person:
    """Somebody with a key; `key` tells several keys of one person apart."""

    id: str
    party: str
    roles: tuple[str, ...] = ()
    key: int = 0

    @cached_property
    def _key(self) -> Key:
        return Key(zlib.crc32(f"{self.id}/{self.key}".encode()))

    @property
    def line(self) -> str:
        return self._key.line

    @property
    def fingerprint(self) -> str:
        return "SHA256:" + base64.b64encode(hashlib.sha256(self._key.blob).digest()).decode().rstrip("=")

    def sign(self, message: bytes, namespace: str = NAMESPACE) -> str:
        """As `ssh-keygen -Y sign` writes it."""
        return self._key.sign(message, namespace)
