"""The gate: nothing takes effect that did not pass here, and what passed stands on the ledger before it takes effect.

Pure: takes the state of the ledger, the change, the effect that was signed and the one computed again on the set in
force, the checkpoint that proves the approvals, and the clock; gives the entries to append, or refuses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import rfc8785

from openleo.governance import losses
from openleo.governance.effect_form import checked
from openleo.governance.entries import (
    Act,
    Activated,
    ApprovedIn,
    Body,
    Entry,
    KeyAdded,
    KeyRevoked,
    LogKeyRotated,
    QuorumChanged,
    entry,
)
from openleo.governance.life import why_not
from openleo.governance.moves import LOG_KEY, NETWORK, ROSTER, SUSPENDED
from openleo.governance.replay import refusal
from openleo.governance.roster import Roster
from openleo.governance.roster_file import roster_of
from openleo.governance.state import Change, Refused, State, keys_between, status

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Recomputed:
    """An effect as it is now, on the set in force: its JSON form, without its own hash."""

    effect: Json

    @property
    def sha256(self) -> str:
        return effect_sha256(self.effect)


def effect_sha256(effect: Json) -> str:
    """Of the RFC 8785 form of an effect without the key `sha256`."""
    return hashlib.sha256(rfc8785.dumps({key: value for key, value in effect.items() if key != "sha256"})).hexdigest()


def check_frozen(change: Change, effect: Json) -> None:
    """The effect at hand is the one that stands on the ledger, and the ledger sums it up rightly. Raises Refused."""
    if change.effect is None:
        raise Refused("its effect is not frozen")
    checked(effect)
    if effect_sha256(effect) != change.effect.effect:
        raise Refused("effect.json is not the effect that stands on the ledger")
    if losses.touched(effect) != change.effect.touched or losses.ends(effect) != change.effect.ends:
        raise Refused("the ledger sums the effect up otherwise than effect.json says")
    if effect["network"] != change.effect.network:
        raise Refused("the effect was computed on another network than the ledger says")


def check_again(signed: Json, now: Json, tolerance_ppm: int) -> None:
    """The effect computed again answers the question that was signed, and takes no more. Raises Refused."""
    checked(now)
    if now["network"] != signed["network"]:
        raise Refused("it was computed again on another network than the one whose effect was signed")
    if set(now["people"]) != set(signed["people"]) or (now["terminals"] is None) != (signed["terminals"] is None):
        raise Refused("it was computed again of other territories, or without the terminals that were counted")
    if more := losses.loses_more(signed, now, tolerance_ppm):
        raise Refused(f"computed again, it takes more than was signed: {'; '.join(more)}")


def activation(
    state: State, id_: str, at: datetime, signed: Json, now: Recomputed, approved_in: ApprovedIn, witnessed: bool
) -> tuple[Entry, ...]:
    """The entries that activate a change: change.activated, and the facts that it makes. Raises Refused."""
    change = state.change(id_)
    if why := why_not(state, change, at):
        raise Refused(f"{id_} is {status(state, change, at)}: {why}")
    check_frozen(change, signed)
    check_again(signed, now.effect, state.people.settings.tolerance_ppm)
    body = Activated(change=id_, effect=now.sha256, approved_in=approved_in, witnessed=witnessed)
    activated = entry(at, body)
    if why := refusal(state, activated):
        raise Refused(why)
    return (activated, *(entry(at, fact, type_) for type_, fact in facts(state, change)))


def facts(state: State, change: Change) -> Sequence[tuple[str, Body]]:
    """What a change does, in the words of the entries that tell it."""
    told: list[tuple[str, Body]] = []
    proposed = change.proposed
    for move in proposed.moves:
        if move.target == ROSTER:
            told += _roster_facts(proposed.change, state.people, roster_of(proposed.documents[str(move.new)]))
        elif proposed.kind == "log_key":
            told.append(
                ("log_key.rotated", LogKeyRotated(change=proposed.change, base=str(move.base), new=str(move.new)))
            )
        elif proposed.kind != "rules":
            act = Act(
                change=proposed.change,
                move=move,
                actor=proposed.requester,
                reason=proposed.reason,
                terminals=_terminals(change),
                territories=_by_territory(change),
            )
            told.append((_act_type(move.target, move.new), act))
    return told


def _roster_facts(id_: str, old: Roster, new: Roster) -> list[tuple[str, Body]]:
    join, go = keys_between(old, new)
    added: list[tuple[str, Body]] = [
        ("key.added", KeyAdded(change=id_, officer=officer, key=key)) for key, officer in join.items()
    ]
    revoked: list[tuple[str, Body]] = [
        (
            "key.revoked",
            KeyRevoked(change=id_, officer=officer, key=key, reason="not in the new roster", signature=None),
        )
        for key, officer in go.items()
    ]
    changed = [("quorum.changed", QuorumChanged(change=id_, base=old.sha256, new=new.sha256))]
    return [*added, *revoked, *(changed if old.lines != new.lines else [])]


def expected_facts(change: Change) -> tuple[tuple[str, str], ...]:
    """(type, target) of the entry that each move has beside its activation; books and rosters have none of these."""
    return tuple(
        ("log_key.rotated" if move.target == LOG_KEY else _act_type(move.target, move.new), move.target)
        for move in change.proposed.moves
    )


def _act_type(target: str, new: str | None) -> str:
    if target == NETWORK:
        return "network.changed"
    kind = target.partition(":")[0]
    return (
        {"class": "class.changed", "group": "group.changed"}.get(kind)
        or ("account.suspended" if new == SUSPENDED else "account.reinstated")
    )  # fmt: skip


def _terminals(change: Change) -> int:
    return 0 if change.effect is None else sum(one.terminals_lost or 0 for one in change.effect.touched)


def _by_territory(change: Change) -> dict[str, int]:
    touched = () if change.effect is None else change.effect.touched
    return {one.territory: one.terminals_lost for one in touched if one.terminals_lost}
