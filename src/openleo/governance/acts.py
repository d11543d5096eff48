"""Single acts and facts: what stands on the ledger without a change of its own, and what a change did.

A single act (one account suspended) needs no quorum while all of them together stay below the stated rate; it may not
undo what a change set, and moves no network and no group. With a change, the entry tells what its activation did, and
has to agree. Terminals are counted as they were enrolled, or as the act says where that is more: nobody hides 1,300
terminals behind one account. Entries hold the numbers as they are, since whoever replays adds them up; what is printed
of them shows few as `<10`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import takewhile

from openleo.governance import to_sign
from openleo.governance.entries import (
    Act,
    Body,
    Entry,
    KeyAdded,
    KeyRevoked,
    LogKeyRotated,
    QuorumChanged,
    Terminal,
)
from openleo.governance.keys import PublicKey
from openleo.governance.losses import shown
from openleo.governance.moves import ACTIVE, LOG_KEY, ROSTER, SUSPENDED, Move, fault_of
from openleo.governance.state import (
    Change,
    Refused,
    SingleAct,
    State,
    Step,
    Steps,
    enrolled,
    revoke,
    settle,
    signer,
)

KIND_OF_ACT = {
    "network.changed": "network",
    "account.suspended": "account",
    "account.reinstated": "account",
    "class.changed": "class",
    "group.changed": "group",
}
WANTED = {"account.suspended": SUSPENDED, "account.reinstated": ACTIVE}
NEVER_SINGLE = ("network", "group")  # a group's list is a hash: nobody who replays can count whom it holds
FLOOR = 1  # terminals of a territory that are no share of it, however few it has: a stolen one can be cut off at once
TOLD_ONLY = ("mask.published", "enforcement.summary", "disclosure")  # they change nothing that is in force
PPM = 1_000_000


# --- acts -----------------------------------------------------------------------------------------------------------


def _check_act(state: State, entry: Entry, body: Act) -> None:
    kind = KIND_OF_ACT[entry.type]
    if body.move.kind != kind:
        raise Refused(f"{entry.type} does not move {body.move.target}")
    wanted = WANTED.get(entry.type)
    if wanted is not None and body.move.new != wanted:
        raise Refused(f"{entry.type} makes an account {wanted}, not {body.move.new}")
    if body.change is not None:
        change = _activated(state, body.change)
        if body.move not in change.proposed.moves:
            raise Refused(f"{body.change} did not move {body.move.target} so")
        return _once(change, entry.type, body.move.target)
    if kind in NEVER_SINGLE:
        raise Refused(f"a {kind} moves by an approved change only")
    if state.value(body.move.target) != body.move.base or body.move.base == body.move.new:
        raise Refused(f"{body.move.target} is not what it is to be moved from")
    if fault := fault_of(body.move):
        raise Refused(fault)
    settled = state.settled.get(body.move.target)
    if settled is not None and settled.by is not None:
        raise Refused(f"{settled.by} set {body.move.target}: only a change moves it on")
    if kind == "class" and not _there(state, body.move):
        raise Refused(f"{body.move.target} is no terminal or account that is enrolled: a change has to be approved")
    if entry.type != "account.reinstated":
        _check_rate(state, entry.at, counted(state, body.move, body.terminals, body.territories))
    return None


def _follow_act(state: State, _index: int, entry: Entry, body: Act) -> None:
    if body.change is not None:
        state.changes[body.change].stated.add((entry.type, body.move.target))
        return
    if entry.type != "account.reinstated":
        terminals, territories = counted(state, body.move, body.terminals, body.territories)
        state.acts.append(SingleAct(entry.at, terminals, tuple(sorted(territories.items()))))
    settle(state, [body.move], by=None)


Counts = tuple[int, Mapping[str, int]]


def counted(state: State, move: Move, terminals: int, territories: Mapping[str, int]) -> Counts:
    """(terminals that an act may cut, by territory): what it says, or what was enrolled where that is more.

    At least one: an act that says it cuts nobody is not let past the rate for that.
    """
    found = Counter(dict(territories)) | _there(state, move)
    return max(1, terminals, found.total()), found


def _there(state: State, move: Move) -> Counter[str]:
    """The enrolled terminals that a target stands for, an account's or one of its own, by territory."""
    about = move.target.partition(":")[2]
    there = enrolled(state, about)
    if about in state.terminals:
        there[state.terminals[about].territory] += 1
    return there


def _check_rate(state: State, at: datetime, added: Counts) -> None:
    """Raises Refused where all single acts of the last hours together, this one included, go beyond the stated rate."""
    settings = state.people.settings.single_acts
    since = at - timedelta(hours=settings.hours)
    recent = list(takewhile(lambda act: act.at > since, reversed(state.acts)))  # time never goes back
    terminals, territories = added
    total = terminals + sum(act.terminals for act in recent)
    within = f"within {settings.hours} hours"
    if total > settings.terminals:
        most = settings.terminals
        raise Refused(f"{shown(total)} terminals {within} by single acts; above {most:,} a change has to be approved")
    there = Counter(dict(territories))
    for act in recent:
        there.update(dict(act.territories))
    for territory in territories:
        known = state.of_territory[territory]
        most_ppm = max(settings.share_ppm * known, FLOOR * PPM if settings.share_ppm else 0)
        if known and there[territory] * PPM > most_ppm:
            raise Refused(
                f"{shown(there[territory])} of {shown(known)} terminals of {territory} {within} by single acts; "
                f"above {settings.share_ppm / 10_000:g} % a change has to be approved"
            )


# --- terminals ------------------------------------------------------------------------------------------------------


