"""What an auditor checks beyond the entries themselves: the documents that they name.

Takes the state that replaying gave and a folder of artefacts; gives findings. Each activation is judged again as the
gate judged it: the effect that was signed, as the ledger sums it up, against the one computed at activation.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from openleo.governance import losses
from openleo.governance.artefacts import Artefacts
from openleo.governance.entries import Activated, BreakGlassUsed, Entry
from openleo.governance.gate import check_frozen, expected_facts
from openleo.governance.moves import NETWORK, RECOVERY, ROSTER, Move
from openleo.governance.replay import Finding
from openleo.governance.state import Change, Refused, State


def documents(state: State, artefacts: Artefacts) -> Iterator[str]:
    """The books in force that are missing or were altered, in words."""
    settled = (Move(target=target, base=None, new=one.value) for target, one in sorted(state.settled.items()))
    yield from missing(settled, artefacts)


def missing(moves: Iterable[Move], artefacts: Artefacts) -> Iterator[str]:
    """The books and lists that moves lead to and that are missing or were altered, in words."""
    for move in moves:
        if move.new is not None and move.target.startswith(("book:", "group:")):
            try:
                artefacts.get(move.new)
            except Refused as refused:
                yield f"{move.target}: {refused}"


def activation(state: State, index: int, entry: Entry, artefacts: Artefacts) -> Iterator[Finding]:
    """Whether what a change.activated says follows from the documents; and whether those of break-glass are there."""
    body = entry.body
    if isinstance(body, BreakGlassUsed):
        yield from (Finding(index, f"{body.id}: {why}") for why in missing(body.moves, artefacts))
    if not isinstance(body, Activated) or body.change not in state.changes:
        return
    change = state.changes[body.change]
    try:
        _check(state, change, body, artefacts)
    except Refused as refused:
        yield Finding(index, f"{body.change}: {refused}")


def _check(state: State, change: Change, body: Activated, artefacts: Artefacts) -> None:
    assert change.effect is not None
    signed = artefacts.get_json(change.effect.effect)
    check_frozen(change, signed)
    again = artefacts.get_json(body.effect)
    if more := losses.loses_more(signed, again, state.people.settings.tolerance_ppm):
        raise Refused(f"it took more than was signed: {'; '.join(more)}")


def untold(state: State) -> Iterator[str]:
    """Activations whose facts do not stand on the ledger: what they did has to be told by entries of its own."""
    for id_, change in state.changes.items():
        if change.activated_at is None or change.proposed.kind in ("rules", ROSTER, RECOVERY):
            continue  # books have no fact; of rosters, replaying checks each key that joins and leaves
        for type_, target in expected_facts(change):
            if (type_, target) not in change.stated:
                yield f"{id_} was activated, and no {type_} of {target} stands on the ledger"


def active_file(state: State, path: Path, at: datetime) -> str:
    """How the written list of what is in force differs from what the ledger says; "" if it does not."""
    try:
        said = json.loads(path.read_bytes())["active"]
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError):
        return f"{path} cannot be read as what is in force"
    derived = state.active(at)
    wrong = sorted(target for target in {*said, *derived} if said.get(target) != derived.get(target))
    return f"{path} says otherwise than the ledger of {', '.join(wrong)}" if wrong else ""


def network(state: State, sha256: str) -> str:
    """Why a network may not be run: it is not the one that was approved; "" if it is."""
    approved = state.value(NETWORK)
    if approved == sha256:
        return ""
    said = "none was approved yet" if approved is None else f"approved is {approved}"
    return f"this network is {sha256}, and {said}: what takes a gateway or a satellite away is a change of its own"
