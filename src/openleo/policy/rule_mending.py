"""What of a rule can still be looked at where some of its values are at fault, so that all faults are told at once.

Takes the table of a rule; gives a record without its values at fault. Nothing is ever made of it: what a rule cannot
do without is stood in for by something that brings no fault of its own.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from openleo.policy.rule_records import RuleRecord
from openleo.reading import Place, by_place

MOST_ROUNDS = 4  # a value left out may leave its holder at fault, and so on up to the key of the rule


def readable(table: dict[str, Any]) -> RuleRecord | None:
    """The record of a rule's table, without the values at fault."""
    mended: Any = table
    for _ in range(MOST_ROUNDS):
        try:
            return RuleRecord.model_validate(mended)
        except ValidationError as error:
            at_fault = set(by_place(mended, error.errors()))
            mended = _mended(mended, at_fault | _emptied(mended, at_fault))
    return None


def _emptied(data: Any, at_fault: set[Place], at: Place = ()) -> set[Place]:
    """Lists of which nothing is left: an empty one says something else than none."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    found = {place for key, value in inner for place in _emptied(value, at_fault, (*at, key))}
    if isinstance(data, list) and data and all((*at, number) in at_fault for number in range(len(data))):
        found.add(at)
    return found


def _mended(data: Any, at_fault: set[Place], at: Place = ()) -> Any:
    """A copy without the values at fault, or with what stands in for them."""
    if isinstance(data, list):
        kept = [(number, one) for number, one in enumerate(data) if (*at, number) not in at_fault]
        return [_mended(one, at_fault, (*at, number)) for number, one in kept]
    if not isinstance(data, dict):
        return data
    made = {key: _mended(value, at_fault, (*at, key)) for key, value in data.items() if (*at, key) not in at_fault}
    for place in at_fault:
        if place[:-1] == at:
            _stand_in(place, made)
    return made


def _stand_in(place: Place, holder: dict[str, Any]) -> None:
    """Put into the holder of a value at fault what a rule needs there, if it needs anything."""
    keys = tuple(step for step in place if isinstance(step, str))
    if keys in STAND_INS:
        holder[keys[-1]] = STAND_INS[keys]
    elif keys in (("territory", "in"), ("territory", "geojson"), ("territory", "cells")):
        holder.clear()
        holder |= STAND_INS["territory",]
    elif keys in (("territory", "include"), ("territory", "exclude")):
        holder.setdefault("include", [])
    if keys == ("effect",):  # whether it goes with an emergency is not known
        holder.pop("emergency", None)
    elif keys == ("emergency",) and holder.get("effect") in ("forbid", "suspend"):
        holder["emergency"] = "cut"


STAND_INS: dict[tuple[str, ...], Any] = {
    ("id",): "?",
    ("effect",): "permit",
    ("reason",): "?",
    ("territory",): {"in": "high-seas"},
    ("until",): "9999-01-01T00:00:00Z",
    ("weekly", "from"): "12:34:56",
    ("weekly", "until"): "12:34:57",
    ("weekly", "zone"): "UTC",
}
