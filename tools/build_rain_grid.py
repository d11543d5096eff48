"""Build src/openleo/data/capacity/rain-climate.npz: the climate that fades links, coarse enough to be embedded.

    python tools/build_rain_grid.py ITUR_FOLDER [--check]

ITUR_FOLDER holds an installed `itur` 0.4.0 (`pip download --no-deps itur`, unpacked; 171 MB), whose files are the ITU's
digital maps: P.837-7 (rain, and how often), P.839-4 (0 °C isotherm), P.836-6 (water vapour), P.840-8 (cloud water),
P.453-14 (wet refractivity), P.1511-2 (heights). Every node is the mean of a map over the box around it, taken at 25
points (the rain height's is the map's own node), rounded. Columns of water vapour are brought to the height of the
ground at those points, as P.836 asks for. `make` does not run this; `--check` measures how far the grids are from the
maps, over land.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

TARGET = Path(__file__).parents[1] / "src" / "openleo" / "data" / "capacity" / "rain-climate.npz"
SAMPLES = 5  # a side of the box around a node
AS_IT_IS = {"rain_height_km"}  # has the map's own steps: its nodes are the map's

# name: (degrees between nodes, unit of the stored whole numbers). Rain and ground change over short distances.
GRIDS = {
    "r001_mm_h": (1.0, 0.6),
    "ground_km": (0.5, 0.05),
    "rain_height_km": (1.5, 0.0265),
    "rain_percent": (2.5, 0.12),
    "vapour_1_kg_m2": (2.5, 0.5),
    "vapour_50_kg_m2": (2.5, 0.5),
    "liquid_1_kg_m2": (2.5, 0.02),
    "liquid_10_kg_m2": (2.5, 0.015),
    "liquid_50_kg_m2": (2.5, 0.01),
    "wet_refractivity": (2.5, 0.6),
}


def maps() -> dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]:
    """Each of GRIDS as a function of places, from the full maps."""
    from itur.models import itu453, itu836, itu837, itu839, itu840, itu1511

    def ground(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
        return np.asarray(itu1511.topographic_altitude(lat, lon).value)

    def number(value: object) -> np.ndarray:
        return np.nan_to_num(np.asarray(getattr(value, "value", value), float))

    return {
        "r001_mm_h": lambda la, lo: number(itu837.rainfall_rate(la, lo, 0.01)),
        "ground_km": lambda la, lo: np.maximum(number(ground(la, lo)), 0.0),
        "rain_percent": lambda la, lo: number(itu837.rainfall_probability(la, lo)),
        "rain_height_km": lambda la, lo: number(itu839.rain_height(la, lo)),
        "vapour_1_kg_m2": lambda la, lo: number(itu836.total_water_vapour_content(la, lo, 1, ground(la, lo))),
        "vapour_50_kg_m2": lambda la, lo: number(itu836.total_water_vapour_content(la, lo, 50, ground(la, lo))),
        "liquid_1_kg_m2": lambda la, lo: number(itu840.columnar_content_reduced_liquid(la, lo, 1)),
        "liquid_10_kg_m2": lambda la, lo: number(itu840.columnar_content_reduced_liquid(la, lo, 10)),
        "liquid_50_kg_m2": lambda la, lo: number(itu840.columnar_content_reduced_liquid(la, lo, 50)),
        "wet_refractivity": lambda la, lo: number(itu453.map_wet_term_radio_refractivity(la, lo, 50)),
    }


def build() -> dict[str, np.ndarray]:
    """name: whole numbers, axes (latitude from 90 down, longitude from −180 up, without 180)."""
    sources = maps()
    made = {}
    for name, (step_deg, unit) in GRIDS.items():
        latitude = np.linspace(90.0, -90.0, round(180.0 / step_deg) + 1)
        longitude = -180.0 + step_deg * np.arange(round(360.0 / step_deg))
        offsets = step_deg * ((np.arange(SAMPLES) + 0.5) / SAMPLES - 0.5) * (name not in AS_IT_IS)
        total = np.zeros((len(latitude), len(longitude)))
        for north in offsets:
            for east in offsets:
                lat = np.clip(latitude + north, -89.999, 89.999)
                lon = (longitude + east + 180.0) % 360.0 - 180.0
                grid = np.meshgrid(lat, lon, indexing="ij")
                total += sources[name](*grid)
        codes = np.rint(total / SAMPLES**2 / unit)
        if not 0 <= codes.min() <= codes.max() <= 255:
            codes = np.clip(codes, 0, 255)
            print(f"{name}: {np.sum(codes == 255)} nodes at the end of the scale")
        made[name] = codes.astype(np.uint8)
        made[f"{name}.step_deg"], made[f"{name}.unit"] = np.float64(step_deg), np.float64(unit)
        print(f"{name}: {made[name].shape}, up to {codes.max() * unit:g}")
    return made


def check(places: int = 20_000) -> None:
    """Embedded grids against the full maps at random places on land, and what that makes of rain attenuation."""
    from openleo.network.capacity.attenuation import rain_attenuation_db
    from openleo.network.capacity.rain_grid import climate
    from openleo.places import land

    random = np.random.default_rng(1)
    latitude = np.rad2deg(np.arcsin(random.uniform(-0.85, 0.97, places * 4)))
    longitude = random.uniform(-180.0, 180.0, places * 4)
    on_land = land.load("50m").territory_of(longitude, latitude) >= 0
    latitude, longitude = latitude[on_land][:places], longitude[on_land][:places]
    sources, coarse = maps(), climate(latitude, longitude)
    exact = {name: sources[name](latitude, longitude) for name in GRIDS}
    for name in GRIDS:
        off = np.abs(getattr(coarse, name) - exact[name])
        print(f"{name}: median {np.median(off):.3g}, 95 % {np.quantile(off, 0.95):.3g}, most {off.max():.3g}")
    for frequency, percent in ((11.7, 0.1), (11.7, 0.5), (14.25, 0.1), (28.5, 0.1)):
        said = [
            rain_attenuation_db(
                latitude_deg=latitude,
                elevation_deg=40.0,
                frequency_ghz=frequency,
                percent=percent,
                r001_mm_h=one["r001_mm_h"],
                rain_height_km=one["rain_height_km"],
                station_km=one["ground_km"],
            )
            for one in (vars(coarse), exact)
        ]
        off = np.abs(said[0] - said[1])
        print(
            f"rain at {frequency} GHz, 40°, {percent} %: median {np.median(said[1]):.2f} dB; the grid is off by "
            f"{np.median(off):.3f} (median), {np.quantile(off, 0.95):.2f} (95 %), {off.max():.2f} dB (most)"
        )


def main() -> None:
    """Read the arguments; build, or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("itur", type=Path, help="the folder that holds the package itur")
    parser.add_argument("--check", action="store_true", help="measure the embedded grids against the full maps")
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.itur))
    warnings.simplefilter("ignore")
    if arguments.check:
        check()
        return
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(TARGET, **build())
    print(f"{TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
