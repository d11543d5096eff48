"""When rules change by themselves: the edges of their windows that lie ahead."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain

from openleo.policy.rules import RuleSet
from openleo.policy.when import Window

NAMES = ("base", "new")
WEEK = timedelta(days=7, hours=2)  # so long that an hour turned back is in it
MOST_WEEKS = 20  # of weekly periods: the week ahead, and those that follow the first of the dated changes


def changes(
    rule_sets: Sequence[RuleSet | None], after: datetime, until: datetime | None = None
) -> list[tuple[datetime, tuple[str, ...]]]:
    """(instant, whose rules change) of the old and the new rules, in order: after one instant and before another.

    Every `from` and `until` of a window. Weekly periods come back alike until a dated change, so of them every edge of
    the week ahead is told, and of the week that follows each of the first MOST_WEEKS - 1 dated changes.
    """
    windows = [dict.fromkeys(rule.window for rule in rule_set.rules) if rule_set else {} for rule_set in rule_sets]
    dated = sorted({edge for window in chain(*windows) for edge in _dated(window, after) if not until or edge < until})
    starts = [after, *dated[: MOST_WEEKS - 1]]
    found: dict[datetime, dict[str, None]] = {}
    for name, own in zip(NAMES, windows, strict=True):
        for window in own:
            for instant in chain(_dated(window, after), *(_weekly(window, start) for start in starts)):
                if until is None or instant < until:
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


def _changes_at(window: Window, instant: datetime) -> bool:
    return window.holds(instant) != window.holds(instant - datetime.resolution)


def _dated(window: Window, after: datetime) -> Iterator[datetime]:
    for limit in (window.begins, window.ends):
        if limit is not None and limit > after and _changes_at(window, limit):
            yield limit


def _weekly(window: Window, start: datetime) -> Iterator[datetime]:
    """Every edge within a week after an instant."""
    edge = window.next_change(start) if window.weekly else None
    while edge is not None and edge - start <= WEEK:
        yield edge
        edge = window.next_change(edge)
