"""What else moves things, driven at random against a model of hours and sets: rosters, single acts, broken glass.

Values come back here, as does a roster: what was void stays void. Hours of broken glass are counted one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from test_acts import glass, review, suspend
from test_life import roster_proposal
from world_made import JPN, OPERATORS, TWN, A, B, World, roster

from openleo.governance.entries import instant
from openleo.governance.moves import ROSTER, Move
from openleo.governance.state import Status

BOOKS = ("book:one", "book:two")
VALUES = (None, A, B)
MOST_ACTS, MOST_HOURS, REVIEW_HOURS, OPEN_HOURS = 3, 24, 14 * 24, 72
RATE = {"terminals": MOST_ACTS}
ROSTERS = [roster(single_acts=RATE, tolerance_ppm=ppm) for ppm in (10_000, 20_000)]


@dataclass
class Asked:
    """A change of a book or of the roster, with the least that approves it."""

    target: str
    new: str | None
    hour: int
    end: str = ""
    voters: set[str] = field(default_factory=set)


@dataclass
class Broken:
    target: str
    new: str
    hours: range
    before: str | None
    users: set[str]
    reviewed: bool = False


class Powers(RuleBasedStateMachine):
    """`hour` is the model's clock."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World.founded(ROSTERS[0])
        self.hour = 0
        self.settled: dict[str, str | None] = dict.fromkeys(BOOKS) | {ROSTER: ROSTERS[0].sha256}
        self.asked: dict[str, Asked] = {}
        self.broken: dict[str, Broken] = {}
        self.acts: list[int] = []
        self.numbers = 0

    def number(self) -> int:
        self.numbers += 1
        return self.numbers

    def expected(self, one: Asked) -> str:
        if one.end:
            return one.end
        if self.hour >= one.hour + OPEN_HOURS:
            return "expired"
        return "ready" if {"operator-2", "twn-1"} <= one.voters else "approving"

    @rule(book=st.sampled_from(BOOKS), new=st.sampled_from(VALUES))
    def propose(self, book: str, new: str | None) -> None:
        id_ = f"c-{self.number()}"
        until = instant(self.world.now + timedelta(hours=OPEN_HOURS))
        move = Move(target=book, base=self.settled[book], new=new)
        body = self.world.proposal(id_, move, expires=until)
        assert (self.world.why(body) == "") == (new != self.settled[book])
        if new != self.settled[book]:
            self.world.append(body)
            self.world.append(self.world.effect(id_))
            self.asked[id_] = Asked(book, new, self.hour)

    @rule()
    def propose_roster(self) -> None:
        id_ = f"r-{self.number()}"
        new = next(one for one in ROSTERS if one.sha256 != self.settled[ROSTER])
        until = instant(self.world.now + timedelta(hours=OPEN_HOURS))
        self.world.append(roster_proposal(self.world, new, id_, expires=until))
        self.world.append(self.world.effect(id_))
        self.asked[id_] = Asked(ROSTER, new.sha256, self.hour)

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), who=st.sampled_from([OPERATORS[1], TWN[0]]))
    def approve(self, data: st.DataObject, who: object) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.asked)))
        one = self.asked[id_]
        person = OPERATORS[1] if who is OPERATORS[1] else TWN[0]
        may = self.expected(one) in ("approving", "ready") and person.id not in one.voters
        vote = self.world.approval(id_, person)
        assert (self.world.why(vote) == "") == may
        if may:
            self.world.append(vote)
            one.voters.add(person.id)

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def activate(self, data: st.DataObject) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.asked)))
        one = self.asked[id_]
        may = self.expected(one) == "ready"
        body = self.world.activated(id_)
        assert (self.world.why(body) == "") == may
        if not may:
            return
        self.world.append(body)
        self.settled[one.target] = one.new
        for other in self.asked.values():
            if other.end == "active" and other.target == one.target:
                other.end = "superseded"
            elif not other.end and one.target in (other.target, ROSTER):
                other.end = "void"
        one.end = "active"

    @rule()
    def act(self) -> None:
        body = suspend(self.world, f"a{self.number()}")
        recent = [hour for hour in self.acts if hour > self.hour - 24]
        may = len(recent) < MOST_ACTS
        assert (self.world.why(body, "account.suspended") == "") == may
        if may:
            self.world.append(body, "account.suspended")
            self.acts.append(self.hour)

    def in_force(self, book: str) -> str | None:
        value = self.settled[book]
        for one in self.broken.values():
            if one.target == book and self.hour in one.hours and one.before == self.settled[book]:
                value = one.new
        return value

    @rule(book=st.sampled_from(BOOKS), new=st.sampled_from([A, B]), hours=st.integers(1, 25), alone=st.booleans())
    def break_glass(self, book: str, new: str, hours: int, alone: bool) -> None:
        id_ = f"g-{self.number()}"
        users = [OPERATORS[0], OPERATORS[0] if alone else OPERATORS[1]]
        move = Move(target=book, base=self.in_force(book), new=new)
        body = glass(self.world, id_, float(hours), users, moves=(move,))
        unreviewed = [one for one in self.broken.values() if not one.reviewed]
        covered = {hour for one in unreviewed for hour in one.hours} | set(range(self.hour, self.hour + hours))
        may = (
            not alone
            and new != self.in_force(book)
            and len(covered) <= MOST_HOURS
            and all(one.target != book and self.hour < one.hours.start + REVIEW_HOURS for one in unreviewed)
        )
        assert (self.world.why(body) == "") == may
        if may:
            self.world.append(body)
            held = range(self.hour, self.hour + hours)
            self.broken[id_] = Broken(book, new, held, self.settled[book], {one.id for one in users})

    @precondition(lambda self: self.broken)
    @rule(data=st.data(), who=st.sampled_from([OPERATORS[1], OPERATORS[2]]))
    def look_back(self, data: st.DataObject, who: object) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.broken)))
        person = OPERATORS[1] if who is OPERATORS[1] else OPERATORS[2]
        body = review(self.world, id_, person, JPN[0])
        may = not self.broken[id_].reviewed and person.id not in self.broken[id_].users
        assert (self.world.why(body) == "") == may
        if may:
            self.world.append(body)
            self.broken[id_].reviewed = True

    @rule(hours=st.one_of(st.integers(1, 30), st.just(REVIEW_HOURS)))
    def wait(self, hours: int) -> None:
        self.hour += hours
        self.world.wait(hours=hours)

    @invariant()
    def the_ledger_says_what_the_model_says(self) -> None:
        state = self.world.state
        assert {id_: state.status(id_, self.world.now) for id_ in self.asked} == {
            id_: Status(self.expected(one)) for id_, one in self.asked.items()
        }
        active = state.active(self.world.now)
        assert {book: active.get(book) for book in BOOKS} == {book: self.in_force(book) for book in BOOKS}
        assert state.people.sha256 == self.settled[ROSTER]

    def teardown(self) -> None:
        again = self.world.replayed()
        assert again.active(self.world.now) == self.world.state.active(self.world.now)
        assert again.open == self.world.state.open


TestPowers = Powers.TestCase
TestPowers.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
