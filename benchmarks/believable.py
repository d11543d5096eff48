"""What stands beside measurements, as a user runs it: the rates of all cells, and a whole score.

The table of rates has no baseline of its own: ITU-Rpy, where it is installed, is asked for the rain alone of the same
cells at one elevation, which is a part of what the table holds at each of 171. Where it is not, a line says so.
"""

from __future__ import annotations

import importlib.util
import resource
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from openleo import Scenario
from openleo import cells as h3cells
from openleo.network.capacity import attenuation, radios, rain_grid, rates
from openleo.places.territories import territories
from openleo.score import Measured
from openleo.scoring import score

ROOT = Path(__file__).parents[1]
ALTITUDES_KM = (540.0, 550.0, 560.0, 570.0)
PERCENT, ELEVATION_DEG, FREQUENCY_GHZ = 0.5, 40.0, 11.7


def rate_table() -> None:
    """Down and up of 41,162 cells, four altitudes and 171 elevations, the sky's grid read before."""
    known = radios.embedded()
    sky = rain_grid.climate(*h3cells.centres_deg(h3cells.world(3)))
    rates.channel_rates(known.satellite("starlink-v1"), known.terminal("fixed"), sky, ALTITUDES_KM, PERCENT)


def rain_ours() -> np.ndarray:
    latitude, longitude = h3cells.centres_deg(h3cells.world(3))
    sky = rain_grid.climate(latitude, longitude)
    return np.asarray(attenuation.rain_attenuation_db(
        latitude_deg=latitude, elevation_deg=np.full(len(latitude), ELEVATION_DEG), frequency_ghz=FREQUENCY_GHZ,
        percent=PERCENT, r001_mm_h=sky.r001_mm_h, rain_height_km=sky.rain_height_km, station_km=0.0,
    ))  # fmt: skip


def rain_theirs() -> np.ndarray:
    """Of ITU-Rpy, from our rain rates: its own grids take longer than all the rest."""
    from itur.models import itu618

    latitude, longitude = h3cells.centres_deg(h3cells.world(3))
    rain = rain_grid.climate(latitude, longitude).r001_mm_h
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = itu618.rain_attenuation(
            latitude, longitude, FREQUENCY_GHZ, ELEVATION_DEG, 0.0, PERCENT, rain, 45
        )  # vertical and horizontal alike
    return np.asarray(found.value)


def whole_score() -> None:
    """Every territory that the embedded table of PoPs could serve, 96 instants of a day, both kinds of PoPs."""
    measured = [
        Measured(id_, 40.0, None, None) for id_, row in territories().items() if row.population and len(id_) == 3
    ]
    found = score(Scenario.load(ROOT / "examples" / "score.toml").case, measured, threads=1)
    assert len(found.found) > 200


def run(_: Path) -> list[dict[str, object]]:
    works: list[tuple[str, Callable[[], object]]] = [
        ("rates of 41,162 cells × 4 altitudes × 171 elevations, both ways", rate_table),
        ("rain of 41,162 cells at one elevation", rain_ours),
    ]
    if importlib.util.find_spec("itur"):
        works.append(("the same by ITU-Rpy", rain_theirs))
    else:
        print("ITU-Rpy is not installed (pip install itur): nothing stands beside the rates of links", flush=True)
    works.append(("a whole score: all territories, 96 instants, both kinds of PoPs", whole_score))
    rows = []
    for name, work in works:
        if work is not whole_score:
            work()  # compiles, and reads the grids
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0  # so far
        row = {"name": name, "cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
        rows.append({**row, "peak_mib": peak_mib})
        print(f"{name:70} {row['cpu_s']:7.2f} CPU-s {row['wall_s']:7.2f} s wall {peak_mib:6.0f} MiB", flush=True)
    return rows
