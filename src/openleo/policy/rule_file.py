"""Rule files: read, checked whole, and made into a RuleSet.

The form is a contract (docs/reference/rules.md). This version understands permits and forbids on territories and
classes; every other part of the language is refused as "not yet", because a rule that is half understood is a rule
that is not kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from openleo.errors import InputError, Problem, join_or, near_names
from openleo.places.areas import read_polygons
from openleo.places.territories import (
    contested_areas,
    contested_with,
    territories,
    territory_id,
    unknown_territory,
    with_territorial_sea,
)
from openleo.policy.rules import CLASSES, EMERGENCY, SCHEMA, Rule, RuleSet, union
from openleo.reading import Record, check, read_toml

# Parts of the language that stand in the contract and are not computed yet. They are refused by name.
NOT_YET_KEYS = ("conditions", "except", "from", "until", "weekly", "land_in")
NOT_YET_EFFECTS = ("suspend",)
NOT_YET_APPLIES_TO = ("beam", "gateway")
NOT_YET_WHO = ("groups", "accounts", "terminals", "subscriptions")


class TerritoryRecord(Record):
    """`territory`: `{in = "TWN", include = ["kinmen"], exclude = []}` or `{geojson = "zone.geojson"}`."""

    in_: str | list[str] | None = Field(
        None, alias="in", description="Territories, contested areas, strips of sea or high-seas; one or a list."
    )
    include: list[str] | None = Field(
        None, description="The contested areas of `in` that come along. Given, it says all: every other one stays out."
    )
    exclude: list[str] | None = Field(
        None, description="The contested areas of `in` that stay out. Without `include` it must name every one."
    )
    geojson: str | None = Field(None, description="A GeoJSON file of polygons, in place of `in`.")


class WhoRecord(Record):
    """`who`: whose terminals; a key left out means any."""

    classes: list[str] | None = Field(None, description=f"Classes: {', '.join(CLASSES)}, or the file's own.")


class RuleRecord(Record):
    """One `[[rule]]`."""

    id: str = Field(description="Names the rule in reasons and records; once in a book.")
    effect: Literal["permit", "forbid"] = Field(description="A forbid outranks every permit.")
    territory: TerritoryRecord = Field(description="Where.")
    authority: str | None = Field(None, description="Who made the rule. Default: the book's name.")
    reason: str = Field(description="Why; shown wherever the rule decides.")
    who: WhoRecord = Field(WhoRecord(), description="Whose terminals. Default: any.")
    emergency: Literal["keep", "cut"] | None = Field(
        None, description="Required of a forbid: whether emergency terminals go on being served."
    )
    applies_to: Literal["terminal"] = Field("terminal", description="Rules on beams and gateways are not yet computed.")
    legal_reference: str = Field("", description="A law, licence or order.")
    review_by: date | None = Field(None, description="When to look at the rule again. It stays in force.")


class FileRecord(Record):
    """One file: a part of one authority's book."""

    schema_: int = Field(alias="schema", strict=True, description=f"{SCHEMA}.")
    book: str = Field(description='Whose rules: "operator", "regulator:TWN".', pattern=r"\S")
    classes: list[str] = Field(default_factory=list, description="Classes of terminals of the file's own.")
    rule: list[dict[str, Any]] = Field(
        default_factory=list, description="The rules, each a table as below; their order has no meaning."
    )


@dataclass
class _Faults:
    """The problems of one place in one file, as they are found."""

    file: str
    where: str
    found: list[Problem] = field(default_factory=list)

    def add(self, rule: str, way_out: str = "") -> None:
        self.found.append(Problem(self.file, self.where, rule, way_out))


def read_rules(paths: Iterable[Path]) -> RuleSet:
    """The union of rule files. Raises InputError with the problems of all files together."""
    paths = list(paths)
    problems: list[Problem] = []
    files: list[tuple[Path, FileRecord]] = []
    for path in paths:
        try:
            files.append((path, _read_file(path)))
        except InputError as error:
            problems += error.problems
    classes = list(dict.fromkeys([*CLASSES, *(name for _, record in files for name in record.classes)]))
    rules: list[Rule] = []
    for path, record in files:
        for number, table in enumerate(record.rule):
            faults = _Faults(str(path), f'rule "{table["id"]}"' if table.get("id") else f"rule[{number}]")
            made = _read_rule(table, number, record.book, path.parent, classes, faults)
            if made and any((other.book, other.id) == (made.book, made.id) for other in rules):
                faults.add(
                    f'stands twice in the book "{made.book}".',
                    "Ids name rules in reasons and records; they must differ.",
                )
            rules += [made] if made else []
            problems += faults.found
    if problems:
        raise InputError(problems)
    return union(rules, classes, [str(path) for path in paths])


def _read_file(path: Path) -> FileRecord:
    record = check(FileRecord, read_toml(path), str(path))
    if record.schema_ != SCHEMA:
        raise InputError(Problem(str(path), "schema", f"is {record.schema_}; this version reads schema {SCHEMA}."))
    return record


def _read_rule(
    table: dict[str, Any], number: int, book: str, folder: Path, classes: list[str], faults: _Faults
) -> Rule | None:
    """A table as a rule, or None when it cannot be made; every fault of it is added to `faults`."""
    known = _without_what_is_not_yet(table, faults)
    if known is None:
        return None
    try:
        record = check(RuleRecord, known, faults.file, under=f"rule[{number}]")
    except InputError as error:
        faults.found += error.problems
        return None
    return _made(record, book, folder, classes, faults)


