"""Rules in plain words, for whoever explains, compares or examines them.

Takes parts of a rule; gives text without a verdict: what it asks, of whom, when. Areas are written in the language of
expressions, so that they can be looked up with `openleo territory show`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from openleo.errors import counted, join_or
from openleo.instants import instant_text
from openleo.places.expressions import (
    SEA_WORD,
    Difference,
    Expression,
    Intersection,
    Labels,
    Union,
    sea,
    text_of,
)
from openleo.places.territories import TERRITORIAL_SEA
from openleo.policy.conditions import Condition, MoreThan, OneOf, Selector
from openleo.policy.rules import KEEPS_EMERGENCY, Rule, RuleSet
from openleo.policy.when import DAY_S, DAYS, Period, Window
from openleo.units import BEAM_KM

# What is measured, and its unit, of each key in conditions.NUMBERS.
MEASURES = {
    "speed_kmh": ("speed", "km/h"),
    "altitude_m": ("altitude", "m"),
    "days_abroad": ("time abroad", "days"),
    "location_age_s": ("age of the position", "s"),
    "location_uncertainty_m": ("uncertainty of the position", "m"),
}
WORDED = {"home_territory": "home territory", "location_source": "source of the position"}
EVERYBODY = "any terminal"
MOST_NAMED = 8  # rules on beams


def named(rule: Rule) -> str:
    """`forbid "strip" (operator)`: a rule among those of all books."""
    return f'{rule.effect} "{rule.id}" ({rule.book})'


def condition_words(condition: Condition) -> str:
    """`speed up to 75 km/h`."""
    if isinstance(condition, OneOf):
        return f"{WORDED[condition.key]} {join_or(sorted(condition.words))}"
    measure, unit = MEASURES[condition.key]
    return f"{measure} {'above' if isinstance(condition, MoreThan) else 'up to'} {number_text(condition.bound)} {unit}"


def state_words(condition: Condition, value: Any) -> str:
    """`the speed is 90 km/h`, of a request's own value."""
    if isinstance(condition, OneOf):
        return f"the {WORDED[condition.key]} is {value}"
    measure, unit = MEASURES[condition.key]
    return f"the {measure} is {number_text(value)} {unit}"


def number_text(value: float) -> str:
    """A number with all the digits that it has, and no more.

    >>> number_text(75.0), number_text(1_000_000.5), number_text(0.1)
    ('75', '1000000.5', '0.1')
    """
    return repr(float(value)).removesuffix(".0")


def selector_words(selector: Selector) -> str:
    """`class fixed or government, group clinic, speed up to 75 km/h`."""
    return ", ".join(parts_in_words(selector)) or EVERYBODY


def parts_in_words(selector: Selector) -> list[str]:
    """What a selector asks, one by one."""
    return [
        *([classes_words(selector.classes)] if selector.classes is not None else []),
        *([groups_words(selector.groups)] if selector.groups is not None else []),
        *map(condition_words, selector.conditions),
    ]


def classes_words(classes: Iterable[str]) -> str:
    """`class fixed or government`."""
    return f"class {join_or(sorted(classes))}"


def groups_words(groups: Iterable[str]) -> str:
    """`group clinic or press`."""
    return f"group {join_or(sorted(groups))}"


def exception_words(exception: Selector) -> str:
    """`all but class maritime`; emergency terminals that keep service have words of their own."""
    kept = " (emergency terminals keep service)" if exception == KEEPS_EMERGENCY else ""
    return f"all but {selector_words(exception)}{kept}"


def who_words(rule: Rule) -> str:
    """Whom the rule speaks to: who, conditions, exceptions."""
    return ", ".join([selector_words(rule.selector), *map(exception_words, rule.exceptions)])


def window_words(window: Window) -> str:
    """`from 2026-11-20T00:00:00Z until 2027-01-01T00:00:00Z, mon fri 08:00 to 17:00 (Asia/Taipei)`."""
    if window.always:
        return "always"
    edges = [
        *([f"from {instant_text(window.begins)}"] if window.begins is not None else []),
        *([f"until {instant_text(window.ends)}"] if window.ends is not None else []),
    ]
    periods = " or ".join(map(period_words, window.weekly))
    return ", ".join(part for part in (" ".join(edges), periods) if part)


def period_words(period: Period) -> str:
    """`mon fri 22:00 to 06:00 the next day (Asia/Taipei)`."""
    days = "every day" if len(period.days) == len(DAYS) else " ".join(DAYS[day] for day in sorted(period.days))
    until = clock_text(period.until_s) + ("" if period.from_s < period.until_s else " the next day")
    return f"{days} {clock_text(period.from_s)} to {until} ({period.zone})"


def clock_text(second: int) -> str:
    """`08:30`, with seconds only when there are some; `24:00` is the end of a day."""
    minutes, seconds = divmod(second, 60)
    text = f"{minutes // 60:02d}:{minutes % 60:02d}"
    return f"{text}:{seconds:02d}" if seconds and second < DAY_S else text


def area_words(area: Expression) -> str:
    """The area's text as rule files write it: a land's own waters to 12 nautical miles go without saying."""
    if isinstance(area, Labels):
        return ", ".join(short(area.ids)) or "nowhere"
    return text_of(_without_waters(area))


def _without_waters(area: Expression) -> Expression:
    match area:
        case Labels(ids):
            return Labels(frozenset(_lands_alone(ids)))
        case Union(parts):
            return Union(tuple(map(_without_waters, parts)))
        case Intersection(parts):
            return Intersection(tuple(map(_without_waters, parts)))
        case Difference(base, without):
            return Difference(_without_waters(base), _without_waters(without))
    return area


def short(labels: Iterable[str]) -> list[str]:
    """Labels, sorted, without the 12-mile waters of lands that are among them; the whole sea as one word."""
    ids = frozenset(labels)
    if ids >= sea().ids:
        return [*sorted(ids - sea().ids), SEA_WORD]
    return sorted(_lands_alone(ids))


def _lands_alone(ids: frozenset[str]) -> frozenset[str]:
    if ids >= sea().ids:
        return ids
    return frozenset(
        id_ for id_ in ids if not (id_.endswith(TERRITORIAL_SEA) and id_.removesuffix(TERRITORIAL_SEA) in ids)
    )


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def beams_apart(*rule_sets: RuleSet) -> str:
    """A note on rules on beams, for whoever decides by rules on terminals alone; empty where there are none."""
    names = sorted({one.names[rule.key] for one in rule_sets for rule in one.rules if rule.applies_to == "beam"})
    if not names:
        return ""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return (
        f"Not asked here: {counted(len(names), 'rule')} on beams ({', '.join(names[:MOST_NAMED])}{more}). Plans and "
        f"effects serve nobody within {BEAM_KM:g} km, or the beam_km that they are given, of what such rules keep dark."
    )
