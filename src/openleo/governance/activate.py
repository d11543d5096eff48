"""A change that is approved takes effect: the steps from the ledger's state to the entry that says so.

    read ─► effect computed again ─► checkpoint witnessed ─► approvals proven ─► gate ─► logged ─► in force

Whatever step the power fails at, the ledger alone says what is in force: before `entries durable` nothing has changed,
after it everything has. `at` is told of each step; tests kill the process at every one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from openleo.governance import gate
from openleo.governance.entries import ApprovedIn
from openleo.governance.house import House
from openleo.governance.moves import RECOVERY
from openleo.governance.public_effect import in_public, is_public
from openleo.governance.state import Change, Refused
from openleo.governance.witnessing import why_waits
from openleo.ledger import proof
from openleo.ledger.faults import NotProven
from openleo.ledger.policy import NOBODY, UNWITNESSED, Opened, Policy, judge, of_log
from openleo.ledger.proof import Proof
from openleo.ledger.text import to_base64
from openleo.ledger.witness_client import collect

Json = Mapping[str, Any]
Recompute = Callable[[Change], Json]  # the effect of a change on the set in force, now
Clock = Callable[[], datetime]
POINTS = (
    "change read",
    "effect recomputed",
    "effect kept",
    "approvals witnessed",
    "approvals proven",
    "gate passed",
    "entries checked",
    "append: accepted",
    "append: entries written",
    "append: tiles written",
    "append: checkpoint written",
    "append: committed",
    "append: marked",
    "entries durable",
    "activation witnessed",
    "active set written",
)


@dataclass(frozen=True)
class Activation:
    """What was logged: the number of change.activated, its proof, and what has to be said with it."""

    index: int
    proof: Proof
    warnings: tuple[str, ...]


def activate(house: House, id_: str, now: datetime, recompute: Recompute, clock: Clock | None = None) -> Activation:
    """Activate an approved change. Raises Refused with the reason where anything is missing.

    `clock` is asked again once the effect is computed, which may take minutes; without one it is still `now` then.
    """
    clock = clock or (lambda: now)
    change = house.state.change(id_)
    if change.effect is None:
        raise Refused("its effect is not frozen")
    signed = house.artefacts.get_json(change.effect.effect)
    house.at("change read")
    found = recompute(change)
    again = gate.Recomputed(in_public(found) if is_public(signed) else found)  # told as what was signed was told
    house.at("effect recomputed")
    house.artefacts.put_json({key: value for key, value in again.effect.items() if key != "sha256"})
    house.at("effect kept")
    opened, warnings = _seen(house, change, clock)
    house.at("approvals witnessed")
    now = house.now(clock())  # not before the instant at which witnesses saw the approvals
    _check_proven(house, change, opened)
    house.at("approvals proven")
    root = to_base64(opened.checkpoint.root)
    approved_in = ApprovedIn(size=opened.checkpoint.size, root=root)
    entries = gate.activation(house.state, id_, now, signed, again, approved_in, bool(opened.witnesses))
    house.at("gate passed")
    index = house.append(entries).start
    try:
        _, more = witnessed(house, clock)
        warnings = tuple(dict.fromkeys((*warnings, *more)))
    except NotProven as error:  # it is in force and logged; the witnesses see it with the next checkpoint
        warnings = (*warnings, f"not witnessed yet: {error}")
    house.at("activation witnessed")
    made = house.ledger.prove(index)
    if said := house.write_active(now):
        warnings = (*warnings, said)
    house.at("active set written")
    return Activation(index, made, warnings)


def _seen(house: House, change: Change, clock: Clock) -> tuple[Opened, tuple[str, ...]]:
    """As `witnessed`; a change that may go without the witnesses of the roster goes without them, marked."""
    try:
        return witnessed(house, clock)
    except NotProven as error:
        if why := why_waits(house.state, change, clock()):
            raise NotProven(f"{error.why}; {why}" if change.proposed.kind == RECOVERY else error.why) from error
        note = house.ledger.checkpoint(house.signer)
        return judge(of_log(house.ledger.key), note), (f"unwitnessed, and marked so for ever: {error.why}",)


def witnessed(house: House, clock: Clock) -> tuple[Opened, tuple[str, ...]]:
    """The checkpoint of all entries with the cosignatures that the roster asks for, and what has to be said of it.

    `clock`: a cosignature that is dated ahead of it does not count. Raises NotProven where witnesses that are needed
    did not sign: ordinary activation waits.
    """
    note = house.ledger.checkpoint(house.signer)
    policy = house.policy
    if policy.quorum == NOBODY or not policy.witnesses:
        return judge(policy, note), (UNWITNESSED,)
    collected = collect(note, policy.witnesses, house.ledger.prove_consistency, lambda: clock().timestamp())
    size = house.ledger.size
    if collected.signatures:
        note = house.ledger.add_cosignatures(size, collected.signatures)
    said = tuple(f"witness {name}: {why}" for name, why in collected.problems)
    try:
        return judge(policy, note), said
    except NotProven as error:
        raise NotProven("; ".join((error.why.rstrip("."), *said))) from error


def _check_proven(house: House, change: Change, opened: Opened) -> None:
    """Every approval stands under the checkpoint, by its proof. Raises Refused."""
    policy: Policy = house.policy if opened.witnesses else of_log(house.ledger.key)
    for vote in change.votes.values():
        made = house.ledger.prove(vote.index)
        proven = proof.check(made, policy, house.ledger.entry(vote.index))
        if proven.opened.checkpoint != opened.checkpoint:
            raise Refused("the ledger grew while its approvals were proven. Try again")
