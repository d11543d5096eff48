"""What other parties are told in place of the insides: that something is wrong, and nothing of the machine.

Why an alarm is on, or a plan a lesser one, may name hosts, folders and databases: the operator's viewers read that. Few
terminals are not told apart to other parties (DESIGN §6).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from openleo.controller.access import OPERATOR, Principal, Role
from openleo.governance.losses import shown

HIDDEN = "shown to viewers"
LESSER = "a lesser plan"
# What the reasons of the loop begin with, and what of each is told.
DEGRADED = {
    "its plan was computed too late": "its plan was computed too late",
    "its plan was not computed within": "its plan was not computed in time",
    "an earlier plan is still being computed": "an earlier plan is still being computed",
    "its plan could not be computed": "its plan could not be computed",
    "other rules are in force since it was made": "other rules are in force since it was made",
}


def sees_why(principal: Principal | None) -> bool:
    """Whether somebody is a viewer of the operator."""
    return principal is not None and principal.party == OPERATOR and Role.VIEWER in principal.roles


def degraded(why: str) -> str:
    """Why a plan is a lesser one, in one of a few fixed ways; empty where it is a whole one.

    >>> degraded("its plan could not be computed (OSError: /srv/openleo/plan)"), degraded("/srv"), degraded("")
    ('its plan could not be computed', 'a lesser plan', '')
    """
    return next((said for begins, said in DEGRADED.items() if why.startswith(begins)), LESSER) if why else ""


def summary(of_slot: Mapping[str, Any], *, why: bool, counts: bool) -> dict[str, Any]:
    """A slot's summary; `why`: with what is wrong in full, `counts`: with few terminals told apart."""
    told = dict(of_slot)
    if not counts and "terminals" in told:
        told["terminals"] = {word: shown(count) for word, count in told["terminals"].items()}
    if why:
        return told
    if (told.get("ephemeris") or {}).get("fault"):
        told["ephemeris"] = told["ephemeris"] | {"fault": HIDDEN}
    if "before" in told:
        told["before"] = [one | {"degraded": degraded(one["degraded"])} for one in told["before"]]
    return told


def event(kind: str, body: str) -> str:
    """The body of an event as others read it: an alarm's name alone, a lesser plan's reason in fixed words."""
    told = json.loads(body)
    if kind == "alert" and told.get("why"):
        told["why"] = HIDDEN
    if kind == "slot":
        told["degraded"] = degraded(told.get("degraded", ""))
    return json.dumps(told)
