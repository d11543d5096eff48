"""Commitments: what the ledger says of an account or a terminal in place of its name.

HMAC-SHA256 under a random key that the record keeps for itself. Who holds the key can open the commitment to an
auditor; when the key is erased, nobody can tell any more whom the entry was about, and the ledger stays as it is.
Nothing here makes keys: the caller hands in 32 random bytes, one key a record.
"""

from __future__ import annotations

import hashlib
import hmac

FORM = "hmac-sha256:"
KEY_BYTES = 32
_PURPOSE = b"openleo-commitment@v1"  # so that a key used elsewhere by mistake gives nothing that stands for another


def commitment(record_key: bytes, kind: str, text: str) -> str:
    """`hmac-sha256:…` of a text, such as an account's id. `kind`: what it is: "account", "terminal"."""
    if len(record_key) != KEY_BYTES:
        raise ValueError(f"a commitment's key has {KEY_BYTES} bytes, and not {len(record_key)}")
    said = b"".join(len(part).to_bytes(4, "big") + part for part in (_PURPOSE, kind.encode(), text.encode()))
    return FORM + hmac.new(record_key, said, hashlib.sha256).hexdigest()


def opens(made: str, record_key: bytes, kind: str, text: str) -> bool:
    """Whether a commitment was made of this text with this key."""
    return hmac.compare_digest(made.encode(), commitment(record_key, kind, text).encode())
