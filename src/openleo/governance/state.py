"""What a ledger says at one of its sizes: who may decide, what is in force, and how far every change is.

State is what replaying the entries from the first one gives (replay.py); nothing else is remembered anywhere. The
modules of the steps (life.py, acts.py, emergency.py) say what may follow, and change it; all others only ask it.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from openleo.governance import to_sign
from openleo.governance.entries import BreakGlassUsed, EffectFrozen, Entry, Proposed, Terminal, Touched, parse_instant
from openleo.governance.keys import PublicKey
from openleo.governance.moves import ACTIVE, RECOVERY, ROSTER, Move
from openleo.governance.quorum import Leaf
from openleo.governance.roster import ANY, Officer, QuorumLine, Roster, all_satisfied
from openleo.governance.sshsig import NAMESPACE, SignatureRefused, verify


class Refused(ValueError):
    """Why an entry may not follow, in one sentence."""


class Status(StrEnum):
    """How far a change is."""

    PROPOSED = "proposed"  # its effect is not frozen
    APPROVING = "approving"
    SCHEDULED = "scheduled"  # approved; its notice or its window is not there yet
    READY = "ready"  # approved, and may be activated now
    ACTIVE = "active"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    EXPIRED = "expired"
    VOID = "void"  # what it was to move, or who decides, has changed since


@dataclass(frozen=True)
class Vote:
    """One officer's approval, and the entry that holds it."""

    officer: str
    key: str
    index: int


@dataclass
class Change:
    """What the ledger holds of one change."""

    proposed: Proposed
    proposed_at: datetime
    roster: str  # sha256 of the one under which it was proposed
    request_key: str = ""  # fingerprint of the sponsor's; empty: the requester is named, and nobody signed
    proposed_by: int = -1  # the entry of the proposal
    effect: EffectFrozen | None = None
    effect_at: datetime | None = None
    effect_by: int = -1  # the entry of the effect
    lines: tuple[QuorumLine, ...] = ()  # the quorum, as it is signed: all of them
    more: tuple[QuorumLine, ...] = ()  # and those that it needs for what other changes took since its effect was frozen
    votes: dict[str, Vote] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)  # officers who may not approve it any more
    objections: list[int] = field(default_factory=list)  # entries
    ended: tuple[Status, str] | None = None  # and why; it does not come back
    closed: bool = False  # change.expired stands on the ledger
    activated_at: datetime | None = None
    activated_by: int | None = None  # the entry
    stated: set[tuple[str, str]] = field(default_factory=set)  # facts that stand on the ledger: (type, what)
    keys_added: dict[str, str] = field(default_factory=dict)  # by its activation: fingerprint → officer
    keys_gone: dict[str, str] = field(default_factory=dict)
    unwitnessed: bool = False  # the roster named witnesses, and it took effect without them

    @property
    def asked(self) -> tuple[QuorumLine, ...]:
        """Every line that has to be satisfied."""
        return (*self.lines, *self.more)


@dataclass
class Settled:
    """The value of a target, and what set it: a change, or a single act (None)."""

    value: str | None
    by: str | None


@dataclass
class BreakGlass:
    used: BreakGlassUsed
    at: datetime
    until: datetime
    users: frozenset[str]
    before: dict[str, str | None]  # what its targets were settled to
    reviewed_at: datetime | None = None


@dataclass(frozen=True)
class SingleAct:
    at: datetime
    terminals: int
    territories: tuple[tuple[str, int], ...]


