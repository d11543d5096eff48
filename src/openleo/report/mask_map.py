"""A map of who may be served, as a PNG: cells that are yes, that depend, and that are no.

The whole Earth, or the part of it where anybody may be served if that is small. Each point of the picture has the
colour of the cell that holds it, so the map takes as long at any resolution.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import h3.api.numpy_int as h3
import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

import openleo
from openleo import cells as h3cells
from openleo.cells import Cells
from openleo.places.territories import territories
from openleo.report import map_layers as layers
from openleo.report.map import fitting
from openleo.report.map_frame import Frame, frame_of
from openleo.service.serve import Reason

DPI = 160
STYLE: dict[Any, Any] = {"font.family": "DejaVu Sans", "font.size": 8.0, "hatch.linewidth": 0.45}
WIDE_IN, TALL_IN = 11.0, 5.5  # the map at most
LEAST_PAGE_IN, MARGIN_IN, TITLE_IN, KEY_IN = 7.3, 0.5, 0.75, 1.15  # title above, key and sources below the map
SCALE_IN = 0.45  # the scale is so far below the map, beside the key
WORLD = Frame(-180.0, 180.0, -90.0, 90.0)
WIDEST_PART_DEG = 120.0  # what spreads farther is drawn with the whole Earth
FRAMING_RESOLUTION = 3  # the part drawn is known by cells of this size: there are never many
# In the order of the answers' numbers. What is not permitted has the colour that it has on every map.
ANSWERS = (
    ("No", layers.REASON_COLOURS[Reason.NOT_PERMITTED], 0.5),
    ("Depends on the place within the cell, or on the terminal", "#e69f00", 0.85),
    ("Yes, wherever in the cell and whatever the terminal's state", "#1f8a70", 0.8),
)  # (words, colour, how opaque: land shows through)


def draw(cells: Cells, may: NDArray[np.uint8], title: str, said: str, target: Path) -> None:
    """Draw every cell of the Earth (sorted, of one resolution) by its answer, a number into ANSWERS."""
    frame = frame_around(cells[may > 0])
    wide_in = min(WIDE_IN, TALL_IN * frame.aspect)
    tall_in = wide_in / frame.aspect
    page = wide_in + 2.0 * MARGIN_IN, tall_in + TITLE_IN + KEY_IN
    with rc_context(STYLE):
        figure = Figure(figsize=page, dpi=DPI, facecolor="white")
        canvas = FigureCanvasAgg(figure)
        axes = figure.add_axes((MARGIN_IN / page[0], KEY_IN / page[1], wide_in / page[0], tall_in / page[1]))
        axes.set_xlim(frame.west_deg, frame.east_deg)
        axes.set_ylim(frame.south_deg, frame.north_deg)
        layers.draw_land(axes, frame)
        shown = _colour(axes, frame, (wide_in, tall_in), cells, may)
        layers.draw_graticule(axes, frame)
        layers.draw_borders(axes, frame)
        names = layers.Names(axes, canvas.get_renderer())  # type: ignore[no-untyped-call]
        contested = layers.draw_contested(axes, frame, names)
        layers.draw_scale_below(axes, frame, SCALE_IN)
        _words(figure, shown, contested, title, said, int(h3cells.resolutions(cells[:1])[0]))
        figure.savefig(target, dpi=DPI, format="png", metadata={"Software": f"OpenLEO {openleo.__version__}"})


def frame_around(cells: Cells) -> Frame:
    """The part of the Earth with some cells, with room around; all of it where they spread far, or there are none."""
    if len(cells) == 0:
        return WORLD
    coarse = np.unique(h3cells.parents(cells, min(FRAMING_RESOLUTION, int(h3cells.resolutions(cells[:1])[0]))))
    frame = frame_of(coarse, h3cells.outlines(coarse))
    return _filling(frame) if frame.span_deg <= WIDEST_PART_DEG else WORLD


def _filling(frame: Frame) -> Frame:
    """A frame with more to the sides, where its map would be narrower than the page."""
    least = (LEAST_PAGE_IN - 2.0 * MARGIN_IN) / TALL_IN
    grow_deg = (frame.east_deg - frame.west_deg) * max(least / frame.aspect - 1.0, 0.0) / 2.0
    return Frame(frame.west_deg - grow_deg, frame.east_deg + grow_deg, frame.south_deg, frame.north_deg)


def answers_at(
    latitude_deg: NDArray[np.float64], longitude_deg: NDArray[np.float64], cells: Cells, may: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """The answer at each point: that of the cell that holds it; `cells` are all cells of one resolution, sorted."""
    resolution = int(h3cells.resolutions(cells[:1])[0])
    points = zip(latitude_deg.tolist(), longitude_deg.tolist(), strict=True)
    holding = np.array([h3.latlng_to_cell(*point, resolution) for point in points], dtype=np.uint64)
    answers: NDArray[np.uint8] = may[np.searchsorted(cells, holding)]
    return answers


def _colour(
    axes: Axes, frame: Frame, size_in: tuple[float, float], cells: Cells, may: NDArray[np.uint8]
) -> list[int]:  # fmt: skip
    """A picture of a point a pixel, laid over the land; the answers that it shows."""
    across, down = (round(length * DPI) for length in size_in)
    longitude = frame.west_deg + (np.arange(across) + 0.5) * (frame.east_deg - frame.west_deg) / across
    latitude = frame.north_deg - (np.arange(down) + 0.5) * (frame.north_deg - frame.south_deg) / down
    answer = answers_at(np.repeat(latitude, across), np.tile(longitude, down), cells, may)
    colours = np.array([(*to_rgb(colour), opaque) for _, colour, opaque in ANSWERS])
    axes.imshow(
        colours[answer].reshape(down, across, 4), interpolation="nearest", aspect="auto", zorder=2,
        extent=(frame.west_deg, frame.east_deg, frame.south_deg, frame.north_deg),
    )  # fmt: skip
    return [one for one in range(len(ANSWERS)) if (answer == one).any()]


def _over_land(answer: int) -> tuple[float, float, float]:
    """The colour that an answer has on the map, where there is land."""
    _, colour, opaque = ANSWERS[answer]
    red, green, blue = opaque * np.array(to_rgb(colour)) + (1.0 - opaque) * np.array(to_rgb(layers.LAND))
    return float(red), float(green), float(blue)


def _words(figure: Figure, shown: list[int], contested: bool, title: str, said: str, resolution: int) -> None:
    wide, tall = figure.get_size_inches()
    left = MARGIN_IN / wide
    figure.text(left, 1.0 - 0.35 / tall, title, fontsize=fitting(title, wide, 14.0, bold=True),
                fontweight="bold", color=layers.INK)  # fmt: skip
    figure.text(left, 1.0 - 0.6 / tall, said, fontsize=fitting(said, wide, 8.0), color=layers.QUIET)
    handles = [Patch(facecolor=_over_land(one), label=ANSWERS[one][0]) for one in reversed(shown)]
    if contested:
        handles.append(Patch(facecolor=layers.LAND, edgecolor=layers.INK, hatch=layers.CONTESTED_HATCH, linewidth=0.5,
                             linestyle=layers.DASHES, label="Contested area"))  # fmt: skip
    columns = len(handles) if wide > WIDE_IN else 2
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(left, 0.86 / tall), ncols=columns,
                  fontsize=7.5, frameon=False, borderpad=0.0, borderaxespad=0.0, labelcolor=layers.INK)  # fmt: skip
    known = next(iter(territories().values()))
    source = (
        f"H3 cells of resolution {resolution}. Borders: {known.source} {known.version}. Contested areas stand for "
        f"themselves; no side is taken. Strips of sea by the distance to the nearest coast. Plate carrée: wider than "
        f"true towards the poles. OpenLEO {openleo.__version__}."
    )
    lines = textwrap.wrap(source, round((wide - 2.0 * MARGIN_IN) * 21.0))
    figure.text(left, 0.42 / tall, "\n".join(lines), fontsize=6.0, color=layers.QUIET, va="top")
