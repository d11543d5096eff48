"""Keys of a scenario set to other values: tables in, tables out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from openleo.reading import Place, place_text

STEP = re.compile(r"(?P<name>[A-Za-z0-9_-]+)|\[(?P<number>\d{1,6})\]")
KEY = re.compile(r"[A-Za-z0-9_-]+(\[\d{1,6}\])*(\.[A-Za-z0-9_-]+(\[\d{1,6}\])*)*")


def place_of(key: str) -> Place | None:
    """The place that a key in full speaks of; None where it is no key.

    >>> place_of("constellation.shell[0].planes")
    ('constellation', 'shell', 0, 'planes')
    """
    if not KEY.fullmatch(key):
        return None
    return tuple(step["name"] or int(step["number"]) for step in STEP.finditer(key))


def with_overrides(tables: Mapping[str, Any], overrides: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """A copy of tables with some keys set. Raises KeyError, with the place in words, where one has no room.

    >>> with_overrides({"links": {"chain": True}}, [("failures.random.seed", 7)])
    {'links': {'chain': True}, 'failures': {'random': {'seed': 7}}}
    """
    made = dict(tables)
    for key, value in overrides:
        place = place_of(key)
        if place is None:
            raise KeyError(key)
        made = _set(made, place, (), value)
    return made


def _set(here: Any, place: Place, before: Place, value: Any) -> Any:
    step, rest = place[0], place[1:]
    at = (*before, step)
    if isinstance(step, str) and isinstance(here, dict):
        inner = here.get(step, {}) if rest else None
        return {**here, step: _set(inner, rest, at, value) if rest else value}
    if isinstance(step, int) and isinstance(here, list) and step < len(here):
        changed = _set(here[step], rest, at, value) if rest else value
        return [*here[:step], changed, *here[step + 1 :]]
    raise KeyError(place_text(at))
