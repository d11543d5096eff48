"""Who a terminal is: an Ed25519 key (RFC 8032), whose private half never leaves the device.

What a terminal signs are the RFC 8785 bytes of a document after a domain of their own, so that a signature under one
kind of request means nothing under another. The public half is the registry's; a request only names the terminal.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

LEASE, RELEASE = b"openleo-lease@v1\n", b"openleo-lease-release@v1\n"
GIVEN = b"openleo-lease-given@v1\n"  # by a controller: lease_seal
SIGNATURE_BYTES, KEY_BYTES = 64, 32
MOST_KEYS = 65_536  # that are kept as the library reads them; a key takes about 300 bytes so


class Unsigned(ValueError):
    """A document that cannot be signed, or a signature that is none."""


def message(domain: bytes, document: Mapping[str, Any]) -> bytes:
    """The bytes that are signed. Raises Unsigned for what RFC 8785 has no form of."""
    try:
        return domain + (_plain_bytes(document) or rfc8785.dumps(dict(document)))
    except (rfc8785.CanonicalizationError, RecursionError, UnicodeEncodeError) as error:  # the last: half a character
        raise Unsigned(f"has no RFC 8785 form: {error}") from error


def _plain_bytes(document: Mapping[str, Any]) -> bytes | None:
    """The RFC 8785 form by the standard library, which writes it several times faster; None where it may differ.

    It does not differ where names are ASCII, whose order is that of UTF-16, and in numbers that ECMAScript writes
    without exponent.
    """
    try:
        return _WRITTEN(_plain(document)).encode()
    except _Differs:
        return None


class _Differs(Exception):
    """A value that the standard library may write otherwise."""


_WRITTEN = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False).encode
LEAST_PLAIN, MOST_PLAIN, MOST_WHOLE = 1e-4, 1e15, 2**53


_AS_THEY_ARE = (str, bool)


def _ascii(names: Iterable[Any]) -> bool:
    try:
        return "".join(names).isascii()
    except TypeError:  # some name is no text
        return False


def _plain(value: Any) -> Any:
    """A value that both write alike. Raises _Differs where there are others."""
    if value is None or isinstance(value, _AS_THEY_ARE):
        return value
    if isinstance(value, int) and abs(value) < MOST_WHOLE:
        return value
    if isinstance(value, float):
        if value.is_integer() and abs(value) < MOST_PLAIN:
            return int(value)
        if LEAST_PLAIN <= abs(value) < MOST_PLAIN:
            return value
    if isinstance(value, dict):
        if _ascii(value):
            return {name: one if type(one) is str else _plain(one) for name, one in value.items()}
    elif isinstance(value, list):
        return [one if type(one) is str else _plain(one) for one in value]
    raise _Differs


def sign(key: Ed25519PrivateKey, domain: bytes, document: Mapping[str, Any]) -> str:
    """A signature as requests carry it."""
    return base64.b64encode(key.sign(message(domain, document))).decode()


def signature(text: str) -> bytes:
    """The bytes of a signature in base64 (RFC 4648 §4). Raises Unsigned.

    >>> len(signature("A" * 86 + "=="))
    64
    """
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    # One text for one signature: unused bits at the end would let two texts say the same.
    if len(found) != SIGNATURE_BYTES or base64.b64encode(found).decode() != text:
        raise Unsigned(
            f"is no signature: an Ed25519 signature has {SIGNATURE_BYTES} bytes, in base64 with its padding."
        )
    return found


def signed_by(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the owner of a key signed a message."""
    try:
        _loaded(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):  # ValueError: 32 bytes that are no key
        return False
    return True


@lru_cache(maxsize=MOST_KEYS)
def _loaded(public_key: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public_key)
