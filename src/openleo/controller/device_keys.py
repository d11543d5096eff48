"""Keys of devices: Ed25519, how they are written, and what a device signs to show that it holds one.

A device signs statements: a line that says what for, then the RFC 8785 bytes of a document. A signature for one purpose
is none for another, and none for another network: the statement of an enrolment names the ledger's origin.
"""

from __future__ import annotations

import base64
import binascii

from openleo.controller.device_identity import KEY_BYTES, Unsigned, message, signature, signed_by

ENROLMENT = b"openleo-enrolment@v1\n"
CERTIFICATE = b"openleo-certificate@v1\n"
KEY_CHANGE = b"openleo-key@v1\n"

_P = 2**255 - 19  # RFC 8032, section 5.1
_ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
# Every y of a point of order 1, 2, 4 or 8, and those that are written above p: with such a key anybody signs anything.
SMALL_ORDER_Y = frozenset({0, 1, _P - 1, _P, _P + 1, _ORDER_8, _P - _ORDER_8})


class KeyRefused(ValueError):
    """What was given is no key that a device can have, or no signature by it; one sentence says why."""


def read_key(text: str | bytes) -> bytes:
    """The 32 bytes of a public key: as they are, as base64, or as hexadecimal digits. Raises KeyRefused.

    >>> read_key("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=").hex()[:8]
    'd75a9801'
    """
    key = text if isinstance(text, bytes) else _bytes_of(text.strip())
    if len(key) != KEY_BYTES:
        raise KeyRefused(f"has {len(key)} bytes; an Ed25519 key has {KEY_BYTES}.")
    if int.from_bytes(key, "little") % 2**255 in SMALL_ORDER_Y:
        raise KeyRefused("is of a point of small order, with which anybody can sign.")
    return key


def _bytes_of(text: str) -> bytes:
    try:
        return bytes.fromhex(text) if len(text) == 2 * KEY_BYTES else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise KeyRefused("is neither base64 nor hexadecimal digits.") from None


def key_text(key: bytes) -> str:
    """As answers and tables write a key: base64."""
    return base64.b64encode(key).decode()


def enrolment(origin: str, terminal: str, key: bytes) -> bytes:
    """What a device signs to show, before it is enrolled, that it holds its key."""
    return message(ENROLMENT, {"origin": origin, "terminal": terminal, "public_key": key_text(key)})


def key_change(origin: str, terminal: str, key: bytes) -> bytes:
    """What a device signs with the key it has, to go on with another one."""
    return message(KEY_CHANGE, {"origin": origin, "terminal": terminal, "public_key": key_text(key)})


def check_signature(key: bytes, said: bytes, signed: str) -> None:
    """Raises KeyRefused where this key did not sign."""
    try:
        good = signed_by(key, signature(signed), said)
    except Unsigned as error:
        raise KeyRefused(f"what stands for the signature {error}") from None
    if not good:
        raise KeyRefused("the signature is not by this key over this statement.")