@dataclass
class State:
    """Made by replaying; empty before entry 0."""

    size: int = 0
    newest_at: datetime | None = None
    origin: str = ""
    log_vkey: str = ""
    roster: Roster | None = None
    settled: dict[str, Settled] = field(default_factory=dict)
    changes: dict[str, Change] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)  # changes that have not ended, but for time
    nonces: set[str] = field(default_factory=set)
    revoked: set[str] = field(default_factory=set)  # fingerprints
    glass: dict[str, BreakGlass] = field(default_factory=dict)
    acts: deque[SingleAct] = field(default_factory=deque)
    taken: list[tuple[datetime, Touched]] = field(default_factory=list)  # by changes, at their activation
    terminals: dict[str, Terminal] = field(default_factory=dict)
    unlisted: set[str] = field(default_factory=set)  # terminals that were listed, and are no more
    of_account: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # by territory
    of_territory: Counter[str] = field(default_factory=Counter)

    @property
    def people(self) -> Roster:
        """The roster in force. Raises Refused before entry 0."""
        if self.roster is None:
            raise Refused("the ledger has no genesis: entry 0 has to say who decides")
        return self.roster

    def value(self, target: str) -> str | None:
        """What a target was settled to, whatever break-glass says meanwhile."""
        found = self.settled.get(target)
        if found is None:
            return ACTIVE if target.startswith("account:") else None
        return found.value

    @property
    def lasting(self) -> dict[str, str | None]:
        """Every target's value when no glass is broken: what a change moves from, and is compared with."""
        return {target: settled.value for target, settled in self.settled.items()}

    def active(self, at: datetime) -> dict[str, str | None]:
        """Every target's value in force at an instant; what break-glass set holds until it lapses."""
        found = self.lasting
        for glass in self.glass.values():
            if glass.at <= at < glass.until:
                found |= {m.target: m.new for m in glass.used.moves if self.value(m.target) == glass.before[m.target]}
        return found

    def change(self, id_: str) -> Change:
        """Raises Refused."""
        if id_ not in self.changes:
            raise Refused(f"no change {id_} was proposed")
        return self.changes[id_]

    def status(self, id_: str, at: datetime) -> Status:
        return status(self, self.change(id_), at)


def status(state: State, change: Change, at: datetime) -> Status:
    """How far a change is at an instant, by what the ledger holds."""
    if change.activated_at is not None:
        held = all(state.settled[move.target].by == change.proposed.change for move in change.proposed.moves)
        return Status.ACTIVE if held else Status.SUPERSEDED
    if change.ended is not None:
        return change.ended[0]
    if at >= min(parse_instant(change.proposed.expires), parse_instant(change.proposed.window.until)):
        return Status.EXPIRED
    if change.effect is None:
        return Status.PROPOSED
    if not all_satisfied(change.asked, voters(state, change)):
        return Status.APPROVING
    return Status.READY if at >= earliest(state, change) else Status.SCHEDULED


def voters(state: State, change: Change) -> tuple[Officer, ...]:
    """The officers whose approvals count now: still in the roster, by a key that is still good, not who asked."""
    found = []
    for officer in electorate(state, change.proposed.kind):
        vote = change.votes.get(officer.id)
        good = {key.fingerprint for key in officer.keys} - state.revoked
        if vote is not None and vote.key in good and officer.id not in change.proposed.asked_by:
            found.append(officer)
    return tuple(found)


def earliest(state: State, change: Change) -> datetime:
    """When a change may be activated at the earliest: its window, and the notice that its territories have."""
    begin = parse_instant(change.proposed.window.from_)
    if change.effect is None or change.effect_at is None:
        return begin
    settings = state.people.settings
    notice = timedelta(hours=settings.notice_hours_of(touched(change.effect)))
    if change.proposed.kind == RECOVERY:
        notice = max(notice, timedelta(days=settings.recovery_notice_days))
    return max(begin, change.effect_at + notice)


def touched(effect: EffectFrozen) -> tuple[str, ...]:
    """The territories that an effect touches, or that the changed rules name."""
    return tuple(dict.fromkeys((*(one.territory for one in effect.touched), *effect.named)))


def statement(state: State, change: Change, decision: to_sign.Decision) -> bytes:
    """The bytes that officers sign. Raises Refused while the effect is not frozen."""
    if change.effect is None:
        raise Refused("its effect is not frozen: nobody signs what was not computed")
    quorum = [str(line.quorum) for line in change.lines]
    return to_sign.of_change(decision, state.origin, change.roster, change.proposed, change.effect, quorum)


