"""Areas as expressions: Boolean functions of where a place is.

A place has one label of the partition of the Earth (a territory, a strip of sea, the high seas) and lies inside or
outside of each region (a polygon that is no label). Takes the words of a rule or scenario; gives an Expression, which
rules hold and which parts, masks and decisions evaluate. Two places that agree in label and regions agree in every
expression over them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import shapely


@dataclass(frozen=True)
class Region:
    """A polygon that is no label. Equal by `text` and `sha256`, whatever made it."""

    text: str  # as it is written in canonical form: buffer(MDA, 20), coast(TWN, 50), a file's name
    sha256: str  # of the polygon, or of what it is computed from
    polygon: shapely.Geometry = field(compare=False, repr=False)  # longitude, latitude; cut at ±180°


@dataclass(frozen=True)
class Labels:
    """Whatever has one of these labels."""

    ids: frozenset[str]


@dataclass(frozen=True)
class Union:
    parts: tuple[Expression, ...]


@dataclass(frozen=True)
class Intersection:
    parts: tuple[Expression, ...]


@dataclass(frozen=True)
class Difference:
    base: Expression
    without: Expression


Expression = Labels | Region | Union | Intersection | Difference
Inside = Callable[[Region], bool | None]  # None: not known


def holds(expression: Expression, label: str | None, inside: Inside) -> bool | None:
    """Whether a place of a label, inside of some regions, is in the area; Kleene's three values. label None: unknown."""
    match expression:
        case Labels(ids):
            return None if label is None else label in ids
        case Region():
            return inside(expression)
        case Union(parts):
            return _any([holds(part, label, inside) for part in parts])
        case Intersection(parts):
            return _not(_any([_not(holds(part, label, inside)) for part in parts]))
        case Difference(base, without):
            return _not(_any([_not(holds(base, label, inside)), holds(without, label, inside)]))


def regions_of(expression: Expression) -> tuple[Region, ...]:
    """The regions an expression asks about, each once, in the order they stand."""
    match expression:
        case Labels():
            return ()
        case Region():
            return (expression,)
        case Union(parts) | Intersection(parts):
            found = [region for part in parts for region in regions_of(part)]
        case Difference(base, without):
            found = [*regions_of(base), *regions_of(without)]
    return tuple(dict.fromkeys(found))


def _any(values: list[bool | None]) -> bool | None:
    if True in values:
        return True
    return None if None in values else False


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value
