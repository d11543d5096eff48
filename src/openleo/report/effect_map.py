"""Two pictures of an effect: what changes, and before beside after.

Blue against orange-red is told apart by all common kinds of colour vision, and what is lost is hatched besides. Drawn
by matplotlib's Agg, without a display and without any request.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch

import openleo
from openleo import cells as h3cells
from openleo.report import map_layers as layers
from openleo.report.map import DPI, FOOT_IN, KEY_IN, MARGIN_IN, STYLE, fitting, page, window
from openleo.report.map_frame import Frame, frame_of
from openleo.service.effect_cells import CellEffect, Change, Codes, State


@dataclass(frozen=True)
class Look:
    """How cells of one code are drawn, and what the key says of them."""

    label: str
    colour: str
    hatch: str = ""


CHANGES: dict[int, Look] = {
    Change.LOST: Look("Loses service", "#e8743b", "////"),
    Change.GAINED: Look("Gains service", "#2b7bba"),
    Change.MAY_LOSE: Look("May lose service", "#f2bf9b", "...."),
    Change.MAY_GAIN: Look("May gain service", "#a9cde6", "...."),
    Change.MAY_CHANGE: Look("Depends on the terminal in another way", "#cc9ec0", "...."),
    Change.STAYS_IN: Look("Served before and after", "#cfe0d3"),
    Change.STAYS_DEPENDENT: Look("Depends on the terminal as before", "#e4dbe6"),
    Change.GETS_LESS: Look("Served, with less of what it asks for", "#f2c43d", "...."),
    Change.GETS_MORE: Look("Served, with more of what it asks for", "#7fc8a9"),
    Change.STAYS_OUT: Look("Served neither before nor after", "#bdbdbd"),
    Change.UNREACHED: Look("Out of the network's reach", "#4a4a4a"),
}
STATES: dict[int, Look] = {
    State.YES: Look("May be served", "#3f8f87"),
    State.DEPENDS: Look("Depends on the terminal", "#cc9ec0", "...."),
    State.NO: Look("Not permitted", "#f6cfc4", "////"),
    State.OUT_OF_REACH: Look("Out of the network's reach", "#4a4a4a"),
}
HATCH_COLOURS = {"////": "#8c2d12", "....": "#6b3a63"}


@dataclass(frozen=True)
class Drawn:
    """What is told beside the map."""

    title: str
    subtitle: str
    names: tuple[str, str]  # of the rules, old and new
    foot: str


def change_picture(cells: h3cells.Cells, effect: CellEffect, said: Drawn) -> bytes:
    """What changes, as a PNG."""
    return _picture(cells, [("", effect.change)], CHANGES, said)


def sides_picture(cells: h3cells.Cells, effect: CellEffect, said: Drawn) -> bytes:
    """Before beside after (or above it, where the map is wide), as a PNG."""
    panels = [(f"Before: {said.names[0]}", effect.before), (f"After: {said.names[1]}", effect.after)]
    return _picture(cells, panels, STATES, said)


def _picture(
    cells: h3cells.Cells,
    panels: Sequence[tuple[str, Codes]],
    looks: Mapping[int, Look],
    said: Drawn,
) -> bytes:
    outlines = h3cells.outlines(cells)
    frame = frame_of(cells, outlines)
    with rc_context(STYLE):
        figure, axes = page(frame, len(panels))
        canvas = FigureCanvasAgg(figure)
        shapes = layers.shapes_of(frame, outlines)
        contested = False
        for ax, (title, code) in zip(axes, panels, strict=True):
            contested |= _panel(ax, frame, canvas, shapes, title, code, looks)
        _words(figure, said)
        present = {int(one) for _, code in panels for one in np.unique(code)}
        _key(figure, [look for code, look in looks.items() if code in present], contested)
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=DPI, metadata={"Software": f"OpenLEO {openleo.__version__}"})
    return out.getvalue()


def _panel(
    ax: Axes, frame: Frame, canvas: FigureCanvasAgg, shapes: layers.CellShapes, title: str,
    code: Codes, looks: Mapping[int, Look],
) -> bool:  # fmt: skip
    """One map; whether a contested area shows."""
    window(ax, frame, title)
    names = layers.Names(ax, canvas.get_renderer())  # type: ignore[no-untyped-call]
    layers.draw_land(ax, frame)
    for number, look in looks.items():
        corners = [shapes.corners[row] for row in np.flatnonzero(code[shapes.of] == number)]
        if not corners:
            continue
        ax.add_collection(
            PolyCollection(corners, facecolors=look.colour, edgecolors=look.colour, linewidths=0.25, zorder=2),
            autolim=False,
        )
        if look.hatch:
            ax.add_patch(layers.hatched(corners, HATCH_COLOURS[look.hatch], look.hatch))
    layers.draw_graticule(ax, frame)
    layers.draw_borders(ax, frame)
    layers.draw_scale(ax, frame, names)
    return layers.draw_contested(ax, frame, names)


def _words(figure: Figure, said: Drawn) -> None:
    wide, tall = figure.get_size_inches()
    left = MARGIN_IN / wide
    size = fitting(said.title, wide, 14.0, bold=True)
    figure.text(left, 1.0 - 0.32 / tall, said.title, fontsize=size, fontweight="bold", color=layers.INK)
    figure.text(left, 1.0 - 0.55 / tall, said.subtitle, fontsize=fitting(said.subtitle, wide, 8.0), color=layers.QUIET)
    lines = textwrap.wrap(said.foot, int((wide - 2 * MARGIN_IN) * 72.0 / (0.53 * 6.0)), max_lines=4, placeholder=" …")
    figure.text(left, (FOOT_IN - 0.02) / tall, "\n".join(lines), fontsize=6.0, color=layers.QUIET, va="top",
                linespacing=1.35)  # fmt: skip


def _key(figure: Figure, looks: Sequence[Look], contested: bool) -> None:
    wide, tall = figure.get_size_inches()
    handles = [
        Patch(facecolor=look.colour, edgecolor=HATCH_COLOURS.get(look.hatch, look.colour), hatch=look.hatch,
              linewidth=0.0, label=look.label)
        for look in looks
    ]  # fmt: skip
    if contested:
        handles.append(Patch(facecolor=layers.LAND, edgecolor=layers.INK, hatch=layers.CONTESTED_HATCH, linewidth=0.5,
                             linestyle=layers.DASHES, label="Contested area"))  # fmt: skip
    columns = max(1, min(len(handles), int((wide - 2 * MARGIN_IN) / 2.3)))
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(MARGIN_IN / wide, (FOOT_IN + KEY_IN - 0.40) / tall),
        ncols=columns, fontsize=7.0, frameon=False, borderpad=0.0, borderaxespad=0.0, handlelength=1.7,
        handleheight=1.05, columnspacing=1.4, labelspacing=0.55, labelcolor=layers.INK,
    )  # fmt: skip