def electorate(state: State, kind: str) -> tuple[Officer, ...]:
    """Who can vote on a change: the officers, or for a recovery the holders of its keys, whoever they are."""
    if kind != RECOVERY:
        return state.people.officers
    keys = state.people.recovery.keys
    return tuple(Officer(f"{RECOVERY}-{number}", RECOVERY, (), (key,)) for number, key in enumerate(keys, start=1))


def recovery_lines(roster: Roster) -> tuple[QuorumLine, ...]:
    """What a recovery has to satisfy."""
    return (QuorumLine(ANY, RECOVERY, None, Leaf(roster.recovery.threshold, RECOVERY)),)


def signer(
    state: State, officer: str, message: bytes, armour: str, kind: str = "", namespace: str = NAMESPACE
) -> PublicKey:
    """The key with which one of those who may vote on a kind of change signed a statement. Raises Refused."""
    found = next((one for one in electorate(state, kind) if one.id == officer), None)
    if found is None:
        what = "holds no key of recovery" if kind == RECOVERY else "is no officer"
        raise Refused(f"{officer} {what} of the roster in force")
    return signed_by(found.id, found.keys, message, armour, state.revoked, namespace)


def signed_by(
    who: str,
    keys: Iterable[PublicKey],
    message: bytes,
    armour: str,
    revoked: Iterable[str] = (),
    namespace: str = NAMESPACE,
) -> PublicKey:
    """The one of somebody's keys that signed a statement. Raises Refused."""
    try:
        key = verify(message, armour, namespace)
    except SignatureRefused as error:
        raise Refused(f"the signature of {who} does not hold: {error}") from error
    if key.fingerprint not in {one.fingerprint for one in keys}:
        raise Refused(f"the signature is by {key.fingerprint}, which is no key of {who}")
    if key.fingerprint in set(revoked):
        raise Refused(f"the key {key.fingerprint} of {who} is revoked")
    return key


def settle(state: State, moves: Sequence[Move], by: str | None) -> None:
    """Targets take their new values, and open changes of the same targets are void: for good, though a value return."""
    moved = {move.target for move in moves}
    for move in moves:
        state.settled[move.target] = Settled(move.new, by)
    for id_ in sorted(state.open):
        change = state.changes[id_]
        under = [one.target for one in change.proposed.moves if one.target in moved]
        if not under and ROSTER in moved:
            under = ["the roster"]
        if under:
            end(state, id_, Status.VOID, f"{', '.join(under)} moved after it was proposed")


def end(state: State, id_: str, status_: Status, why: str) -> None:
    """A change ends without having taken effect."""
    state.changes[id_].ended = (status_, why)
    state.open.discard(id_)


def revoke(state: State, key: str) -> None:
    """A key counts no more; open changes that were asked for with it are void: nobody proves any more who asked."""
    state.revoked.add(key)
    for id_ in sorted(state.open):
        if state.changes[id_].request_key == key:
            end(state, id_, Status.VOID, f"the key {key} that signed its request was revoked")


def keys_between(old: Roster, new: Roster) -> tuple[dict[str, str], dict[str, str]]:
    """(keys that join, keys that go), by fingerprint, each with its officer."""
    before, after = (
        {key.fingerprint: officer.id for officer in one.officers for key in officer.keys} for one in (old, new)
    )
    return (
        {key: after[key] for key in sorted(after.keys() - before)},
        {key: before[key] for key in sorted(before.keys() - after)},
    )


def enrolled(state: State, account: str) -> Counter[str]:
    """The terminals of an account, by territory, as they were enrolled."""
    return +state.of_account[account] if account in state.of_account else Counter()


# --- steps ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One type of entry: `check` raises Refused where it may not follow; `follow` takes it into the state."""

    check: Callable[[State, Entry, Any], None]
    follow: Callable[[State, int, Entry, Any], None]


Steps = dict[str, Step]
