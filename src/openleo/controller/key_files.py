"""Private keys of the data folder: each in a file of its own, made once, and its owner's alone."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from openleo.controller.registry import NotPossible

FOR_OTHERS = 0o077
PLAIN = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def kept_key(path: Path, make: Callable[[], Ed25519PrivateKey] | None = None) -> Ed25519PrivateKey:
    """The key of a file (PEM), made where there is none. Raises NotPossible: it is open to others, or is no key."""
    if not path.exists():
        write_once(path, (make or Ed25519PrivateKey.generate)().private_bytes(*PLAIN), 0o600)
    if stat.S_IMODE(path.stat().st_mode) & FOR_OTHERS:
        raise NotPossible(f"{path} can be read by others. Try: chmod go= {path}")
    try:
        held = serialization.load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError):  # TypeError: there is a password on it
        held = None
    if not isinstance(held, Ed25519PrivateKey):
        raise NotPossible(f"{path} is no Ed25519 key in PEM. Put back the one that was there, or move it away")
    return held


def write_once(path: Path, data: bytes, mode: int) -> None:
    """Whole, on the disk, and at no time open to more than `mode`; where somebody else was first, theirs stays."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(beside, path)  # unlike a rename, it fails where there is one
    except FileExistsError:
        return
    finally:
        beside.unlink(missing_ok=True)
