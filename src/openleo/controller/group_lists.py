"""Lists of groups: who is in a group that the ledger has a hash of.

The list is a private document beside the ledger: sorted commitments of terminals, named by its sha256 (DESIGN §6).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from openleo.governance.state import Refused


def listed_in(group: str, active: Mapping[str, str | None], read: Callable[[str], Any]) -> frozenset[str] | None:
    """The commitments in a group; None where the ledger says nothing of it. Raises Refused where the list is gone."""
    sha256 = active.get(f"group:{group}")
    if sha256 is None:
        return None
    found = read(sha256)
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise Refused(f"the list of the group {group}, {sha256}, is no list of commitments")
    return frozenset(found)
