"""A ledger's entries, followed one by one: what is in force is what they say, and nothing else.

Takes the bytes of entries in their order; gives the State after them, and every Finding: an entry that should not have
followed. The writer asks `refusal` before it appends; the auditor runs `audit` over what was appended.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from openleo.governance import acts, emergency, life
from openleo.governance.entries import Entry, EntryRefused, from_bytes, instant
from openleo.governance.state import Refused, State, Steps

STEPS: Steps = {**life.STEPS, **acts.STEPS, **emergency.STEPS}


@dataclass(frozen=True)
class Finding:
    """An entry that is not as the rules of the ledger ask, and why."""

    entry: int
    why: str


def refusal(state: State, entry: Entry) -> str:
    """Why an entry may not follow; "" where it may."""
    if state.roster is None and entry.type != "genesis":
        return "the ledger has no genesis: entry 0 has to say who decides"
    if state.newest_at is not None and entry.at < state.newest_at:
        return f"its time {instant(entry.at)} is before that of the newest entry, {instant(state.newest_at)}"
    try:
        STEPS[entry.type].check(state, entry, entry.body)
    except Refused as refused:
        return str(refused)
    return ""


def follow(state: State, entry: Entry) -> None:
    """Take an entry, which `refusal` found in order, into the state."""
    STEPS[entry.type].follow(state, state.size, entry, entry.body)
    _count(state, entry)


def audit(entries: Iterable[bytes], state: State | None = None) -> tuple[State, list[Finding]]:
    """The state after all entries, and every one of them that should not be there.

    An entry that should not have followed changes nothing: what it claims to have activated is not in force.
    """
    state = State() if state is None else state
    findings = []
    for data in entries:
        try:
            entry = from_bytes(data)
        except EntryRefused as refused:
            findings.append(Finding(state.size, str(refused)))
            state.size += 1
            continue
        number = state.size
        if why := take(state, entry):
            findings.append(Finding(number, why))
    return state, findings


def take(state: State, entry: Entry) -> str:
    """Follow an entry of a ledger; one that should not have followed is only counted, and why is told."""
    if why := refusal(state, entry):
        _count(state, entry)
    else:
        follow(state, entry)
    return why


def _count(state: State, entry: Entry) -> None:
    state.size += 1
    state.newest_at = entry.at if state.newest_at is None else max(state.newest_at, entry.at)
