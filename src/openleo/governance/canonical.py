"""Canonical JSON (RFC 8785): by the standard library where it has but one form, which is many times faster."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import rfc8785


def canonical(document: Mapping[str, Any], *, any_json: bool) -> bytes:
    """RFC 8785 bytes. `any_json`: it may hold numbers of a free form, and not texts, truths and small counts alone.

    Plain ASCII without fractions has one form, which the standard library writes. What is not ASCII has its keys in
    another order there (UTF-16), and numbers of a free form are written otherwise.
    """
    if not any_json:
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        if text.isascii():
            return text.encode("ascii")
    return rfc8785.dumps(document)
