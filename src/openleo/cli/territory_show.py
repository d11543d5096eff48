"""`openleo territory show`: one territory, or any expression over territories."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.common import AsJson, print_json, progress

if TYPE_CHECKING:
    from openleo.places.areas import Extent
    from openleo.places.expressions import Expression
    from openleo.places.territories import ContestedArea

DEFAULT_RESOLUTION = 4
ARGUMENT = "EXPRESSION"
NO_LEGAL_BOUNDARY = "Strips of sea are computed by the distance to the nearest coast; they are no legal boundary."


def show(
    area: Annotated[
        str,
        typer.Argument(
            metavar=ARGUMENT, help='A territory (TWN, kinmen, JPN.sea12) or an expression ("UKR - buffer(crimea, 20)").'
        ),
    ],
    resolution: Annotated[
        int | None,
        typer.Option(min=0, max=7, help="H3 resolution of the cells counted. Default: 4; none for high-seas."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="F.geojson", help="Write the polygon.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show a territory (source, point of view, who contests what) or any expression: its cells, area and people."""
    from openleo.places.expression_text import parse
    from openleo.places.expressions import Labels
    from openleo.places.territories import HIGH_SEAS, territory_id

    id_ = territory_id(area)
    expression = Labels(frozenset({id_})) if id_ else parse(area, Path(), ARGUMENT, "")
    asked = resolution is not None
    if resolution is None and id_ != HIGH_SEAS:  # most cells of the Earth: minutes, on request
        resolution = DEFAULT_RESOLUTION
    said: dict[str, Any] = _territory_json(id_) if id_ else {}
    compiled: dict[str, Any] = {}
    if resolution is not None:
        with progress(kernels=False) as told:
            told(f"cells at resolution {resolution}", 0, 1)
            compiled = _compiled(expression, resolution)
    if id_ and not asked:  # who contests the territory itself, as its record has it; `contested_labels` has the list
        compiled.pop("contested", None)
    said |= compiled
    if out is not None:
        _write(out, expression, said)
    if as_json:
        print_json(said)
        return
    if id_:
        _tell_territory(id_)
    if compiled:
        _tell_compiled(compiled)
    if out is not None:
        typer.echo(f"wrote {out}")


# --- an expression ------------------------------------------------------------------------------------------------


def _compiled(expression: Expression, resolution: int) -> dict[str, Any]:
    from openleo import cells as h3cells
    from openleo.places.areas import extent
    from openleo.places.expressions import borders_sha256, drawn_from, named_labels, regions_of, sha256_of, text_of

    found: Extent = extent(expression, resolution)
    asked = {*named_labels(expression), *drawn_from(expression)}
    held = {label for label, _, _ in found.labels}
    return {
        "expression": text_of(expression),
        "sha256": sha256_of(expression, resolution),
        "area_sha256": sha256_of(expression),
        "resolution": resolution,
        "cells_inside": len(found.inside),
        "cells_border": len(found.border),
        "area_km2": round(found.area_km2, 3),
        "population": round(found.people),
        "labels": [
            {"label": label, "area_km2": round(km2, 3), "population": round(people)}
            for label, km2, people in found.labels
        ],
        "regions": [{"region": region.text, "sha256": region.sha256} for region in regions_of(expression)],
        "sources": _sources(asked | held),
        "borders_sha256": borders_sha256(),
        "contested": _contested(asked, held),
        "contested_labels": _contested(asked, held),
        "cells": {"inside": h3cells.text(found.inside), "border": h3cells.text(found.border)},
    }


def _sources(labels: set[str]) -> list[dict[str, str]]:
    """Where the outlines of some labels are from, in which version, and whose view they are; each once."""
    from openleo.places.territories import territories

    rows = [territories()[land] for land in sorted({label.partition(".")[0] for label in labels} & set(territories()))]
    said = dict.fromkeys((row.source, row.version, row.point_of_view) for row in rows)
    return [dict(zip(("source", "version", "point_of_view"), one, strict=True)) for one in said]


def _contested(asked: set[str], held: set[str]) -> list[str]:
    """The contested areas that an expression has ground or water of, and those of the lands that it names."""
    from openleo.places.territories import contested_areas, contested_with

    with_these = (label.partition(".")[0] for label in asked)
    touched = {label.partition(".")[0] for label in asked | held} & set(contested_areas())
    return sorted(touched.union(*([area.id for area in contested_with(land)] for land in with_these)))


