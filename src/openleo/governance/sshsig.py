"""Signatures that `ssh-keygen -Y sign` makes, parsed and verified (PROTOCOL.sshsig, PROTOCOL.u2f of OpenSSH).

Takes a message, its signature as armoured text, and the namespace that it must be for; gives the key that signed.
Whose key it is, and whether it counts, others say. Every byte of the text matters but the last line's end: nobody can
alter a signature that stands on the ledger and have it still verify.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from openleo.governance.keys import TOKEN_KEY, KeyRefused, PublicKey
from openleo.governance.wire import Reader, WireError, base64_bytes, string

NAMESPACE = "openleo-approval@v1"
REQUEST_NAMESPACE = "openleo-request@v1"  # to ask is not to approve: a signature of one is none of the other

HEADER, FOOTER = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
MAGIC, VERSION = b"SSHSIG", 1
HASHES = ("sha256", "sha512")  # those that PROTOCOL.sshsig allows
LONGEST_LINE = 76  # characters of base64: what the protocol recommends; ssh-keygen writes 70
MOST_CHARACTERS = 4_000  # a signature takes some 300, a token's 350
SIGNATURE_BYTES = 64
USER_PRESENT, USER_VERIFIED = 0x01, 0x04  # flags of a token: it was touched; a PIN or fingerprint was given


class SignatureRefused(ValueError):
    """Why a text is no signature of a message, in one sentence."""


@dataclass(frozen=True)
class Signature:
    """A signature as it stands in its text: not yet held against any message."""

    key: PublicKey
    namespace: str
    hash_name: str  # of HASHES: what the message is hashed with
    value: bytes  # 64 bytes: the Ed25519 signature
    flags: int = USER_PRESENT  # of a hardware token; a key in a file has none, and stands here as present
    counter: int = 0  # of a hardware token: its signatures so far

    @classmethod
    def of_text(cls, armour: str) -> Signature:
        """The signature of an armoured text. Raises SignatureRefused."""
        try:
            return _parsed(_blob(armour))
        except WireError as error:
            raise SignatureRefused(f"is no SSH signature: its content {error}") from error
        except KeyRefused as error:
            raise SignatureRefused(f"is by a key that cannot approve: it {error}") from error

    def holds_for(self, message: bytes) -> bool:
        """Whether its key made it over `message`."""
        digest = hashlib.new(self.hash_name, message).digest()
        signed = MAGIC + b"".join(string(part) for part in (self.namespace.encode(), b"", self.hash_name.encode()))
        signed += string(digest)
        if self.key.kind == TOKEN_KEY:
            state = bytes([self.flags]) + self.counter.to_bytes(4, "big")
            application = hashlib.sha256(self.key.application.encode()).digest()
            signed = application + state + hashlib.sha256(signed).digest()
        try:
            Ed25519PublicKey.from_public_bytes(self.key.point).verify(self.value, signed)
        except (InvalidSignature, ValueError):  # ValueError: some versions look whether the key is on the curve
            return False
        return True


def verify(message: bytes, armour: str, namespace: str = NAMESPACE) -> PublicKey:
    """The key that signed `message` for `namespace`. Raises SignatureRefused."""
    signature = Signature.of_text(armour)
    if signature.namespace != namespace:
        raise SignatureRefused(f'is for "{signature.namespace}" and not for "{namespace}"; sign with -n {namespace}')
    if not signature.flags & USER_PRESENT:  # ssh-keygen 9.2 does not look at this flag when it verifies
        raise SignatureRefused("was made without touching the hardware token; make the key without no-touch-required")
    if not signature.holds_for(message):
        raise SignatureRefused("is of other bytes, or was altered; sign the file again as it is")
    return signature.key


def _blob(armour: str) -> bytes:
    """What stands between header and footer. Raises SignatureRefused, or WireError."""
    if len(armour) > MOST_CHARACTERS:
        raise SignatureRefused(f"has {len(armour):,} characters, which no signature has (at most {MOST_CHARACTERS:,})")
    lines = armour.removesuffix("\n").split("\n")
    if lines[0] != HEADER:
        raise SignatureRefused(f"does not begin with {HEADER}; give the .sig file that ssh-keygen -Y sign wrote")
    if lines[-1] != FOOTER:
        raise SignatureRefused(f"does not end with {FOOTER}: something is missing, or stands after it")
    body = lines[1:-1]
    width = len(body[0]) if body else 0
    whole = bool(body) and all(len(line) == width for line in body[:-1]) and 0 < len(body[-1]) <= width <= LONGEST_LINE
    if not whole:
        raise SignatureRefused(f"has lines of uneven length, or longer than {LONGEST_LINE} characters: it was altered")
    return base64_bytes("".join(body))


def _parsed(blob: bytes) -> Signature:
    reader = Reader(blob)
    if reader.take(len(MAGIC), "its first word") != MAGIC:
        raise WireError(f"does not begin with {MAGIC.decode()}")
    if (version := reader.number("the version")) != VERSION:
        raise SignatureRefused(f"is of version {version}; version {VERSION} is read")
    key = PublicKey.of_blob(reader.string("the key"))
    namespace = reader.string("the namespace")
    # The protocol says to ignore what is reserved, and ssh-keygen does: anybody could write there. So it must be empty.
    if reader.string("what is reserved"):
        raise WireError("holds something in its reserved part, which has no meaning yet")
    hash_name = reader.string("the name of the hash")
    inner = reader.string("the signature")
    reader.end("the signature")
    if hash_name not in (name.encode() for name in HASHES):
        raise WireError(f"was made with a hash other than {' or '.join(HASHES)}")
    value, flags, counter = _inner(inner, key)
    return Signature(key, _namespace(namespace), hash_name.decode(), value, flags, counter)


def _namespace(namespace: bytes) -> str:
    text = namespace.decode("ascii", "replace")
    if not text or not text.isascii() or not text.isprintable():
        raise WireError("names no namespace in printable ASCII characters")
    return text


def _inner(blob: bytes, key: PublicKey) -> tuple[bytes, int, int]:
    """(the 64 bytes, the flags, the counter) of a signature by `key`."""
    reader = Reader(blob)
    if reader.string("the kind of signature") != key.kind.encode():
        raise WireError(f"holds a signature of another kind than its key, {key.kind}")
    value = reader.string("the signature")
    if len(value) != SIGNATURE_BYTES:
        raise WireError(f"holds a signature of {len(value)} bytes, and not of {SIGNATURE_BYTES}")
    flags, counter = USER_PRESENT, 0
    if key.kind == TOKEN_KEY:
        flags, counter = reader.take(1, "the token's flags")[0], reader.number("the token's counter")
    reader.end("the signature")
    return value, flags, counter
