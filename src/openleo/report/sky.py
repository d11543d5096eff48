"""The sky above a place: the tracks of its passes, and who serves it when."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from openleo.instants import SlotGrid, instant_text
from openleo.network.hand_overs import HandOver
from openleo.network.journeys import Pass
from openleo.report.staging import StagedFile, blaming

SERVING, OTHER = "#0072b2", "#b8b8b8"  # Okabe and Ito's blue, safe for colour-blind readers, and a grey
RINGS_DEG = (80, 60, 40, 25, 10)
MOST_LISTED = 40


def draw(
    passes: Sequence[Pass],
    hand_overs: Sequence[HandOver],
    name: str,
    where: str,
    window: SlotGrid,
    mask_deg: float,
    target: Path,
) -> None:
    """Draw the sky to a PNG file: north up, east to the right, the zenith in the middle.

    `name` and `where` say over whom. Satellites that serve are numbered in the order of their first service and listed
    beside the plot.
    """
    from matplotlib.figure import Figure

    order = {name: n for n, name in enumerate(_in_order(hand_overs), start=1)}
    figure = Figure(figsize=(11.0, 8.0))
    axes: Any = figure.add_axes((0.04, 0.06, 0.62, 0.82), projection="polar")
    _sky(axes, mask_deg)
    for one in sorted(passes, key=lambda one: one.satellite in order):
        _track(axes, one, order.get(one.satellite))
    figure.text(0.04, 0.955, f"The sky over {name}", fontsize=15, fontweight="bold")
    when = f"{instant_text(window.start)}, {window.duration_s / 60:g} min"
    figure.text(0.04, 0.925, f"{where} · {when} · {len(passes)} passes above {mask_deg:g}°", fontsize=9.5, color="0.35")
    _listing(figure, hand_overs, order)
    with StagedFile(target) as path, blaming(target):
        figure.savefig(path, dpi=150, format="png")


def _in_order(hand_overs: Sequence[HandOver]) -> list[str]:
    return list(dict.fromkeys(change.to_satellite for change in hand_overs if change.to_satellite))


def _sky(axes: Any, mask_deg: float) -> None:
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    axes.set_rlim(0.0, 90.0 - mask_deg)
    rings = [elevation for elevation in RINGS_DEG if elevation > mask_deg]
    axes.set_rgrids([90 - elevation for elevation in rings], [f"{elevation}°" for elevation in rings], color="0.4")
    axes.set_thetagrids(range(0, 360, 45), ["N", "NE", "E", "SE", "S", "SW", "W", "NW"])
    axes.grid(color="0.9")


def _track(axes: Any, one: Pass, number: int | None) -> None:
    azimuth, from_zenith = np.radians(one.azimuth_deg), 90.0 - one.elevation_deg
    colour, width = (OTHER, 0.8) if number is None else (SERVING, 1.8)
    axes.plot(azimuth, from_zenith, color=colour, linewidth=width)
    axes.plot(azimuth[-1:], from_zenith[-1:], marker="o", markersize=2 * width, color=colour)
    if number is not None:
        middle = len(azimuth) // 2
        axes.annotate(
            str(number),
            (float(azimuth[middle]), float(from_zenith[middle])),
            fontsize=8,
            ha="center",
            va="center",
            color="white",
            bbox={"boxstyle": "circle,pad=0.25", "facecolor": SERVING, "edgecolor": "white"},
        )


def _listing(figure: Any, hand_overs: Sequence[HandOver], order: dict[str, int]) -> None:
    """Who serves from when, with the round-trip time after each hand-over."""
    figure.text(0.70, 0.88, "Serving satellite, from", fontsize=10, fontweight="bold")
    rows = []
    for change in hand_overs[:MOST_LISTED]:
        number = order.get(change.to_satellite)
        rtt = "" if change.rtt_ms_after is None else f"{change.rtt_ms_after:7.1f} ms"
        rows.append(f"{change.at:%H:%M:%S}  {number or '–':>2}  {change.to_satellite or change.why:20} {rtt}")
    if len(hand_overs) > MOST_LISTED:
        rows.append(f"and {len(hand_overs) - MOST_LISTED} more")
    figure.text(0.70, 0.86, "\n".join(rows), fontsize=8, family="monospace", va="top", linespacing=1.5)
    figure.text(0.70, 0.04, "A dot marks where a track ends.", fontsize=8, color="0.35")
