"""The few spellings that all formats share: one spelling for each value, so that nothing altered still reads the same.

Base64 (RFC 4648 §4) is refused unless it is what encoding would give: a decoder that forgives the last bits or line
breaks lets a changed signature line pass as the old one.
"""

from __future__ import annotations

import base64
import binascii
import re

from openleo.ledger.faults import Malformed

HASH_BYTES = 32  # SHA-256
SIZE_MAX = (1 << 63) - 1  # entries in a tree; a proof then has at most 63 hashes
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


def to_base64(data: bytes) -> str:
    """Standard base64 with its padding."""
    return base64.b64encode(data).decode("ascii")


def from_base64(text: str, what: str) -> bytes:
    """The bytes of standard base64 in its one spelling. Raises Malformed."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise Malformed(f"{what} is not base64.") from None
    if to_base64(data) != text:
        raise Malformed(f"{what} is not base64 in its one spelling.")
    return data


def hash_from_base64(text: str, what: str) -> bytes:
    """A SHA-256 hash. Raises Malformed."""
    data = from_base64(text, what)
    if len(data) != HASH_BYTES:
        raise Malformed(f"{what} has {len(data)} bytes; a SHA-256 hash has {HASH_BYTES}.")
    return data


def decimal(text: str, what: str) -> int:
    """A size or an index: ASCII digits without a leading zero, below 2^63. Raises Malformed."""
    if not _DECIMAL.fullmatch(text) or int(text) > SIZE_MAX:
        raise Malformed(f"{what} is not a decimal number below 2^63 without leading zeros.")
    return int(text)


def utf8(data: bytes, what: str) -> str:
    """Text without control characters other than newlines. Raises Malformed."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed(f"{what} is not UTF-8.") from None
    if any(sign < " " and sign != "\n" for sign in text):
        raise Malformed(f"{what} has a control character.")
    return text
