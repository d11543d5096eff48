"""What an officer signs: RFC 8785 bytes that say everything the signature stands for.

An approval binds its change, what it moves from what to what, the effect, the quorum and roster under which it counts,
the window, a nonce and an expiry, on one ledger. All of it stands on the ledger, so an auditor makes the same bytes
again and checks the signature over them; a signature for one statement says nothing of another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Literal

import rfc8785

from openleo.governance.entries import BreakGlassReviewed, BreakGlassUsed, EffectFrozen, Genesis, Proposed

SCHEMA = 1
Decision = Literal["approve", "withdraw", "reject"]


def of_change(
    decision: Decision, origin: str, roster: str, proposed: Proposed, effect: EffectFrozen, quorum: Sequence[str]
) -> bytes:
    """`roster`: sha256 of the one in force; `quorum`: the expressions that must be satisfied, all of them."""
    said = proposed.model_dump(mode="json", by_alias=True, exclude={"documents", "possession", "sponsor"})
    if proposed.sponsor is not None:
        said["sponsor"] = proposed.sponsor.officer
    frozen = {"effect": effect.effect, "network": effect.network, "quorum": sorted(quorum), "roster": roster}
    return _statement(decision, origin, {**said, **frozen})


def request(origin: str, roster: str, proposed: Proposed) -> bytes:
    """What the sponsor of a proposal asks for: all of it but the signature, on a ledger and under a roster (sha256)."""
    said = proposed.model_dump(mode="json", by_alias=True, exclude={"sponsor"})
    assert proposed.sponsor is not None
    by = proposed.sponsor
    asked = {"sponsor": by.officer, "effect": by.effect, "network": by.network, "roster": roster}
    return _statement("request", origin, {**said, **asked})


def objection(origin: str, change: str, party: str, text: str) -> bytes:
    """What a party has against a change."""
    return _statement("object", origin, {"change": change, "party": party, "text": text})


def founding(genesis: Genesis) -> bytes:
    """Entry 0 without its signatures."""
    said = genesis.model_dump(mode="json", by_alias=True, exclude={"signatures", "origin"})
    return _statement("found", genesis.origin, said)


def possession(origin: str, officer: str, key: str) -> bytes:
    """That an officer holds a key which is to join the roster; `key` is its fingerprint."""
    return _statement("hold-key", origin, {"officer": officer, "key": key})


def revocation(origin: str, officer: str, key: str, reason: str) -> bytes:
    """That a key of an officer counts no more; `key` is its fingerprint."""
    return _statement("revoke-key", origin, {"officer": officer, "key": key, "reason": reason})


def breaking_glass(origin: str, used: BreakGlassUsed) -> bytes:
    """What two officers do at once."""
    return _statement("break-glass", origin, used.model_dump(mode="json", exclude={"signatures", "witnessed"}))


def review(origin: str, reviewed: BreakGlassReviewed) -> bytes:
    """What officers who had no part in it find."""
    return _statement("review", origin, reviewed.model_dump(mode="json", exclude={"signatures"}))


def sha256_of(statement: bytes) -> str:
    """What an entry names a statement by."""
    return hashlib.sha256(statement).hexdigest()


def _statement(decision: str, origin: str, said: dict[str, Any]) -> bytes:
    return rfc8785.dumps({"openleo_statement": SCHEMA, "decision": decision, "origin": origin, **said})
