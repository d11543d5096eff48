"""A network of element sets for the controller's tests: as many satellites, in a file that is renewed by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from planned import BEGINS, SCENARIO, scenario

from openleo.network.constellation import omm
from openleo.network.constellation.element_set import ElementSet

PLANES, PER_PLANE = 24, 22
START, END = SCENARIO.index("[[constellation.shell]]"), SCENARIO.index("[ground]")
BY_ELEMENTS = SCENARIO[:START] + '[constellation]\nelements = "sats.json"\nisl = "+grid"\n\n' + SCENARIO[END:]
FLOWN = BEGINS - timedelta(hours=6)  # the sets' epoch


def sets(epoch: datetime = FLOWN) -> tuple[ElementSet, ...]:
    """550 km above, evenly spread."""
    return tuple(
        ElementSet(
            id=70_000 + PER_PLANE * plane + slot, name=f"S{plane}-{slot}", epoch=epoch,
            mean_motion_rev_per_day=15.0636, eccentricity=1e-4, inclination_deg=53.0,
            raan_deg=360.0 * plane / PLANES, argument_of_perigee_deg=0.0,
            mean_anomaly_deg=(360.0 * slot / PER_PLANE + 360.0 * plane / (PLANES * PER_PLANE)) % 360.0,
            bstar_per_earth_radius=1e-4, launch_year=2026,
        )
        for plane in range(PLANES)
        for slot in range(PER_PLANE)
    )  # fmt: skip


def later(by: timedelta, ahead_deg: float = 0.0) -> tuple[ElementSet, ...]:
    """The same orbits as somebody fits them later on, `ahead_deg` further along than was foretold.

    They turn at SGP4's own secular rates.
    """
    minutes = by.total_seconds() / 60.0
    rates = sets()[0].satrec
    node, perigee, anomaly = (math.degrees(one) * minutes for one in (rates.nodedot, rates.argpdot, rates.mdot))
    return tuple(
        replace(
            one,
            epoch=one.epoch + by,
            raan_deg=(one.raan_deg + node) % 360.0,
            argument_of_perigee_deg=perigee % 360.0,
            mean_anomaly_deg=(one.mean_anomaly_deg + anomaly + ahead_deg) % 360.0,
        )
        for one in sets()
    )


def write(folder: Path, those: tuple[ElementSet, ...]) -> Path:
    """The file, replaced at one stroke as `openleo fetch` does."""
    fresh = folder / "sats.json.new"
    fresh.write_bytes(omm.written(those))
    return fresh.rename(folder / "sats.json")


def with_elements(folder: Path, those: tuple[ElementSet, ...] | None = None) -> Path:
    """A scenario and its file."""
    write(folder, those or sets())
    return scenario(folder, BY_ELEMENTS)
