"""Round-trip times of Hypatia's example pairs over Starlink's first shell, by its conventions and by a true mask.

    python examples/hypatia_2020.py [--seconds 200] [--every 1] [--json]

Hypatia's figures are those that its own code (snkas/hypatia 0ac531c) gave; see docs/papers/hypatia-2020.md.
S. Kassing, D. Bhattacherjee and others, "Exploring the 'Internet from space' with Hypatia", IMC 2020.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from openleo.instants import parse_instant
from openleo.interchange import hypatia_text
from openleo.network import hypatia
from openleo.network.constellation.element_set import ElementSet
from openleo.network.pairs import ByElevation, ByRange, Sky, rtt_between

EPOCH = parse_instant("2000-01-01T00:00:00Z")
PLANES, PER_PLANE, ALTITUDE_KM, INCLINATION_DEG, MOTION = 72, 22, 550.0, 53.0, 15.19
LONGEST_GROUND_LINK_KM, LONGEST_LASER_KM = 1089.6864181956202, 5016.591233098428  # as Hypatia derives them
MASK_DEG = 25.0  # which the ground link's length is derived from, on a flat Earth

# As Hypatia's list of cities has them.
CITIES = {
    "Rio de Janeiro": (-22.902780, -43.207500),
    "St Petersburg": (59.929858, 30.326228),
    "Manila": (14.604200, 120.982200),
    "Dalian": (38.913811, 121.602322),
    "Istanbul": (41.013800, 28.949700),
    "Nairobi": (-1.283330, 36.816670),
    "Paris": (48.853410, 2.348800),
    "Moscow": (55.754996, 37.621849),
    "New York": (40.717042, -74.003663),
    "London": (51.508530, -0.125740),
}
SECONDS = (0.0, 15.0, 100.0, 600.0)
HYPATIA_MS = {
    ("Rio de Janeiro", "St Petersburg"): (127.326, 127.035, 107.662, 130.163),
    ("Manila", "Dalian"): (38.896, 38.903, 30.228, 39.468),
    ("Istanbul", "Nairobi"): (76.505, 57.011, 58.849, 57.078),
    ("Paris", "Moscow"): (20.722, 20.595, 20.742, 20.867),
    ("New York", "London"): (42.820, 46.145, 43.755, 44.104),
}


@dataclass(frozen=True)
class Range:
    """The least and largest round-trip time of a pair, ms, by Hypatia's conventions and by the true mask."""

    start: str
    end: str
    by_range_ms: tuple[float, float]
    by_mask_ms: tuple[float, float]
    mask_unreachable: float  # share of the instants


def directory(folder: Path) -> hypatia.Directory:
    """The shell as Hypatia makes it: odd planes lead by half a slot, slot s is joined to slot s, the seam closed."""
    sets, links = [], []
    for number in range(PLANES * PER_PLANE):
        plane, slot = divmod(number, PER_PLANE)
        node, anomaly = plane * 360.0 / PLANES, (slot + plane % 2 / 2.0) * 360.0 / PER_PLANE
        sets.append(ElementSet(number, "", EPOCH, MOTION, 1e-7, INCLINATION_DEG, node, 0.0, anomaly, 0.0))
        links.append((number, plane * PER_PLANE + (slot + 1) % PER_PLANE))
        links.append((number, (plane + 1) % PLANES * PER_PLANE + slot))
    (folder / "tles.txt").write_text(hypatia_text.tles("shell", (PLANES, PER_PLANE), sets))
    (folder / "isls.txt").write_text("".join(f"{min(link)} {max(link)}\n" for link in links))
    (folder / "description.txt").write_text(hypatia_text.description(LONGEST_GROUND_LINK_KM, LONGEST_LASER_KM))
    latitude, longitude = np.array(list(CITIES.values())).T
    places = hypatia.on_ellipsoid(tuple(CITIES), latitude, longitude, np.zeros(len(CITIES)))
    (folder / "ground_stations.txt").write_text(hypatia_text.ground_stations(places))
    return hypatia.read(folder)


def times_ms(seconds: Sequence[float], mask_deg: float | None = None) -> dict[tuple[str, str], np.ndarray]:
    """Of each pair, the round-trip time at each second; by Hypatia's range, or by a true elevation mask."""
    with tempfile.TemporaryDirectory() as folder:
        made = directory(Path(folder))
    limit = ByRange(made.longest_ground_link_km) if mask_deg is None else ByElevation(mask_deg)
    found = rtt_between(Sky(made.constellation, made.topology, limit), made.places, EPOCH, list(seconds))
    rtt_ms = np.array([one.rtt_ms for one in found])
    names = list(CITIES)
    return {pair: rtt_ms[:, names.index(pair[0]), names.index(pair[1])] for pair in HYPATIA_MS}


def ranges(seconds: Sequence[float]) -> list[Range]:
    """The least and the most of each pair over some instants."""

    def span(ms: np.ndarray) -> tuple[float, float]:
        reached = ms[np.isfinite(ms)]
        return (float(reached.min()), float(reached.max())) if reached.size else (math.nan, math.nan)

    theirs, ours = times_ms(seconds), times_ms(seconds, MASK_DEG)
    return [
        Range(*pair, span(theirs[pair]), span(ours[pair]), float(np.isinf(ours[pair]).mean())) for pair in HYPATIA_MS
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what came out."""
    parser = argparse.ArgumentParser(description="Hypatia's example pairs over Starlink's first shell.")
    parser.add_argument("--seconds", type=float, default=200.0, help="how long ranges are taken over")
    parser.add_argument("--every", type=float, default=1.0, help="seconds between instants")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    at = times_ms(SECONDS)
    rows = ranges(np.arange(0.0, asked.seconds, asked.every).tolist())
    if asked.json:
        print(json.dumps([vars(row) for row in rows], indent=1))
        return
    for row in rows:
        pair = row.start, row.end
        print(f"{row.start} – {row.end}, at {', '.join(f'{second:g} s' for second in SECONDS)}:")
        print("   Hypatia " + "  ".join(f"{ms:8.3f}" for ms in HYPATIA_MS[pair]))
        print("   ours    " + "  ".join(f"{ms:8.3f}" for ms in at[pair]))
        by_range, by_mask = (f"{low:.1f} to {high:.1f} ms" for low, high in (row.by_range_ms, row.by_mask_ms))
        print(f"   over {asked.seconds:g} s: {by_range}; by a true mask of {MASK_DEG:g}°: {by_mask}")


if __name__ == "__main__":
    main()
