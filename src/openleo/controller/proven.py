"""What of a ledger's changes is proven: by checkpoints that the witnesses of the roster have seen.

Follows the entries, and remembers who could make a checkpoint good at each size, and what every activation moved and
from where. `Anchor` is the newest checkpoint that is good by the roster that was in force at its size; an activation
under it is proven by its inclusion proof, once, and one above it waits: what it moved is as it was before. Single acts
and break-glass hold by the log's key alone, as the ledger's rules let them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from openleo.governance.entries import Activated, EntryRefused, from_bytes
from openleo.governance.house import policy_of
from openleo.governance.moves import Move
from openleo.governance.replay import Finding, take
from openleo.governance.state import State
from openleo.ledger import checkpoint, merkle, proof
from openleo.ledger.faults import NotProven
from openleo.ledger.note import Note
from openleo.ledger.policy import NOBODY, Policy, judge
from openleo.ledger.store import Ledger
from openleo.ledger.tiles import TileHashes


@dataclass(frozen=True)
class Moved:
    """An activation: its entry, its change, and what each of its targets was before."""

    entry: int
    change: str
    before: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True)
class Anchor:
    """The newest checkpoint that is good; size 0: none is."""

    size: int = 0
    note: Note | None = None
    policy: Policy | None = None
    seen_s: int = 0  # when the last of its witnesses saw it, by that one's clock


@dataclass
class History:
    """A ledger followed so far. `moved`: the activations above the anchor, in their order."""

    state: State = field(default_factory=State)
    policies: list[tuple[int, Policy]] = field(default_factory=list)  # from which size on who makes checkpoints good
    moved: list[Moved] = field(default_factory=list)
    anchor: Anchor = field(default_factory=Anchor)
    proven: dict[str, int] = field(default_factory=dict)  # entries of activations, by change

    def follow(self, entries: Iterable[bytes]) -> list[Finding]:
        """Every entry that should not have followed."""
        findings = []
        for data in entries:
            number = self.state.size
            try:
                entry = from_bytes(data)
            except EntryRefused as refused:
                findings.append(Finding(number, str(refused)))
                self.state.size += 1
                continue
            held = self.state.roster, self.state.log_vkey
            moves: tuple[Move, ...] = ()
            if isinstance(entry.body, Activated) and entry.body.change in self.state.changes:
                moves = self.state.changes[entry.body.change].proposed.moves
            before = tuple((move.target, self.state.value(move.target)) for move in moves)
            if why := take(self.state, entry):
                findings.append(Finding(number, why))
                continue
            if before:
                self.moved.append(Moved(number, str(getattr(entry.body, "change", "")), before))
            if self.state.roster is not held[0] or self.state.log_vkey != held[1]:
                self.policies.append((self.state.size, policy_of(self.state)))
        return findings

    def policy_at(self, size: int) -> Policy | None:
        """Whose signatures make a checkpoint of a size good: by the roster in force there."""
        found = bisect_right(self.policies, size, key=lambda one: one[0])
        return self.policies[found - 1][1] if found else None

    @property
    def witnesses_named(self) -> bool:
        """Whether the roster in force asks for witnesses."""
        policy = self.policy_at(self.state.size)
        return policy is not None and bool(policy.witnesses) and policy.quorum != NOBODY

    def prove(self, ledger: Ledger) -> None:
        """Find the anchor, and prove every activation that holds and stands under it. Raises NotProven."""
        self.anchor = self._anchor(ledger)
        self.moved = [one for one in self.moved if one.entry >= self.anchor.size]
        if self.anchor.note is None or self.anchor.policy is None:
            return
        waiting = {one.change for one in self.moved}
        for change in sorted({settled.by for settled in self.state.settled.values() if settled.by is not None}):
            entry = self.state.changes[change].activated_by
            if change in waiting or entry is None or self.proven.get(change) == entry:
                continue
            read = TileHashes(ledger.fetch, self.anchor.size)
            made = proof.make(read, entry, self.anchor.note, ledger.entry(entry))
            proof.check(made, self.anchor.policy, ledger.entry(entry))
            self.proven[change] = entry

    def _anchor(self, ledger: Ledger) -> Anchor:
        """Newer ones first; of those before the anchor nothing is asked again. Raises NotProven."""
        for note in ledger.notes(above=self.anchor.size):
            size = checkpoint.parse_body(note.text).size
            policy = self.policy_at(size)
            if size > self.state.size or policy is None:
                continue
            try:
                opened = judge(policy, note)
            except NotProven:  # not seen by enough witnesses yet: one below it may be
                continue
            if merkle.root(TileHashes(ledger.fetch, size), size) != opened.checkpoint.root:
                raise NotProven(f"a checkpoint of {size} entries was signed that is of another history than these.")
            return Anchor(size, note, policy, max((seal.time_s or 0 for seal in opened.witnesses), default=0))
        return self.anchor

    @property
    def lasting(self) -> dict[str, str | None]:
        """What every target was settled to by acts, and by changes that are proven."""
        found = self.state.lasting
        for one in reversed(self.moved):
            found |= dict(one.before)
        return found

    @property
    def waiting(self) -> tuple[str, ...]:
        """Changes that the ledger says are active, and no witness has seen yet."""
        return tuple(one.change for one in self.moved)
