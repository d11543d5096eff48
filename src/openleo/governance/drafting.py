"""A proposal and its frozen effect, made of what a requester says and what was computed.

Takes the request, the moves and the effect; gives the two entries that start a change. Ids and nonces are handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from openleo.governance import losses
from openleo.governance.effect_form import checked
from openleo.governance.entries import EffectFrozen, Proposed, Signed, Window, instant
from openleo.governance.gate import effect_sha256
from openleo.governance.moves import NETWORK, Move
from openleo.governance.state import State

NO_NETWORK = "0" * 64  # nothing was computed on a network


@dataclass(frozen=True)
class Request:
    """Who asks for a change, for whom, why, on what ground, and when it may take effect."""

    requester: str
    on_behalf_of: str
    reason: str
    legal_reference: str
    begin: datetime
    until: datetime
    expires: datetime
    reverts: str | None = None
    sponsor: str = ""  # the officer who is to sign it; empty: as the roster asks


def id_of(nonce: str) -> str:
    """What a change is called."""
    return f"c-{nonce[:10]}"


def proposal(
    nonce: str,
    kind: str,
    moves: Iterable[Move],
    request: Request,
    documents: Mapping[str, Any] | None = None,
    possession: Iterable[Signed] = (),
) -> Proposed:
    """change.proposed. Raises ValueError (of pydantic) where the request cannot stand on the ledger."""
    return Proposed.model_validate(
        {
            "change": id_of(nonce),
            "kind": kind,
            "moves": tuple(moves),
            "requester": request.requester,
            "on_behalf_of": request.on_behalf_of,
            "reason": request.reason,
            "legal_reference": request.legal_reference,
            "window": Window.model_validate({"from": instant(request.begin), "until": instant(request.until)}),
            "expires": instant(request.expires),
            "nonce": nonce,
            "reverts": request.reverts,
            "documents": dict(documents or {}),
            "possession": tuple(possession),
        }
    )


def freezing(change: str, effect: Mapping[str, Any], named: Iterable[str] = ()) -> EffectFrozen:
    """change.effect. `named`: territories that the change names, whether or not the effect touches them.

    Raises Refused where the effect leaves something untold, or cannot be judged.
    """
    effect = checked(effect)
    return EffectFrozen(
        change=change,
        effect=effect_sha256(effect),
        network=effect["network"],
        touched=losses.touched(effect),
        named=tuple(sorted(set(named))),
        ends=losses.ends(effect),
    )


def plain_effect(state: State, moves: Iterable[Move], territories: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """The effect of what moves no rule, in the form that effects of rules have; `territories`: its rows."""
    moves = tuple(moves)
    rows = list(territories)
    return {
        "base": ",".join(f"{move.target}={move.base or ''}" for move in moves),
        "new": ",".join(f"{move.target}={move.new or ''}" for move in moves),
        "network": state.value(NETWORK) or NO_NETWORK,
        "territories": rows,
        "edges": [],
        "people": {},
        "terminals": "enrolled" if rows else None,
    }


def terminals_row(territory: str, class_: str, lost: int, gained: int) -> dict[str, Any]:
    """A row that counts terminals alone."""
    none = {"cells": 0, "area_km2": 0.0, "people": 0, "terminals": 0}
    return {
        "territory": territory,
        "class": class_,
        "lost": none | {"terminals": lost},
        "gained": none | {"terminals": gained},
        "may_lose": none,
        "may_gain": none,
    }
