"""What a point of view changes in a rule set: areas that each rule gains and loses, with km² and people.

Takes the difference between the rules as they are written and as a view reads them; gives rows, their text and JSON.
No side is taken: each contested area stands with who administers it, who claims it, as of when, and by which source.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from openleo.errors import counted
from openleo.places.expressions import holds, labels_of
from openleo.places.territories import ContestedArea, contested_areas, display_name, territories
from openleo.places.views import View
from openleo.policy.diff import AreaChange, RuleChange, RuleSetDifference, ground
from openleo.policy.diff_words import labels_text, name_json
from openleo.policy.rules import Rule, RuleSet
from openleo.policy.words import listed, named, short


@dataclass(frozen=True)
class Row:
    """A label that a rule gains (`verb`) or loses under a view, as a whole or in part."""

    rule: Rule
    verb: str
    label: str
    whole: bool
    area_km2: float | None  # land of a whole territory, or the part; None: not measured
    people: int | None

    @property
    def area(self) -> ContestedArea | None:
        return contested_areas().get(self.label.partition(".")[0])


def rows(difference: RuleSetDifference) -> tuple[Row, ...]:
    """What each rule gains and loses; the 12-mile waters of a land go with it."""
    return tuple(row for change in _reaching(difference) for row in _of(change.new, change.old, change.area))


def _reaching(difference: RuleSetDifference) -> list[RuleChange]:
    """The rules that reach otherwise; an area may be written in another way and hold the same."""
    return [change for change in difference.changed if change.area.any]


def _of(new: Rule, old: Rule, area: AreaChange) -> Iterator[Row]:
    for verb, whole, part, parts in (
        ("gains", area.gains, area.gains_part, ground(old.territory, new.territory)),
        ("loses", area.loses, area.loses_part, ground(new.territory, old.territory)),
    ):
        for label in short(whole):
            row = territories().get(label)
            yield Row(new, verb, label, True, row.area_km2 if row else None, row.population if row else None)
        held = {label: (km2, people) for label, km2, people in parts}
        for label in sorted(part):
            km2, people = held.get(label, (None, None))
            yield Row(new, verb, label, False, km2, None if people is None else round(people))


@dataclass(frozen=True)
class Kept:
    """A contested area that a rule names itself, and so keeps, though the view gives it to others."""

    rule: Rule
    area: ContestedArea
    belongs_to: tuple[str, ...]


def kept(rule_set: RuleSet, view: View) -> tuple[Kept, ...]:
    """What the rules of a set, as a view reads it, keep against the view because they name it."""
    found = []
    for rule in sorted(rule_set.rules, key=lambda one: (one.book, one.id)):
        named_lands = {label for label in labels_of(rule.territory) if label in territories()}
        for area in contested_areas().values():
            owners = {party for party in area.parties if area.id in view.areas_of(party)}
            mine = area.id in named_lands and holds(rule.territory, area.id, lambda _: False) is True
            if mine and owners and not owners & named_lands:
                found.append(Kept(rule, area, tuple(sorted(owners))))
    return tuple(found)


# --- in words -----------------------------------------------------------------------------------------------------


def text(difference: RuleSetDifference, view: View) -> str:
    """All of it, for people."""
    found = rows(difference)
    changed = _reaching(difference)
    stay = kept(difference.new, view)
    lines = [f"Under the view {view}: {view.in_words}."]
    if not changed:
        lines.append("Every rule reaches exactly what it reaches as it is written.")
    else:
        verb = "reaches" if len(changed) == 1 else "reach"
        count = counted(len(difference.new.rules), "rule")
        lines.append(f"{len(changed)} of {count} {verb} otherwise than as written.")
    for change in changed:
        lines += ["", named(change.new)]
        lines += [f"  {_line(row)}" for row in found if row.rule is change.new]
        lines += [] if change.area.known else ["  not told: too many polygons"]
    lines += ["", "Named by a rule itself, and so kept"] if stay else []
    lines += [
        f"  {named(one.rule)}: {one.area.id}, which under the view belongs to {listed(one.belongs_to)}" for one in stay
    ]
    areas = {area.id: area for area in (*(row.area for row in found), *(one.area for one in stay)) if area is not None}
    lines += ["", "Sources"] if areas else []
    for area in areas.values():
        several = "; its parts are not told apart: it belongs to each of them" if _shared(area, view) else ""
        lines.append(f"  {area.id}: {area.in_words}, as of {area.as_of}{several}")
        lines.append(f"    {'; '.join(area.sources)}")
    if not found:
        return "\n".join(lines) + "\n"
    return "\n".join([*lines, "Areas: of a territory its land, of a part the part. People are estimates."]) + "\n"


def _shared(area: ContestedArea, view: View) -> bool:
    return len(area.administered_by) > 1 and view.party not in area.parties


def _line(row: Row) -> str:
    at_sea = row.label not in territories()
    people = "" if at_sea or row.people is None else f", {row.people:,} people"
    size = "" if row.area_km2 is None else f": {'under 1' if row.area_km2 < 1 else f'{row.area_km2:,.0f}'} km²{people}"
    what = labels_text([row.label]) if at_sea else f"{row.label} ({display_name(row.label)})"
    return f"{row.verb} {'' if row.whole else 'a part of '}{what}{size}"


def as_json(difference: RuleSetDifference, view: View) -> dict[str, Any]:
    """The same for programs."""
    return {
        "view": str(view),
        "sha256": difference.new.sha256,
        "changes": [
            {
                **name_json(row.rule),
                "change": row.verb,
                "territory": row.label,
                "whole": row.whole,
                "area_km2": None if row.area_km2 is None else round(row.area_km2, 3),
                "population": row.people,
                "contested": None if row.area is None else _area_json(row.area),
            }
            for row in rows(difference)
        ],
        "kept": [
            {**name_json(one.rule), "territory": one.area.id, "belongs_to": list(one.belongs_to)}
            for one in kept(difference.new, view)
        ],
        "not_told": [name_json(change.new) for change in difference.changed if not change.area.known],
    }


def _area_json(area: ContestedArea) -> dict[str, Any]:
    return {
        "id": area.id,
        "administered_by": list(area.administered_by),
        "claimed_by": list(area.claimed_by),
        "as_of": area.as_of.isoformat(),
        "sources": list(area.sources),
    }
