"""Keys and SSH signatures made in software, from PROTOCOL.sshsig and PROTOCOL.u2f of OpenSSH, without our parsers.

And ssh-keygen itself, as the authority that our verifier is held against.
"""

from __future__ import annotations

import base64
import hashlib
import random
import struct
import subprocess
import textwrap
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NAMESPACE = "openleo-approval@v1"
FILE, TOKEN = "ssh-ed25519", "sk-ssh-ed25519@openssh.com"
BEGIN, END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"


def s(data: bytes | str) -> bytes:
    """A string of the SSH wire form."""
    data = data.encode() if isinstance(data, str) else data
    return struct.pack(">I", len(data)) + data


class Key:
    """A private key, in a file or in a token that is only played."""

    def __init__(self, seed: int, kind: str = FILE, application: str = "ssh:") -> None:
        self.private = Ed25519PrivateKey.from_private_bytes(random.Random(seed).randbytes(32))
        self.kind, self.application = kind, application

    @property
    def blob(self) -> bytes:
        blob = s(self.kind) + s(self.private.public_key().public_bytes_raw())
        return blob + s(self.application) if self.kind == TOKEN else blob

    @property
    def line(self) -> str:
        return f"{self.kind} {base64.b64encode(self.blob).decode()}"

    def sign(self, message: bytes, namespace: str = NAMESPACE, **said: object) -> str:
        return armoured(self.signature_blob(message, namespace, **said))

    def signature_blob(
        self,
        message: bytes,
        namespace: str = NAMESPACE,
        *,
        hash_name: str = "sha512",
        version: int = 1,
        magic: bytes = b"SSHSIG",
        reserved: bytes = b"",
        signed_reserved: bytes | None = None,
        inner_kind: str | None = None,
        flags: int = 1,
        counter: int = 7,
        after_inner: bytes = b"",
        after: bytes = b"",
    ) -> bytes:
        digest = hashlib.new(hash_name if hash_name in hashlib.algorithms_available else "sha512", message).digest()
        signed_as = reserved if signed_reserved is None else signed_reserved
        signed = b"SSHSIG" + s(namespace) + s(signed_as) + s(hash_name) + s(digest)
        inner = b""
        if self.kind == TOKEN:
            inner = struct.pack(">BI", flags, counter)
            signed = hashlib.sha256(self.application.encode()).digest() + inner + hashlib.sha256(signed).digest()
        inner = s(inner_kind or self.kind) + s(self.private.sign(signed)) + inner + after_inner
        head = magic + struct.pack(">I", version) + s(self.blob) + s(namespace) + s(reserved)
        return head + s(hash_name) + s(inner) + after


def armoured(blob: bytes, width: int = 70) -> str:
    return "\n".join([BEGIN, *textwrap.wrap(base64.b64encode(blob).decode(), width), END, ""])


def blob_of(armour: str) -> bytes:
    return base64.b64decode("".join(armour.split("\n")[1:-2]))


def keygen(*arguments: object, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["ssh-keygen", *map(str, arguments)], input=given, capture_output=True, check=False)


def keygen_accepts(folder: Path, message: bytes, armour: str, line: str, namespace: str = NAMESPACE) -> bool:
    """Whether `ssh-keygen -Y verify` takes a signature as the one of the key's owner."""
    (folder / "allowed").write_text(f"officer {line}\n")
    (folder / "sig").write_bytes(armour.encode("utf-8", "surrogatepass"))
    arguments = ("-f", folder / "allowed", "-I", "officer", "-n", namespace, "-s", folder / "sig")
    return keygen("-Y", "verify", *arguments, given=message).returncode == 0
