"""A map of the whole Earth with who may be served, as a PNG: cells that are yes, that depend, and that are no.

Each point of the picture has the colour of the cell that holds it, so the map takes as long at any resolution.
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
from openleo.places.territories import contested_areas, territories
from openleo.report import map_layers as layers
from openleo.report.map_frame import Frame
from openleo.service.serve import Reason

DPI = 160
STYLE: dict[Any, Any] = {"font.family": "DejaVu Sans", "font.size": 8.0, "hatch.linewidth": 0.45}
PAGE_IN, MAP_IN = (12.0, 7.3), (0.5, 1.05, 11.0, 5.5)  # the map: left, bottom, width, height
FRAME = Frame(-180.0, 180.0, -90.0, 90.0)
# In the order of the answers' numbers. What is not permitted has the colour that it has on every map.
ANSWERS = (
    ("No", layers.REASON_COLOURS[Reason.NOT_PERMITTED], 0.6),
    ("Depends on the place within the cell, or on the terminal", "#e69f00", 0.85),
    ("Yes, wherever in the cell and whatever the terminal's state", "#1f8a70", 0.8),
)  # (words, colour, how opaque: land shows through)


def draw(cells: Cells, may: NDArray[np.uint8], title: str, said: str, target: Path) -> None:
    """Draw every cell of the Earth (sorted, of one resolution) by its answer, a number into ANSWERS."""
    with rc_context(STYLE):
        figure = Figure(figsize=PAGE_IN, dpi=DPI, facecolor="white")
        canvas = FigureCanvasAgg(figure)
        left, bottom, wide, tall = MAP_IN
        axes = figure.add_axes((left / PAGE_IN[0], bottom / PAGE_IN[1], wide / PAGE_IN[0], tall / PAGE_IN[1]))
        axes.set_xlim(FRAME.west_deg, FRAME.east_deg)
        axes.set_ylim(FRAME.south_deg, FRAME.north_deg)
        layers.draw_land(axes, FRAME)
        _colour(axes, cells, may)
        layers.draw_graticule(axes, FRAME)
        layers.draw_borders(axes, FRAME)
        names = layers.Names(axes, canvas.get_renderer())  # type: ignore[no-untyped-call]
        layers.draw_contested(axes, FRAME, names)
        layers.draw_scale(axes, FRAME, names)
        _words(figure, np.unique(may).tolist(), title, said, int(h3cells.resolutions(cells[:1])[0]))
        figure.savefig(target, dpi=DPI, format="png", metadata={"Software": f"OpenLEO {openleo.__version__}"})


def answers_at(
    latitude_deg: NDArray[np.float64], longitude_deg: NDArray[np.float64], cells: Cells, may: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """The answer at each point: that of the cell that holds it; `cells` are all cells of one resolution, sorted."""
    resolution = int(h3cells.resolutions(cells[:1])[0])
    points = zip(latitude_deg.tolist(), longitude_deg.tolist(), strict=True)
    holding = np.array([h3.latlng_to_cell(*point, resolution) for point in points], dtype=np.uint64)
    answers: NDArray[np.uint8] = may[np.searchsorted(cells, holding)]
    return answers


def _colour(axes: Axes, cells: Cells, may: NDArray[np.uint8]) -> None:
    """A picture of a point a pixel, laid over the land."""
    across, down = (round(length * DPI) for length in MAP_IN[2:])
    longitude = -180.0 + (np.arange(across) + 0.5) * 360.0 / across
    latitude = 90.0 - (np.arange(down) + 0.5) * 180.0 / down
    answer = answers_at(np.repeat(latitude, across), np.tile(longitude, down), cells, may)
    colours = np.array([(*to_rgb(colour), opaque) for _, colour, opaque in ANSWERS])
    axes.imshow(
        colours[answer].reshape(down, across, 4), extent=(-180.0, 180.0, -90.0, 90.0), interpolation="nearest",
        aspect="auto", zorder=2,
    )  # fmt: skip


def _words(figure: Figure, present: list[int], title: str, said: str, resolution: int) -> None:
    wide, tall = PAGE_IN
    figure.text(0.5 / wide, 1.0 - 0.35 / tall, title, fontsize=14.0, fontweight="bold", color=layers.INK)
    figure.text(0.5 / wide, 1.0 - 0.6 / tall, said, fontsize=8.0, color=layers.QUIET)
    handles = [
        Patch(facecolor=colour, alpha=opaque, label=words)
        for words, colour, opaque in (ANSWERS[one] for one in reversed(present))
    ]
    if contested_areas():
        handles.append(Patch(facecolor=layers.LAND, edgecolor=layers.INK, hatch=layers.CONTESTED_HATCH, linewidth=0.5,
                             linestyle=layers.DASHES, label="Contested area"))  # fmt: skip
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.5 / wide, 0.76 / tall), ncols=len(handles),
                  fontsize=7.5, frameon=False, borderpad=0.0, borderaxespad=0.0, labelcolor=layers.INK)  # fmt: skip
    known = next(iter(territories().values()))
    source = (
        f"H3 cells of resolution {resolution}. Borders: {known.source} {known.version}. Contested areas stand for "
        f"themselves; no side is taken. Strips of sea by the distance to the nearest coast. Plate carrée. "
        f"OpenLEO {openleo.__version__}."
    )
    figure.text(0.5 / wide, 0.36 / tall, "\n".join(textwrap.wrap(source, 230)), fontsize=6.0, color=layers.QUIET,
                va="top")  # fmt: skip
