"""Availability over the run, as a picture within the page: who is served in each slot, and why the others are not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from openleo.instants import SlotGrid
from openleo.report import words
from openleo.report.html_parts import Markup, key, tag
from openleo.service.day import Day

Floats = NDArray[np.float64]

MOST_STEPS = 480  # of the chart; more slots than that are averaged, some neighbours together
WIDE, TALL = 1000.0, 272.0  # of the drawing; the plot: left, right, top, bottom
LEFT, RIGHT, TOP, BOTTOM = 52.0, 972.0, 10.0, 228.0
MOST_TICKS = 13
TICKS_S = (60.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 10_800.0, 21_600.0, 43_200.0, 86_400.0, 172_800.0, 604_800.0)


def steps_of(values: Floats, most: int = MOST_STEPS) -> tuple[Floats, int]:
    """(means over so many neighbouring slots each, how many), the last over what is left.

    >>> steps_of(np.array([1.0, 0.0, 1.0, 1.0, 0.5]), most=3)
    (array([0.5, 1. , 0.5]), 2)
    """
    each = -(-len(values) // most) if len(values) else 1
    edges = np.arange(0, len(values), each)
    counts = np.diff(np.append(edges, len(values)))
    return np.add.reduceat(values, edges) / counts, each


def finding(day: Day, grid: SlotGrid) -> str:
    """The mean and the worst slot in words."""
    who = "people" if day.weighting == "population" else "the area"
    mean, least = round(float(day.served.mean()), 9), int(day.served.argmin())
    are = "are" if day.weighting == "population" else "is"
    if float(np.ptp(day.served)) < 5e-4:
        return f"In every slot {words.percent(mean)} of {who} {are} served."
    said = f"On average {words.percent(mean)} of {who} {are} served"
    at = grid.instant(least)
    return f"{said}; least in the slot of {at:%Y-%m-%d %H:%M:%S} UTC: {words.percent(float(day.served[least]))}."


def figure(day: Day, grid: SlotGrid, under: str = "", *, with_capacity: bool = False) -> list[Markup]:
    """The key, the chart, what the axes are. `under`: the rules; `with_capacity`: what shared beams take is in it."""
    shares = day.shares()
    each = steps_of(day.served)[1]
    what = "people" if day.weighting == "population" else "area, as nobody lives there"
    said = [f"Shares of {what}, class of terminals as above{f', under {under}' if under else ''}."]
    if with_capacity:
        said.append(
            "Whoever gets half of what they ask for counts as half; what one computed slot gives holds to the next."
        )
    if each > 1:
        said.append(f"Each step is the mean of {each} slots.")
    if day.longitude_deg is not None:
        side = "E" if day.longitude_deg >= 0.0 else "W"
        said.append(f"Sun: mean solar time at {abs(day.longitude_deg):.0f}° {side}, about the middle of those people.")
    shown = [word for word, values in shares.items() if values.any()]
    return [key(shown), tag("figure", chart(day, grid)), tag("p", " ".join(said), class_="note")]


def chart(day: Day, grid: SlotGrid) -> Markup:
    """Stacked shares: UTC below, and the Sun's time where there is one."""
    shares = {word: steps_of(values)[0] for word, values in day.shares().items()}
    _, each = steps_of(day.served)
    edges_s = np.append(np.arange(len(shares["served"])) * each, day.slots) * grid.slot_s
    x = LEFT + (RIGHT - LEFT) * edges_s / edges_s[-1]
    shown = [word for word, values in shares.items() if values.any()]
    said = finding(day, grid)
    return tag(
        "svg", tag("title", said), *_areas(shares, shown, x), *_levels(), *hours(grid, edges_s[-1], day.longitude_deg),
        viewBox=f"0 0 {WIDE:g} {TALL:g}", role="img", aria_label=said, class_="chart",
    )  # fmt: skip


def _areas(shares: dict[str, Floats], shown: Sequence[str], x: Floats) -> list[Markup]:
    """One filled shape a reason, on top of each other."""
    made, below = [], np.zeros(len(x) - 1)
    for word in shown:
        above = below + shares[word]
        made.append(tag("path", d=outline(x, below, above, lambda share: BOTTOM - (BOTTOM - TOP) * share), class_=word))
        below = above
    return made


def outline(x: Floats, below: Floats, above: Floats, y: Callable[[Floats], Floats]) -> str:
    """The edge of a stepped band: along its top, back along its bottom. x (step + 1,); below, above (step,)."""
    new = np.flatnonzero((np.diff(above, prepend=np.nan) != 0.0) | (np.diff(below, prepend=np.nan) != 0.0))
    x, below, above = np.append(x[new], x[-1]), below[new], above[new]  # steps alike are one
    along = np.repeat(x, 2)[1:-1]
    points = [
        *zip(along, np.repeat(y(above), 2), strict=True),
        *zip(along[::-1], np.repeat(y(below), 2)[::-1], strict=True),
    ]
    return "M" + "L".join(f"{px:.1f} {py:.1f}" for px, py in points) + "Z"


def _levels() -> list[Markup]:
    made = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = BOTTOM - (BOTTOM - TOP) * share
        made += [line(LEFT, y, RIGHT, y), text(LEFT - 6.0, y + 4.0, f"{share:.0%}", "end")]
    return made


def hours(grid: SlotGrid, last_s: float, longitude_deg: float | None) -> list[Markup]:
    """The axis of time: round times of UTC, and beside each the Sun's time at a longitude."""
    step_s = next((step for step in TICKS_S if last_s / step <= MOST_TICKS), TICKS_S[-1])
    first = grid.start.replace(hour=0, minute=0, second=0, microsecond=0)
    since_s = (grid.start - first).total_seconds()
    made, days = [], last_s > 86_400.0 * 1.5
    for number in range(int(np.ceil(since_s / step_s)), int((since_s + last_s) // step_s) + 1):
        at = first + timedelta(seconds=number * step_s)
        x = LEFT + (RIGHT - LEFT) * (number * step_s - since_s) / last_s
        made += [line(x, BOTTOM, x, BOTTOM + 5.0), text(x, BOTTOM + 19.0, _hour(at, days), "middle")]
        if longitude_deg is not None:
            local = at + timedelta(hours=longitude_deg / 15.0)
            made.append(text(x, BOTTOM + 36.0, f"{local:%H:%M}", "middle"))
    made.append(text(0.0, BOTTOM + 19.0, "UTC", "start"))
    if longitude_deg is not None:
        made.append(text(0.0, BOTTOM + 36.0, "Sun", "start"))
    return made


def _hour(at: datetime, days: bool) -> str:
    return f"{at:%m-%d %H:%M}" if days else f"{at:%H:%M}"


def line(x1: float, y1: float, x2: float, y2: float) -> Markup:
    """A line of an axis."""
    return tag("line", x1=f"{x1:.1f}", y1=f"{y1:.1f}", x2=f"{x2:.1f}", y2=f"{y2:.1f}", class_="axis")


def text(x: float, y: float, said: str, anchor: str) -> Markup:
    """A word of an axis."""
    return tag("text", said, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor)
