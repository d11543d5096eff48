"""How many terminals acts on accounts take: as requested, and never fewer than are enrolled.

Takes the state of the ledger and moves; gives rows of an effect that count terminals alone. Emergency terminals are
rows of their own, since quorums look at them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from openleo.governance.drafting import terminals_row
from openleo.governance.enrolled import Counts, enrolled
from openleo.governance.losses import EMERGENCY, UNKNOWN
from openleo.governance.moves import SUSPENDED, Move
from openleo.governance.state import Change, State

Json = Mapping[str, Any]


def rows(state: State, moves: Iterable[Move], said: Counts) -> list[dict[str, Any]]:
    """The rows of an effect: what is said, or what is enrolled where that is more.

    An account that is made active gains; whatever else is moved may lose: a class or a group may decide over service.
    """
    moves = tuple(moves)
    most = said | Counter(_beyond(enrolled(state, moves), said))
    gains = all(move.kind == "account" and move.new != SUSPENDED for move in moves)
    return [
        terminals_row(territory, class_, *((0, number) if gains else (number, 0)))
        for (territory, class_), number in sorted(most.items())
        if number
    ]


def _beyond(found: Counts, said: Counts) -> Counts:
    """What is enrolled, less those of an unknown class that were said of the same territory; emergency in full."""
    left = Counter({territory: number for (territory, class_), number in said.items() if class_ == UNKNOWN})
    beyond: Counts = Counter()
    for (territory, class_), number in sorted(found.items()):
        covered = 0 if class_ == EMERGENCY else min(left[territory], max(0, number - said[territory, class_]))
        left[territory] -= covered
        beyond[territory, class_] = number - covered
    return beyond


def again(state: State, change: Change, signed: Json) -> Json:
    """The effect of what is only counted, counted now: terminals enrolled since then are in it."""
    if change.proposed.kind != "account":
        return signed
    found = rows(state, change.proposed.moves, said_of(signed))
    return {**signed, "territories": found, "terminals": "enrolled" if found else signed["terminals"]}


def said_of(effect: Json) -> Counts:
    """The terminals that an effect of this form counts, whichever way they go."""
    found: Counts = Counter()
    for row in effect["territories"]:
        found[row["territory"], row["class"]] += row["lost"]["terminals"] + row["gained"]["terminals"]
    return found
