"""A change in words and as JSON, for `change show`, mails and pages: where it stands, who signed, what is missing.

A use of break-glass likewise: what it set, how long it holds, and whether it was reviewed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from openleo.governance import requests
from openleo.governance.emergency import review_due
from openleo.governance.entries import Proposed, Touched, instant
from openleo.governance.life import why_not
from openleo.governance.losses import shown
from openleo.governance.moves import Move
from openleo.governance.quorum import missing
from openleo.governance.state import BreakGlass, Change, State, Status, earliest, status, voters

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
        "entries": _entries(change),
        "unwitnessed": change.unwitnessed,
        "proposed": proposed.model_dump(mode="json", by_alias=True, exclude={"documents"}),
        "effect": None if change.effect is None else change.effect.model_dump(mode="json", by_alias=True),
    }


def _entries(change: Change) -> dict[str, Any]:
    """Where the ledger has the steps of a change: an approval that was taken back is not among them."""
    return {
        "proposed": change.proposed_by,
        "effect": None if change.effect is None else change.effect_by,
        "approvals": {officer: vote.index for officer, vote in sorted(change.votes.items())},
        "objections": list(change.objections),
        "activated": change.activated_by,
    }


def text(state: State, change: Change, at: datetime) -> str:
    """A change for people."""
    proposed, now = change.proposed, status(state, change, at)
    people = voters(state, change)
    lines = [
        f"{proposed.change}: {now}",
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
        many = len(change.objections) > 1
        lines.append(f"  objections: {'entries' if many else 'entry'} {', '.join(map(str, change.objections))}")
    if why := why_not(state, change, at):
        lines.append(f"  {'rejected ' if now is Status.REJECTED else ''}{why}")
    return "\n".join(lines)


def glass_as_json(state: State, glass: BreakGlass, at: datetime) -> dict[str, Any]:
    """Everything of a use of break-glass that is public."""
    due = review_due(state, glass)
    return {
        "id": glass.used.id,
        "holds": glass.at <= at < glass.until,
        "at": instant(glass.at),
        "until": glass.used.until,
        "by": sorted(glass.users),
        "moves": [one.model_dump(mode="json") for one in glass.used.moves],
        "reason": glass.used.reason,
        "witnessed": glass.used.witnessed,
        "reviewed_at": None if glass.reviewed_at is None else instant(glass.reviewed_at),
        "review_due": instant(due),
        "review_overdue": glass.reviewed_at is None and at >= due,
    }


def glass_text(state: State, glass: BreakGlass, at: datetime) -> str:
    """A use of break-glass for people, and who has to answer for it by when."""
    due = review_due(state, glass)
    if glass.reviewed_at is not None:
        review = f"reviewed {instant(glass.reviewed_at)}"
    elif at < due:
        review = f"waits for its review, until {instant(due)}"
    else:
        review = f"its review is overdue since {instant(due)}: no glass is broken before it"
    return "\n".join((*used_glass(glass), f"  {'it holds' if at < glass.until else 'it has lapsed'}; {review}"))


def used_glass(glass: BreakGlass) -> list[str]:
    """What two officers did, line by line."""
    used = glass.used
    return [
        f"{used.id}: break-glass by {' and '.join(sorted(glass.users))}, {instant(glass.at)} to {used.until}",
        *(f"  {move(one)}" for one in used.moves),
        f"  reason: {used.reason}",
        *(["  unwitnessed"] if not used.witnessed else []),
    ]


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
