"""Areas as expressions: Boolean functions of where a place is.

A place has one label of the partition of the Earth (a territory, a strip of sea, the high seas) and lies inside or
outside of each region (a polygon that is no label). Takes the words of a rule or scenario (`expression_text` reads
them); gives an Expression, which rules hold and which parts, masks and decisions evaluate. Two places that agree in
label and regions agree in every expression over them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

import numpy as np
import rfc8785
import shapely
from numpy.typing import NDArray

from openleo.places.territories import HIGH_SEAS, STRIPS, territories

WORLD_WORD, SEA_WORD = "world", "sea"


@dataclass(frozen=True)
class Region:
    """A polygon that is no label. Equal by `text` and `sha256`, whatever made it."""

    text: str  # as it is written in canonical form: edge(MDA, 20), shore(TWN, 50), a file's name
    sha256: str  # of the polygon, or of what it is computed from
    polygon: shapely.Geometry = field(compare=False, repr=False)  # longitude, latitude; cut at ±180°
    drawn_from: frozenset[str] = field(
        default=frozenset(), compare=False, repr=False
    )  # labels whose outline it follows


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

WORLD = Intersection(())  # nothing is asked of a place


@cache
def sea() -> Labels:
    """Every strip of sea and the high seas."""
    return Labels(frozenset({HIGH_SEAS, *(id_ + strip for id_ in territories() for strip in STRIPS)}))


# --- whether a place is in an area --------------------------------------------------------------------------------


def holds(expression: Expression, label: str | None, inside: Inside) -> bool | None:
    """Whether a place of a label (None: unknown), inside of some regions, is in the area; Kleene's three values."""
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


def holds_each(
    expression: Expression, label: NDArray[np.object_], within: NDArray[np.bool_], regions: Sequence[Region]
) -> NDArray[np.bool_]:
    """As `holds` for many places of known labels: `within`, axes (place, region), says which of `regions` hold each."""
    match expression:
        case Labels(ids):
            return np.isin(label.astype(str), list(ids))
        case Region():
            return within[:, regions.index(expression)].astype(bool)
        case Union(parts):
            each = [holds_each(part, label, within, regions) for part in parts]
            return np.logical_or.reduce(each) if each else np.zeros(len(label), dtype=bool)
        case Intersection(parts):
            each = [holds_each(part, label, within, regions) for part in parts]
            return np.logical_and.reduce(each) if each else np.ones(len(label), dtype=bool)
        case Difference(base, without):
            return holds_each(base, label, within, regions) & ~holds_each(without, label, within, regions)


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


def unbounded(expression: Expression) -> bool:
    """Whether the area goes on over the high seas."""
    match expression:
        case Labels(ids):
            return HIGH_SEAS in ids
        case Region():
            return False
        case Union(parts):
            return any(map(unbounded, parts))
        case Intersection(parts):
            return all(map(unbounded, parts))
        case Difference(base, _):
            return unbounded(base)


def labels_of(expression: Expression) -> frozenset[str]:
    """The labels that an expression names, those taken away too, and those of the sea where it is named as a whole."""
    match expression:
        case Labels(ids):
            return ids
        case Region():
            return frozenset()
        case Union(parts) | Intersection(parts):
            return frozenset().union(*(labels_of(part) for part in parts))
        case Difference(base, without):
            return labels_of(base) | labels_of(without)


def named_labels(expression: Expression) -> list[str]:
    """The labels that an expression names one by one, sorted; the sea as a whole is not."""
    match expression:
        case Labels(ids):
            return sorted(ids - sea().ids if ids >= sea().ids else ids)
        case Region():
            return []
        case Union(parts) | Intersection(parts):
            found = [label for part in parts for label in named_labels(part)]
        case Difference(base, without):
            found = [*named_labels(base), *named_labels(without)]
    return sorted(set(found))


def drawn_from(expression: Expression) -> frozenset[str]:
    """The labels whose outlines the strips of an expression follow."""
    return frozenset().union(*(region.drawn_from for region in regions_of(expression)))


# --- canonical form -----------------------------------------------------------------------------------------------


