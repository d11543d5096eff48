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


def test_of_weekly_periods_the_next_beginning_and_the_next_end_are_told() -> None:
    nights = Period(frozenset(range(7)), 20 * 3600, 6 * 3600, "UTC")
    found = changes((None, rules(Window(weekly=(nights,)))), START + timedelta(hours=1))
    assert found == [(START + timedelta(hours=6), ("new",)), (START + timedelta(hours=20), ("new",))]
    later = changes((None, rules(Window(begins=day(4), weekly=(nights,)))), START)
    assert [at for at, _ in later] == [day(4), day(4) + timedelta(hours=6), day(4) + timedelta(hours=20)]


spans = st.tuples(st.integers(-3, 20), st.integers(1, 9)).map(
    lambda span: Window(begins=day(span[0]), ends=day(span[0] + span[1]))
)


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
