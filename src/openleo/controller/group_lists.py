"""Lists of groups: who is in a group that the ledger has a hash of.

The list is a private document beside the ledger: sorted commitments of terminals, named by its sha256 (DESIGN §6).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from openleo.governance.state import Refused
from openleo.policy.request import group_name

GROUP = "group:"


def listed_in(group: str, active: Mapping[str, str | None], read: Callable[[str], Any]) -> frozenset[str] | None:
    """The commitments in a group; None where the ledger says nothing of it. Raises Refused where the list is gone.

    Names are compared as rules compare them, in any case; of two spellings the last holds, as in `named_targets`.
    """
    found = {
        group_name(target.removeprefix(GROUP)): sha
        for target, sha in active.items()
        if target.startswith(GROUP) and sha
    }
    sha256 = found.get(group_name(group))
    if sha256 is None:
        return None
    listed = read(sha256)
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise Refused(f"the list of the group {group}, {sha256}, is no list of commitments")
    return frozenset(listed)
