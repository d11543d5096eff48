"""The edges of windows ahead, each for the rule set that it belongs to."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.places.expressions import Labels
from openleo.policy.rules import Rule, union
from openleo.policy.when import Period, Window
from openleo.service.windows import changes, go_on, weekly_again

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


def test_a_weekly_rule_that_begins_on_a_day_outside_its_period_is_told() -> None:
    """From Monday 1 March 2027, on Saturdays from ten to twelve: nothing of it was told."""
    saturdays = Window(
        begins=datetime(2027, 3, 1, tzinfo=UTC), weekly=(Period(frozenset({5}), 10 * 3600, 12 * 3600, "UTC"),)
    )
    found = changes((None, rules(saturdays)), START)
    first, last = (datetime(2027, 3, 6, hour, tzinfo=UTC) for hour in (10, 12))
    assert found == [(first, ("new",)), (last, ("new",))]
    assert changes((None, rules(saturdays)), START, first) == []
    assert go_on((None, rules(saturdays)), [first], {first, last})


def test_hours_of_a_week_are_told_from_the_first_and_the_last_ones() -> None:
    """Open on weekdays from eight to six, from day 30 (a Tuesday) until day 80: the last end is a Tuesday's."""
    office = Period(frozenset(range(5)), 8 * 3600, 18 * 3600, "Europe/Paris")
    window = Window(begins=day(30), ends=day(80), weekly=(office,))
    edges, edge = [], window.next_change(START)
    while edge is not None:
        edges.append(edge)
        edge = window.next_change(edge)
    assert [at for at in edges if not weekly_again(rules(window), at)] == [edges[0], edges[1], edges[-1]]
    endless = Window(weekly=(office,))
    again = [at for at, _ in changes((None, rules(endless)), START)]
    assert again
    assert all(weekly_again(rules(endless), at) for at in again), "the clocks change on day 28"
    both = rules(endless, Window(ends=again[3]))
    assert [weekly_again(both, at) for at in again[2:5]] == [True, False, True]
    assert not weekly_again(rules(Window(ends=day(3))), day(3))
    assert not weekly_again(rules(endless), day(3)), "nothing changes at midnight"
    assert not weekly_again(None, again[0])


def test_each_of_many_rules_that_begin_later_is_told() -> None:
    """Beyond the limits whose week is told of all windows, each window's own first week still is."""
    mondays = (Period(frozenset({0}), 10 * 3600, 12 * 3600, "UTC"),)
    found = [
        at for at, _ in changes((None, rules(*(Window(day(14 * n + 2), weekly=mondays) for n in range(30)))), START)
    ]
    assert [day(14 * n + 8) + timedelta(hours=10) in found for n in range(30)] == [True] * 30


def test_a_period_that_the_clock_skips_in_the_week_ahead_is_told() -> None:
    """On 29 March 2026 the clocks of Berlin go from two to three."""
    nights = Window(weekly=(Period(frozenset({6}), 2 * 3600, 3 * 3600, "Europe/Berlin"),))
    found = [at for at, _ in changes((None, rules(nights)), datetime(2026, 3, 28, tzinfo=UTC))]
    assert found[:2] == [datetime(2026, 4, 5, hour, tzinfo=UTC) for hour in (0, 1)]


some_windows = st.builds(
    lambda begins, length, periods: Window(
        None if begins is None else START + timedelta(hours=begins),
        None if length is None else START + timedelta(hours=(begins or 0) + length),
        periods.weekly,
    ),
    st.none() | st.integers(-100, 1500),
    st.none() | st.integers(1, 900),
    st.just(Window()) | weeks,
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(some_windows, min_size=1, max_size=4), st.lists(st.integers(0, 7 * 24 * 60 - 1), min_size=1, max_size=8)
)
def test_in_the_week_after_each_from_and_until_the_last_edge_told_tells_what_holds(
    windows: list[Window], minutes: list[int]
) -> None:
    """Against asking every window at random minutes: periods with a `from` and an `until`, on both sides."""
    both = rules(*windows[::2]), rules(*windows[1::2]) if windows[1:] else None
    told = [START, *(at for at, _ in changes(both, START))]
    limits = [limit for window in windows for limit in (window.begins, window.ends) if limit and limit >= START]
    for start in (START, *limits):
        for instant in (start + timedelta(minutes=minute) for minute in minutes):
            last = told[bisect_right(told, instant) - 1]
            assert [w.holds(instant) for w in windows] == [w.holds(last) for w in windows]


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
