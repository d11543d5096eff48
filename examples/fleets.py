"""Synthetic fleets of the shipped scenarios: tables of terminals for `openleo policy`.

    python examples/fleets.py NAME --out terminals.csv

No terminal is a real one, and no position is anybody's. Terminals on land stand where the embedded estimate of people
says that people live, one place drawn for each; those at sea are spread evenly over a named area. Classes are dealt out
by stated shares. The seed is fixed, so the same name gives the same file.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.places import expression_text, land, regions

Floats = NDArray[np.float64]

SEED = 20_221_024
UNCERTAINTY_M = 30
WITHIN = 7  # H3 resolution: a terminal stands at the middle of one of the 49 such cells of a population cell
UKRAINE = ("UKR", "donetsk-oblast", "kherson-oblast", "luhansk-oblast", "zaporizhzhia-oblast")
CLASSES = {"portable": 0.55, "fixed": 0.25, "government": 0.12, "emergency": 0.08}  # assumed
COLUMNS = ("id", "class", "account", "groups", "lat_deg", "lon_deg", "uncertainty_m", "age_s", "source", "speed_kmh")


@dataclass(frozen=True)
class Fleet:
    """How many terminals stand where; `at_sea`: how many more, of the class maritime, in which area."""

    terminals: int
    territories: tuple[str, ...]
    classes: dict[str, float]
    at_sea: tuple[int, str] | None = None
    one_account: int = 0  # so many are of one account, `block-1`, in the group `payment-stopped`


FLEETS = {
    # 5,000: what USAID said on 5 April 2022 had been delivered.
    "ukraine-2022-04": Fleet(5_000, UKRAINE, CLASSES),
    # 20,000: "almost 20,000" in SpaceX's letter of September 2022, as CNN reported it; 200 at sea are assumed.
    "ukraine-2022-09": Fleet(20_000, UKRAINE, CLASSES, at_sea=(200, "coast(crimea, 150)")),
    # The same year's 20,000, 1,300 of them of one account.
    "ukraine-2022-10": Fleet(20_000, UKRAINE, CLASSES, one_account=1_300),
}


def table(fleet: Fleet, seed: int = SEED) -> dict[str, Sequence[Any]]:
    """The columns of a fleet."""
    chance = np.random.default_rng(seed)
    latitude, longitude = on_land(fleet.terminals, fleet.territories, chance)
    classes = list(chance.choice(list(fleet.classes), size=fleet.terminals, p=list(fleet.classes.values())))
    of_account = np.zeros(fleet.terminals, dtype=bool)
    of_account[chance.choice(fleet.terminals, fleet.one_account, replace=False)] = True
    if fleet.at_sea:
        more, area = fleet.at_sea
        sea_latitude, sea_longitude = within(area, more, chance)
        latitude, longitude = np.append(latitude, sea_latitude), np.append(longitude, sea_longitude)
        classes += ["maritime"] * more
        of_account = np.append(of_account, np.zeros(more, dtype=bool))
    total = len(classes)
    return {
        "id": [f"t-{number:05d}" for number in range(total)],
        "class": [str(one) for one in classes],
        "account": ["block-1" if one else f"account-{number:05d}" for number, one in enumerate(of_account)],
        "groups": ["payment-stopped" if one else ";" for one in of_account],
        "lat_deg": [f"{one:.4f}" for one in latitude],
        "lon_deg": [f"{one:.4f}" for one in longitude],
        "uncertainty_m": [UNCERTAINTY_M] * total,
        "age_s": [5] * total,
        "source": ["gnss"] * total,
        "speed_kmh": [0] * total,
    }


def on_land(number: int, territories: Sequence[str], chance: np.random.Generator) -> tuple[Floats, Floats]:
    """(latitude_deg, longitude_deg) of places on the land of some territories, drawn by where people live."""
    with as_file(files("openleo.data") / "places" / "population-h3-5.parquet") as path:
        people = pq.read_table(path)
    whose = np.array(people["territory"].to_pylist(), dtype=object)
    mine = np.flatnonzero(np.isin(whose, territories))
    weight = people["people"].to_numpy()[mine].astype(np.float64)
    cell, whose = people["cell"].to_numpy()[mine], whose[mine]
    ground = land.load()
    latitude, longitude = np.empty(0), np.empty(0)
    while len(latitude) < number:
        drawn = chance.choice(len(mine), size=number, p=weight / weight.sum())
        finer = [chance.choice(h3cells.children(cell[one : one + 1], WITHIN)) for one in drawn]
        north, east = h3cells.centres_deg(np.array(finer, dtype=np.uint64))
        owner = ground.territory_of(east, north)
        names = np.array([*ground.territories, ""], dtype=object)[owner]  # −1, at sea, is the last
        fits = names == whose[drawn]
        latitude, longitude = np.append(latitude, north[fits]), np.append(longitude, east[fits])
    return latitude[:number], longitude[:number]


def within(area: str, number: int, chance: np.random.Generator) -> tuple[Floats, Floats]:
    """(latitude_deg, longitude_deg) of places spread evenly over the water of an area."""
    polygon = regions.polygon_of(expression_text.parse(area, Path(), "fleets.py", area))
    west, south, east, north = shapely.bounds(polygon)
    shapely.prepare(polygon)
    latitude, longitude = np.empty(0), np.empty(0)
    while len(latitude) < number:
        up = np.sin(np.radians([south, north]))
        y = np.degrees(np.arcsin(chance.uniform(*up, size=4 * number)))
        x = chance.uniform(west, east, size=4 * number)
        fits = shapely.contains_xy(polygon, x, y)
        latitude, longitude = np.append(latitude, y[fits]), np.append(longitude, x[fits])
    return latitude[:number], longitude[:number]


def write(columns: dict[str, Sequence[Any]], target: Path) -> None:
    """Write a table as CSV."""
    with target.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(columns)
        rows.writerows(zip(*columns.values(), strict=True))


def main() -> None:
    """Write the fleet that the command line names."""
    words = argparse.ArgumentParser(description="Write a synthetic fleet of a shipped scenario.")
    words.add_argument("name", choices=FLEETS)
    words.add_argument("--out", type=Path, required=True, metavar="F.csv")
    said = words.parse_args()
    columns = table(FLEETS[said.name])
    write(columns, said.out)
    print(f"{said.out}: {len(columns['id']):,} synthetic terminals")


if __name__ == "__main__":
    main()
