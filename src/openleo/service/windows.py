"""When rules change by themselves: the edges of their windows that lie ahead."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain

from openleo.policy.rules import RuleSet
from openleo.policy.when import Window

NAMES = ("base", "new")
WEEK = timedelta(days=7, hours=2)  # so long that an hour turned back is in it
MOST_WEEKS = 20  # of weekly periods: the week ahead, and those that follow the first of all `from` and `until`


def changes(
    rule_sets: Sequence[RuleSet | None], after: datetime, until: datetime | None = None
) -> list[tuple[datetime, tuple[str, ...]]]:
    """(instant, whose rules change) of the old and the new rules, in order: after one instant and before another.

    Every `from` and `until` at which a window begins or ceases to hold. Between two such limits weekly periods repeat
    themselves week by week. So their edges are told of the week ahead, of the week after each of the first
    MOST_WEEKS - 1 limits with the last edge before it, and of the first week of each weekly window that begins later.
    """
    windows = [dict.fromkeys(rule.window for rule in rule_set.rules) if rule_set else {} for rule_set in rule_sets]
    limits = sorted({limit for window in chain(*windows) for limit in _limits(window, after)})
    starts = [after, *limits[: MOST_WEEKS - 1]]
    found: dict[datetime, dict[str, None]] = {}
    for name, own in zip(NAMES, windows, strict=True):
        for window in own:
            weeks = {*starts, *([window.begins] if window.begins is not None and window.begins > after else [])}
            for instant in chain(_dated(window, after), *(_weekly(window, start) for start in weeks)):
                if after < instant and (until is None or instant < until):
                    found.setdefault(instant, {})[name] = None
    return [(instant, tuple(found[instant])) for instant in sorted(found)]


def go_on(
    rule_sets: Sequence[RuleSet | None],
    told: Iterable[datetime],
    looked_at: Collection[datetime],
    until: datetime | None = None,
) -> bool:
    """Whether a weekly period that has one of the edges `told` has later ones that are not among `looked_at`."""
    edges = list(told)
    windows = dict.fromkeys(rule.window for rule_set in rule_sets if rule_set for rule in rule_set.rules)
    for window in windows:
        mine = [edge for edge in edges if window.weekly and _changes_at(window, edge)]
        edge = min(mine, default=None)
        while edge is not None and edge in looked_at:
            edge = window.next_change(edge)
        if edge is not None and (until is None or edge < until):
            return True
    return False


def weekly_again(rule_set: RuleSet | None, instant: datetime) -> bool:
    """Whether all that changes by itself at an instant did so in the weeks before, and is undone after.

    The first time of weekly periods that begin later, and the last one of those that end, are no such change.
    """
    windows = dict.fromkeys(rule.window for rule in rule_set.rules) if rule_set else {}
    changed = [window for window in windows if _changes_at(window, instant)]
    return bool(changed) and all(_is_hour_of_a_week(window, instant) for window in changed)


def _is_hour_of_a_week(window: Window, instant: datetime) -> bool:
    if not window.weekly or window.next_change(instant) is None:
        return False
    edge = window.next_change(instant - 2 * WEEK) if instant.year > 1 else None
    while edge is not None and edge < instant:
        if window.holds(edge) == window.holds(instant):
            return True
        edge = window.next_change(edge)
    return False


def _changes_at(window: Window, instant: datetime) -> bool:
    return window.holds(instant) != window.holds(instant - datetime.resolution)


def _limits(window: Window, after: datetime) -> Iterator[datetime]:
    """The `from` and the `until` that lie ahead, whether or not a weekly period holds just there."""
    for limit in (window.begins, window.ends):
        if limit is not None and limit > after:
            yield limit


def _dated(window: Window, after: datetime) -> Iterator[datetime]:
    return (limit for limit in _limits(window, after) if _changes_at(window, limit))


def _weekly(window: Window, start: datetime) -> Iterator[datetime]:
    """The last edge before an instant, and every edge within a week after it.

    The first two at least, as a change of clocks may skip a period of one week.
    """
    if not window.weekly:
        return
    since = start - 2 * WEEK if start.year > 1 else start  # the calendar begins there
    edge, before, told = window.next_change(since), None, 0
    while edge is not None and edge <= start:
        edge, before = window.next_change(edge), edge
    if before is not None:
        yield before
    while edge is not None and (edge - start <= WEEK or told < 2):
        yield edge
        edge, told = window.next_change(edge), told + 1
