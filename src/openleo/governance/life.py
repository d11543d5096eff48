"""The life of a change, entry by entry: what may follow, and what it does to the state.

    proposed → effect frozen → approving → scheduled → active → superseded
                                  └→ rejected · expired · void

The same checks stand before an entry is written and when anybody replays the ledger: what an operator's programme
should have refused, an auditor's finds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

import rfc8785

from openleo.errors import InputError
from openleo.governance import requests, to_sign
from openleo.governance.entries import (
    Activated,
    Approval,
    EffectFrozen,
    Entry,
    Expired,
    Genesis,
    Objection,
    Proposed,
    Rejection,
    Withdrawal,
    instant,
    parse_instant,
)
from openleo.governance.keys import PublicKey
from openleo.governance.moves import LOG_KEY, RECOVERY, ROSTER, fault_of, kind_of
from openleo.governance.quorum import missing, parties
from openleo.governance.required import check_counted, check_network, lines_of, takes
from openleo.governance.roster import Roster
from openleo.governance.roster_file import roster_of
from openleo.governance.state import (
    Change,
    Refused,
    Settled,
    State,
    Status,
    Step,
    Steps,
    Vote,
    earliest,
    electorate,
    end,
    keys_between,
    settle,
    signed_by,
    signer,
    statement,
    status,
    voters,
)
from openleo.governance.witnessing import why_waits
from openleo.ledger.faults import LedgerError
from openleo.ledger.keys import ED25519, parse_verifier

OPEN = (Status.PROPOSED, Status.APPROVING, Status.SCHEDULED, Status.READY)
ALONE = (ROSTER, LOG_KEY)  # targets that are moved by themselves: who decides is not changed in the same breath


# --- genesis --------------------------------------------------------------------------------------------------------


def _check_genesis(state: State, _entry: Entry, body: Genesis) -> None:
    if state.size:
        raise Refused("there is one genesis, and it is entry 0")
    if body.log_vkey.partition("+")[0] != body.origin:
        raise Refused("the log key is called otherwise than the ledger's origin")
    roster = _read_roster(body.roster)
    officers = {officer.id: officer.keys for officer in roster.officers}
    absent = {(officer, key.fingerprint) for officer, keys in officers.items() for key in keys}
    for one in body.signatures:
        if one.officer not in officers:
            raise Refused(f"{one.officer} signs and is no founder")
        key = signed_by(one.officer, officers[one.officer], to_sign.founding(body), one.signature)
        if (one.officer, key.fingerprint) not in absent:
            raise Refused(f"{one.officer} signs twice with {key.fingerprint}")
        absent.remove((one.officer, key.fingerprint))
    if absent:
        lacking = ", ".join(f"{officer} with {key}" for officer, key in sorted(absent))
        raise Refused(
            f"every founder signs it with each of their keys, which so proves to be held; missing: {lacking}. "
            "A key that cannot sign now joins later, by a change of the roster (officer hold-key)"
        )


def _follow_genesis(state: State, _index: int, _entry: Entry, body: Genesis) -> None:
    state.origin, state.log_vkey = body.origin, body.log_vkey
    state.roster = roster_of(body.roster)
    state.settled = {
        ROSTER: Settled(state.roster.sha256, None),
        LOG_KEY: Settled(body.log_vkey, None),
    }


# --- a proposal and its effect --------------------------------------------------------------------------------------


def _check_proposed(state: State, entry: Entry, body: Proposed) -> None:
    check_drafted(state, entry.at, body)
    requests.check(state, body)


def check_drafted(state: State, at: datetime, body: Proposed) -> None:
    """What a proposal has to be, whoever signed the request. Raises Refused."""
    if body.change in state.changes:
        raise Refused(f"the change {body.change} was proposed before")
    if body.nonce in state.nonces:
        raise Refused("its nonce was used before")
    targets = [move.target for move in body.moves]
    if len(set(targets)) < len(targets):
        raise Refused("it moves one target twice")
    moved = ROSTER if body.kind == RECOVERY else body.kind
    wrong = [move.target for move in body.moves if kind_of(move.target) != moved]
    if wrong:
        raise Refused(f"a change of kind {body.kind} does not move {', '.join(wrong)}")
    if len(targets) > 1 and any(target in ALONE for target in targets):
        raise Refused("the roster and the log key are moved by themselves")
    for move in body.moves:
        if move.base == move.new:
            raise Refused(f"{move.target} would stay as it is")
        if fault := fault_of(move):
            raise Refused(fault)
        if state.value(move.target) != move.base:
            raise Refused(f"{move.target} is {_short(state.value(move.target))} and not {_short(move.base)}, its base")
    _check_times(at, body)
    if body.kind in (ROSTER, RECOVERY):
        _check_new_roster(state, body)
    elif body.documents or body.possession:
        raise Refused("only a change of the roster brings documents and keys")
    if body.kind == LOG_KEY:
        _check_new_log_key(state, str(body.moves[0].new))
    if body.reverts is not None and state.change(body.reverts).activated_at is None:
        raise Refused(f"{body.reverts} was never activated: there is nothing to revert")


def _check_times(at: datetime, body: Proposed) -> None:
    begin, until, expires = (parse_instant(text) for text in (body.window.from_, body.window.until, body.expires))
    if not begin < until:
        raise Refused("its window ends before it starts")
    if not at < min(until, expires):
        raise Refused(f"it is over before it is proposed, at {instant(at)}")


def _check_new_roster(state: State, body: Proposed) -> None:
    """The document is the one that the move names, holds together, and every key that joins proves that it is held."""
    new = body.moves[0].new
    if set(body.documents) != {new}:
        raise Refused("the new roster has to stand in the proposal, named by its sha256")
    document = body.documents[str(new)]
    if hashlib.sha256(rfc8785.dumps(document)).hexdigest() != new:
        raise Refused("the roster that stands in the proposal is not the one that the move names")
    roster = _read_roster(document)
    known = {key.fingerprint for officer in state.people.officers for key in officer.keys} - state.revoked
    for officer in roster.officers:
        for key in officer.keys:
            if key.fingerprint in state.revoked:
                raise Refused(f"the key {key.fingerprint} of {officer.id} was revoked, and does not come back")
            if key.fingerprint not in known:
                _check_possession(state, body, officer.id, key.fingerprint, roster)


def _check_new_log_key(state: State, vkey: str) -> None:
    try:
        key = parse_verifier(vkey)
    except LedgerError as error:
        raise Refused(f"{vkey[:80]!r} cannot be the log key: {error}") from None
    if key.name != state.origin or key.type != ED25519 or str(key) != vkey:
        raise Refused(f"the log key is an Ed25519 key that is called as the ledger is, {state.origin}")


def _check_possession(state: State, body: Proposed, officer: str, fingerprint: str, roster: Roster) -> None:
    keys = [key for one in roster.officers if one.id == officer for key in one.keys if key.fingerprint == fingerprint]
    message = to_sign.possession(state.origin, officer, fingerprint)
    whys = [_refusal(officer, keys, message, one.signature) for one in body.possession if one.officer == officer]
    if "" not in whys:
        raise Refused(f"nobody proves to hold the key {fingerprint} of {officer}: {'; '.join(whys) or 'no signature'}")


def _refusal(officer: str, keys: Iterable[PublicKey], message: bytes, armour: str) -> str:
    try:
        signed_by(officer, keys, message, armour)
    except Refused as refused:
        return str(refused)
    return ""


def _follow_proposed(state: State, _index: int, entry: Entry, body: Proposed) -> None:
    state.changes[body.change] = Change(body, entry.at, state.people.sha256, requests.key_of(body))
    state.open.add(body.change)
    state.nonces.add(body.nonce)


def _check_effect(state: State, entry: Entry, body: EffectFrozen) -> None:
    change = _open(state, body.change, entry.at)
    if change.effect is not None:
        raise Refused("its effect is frozen already")
    requests.check_effect(change.proposed, body)
    check_network(state, change, body)
    check_counted(state, change, body, 0)
    lines = lines_of(state, change, body, entry.at)
    if not lines:
        raise Refused(
            f"no quorum of the roster speaks of a change of kind {change.proposed.kind}: it cannot be approved"
        )


def _follow_effect(state: State, _index: int, entry: Entry, body: EffectFrozen) -> None:
    change = state.changes[body.change]
    change.effect, change.effect_at, change.lines = body, entry.at, lines_of(state, change, body, entry.at)


# --- votes ----------------------------------------------------------------------------------------------------------


def _check_approval(state: State, entry: Entry, body: Approval) -> None:
    change = _votable(state, body, entry.at)
    if body.officer in change.proposed.asked_by:
        did = "requested" if body.officer == change.proposed.requester else "signed the request of"
        raise Refused(f"{body.officer} {did} the change, and does not count for it")
    if body.officer in change.votes:
        raise Refused(f"{body.officer} approved it before: one person has one vote")
    if body.officer in change.withdrawn:
        raise Refused(f"{body.officer} took an approval back; a new proposal is needed to approve again")
    _check_signed(state, change, body, "approve")


def _follow_approval(state: State, index: int, _entry: Entry, body: Approval) -> None:
    change = state.changes[body.change]
    message = statement(state, change, "approve")
    key = signer(state, body.officer, message, body.signature, change.proposed.kind)
    change.votes[body.officer] = Vote(body.officer, key.fingerprint, index)


def _check_withdrawal(state: State, entry: Entry, body: Withdrawal) -> None:
    change = _votable(state, body, entry.at)
    if body.officer not in change.votes:
        raise Refused(f"{body.officer} has no approval of it to take back")
    _check_signed(state, change, body, "withdraw")


def _follow_withdrawal(state: State, _index: int, _entry: Entry, body: Withdrawal) -> None:
    change = state.changes[body.change]
    del change.votes[body.officer]
    change.withdrawn.add(body.officer)


def _check_rejection(state: State, entry: Entry, body: Rejection) -> None:
    change = _votable(state, body, entry.at)
    _check_signed(state, change, body, "reject")
    officer = next(one for one in electorate(state, change.proposed.kind) if one.id == body.officer)
    if not any(officer.party in parties(line.quorum) for line in change.asked):
        raise Refused(f"the quorum asks nobody of {officer.party}: an objection is open to them")


def _follow_rejection(state: State, _index: int, _entry: Entry, body: Rejection) -> None:
    end(state, body.change, Status.REJECTED, f"by {body.officer}")


def _check_objection(state: State, entry: Entry, body: Objection) -> None:
    _open(state, body.change, entry.at)
    signer(state, body.officer, to_sign.objection(state.origin, body.change, body.party, body.text), body.signature)
    if not any(one.id == body.officer and one.party == body.party for one in state.people.officers):
        raise Refused(f"{body.officer} does not speak for {body.party}")


def _follow_objection(state: State, index: int, _entry: Entry, body: Objection) -> None:
    state.changes[body.change].objections.append(index)


def _votable(state: State, body: Approval, at: datetime) -> Change:
    change = _open(state, body.change, at)
    if change.effect is None:
        raise Refused("its effect is not frozen: nobody signs what was not computed")
    return change


def _check_signed(state: State, change: Change, body: Approval, decision: to_sign.Decision) -> None:
    message = statement(state, change, decision)
    if body.statement != to_sign.sha256_of(message):
        raise Refused(f"what {body.officer} signed is not this change as it stands on the ledger")
    signer(state, body.officer, message, body.signature, change.proposed.kind)


# --- the end --------------------------------------------------------------------------------------------------------


def _check_activated(state: State, entry: Entry, body: Activated) -> None:
    change = state.change(body.change)
    now = status(state, change, entry.at)
    if now is not Status.READY:
        raise Refused(f"{body.change} is {now}: {why_not(state, change, entry.at)}")
    assert change.effect is not None
    check_network(state, change, change.effect)
    check_counted(state, change, change.effect, state.people.settings.tolerance_ppm)
    late = [vote.officer for vote in change.votes.values() if vote.index >= body.approved_in.size]
    if late or body.approved_in.size > state.size:
        raise Refused(f"its proof is of {body.approved_in.size} entries, and does not hold every approval")
    if not body.witnessed and (why := why_waits(state, change, entry.at)):
        raise Refused(why)


def _follow_activated(state: State, index: int, entry: Entry, body: Activated) -> None:
    change = state.changes[body.change]
    change.activated_at, change.activated_by = entry.at, index
    change.unwitnessed = bool(state.people.witnesses) and not body.witnessed
    state.open.discard(body.change)
    settle(state, change.proposed.moves, by=body.change)
    for move in change.proposed.moves:
        if move.target == ROSTER:
            new = roster_of(change.proposed.documents[str(move.new)])
            change.keys_added, change.keys_gone = keys_between(state.people, new)
            state.roster = new
            state.revoked |= change.keys_gone.keys()
        elif move.target == LOG_KEY:
            state.log_vkey = str(move.new)
    _take(state, change, entry.at)


def _take(state: State, change: Change, at: datetime) -> None:
    """What a change took counts for those that come after it, and for those that are open."""
    assert change.effect is not None
    state.taken += ((at, one) for one in change.effect.touched if takes(one))
    for id_ in state.open:
        other = state.changes[id_]
        if other.effect is not None:
            now = lines_of(state, other, other.effect, at)
            other.more = tuple(line for line in now if line not in other.lines)


def _check_expired(state: State, entry: Entry, body: Expired) -> None:
    change = state.change(body.change)
    now = status(state, change, entry.at)
    if change.closed:
        raise Refused(f"{body.change} is {now}, and closed already")
    if now not in (Status.EXPIRED, Status.VOID):
        over = min(change.proposed.expires, change.proposed.window.until)
        until = f": it may be activated until {over}" if now in OPEN else ""
        raise Refused(f"{body.change} is {now}, and has not ended by itself{until}")


def _follow_expired(state: State, _index: int, entry: Entry, body: Expired) -> None:
    change = state.changes[body.change]
    end(state, body.change, status(state, change, entry.at), body.why)
    change.closed = True


def why_not(state: State, change: Change, at: datetime) -> str:
    """Why a change cannot be activated at an instant, in words; nothing where it can."""
    now = status(state, change, at)
    if now is Status.APPROVING:
        people = voters(state, change)
        return "; ".join(text for text in (missing(line.quorum, people) for line in change.asked) if text)
    if change.ended is not None:
        return change.ended[1]
    return {
        Status.PROPOSED: "its effect is not frozen",
        Status.SCHEDULED: f"not before {instant(earliest(state, change))}",
        Status.EXPIRED: f"over since {min(change.proposed.expires, change.proposed.window.until)}",
        Status.ACTIVE: "it is in force",
        Status.SUPERSEDED: "another change came after it",
    }.get(now, "")


def _open(state: State, id_: str, at: datetime) -> Change:
    change = state.change(id_)
    now = status(state, change, at)
    if now not in OPEN:
        raise Refused(f"{id_} is {now}: {why_not(state, change, at)}")
    return change


def _read_roster(document: dict[str, object]) -> Roster:
    try:
        return roster_of(document)
    except InputError as error:
        raise Refused(f"the roster does not hold together: {error}") from error


def _short(value: str | None) -> str:
    return "absent" if value is None else value[:16]


STEPS: Steps = {
    "genesis": Step(_check_genesis, _follow_genesis),
    "change.proposed": Step(_check_proposed, _follow_proposed),
    "change.effect": Step(_check_effect, _follow_effect),
    "change.approval": Step(_check_approval, _follow_approval),
    "approval.withdrawn": Step(_check_withdrawal, _follow_withdrawal),
    "change.rejection": Step(_check_rejection, _follow_rejection),
    "objection": Step(_check_objection, _follow_objection),
    "change.activated": Step(_check_activated, _follow_activated),
    "change.expired": Step(_check_expired, _follow_expired),
}
