"""Changes driven at random against a model that is written apart: sets of names, numbers and hours, and nothing signed.

Whatever is tried, the ledger's answer is the model's; what is in force was approved by the quorum; and somebody who
replays the bytes from the first entry finds the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from world_made import JPN, OPERATORS, TWN, World, loss

from openleo.governance.moves import Move
from openleo.governance.state import Status

PEOPLE = {person.id: person for person in (*OPERATORS, *TWN, *JPN)}
BOOKS = ("book:one", "book:two")
HOURS_OPEN = 72


@dataclass
class Asked:
    """A change, as the model sees it."""

    target: str
    base: str | None
    new: str
    requester: str
    hour: int
    touches_taiwan: bool
    voters: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    end: str = ""  # "rejected", "active"

    def met(self) -> bool:
        voters = self.voters - {self.requester}
        operators = sum(one.startswith("operator") for one in voters)
        taiwan, japan = (any(one.startswith(who) for one in voters) for who in ("twn", "jpn"))
        return (operators >= 2 and taiwan) if self.touches_taiwan else (operators >= 1 and (taiwan or japan))


class Life(RuleBasedStateMachine):
    """`hour` is the model's clock."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World.founded()
        self.hour = 0
        self.asked: dict[str, Asked] = {}
        self.force: dict[str, str | None] = dict.fromkeys(BOOKS)
        self.set_by: dict[str, str] = {}

    def expected(self, id_: str) -> Status:
        one = self.asked[id_]
        if one.end == "active":
            return Status.ACTIVE if self.set_by[one.target] == id_ else Status.SUPERSEDED
        if one.end == "rejected":
            return Status.REJECTED
        if self.force[one.target] != one.base:
            return Status.VOID
        if self.hour >= one.hour + HOURS_OPEN:
            return Status.EXPIRED
        return Status.READY if one.met() else Status.APPROVING

    @rule(book=st.sampled_from(BOOKS), requester=st.sampled_from([*PEOPLE, "a-ministry"]), taiwan=st.booleans())
    def propose(self, book: str, requester: str, taiwan: bool) -> None:
        id_ = f"c-{len(self.asked)}"
        new = f"{len(self.asked) + 1:064x}"
        move = Move(target=book, base=self.force[book], new=new)
        touched = (loss("TWN" if taiwan else "JPN"),)
        from datetime import timedelta

        from openleo.governance.entries import instant

        until = instant(self.world.now + timedelta(hours=HOURS_OPEN))
        self.world.propose(id_, move, touched=touched, requester=requester, expires=until)
        self.asked[id_] = Asked(book, self.force[book], new, requester, self.hour, taiwan)

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), who=st.sampled_from(sorted(PEOPLE)))
    def approve(self, data: st.DataObject, who: str) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.asked)))
        one = self.asked[id_]
        still_open = self.expected(id_) in (Status.APPROVING, Status.READY)
        may = still_open and who != one.requester and who not in one.voters and who not in one.gone
        vote = self.world.approval(id_, PEOPLE[who])
        assert (self.world.why(vote) == "") == may
        if may:
            self.world.append(vote)
            one.voters.add(who)

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), who=st.sampled_from(sorted(PEOPLE)))
    def withdraw(self, data: st.DataObject, who: str) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.asked)))
        one = self.asked[id_]
        may = self.expected(id_) in (Status.APPROVING, Status.READY) and who in one.voters
        body = self.world.withdrawal(id_, PEOPLE[who])
        assert (self.world.why(body) == "") == may
        if may:
            self.world.append(body)
            one.voters.remove(who)
            one.gone.add(who)

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), who=st.sampled_from(["twn-1", "operator-2"]))
    def reject(self, data: st.DataObject, who: str) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.asked)))
        may = self.expected(id_) in (Status.APPROVING, Status.READY)
        body = self.world.rejection(id_, PEOPLE[who])
        assert (self.world.why(body) == "") == may
        if may:
            self.world.append(body)
            self.asked[id_].end = "rejected"

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def activate(self, data: st.DataObject) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.asked)))
        one = self.asked[id_]
        may = self.expected(id_) is Status.READY
        body = self.world.activated(id_)
        assert (self.world.why(body) == "") == may
        if may:
            self.world.append(body)
            one.end = "active"
            self.force[one.target], self.set_by[one.target] = one.new, id_

    @rule(hours=st.integers(1, 50))
    def wait(self, hours: int) -> None:
        self.hour += hours
        self.world.wait(hours=hours)

    @invariant()
    def the_ledger_says_what_the_model_says(self) -> None:
        state = self.world.state
        assert {id_: state.status(id_, self.world.now) for id_ in self.asked} == {
            id_: self.expected(id_) for id_ in self.asked
        }
        active = state.active(self.world.now)
        assert {book: active.get(book) for book in BOOKS} == self.force

    def teardown(self) -> None:
        again = self.world.replayed()
        assert again.active(self.world.now) == self.world.state.active(self.world.now)
        assert again.size == self.world.state.size


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
