"""Whether a change may take effect though the witnesses of the roster have not seen it.

Ordinary changes wait for them. One thing may go: a recovery that replaces the witnesses, after public notice, since a
house whose witnesses are gone for good could otherwise never change anything again. It moves nothing but the witnesses,
and is marked for ever.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from openleo.governance.entries import instant
from openleo.governance.moves import RECOVERY
from openleo.governance.roster_file import roster_of
from openleo.governance.state import Change, State
from openleo.ledger.policy import parse

NOTICE_DAYS = 7  # at least, whatever the roster asks of other recoveries


def why_waits(state: State, change: Change, at: datetime) -> str:
    """Why a change has to wait for the witnesses of the roster in force; "" where it may go without them."""
    proposed, old = change.proposed, state.people
    if not old.witnesses:
        return ""
    unseen = "the roster names witnesses, and they have not seen it"
    if proposed.kind != RECOVERY:
        return unseen
    new = roster_of(proposed.documents[str(proposed.moves[0].new)])
    if not new.witnesses:
        return f"{unseen}: without them a recovery names others, and this one names none"
    if _asked(new.witnesses) == _asked(old.witnesses):
        return f"{unseen}: it leaves the witnesses as they are"
    others = [key for key, value in old.document.items() if key != "witnesses" and new.document[key] != value]
    if others:
        return f"{unseen}: without them a recovery moves the witnesses alone, and this one moves {', '.join(others)}"
    assert change.effect_at is not None
    begin = change.effect_at + timedelta(days=max(NOTICE_DAYS, old.settings.recovery_notice_days))
    return f"{unseen}: without them it may go from {instant(begin)} on" if at < begin else ""


def _asked(text: str) -> Any:
    """Who has to cosign, where, and how many of whom; names, order and remarks make no difference."""
    policy = parse(text.encode())
    made: dict[str, Any] = {one.name: (str(one.key), one.url) for one in policy.witnesses}
    for group in policy.groups:
        members = frozenset(made[member] for member in group.members)
        made[group.name] = next(iter(members)) if len(members) == 1 else (group.least, members)
    return made[policy.quorum]
