"""Named places: the towns people look for by name, the capitals, and one place for every territory that has any."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from places.geonames import Places, capitals

TOWN_PEOPLE_MIN = 15_000


class OwnPlace(NamedTuple):
    """A place GeoNames (≥ 500 people) does not list, in a territory that would otherwise have none."""

    name: str
    territory: str
    lat_deg: float
    lon_deg: float
    population: int


OWN_PLACES = (
    OwnPlace("Pratas Island", "pratas", 20.703, 116.720, 0),
    OwnPlace("Uotsuri", "senkaku", 25.745, 123.475, 0),
    OwnPlace("Dokdo", "dokdo", 37.239, 131.870, 0),
    OwnPlace("Itu Aba (Taiping)", "spratly", 10.377, 114.365, 0),
    OwnPlace("Thitu (Pag-asa)", "spratly", 11.053, 114.285, 0),
    OwnPlace("Spratly Island (Trường Sa)", "spratly", 8.645, 111.920, 0),
    OwnPlace("Woody Island (Yongxing)", "paracel", 16.834, 112.338, 0),
    OwnPlace("Scarborough Shoal", "scarborough", 15.152, 117.755, 0),
    OwnPlace("Guantanamo Bay Naval Station", "guantanamo-bay", 19.913, -75.133, 0),
    OwnPlace("McMurdo Station", "ATA", -77.846, 166.676, 0),
)

# Letters that Unicode does not decompose into a base letter and a mark.
PLAIN_LETTERS = str.maketrans(
    {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe"}
    | {"ı": "i", "ə": "e", "Ə": "E", "ħ": "h", "Ħ": "H", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ŋ": "ng", "Ŋ": "Ng"}
    | {"’": "'", "‘": "'", "ʻ": "'", "ʼ": "'", "`": "'", "–": "-", "ŧ": "t", "Ŧ": "T", "ƙ": "k", "ɗ": "d", "ɓ": "b"}
)


def ascii_name(name: str) -> str:
    """A name in plain letters: marks dropped, other letters left out.

    >>> ascii_name("Sükhbaatar"), ascii_name("Łódź"), ascii_name("Ts’khinvali")
    ('Sukhbaatar', 'Lodz', "Ts'khinvali")
    """
    plain = unicodedata.normalize("NFKD", name.translate(PLAIN_LETTERS))
    return plain.encode("ascii", "ignore").decode()


def write_places(path: Path, places: Places, names: tuple[str, ...]) -> None:
    """`places.parquet`, the largest first."""
    rows = [
        (
            str(places.name[i]),
            names[places.territory[i]],
            round(float(places.lat_deg[i]), 4),
            round(float(places.lon_deg[i]), 4),
            int(places.people[i]),
        )
        for i in chosen(places)
    ]
    rows = sorted([*rows, *(tuple(own) for own in OWN_PLACES)], key=lambda row: (-row[4], row[1], row[0]))
    name, territory, lat_deg, lon_deg, population = zip(*rows, strict=True)
    plain = [ascii_name(text) for text in name]
    different = [short if short != text else None for text, short in zip(name, plain, strict=True)]
    table = pa.table(
        {
            "name": pa.array(name),
            "ascii_name": pa.array(different, type=pa.string()),
            "territory": pa.array(territory).dictionary_encode(),
            "lat_deg": pa.array(lat_deg, type=pa.float64()),
            "lon_deg": pa.array(lon_deg, type=pa.float64()),
            "population": pa.array(population, type=pa.int32()),
        }
    )
    pq.write_table(table, path, compression="zstd", compression_level=19)


def chosen(places: Places) -> NDArray[np.int64]:
    """Towns, capitals, and the largest place of each territory; in the order of GeoNames ids."""
    located = places.territory >= 0
    seats = capitals()
    is_capital = np.array(
        [
            seats[code] != "" and ascii_name(seats[code]) == ascii_name(name)
            for code, name in zip(places.countrycode, places.name, strict=True)
        ]
    )
    largest_first = np.lexsort((places.geonameid, -places.people))
    _, first = np.unique(places.territory[largest_first], return_index=True)
    is_largest = np.zeros(len(located), dtype=bool)
    is_largest[largest_first[first]] = True
    return np.flatnonzero(located & ((places.people >= TOWN_PEOPLE_MIN) | is_capital | is_largest))
