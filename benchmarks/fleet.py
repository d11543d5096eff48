"""Terminals as they might be: where people live, some at sea or unknown, seeded. For benchmarks and tests alike."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import as_file, files

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.policy.rules import CLASSES
from openleo.policy.terminal_columns import Coded
from openleo.policy.terminals import Terminals
from openleo.units import EARTH_MEAN_RADIUS_KM

Floats = NDArray[np.float64]
AT_SEA = 0.02  # share of terminals anywhere on the sphere, most of them at sea
SPREAD_KM = 8.0  # around the middle of a cell of resolution 5
UNKNOWN = 0.02  # share without a position, and of each other input
UNCERTAINTY_M, HOW_OFTEN = (5.0, 30.0, 200.0, 2_000.0, 20_000.0), (0.45, 0.35, 0.15, 0.04, 0.01)
CLASS_SHARES = (0.7, 0.12, 0.06, 0.03, 0.02, 0.05, 0.02)
GROUPS = (frozenset[str](), frozenset({"allow-list"}), frozenset({"unpaid"}), frozenset({"allow-list", "unpaid"}))
GROUP_SHARES = (0.9, 0.07, 0.02, 0.01)
SOURCES = ("gnss", "network")
HOMES = ("TWN", "UKR", "USA", "JPN", "FRA")


@cache
def people() -> tuple[Floats, Floats, Floats]:
    """(latitude_deg, longitude_deg, share of all people) of cells of resolution 5."""
    with as_file(files("openleo.data") / "places" / "population-h3-5.parquet") as path:
        table = pq.read_table(path, columns=["cell", "people"])
    share = table["people"].to_numpy().astype(np.float64)
    return *h3cells.centres_deg(table["cell"].to_numpy()), share / share.sum()


def positions(count: int, random: np.random.Generator) -> tuple[Floats, Floats]:
    """(latitude_deg, longitude_deg) of terminals."""
    north, east, share = people()
    home = random.choice(len(share), count, p=share)
    away = SPREAD_KM * np.sqrt(random.random(count)) / EARTH_MEAN_RADIUS_KM
    angle = random.uniform(0.0, 2.0 * np.pi, count)
    latitude = north[home] + np.degrees(away * np.sin(angle))
    longitude = east[home] + np.degrees(away * np.cos(angle)) / np.cos(np.radians(latitude))
    sea = np.flatnonzero(random.random(count) < AT_SEA)
    latitude[sea] = np.degrees(np.arcsin(random.uniform(-1.0, 1.0, len(sea))))
    longitude[sea] = random.uniform(-180.0, 180.0, len(sea))
    return np.clip(latitude, -90.0, 90.0), (longitude + 180.0) % 360.0 - 180.0


def terminals(
    count: int, seed: int, unknown: float = UNKNOWN, at: tuple[Floats, Floats] | None = None,
    uncertainty_m: Sequence[float] = UNCERTAINTY_M,
) -> Terminals:  # fmt: skip
    """Terminals of a seed; `at`: their positions, if they are to be others."""
    random = np.random.default_rng(seed)
    latitude, longitude = positions(count, random) if at is None else (one.copy() for one in at)

    def coded(values: Sequence, shares: Sequence[float] | None = None) -> Coded:  # type: ignore[type-arg]
        code = random.choice(len(values), count, p=shares).astype(np.int32)
        code[random.random(count) < unknown] = -1
        return Coded(code, tuple(values))

    def known(values: Floats) -> Floats:
        values = values.astype(np.float64)
        values[random.random(count) < unknown] = np.nan
        return values

    nowhere = random.random(count) < unknown
    latitude[nowhere] = longitude[nowhere] = np.nan
    moves = random.random(count) < 0.15
    return Terminals(
        id=pa.array([f"terminal-{number}" for number in range(count)]),
        account=pa.nulls(count, pa.string()),
        subscription=pa.nulls(count, pa.string()),
        class_=coded(CLASSES, CLASS_SHARES),
        groups=coded(GROUPS, GROUP_SHARES),
        source=coded(SOURCES),
        home_territory=coded(HOMES),
        latitude_deg=latitude,
        longitude_deg=longitude,
        uncertainty_m=known(random.choice(uncertainty_m, count, p=HOW_OFTEN)),
        age_s=known(np.floor(random.exponential(60.0, count))),
        speed_kmh=known(np.where(moves, np.floor(random.exponential(60.0, count)), 0.0)),
        altitude_m=known(np.where(random.random(count) < 0.01, 11_000.0, np.floor(random.exponential(200.0, count)))),
        days_abroad=known(np.floor(random.exponential(3.0, count))),
    )
