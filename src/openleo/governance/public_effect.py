"""An effect as everybody may read it: few people and few terminals are not told apart.

What officers sign is this form. Counts of people and terminals from 1 to 9 stand as 9, as they do on the ledger; what
the difference of a sum and its parts would tell is not told either, so sums over territories leave out terminals.
The exact figures go to the approvers alone, beside the effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openleo.governance.gate import effect_sha256
from openleo.governance.losses import public

AMOUNTS = ("lost", "gained", "may_lose", "may_gain", "displaced_by_capacity", "freed_by_capacity")
COUNTED = ("people", "terminals")
BEAMS = ("spill_people", "beams")  # people in the light of others' beams, and served by none but beams that stray


def in_public(effect: Mapping[str, Any]) -> dict[str, Any]:
    """The same effect with counts as everybody may read them, and its sha256. Of a public form, the same."""
    found = {key: _rounded(value) for key, value in effect.items()}
    if isinstance(found.get("totals"), list):
        found["totals"] = [_without_terminals(one) for one in found["totals"]]
    if "sha256" in found:
        found["sha256"] = effect_sha256(found)
    return found


def is_public(effect: Mapping[str, Any]) -> bool:
    """Whether an effect tells nothing that the public form would not."""
    return in_public(effect) == dict(effect)


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _told(key, one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list) else value


def _told(key: str, value: Any) -> Any:
    if key in BEAMS:
        return _counts(value)
    return _amount(value) if key in AMOUNTS else _rounded(value)


def _counts(value: Any) -> Any:
    """Counts of people, however they are put together."""
    if isinstance(value, Mapping):
        return {key: _counts(one) for key, one in value.items()}
    return [_counts(one) for one in value] if isinstance(value, list) else _count(value)


def _amount(value: Any) -> Any:
    """What is lost or gained, in figures; or, of terminals elsewhere, their number alone."""
    if isinstance(value, Mapping):
        return {key: _count(one) if key in COUNTED else one for key, one in value.items()}
    return _count(value)


def _count(value: Any) -> Any:
    return public(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _without_terminals(total: Any) -> Any:
    """A sum of one class over all territories."""
    if not isinstance(total, Mapping):
        return total
    return {
        key: {**one, "terminals": None} if key in AMOUNTS and isinstance(one, Mapping) else one
        for key, one in total.items()
    }
