"""A small world of governance for tests: an operator, two regulators, and a ledger of entries kept in memory."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from people_made import Person

from openleo.governance import to_sign
from openleo.governance.entries import (
    Act,
    Activated,
    Approval,
    ApprovedIn,
    Body,
    EffectFrozen,
    Entry,
    Genesis,
    Proposed,
    Rejection,
    Signed,
    Touched,
    Window,
    Withdrawal,
    entry,
    instant,
)
from openleo.governance.moves import Move
from openleo.governance.replay import audit, follow, refusal
from openleo.governance.roster import Roster
from openleo.governance.roster_file import roster_of
from openleo.governance.state import State, statement

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
ORIGIN = "ledger.example/openleo"
ROOT = "A" * 43 + "="

OPERATORS = [Person(f"operator-{n}", "operator", ("break-glass",)) for n in (1, 2, 3, 4)]
TWN = [Person(f"twn-{n}", "regulator:TWN") for n in (1, 2)]
JPN = [Person(f"jpn-{n}", "regulator:JPN") for n in (1, 2)]
EVERYBODY = [*OPERATORS, *TWN, *JPN]
SECOND = [dataclasses.replace(person, key=2) for person in EVERYBODY]  # with the second key of each
RECOVERY = [Person(f"vault-{n}", "") for n in (1, 2, 3)]
BOTH = "all(2 of operator, 1 of regulator:TWN)"
LINES = (
    {"territory": "*", "kind": "*", "quorum": "all(1 of operator, any(1 of regulator:TWN, 1 of regulator:JPN))"},
    {"territory": "TWN", "kind": "rules", "quorum": BOTH},
    {
        "territory": "*",
        "kind": "rules",
        "above": {"people_share_ppm": 500_000, "emergency_terminals": None},
        "quorum": "all(3 of operator, 1 of regulator:TWN)",
    },
)
BOOK = "book:operator"
A, B, C = ("a" * 64, "b" * 64, "c" * 64)


def roster(people: list[Person] | None = None, lines: Any = LINES, **settings: Any) -> Roster:
    """In the one form of its document."""
    people = EVERYBODY if people is None else people
    by_id: dict[str, list[Person]] = {}
    for person in people:
        by_id.setdefault(person.id, []).append(person)
    from openleo.governance.roster_file import _read

    data = {
        "schema": 1,
        "party": [{"id": party} for party in sorted({person.party for person in people})],
        "officer": [
            {"id": id_, "party": some[0].party, "roles": list(some[0].roles), "keys": [one.line for one in some]}
            for id_, some in by_id.items()
        ],
        "quorum": [dict(line) for line in lines],
        "settings": settings,
        "recovery": {"threshold": 2, "keys": [person.line for person in RECOVERY]},
    }
    return _read(data, "roster", known_places=True)


def person(id_: str) -> Person:
    return next(one for one in EVERYBODY if one.id == id_)


def nonce(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass
class World:
    """The state, the bytes of all entries, and a clock that a test moves."""

    state: State = field(default_factory=State)
    entries: list[bytes] = field(default_factory=list)
    now: datetime = START

    @classmethod
    def founded(
        cls, founded_on: Roster | None = None, people: list[Person] | None = None, log_vkey: str = f"{ORIGIN}+00+AA=="
    ) -> World:
        world = cls()
        founded_on = founded_on or roster()
        unsigned = Genesis(origin=ORIGIN, log_vkey=log_vkey, roster=founded_on.document, signatures=())
        message = to_sign.founding(unsigned)
        keys = {key.line for officer in founded_on.officers for key in officer.keys}
        everybody = (EVERYBODY if people is None else people) + SECOND
        signed = tuple(
            Signed(officer=one.id, signature=one.sign(message)) for one in dict.fromkeys(everybody) if one.line in keys
        )
        world.append(unsigned.model_copy(update={"signatures": signed}))
        return world

    def wait(self, **time: float) -> None:
        self.now += timedelta(**time)

    def why(self, body: Body, type_: str = "") -> str:
        """Why it may not follow now; "" if it may."""
        return refusal(self.state, entry(self.now, body, type_))

    def append(self, body: Body, type_: str = "") -> None:
        made = entry(self.now, body, type_)
        assert not (why := refusal(self.state, made)), why
        follow(self.state, made)
        self.entries.append(made.to_bytes())

    def replayed(self) -> State:
        """The state that somebody else finds in the same entries."""
        state, findings = audit(self.entries)
        assert not findings, findings
        return state

    # --- a change

    def proposal(self, id_: str = "c-1", *moves: Move, **more: Any) -> Proposed:
        said: dict[str, Any] = {
            "change": id_,
            "kind": "rules",
            "moves": moves or (Move(target=BOOK, base=self.state.value(BOOK), new=A),),
            "requester": "operator-1",
            "on_behalf_of": "operator",
            "reason": "a licence was given",
            "legal_reference": "licence 1",
            "window": Window(**{"from": instant(self.now), "until": instant(self.now + timedelta(days=30))}),
            "expires": instant(self.now + timedelta(days=14)),
            "nonce": nonce(id_),
            "reverts": None,
            "documents": {},
            "possession": (),
        }
        return Proposed(**(said | more))

    def effect(self, id_: str = "c-1", *touched: Touched, named: tuple[str, ...] = (), sha256: str = C) -> EffectFrozen:
        return EffectFrozen(change=id_, effect=sha256, network=B, touched=touched, named=named, ends=())

    def propose(self, id_: str = "c-1", *moves: Move, touched: tuple[Touched, ...] = (), **more: Any) -> None:
        self.append(self.proposal(id_, *moves, **more))
        self.append(self.effect(id_, *touched))

    def _vote(self, form: type[Approval], id_: str, who: Person, decision: to_sign.Decision) -> Approval:
        message = statement(self.state, self.state.changes[id_], decision)
        return form(change=id_, officer=who.id, statement=to_sign.sha256_of(message), signature=who.sign(message))

    def approval(self, id_: str, who: Person) -> Approval:
        return self._vote(Approval, id_, who, "approve")

    def withdrawal(self, id_: str, who: Person) -> Withdrawal:
        return Withdrawal(**self._vote(Withdrawal, id_, who, "withdraw").model_dump())

    def rejection(self, id_: str, who: Person) -> Rejection:
        return Rejection(**self._vote(Rejection, id_, who, "reject").model_dump())

    def approve(self, id_: str, *people: Person) -> None:
        for one in people:
            self.append(self.approval(id_, one))

    def activated(self, id_: str = "c-1", **more: Any) -> Activated:
        said: dict[str, Any] = {
            "change": id_,
            "effect": C,
            "approved_in": ApprovedIn(size=self.state.size, root=ROOT),
            "witnessed": False,
        }
        return Activated(**(said | more))

    def activate(self, id_: str = "c-1") -> None:
        self.append(self.activated(id_))

    def act(self, target: str, new: str, terminals: int, **more: Any) -> Act:
        move = Move(target=target, base=self.state.value(target), new=new)
        said: dict[str, Any] = {
            "change": None,
            "move": move,
            "actor": "operator-1",
            "reason": "unpaid",
            "terminals": terminals,
            "territories": {},
        }
        return Act(**(said | more))


def loss(territory: str = "TWN", people: int = 1000, lost: int = 10) -> Touched:
    return Touched(
        territory=territory,
        people=people,
        people_lost=lost,
        people_gained=0,
        terminals_lost=None,
        terminals_gained=None,
        emergency_terminals_lost=0,
    )


__all__ = ["Entry", "World", "loss", "person", "roster", "roster_of"]