def _without_what_is_not_yet(table: dict[str, Any], faults: _Faults) -> dict[str, Any] | None:
    """The table less what the contract knows and this version does not compute, each reported.

    None when nothing is left to check: the rule's very effect is not yet known.
    """
    who = table.get("who")
    refused_who = [key for key in NOT_YET_WHO if isinstance(who, dict) and key in who]
    refused = [key for key in NOT_YET_KEYS if key in table]
    if table.get("applies_to") in NOT_YET_APPLIES_TO:
        refused.append("applies_to")
    named = [key if key != "applies_to" else f'applies_to = "{table[key]}"' for key in refused]
    named += [f"who.{key}" for key in refused_who]
    unknown_effect = table.get("effect") in NOT_YET_EFFECTS
    if unknown_effect:
        named.append(f'effect = "{table["effect"]}"')
    for what in named:
        faults.add(f"{what} is not yet computed, and no rule is kept by half.", "Leave it out of this version's rules.")
    if unknown_effect:
        return None
    rest = {key: value for key, value in table.items() if key not in refused}
    if refused_who and isinstance(who, dict):
        rest["who"] = {key: value for key, value in who.items() if key not in refused_who}
    return rest


def _made(rule: RuleRecord, book: str, folder: Path, classes: list[str], faults: _Faults) -> Rule:
    """The rule as it is computed; worth nothing when `faults` has grown."""
    for key in ("id", "authority", "reason"):
        if (said := getattr(rule, key)) is not None and not said.strip():
            faults.add(f"{key} is empty.", "Every rule has an id and says who made it and why.")
    if rule.effect == "forbid" and rule.emergency is None:
        faults.add(
            'a forbid must say emergency = "keep" or "cut".',
            "Whether emergency terminals go on being served is never left open.",
        )
    if rule.effect == "permit" and rule.emergency is not None:
        faults.add("emergency is for a forbid; a permit takes service from nobody.", "Leave it out.")
    if rule.emergency == "keep" and rule.who.classes == [EMERGENCY]:
        faults.add('a forbid of class "emergency" alone with emergency = "keep" would match nobody.', 'Write "cut".')
    _check_classes(rule.who.classes, classes, faults)
    region, labels = None, frozenset[str]()
    if (rule.territory.in_ is None) == (rule.territory.geojson is None):
        faults.add("territory needs `in` or `geojson`, and not both.")
    elif rule.territory.geojson is not None:
        if rule.territory.include is not None or rule.territory.exclude is not None:
            faults.add("include and exclude are for the contested areas of `in`; a polygon has none.")
        try:
            region = read_polygons(folder / rule.territory.geojson)
        except InputError as error:
            faults.found += error.problems
    else:
        labels = _labels(rule.territory, faults)
    return Rule(
        id=rule.id,
        book=book,
        effect=rule.effect,
        territories=labels,
        region=region,
        classes=None if rule.who.classes is None else frozenset(rule.who.classes),
        emergency=rule.emergency,
        authority=rule.authority or book,
        reason=rule.reason,
        legal_reference=rule.legal_reference,
        review_by=rule.review_by,
    )


def _check_classes(names: list[str] | None, known: list[str], faults: _Faults) -> None:
    if names is None:
        return
    if not names:
        faults.add("who.classes is an empty list, which would match nobody.", "Leave the key out for any class.")
    for name in names:
        if name not in known:
            others = f"Classes: {', '.join(known)}; a file adds its own with classes = [...]."
            faults.add(f'there is no class "{name}".', near_names(name, known) or others)


def _labels(territory: TerritoryRecord, faults: _Faults) -> frozenset[str]:
    """What `in`, `include` and `exclude` stand for: lands with their waters to 12 nautical miles, and strips."""
    words = [territory.in_] if isinstance(territory.in_, str) else territory.in_ or []
    if not words:
        faults.add("territory.in is an empty list, which would match nothing.")
    unknown_before = len(faults.found)
    main, include, exclude = (_ids(names or [], faults) for names in (words, territory.include, territory.exclude))
    if len(faults.found) > unknown_before:
        return frozenset()
    touched = [area.id for id_ in main if id_ in territories() for area in contested_with(id_)]
    touched = [id_ for id_ in dict.fromkeys(touched) if id_ not in main]
    undecided = [id_ for id_ in touched if id_ not in exclude]
    # An `include` says all that comes along, so nothing is left open; an `exclude` alone has to name every area.
    if undecided and territory.include is None:
        faults.add(
            f"{', '.join(main)} touches contested areas, and the rule does not say which it includes: "
            + "; ".join(_who_disputes(id_) for id_ in undecided)
            + ".",
            "Write include = [...] with those that the rule covers (every other one stays out), "
            "or exclude = [...] with all that it does not.",
        )
    for id_ in sorted({*include} & {*exclude}):
        faults.add(f'territory both includes and excludes "{id_}".')
    for id_ in (*include, *exclude):
        if id_ not in touched:
            there = f"Contested there: {', '.join(touched)}." if touched else "Nothing is contested there."
            faults.add(f'"{id_}" is not an area contested with {join_or(main)}.', there)
    return with_territorial_sea({*main, *include} - {*exclude})


def _ids(words: list[str], faults: _Faults) -> list[str]:
    found = []
    for word in words:
        if (id_ := territory_id(word)) is None:
            faults.add(*unknown_territory(word))
        else:
            found.append(id_)
    return found


def _who_disputes(id_: str) -> str:
    area = contested_areas()[id_]
    return (
        f"{id_} (administered by {', '.join(area.administered_by) or 'none'}, claimed by {', '.join(area.claimed_by)})"
    )
