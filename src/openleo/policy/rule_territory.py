"""The `territory` of a rule as an Expression: names with their waters, the contested areas that it takes, polygons."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

from openleo.errors import InputError, Problem, join_or
from openleo.places import regions
from openleo.places.expression_text import parse
from openleo.places.expressions import Expression, Labels, difference, drawn_from, holds, named_labels, union
from openleo.places.territories import (
    contested_areas,
    contested_with,
    territories,
    territory_id,
    unknown_territory,
    with_territorial_sea,
)
from openleo.places.views import View
from openleo.policy.faults import Faults
from openleo.policy.rule_records import TerritoryRecord

NOWHERE = Labels(frozenset())


def territory_expression(
    territory: TerritoryRecord, folder: Path, faults: Faults, view: View | None = None
) -> Expression:
    """Where a rule applies; files are relative to `folder`. Worth nothing when `faults` has grown.

    `view`: contested areas come along as it says, in place of `include` and `exclude`.
    """
    given = [key for key in ("in_", "geojson", "cells") if getattr(territory, key) is not None]
    if len(given) != 1:
        faults.add("territory needs `in`, `geojson` or `cells`, and one of them alone.")
        return NOWHERE
    if territory.in_ is not None:
        return _named(territory, folder, faults, view)
    if territory.include is not None or territory.exclude is not None:
        faults.add("include and exclude are for the contested areas of `in`; a polygon has none.")
    return _told(partial(_drawn, territory, folder, faults), faults)


def _drawn(territory: TerritoryRecord, folder: Path, faults: Faults) -> Expression:
    geojson, cells = territory.geojson, territory.cells
    if isinstance(geojson, str):
        return regions.of_file(folder / geojson, geojson)
    if geojson is not None:
        return regions.of_geojson(geojson, f"{faults.file}, {faults.where}, territory.geojson")
    if isinstance(cells, str):
        return regions.of_cell_file(folder / cells)
    return regions.of_cells(cells or [], faults.file, f"{faults.where}, territory.cells")


def _told(read: Callable[[], Expression], faults: Faults) -> Expression:
    """What `read` gives; what is wrong with it is noted, and of another file who names it."""
    try:
        return read()
    except InputError as error:
        faults.found += [_with_its_namer(problem, faults) for problem in error.problems]
        return NOWHERE


def _with_its_namer(problem: Problem, faults: Faults) -> Problem:
    if problem.file.startswith(faults.file):
        return problem
    namer = f"named by {faults.where} of {faults.file}"
    return replace(problem, where=f"{problem.where}, {namer}" if problem.where else namer)


def _named(territory: TerritoryRecord, folder: Path, faults: Faults, view: View | None) -> Expression:
    """What `in`, `include` and `exclude` stand for together."""
    words = [territory.in_] if isinstance(territory.in_, str) else territory.in_ or []
    if not words:
        faults.add("territory.in is an empty list, which would match nothing.")
    before = len(faults.found)
    read = partial(parse, folder=folder, file=faults.file, where=faults.where, with_waters=True)
    area = union([_told(partial(read, word), faults) for word in words])
    include, exclude = (known_territories(names or [], faults) for names in (territory.include, territory.exclude))
    if len(faults.found) > before:
        return NOWHERE
    named = {*named_labels(area), *drawn_from(area)}
    lands = sorted(named & set(territories()))
    touched = [other.id for id_ in lands for other in contested_with(id_) if other.id not in named]
    touched = list(dict.fromkeys(touched))
    _check_contested(territory, lands, touched, include, exclude, faults)
    # An `include` says all that comes along, so nothing is left open; an `exclude` alone has to name every area.
    taken = set(include)
    if view is not None:
        taken = {id_ for land in lands for id_ in view.areas_of(land)} & {*touched}
        # A view gives lands what is theirs; of a strip or a part of a land it only says what is cut out.
        include = sorted(taken) if isinstance(area, Labels) else sorted(taken & {*include})
    outside = with_territorial_sea({*touched} - taken) - _named_itself(area)
    inside = with_territorial_sea(include)
    if isinstance(area, Labels):
        return Labels(area.ids | inside)
    area = union([area, Labels(inside)]) if inside else area
    return difference(area, Labels(outside)) if outside else area


def _named_itself(area: Expression) -> set[str]:
    """The labels that an area names and holds whatever polygons are about: a strip of a contested area that is meant.

    So a polygon beside it in a list takes nothing away.
    """
    return {label for label in named_labels(area) if holds(area, label, lambda _: False)}


def _check_contested(
    territory: TerritoryRecord,
    lands: list[str],
    touched: list[str],
    include: list[str],
    exclude: list[str],
    faults: Faults,
) -> None:
    """A rule that names `lands` says of every contested area that they touch whether it comes along."""
    undecided = [id_ for id_ in touched if id_ not in exclude]
    if undecided and territory.include is None:
        faults.add(
            f"{', '.join(lands)} touches contested areas, and the rule does not say which it includes: "
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
            faults.add(f'"{id_}" is not an area contested with {join_or(lands or ["what the rule names"])}.', there)


def known_territories(words: Iterable[str], faults: Faults) -> list[str]:
    """The ids that words name; each that names none is a fault."""
    found = []
    for word in words:
        if (id_ := territory_id(word)) is None:
            faults.add(*unknown_territory(word))
        else:
            found.append(id_)
    return found


def known_lands(words: Iterable[str], key: str, faults: Faults) -> frozenset[str]:
    """As `known_territories`, and each has to be land: nobody is registered, and no gateway stands, at sea."""
    found = known_territories(words, faults)
    for id_ in found:
        if id_ not in territories():
            faults.add(f'{key} names "{id_}", which is no land.', "Name a country or a contested area.")
    return frozenset(found)


def _who_disputes(id_: str) -> str:
    area = contested_areas()[id_]
    return (
        f"{id_} (administered by {', '.join(area.administered_by) or 'none'}, claimed by {', '.join(area.claimed_by)})"
    )
