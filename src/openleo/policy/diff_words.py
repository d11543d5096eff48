"""A RuleSetDifference as text for people, and as JSON.

One entry a rule, as a patch reads: + added, - removed, ~ changed key by key; then the territories that gain or lose a
rule. What it does to people is computed by an effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from openleo.errors import counted
from openleo.places.kinds import ELSEWHERE
from openleo.policy.diff import (
    AreaChange,
    RuleChange,
    RuleSetDifference,
    Touched,
    Value,
    by_territory,
    form,
    not_told,
    same_but_for_its_name,
)
from openleo.policy.rules import Rule, RuleSet
from openleo.policy.words import area_words, listed, named, number_text, short, who_words, window_words

MOST_NAMED = 12  # labels in a line of text
REST_OF_EARTH = "places that neither names"


def text(difference: RuleSetDifference) -> str:
    """All of it, for people."""
    old, new = difference.old, difference.new
    if difference.empty:
        same = f"{counted(difference.unchanged, 'rule')}, the same in both (SHA-256 {old.sha256[:16]})"
        return f"No difference: {same}.\n"
    counts = (
        f"{len(difference.added)} added, {len(difference.removed)} removed, {len(difference.changed)} changed, "
        f"{difference.unchanged} unchanged"
    )
    head = [
        f"Rules: {len(old.rules)} -> {len(new.rules)}: {counts}.",
        f"SHA-256: {old.sha256[:16]} -> {new.sha256[:16]}",
    ]
    entries = [*map(list, _entries(difference))]
    blocks = [head, *entries, _territories(difference)]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n"


def _entries(difference: RuleSetDifference) -> Iterator[list[str]]:
    for rule in difference.added:
        yield [f"+ {named(rule)}: {rule.reason}", *_whole(rule), *_elsewhere(rule, difference.old, difference.removed)]
    for rule in difference.removed:
        yield [f"- {named(rule)}: {rule.reason}", *_whole(rule), *_elsewhere(rule, difference.new, difference.added)]
    for change in difference.changed:
        yield [f"~ {named(change.new)}: {change.new.reason}", *_changed(change)]


def _whole(rule: Rule) -> list[str]:
    what = "" if rule.applies_to == "terminal" else f" ({rule.applies_to}s)"
    return [f"    {who_words(rule)}{what} in {area_words(rule.territory)}; {window_words(rule.window)}"]


def _elsewhere(rule: Rule, other: RuleSet, moved: Iterable[Rule]) -> list[str]:
    """What might be taken for this rule: the same under another name, or another one of the same id."""
    if (twin := same_but_for_its_name(rule, moved)) is not None:
        return [f"    all the same as {named(twin)} but for its name"]
    books = sorted({one.book for one in other.rules if one.id == rule.id and one.book != rule.book})
    return [f'    another rule than "{rule.id}" of {listed(books)}'] if books else []


def _changed(change: RuleChange) -> Iterator[str]:
    for one in change.keys:
        yield f"    {one.key}: {value_text(one.before)} -> {value_text(one.after)}"
    yield from (f"    {line}" for line in area_lines(change.area))
    if change.old.effect != change.new.effect:
        return
    if change.narrower and change.wider:
        yield "    It matches what it matched before."
    elif change.narrower:
        yield "    It is narrower: it matches nothing that it did not match before."
    elif change.wider:
        yield "    It is wider: it matches all that it matched before."


def value_text(value: Value) -> str:
    """A value as a line of text has it."""
    if value is None:
        return "none"
    return ", ".join(value) if isinstance(value, list) else number_text(value) if isinstance(value, float) else value


def area_lines(area: AreaChange) -> list[str]:
    """What an area gains and loses, in words."""
    said = [
        ("now also in", area.gains, ""),
        ("now also in", area.gains_part, "a part of "),
        ("no longer in", area.loses, ""),
        ("no longer in", area.loses_part, "a part of "),
    ]
    lines = [f"{verb} {part}{labels_text(labels)}" for verb, labels, part in said if labels]
    return lines if area.known else [*lines, "which territories that touches is not told: too many polygons"]


def labels_text(labels: Iterable[str]) -> str:
    """Labels by name, the first MOST_NAMED."""
    ids = [REST_OF_EARTH if id_ == ELSEWHERE else id_ for id_ in short(labels)]
    more = [f"{len(ids) - MOST_NAMED} more"] if len(ids) > MOST_NAMED else []
    return listed([*ids[:MOST_NAMED], *more])


def _territories(difference: RuleSetDifference) -> list[str]:
    lines: dict[str, list[str]] = {}
    for touched in by_territory(difference):
        what = "; ".join(
            f"{verb} {listed([named(rule) for rule in rules])}"
            for verb, rules in (("gains", touched.gains), ("loses", touched.loses), ("has changed", touched.changes))
            if rules
        )
        lines.setdefault(what, []).append(touched.label)  # territories of one fate in one line
    told = [f"  {labels_text(labels)}: {what}" for what, labels in lines.items()]
    if unknown := not_told(difference):
        told.append(f"  not told, for too many polygons: those of {listed([named(rule) for rule in unknown])}")
    return ["Territories", *told] if told else []


# --- as JSON ------------------------------------------------------------------------------------------------------


def as_json(difference: RuleSetDifference) -> dict[str, Any]:
    """The same for programs."""
    old, new = difference.old, difference.new
    return {
        "old": {"files": list(old.sources), "rules": len(old.rules), "sha256": old.sha256},
        "new": {"files": list(new.sources), "rules": len(new.rules), "sha256": new.sha256},
        "added": [_rule_json(rule) for rule in difference.added],
        "removed": [_rule_json(rule) for rule in difference.removed],
        "changed": [_change_json(change) for change in difference.changed],
        "unchanged": difference.unchanged,
        "territories": [_touched_json(touched) for touched in by_territory(difference)],
        "not_told": [name_json(rule) for rule in not_told(difference)],
    }


def name_json(rule: Rule) -> dict[str, str]:
    """A rule by name."""
    return {"rule": rule.id, "book": rule.book, "effect": rule.effect}


def _rule_json(rule: Rule) -> dict[str, Any]:
    return {**name_json(rule), "keys": form(rule)}


def _change_json(change: RuleChange) -> dict[str, Any]:
    return {
        **name_json(change.new),
        "keys": [{"key": one.key, "before": one.before, "after": one.after} for one in change.keys],
        **area_json(change.area),
        "narrower": change.narrower,
        "wider": change.wider,
    }


def area_json(area: AreaChange) -> dict[str, list[str]]:
    """Labels gained and lost."""
    names = ("gains", "gains_part", "loses", "loses_part")
    return {name: sorted(getattr(area, name)) for name in names}


def _touched_json(touched: Touched) -> dict[str, Any]:
    return {
        "territory": touched.label,
        "gains": [name_json(rule) for rule in touched.gains],
        "loses": [name_json(rule) for rule in touched.loses],
        "changes": [name_json(rule) for rule in touched.changes],
    }
