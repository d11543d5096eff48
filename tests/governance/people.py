"""Officers for tests: keys from seeds, and SSHSIG signatures made here, apart from what verifies them."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NAMESPACE = b"openleo-approval@v1"


def string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


@dataclass(frozen=True)
class Person:
    """Somebody with a key; `key` tells several keys of one person apart."""

    id: str
    party: str
    roles: tuple[str, ...] = ()
    key: int = 0

    @cached_property
    def private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"{self.id}/{self.key}".encode()).digest())

    @property
    def blob(self) -> bytes:
        return string(b"ssh-ed25519") + string(self.private.public_key().public_bytes_raw())

    @property
    def line(self) -> str:
        return f"ssh-ed25519 {base64.b64encode(self.blob).decode()}"

    @property
    def fingerprint(self) -> str:
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    def sign(self, message: bytes, namespace: bytes = NAMESPACE) -> str:
        """As `ssh-keygen -Y sign` writes it."""
        parts = [namespace, b"", b"sha512"]
        digest = hashlib.sha512(message).digest()
        signed = self.private.sign(b"SSHSIG" + b"".join(map(string, [*parts, digest])))
        inner = string(b"ssh-ed25519") + string(signed)
        blob = b"SSHSIG" + (1).to_bytes(4, "big") + string(self.blob) + b"".join(map(string, [*parts, inner]))
        text = base64.b64encode(blob).decode()
        lines = [text[at : at + 70] for at in range(0, len(text), 70)]
        return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""])
