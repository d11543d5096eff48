"""Conditions on a request, in Kleene's three values: True, False, None for unknown.

A condition reads one input. An input that is not known makes it unknown, never true and never false, and the name of
that input is noted, so that whoever asked can bring it. `_max` holds for a value up to the bound and `_min` for one
above it: a permit up to 75 km/h and a forbid from 75 km/h on never meet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from openleo.policy.request import Request


@dataclass(frozen=True)
class Input:
    """Something a condition reads: its name in a request, and its attribute in a Request."""

    name: str
    attribute: str

    def of(self, request: Request) -> Any:
        return getattr(request, self.attribute)


CLASS = Input("class", "class_")
GROUPS = Input("groups", "groups")
AGE = Input("position.age_s", "age_s")
DAYS_ABROAD = Input("days_abroad", "days_abroad")
GROWS_EVERY_S = {AGE: 1.0, DAYS_ABROAD: 86_400.0}  # inputs that time alone makes one larger, after so many seconds
# What a rule file calls them (with _max or _min where they are numbers), and what they read.
NUMBERS = {
    "speed_kmh": Input("speed_kmh", "speed_kmh"),
    "altitude_m": Input("altitude_m", "altitude_m"),
    "days_abroad": DAYS_ABROAD,
    "location_age_s": AGE,
    "location_uncertainty_m": Input("position.uncertainty_m", "uncertainty_m"),
}
WORDS = {
    "home_territory": Input("home_territory", "home_territory"),
    "location_source": Input("position.source", "source"),
}


@dataclass(frozen=True)
class AtMost:
    """`KEY_max = bound`: holds for a value ≤ the bound."""

    key: str
    bound: float

    @property
    def input(self) -> Input:
        return NUMBERS[self.key]

    def holds_for(self, value: Any) -> bool:
        return bool(value <= self.bound)

    def canonical(self) -> dict[str, Any]:
        return {f"{self.key}_max": self.bound}


@dataclass(frozen=True)
class MoreThan:
    """`KEY_min = bound`: holds for a value > the bound."""

    key: str
    bound: float

    @property
    def input(self) -> Input:
        return NUMBERS[self.key]

    def holds_for(self, value: Any) -> bool:
        return bool(value > self.bound)

    def canonical(self) -> dict[str, Any]:
        return {f"{self.key}_min": self.bound}


@dataclass(frozen=True)
class OneOf:
    """`KEY = [words]`: holds for any of the words."""

    key: str
    words: frozenset[str]

    @property
    def input(self) -> Input:
        return WORDS[self.key]

    def holds_for(self, value: Any) -> bool:
        return value in self.words

    def canonical(self) -> dict[str, Any]:
        return {self.key: sorted(self.words)}


Condition = AtMost | MoreThan | OneOf


@dataclass(frozen=True)
class Selector:
    """Whose terminals, and in what state: all of it has to hold. None, or no condition: any."""

    classes: frozenset[str] | None = None
    groups: frozenset[str] | None = None  # in one of them
    conditions: tuple[Condition, ...] = ()

    def value(self, request: Request, missing: set[str]) -> bool | None:
        """Whether it selects the request; the names of inputs that leave it unknown are added to `missing`."""
        values: list[bool | None] = []
        lacking: set[str] = set()
        if self.classes is not None:
            values.append(_known(request.class_, lambda class_: class_ in self.classes, CLASS, lacking))
        if self.groups is not None:
            values.append(_known(request.groups, lambda groups: not self.groups.isdisjoint(groups), GROUPS, lacking))
        for condition in self.conditions:
            values.append(_known(condition.input.of(request), condition.holds_for, condition.input, lacking))
        if (answer := all_of(values)) is None:
            missing |= lacking
        return answer

    def canonical(self) -> dict[str, Any]:
        """As a rule file writes it, in one order."""
        said: dict[str, Any] = {}
        if self.classes is not None:
            said["classes"] = sorted(self.classes)
        if self.groups is not None:
            said["groups"] = sorted(self.groups)
        for condition in self.conditions:
            said |= condition.canonical()
        return said


ANYBODY = Selector()


def all_of(values: Iterable[bool | None]) -> bool | None:
    """Kleene's and."""
    answer: bool | None = True
    for value in values:
        if value is False:
            return False
        if value is None:
            answer = None
    return answer


def negated(value: bool | None) -> bool | None:
    """Kleene's not."""
    return None if value is None else not value


def _known(value: Any, holds: Any, input_: Input, missing: set[str]) -> bool | None:
    if value is None:
        missing.add(input_.name)
        return None
    return bool(holds(value))
