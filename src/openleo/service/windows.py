"""When rules change by themselves: the edges of their windows that lie ahead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from openleo.policy.rules import RuleSet
from openleo.policy.when import Window

NAMES = ("base", "new")
WEEKLY_EDGES = 2  # of a weekly period, one beginning and one end stand for all


def changes(
    rule_sets: Sequence[RuleSet | None], after: datetime, until: datetime | None = None
) -> list[tuple[datetime, tuple[str, ...]]]:
    """(instant, whose rules change) of the old and the new rules, in order: after one instant and before another.

    Every `from` and `until` of a window; of weekly periods only the next beginning and the next end.
    """
    found: dict[datetime, dict[str, None]] = {}
    for name, rule_set in zip(NAMES, rule_sets, strict=True):
        for window in dict.fromkeys(rule.window for rule in rule_set.rules) if rule_set else ():
            for instant in _edges(window, after):
                if until is None or instant < until:
                    found.setdefault(instant, {})[name] = None
    return [(instant, tuple(found[instant])) for instant in sorted(found)]


def _edges(window: Window, after: datetime) -> Iterator[datetime]:
    for limit in (window.begins, window.ends):
        if limit is not None and limit > after and window.holds(limit) != window.holds(limit - datetime.resolution):
            yield limit
    if window.weekly:
        first = window.begins if window.begins is not None and window.begins > after else after
        for _ in range(WEEKLY_EDGES):
            edge = window.next_change(first)
            if edge is None:
                return
            yield edge
            first = edge
