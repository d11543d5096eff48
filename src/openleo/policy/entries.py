"""What the rules of a set say to each class at an instant, where a request tells nothing but its class and its time.

Takes a rule set and classes; gives the Entries of a mask. A rule holds for a class (`true`), or may hold (`maybe`)
where it asks what a cell cannot know: groups, a speed, where a position comes from. A rule that speaks to none of the
classes, or is not in force, has no entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from openleo.policy.conditions import Selector
from openleo.policy.mask_world import Entry
from openleo.policy.rules import AppliesTo, Rule, RuleSet
from openleo.policy.when import Window

Classes = frozenset[str]

NOBODY: Classes = frozenset()


@dataclass(frozen=True)
class Timed:
    """An entry that stands while its window holds."""

    entry: Entry
    window: Window


def entries_of(
    rule_set: RuleSet, at: datetime, classes: Sequence[str], applies_to: AppliesTo = "terminal"
) -> tuple[Entry, ...]:
    """What the rules say to classes at an instant, in the order in which decisions name them."""
    return in_force(timed_entries(rule_set, classes, applies_to), at)


def in_force(timed: Iterable[Timed], at: datetime) -> tuple[Entry, ...]:
    """The entries whose windows hold an instant."""
    held: dict[Window, bool] = {}
    return tuple(one.entry for one in timed if _holds(one.window, at, held))


def timed_entries(
    rule_set: RuleSet, classes: Sequence[str], applies_to: AppliesTo = "terminal"
) -> tuple[Timed, ...]:  # fmt: skip
    """The rules that speak to one of the classes at some time, by id and book: the order of files has no meaning."""
    everybody = frozenset(classes)
    found = []
    for rule in sorted(rule_set.rules, key=lambda rule: (rule.id, rule.book)):
        if rule.applies_to != applies_to:
            continue
        true, maybe = spoken_to(rule, everybody)
        if true or maybe:
            name = rule_set.names[rule.key]
            entry = Entry(name, rule.effect, rule.territory, true, maybe, rule.land_in)
            found.append(Timed(entry, rule.window))
    return tuple(found)


def spoken_to(rule: Rule, classes: Classes) -> tuple[Classes, Classes]:
    """(classes that the rule holds for, classes that it may hold for), whatever its window: who ∧ conditions ∧ ¬except.

    As Rule.speaks_of of a request that tells nothing but its class, for all classes at once.
    """
    true, maybe = _selected(rule.selector, classes)
    for exception in rule.exceptions:
        excepted, may_be = _selected(exception, classes)
        true, maybe = true - excepted - may_be, (maybe | (true & may_be)) - excepted
    return true, maybe


def _selected(selector: Selector, classes: Classes) -> tuple[Classes, Classes]:
    """(classes that a selector selects, classes that it may select): groups and states are not known."""
    chosen = classes if selector.classes is None else classes & selector.classes
    known = selector.groups is None and not selector.conditions
    return (chosen, NOBODY) if known else (NOBODY, chosen)


def _holds(window: Window, at: datetime, held: dict[Window, bool]) -> bool:
    if window.always:
        return True
    if (found := held.get(window)) is None:
        found = held[window] = window.holds(at)
    return found
