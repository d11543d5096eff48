"""`openleo territory import-eez`: a user's maritime boundaries, one GeoJSON file a territory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openleo.cli.common import AsJson, note, print_json

MARINE_REGIONS = ("ISO_TER1", "ISO_TER2", "ISO_TER3")
DEFAULT_SIMPLIFY_KM = 0.2


def import_eez(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="GeoJSON features with ISO alpha-3 codes, WGS 84.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write to.")] = Path("waters"),
    column: Annotated[
        list[str], typer.Option(metavar="NAME", help="A column of codes; may be given again. Default: Marine Regions'.")
    ] = list(MARINE_REGIONS),  # noqa: B006 - typer copies it
    simplify_km: Annotated[
        float, typer.Option(min=0.0, max=5.0, help="How far a line may move.")
    ] = DEFAULT_SIMPLIFY_KM,
    as_json: AsJson = False,
) -> None:
    """Write a file of exclusive economic zones as one GeoJSON file a territory, for use in expressions.

    Waters that several territories share or claim are a file of their own, named by all of them: whose they are is for
    the rule to say.
    """
    import hashlib
    import json

    import shapely

    from openleo.places.eez import read_zones
    from openleo.places.geojson import MOST_VERTICES
    from openleo.report.staging import Staging, blaming

    zones, nameless = read_zones(file, column, simplify_km)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    with blaming(out), Staging(out) as staging:
        for zone in zones:
            properties = {"territories": list(zone.codes), "source": file.name, "source_sha256": digest,
                          "simplify_km": simplify_km}  # fmt: skip
            feature = {"type": "Feature", "properties": properties, "geometry": shapely.geometry.mapping(zone.polygon)}
            content = json.dumps({"type": "FeatureCollection", "features": [feature]})
            (staging.path / f"{zone.name}.geojson").write_text(content, encoding="utf-8")
        staging.commit(ours=())
    large = [zone.name for zone in zones if shapely.get_num_coordinates(zone.polygon) > MOST_VERTICES]
    if large:
        note(f"More than {MOST_VERTICES:,} vertices, too many for an expression: {', '.join(large)}. "
             "Try a larger --simplify-km.")  # fmt: skip
    if nameless:
        note(f"Left out, as they name no territory: {'; '.join(nameless)}.")
    if as_json:
        rows = [{"territories": list(zone.codes), "file": f"{zone.name}.geojson", "features": zone.features}
                for zone in zones]  # fmt: skip
        print_json({"out": str(out), "sha256": digest, "zones": rows, "left_out": nameless})
        return
    for zone in zones:
        shared = "  shared or claimed by several" if len(zone.codes) > 1 else ""
        typer.echo(f"{out / f'{zone.name}.geojson'}{shared}")
