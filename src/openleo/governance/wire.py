"""The SSH wire form (RFC 4251, section 5) as keys and signatures use it: strings with their length before them."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass


class WireError(ValueError):
    """Bytes that do not hold what their form says they hold."""


@dataclass
class Reader:
    """Takes one value after the other from bytes; what is short or left over is an error."""

    data: bytes
    at: int = 0

    def take(self, count: int, what: str) -> bytes:
        if count > len(self.data) - self.at:
            raise WireError(f"ends within {what}")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, what: str) -> int:
        """A uint32."""
        return int.from_bytes(self.take(4, what), "big")

    def string(self, what: str) -> bytes:
        return self.take(self.number(what), what)

    def end(self, of: str) -> None:
        if left := len(self.data) - self.at:
            raise WireError(f"has {left} more byte{'s' * (left > 1)} after the end of {of}")


def string(data: bytes) -> bytes:
    """A string as it is written."""
    return len(data).to_bytes(4, "big") + data


def base64_bytes(text: str) -> bytes:
    """The bytes of base64 (RFC 4648, section 4) in its one form: padded, no other character, no bit left over."""
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise WireError("is not base64") from error
    if base64.b64encode(data).decode() != text:
        raise WireError("is not base64 in its one form: bits after the last byte are set")
    return data
