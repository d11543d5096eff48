"""`openleo territory`: the named areas that scenarios and rules speak of."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from openleo.cli import territory_eez, territory_show
from openleo.cli.common import AsJson, Verbs, print_json

app = typer.Typer(
    cls=Verbs, no_args_is_help=True, rich_markup_mode=None, help="The named areas that scenarios and rules speak of."
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
        typer.echo(f"{row.id:32} {row.name}{f'  ({disputed.in_words})' if disputed else ''}")


app.command()(territory_show.show)
app.command("import-eez")(territory_eez.import_eez)
