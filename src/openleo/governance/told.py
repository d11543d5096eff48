"""A change in words and as JSON, for `change show`, mails and pages: where it stands, who signed, what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from openleo.governance import requests
from openleo.governance.entries import Proposed, Touched, instant
from openleo.governance.life import why_not
from openleo.governance.losses import shown
from openleo.governance.moves import Move
from openleo.governance.quorum import missing
from openleo.governance.state import Change, State, earliest, status, voters

SHORT = 12  # characters of a hash
MOST_NAMED = 5  # territories


def as_json(state: State, change: Change, at: datetime) -> dict[str, Any]:
    """Everything of a change that is public."""
    people, proposed = voters(state, change), change.proposed
    return {
        "change": proposed.change,
        "status": str(status(state, change, at)),
        "why": why_not(state, change, at),
        "proposed_at": instant(change.proposed_at),
        "not_before": instant(earliest(state, change)),
        "approved_by": [one.id for one in people],
        "missing": [missing(line.quorum, people) for line in change.asked],
        "quorum": [str(line.quorum) for line in change.asked],
        "requester_is": requests.standing(proposed),
        "sponsor": None if proposed.sponsor is None else proposed.sponsor.officer,
        "objections": len(change.objections),
        "activated_at": None if change.activated_at is None else instant(change.activated_at),
        "entry": change.activated_by,
        "unwitnessed": change.unwitnessed,
        "proposed": proposed.model_dump(mode="json", by_alias=True, exclude={"documents"}),
        "effect": None if change.effect is None else change.effect.model_dump(mode="json", by_alias=True),
    }


def text(state: State, change: Change, at: datetime) -> str:
    """A change for people."""
    proposed = change.proposed
    people = voters(state, change)
    lines = [
        f"{proposed.change}: {status(state, change, at)}",
        *(f"  {move(one)}" for one in proposed.moves),
        f"  requested by {proposed.requester} on behalf of {proposed.on_behalf_of}, {instant(change.proposed_at)}",
        f"  {_who_signed(proposed)}",
        f"  reason: {proposed.reason}",
        f"  legal reference: {proposed.legal_reference}",
        f"  window {proposed.window.from_} to {proposed.window.until}, approvals until {proposed.expires}",
    ]
    if change.effect is not None:
        lines += [f"  effect {change.effect.effect[:SHORT]}: {_effect(change.effect.touched)}"]
        for line in change.asked:
            lacking = missing(line.quorum, people)
            lines.append(f"  quorum {line}: {'lacks ' + lacking if lacking else 'met'}")
        lines.append(f"  approved by {', '.join(one.id for one in people) or 'nobody'}")
    if change.unwitnessed:
        lines.append(f"  {unwitnessed(change)}")
    if change.objections:
        lines.append(f"  objections: entries {', '.join(map(str, change.objections))}")
    if why := why_not(state, change, at):
        lines.append(f"  {why}")
    return "\n".join(lines)


def unwitnessed(change: Change) -> str:
    """What is said for ever of a change that took effect without the witnesses of the roster."""
    return (
        f"unwitnessed: it took effect (entry {change.activated_by}) without the witnesses of the roster then in force"
    )


def _who_signed(proposed: Proposed) -> str:
    if proposed.sponsor is None:
        return "requester named, not proved: nobody signed the request"
    by = proposed.sponsor.officer
    if by == proposed.requester:
        return f"requester proved: {by} signed the request"
    return f"request signed by {by}, who answers for {proposed.requester}"


def move(one: Move) -> str:
    """What a move sets, from what to what."""
    return f"{one.target}: {_short(one.base)} -> {_short(one.new)}"


def _short(value: str | None) -> str:
    return "nothing" if value is None else value if len(value) < 20 else value[:SHORT]


def _effect(touched: Sequence[Touched]) -> str:
    """Who gains and loses, those with most people first."""
    if not touched:
        return "nobody gains or loses"
    people = sum(one.people_lost for one in touched), sum(one.people_gained for one in touched)
    terminals = sum(one.terminals_lost or 0 for one in touched), sum(one.terminals_gained or 0 for one in touched)
    counted = [("people", people)] if any(people) or not any(terminals) else []
    counted += [("terminals", terminals)] if any(terminals) else []
    said = [f"{shown(lost)} {what} lose, {shown(gained)} gain" for what, (lost, gained) in counted]
    most = sorted(touched, key=_most_first)
    named = ", ".join(one.territory for one in most[:MOST_NAMED])
    more = f" and {len(touched) - MOST_NAMED} more" if len(touched) > MOST_NAMED else ""
    emergency = " Emergency terminals may lose service." if any(_emergency(one) for one in touched) else ""
    return f"{'; '.join(said)}, in {named}{more}.{emergency}"


def _most_first(one: Touched) -> tuple[int, int, str]:
    terminals = (one.terminals_lost or 0) + (one.terminals_gained or 0)
    return -one.people_lost - one.people_gained, -terminals, one.territory


def _emergency(one: Touched) -> bool:
    return one.emergency_terminals_lost is None or one.emergency_terminals_lost > 0
