"""Time that is not fooled: never back, never before the ledger, and a jump of the wall clock stands until confirmed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import Engine, select

from openleo.controller import clock as clocks
from openleo.controller.clock import FOLLOWS, Jump, ManualClock, SteadyClock, SystemClock, Timeline
from openleo.controller.clock_kept import KeptClock, confirm
from openleo.controller.database import reading, writing
from openleo.controller.tables import known

SLOT_S = 15.0
HOUR_S = 3600.0
TICK_S = 1e-6  # floating-point seconds since 1970 are finer than that
NOW = 1_795_000_000.0


class Timelines(RuleBasedStateMachine):
    """Wall clocks that are slewed and set, a ledger that goes on, a person who confirms."""

    @initialize()
    def begin(self) -> None:
        self.clock = ManualClock()
        self.steady = SteadyClock.anchored(self.clock, SLOT_S)
        self.last = self.before = self.steady.now_s()
        self.ledger, self.stands = 0.0, False

    @rule(seconds=st.floats(0, 1e5))
    def time_passes(self, seconds: float) -> None:
        self.clock.pass_s(seconds)
        line = self.steady.timeline
        most = (1 + FOLLOWS) * seconds + TICK_S
        assert line.last_s <= max(self.before + most, self.ledger + TICK_S), "faster than any oscillator"

    @rule(share=st.floats(-0.9, 0.9), seconds=st.floats(0, 1000))
    def the_wall_clock_is_slewed(self, share: float, seconds: float) -> None:
        self.clock.pass_s(seconds)
        self.clock.step_s(share * FOLLOWS * seconds)

    @rule(seconds=st.floats(-2 * HOUR_S, 2 * HOUR_S))
    def the_wall_clock_is_set(self, seconds: float) -> None:
        self.steady.now_s()
        self.clock.step_s(seconds)

    @rule(ahead=st.floats(-HOUR_S, 60))
    def the_ledger_goes_on(self, ahead: float) -> None:
        self.ledger = max(self.ledger, self.before + ahead)
        self.steady.not_before(self.ledger)

    @rule()
    def a_person_confirms(self) -> None:
        self.steady.confirm()
        self.stands = False
        self.before = self.ledger  # the one way back
        near = abs(self.clock.utc - self.steady.now_s()) <= TICK_S
        assert near or self.steady.now_s() == pytest.approx(self.ledger, abs=TICK_S)

    @invariant()
    def never_back_and_never_before_the_ledger(self) -> None:
        if hasattr(self, "steady"):
            now = self.steady.now_s()
            assert now >= self.before
            assert now >= self.ledger
            self.before = now

    @invariant()
    def a_jump_stands_wherever_the_clocks_have_parted(self) -> None:
        if hasattr(self, "steady"):
            line = self.steady.timeline
            parted = abs(self.clock.utc - line.line_s) > SLOT_S + TICK_S
            assert line.jump is not None or not parted
            assert line.jump is not None or not self.stands
            self.stands = line.jump is not None


TestTimelines = Timelines.TestCase


@given(st.lists(st.tuples(st.floats(0.01, 2000), st.floats(-1, 1)), max_size=50))
def test_what_ntp_corrects_is_followed_without_alarm(steps: list[tuple[float, float]]) -> None:
    clock = ManualClock()
    steady = SteadyClock.anchored(clock, SLOT_S)
    for seconds, share in steps:
        clock.pass_s(seconds)
        clock.step_s(share * FOLLOWS * seconds)
        assert steady.now_s() == pytest.approx(clock.utc, abs=1e-3)
        assert steady.jump() is None


def test_a_leap_second_is_followed_within_34_minutes() -> None:
    clock = ManualClock()
    steady = SteadyClock.anchored(clock, SLOT_S)
    clock.step_s(-1.0)
    assert steady.now_s() == pytest.approx(clock.utc + 1.0, abs=TICK_S)
    for _ in range(34):
        before = steady.now_s()
        clock.pass_s(60)
        assert steady.now_s() - before >= 59.9
    assert steady.now_s() == pytest.approx(clock.utc, abs=TICK_S)
    assert steady.jump() is None


def test_many_small_steps_add_up_to_a_jump() -> None:
    clock = ManualClock()
    steady = SteadyClock.anchored(clock, SLOT_S)
    for step in range(10):
        assert (steady.jump() is not None) == (step > 3)
        clock.step_s(5.0)
        clock.pass_s(60)
        steady.now_s()


@pytest.mark.parametrize("by_s", [HOUR_S, -HOUR_S, SLOT_S + 0.01, -SLOT_S - 0.01])
def test_a_jump_is_seen_from_either_side_and_stands_until_it_is_confirmed(by_s: float) -> None:
    clock = ManualClock()
    steady = SteadyClock.anchored(clock, SLOT_S)
    clock.pass_s(100)
    clock.step_s(by_s)
    jump = steady.jump()
    assert jump is not None
    assert (jump.by_s, jump.at_s) == pytest.approx((by_s, NOW + 100), abs=1e-3)
    clock.pass_s(HOUR_S)
    assert steady.now_s() == pytest.approx(NOW + 100 + HOUR_S, abs=TICK_S), "on the monotonic clock alone"
    clock.step_s(-by_s)  # mended: yet a person has to say so
    clock.pass_s(10)
    assert steady.jump() == jump
    steady.confirm()
    assert steady.jump() is None
    assert steady.now_s() == clock.utc


def test_a_wall_clock_behind_the_ledger_is_a_jump_that_cannot_be_confirmed_away() -> None:
    """As after a start without a battery for the clock."""
    clock = ManualClock(utc=0.0)
    steady = SteadyClock.anchored(clock, SLOT_S)
    steady.not_before(NOW)
    assert steady.now_s() == NOW
    jump = steady.jump()
    assert jump is not None
    assert jump.by_s == pytest.approx(-NOW)
    steady.confirm()
    assert steady.jump() is not None
    clock.utc = NOW + 3.0
    steady.confirm()
    assert (steady.jump(), steady.now_s()) == (None, NOW + 3.0)


def test_a_ledger_that_is_seconds_ahead_is_waited_for() -> None:
    """A witness' clock differs from ours by that: time stands still for it, and there is no alarm."""
    clock = ManualClock()
    steady = SteadyClock.anchored(clock, SLOT_S)
    steady.not_before(NOW + 5.0)
    seen = []
    for _ in range(8):
        seen.append(steady.now_s() - NOW)
        clock.pass_s(1.0)
    assert seen == pytest.approx([5, 5, 5, 5, 5, 5, 6, 7])
    assert steady.jump() is None


