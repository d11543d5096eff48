"""Whether one rule says no more than another, and whether it can match at all: proofs from what the rules write.

A rule within another matches no request more than that one does, in Kleene's order false < unknown < true: so what is
not known makes no difference to the proof. Where these functions say no, nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from openleo.places.kinds import holds_none, lies_within
from openleo.policy.conditions import AtMost, MoreThan, Selector
from openleo.policy.rules import Rule
from openleo.policy.when import Period, Window


@dataclass(frozen=True)
class _In:
    """An input is one of some words; of `groups`, one of its words is."""

    key: str
    words: frozenset[str]


_Asked = _In | AtMost | MoreThan


def rule_within(inner: Rule, outer: Rule) -> bool:
    """Whether a rule matches, or may match, only where another does too. Effects are not compared."""
    return (
        inner.applies_to == outer.applies_to
        and speaks_within(inner, outer)
        and window_within(inner.window, outer.window)
        and lies_within(inner.territory, outer.territory)
    )


# --- who and in what state ----------------------------------------------------------------------------------------


def speaks_within(inner: Rule, outer: Rule) -> bool:
    """Whether whom a rule speaks to, another speaks to as well."""
    return _implies(inner.selector, outer.selector) and all(
        _excludes(inner.selector, exception) or any(_implies(exception, own) for own in inner.exceptions)
        for exception in outer.exceptions
    )


def contradiction(selector: Selector) -> tuple[str, str] | None:
    """Two things that a selector asks and nothing can be both, as (input, input), if there are any."""
    asked = list(_asked(selector))
    for number, one in enumerate(asked):
        for other in asked[number + 1 :]:
            if _rules_out(one, other):
                return one.key, other.key
    return None


def swallowed(rule: Rule) -> bool:
    """Whether the exceptions of a rule leave nobody of those whom it selects."""
    classes = rule.selector.classes
    each = [rule.selector] if classes is None else [replace(rule.selector, classes=frozenset({c})) for c in classes]
    return all(any(_implies(one, exception) for exception in rule.exceptions) for one in each)


def _asked(selector: Selector) -> Iterable[_Asked]:
    if selector.classes is not None:
        yield _In("class", selector.classes)
    if selector.groups is not None:
        yield _In("groups", selector.groups)
    for condition in selector.conditions:
        yield condition if isinstance(condition, AtMost | MoreThan) else _In(condition.key, condition.words)


def _implies(one: Selector, other: Selector) -> bool:
    """Whether all that a selector selects is selected by another."""
    mine = list(_asked(one))
    return all(any(_at_least(theirs, own) for own in mine) for theirs in _asked(other))


def _excludes(one: Selector, other: Selector) -> bool:
    """Whether nothing that a selector selects is selected by another."""
    return any(_rules_out(own, theirs) for own in _asked(one) for theirs in _asked(other))


def _at_least(wide: _Asked, narrow: _Asked) -> bool:
    """Whether `narrow` holding makes `wide` hold."""
    match wide, narrow:
        case _In(key, words), _In(other, own):
            return key == other and own <= words
        case (AtMost(key, bound), AtMost(other, own_bound)):
            return key == other and own_bound <= bound
        case (MoreThan(key, bound), MoreThan(other, own_bound)):
            return key == other and own_bound >= bound
    return False


def _rules_out(one: _Asked, other: _Asked) -> bool:
    """Whether both never hold together. A terminal may be in several groups."""
    match one, other:
        case _In(key, words), _In(other_key, other_words):
            return key == other_key != "groups" and words.isdisjoint(other_words)
        case (AtMost(key, most), MoreThan(other_key, least)) | (MoreThan(other_key, least), AtMost(key, most)):
            return key == other_key and least >= most
    return False


# --- when ---------------------------------------------------------------------------------------------------------


def window_within(inner: Window, outer: Window) -> bool:
    """Whether a window holds only instants that another holds too."""
    begins = outer.begins is None or (inner.begins is not None and inner.begins >= outer.begins)
    ends = outer.ends is None or (inner.ends is not None and inner.ends <= outer.ends)
    weekly = not outer.weekly or (
        bool(inner.weekly) and all(any(_period_within(one, other) for other in outer.weekly) for one in inner.weekly)
    )
    return begins and ends and weekly


def _period_within(inner: Period, outer: Period) -> bool:
    if inner == outer:
        return True
    one_day = inner.from_s < inner.until_s and outer.from_s < outer.until_s
    later, earlier = inner.from_s >= outer.from_s, inner.until_s <= outer.until_s
    return inner.zone == outer.zone and inner.days <= outer.days and one_day and later and earlier


def nowhere(rule: Rule) -> bool:
    """Whether no place is in the rule's area."""
    return holds_none(rule.territory)
