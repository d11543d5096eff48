"""Hypatia's directories (satgenpy): constellations as its users keep them.

Reads `tles.txt`, `isls.txt`, `ground_stations.txt` and `description.txt` into our own values: element sets, neighbours,
places on Hypatia's ellipsoid (WGS 72 axes) and the range limits by which it admits links. Format: satgenpy's README.
"""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openleo.errors import InputError, Problem, Together
from openleo.instants import instant_text
from openleo.network.constellation import Constellation, from_elements
from openleo.network.constellation.elements import ElementSets, read_elements
from openleo.network.kernels.paths import NO_LINK
from openleo.network.pairs import Places
from openleo.network.topology import Neighbours, Topology
from openleo.units import M_PER_KM, WGS72_RADIUS_KM

# Hypatia's ground is the ellipsoid of WGS 72, with 1/298.26; a sphere would be wrong by up to 25 km.
ELLIPSOID_FLATTENING = 1.0 / 298.26

LIMITS = ("max_gsl_length_m", "max_isl_length_m")  # of description.txt
# The numbers of a ground station, in degrees and metres: below the Dead Sea's shore, and above every balloon.
STATION_NUMBERS = (("latitude", -90.0, 90.0), ("longitude", -180.0, 180.0), ("elevation", -500.0, 50_000.0))
STATION_LINE = "A line is gid,name,latitude,longitude,elevation."

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Directory:
    """One satgenpy directory."""

    constellation: Constellation
    topology: Topology
    places: Places
    longest_ground_link_km: float
    links: NDArray[np.int32]  # axes (link, two ends), in the file's order: it numbers the satellites' interfaces
    grid: tuple[int, int]  # what `tles.txt` says first: planes, satellites in each
    folder: Path  # where it was read from


def read(folder: Path) -> Directory:
    """Read a directory whole. Raises InputError with every problem of its files."""
    _check_there(folder)
    together = Together()
    sets = together.read(lambda: read_elements(folder / "tles.txt"))
    problems = together.found
    places = _places(_stations_file(folder), problems)
    limits = _limits(folder / "description.txt", problems)
    whole = sets is not None and not sets.set_aside
    links = _links(folder / "isls.txt", len(sets) if sets and whole else None, problems)
    if sets is None:
        raise InputError(problems)
    problems += [*sets.set_aside, *_other_epochs(folder / "tles.txt", sets)]
    grid = _grid(folder / "tles.txt", [one.name for one in sets.sets], problems) if whole else (0, 0)
    if problems:
        raise InputError(problems)
    constellation = from_elements(str(folder.name), sets)
    # Hypatia's limit of range stands for the horizon, so nothing else does.
    topology = Topology(neighbours(links, len(sets.sets)), lowest_km=0.0, longest_km=limits[1])
    return Directory(constellation, topology, places, limits[0], links, grid, folder)


def _check_there(folder: Path) -> None:
    """Raise InputError for the directory, or for every file of it that is not there."""
    if not folder.is_dir():
        rule = "there is no such directory."
        raise InputError(Problem(str(folder), "", rule, "constellation.hypatia is relative to the scenario."))
    needed = [folder / "tles.txt", folder / "isls.txt", _stations_file(folder), folder / "description.txt"]
    missing = [path for path in needed if not path.is_file()]
    if missing:
        way_out = "A Hypatia directory holds it."
        raise InputError([Problem(str(path), "", "there is no such file.", way_out) for path in missing])


def _other_epochs(path: Path, sets: ElementSets) -> list[Problem]:
    """Element sets that are not of the first one's epoch, at which Hypatia's clock starts."""
    first = sets.sets[0]
    others = [one for one in sets.sets if one.epoch != first.epoch]
    if not others:
        return []
    where = f"{others[0].name} and {len(others) - 1} more" if len(others) > 1 else others[0].name
    rule = (
        f"has the epoch {instant_text(others[0].epoch)}, {first.name} has {instant_text(first.epoch)}; one is needed."
    )
    return [Problem(str(path), where, rule, "Use elements = ... for a real catalogue.")]


