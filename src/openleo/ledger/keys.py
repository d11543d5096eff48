"""Verifier keys as text (C2SP signed-note), private keys as text (as Go's sumdb/note writes them), and one primitive.

NAME+KEYID+base64(type ‖ public key)                  a verifier key, to publish and to pin
PRIVATE+KEY+NAME+KEYID+base64(type ‖ private seed)    a signer, in a file that only its owner reads
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from openleo.ledger.faults import Malformed, Unavailable
from openleo.ledger.text import from_base64, to_base64

ED25519 = 0x01  # over the text of a note
COSIGNATURE = 0x04  # Ed25519 with a timestamp, over a checkpoint
ML_DSA_44 = 0x06  # FIPS 204 with a timestamp, over a checkpoint's tree
TYPES = {ED25519: "Ed25519", COSIGNATURE: "cosignature/v1", ML_DSA_44: "ML-DSA-44"}
PUBLIC_BYTES = {ED25519: 32, COSIGNATURE: 32, ML_DSA_44: 1312}
SIGNATURE_BYTES = {ED25519: 64, COSIGNATURE: 64, ML_DSA_44: 2420}
SEED_BYTES = 32  # of every type
ID_BYTES = 4
_PRIVATE = "PRIVATE+KEY+"


@dataclass(frozen=True)
class VerifierKey:
    """Who signed, and with which algorithm."""

    name: str
    type: int
    public: bytes

    @property
    def id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.public).digest()[:ID_BYTES]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{to_base64(bytes([self.type]) + self.public)}"


@dataclass(frozen=True)
class Signer:
    """A private key. Its text is only ever written to its file."""

    name: str
    type: int
    seed: bytes = field(repr=False)

    @property
    def verifier(self) -> VerifierKey:
        return _verifier_of(self.name, self.type, self.seed)

    def __str__(self) -> str:
        return f"the private key of {self.verifier}"


def is_name(text: str) -> bool:
    """Whether a key may be called so: something in UTF-8, without white space, control characters and +."""
    return bool(text) and not any(sign in "+" or sign.isspace() or sign < " " or is_half(sign) for sign in text)


def is_half(sign: str) -> bool:
    """Half a surrogate pair: what stands for an octet that is no UTF-8."""
    return "\ud800" <= sign <= "\udfff"


def parse_verifier(text: str) -> VerifierKey:
    """A verifier key of a known type, whose id is its own. Raises Malformed."""
    name, id_hex, data = _parts(text, "the verifier key")
    type_, public = data[0], data[1:]
    if len(public) != PUBLIC_BYTES[type_]:
        rule = f"an {TYPES[type_]} key has {PUBLIC_BYTES[type_]}"
        raise Malformed(f"the verifier key of {name} has {len(public)} bytes; {rule}.")
    key = VerifierKey(name, type_, public)
    if key.id.hex() != id_hex:
        raise Malformed(f"the verifier key of {name} says id {id_hex}, but its id is {key.id.hex()}.")
    return key


def generate(name: str, type_: int = ED25519) -> Signer:
    """A new key; ML-DSA-44 keys are read, never made here."""
    if not is_name(name):
        raise Malformed(f'"{name}" cannot name a key: no white space, no + and not nothing. Try example.org/ledger.')
    if type_ not in (ED25519, COSIGNATURE):
        raise ValueError(f"keys of type {type_} are not made here")
    return Signer(name, type_, os.urandom(SEED_BYTES))


def parse_signer(text: str) -> Signer:
    """A private key. Raises Malformed, without saying a word of the key."""
    if not text.startswith(_PRIVATE):
        raise Malformed(f"the private key does not begin with {_PRIVATE}")
    name, id_hex, data = _parts(text.removeprefix(_PRIVATE), "the private key")
    if len(data) != 1 + SEED_BYTES or data[0] == ML_DSA_44:
        raise Malformed(f"the private key of {name} is not a type and {SEED_BYTES} bytes of Ed25519.")
    signer = Signer(name, data[0], data[1:])
    if signer.verifier.id.hex() != id_hex:
        raise Malformed(f"the private key of {name} says an id that is not its own.")
    return signer


def _parts(text: str, what: str) -> tuple[str, str, bytes]:
    name, _, rest = text.partition("+")
    id_hex, _, encoded = rest.partition("+")
    if not is_name(name) or not re.fullmatch(r"[0-9a-fA-F]{8}", id_hex):
        raise Malformed(f"{what} is not NAME+KEYID+KEY, with eight hexadecimal digits in the middle.")
    data = from_base64(encoded, f"the last part of {what}")
    if not data or data[0] not in TYPES:
        known = ", ".join(f"{type_:#04x} ({word})" for type_, word in TYPES.items())
        raise Malformed(f"{what} is of type {data[:1].hex() or 'none'}; known are {known}.")
    return name, id_hex.lower(), data


# --- files ----------------------------------------------------------------------------------------------------------


def write_signer(path: Path, signer: Signer) -> None:
    """A new file that only its owner may read; an existing one is never written over."""
    text = f"{_PRIVATE}{signer.name}+{signer.verifier.id.hex()}+{to_base64(bytes([signer.type]) + signer.seed)}\n"
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Unavailable(f"{path} exists; a key is never written over. Name another file.") from None
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}.") from None
    with os.fdopen(file, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())


def read_signer(path: Path) -> Signer:
    """The private key of a file that nobody but its owner can read."""
    try:
        with path.open(encoding="utf-8") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(1 << 16)
    except OSError as error:
        raise Unavailable(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise Malformed(f"{path} is not a private key.") from None
    if mode & 0o077:
        raise Malformed(f"{path} can be read by others (mode {mode:o}). Try: chmod 600 {path}")
    return parse_signer(text.strip())


# --- the primitive --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _private(seed: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed)


@lru_cache(maxsize=64)
def _verifier_of(name: str, type_: int, seed: bytes) -> VerifierKey:
    return VerifierKey(name, type_, _private(seed).public_key().public_bytes_raw())


@lru_cache(maxsize=1024)
def _public(public: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public)


def sign(signer: Signer, message: bytes) -> bytes:
    """An Ed25519 signature (RFC 8032), of either type of key."""
    return _private(signer.seed).sign(message)


def verifies(key: VerifierKey, message: bytes, signature: bytes) -> bool | None:
    """Whether the signature is the key's; None where this machine cannot tell (ML-DSA-44 without its library)."""
    if len(signature) != SIGNATURE_BYTES[key.type]:
        return False
    try:
        if key.type == ML_DSA_44:
            return _ml_dsa_verifies(key.public, message, signature)
        _public(key.public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _ml_dsa_verifies(public: bytes, message: bytes, signature: bytes) -> bool | None:
    try:
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

        key = MLDSA44PublicKey.from_public_bytes(public)
    except (ImportError, UnsupportedAlgorithm):
        return None
    except ValueError:
        return False
    key.verify(signature, message)
    return True