def union(parts: Iterable[Expression]) -> Expression:
    """The union in canonical form: flat, labels together, each part once, in one order."""
    flat = list(_flat(parts, Union))
    if WORLD in flat:
        return WORLD
    ids = [part.ids for part in flat if isinstance(part, Labels)]
    labels = [Labels(frozenset().union(*ids))] if ids else []
    others = sorted({part for part in flat if not isinstance(part, Labels)}, key=_order)
    return _of([*labels, *others], Union)


def intersection(parts: Iterable[Expression]) -> Expression:
    """The intersection in canonical form: flat, each part once, in one order."""
    return _of(sorted(set(_flat(parts, Intersection)), key=_order), Intersection)


def difference(base: Expression, without: Expression) -> Expression:
    """The difference in canonical form: `A - B - C` is `A - (B + C)`."""
    if isinstance(base, Difference):
        return Difference(base.base, union([base.without, without]))
    return Difference(base, union([without]))


def text_of(expression: Expression) -> str:
    """The canonical text; reading it gives the same expression.

    >>> text_of(difference(Labels(frozenset({"UKR", "MDA"})), Labels(frozenset({"crimea"}))))
    '(MDA + UKR) - crimea'
    """
    match expression:
        case Labels(ids):
            return " + ".join([*named_labels(expression), *([SEA_WORD] if ids >= sea().ids else [])])
        case Region():
            return expression.text
        case Union(parts):
            return " + ".join(text_of(part) if isinstance(part, Labels) else _in_brackets(part) for part in parts)
        case Intersection(parts):
            return " & ".join(map(_in_brackets, parts)) if parts else WORLD_WORD
        case Difference(base, without):
            return f"{_in_brackets(base)} - {_in_brackets(without)}"


def sha256_of(expression: Expression, resolution: int | None = None) -> str:
    """Hash of all that the area depends on: its form, its regions, and source, version and view of its labels.

    Files enter by their polygons, whatever they are called. `resolution`: of the cells it is compiled to, if it is.
    """
    known = territories()
    labels = labels_of(expression)
    lands = sorted({label.partition(".")[0] for label in labels} & set(known))
    said = {
        "area": _said(expression),
        "labels": {id_: [known[id_].source, known[id_].version, known[id_].point_of_view] for id_ in lands},
        "borders": borders_sha256() if labels else None,
        "resolution": resolution,
    }
    return hashlib.sha256(rfc8785.dumps(said)).hexdigest()


@cache
def borders_sha256() -> str:
    """Hash of the embedded borders that decide."""
    return hashlib.sha256((files("openleo.data") / "places" / "land-10m.parquet").read_bytes()).hexdigest()


def polygon_sha256(polygon: shapely.Geometry) -> str:
    """Hash of a polygon, wherever its rings start."""
    return hashlib.sha256(shapely.to_wkb(shapely.normalize(polygon))).hexdigest()


Said = str | list["Said"]


def _said(expression: Expression) -> Said:
    match expression:
        case Labels(ids):
            return ["labels", *sorted(ids)]
        case Region():
            return ["region", expression.sha256]
        case Union(parts) | Intersection(parts):
            kind = "union" if isinstance(expression, Union) else "intersection"
            said = (_said(part) for part in parts)
            return [kind, *sorted(said, key=lambda one: rfc8785.dumps(one))]
        case Difference(base, without):
            return ["difference", _said(base), _said(without)]


def _flat(parts: Iterable[Expression], kind: type[Union] | type[Intersection]) -> Iterable[Expression]:
    for part in parts:
        if isinstance(part, kind):
            yield from _flat(part.parts, kind)
        else:
            yield part


def _of(parts: list[Expression], kind: type[Union] | type[Intersection]) -> Expression:
    return parts[0] if len(parts) == 1 else kind(tuple(parts))


def _order(expression: Expression) -> tuple[bool, str]:
    return not isinstance(expression, Labels), text_of(expression)


def _in_brackets(expression: Expression) -> str:
    text = text_of(expression)
    single = isinstance(expression, Region) or " " not in text
    return text if single else f"({text})"


def _any(values: list[bool | None]) -> bool | None:
    if True in values:
        return True
    return None if None in values else False


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value