def _tell_compiled(said: dict[str, Any]) -> None:
    inside, border = said["cells_inside"], said["cells_border"]
    typer.echo(said["expression"])
    typer.echo(f"  sha256         {said['sha256']}")
    typer.echo(f"  cells          {inside:,} wholly inside, {border:,} at the border (resolution {said['resolution']})")
    typer.echo(f"  area           {said['area_km2']:,.0f} km²")
    typer.echo(f"  people         {said['population']:,} (estimate)")
    if inside + border == 0:
        typer.echo("  Nothing lies in it.")
    for source in said["sources"]:
        typer.echo(f"  source         {source['source']}, version {source['version']}")
        typer.echo(f"  point of view  {source['point_of_view']}")
    for row in said["labels"]:
        typer.echo(f"    {row['label']:24} {row['area_km2']:14,.0f} km² {row['population']:14,} people")
    for region in said["regions"]:
        typer.echo(f"  region         {region['region']}  {region['sha256'][:16]}")
    if said["contested_labels"]:
        typer.echo(f"  contested      {', '.join(said['contested_labels'])}: see `openleo territory show` of each")
    if any("sea" in row["label"] for row in said["labels"]):
        typer.echo(f"  {NO_LEGAL_BOUNDARY}")


def _write(out: Path, expression: Expression, said: dict[str, Any]) -> None:
    """The polygon as GeoJSON, with the text of the expression and its hash, which knows no resolution."""
    import shapely

    from openleo.errors import InputError, Problem
    from openleo.places.expressions import sha256_of, text_of
    from openleo.places.regions import NoPolygonError, polygon_of
    from openleo.report.staging import StagedFile, blaming

    try:
        polygon = polygon_of(expression)
    except NoPolygonError as error:
        rule = f'"{error}" has no polygon: strips of sea are computed point by point.'
        raise InputError(Problem(ARGUMENT, "", rule, "Leave out --out, or write coast(ID, 12 nm).")) from None
    properties = {"expression": text_of(expression), "area_sha256": sha256_of(expression)}
    feature = {"type": "Feature", "properties": properties, "geometry": shapely.geometry.mapping(polygon)}
    with StagedFile(out) as path, blaming(out):
        path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    said["out"] = str(out)


# --- a territory --------------------------------------------------------------------------------------------------


def _territory_json(id_: str) -> dict[str, Any]:
    from openleo.places.territories import contested_areas, contested_with, display_name, territories

    row, disputed = territories().get(id_), contested_areas().get(id_)
    return {
        **(asdict(row) if row else {"id": id_, "name": display_name(id_), "kind": "sea"}),
        "contested": _area_json(disputed) if disputed else None,
        "contested_with": [_area_json(area) for area in contested_with(id_)],
    }


def _tell_territory(id_: str) -> None:
    from openleo.places.territories import contested_areas, contested_with, display_name, territories

    row = territories().get(id_)
    typer.echo(f"{id_}: {display_name(id_)}")
    if row is None:
        typer.echo("A strip of sea computed by the distance to the nearest coast; it is no legal boundary.")
        return
    typer.echo(f"  people         {row.population:,} (estimate)")
    typer.echo(f"  land           {row.area_km2:,.0f} km²")
    typer.echo(f"  source         {row.source}, version {row.version}")
    typer.echo(f"  point of view  {row.point_of_view}")
    if disputed := contested_areas().get(id_):
        _show_area(disputed, "contested")
    for area in contested_with(id_):
        _show_area(area, "a rule must say whether it includes")


def _show_area(area: ContestedArea, lead: str) -> None:
    called = f" (also {', '.join(area.also_called)})" if area.also_called else ""
    typer.echo(f"  {lead}: {area.id}, {area.name}{called}: {area.in_words}, as of {area.as_of}")
    typer.echo(f"    {area.note}")
    typer.echo(f"    sources: {'; '.join(area.sources)}")


def _area_json(area: ContestedArea) -> dict[str, Any]:
    return {**asdict(area), "as_of": area.as_of.isoformat()}
