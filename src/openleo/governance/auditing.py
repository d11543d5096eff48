"""What an auditor checks beyond the entries themselves: the documents that they name.

Takes the state that replaying gave and a folder of artefacts; gives findings. Each activation is judged again as the
gate judged it: the effect that was signed, as the ledger sums it up, against the one computed at activation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from openleo.governance.artefacts import Artefacts
from openleo.governance.entries import Activated, Entry, parse_instant
from openleo.governance.gate import check_again, check_frozen, effect_sha256
from openleo.governance.moves import NETWORK
from openleo.governance.replay import Finding
from openleo.governance.state import Change, Refused, State
from openleo.ledger import merkle
from openleo.ledger.text import to_base64

LOOKED_AT = re.compile(rb'"type":"change\.(activated|effect)"')  # entries that documents can say more of


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
    for target, settled in sorted(state.settled.items()):
        if settled.value is not None and target.startswith(("book:", "group:")):
            try:
                artefacts.get(settled.value)
            except Refused as refused:
                yield f"{target}: {refused}"


def activation(state: State, index: int, entry: Entry, artefacts: Artefacts) -> Iterator[Finding]:
    """Whether what a change.activated says follows from the documents."""
    body = entry.body
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
