"""Reading lists of ground stations: the embedded ones by name, a user's own from CSV or GeoJSON.

Gateways and PoPs share the form: a name, a place, a status. `gateways` and `pops` make them what they are.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from openleo.errors import InputError, Problem, join_or, near_names

OPERATIONAL = "operational"
STATUSES = (OPERATIONAL, "planned", "closed")  # only operational ones take part
NEEDED_COLUMNS = ("name", "lat_deg", "lon_deg")
SERVING_ENDING = "-serving-pops.csv"  # which PoP serves a territory: no list of stations
FILE_ENDINGS = (".csv", ".geojson", ".json")
LISTS_KEPT = 8  # that a process remembers, by their bytes


@dataclass(frozen=True)
class Station:
    """One ground station, at the precision of its municipality unless its list says otherwise."""

    name: str
    latitude_deg: float
    longitude_deg: float
    territory: str = ""
    status: str = OPERATIONAL
    elevation_deg: float | None = None  # its own mask, of a gateway
    antennas: int | None = None  # satellites at a time, of a gateway
    code: str = ""  # the operator's own, of a PoP
    days: float | None = None  # until it can stand, of a candidate


def embedded(kind: str) -> list[str]:
    """Names of the embedded lists of a kind ("gateways" or "pops")."""
    ending = f"-{kind}.csv"
    folder = files("openleo.data") / "ground"
    names = [entry.name for entry in folder.iterdir() if not entry.name.endswith(SERVING_ENDING)]
    return sorted(name.removesuffix(ending) for name in names if name.endswith(ending))


def read(source: str, kind: str, folder: Path, file: str, where: str) -> tuple[tuple[Station, ...], bytes]:
    """(the operational stations of an embedded list or of a file, the bytes they were read from).

    Raises InputError with every fault of the list: a column missing, a coordinate out of range, a name twice.
    """
    listed, content = read_listed(source, kind, folder, file, where)
    return tuple(station for station in listed if station.status == OPERATIONAL), content


def read_listed(source: str, kind: str, folder: Path, file: str, where: str) -> tuple[tuple[Station, ...], bytes]:
    """As `read`, with the stations that are planned or closed."""
    if source in embedded(kind):
        content = (files("openleo.data") / "ground" / f"{source}-{kind}.csv").read_bytes()
        return _stations(content, f"{source}-{kind}.csv", kind), content
    path = folder / source
    if path.suffix.lower() not in FILE_ENDINGS:
        rule = f'there is no list of {kind} "{source}", and it is no CSV or GeoJSON file.'
        way_out = near_names(source, embedded(kind)) or f"Embedded lists: {', '.join(embedded(kind))}."
        raise InputError(Problem(file, where, rule, way_out))
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        rule = f"{path} cannot be read: {getattr(error, 'strerror', None) or error}."
        raise InputError(Problem(file, where, rule, "Paths are relative to the scenario.")) from None
    return _stations(content, str(path), kind), content


@lru_cache(LISTS_KEPT)
def _stations(content: bytes, file: str, kind: str) -> tuple[Station, ...]:
    try:
        rows = list(
            _geojson_rows(content) if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{" else _csv_rows(content)
        )
    except (UnicodeDecodeError, ValueError, TypeError, AttributeError, RecursionError, csv.Error) as error:
        raise InputError(Problem(file, "", f"cannot be read as CSV or GeoJSON: {error}.")) from None
    if not rows:
        columns = f"A CSV needs the columns {', '.join(NEEDED_COLUMNS)}."
        raise InputError(Problem(file, "", f"holds no {kind}.", columns))
    read = [_station(row) for _, row in rows]
    mend = "Mend the row, or leave it out."
    problems: list[Problem] = []
    stations: list[Station] = []
    first: dict[str, str] = {}  # where each name stands first
    for (where, _), one in zip(rows, read, strict=True):
        if not isinstance(one, Station):
            problems.append(Problem(file, where, one, mend))
            continue
        if one.name in first:
            rule = f'"{one.name}" stands there twice, at {first[one.name]} too.'
            problems.append(Problem(file, where, rule, f"Names of {kind} must differ."))
        first.setdefault(one.name, where)
        stations.append(one)
    if not any(station.status == OPERATIONAL for station in stations) and not problems:
        problems.append(Problem(file, "", f"holds no {kind} with status {OPERATIONAL}."))
    if problems:
        raise InputError(problems)
    return tuple(stations)


def _station(row: dict[str, object]) -> Station | str:
    """A row as a station, or what is wrong with it."""
    missing = [column for column in NEEDED_COLUMNS if row.get(column) in (None, "")]
    if missing:
        return f"lacks {', '.join(missing)}."
    name, status = str(row["name"]).strip(), str(row.get("status") or OPERATIONAL).strip().casefold()
    if not name.isprintable() or not name:
        return "has a name that cannot be printed."
    if status not in STATUSES:
        return f'"{name}" has status {status!r}; it must be {join_or(STATUSES)}.'
    try:
        latitude, longitude = float(str(row["lat_deg"])), float(str(row["lon_deg"]))
    except ValueError:
        return f'"{name}" lies at {row["lat_deg"]}, {row["lon_deg"]}, which are not two numbers.'
    if not (abs(latitude) <= 90.0 and abs(longitude) <= 180.0):  # NaN fails too
        return f'"{name}" lies at {latitude}, {longitude}; latitude is within ±90, longitude within ±180.'
    mask, antennas = row.get("elevation_deg"), row.get("antennas")
    try:
        mask_deg = None if mask in (None, "") else float(str(mask))
    except ValueError:
        mask_deg = -1.0
    if mask_deg is not None and not 0.0 <= mask_deg <= 90.0:
        return f'"{name}" has elevation_deg {mask}; a mask is a number from 0 to 90.'
    if antennas not in (None, "") and not (str(antennas).strip().isdecimal() and 1 <= int(str(antennas)) <= 10_000):
        return f'"{name}" has antennas {antennas}; write a whole number from 1 to 10000.'
    try:
        days = None if row.get("days") in (None, "") else float(str(row["days"]))
    except ValueError:
        days = -1.0
    if days is not None and not 0.0 <= days <= 100_000.0:
        return f'"{name}" has days {row["days"]}; write a number from 0 to 100000.'
    few = None if antennas in (None, "") else int(str(antennas))
    code = str(row.get("code") or "").strip()
    return Station(name, latitude, longitude, str(row.get("territory") or ""), status, mask_deg, few, code, days)


def _csv_rows(content: bytes) -> Iterator[tuple[str, dict[str, object]]]:
    reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
    for row in reader:
        yield f"line {reader.line_num}", {key: value for key, value in row.items() if key}


def _geojson_rows(content: bytes) -> Iterator[tuple[str, dict[str, object]]]:
    for number, feature in enumerate(json.loads(content.decode("utf-8-sig")).get("features", [])):
        geometry = feature.get("geometry") or {}
        row = dict(feature.get("properties") or {})
        if geometry.get("type") == "Point":
            row["lon_deg"], row["lat_deg"] = geometry["coordinates"][:2]
        yield f"feature {number}", row
