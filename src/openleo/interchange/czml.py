"""CZML: satellites and places for Cesium and other globes, as packets that `json` writes.

Takes a constellation, some of its satellites and a span of time; gives a document packet with its clock, a packet a
satellite with sampled positions (Earth-fixed, metres, to be interpolated by Lagrange polynomials) and a packet a place.
Form: the CZML guide of Analytical Graphics (github.com/AnalyticalGraphicsInc/czml-writer, wiki).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.instants import instant_text
from openleo.network import ephemeris
from openleo.network.constellation import Constellation, only
from openleo.units import M_PER_KM

Packet = dict[str, Any]

# A polynomial of the fifth degree through samples 60 s apart is off by a centimetre at most for any low orbit.
INTERPOLATION = {"interpolationAlgorithm": "LAGRANGE", "interpolationDegree": 5}
LEAST_SAMPLES = 6
CLOCK_MULTIPLIER = 60
SATELLITE_RGBA, PLACE_RGBA, TRAIL_RGBA = (255, 200, 60, 255), (80, 220, 255, 255), (255, 200, 60, 90)


@dataclass(frozen=True)
class Mark:
    """A place to be shown: its kind (for example gateway), name and ECEF position."""

    kind: str
    name: str
    position_km: NDArray[np.float64]


@dataclass(frozen=True)
class Document:
    """The packets; satellites without a position at some sample, shown while they have one; and those never shown.

    left_out: names of satellites that never have one at LEAST_SAMPLES on end, as a polynomial needs.
    """

    packets: list[Packet]
    lost: tuple[ephemeris.Failure, ...]
    left_out: tuple[str, ...]


def spread(satellites: int, count: int) -> list[int]:
    """`count` satellites evenly spread over all of them, or all."""
    few = min(count, satellites)
    return [n * satellites // few for n in range(few)]


def samples(duration_s: float, step_s: float) -> int:
    """How many samples a satellite has."""
    return max(math.ceil(Decimal(str(duration_s)) / Decimal(str(step_s))) + 1, LEAST_SAMPLES)


def document(
    name: str,
    constellation: Constellation,
    satellites: Sequence[int],
    start: datetime,
    duration_s: float,
    step_s: float,
    marks: Iterable[Mark],
) -> Document:
    """All packets. Samples stand every `step_s`, on to or past the end, and at least LEAST_SAMPLES of them."""
    count = samples(duration_s, step_s)
    after_s = np.array([float(n * Decimal(str(step_s))) for n in range(count)])
    moved = ephemeris.positions(only(constellation, satellites), start, after_s)
    whole = _interval(start, 0.0, duration_s)
    clock = {"interval": whole, "currentTime": instant_text(start), "multiplier": CLOCK_MULTIPLIER}
    packets: list[Packet] = [
        {
            "id": "document",
            "name": name,
            "version": "1.0",
            "clock": {**clock, "range": "LOOP_STOP", "step": "SYSTEM_CLOCK_MULTIPLIER"},
        }
    ]
    left_out = []
    for column, satellite in enumerate(satellites):
        title = constellation.satellite_name[satellite]
        samples_m = np.column_stack([after_s, moved.position_km[:, column] * M_PER_KM])
        tracks = [samples_m[stretch] for stretch in _stretches(moved.valid[:, column])]
        tracks = [track for track in tracks if track[0, 0] < duration_s]
        if tracks:
            packets.append(_satellite(satellite, title, start, duration_s, tracks))
        else:
            left_out.append(title)
    packets += [_place(number, mark) for number, mark in enumerate(marks)]
    return Document(packets, moved.failures, tuple(left_out))


def _stretches(valid: NDArray[np.bool_]) -> Iterator[slice]:
    """Samples on end with a position, as many as a polynomial needs."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], valid, [False]]).astype(np.int8)))
    for first, end in edges.reshape(-1, 2).tolist():
        if end - first >= LEAST_SAMPLES:
            yield slice(first, end)


def _interval(start: datetime, from_s: float, to_s: float) -> str:
    return "/".join(instant_text(start + timedelta(seconds=after_s)) for after_s in (from_s, to_s))


def _satellite(
    number: int, title: str, start: datetime, duration_s: float, tracks: Sequence[NDArray[np.float64]]
) -> Packet:
    """`tracks`: stretches of samples (t, x, y, z) in seconds and metres. Several have an interval each, so that no
    polynomial runs over what is between them.
    """
    intervals = [_interval(start, float(one[0, 0]), min(duration_s, float(one[-1, 0]))) for one in tracks]
    positions = [_sampled(start, one) for one in tracks]
    several = [{"interval": when, **one} for when, one in zip(intervals, positions, strict=True)]
    return {
        "id": f"satellite/{number}",
        "name": title,
        "availability": intervals if len(tracks) > 1 else intervals[0],
        "position": several if len(tracks) > 1 else positions[0],
        "point": {"pixelSize": 5, "color": {"rgba": list(SATELLITE_RGBA)}},
        "path": {
            "leadTime": 0,
            "trailTime": 600,
            "width": 1,
            "material": {"solidColor": {"color": {"rgba": list(TRAIL_RGBA)}}},
        },
    }


def _sampled(start: datetime, track: NDArray[np.float64]) -> Packet:
    # Millimetres, so that files stay small: samples are t, x, y, z, t, x, …
    flat = [value for t, *xyz in track.tolist() for value in (t, *(round(axis, 3) + 0.0 for axis in xyz))]
    return {"epoch": instant_text(start), "referenceFrame": "FIXED", **INTERPOLATION, "cartesian": flat}


def _place(number: int, mark: Mark) -> Packet:
    return {
        "id": f"{mark.kind}/{number}",
        "name": mark.name,
        "position": {"cartesian": [round(float(km) * M_PER_KM, 3) + 0.0 for km in mark.position_km]},
        "point": {"pixelSize": 7, "color": {"rgba": list(PLACE_RGBA)}},
        "label": {
            "text": mark.name,
            "font": "12px sans-serif",
            "horizontalOrigin": "LEFT",
            "pixelOffset": {"cartesian2": [8, 0]},
        },
    }
