"""Hypatia's directories (satgenpy): constellations as its users keep them.

Reads `tles.txt`, `isls.txt`, `ground_stations.txt` and `description.txt` into our own values: element sets, neighbours,
places on Hypatia's ellipsoid (WGS 72 axes) and the range limits by which it admits links. Format: satgenpy's README.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openleo.errors import InputError, Problem
from openleo.network.constellation import Constellation, from_elements
from openleo.network.constellation.elements import read_elements
from openleo.network.kernels.paths import NO_LINK
from openleo.network.pairs import Places
from openleo.network.topology import Neighbours, Topology
from openleo.units import M_PER_KM, WGS72_RADIUS_KM

# Hypatia's ground is the ellipsoid of WGS 72, with 1/298.26; a sphere would be wrong by up to 25 km.
ELLIPSOID_FLATTENING = 1.0 / 298.26

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


def read(folder: Path) -> Directory:
    """Read a directory whole. Raises InputError with every problem of its files."""
    problems: list[Problem] = []
    sets = read_elements(_existing(folder / "tles.txt"))
    problems += sets.set_aside
    epochs = {one.epoch for one in sets.sets}
    if len(epochs) > 1:
        rule = f"has element sets of {len(epochs)} epochs; Hypatia's have one."
        problems.append(Problem(str(folder / "tles.txt"), "", rule, "Use elements = ... for a real catalogue."))
    links = _links(folder / "isls.txt", len(sets.sets), problems)
    grid = _grid(folder / "tles.txt", len(sets.sets), problems)
    places = _places(_stations_file(folder), problems)
    limits = _limits(folder / "description.txt", problems)
    if problems:
        raise InputError(problems)
    constellation = from_elements(str(folder.name), sets)
    # Hypatia's limit of range stands for the horizon, so nothing else does.
    topology = Topology(neighbours(links, len(sets.sets)), lowest_km=0.0, longest_km=limits[1])
    return Directory(constellation, topology, places, limits[0], links, grid)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise InputError(Problem(str(path), "", "there is no such file.", "A Hypatia directory holds it."))
    return path


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in _existing(path).read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise InputError(Problem(str(path), "", f"cannot be read: {error}.")) from None


def _stations_file(folder: Path) -> Path:
    """`ground_stations.txt`, or the basic list from which satgenpy would make it."""
    whole, basic = folder / "ground_stations.txt", folder / "ground_stations.basic.txt"
    return basic if basic.is_file() and not whole.is_file() else whole


def _grid(path: Path, satellites: int, problems: list[Problem]) -> tuple[int, int]:
    """The first line of `tles.txt`: planes, satellites in each. A file without it is one satellite a plane."""
    words = next(iter(_lines(path)), "").split()
    if len(words) != 2 or not all(word.isdecimal() for word in words):
        return satellites, 1
    planes, per_plane = (int(word) for word in words)
    if planes * per_plane != satellites:
        rule = f"says {planes} planes of {per_plane} satellites; {satellites} element sets are read."
        problems.append(Problem(str(path), "line 1", rule, "The product must be their number."))
    return planes, per_plane


def _links(path: Path, satellites: int, problems: list[Problem]) -> NDArray[np.int32]:
    """The links of `isls.txt` (two satellites a line) in its order, each once; an empty file has none."""
    joined: dict[tuple[int, int], None] = {}
    for number, line in enumerate(_lines(path), start=1):
        try:
            a, b = (int(word) for word in line.split())
        except ValueError:
            problems.append(Problem(str(path), f"line {number}", f"is {line!r}; a link is two numbers."))
            continue
        if not (0 <= a < satellites and 0 <= b < satellites) or a == b:
            rule = f"joins {a} and {b}; there are satellites 0 to {satellites - 1}."
            problems.append(Problem(str(path), f"line {number}", rule))
            continue
        joined[min(a, b), max(a, b)] = None
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
    """The stations of `ground_stations.txt`: gid, name, latitude, longitude, elevation (m); x, y, z follow."""
    names: list[str] = []
    degrees: list[tuple[float, float, float]] = []
    for number, row in enumerate(csv.reader(io.StringIO("\n".join(_lines(path)))), start=1):
        try:
            latitude, longitude, elevation_m = (float(word) for word in row[2:5])
        except ValueError:
            problems.append(Problem(str(path), f"line {number}", "has no latitude, longitude and elevation."))
            continue
        if row[1] in names:
            problems.append(
                Problem(str(path), f"line {number}", f'"{row[1]}" stands there twice.', "Names must differ.")
            )
        names.append(row[1])
        degrees.append((latitude, longitude, elevation_m))
    if not names:
        problems.append(Problem(str(path), "", "holds no ground station."))
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
    said = dict(line.split("=", 1) for line in _lines(path) if "=" in line)
    found = []
    for key in ("max_gsl_length_m", "max_isl_length_m"):
        try:
            found.append(float(said[key]) / M_PER_KM)
        except (KeyError, ValueError):
            problems.append(Problem(str(path), key, "is missing or no number."))
            found.append(0.0)
    return found[0], found[1]
