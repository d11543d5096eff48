"""One leads: never two at once, never an old one's write, and within two slots another where it is gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Engine, select, text, update

from openleo.controller import database
from openleo.controller.clock import ManualClock, SystemClock
from openleo.controller.database import Fenced, Unavailable, put, reading, writing
from openleo.controller.leader import Leader, Role
from openleo.controller.tables import known, leadership

Outage = Callable[[], AbstractContextManager[None]]
SLOT_S, BEAT_S = 15.0, 2.0
ON_A_SERVER = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)


def contender(engine: Engine, clock: ManualClock, name: str = "a") -> Leader:
    return Leader(engine, clock, name, BEAT_S, SLOT_S)


def write(engine: Engine, token: int | None) -> None:
    """Raises AssertionError if somebody with a later token has written before."""
    with writing(engine, token) as connection:
        last = connection.execute(select(known.c.value).where(known.c.name == "last")).scalar_one_or_none()
        assert int(last or 0) <= int(token or 0), "who led before wrote after who leads now"
        put(connection, known, name="last", value=str(token))


def test_the_first_leads_and_the_second_stands_by(engine: Engine) -> None:
    clock = ManualClock()
    first, second = contender(engine, clock), contender(engine, clock, "b")
    assert first.role == Role(False)
    assert (first.step(), second.step()) == (Role(True, 1), Role(False))
    for _ in range(100):
        clock.pass_s(BEAT_S)
        assert (first.step(), second.step()) == (Role(True, 1), Role(False))


def test_another_takes_over_within_two_slots_and_the_old_one_writes_no_more(engine: Engine) -> None:
    clock = ManualClock()
    first, second = contender(engine, clock), contender(engine, clock, "b")
    first.step()
    second.step()
    write(engine, first.role.token)
    taken_s = 0.0
    while not second.step().leading:
        clock.pass_s(BEAT_S)
        taken_s += BEAT_S
        assert taken_s <= 2 * SLOT_S
        assert not (first.role.leading and second.role.leading)
    assert taken_s >= SLOT_S
    write(engine, second.role.token)
    with pytest.raises(Fenced, match="token 1 was ours, and 2 is in force"):
        write(engine, 1)
    assert first.step() == Role(False), "it comes back, and stands by"
    assert second.step() == Role(True, 2)


def test_a_lead_that_is_laid_down_is_taken_up_at_once(engine: Engine) -> None:
    clock = ManualClock()
    first, second = contender(engine, clock), contender(engine, clock, "b")
    first.step()
    second.step()
    first.resign()
    assert first.role == Role(False)
    assert second.step() == Role(True, 2)
    assert first.step() == Role(False)
    second.resign()
    assert contender(engine, clock, "c").step() == Role(True, 3)


def test_two_of_one_name_are_two(engine: Engine) -> None:
    clock = ManualClock()
    assert [contender(engine, clock).step() for _ in range(2)] == [Role(True, 1), Role(False)]


def test_patience_is_for_several_beats(engine: Engine) -> None:
    with pytest.raises(ValueError, match="four beats"):
        Leader(engine, ManualClock(), "a", 5.0, 15.0)


def test_where_the_database_is_gone_leading_ends_before_another_could_begin(engine: Engine, outage: Outage) -> None:
    clock = ManualClock()
    first, second = contender(engine, clock), contender(engine, clock, "b")
    first.step()
    second.step()
    with outage():
        clock.pass_s(BEAT_S)
        assert first.step() == Role(True, 1)
        assert first.unavailable
        assert second.step() == Role(False)
        clock.pass_s(SLOT_S / 2 - BEAT_S - 0.01)
        assert first.role.leading
        clock.pass_s(0.01)
        assert first.role == Role(False)
        with pytest.raises(Unavailable):
            write(engine, 1)
    assert second.step() == Role(False), "its patience is not over"
    assert first.step() == Role(True, 1), "nobody took over: it goes on as it was"
    assert not first.unavailable


class Leads(RuleBasedStateMachine):
    """Three controllers whose clocks go at different speed; each may be cut off from the database, or sleep."""

    engine: Engine
    speeds = (0.75, 1.0, 1.4)

    @initialize()
    def begin(self) -> None:
        with writing(self.engine) as connection:
            connection.execute(leadership.delete())
            connection.execute(known.delete())
        self.clocks = [ManualClock() for _ in self.speeds]
        self.leaders = [contender(self.engine, clock) for clock in self.clocks]
        self.nowhere = database.connect("sqlite:////nowhere/at/all")
        self.remembered: dict[int, int] = {}

    @rule(seconds=st.sampled_from([0.1, 1.0, 2.0, 2.0, 5.0, 7.5, 15.0, 40.0]))
    def time_passes(self, seconds: float) -> None:
        for clock, speed in zip(self.clocks, self.speeds, strict=True):
            clock.pass_s(seconds * speed)

    @rule(who=st.integers(0, 2))
    def one_steps(self, who: int) -> None:
        self.leaders[who].step()

    @rule(who=st.integers(0, 2))
    def one_steps_cut_off(self, who: int) -> None:
        leader = self.leaders[who]
        leader._engine = self.nowhere
        leader.step()
        leader._engine = self.engine
        assert leader.unavailable

    @rule(who=st.integers(0, 2))
    def one_resigns_and_is_started_anew(self, who: int) -> None:
        self.leaders[who].resign()
        self.leaders[who] = contender(self.engine, self.clocks[who])

    @rule(who=st.integers(0, 2))
    def one_is_killed_and_started_anew(self, who: int) -> None:
        self.leaders[who] = contender(self.engine, self.clocks[who])

    @precondition(lambda self: any(leader.role.leading for leader in self.leaders))
    @rule()
    def who_leads_writes(self) -> None:
        for leader in self.leaders:
            if leader.role.leading:
                write(self.engine, leader.role.token)
                self.remembered[leader.role.token or 0] = 1

    @precondition(lambda self: self.remembered)
    @rule(data=st.data())
    def who_slept_writes_under_the_token_it_had(self, data: st.DataObject) -> None:
        token = data.draw(st.sampled_from(sorted(self.remembered)))
        try:
            write(self.engine, token)
        except Fenced:
            assert max(self.remembered) >= token

    @invariant()
    def never_two_lead(self) -> None:
        if hasattr(self, "leaders"):
            assert sum(leader.role.leading for leader in self.leaders) <= 1


def test_never_two_lead_whatever_happens(engine: Engine) -> None:
    machine = type("Leads", (Leads,), {"engine": engine})
    examples = settings(settings.default, max_examples=25 if engine.dialect.name == "sqlite" else 10)
    machine.TestCase.settings = examples  # type: ignore[attr-defined]
    machine.TestCase().runTest()  # type: ignore[attr-defined]


def test_leaders_in_threads_never_both_write(engine: Engine) -> None:
    """Each writes as fast as it can under the token it had last, leading or not: the database alone decides."""
    beat_s, patience_s = 0.02, 0.3
    faults: list[Exception] = []
    wrote: dict[int, int] = {}
    fenced = threading.Event()
    over = threading.Event()

    def live(leader: Leader, silent: threading.Event) -> None:
        token = None
        try:
            while not over.is_set():
                if not silent.is_set():
                    token = leader.step().token or token
                if token is not None:
                    try:
                        write(engine, token)
                        wrote[token] = wrote.get(token, 0) + 1
                    except Fenced:
                        fenced.set()
                        token = None if not silent.is_set() else token
                time.sleep(beat_s / 4)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test fails by it
            faults.append(error)

    stops = [threading.Event() for _ in range(2)]
    leaders = [Leader(engine, SystemClock(), name, beat_s, patience_s) for name in "ab"]
    threads = [threading.Thread(target=live, args=pair) for pair in zip(leaders, stops, strict=True)]
    leaders[0].step()
    for thread in threads:
        thread.start()
    time.sleep(2 * patience_s)
    assert set(wrote) == {1}
    stops[0].set()  # gives no sign of life, and goes on writing
    assert fenced.wait(20)
    time.sleep(patience_s)
    over.set()
    for thread in threads:
        thread.join()
    assert not faults
    assert max(wrote) >= 2


def test_a_take_over_waits_for_what_the_old_leader_is_writing(engine: Engine) -> None:
    clock = ManualClock()
    first, second = contender(engine, clock), contender(engine, clock, "b")
    first.step()
    second.step()
    clock.pass_s(SLOT_S)
    roles: list[Role] = []
    taking_over = threading.Thread(target=lambda: roles.append(second.step()))
    with writing(engine, 1) as connection:
        put(connection, known, name="last", value="1")
        taking_over.start()
        taking_over.join(0.3)
        assert roles == []
    taking_over.join()
    assert roles == [Role(True, 2)]
    write(engine, 2)
    with pytest.raises(Fenced):
        write(engine, 1)


@ON_A_SERVER
def test_a_sign_of_life_does_not_wait_for_the_leaders_own_writers(engine: Engine) -> None:
    clock = ManualClock()
    first = contender(engine, clock)
    first.step()
    with writing(engine, 1) as connection:
        put(connection, known, name="last", value="1")
        clock.pass_s(BEAT_S)
        begun_s = time.monotonic()
        assert first.step() == Role(True, 1)
        assert not first.unavailable
        assert time.monotonic() - begun_s < database.BUSY_S / 2


@ON_A_SERVER
def test_a_leader_that_sleeps_in_the_midst_of_a_transaction_is_ended_for_it(engine: Engine) -> None:
    clock = ManualClock()
    first, second = contender(engine, clock), contender(engine, clock, "b")
    first.step()
    second.step()
    clock.pass_s(SLOT_S)
    asleep = engine.connect()
    asleep.execute(text("set local idle_in_transaction_session_timeout = 300"))  # ms; else BUSY_S
    asleep.execute(select(leadership).with_for_update(read=True, key_share=True))
    assert second.step() == Role(True, 2)
    asleep.invalidate()
    asleep.close()


def test_an_answer_that_was_lost_is_found_again(engine: Engine) -> None:
    clock = ManualClock()
    first = contender(engine, clock)
    with writing(engine) as connection:
        connection.execute(leadership.insert().values(id=1, holder=first.name, token=5, beat=9))
    assert first.step() == Role(True, 5)
    with writing(engine) as connection:
        connection.execute(update(leadership).values(holder="another", token=6))
    assert first.step() == Role(False)
    with reading(engine) as connection:
        assert connection.execute(select(leadership.c.token)).scalar_one() == 6
