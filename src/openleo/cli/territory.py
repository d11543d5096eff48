"""`openleo territory`: the named areas that scenarios and rules speak of."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.common import AsJson, print_json

if TYPE_CHECKING:
    from openleo.places.territories import ContestedArea

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The named areas that scenarios and rules speak of."
)


@app.command("list")
def list_(
    contested: Annotated[bool, typer.Option("--contested", help="Only contested areas.")] = False,
    as_json: AsJson = False,
) -> None:
    """List every territory: ISO 3166-1 entries and contested areas."""
    from openleo.places.territories import contested_areas, territories

    rows = [row for row in territories().values() if not contested or row.id in contested_areas()]
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    for row in rows:
        disputed = contested_areas().get(row.id)
        typer.echo(f"{row.id:32} {row.name}{f'  ({_parties(disputed)})' if disputed else ''}")


@app.command()
def show(
    territory: Annotated[str, typer.Argument(help="A code or name, for example TWN, kinmen or JPN.sea12.")],
    as_json: AsJson = False,
) -> None:
    """Show a territory: people, area, source, point of view, and who contests what."""
    from openleo.errors import InputError, Problem
    from openleo.places.territories import (
        contested_areas,
        contested_with,
        display_name,
        territories,
        territory_id,
        unknown_territory,
    )

    id_ = territory_id(territory)
    if id_ is None:
        rule, way_out = unknown_territory(territory)
        raise InputError(Problem("TERRITORY", "", rule, way_out))
    row = territories().get(id_)
    disputed, touching = contested_areas().get(id_), contested_with(id_)
    if as_json:
        print_json(
            {
                **(asdict(row) if row else {"id": id_, "name": display_name(id_), "kind": "sea"}),
                "contested": _area_json(disputed) if disputed else None,
                "contested_with": [_area_json(area) for area in touching],
            }
        )
        return
    typer.echo(f"{id_}: {display_name(id_)}")
    if row is None:
        typer.echo("A strip of sea computed by the distance to the nearest coast; it is no legal boundary.")
        return
    typer.echo(f"  people         {row.population:,} (estimate)")
    typer.echo(f"  land           {row.area_km2:,.0f} km²")
    typer.echo(f"  source         {row.source}, version {row.version}")
    typer.echo(f"  point of view  {row.point_of_view}")
    if disputed:
        _show_area(disputed, "contested")
    for area in touching:
        _show_area(area, "a rule must say whether it includes")


def _show_area(area: ContestedArea, lead: str) -> None:
    called = f" (also {', '.join(area.also_called)})" if area.also_called else ""
    typer.echo(f"  {lead}: {area.id}, {area.name}{called}: {_parties(area)}, as of {area.as_of}")
    typer.echo(f"    {area.note}")
    typer.echo(f"    sources: {'; '.join(area.sources)}")


def _parties(area: ContestedArea) -> str:
    administrators, claimants = (", ".join(ids) or "none" for ids in (area.administered_by, area.claimed_by))
    return f"administered by {administrators}; claimed by {claimants}"


def _area_json(area: ContestedArea) -> dict[str, Any]:
    return {**asdict(area), "as_of": area.as_of.isoformat()}
