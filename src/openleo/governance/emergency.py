"""Break-glass: two officers act at once, for a time that ends by itself, and must answer for it.

It moves nothing for good: what its targets were settled to holds again when it lapses. A use whose review is overdue
blocks the next one, and a target is not moved twice before the first time was reviewed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from openleo.governance import to_sign
from openleo.governance.entries import BreakGlassReviewed, BreakGlassUsed, Entry, Signed, instant, parse_instant
from openleo.governance.moves import LOG_KEY, ROSTER, fault_of
from openleo.governance.quorum import missing, satisfied
from openleo.governance.roster import Officer, lines_for
from openleo.governance.state import BreakGlass, Refused, State, Step, Steps, signer

ROLE = "break-glass"
NEVER = (ROSTER, LOG_KEY)  # two officers do not change who decides


def overdue(state: State, at: datetime) -> tuple[str, ...]:
    """Uses whose review should have been there."""
    return tuple(
        id_ for id_, glass in state.glass.items() if glass.reviewed_at is None and at >= review_due(state, glass)
    )


def review_due(state: State, glass: BreakGlass) -> datetime:
    """When the review of a use has to be there."""
    return glass.at + timedelta(days=state.people.settings.break_glass.review_days)


def _check_used(state: State, entry: Entry, body: BreakGlassUsed) -> None:
    if body.id in state.glass:
        raise Refused(f"{body.id} was used before")
    if body.nonce in state.nonces:
        raise Refused("its nonce was used before")
    if late := overdue(state, entry.at):
        raise Refused(f"the review of {', '.join(late)} is overdue: no glass is broken before it")
    most = timedelta(hours=state.people.settings.break_glass.max_hours)
    if not entry.at < parse_instant(body.until) <= entry.at + most:
        raise Refused(f"it may last until {instant(entry.at + most)} at most")
    _check_chain(state, entry.at, parse_instant(body.until), most)
    if len({move.target for move in body.moves}) < len(body.moves):
        raise Refused("it moves one target twice")
    active = state.active(entry.at)
    for move in body.moves:
        if move.target in NEVER:
            raise Refused(f"two officers do not move {move.target}")
        if fault := fault_of(move):
            raise Refused(fault)
        if any(glass.reviewed_at is None and _moves(glass, move.target) for glass in state.glass.values()):
            raise Refused(f"{move.target} was moved by break-glass before, and that was not reviewed")
        if active.get(move.target, state.value(move.target)) != move.base or move.base == move.new:
            raise Refused(f"{move.target} is not what it is to be moved from")
    officers = _signers(state, body.signatures, to_sign.breaking_glass(state.origin, body))
    if len(officers) < 2:
        raise Refused("it takes two officers")
    without = sorted(one.id for one in officers if ROLE not in one.roles)
    if without:
        raise Refused(f"{', '.join(without)} have not the role {ROLE}")


def _check_chain(state: State, at: datetime, until: datetime, most: timedelta) -> None:
    """Uses that nobody reviewed yet last no longer together than one may: not one after the other either."""
    spans = sorted([(one.at, one.until) for one in state.glass.values() if one.reviewed_at is None] + [(at, until)])
    total, end = timedelta(0), spans[0][0]
    for start, stop in spans:
        total += max(timedelta(0), stop - max(start, end))
        end = max(end, stop)
    if total > most:
        raise Refused(
            f"with those that nobody reviewed it would last {total / timedelta(hours=1):g} hours; "
            f"above {most / timedelta(hours=1):g} one of them has to be reviewed first"
        )


def _follow_used(state: State, _index: int, entry: Entry, body: BreakGlassUsed) -> None:
    users = frozenset(one.officer for one in body.signatures)
    before = {move.target: state.value(move.target) for move in body.moves}
    state.glass[body.id] = BreakGlass(body, entry.at, parse_instant(body.until), users, before)
    state.nonces.add(body.nonce)


def _check_reviewed(state: State, _entry: Entry, body: BreakGlassReviewed) -> None:
    glass = to_review(state, body.id)
    officers = _signers(state, body.signatures, to_sign.review(state.origin, body))
    if involved := sorted(one.id for one in officers if one.id in glass.users):
        raise Refused(f"who broke the glass does not review it: {', '.join(involved)}")
    kinds = {move.kind for move in glass.used.moves}
    for line in dict.fromkeys(line for kind in sorted(kinds) for line in lines_for(state.people, kind, (), ())):
        if not satisfied(line.quorum, officers):
            raise Refused(f"its review needs {missing(line.quorum, officers)}")


def to_review(state: State, id_: str) -> BreakGlass:
    """A use that nobody reviewed yet. Raises Refused."""
    glass = state.glass.get(id_)
    if glass is None or glass.reviewed_at is not None:
        raise Refused(f"there is no use {id_} to review")
    return glass


def _follow_reviewed(state: State, _index: int, entry: Entry, body: BreakGlassReviewed) -> None:
    state.glass[body.id].reviewed_at = entry.at


def _signers(state: State, signatures: tuple[Signed, ...], message: bytes) -> tuple[Officer, ...]:
    """The officers that signed, each once. Raises Refused where one signature does not hold."""
    for one in signatures:
        signer(state, one.officer, message, one.signature)
    ids = {one.officer for one in signatures}
    return tuple(officer for officer in state.people.officers if officer.id in ids)


def _moves(glass: BreakGlass, target: str) -> bool:
    return any(move.target == target for move in glass.used.moves)


STEPS: Steps = {
    "break_glass.used": Step(_check_used, _follow_used),
    "break_glass.reviewed": Step(_check_reviewed, _follow_reviewed),
}