def _check_terminal(state: State, entry: Entry, body: Terminal) -> None:
    known = state.terminals.get(body.terminal)
    if entry.type == "terminal.enrolled":
        if known is not None:
            raise Refused("the terminal is enrolled already")
        return
    if known is None:
        raise Refused("the terminal is not enrolled")
    if entry.type == "terminal.transferred":
        _check_transferred(state, entry, known, body)
    if entry.type == "terminal.revoked":
        if known != body:
            raise Refused("the terminal was enrolled otherwise")
        _check_rate(state, entry.at, (1, {body.territory: 1}))


def _check_transferred(state: State, entry: Entry, known: Terminal, body: Terminal) -> None:
    if known.account == body.account:
        raise Refused("the terminal has this account already")
    if (known.territory, known.class_) != (body.territory, body.class_):
        raise Refused("a transfer changes the account alone")
    if _cut_off(state, entry.at, body.account):
        _check_rate(state, entry.at, (1, {body.territory: 1}))


def _cut_off(state: State, at: datetime, account: str) -> bool:
    """Whether a terminal that passes to an account loses service by that."""
    target = f"account:{account}"
    return {state.value(target), state.active(at).get(target, ACTIVE)} != {ACTIVE}


def _follow_terminal(state: State, _index: int, entry: Entry, body: Terminal) -> None:
    cut = entry.type == "terminal.transferred" and _cut_off(state, entry.at, body.account)
    if cut or entry.type == "terminal.revoked":
        state.acts.append(SingleAct(entry.at, 1, ((body.territory, 1),)))
    known = state.terminals.pop(body.terminal, None)
    if known is not None:
        state.of_account[known.account][known.territory] -= 1
        state.of_territory[known.territory] -= 1
    if entry.type == "terminal.revoked":
        state.unlisted.add(body.terminal)
        return
    state.unlisted.discard(body.terminal)
    state.terminals[body.terminal] = body
    state.of_account[body.account][body.territory] += 1
    state.of_territory[body.territory] += 1


# --- keys and quorums -----------------------------------------------------------------------------------------------


def _check_key_added(state: State, entry: Entry, body: KeyAdded) -> None:
    change = _of_roster(state, body.change)
    if change.keys_added.get(body.key) != body.officer:
        raise Refused(f"{body.change} added no key {body.key} of {body.officer}")
    _once(change, entry.type, body.key)


def _check_key_revoked(state: State, entry: Entry, body: KeyRevoked) -> None:
    if body.change is not None:
        change = _of_roster(state, body.change)
        if change.keys_gone.get(body.key) != body.officer:
            raise Refused(f"{body.change} took no key {body.key} of {body.officer} away")
        return _once(change, entry.type, body.key)
    if body.key in state.revoked:
        raise Refused(f"the key {body.key} is revoked already")
    officer = next((one for one in state.people.officers if one.id == body.officer), None)
    if officer is None or body.key not in _fingerprints(officer.keys):
        raise Refused(f"{body.officer} has no key {body.key} in the roster in force")
    if body.signature is None:
        raise Refused("a key is revoked by its officer's signature, or by a change of the roster")
    signer(state, body.officer, to_sign.revocation(state.origin, body.officer, body.key, body.reason), body.signature)
    return None


def _check_quorum_changed(state: State, entry: Entry, body: QuorumChanged) -> None:
    change = _of_roster(state, body.change)
    if (change.proposed.moves[0].base, change.proposed.moves[0].new) != (body.base, body.new):
        raise Refused(f"{body.change} did not change the roster so")
    _once(change, entry.type, ROSTER)


def _check_log_key(state: State, entry: Entry, body: LogKeyRotated) -> None:
    change = _activated(state, body.change)
    if (LOG_KEY, body.base, body.new) not in {(one.target, one.base, one.new) for one in change.proposed.moves}:
        raise Refused(f"{body.change} did not change the log key so")
    _once(change, entry.type, LOG_KEY)


def _follow_fact(state: State, _index: int, entry: Entry, body: KeyAdded | KeyRevoked | QuorumChanged) -> None:
    what = body.key if isinstance(body, KeyAdded | KeyRevoked) else LOG_KEY if "log_key" in entry.type else ROSTER
    if isinstance(body, KeyRevoked):
        revoke(state, body.key)
    if body.change is not None:
        state.changes[body.change].stated.add((entry.type, what))


def _of_roster(state: State, id_: str) -> Change:
    change = _activated(state, id_)
    if change.proposed.kind not in ("roster", "recovery"):
        raise Refused(f"{id_} did not change the roster")
    return change


def _activated(state: State, id_: str) -> Change:
    change = state.change(id_)
    if change.activated_at is None:
        raise Refused(f"{id_} was not activated")
    return change


def _once(change: Change, type_: str, what: str) -> None:
    if (type_, what) in change.stated:
        raise Refused(f"{type_} of {what} stands on the ledger already")


def _fingerprints(keys: Iterable[PublicKey]) -> set[str]:
    return {key.fingerprint for key in keys}


# --- what only stands there -----------------------------------------------------------------------------------------


def _check_nothing(_state: State, _entry: Entry, _body: Body) -> None:
    """Any time will do."""


def _follow_nothing(_state: State, _index: int, _entry: Entry, _body: Body) -> None:
    """It changes nothing that is in force."""


STEPS: Steps = {
    **{type_: Step(_check_act, _follow_act) for type_ in KIND_OF_ACT},
    **{f"terminal.{what}": Step(_check_terminal, _follow_terminal) for what in ("enrolled", "transferred", "revoked")},
    "key.added": Step(_check_key_added, _follow_fact),
    "key.revoked": Step(_check_key_revoked, _follow_fact),
    "quorum.changed": Step(_check_quorum_changed, _follow_fact),
    "log_key.rotated": Step(_check_log_key, _follow_fact),
    **{type_: Step(_check_nothing, _follow_nothing) for type_ in TOLD_ONLY},
}
