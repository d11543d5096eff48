"""A rule of a file as it is computed, with every fault of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from openleo.errors import Problem, near_names
from openleo.instants import instant_text
from openleo.places.views import View
from openleo.policy.conditions import NUMBERS, AtMost, Condition, MoreThan, OneOf, Selector
from openleo.policy.faults import Faults
from openleo.policy.rule_mending import readable
from openleo.policy.rule_records import ConditionsRecord, ExceptRecord, PeriodRecord, RuleRecord, WhoRecord
from openleo.policy.rule_territory import known_lands, territory_expression
from openleo.policy.rules import EMERGENCY, NOWHERE_BUT, NOWHERE_WITHOUT, Rule
from openleo.policy.when import DAYS, Period, Window
from openleo.policy.words import clock_text, number_text
from openleo.reading import examine

ONLY_THROUGH_GROUPS = ("account", "accounts", "terminal", "terminals", "subscription", "subscriptions")


def read_rule(
    table: dict[str, Any],
    number: int,
    book: str,
    folder: Path,
    classes: list[str] | None,
    file: str,
    view: View | None = None,
) -> tuple[Rule | None, list[Problem]]:
    """(the rule of a table, every fault of it); without a rule where not even its form can be read.

    `classes` are those that there are; None: not known, so none is refused.
    """
    id_ = table.get("id")
    faults = Faults(file, f'rule "{id_}"' if id_ and str(id_).isprintable() else f"rule[{number}]")
    record, problems = examine(RuleRecord, table, file, under=f"rule[{number}]")
    faults.found += [_with_groups(problem) for problem in problems]
    whole = record is not None
    if record is None:
        record = readable(table)
    if record is None:
        return None, faults.found
    _check_words(record, faults)
    _check_emergency(record, faults)
    _check_kind(record, faults)
    _check_classes(record, classes, faults)
    made = Rule(
        id=record.id,
        book=book,
        effect=record.effect,
        territory=territory_expression(record.territory, folder, faults, view),
        selector=_selector(record.who, record.conditions, "conditions", faults),
        unless=_unless(record.except_, faults),
        window=_window(record, faults),
        applies_to=record.applies_to,
        land_in=_land_in(record, faults),
        emergency=record.emergency,
        authority=record.authority or book,
        reason=record.reason,
        legal_reference=record.legal_reference,
        review_by=record.review_by,
    )
    return made if whole else None, faults.found


def _with_groups(problem: Problem) -> Problem:
    """An account or terminal named in a rule gets its own way out."""
    holder, _, key = problem.where.rpartition(".")
    if key in ONLY_THROUGH_GROUPS and holder.endswith((".who", ".except")):
        way_out = f"Rules select {key} only through named groups: write groups = [...]."
        return Problem(problem.file, problem.where, problem.rule, way_out)
    return problem


def _check_words(rule: RuleRecord, faults: Faults) -> None:
    for key in ("id", "authority", "reason"):
        if (said := getattr(rule, key)) is not None and not said.strip():
            faults.add(f"{key} is empty.", "Every rule has an id and says who made it and why.")
    for words in (NOWHERE_BUT, NOWHERE_WITHOUT):
        if rule.id.startswith(words):
            said = f'id begins with "{words}", as what permits on beams withhold is called.'
            faults.add(said, "Give it another id.")


def _check_emergency(rule: RuleRecord, faults: Faults) -> None:
    if rule.effect != "permit" and rule.emergency is None:
        faults.add(
            f'a {rule.effect} must say emergency = "keep" or "cut".',
            "Whether emergency terminals go on being served is never left open.",
        )
    if rule.effect == "permit" and rule.emergency is not None:
        faults.add("emergency is for a forbid or suspend; a permit takes service from nobody.", "Leave it out.")
    if rule.emergency == "keep" and rule.who.classes == [EMERGENCY]:
        faults.add(
            f'a {rule.effect} of class "emergency" alone with emergency = "keep" would match nobody.', 'Write "cut".'
        )


def _check_kind(rule: RuleRecord, faults: Faults) -> None:
    """What goes with which effect, and with which thing it applies to."""
    if rule.applies_to != "terminal":
        said = [
            key
            for key, value in (("who", rule.who.model_fields_set), ("conditions", rule.conditions.model_fields_set),
                               ("except", rule.except_ is not None), ("land_in", rule.land_in is not None))
            if value
        ]  # fmt: skip
        for key in said:
            faults.add(f"{key} is about terminals; a {rule.applies_to} has none of it.", "Leave it out.")
    if rule.land_in is not None and rule.effect != "permit":
        faults.add("land_in is for a permit: it says which way permitted traffic goes.", "Leave it out.")


def _check_classes(rule: RuleRecord, known: list[str] | None, faults: Faults) -> None:
    for key, names in (("who", rule.who.classes), ("except", rule.except_.classes if rule.except_ else None)):
        _refuse_empty(names, f"{key}.classes", faults)
        for name in names or ():
            if known is not None and name not in known:
                others = f"Classes: {', '.join(known)}; a file adds its own with classes = [...]."
                faults.add(f'there is no class "{name}".', near_names(name, known) or others)


def _refuse_empty(names: Sequence[Any] | None, key: str, faults: Faults, of: str = "any") -> bool:
    if names is not None and not names:
        faults.add(f"{key} is an empty list, which would match nobody.", f"Leave the key out for {of}.")
        return True
    return False


def _selector(who: WhoRecord, conditions: ConditionsRecord, key: str, faults: Faults) -> Selector:
    """`who` and `conditions`, or the two in `except`, as they are computed."""
    _refuse_empty(who.groups, "except.groups" if key == "except" else "who.groups", faults)
    made: list[Condition] = []
    for name in NUMBERS:
        most, least = getattr(conditions, f"{name}_max"), getattr(conditions, f"{name}_min")
        if most is not None:
            made.append(AtMost(name, float(most)))
        if least is not None:
            made.append(MoreThan(name, float(least)))
        if most is not None and least is not None and least >= most:
            bounds = f"above {name}_min = {number_text(least)} and up to {name}_max = {number_text(most)}"
            faults.add(f"{key}: nothing is both {bounds}.", "Set the lower bound below the upper one.")
    for name, known in _LISTS.items():
        words = getattr(conditions, name)
        if words is not None and not _refuse_empty(words, f"{key}.{name}", faults):
            made.append(OneOf(name, known(words, f"{key}.{name}", faults)))
    return Selector(_set(who.classes), _set(who.groups), tuple(made))


_LISTS: dict[str, Callable[[list[str], str, Faults], frozenset[str]]] = {
    "home_territory": known_lands,
    "location_source": lambda words, _key, _faults: frozenset(words),
}


def _set(names: list[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


def _unless(record: ExceptRecord | None, faults: Faults) -> Selector | None:
    if record is None:
        return None
    made = _selector(record, record, "except", faults)
    told = any(".except." in problem.where for problem in faults.found)  # of a key that nobody knows
    if made == Selector() and not told:
        faults.add("except is empty: it would except everybody.", "Leave it out, or say whom it is about.")
    return made


def _land_in(rule: RuleRecord, faults: Faults) -> frozenset[str] | None:
    if rule.land_in is None or _refuse_empty(rule.land_in, "land_in", faults):
        return None
    return known_lands(rule.land_in, "land_in", faults)


def _window(rule: RuleRecord, faults: Faults) -> Window:
    if rule.effect == "suspend" and rule.until is None:
        faults.add("a suspend must say until when.", "Write until = an instant; what is to last is a forbid.")
    if rule.from_ is not None and rule.until is not None and rule.until <= rule.from_:
        faults.add(
            f"ends (until = {instant_text(rule.until)}) before it begins (from = {instant_text(rule.from_)}): "
            "until is not included.",
            "Set until after from.",
        )
    _refuse_empty(rule.weekly, "weekly", faults, "all week")
    periods = [_period(period, f"weekly[{number}]", faults) for number, period in enumerate(rule.weekly or ())]
    return Window(rule.from_, rule.until, tuple(period for period in periods if period is not None))


def _period(record: PeriodRecord, key: str, faults: Faults) -> Period | None:
    before = len(faults.found)
    _refuse_empty(record.days, f"{key}.days", faults, "every day")
    if record.from_ == record.until:
        rule = (
            f"{key}: begins and ends at {clock_text(record.from_)}, which is a whole day to some and nothing to others."
        )
        faults.add(rule, "A whole day is 00:00 to 24:00.")
    if record.from_ >= 24 * 3600:
        faults.add(f"{key}: begins at 24:00, which is the next day.", "Write from = 00:00 of that day.")
    if record.zone not in _zones():
        zones = sorted(_zones())
        rule = f'{key}: there is no time zone "{record.zone}".'
        faults.add(rule, near_names(record.zone, zones) or "Zones are those of IANA, such as Asia/Taipei.")
    if len(faults.found) > before:
        return None
    days = DAYS if record.days is None else record.days
    return Period(frozenset(DAYS.index(day) for day in days), record.from_, record.until, ZoneInfo(record.zone).key)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
