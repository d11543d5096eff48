"""London–New York over SpaceX's first 1,600 satellites, as Handley (2018) has it: 32 planes of 50 at 1,150 km, 53°.

    python examples/handley_2018.py [--mask 40] [--every 10] [--json]

Prints ours beside theirs: docs/papers/handley-2018.md says which figures are second-hand, and what is not known.
M. Handley, "Delay is Not an Option: Low Latency Routing in Space", HotNets 2018, doi 10.1145/3286062.3286075.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from openleo.geodesy import ecef_km, up
from openleo.network import topology
from openleo.network.constellation import from_shells
from openleo.network.constellation.shells import Shell, safest_phasing
from openleo.network.pairs import ByElevation, Places, Sky, rtt_between
from openleo.network.ways import geodesics_km
from openleo.units import LIGHT_KM_PER_S, MS_PER_S

START = datetime(2018, 1, 1, tzinfo=UTC)  # of our choosing: the paper's epoch is not known to us
HOUR_S = 3600.0
ALTITUDE_KM, INCLINATION_DEG, PLANES, PER_PLANE = 1150.0, 53.0, 32, 50
MASK_DEG = 40.0  # of terminals, in SpaceX's application of 2016 (SAT-LOA-20161115-00118)
LIGHT_IN_FIBRE = 1.47  # "the speed of light in a vacuum is ≈ 47 % higher than in optical fibre"
CITIES = {"London": (51.5085, -0.1257), "New York": (40.7170, -74.0037), "Johannesburg": (-26.2044, 28.0456)}

# The paper, as others quote it, ms: by satellite (one quotation), along a great circle in fibre, and over the Internet.
BY_SATELLITE_MS, IN_FIBRE_MS, INTERNET_MS = 50.0, 55.0, 76.0
JOHANNESBURG_INTERNET_MS = 182.0  # of which the satellites' way has "almost half"


@dataclass(frozen=True)
class Found:
    """Round-trip times in ms between London and a city over an hour, and of light in fibre along the geodesic."""

    city: str
    rtt_ms_min: float
    rtt_ms_p50: float
    rtt_ms_max: float
    fibre_ms: float


def places() -> Places:
    """The cities, on WGS 84."""
    latitude, longitude = np.array(list(CITIES.values())).T
    return Places(tuple(CITIES), ecef_km(latitude, longitude), up(latitude, longitude))


def found(mask_deg: float = MASK_DEG, every_s: float = 10.0, phasing: int | None = None) -> list[Found]:
    """London to the others; a phasing left out keeps satellites farthest apart, as the paper's is said to."""
    if phasing is None:
        phasing = safest_phasing(ALTITUDE_KM, INCLINATION_DEG, PLANES, PER_PLANE, 360.0)
    shell = Shell("1150-53", ALTITUDE_KM, INCLINATION_DEG, PLANES, PER_PLANE, phasing)
    constellation = from_shells("handley-2018", START, [shell])
    sky = Sky(constellation, topology.build(constellation, "+grid"), ByElevation(mask_deg))
    seconds = np.arange(0.0, HOUR_S, every_s).tolist()
    rtt_ms = np.array([times.rtt_ms[0] for times in rtt_between(sky, places(), START, seconds)])
    fibre_ms = 2.0 * geodesics_km(places())[0] * LIGHT_IN_FIBRE / LIGHT_KM_PER_S * MS_PER_S
    low, middle, high = np.percentile(rtt_ms[:, 1:], (0, 50, 100), axis=0)
    columns = zip(list(CITIES)[1:], low, middle, high, fibre_ms[1:], strict=True)
    return [Found(city, *(float(value) for value in values)) for city, *values in columns]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what came out."""
    parser = argparse.ArgumentParser(description="London–New York over 1,600 satellites at 1,150 km.")
    parser.add_argument("--mask", type=float, default=MASK_DEG, help="elevation, degrees")
    parser.add_argument("--every", type=float, default=10.0, help="seconds between instants")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    rows = found(asked.mask, asked.every)
    if asked.json:
        print(json.dumps([vars(row) for row in rows], indent=1))
        return
    for row in rows:
        print(
            f"London – {row.city}: {row.rtt_ms_min:.1f} to {row.rtt_ms_max:.1f} ms, median {row.rtt_ms_p50:.1f}; "
            f"light in fibre along a great circle {row.fibre_ms:.1f}"
        )
    print(f"The paper, second-hand, New York: {BY_SATELLITE_MS:g} by satellite, {IN_FIBRE_MS:g} in fibre,", end=" ")
    print(f"{INTERNET_MS:g} over the Internet; Johannesburg: almost half of {JOHANNESBURG_INTERNET_MS:g}")


if __name__ == "__main__":
    main()
