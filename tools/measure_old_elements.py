"""What old element sets do to a slot's plan: the table in docs/how-to/operate.md.

    python tools/measure_old_elements.py SCENARIO AT      AT: an instant near the sets' epochs

The scenario's satellites are taken to be where their elements put them; the truth is drawn, each off along its track by
a normal error of that age. A plan's satellites are then looked for in the true sky.
"""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from openleo import cells as h3cells
from openleo.controller import twin
from openleo.controller.twin import Twin
from openleo.geodesy import look_angles
from openleo.instants import SlotGrid, parse_instant
from openleo.network.ranging.errors import public_elements_km
from openleo.network.reach import positions_over
from openleo.units import SECONDS_PER_DAY

AGES_DAYS = (0.25, 1.0, 2.0, 7.0, 14.0)
SLOTS = range(0, 40, 4)
SEED = 1


def main(scenario: str, at: str) -> None:
    planned = twin.load(Path(scenario))
    first = planned.slots.number(parse_instant(at).timestamp())
    random = np.random.default_rng(SEED)
    for days in AGES_DAYS:
        sigma_km = float(public_elements_km(days * SECONDS_PER_DAY))
        true = _moved(planned, sigma_km, random)
        served = below = nobody = 0
        off_deg: list[float] = []
        for number in range(first, first + SLOTS.stop, SLOTS.step):
            satellite = planned.sky(number, frozenset()).satellite
            lit = satellite >= 0
            as_planned, really = (_elevation_deg(one, number, satellite) for one in (planned, true))
            served += int(lit.sum())
            below += int((lit & (really < planned.case.network.user_elevation_deg)).sum())
            nobody += int((lit & (true.sky(number, frozenset()).satellite < 0)).sum())
            off_deg += np.abs(really - as_planned)[lit].tolist()
        half, most = np.percentile(off_deg, [50, 95])
        print(
            f"{days:5} days, sigma {sigma_km:5.1f} km: {below / served:.2%} below the mask, {nobody / served:.2%} with"
            f" no satellite; elevation off by {half:.2f}° and {most:.2f}° (median, 95 %) of {served} served"
        )


def _moved(planned: Twin, sigma_km: float, random: np.random.Generator) -> Twin:
    sets = planned.case.network.constellation.elements
    radius_km = planned.case.network.constellation.apogee_km
    ahead_deg = np.degrees(random.normal(0.0, sigma_km, len(sets)) / radius_km)
    moved = tuple(
        replace(one, mean_anomaly_deg=math.fmod(one.mean_anomaly_deg + deg, 360.0))
        for one, deg in zip(sets, ahead_deg.tolist(), strict=True)
    )
    return planned.renewed(moved, "drawn")


def _elevation_deg(one: Twin, number: int, satellite: np.ndarray) -> np.ndarray:
    grid = SlotGrid(one.span(number)[0], one.slots.slot_s, 1)
    position_km = positions_over(one.case.network, grid, 0, 1).middle_km[0]
    return look_angles(*h3cells.centres_deg(one.cells), position_km[np.maximum(satellite, 0)])[1]


if __name__ == "__main__":
    main(*sys.argv[1:])
