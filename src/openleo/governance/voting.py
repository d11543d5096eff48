"""What officers signed, onto the ledger: approvals, withdrawals, rejections, objections.

The signature alone decides whose word it is: whoever hands it in adds nothing to it.
"""

from __future__ import annotations

from datetime import datetime

from openleo.governance import to_sign
from openleo.governance.entries import TYPES, Approval, Objection, entry
from openleo.governance.house import House
from openleo.governance.roster import Officer
from openleo.governance.state import Refused, State, statement

TYPE_OF: dict[to_sign.Decision, str] = {
    "approve": "change.approval",
    "withdraw": "approval.withdrawn",
    "reject": "change.rejection",
}


def cast(house: House, decision: to_sign.Decision, id_: str, officer: str, armour: str, clock: datetime) -> int:
    """An officer's vote on a change; gives its entry. Raises Refused where the signature is not theirs, or too late."""
    change = house.state.change(id_)
    type_ = TYPE_OF[decision]
    form = TYPES[type_]
    assert issubclass(form, Approval)
    sha256 = to_sign.sha256_of(statement(house.state, change, decision))
    body = form(change=change.proposed.change, officer=officer, statement=sha256, signature=armour)
    return house.append([entry(house.now(clock), body, type_)]).start


def to_object(state: State, id_: str, officer: str, text: str) -> tuple[Officer, bytes]:
    """Who objects, and the bytes that they sign. Raises Refused."""
    state.change(id_)
    found = state.people.officer(officer)
    if found is None:
        raise Refused(f"{officer} is no officer of the roster in force")
    return found, to_sign.objection(state.origin, id_, found.party, text)


def object_to(house: House, id_: str, officer: str, text: str, armour: str, clock: datetime) -> int:
    """A party's objection, by its officer; gives its entry. Raises Refused."""
    found, _ = to_object(house.state, id_, officer, text)
    body = Objection(change=id_, officer=officer, party=found.party, text=text, signature=armour)
    return house.append([entry(house.now(clock), body)]).start
