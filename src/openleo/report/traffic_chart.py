"""What is asked for and what is given over the run, as a picture within the page: one chart each way."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from openleo.instants import SlotGrid
from openleo.network.capacity.tally import Tally
from openleo.report import day_chart
from openleo.report.day_chart import BOTTOM, LEFT, RIGHT, TALL, TOP, WIDE
from openleo.report.html_parts import Markup, key, tag
from openleo.report.words import rate

Floats = NDArray[np.float64]

LEVELS = 4  # of the axis, about
ABOVE = 14.0  # room over the plot, for the unit
GIVEN, ASKED = "given", "asked"


def figure(tally: Tally, grid: SlotGrid, longitude_deg: float | None) -> list[Markup]:
    """Down, then up; a way in which nobody asks for anything is left out. Nothing for one computed slot."""
    ways = (
        ("Down, to users", tally.slot_asked_down_mbps, tally.slot_given_down_mbps),
        ("Up, from users", tally.slot_asked_up_mbps, tally.slot_given_up_mbps),
    )
    shown = [(name, asked, given) for name, asked, given in ways if asked.any()]
    if tally.slots < 2 or not shown:
        return []
    made = [key((GIVEN, ASKED), {GIVEN: "given", ASKED: "asked for and not given"})]
    for name, asked, given in shown:
        made += [tag("h3", name), tag("figure", chart(tally.begin_s, asked, given, grid, longitude_deg))]
    step = f"Of {tally.slots:,} computed slots; each stands for the time until the next."
    return [*made, tag("p", f"{step} Those who may not be served ask for nothing here.", class_="note")]


def chart(begin_s: Floats, asked: Floats, given: Floats, grid: SlotGrid, longitude_deg: float | None) -> Markup:
    """One way: what is given as an area, and what is asked for beyond it on top. Axes (slot,), Mbit/s."""
    end_s = grid.slots * grid.slot_s
    x = LEFT + (RIGHT - LEFT) * np.append(begin_s, end_s) / end_s
    step, top = scale(float(max(asked.max(), given.max())))
    unit, size = ("Gbit/s", 1e3) if top > 1e3 else ("Mbit/s", 1.0)

    def y(mbps: Floats) -> Floats:
        return BOTTOM - (BOTTOM - TOP) * mbps / top

    busiest = int(asked.argmax())
    at = grid.start + timedelta(seconds=float(begin_s[busiest]))
    most, got = rate(float(asked[busiest])), rate(float(given[busiest]))
    said = f"Most is asked for at {at:%Y-%m-%d %H:%M} UTC: {most}, of which {got} are given"
    levels = []
    marks = np.arange(0.0, top * 1.001, step)
    for mbps, height in zip(marks.tolist(), y(marks).tolist(), strict=True):
        levels += [day_chart.line(LEFT, height, RIGHT, height),
                   day_chart.text(LEFT - 6.0, height + 4.0, f"{mbps / size:,g}", "end")]  # fmt: skip
    nothing = np.zeros(len(given))
    return tag(
        "svg", tag("title", said),
        tag("path", d=day_chart.outline(x, nothing, given, y), class_=GIVEN),
        tag("path", d=day_chart.outline(x, given, np.maximum(asked, given), y), class_=ASKED),
        *levels, day_chart.text(LEFT, TOP - 6.0, unit, "start"),
        *day_chart.hours(grid, end_s, longitude_deg),
        viewBox=f"0 {-ABOVE:g} {WIDE:g} {TALL + ABOVE:g}", role="img", aria_label=said, class_="chart",
    )  # fmt: skip


def scale(most_mbps: float) -> tuple[float, float]:
    """(round steps of an axis, its end: the first of them that nothing exceeds).

    >>> scale(1234.0), scale(0.9)
    ((500.0, 1500.0), (0.25, 1.0))
    """
    rough = max(most_mbps, 1e-9) / LEVELS
    power = 10.0 ** np.floor(np.log10(rough))
    step = float(next(round_ * power for round_ in (1.0, 2.0, 2.5, 5.0, 10.0) if round_ * power >= rough))
    return step, float(np.ceil(most_mbps / step - 1e-9)) * step