def _lines(path: Path) -> list[tuple[int, str]]:
    """(number, line) of the lines that are not blank."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        return [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    except (OSError, ValueError) as error:
        raise InputError(Problem(str(path), "", f"cannot be read: {error}.")) from None


def _stations_file(folder: Path) -> Path:
    """`ground_stations.txt`, or the basic list from which satgenpy would make it."""
    whole, basic = folder / "ground_stations.txt", folder / "ground_stations.basic.txt"
    return basic if basic.is_file() and not whole.is_file() else whole


def _grid(path: Path, names: list[str], problems: list[Problem]) -> tuple[int, int]:
    """The first line of `tles.txt`: planes, satellites in each. A file without it is one satellite a plane.

    Under that line satgenpy's satellites are called `NAME number`, counted from 0: `isls.txt` joins them by it, so that
    one left out would move every link behind it.
    """
    satellites = len(names)
    header = _lines(path)[0][1]  # there are element sets in it, so there is a line
    words = header.split()
    if len(words) != 2 or not all(word.isdecimal() for word in words):
        return satellites, 1
    planes, per_plane = (int(word) for word in words)
    if planes * per_plane != satellites:
        rule = f"says {planes} planes of {per_plane} satellites; {satellites} element sets are read."
        problems.append(Problem(str(path), "line 1", rule, "The product must be their number."))
    numbers = [re.fullmatch(r"\S+ (\d+)", name) if name != header.strip() else None for name in names]
    wrong = next((n for n, found in enumerate(numbers) if found and int(found[1]) != n), None)
    if wrong is not None:
        rule = f'satellite {wrong} is called "{names[wrong]}"; isls.txt joins satellites by their numbers.'
        problems.append(Problem(str(path), "", rule, "Number them from 0 without a gap, and the links with them."))
    return planes, per_plane


def _links(path: Path, satellites: int | None, problems: list[Problem]) -> NDArray[np.int32]:
    """The links of `isls.txt` (two satellites a line) in its order; an empty file has none.

    `satellites`: how many there are; None where `tles.txt` is at fault and nobody knows. A link said twice is refused,
    as satgenpy does: it would be counted as two interfaces.
    """
    joined: dict[tuple[int, int], int] = {}
    mend = "Leave the line out, or mend its numbers."
    for number, line in _lines(path):
        try:
            a, b = (int(word) for word in line.split())
        except ValueError:
            problems.append(Problem(str(path), f"line {number}", f"is {line!r}; a link is two numbers.", mend))
            continue
        link = (min(a, b), max(a, b))
        if link[0] < 0 or (satellites is not None and link[1] >= satellites):
            known = "they count from 0" if satellites is None else f"there are satellites 0 to {satellites - 1}"
            problems.append(Problem(str(path), f"line {number}", f"joins {a} and {b}; {known}.", mend))
        elif a == b:
            rule = f"joins {a} and {b}; a link has two different ends."
            problems.append(Problem(str(path), f"line {number}", rule, mend))
        elif link in joined:
            rule = f"joins {a} and {b}, as line {joined[link]} does; a link stands there once."
            problems.append(Problem(str(path), f"line {number}", rule, mend))
        else:
            joined[link] = number
    return np.array(list(joined), dtype=np.int32).reshape(-1, 2)


def neighbours(links: NDArray[np.int32], satellites: int) -> Neighbours:
    """neighbours[satellite, k]: the other end of the satellite's interface k, −1 for none.

    A satellite's interfaces are numbered in the order in which `links` (link, two ends) names it.
    """
    joined: list[list[int]] = [[] for _ in range(satellites)]
    for a, b in links.tolist():
        joined[a].append(b)
        joined[b].append(a)
    found = np.full((satellites, max((len(one) for one in joined), default=0)), NO_LINK, dtype=np.int32)
    for satellite, others in enumerate(joined):
        found[satellite, : len(others)] = others
    return found


def _places(path: Path, problems: list[Problem]) -> Places:
    """The stations of `ground_stations.txt`: gid, name, latitude, longitude, elevation (m); x, y, z follow.

    None where there are problems.
    """
    names: dict[str, int] = {}
    degrees: list[tuple[float, float, float]] = []
    lines = _lines(path)
    for number, line in lines:
        where = f"line {number}"
        try:
            (row,) = csv.reader([line])
            latitude, longitude, elevation_m = (float(word) for word in row[2:5])
        except (ValueError, csv.Error):
            rule = f"is {line!r}, without latitude, longitude and elevation as numbers."
            problems.append(Problem(str(path), where, rule, STATION_LINE))
            continue
        name = row[1]
        if not name.strip() or not name.isprintable():
            rule = f"has the name {name!r}, which nobody can read."
            problems.append(Problem(str(path), where, rule, STATION_LINE))
        elif name in names:
            rule = f'"{name}" stands there twice, in line {names[name]} too.'
            problems.append(Problem(str(path), where, rule, "Names must differ."))
        names.setdefault(name, number)
        read = (latitude, longitude, elevation_m)
        for (what, low, high), word, value in zip(STATION_NUMBERS, row[2:5], read, strict=True):
            if not low <= value <= high:  # NaN fails too
                rule = f'"{name}" has the {what} {word.strip()}, not within {low:g} to {high:g}.'
                problems.append(Problem(str(path), where, rule, "Angles are in degrees, the elevation is in metres."))
        degrees.append(read)
    if not lines:
        problems.append(Problem(str(path), "", "holds no ground station.", STATION_LINE))
    if problems:
        return Places((), np.empty((0, 3)), np.empty((0, 3)))
    latitude, longitude, elevation = np.array(degrees).T
    return on_ellipsoid(tuple(names), latitude, longitude, elevation / M_PER_KM)


def on_ellipsoid(names: tuple[str, ...], latitude_deg: Floats, longitude_deg: Floats, altitude_km: Floats) -> Places:
    """Places on Hypatia's ellipsoid."""
    lat, lon, height = np.radians(latitude_deg), np.radians(longitude_deg), np.asarray(altitude_km)
    squared = ELLIPSOID_FLATTENING * (2.0 - ELLIPSOID_FLATTENING)
    vertical = WGS72_RADIUS_KM / np.sqrt(1.0 - squared * np.sin(lat) ** 2)
    up = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    position = (vertical + height)[:, np.newaxis] * up
    position[:, 2] = (vertical * (1.0 - squared) + height) * up[:, 2]
    return Places(names, position, up)


def _limits(path: Path, problems: list[Problem]) -> tuple[float, float]:
    """(longest ground link, longest inter-satellite link) in km, from `key=metres` lines."""
    said: dict[str, tuple[int, str]] = {}
    for number, line in _lines(path):
        key, equals, word = (part.strip() for part in line.partition("="))
        if equals and key in said and key in LIMITS:
            rule = f"says {key} = {word}; line {said[key][0]} says {said[key][1]}."
            problems.append(Problem(str(path), f"line {number}", rule, "Leave one of the two out."))
        said.setdefault(key, (number, word))
    found = []
    for key in LIMITS:
        if key not in said:
            problems.append(Problem(str(path), key, "is missing.", f"Write {key}=METRES."))
            continue
        number, word = said[key]
        try:
            found.append(float(word) / M_PER_KM)
        except ValueError:
            found.append(math.nan)
        if not 0.0 < found[-1] < math.inf:  # NaN fails too: no range would be beyond it
            rule = f"{key} is {word}; a length is a number of metres above 0."
            problems.append(Problem(str(path), f"line {number}", rule, "Write for example 5016591.233."))
    return (found[0], found[1]) if len(found) == len(LIMITS) else (0.0, 0.0)
