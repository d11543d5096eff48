"""The edges of windows ahead, each for the rule set that it belongs to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.places.expressions import Labels
from openleo.policy.rules import Rule, union
from openleo.policy.when import Period, Window
from openleo.service.windows import changes

START = datetime(2026, 3, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def rules(*windows: Window):
    return union(
        Rule(f"r{number}", "b", "permit", Labels(frozenset({"TON"})), window=window)
        for number, window in enumerate(windows)
    )


def test_every_from_and_until_ahead_is_told_with_whose_it_is() -> None:
    base = rules(Window(ends=day(3)), Window(begins=day(-5), ends=day(-1)))
    new = rules(Window(begins=day(2), ends=day(3)), Window(begins=day(9)))
    assert changes((base, new), START) == [(day(2), ("new",)), (day(3), ("base", "new")), (day(9), ("new",))]
    assert changes((base, None), START) == [(day(3), ("base",))]


def test_an_edge_at_the_instant_itself_is_no_longer_ahead_and_one_at_the_end_not_yet_told() -> None:
    base = rules(Window(begins=START, ends=day(3)), Window(begins=day(5)))
    assert changes((base, None), START, day(5)) == [(day(3), ("base",))]


def test_of_weekly_periods_every_edge_of_a_week_is_told() -> None:
    nights = Period(frozenset(range(7)), 20 * 3600, 6 * 3600, "UTC")
    found = [at for at, _ in changes((None, rules(Window(weekly=(nights,)))), START + timedelta(hours=1))]
    assert found == [START + timedelta(days=d, hours=h) for d in range(7) for h in (6, 20)]
    later = [at for at, _ in changes((None, rules(Window(begins=day(40), weekly=(nights,)))), START)]
    assert later[:3] == [day(40), day(40) + timedelta(hours=6), day(40) + timedelta(hours=20)]


def test_two_periods_that_meet_later_in_the_week_are_found() -> None:
    """A permit on Wednesdays, and a forbid on Mondays and Wednesdays: they meet on Wednesday at ten."""
    wednesdays = Window(weekly=(Period(frozenset({2}), 0, 24 * 3600, "UTC"),))
    mornings = Window(weekly=(Period(frozenset({0, 2}), 10 * 3600, 12 * 3600, "UTC"),))
    found = [at for at, _ in changes((rules(wednesdays), rules(wednesdays, mornings)), START)]  # a Sunday
    assert day(3) + timedelta(hours=10) in found


spans = st.tuples(st.integers(-3, 20), st.integers(1, 9)).map(
    lambda span: Window(begins=day(span[0]), ends=day(span[0] + span[1]))
)


weeks = st.builds(
    lambda days, first, hours: Window(weekly=(Period(days, first * 3600, (first + hours) % 24 * 3600, "UTC"),)),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(0, 23),
    st.integers(1, 23),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(spans, max_size=3), st.lists(weeks, min_size=1, max_size=3))
def test_no_state_of_windows_that_ever_is_goes_untold(dated: list[Window], weekly: list[Window]) -> None:
    """Against stepping through six weeks, one hour at a time: what holds together some time holds at some edge."""
    windows = [*dated, *weekly]

    def held(at: datetime) -> tuple[bool, ...]:
        return tuple(window.holds(at) for window in windows)

    told = {held(at) for at in (START, *(at for at, _ in changes((None, rules(*windows)), START)))}
    assert {held(START + timedelta(hours=hour)) for hour in range(24 * 42)} <= told


@settings(max_examples=60, deadline=None)
@given(st.lists(spans, max_size=5))
def test_between_two_edges_nothing_changes(windows: list[Window]) -> None:
    """Against stepping through the days, one hour at a time."""
    found = [at for at, _ in changes((None, rules(*windows)), START)]
    stepped = []
    for hour in range(1, 24 * 35):
        before, now = (tuple(w.holds(START + timedelta(hours=h)) for w in windows) for h in (hour - 1, hour))
        if before != now:
            stepped.append(START + timedelta(hours=hour))
    # Where one window ends as a like one begins, no state changes though both edges are told.
    assert set(stepped) <= set(found)
    assert set(found) == {edge for w in windows for edge in (w.begins, w.ends) if edge is not None and edge > START}
