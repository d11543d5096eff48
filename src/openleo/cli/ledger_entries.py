"""Which entries may be appended by hand, and which only by what governs them.

An entry that says something about service takes effect when it is logged, so it is made by the verb that checks its
approvals. Whole families are refused, not the kinds that there are today: one that is added later is governed too.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any

GOVERNED = frozenset(
    {
        "genesis", "change", "approval", "objection", "break_glass", "network", "account", "class", "group", "key",
        "log_key", "quorum", "terminal", "mask", "enforcement",
    }
)  # fmt: skip


def fault_of(entry: bytes) -> str | None:
    """Why an entry cannot be appended by hand; None if it can."""
    try:
        read = json.loads(entry.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        return f"is not JSON in UTF-8 ({error})."
    if not isinstance(read, dict) or not isinstance(read.get("type"), str):
        return 'is not a JSON object with a "type".'
    family = unicodedata.normalize("NFKC", read["type"]).strip().casefold().partition(".")[0].replace("-", "_")
    if family in GOVERNED:
        return f'is of the governed type "{read["type"]}": only `openleo change` and its like write these.'
    return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Readers differ on which of two equal keys counts."""
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
