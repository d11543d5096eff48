"""One decision, opened up: what each rule of the place asks, what the request says to it, and what comes next.

Takes a rule set, a request and where it comes from; gives an Explanation: the decision as `decide` makes it, and for
every rule that speaks of the place its clauses, each true, false or unknown. `explain_words` writes it for people.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from openleo.instants import instant_text
from openleo.places.point import Where
from openleo.policy.conditions import CLASS, GROUPS, GROWS_EVERY_S, Condition, Selector, all_of, negated
from openleo.policy.decide import Decision, decide, here_of
from openleo.policy.request import Request
from openleo.policy.rules import Rule, RuleSet
from openleo.policy.words import (
    classes_words,
    condition_words,
    exception_words,
    groups_words,
    listed,
    state_words,
    window_words,
)


@dataclass(frozen=True)
class Clause:
    """One thing that a rule asks."""

    asks: str  # speed up to 75 km/h
    value: bool | None
    stands: str  # how it is: the speed is 90 km/h
    missing: tuple[str, ...] = ()  # inputs that leave it unknown


@dataclass(frozen=True)
class Reading:
    """A rule that speaks of the place, and what it says of the request."""

    rule: Rule
    value: bool | None  # of the whole rule, the place included
    clauses: tuple[Clause, ...]  # of everything but the place
    everywhere: bool | None  # whether the rule's area holds all that the position may touch; None: place not known

    @property
    def against(self) -> tuple[Clause, ...]:
        """The clauses that keep the rule from matching, or from being known to match."""
        return tuple(clause for clause in self.clauses if clause.value is self.value and self.value is not True)


@dataclass(frozen=True)
class Explanation:
    """`then`: the decision once `decision.valid_until` has come, everything else being as it is."""

    request: Request
    where: Where | None
    readings: tuple[Reading, ...]  # those that match first, then those that might
    silent: int  # rules that speak of other places
    other: int  # rules of this place about beams and gateways
    decision: Decision
    then: Decision | None


def explain(rule_set: RuleSet, request: Request, where: Where | None) -> Explanation:
    """The decision on a request of a terminal, with what every rule of the place says."""
    where = None if request.stale() else where
    readings: list[Reading] = []
    silent = other = 0
    for rule in rule_set.rules:
        here = here_of(rule, where)
        if not (here is None or any(here)):
            silent += 1
        elif rule.applies_to != "terminal":
            other += 1
        else:
            readings.append(read(rule, request, None if here is None else all(here)))
    readings.sort(key=lambda reading: (_ORDER[reading.value], reading.rule.id, reading.rule.book))
    decision = decide(rule_set, request, where)
    then = _then(rule_set, request, where, decision)
    return Explanation(request, where, tuple(readings), silent, other, decision, then)


_ORDER = {True: 0, None: 1, False: 2}


def read(rule: Rule, request: Request, everywhere: bool | None) -> Reading:
    """What a rule says of a request that it has its place in common with, or may have."""
    clauses = tuple(_clauses(rule, request))
    value = all_of(clause.value for clause in clauses)
    return Reading(rule, all_of((value, everywhere or None)), clauses, everywhere)


def _then(rule_set: RuleSet, request: Request, where: Where | None, decision: Decision) -> Decision | None:
    """What is decided as soon as a decision holds no longer: a bound still does at its own instant."""
    if decision.valid_until is None or request.at is None:
        return None
    try:
        then = decision.valid_until + datetime.resolution
    except OverflowError:  # the end of the calendar
        return None
    later_s = (then - request.at).total_seconds()
    grown = {
        input_.attribute: input_.of(request) + later_s / every_s
        for input_, every_s in GROWS_EVERY_S.items()
        if input_.of(request) is not None
    }
    return decide(rule_set, replace(request, at=then, **grown), where)


def _clauses(rule: Rule, request: Request) -> Iterator[Clause]:
    yield from _of(rule.selector, request)
    for exception in rule.exceptions:
        missing: set[str] = set()
        value = negated(exception.value(request, missing))
        yield Clause(exception_words(exception), value, _EXCEPTED[value], tuple(sorted(missing)))
    if not rule.window.always:
        missing = set()
        value = rule.in_force(request.at, missing)
        at = "at not known" if request.at is None else f"it is {instant_text(request.at)}"
        yield Clause(f"a time {window_words(rule.window)}", value, at, tuple(missing))


_EXCEPTED = {True: "this is none of them", False: "this is one of them", None: "it is not known whether this is one"}


def _of(selector: Selector, request: Request) -> Iterator[Clause]:
    if selector.classes is not None:
        one = Selector(classes=selector.classes)
        yield _clause(one, classes_words(selector.classes), request, CLASS.name, f"the class is {request.class_}")
    if selector.groups is not None:
        one = Selector(groups=selector.groups)
        mine = f"the groups are {listed(sorted(request.groups))}" if request.groups else "it is in no group"
        yield _clause(one, groups_words(selector.groups), request, GROUPS.name, mine)
    for condition in selector.conditions:
        yield _condition(condition, request)


def _condition(condition: Condition, request: Request) -> Clause:
    value: Any = condition.input.of(request)
    one = Selector(conditions=(condition,))
    known = "" if value is None else state_words(condition, value)
    return _clause(one, condition_words(condition), request, condition.input.name, known)


def _clause(selector: Selector, asks: str, request: Request, input_: str, known: str) -> Clause:
    missing: set[str] = set()
    value = selector.value(request, missing)
    return Clause(asks, value, f"{input_} not known" if value is None else known, tuple(missing))


def wanted(explanation: Explanation) -> dict[str, tuple[Rule, ...]]:
    """Inputs that leave a rule of the place unknown, by name, each with the rules that ask for it."""
    asking: dict[str, tuple[Rule, ...]] = {}
    for reading in explanation.readings:
        if reading.value is None:
            for name in sorted({name for clause in reading.against for name in clause.missing}):
                asking[name] = (*asking.get(name, ()), reading.rule)
    return dict(sorted(asking.items()))