def test_a_process_that_is_stopped_between_its_two_readings_sees_no_jump() -> None:
    class Stopped(ManualClock):
        stops = 0

        def utc_s(self) -> float:
            said = super().utc_s()
            if self.stops:
                self.stops -= 1
                self.pass_s(HOUR_S)
            return said

    clock = Stopped()
    steady = SteadyClock.anchored(clock, SLOT_S)
    clock.stops = 2
    assert steady.jump() is None
    assert steady.now_s() == pytest.approx(clock.utc, abs=1)


def test_this_machines_own_clocks_agree() -> None:
    steady = SteadyClock.anchored(SystemClock(), SLOT_S)
    times = [steady.now_s() for _ in range(10_000)]
    assert times == sorted(times)
    assert times[-1] == pytest.approx(SystemClock().utc_s(), abs=1.0)
    assert clocks.READ_APART_S < SLOT_S


# --- over a restart


def kept(engine: Engine, clock: ManualClock, host: str = "a", boot: str = "1") -> KeptClock:
    return KeptClock(engine, clock, SLOT_S, host=host, boot=boot)


def stands(one: KeptClock) -> bool:
    return one.steady.jump() is not None


def test_a_jump_stands_over_a_restart_and_a_start_of_the_machine(engine: Engine) -> None:
    clock = ManualClock()
    first = kept(engine, clock)
    first.keep()
    clock.step_s(HOUR_S)
    first.keep()
    for boot in ("1", "2"):
        again = kept(engine, clock, boot=boot)
        assert stands(again)
        again.keep()
    assert confirm(engine, "ada")
    assert not confirm(engine, "ada")
    again.keep()
    assert not stands(again)
    assert again.steady.now_s() == clock.utc
    first.keep()
    assert not stands(first)
    assert not stands(kept(engine, clock))


def test_a_wall_clock_that_is_set_while_the_controller_is_down_has_jumped(engine: Engine) -> None:
    clock = ManualClock()
    kept(engine, clock).keep()
    clock.pass_s(100)
    clock.step_s(-HOUR_S)
    assert stands(kept(engine, clock))
    assert kept(engine, clock).steady.now_s() == pytest.approx(NOW + 100)
    assert not stands(kept(engine, clock, boot="2")), "after a start of the machine nothing tells; the ledger does"
    assert not stands(kept(engine, clock, host="b"))


def test_one_machine_s_jump_is_the_stand_by_s_too(engine: Engine) -> None:
    clock, other_clock = ManualClock(), ManualClock(monotonic=77.0)
    leader, other = kept(engine, clock), kept(engine, other_clock, host="b")
    clock.step_s(HOUR_S)
    leader.keep()
    other.keep()
    assert stands(other)
    other_clock.pass_s(10)
    assert other.steady.now_s() == other_clock.utc
    assert confirm(engine, "ada")
    other.keep()
    leader.keep()
    assert not stands(other)
    assert not stands(leader)
    assert (leader.steady.now_s(), other.steady.now_s()) == (clock.utc, other_clock.utc)


def test_a_jump_confirmed_while_nobody_runs_is_over(engine: Engine) -> None:
    clock = ManualClock()
    one = kept(engine, clock)
    one.keep()
    clock.step_s(HOUR_S)
    one.keep()
    assert confirm(engine, "ada")
    again = kept(engine, clock)
    assert not stands(again)
    assert again.steady.now_s() == clock.utc


def test_what_is_followed_is_kept_and_otherwise_nothing_is_written(engine: Engine) -> None:
    clock = ManualClock()
    one = kept(engine, clock)
    one.keep()
    clock.step_s(-1.0)
    for _ in range(40):
        clock.pass_s(60)
        one.keep()
    assert kept(engine, clock).steady.now_s() == pytest.approx(clock.utc, abs=0.11)
    with reading(engine) as connection:
        before = connection.execute(select(known)).all()
    clock.pass_s(60)
    one.keep()
    with reading(engine) as connection:
        assert connection.execute(select(known)).all() == before
    with writing(engine) as connection:
        connection.execute(known.delete())
    one.keep()
    with reading(engine) as connection:
        assert set(json.loads(connection.execute(select(known.c.value)).scalar_one())) == {"boot", "ahead_s"}


def test_timelines_are_values() -> None:
    line = Timeline.anchored(NOW, 0.0, SLOT_S)
    assert line.moved(NOW + HOUR_S, 1.0).jump == Jump(HOUR_S - 1.0, NOW + 1.0)
    assert line.jump is None
