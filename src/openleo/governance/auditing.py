"""What an auditor checks beyond the entries themselves: the documents that they name.

Takes the state that replaying gave and a folder of artefacts; gives findings. Each activation is judged again as the
gate judged it: the effect that was signed, as the ledger sums it up, against the one computed at activation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from openleo.governance.artefacts import Artefacts
from openleo.governance.entries import Activated, BreakGlassUsed, Entry, parse_instant
from openleo.governance.gate import check_again, check_frozen, effect_sha256, expected_facts
from openleo.governance.moves import NETWORK, RECOVERY, ROSTER, Move
from openleo.governance.replay import Finding
from openleo.governance.state import Change, Refused, State
from openleo.ledger import merkle
from openleo.ledger.text import to_base64

# Entries that documents can say more of.
LOOKED_AT = re.compile(rb'"type":"(change\.(activated|effect)|break_glass\.used)"')


@dataclass
class Tree:
    """The tree of the entries so far: what a proof that was claimed on the way should have been of."""

    leaves: list[bytes] = field(default_factory=list)
    frontier: merkle.Frontier = field(default_factory=merkle.Frontier)

    def grow(self, entry: bytes) -> None:
        leaves = merkle.leaf_hashes([entry])
        self.leaves += leaves
        self.frontier = self.frontier.extended(leaves)

    def root(self, size: int) -> bytes:
        if size == len(self.leaves):
            return self.frontier.root
        return merkle.Frontier().extended(self.leaves[:size]).root


def proven(index: int, body: Activated, tree: Tree) -> Iterator[Finding]:
    """Whether the checkpoint that an activation names was of these entries."""
    if to_base64(tree.root(body.approved_in.size)) != body.approved_in.root:
        yield Finding(index, f"{body.change}: its approvals were proven under another tree than that of these entries")


def documents(state: State, artefacts: Artefacts) -> Iterator[str]:
    """The books in force that are missing or were altered, in words."""
    settled = (Move(target=target, base=None, new=one.value) for target, one in sorted(state.settled.items()))
    yield from missing(settled, artefacts)


def missing(moves: Iterable[Move], artefacts: Artefacts) -> Iterator[str]:
    """The books and lists that moves lead to and that are missing or were altered, in words."""
    for move in moves:
        kind, _, name = move.target.partition(":")
        if move.new is not None and kind in (("book", "group") if artefacts.with_lists else ("book",)):
            try:
                _ = artefacts.book(name, move.new) if kind == "book" else artefacts.get(move.new)
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
    check_again(signed, again, state.people.settings.tolerance_ppm)
    if effect_sha256(again) != body.effect:
        raise Refused(f"the artefact {body.effect} is no effect in its canonical form")


def untold(state: State) -> Iterator[str]:
    """Activations whose facts do not stand on the ledger: what they did has to be told by entries of its own."""
    for id_, change in state.changes.items():
        if change.activated_at is None or change.proposed.kind in ("rules", ROSTER, RECOVERY):
            continue  # books have no fact; of rosters, replaying checks each key that joins and leaves
        for type_, target in expected_facts(change):
            if (type_, target) not in change.stated:
                yield f"{id_} was activated, and no {type_} of {target} stands on the ledger"


def active_file(state: State, path: Path) -> str:
    """How the written list of what is in force differs from what the ledger says of that instant; "" if not."""
    try:
        written = json.loads(path.read_bytes())
        said, at = written["active"], parse_instant(written["at"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return f"{path} cannot be read as what is in force"
    derived = state.active(at)
    if not isinstance(said, dict):
        return f"{path} cannot be read as what is in force"
    wrong = sorted(target for target in {*said, *derived} if said.get(target) != derived.get(target))
    return f"{path} says otherwise than the ledger of {', '.join(wrong)}" if wrong else ""


def network(state: State, sha256: str) -> str:
    """Why a network may not be run: it is not the one that was approved; "" if it is."""
    approved = state.value(NETWORK)
    if approved == sha256:
        return ""
    said = "none was approved yet" if approved is None else f"approved is {approved}"
    return f"this network is {sha256}, and {said}: what takes a gateway or a satellite away is a change of its own"
