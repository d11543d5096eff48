"""The one form of an entry's JSON: RFC 8785."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import rfc8785


def canonical(document: Mapping[str, Any], *, plain: bool) -> bytes:
    """RFC 8785 bytes. Raises rfc8785.CanonicalizationError.

    `plain`: it holds texts, truths, and whole numbers that every reader can hold. If it is ASCII besides, the form is
    the standard library's, which writes it many times faster; else keys have another order there (UTF-16), and numbers
    of a free form are written otherwise.
    """
    if plain:
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        if text.isascii():
            return text.encode("ascii")
    return rfc8785.dumps(dict(document))
