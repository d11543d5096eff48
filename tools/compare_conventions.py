"""Hypatia's conventions beside ours: the figures and the picture of docs/conventions.md.

The same shells, as Hypatia's scripts state them, the same links between satellites, the same hundred towns (the most
populous of the embedded list), ten instants over an hour and a quarter. What changes is how a ground link is admitted.
"""

from __future__ import annotations

import math
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet

from openleo.geodesy import ecef_km, up
from openleo.instants import parse_instant
from openleo.interchange import hypatia_text
from openleo.network import ephemeris, hypatia
from openleo.network.constellation.element_set import ElementSet
from openleo.network.pairs import ByElevation, ByRange, Places, Sky, ground_links, rtt_between, shortest
from openleo.units import LIGHT_KM_PER_S

PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "conventions.png"
EPOCH = parse_instant("2000-01-01T00:00:00Z")
SECONDS = [500.0 * n for n in range(10)]
TOWNS = 100
RADIUS_KM = 6378.135
# Name, planes, satellites in each, altitude (km), inclination (degrees), revolutions a day, mask (degrees), and how
# far from below a satellite its links reach (km): as filed, or the altitude over the mask's tangent.
SHELLS = (
    ("Starlink", 72, 22, 550.0, 53.0, 15.19, 25.0, 940.7),
    ("Kuiper", 34, 34, 630.0, 51.9, 14.80, 30.0, 630.0 / math.tan(math.radians(30.0))),
    ("Telesat", 27, 13, 1015.0, 98.98, 13.66, 10.0, 1015.0 / math.tan(math.radians(10.0))),
)


def towns() -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    table = parquet.read_table(str(files("openleo.data") / "places" / "places.parquet")).to_pylist()
    most = sorted(table, key=lambda row: -row["population"])[:TOWNS]
    names = tuple(f"{n} {row['name']}" for n, row in enumerate(most))
    return names, np.array([row["lat_deg"] for row in most]), np.array([row["lon_deg"] for row in most])


def shell_directory(folder: Path, planes: int, per_plane: int, numbers: tuple[float, float, float, float]) -> None:
    """A shell as Hypatia makes it: odd planes lead by half a slot, slot s is joined to slot s, the seam closed."""
    altitude_km, inclination, motion, cone_km = numbers
    sets, links = [], []
    for number in range(planes * per_plane):
        plane, slot = divmod(number, per_plane)
        anomaly = (slot + plane % 2 / 2.0) * 360.0 / per_plane
        sets.append(ElementSet(number, "", EPOCH, motion, 1e-7, inclination, plane * 360.0 / planes, 0.0, anomaly, 0.0))
        links += [(number, plane * per_plane + (slot + 1) % per_plane)]
        links += [(number, (plane + 1) % planes * per_plane + slot)]
    (folder / "tles.txt").write_text(hypatia_text.tles("shell", (planes, per_plane), sets))
    (folder / "isls.txt").write_text("".join(f"{min(link)} {max(link)}\n" for link in links))
    clear_km = 2.0 * math.sqrt((RADIUS_KM + altitude_km) ** 2 - (RADIUS_KM + 80.0) ** 2)
    (folder / "description.txt").write_text(hypatia_text.description(math.hypot(cone_km, altitude_km), clear_km))
    names, latitude, longitude = towns()
    places = hypatia.on_ellipsoid(names, latitude, longitude, np.zeros(TOWNS))
    (folder / "ground_stations.txt").write_text(hypatia_text.ground_stations(places))


def elevations_deg(sky: Sky, places: Places, position_km: np.ndarray, usable: np.ndarray) -> np.ndarray:
    offsets, satellite, range_km = ground_links(sky, places, position_km, usable)
    place = np.repeat(np.arange(len(places.names)), np.diff(offsets))
    sight = position_km[satellite] - places.position_km[place]
    return np.degrees(np.arcsin((sight * places.up[place]).sum(axis=1) / range_km))


def main() -> None:
    off_diagonal = ~np.eye(TOWNS, dtype=bool)
    drawn = []
    for name, planes, per_plane, altitude_km, inclination, motion, mask_deg, cone_km in SHELLS:
        with tempfile.TemporaryDirectory() as folder:
            shell_directory(Path(folder), planes, per_plane, (altitude_km, inclination, motion, cone_km))
            found = hypatia.read(Path(folder))
        by_range = Sky(found.constellation, found.topology, ByRange(found.longest_ground_link_km))
        by_mask = Sky(found.constellation, found.topology, ByElevation(mask_deg))
        moved = ephemeris.positions(found.constellation, EPOCH, SECONDS)
        seen = [
            elevations_deg(by_range, found.places, position_km, usable)
            for position_km, usable in zip(moved.position_km, moved.valid, strict=True)
        ]
        elevation = np.concatenate(seen)
        rtt = [
            np.concatenate([one.rtt_ms[off_diagonal] for one in rtt_between(sky, found.places, EPOCH, SECONDS)])
            for sky in (by_range, by_mask)
        ]
        names, latitude, longitude = towns()
        on_wgs84 = Places(names, ecef_km(latitude, longitude), up(latitude, longitude))
        here = moved.position_km[0], moved.valid[0]
        km = [shortest(by_range, places, *here, with_links=False)[0] for places in (found.places, on_wgs84)]
        both = np.isfinite(km[0]) & np.isfinite(km[1])
        moved_ms = np.abs(km[1][both] - km[0][both]) * 2e3 / LIGHT_KM_PER_S
        print(
            f"{name}: limit {found.longest_ground_link_km:.1f} km, mask {mask_deg:g}°; "
            f"lowest {elevation.min():.1f}°, below mask {100 * (elevation < mask_deg).mean():.1f} %, "
            f"below horizon {100 * (elevation < 0.0).mean():.1f} %; "
            f"median RTT {np.median(rtt[0]):.1f} -> {np.median(rtt[1][np.isfinite(rtt[1])]):.1f} ms; "
            f"no way {100 * np.isinf(rtt[0]).mean():.2f} -> {100 * np.isinf(rtt[1]).mean():.2f} %; "
            f"WGS 84 for WGS 72 moves an RTT by {np.median(moved_ms):.6f} ms (median), {moved_ms.max():.6f} ms (most)"
        )
        drawn.append((name, mask_deg, elevation))
    if "--draw" in sys.argv:
        draw(drawn)


def draw(drawn: list[tuple[str, float, np.ndarray]]) -> None:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(drawn), figsize=(9.6, 2.8), layout="constrained", sharey=True)
    bins = np.arange(-20.0, 91.0, 2.0)
    for axis, (name, mask_deg, elevation) in zip(axes, drawn, strict=True):
        share = np.full(len(elevation), 100.0 / len(elevation))
        low = elevation < mask_deg
        counts = [elevation[low], elevation[~low]]
        axis.hist(counts, bins, weights=[share[low], share[~low]], stacked=True, color=["#c8553d", "#4a7fa5"])
        axis.axvline(mask_deg, color="black", linewidth=0.8, linestyle="--")
        axis.axvline(0.0, color="black", linewidth=0.8)
        axis.set_title(f"{name}, mask {mask_deg:g}°: {100.0 * low.mean():.0f} % below", fontsize=10)
        axis.set_xlabel("true elevation (degrees)")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("% of admitted links")
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
