"""A map of who is served, as one would print it: `map.png`.

Cells have the colour of the reason that takes most of their people × time; served ones are graded by their median
round-trip time. With a second rule set there are two panels, before and after, on one scale. Drawn by matplotlib's
Agg, without a display and without any request.
"""

from __future__ import annotations

import io
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

import openleo
from openleo import cells as h3cells
from openleo.report import map_layers as layers
from openleo.report import words
from openleo.report.map_frame import Frame, frame_of
from openleo.results import Case, Results
from openleo.service.serve import Reason
from openleo.service.summary import CellTable, by_cell

DPI = 160
ROW_GAP_IN = 0.3
STYLE: dict[Any, Any] = {"hatch.linewidth": 0.45, "font.family": "DejaVu Sans", "font.size": 8.0}
AREA_IN2 = 46.0  # of one panel; two side by side share a page
WIDE = 1.45  # panels wider than this stand one above the other
MARGIN_IN, GAP_IN, TITLE_IN, PANEL_TITLE_IN, KEY_IN, FOOT_IN = 0.5, 0.55, 0.75, 0.26, 0.92, 0.55


@dataclass(frozen=True)
class Panel:
    """One map of the picture."""

    title: str
    table: CellTable


def draw(results: Results, path: Path) -> None:
    """Write the map of the results to a PNG file."""
    path.write_bytes(picture(results))


def picture(results: Results) -> bytes:
    """The map of the results, as a PNG."""
    panels = _panels(results)
    outlines = h3cells.outlines(results.cells)
    frame = frame_of(results.cells, outlines)
    scale = _scale(panels)
    with rc_context(STYLE):
        figure, axes = page(frame, len(panels))
        canvas = FigureCanvasAgg(figure)
        shapes = layers.shapes_of(frame, outlines)
        contested = False
        shown = (0, 0)
        case = results.case
        networks = (case.network, case.compare_network or case.network)  # rules may withhold gateways
        for ax, panel, network in zip(axes, panels, networks, strict=False):
            window(ax, frame, panel.title)
            names = layers.Names(ax, canvas.get_renderer())  # type: ignore[no-untyped-call]
            layers.draw_land(ax, frame)
            layers.draw_cells(ax, shapes, panel.table, scale)
            layers.draw_graticule(ax, frame)
            layers.draw_borders(ax, frame)
            layers.draw_scale(ax, frame, names)
            stations = layers.draw_stations(ax, frame, network.gateways, names)
            shown = (max(shown[0], stations[0]), stations[1])
            contested = layers.draw_contested(ax, frame, names)
            layers.name_gateways(frame, network.gateways, names)
        headline(figure, results.case, f"Who is served: {results.case.name}")
        _key(figure, panels, scale, contested, shown)
        footer(
            figure,
            results.case,
            "A cell shows what happens to most of its people × time (area × time where nobody lives).",
        )
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=DPI, metadata={"Software": f"OpenLEO {openleo.__version__}"})
    return out.getvalue()


def _panels(results: Results) -> list[Panel]:
    if results.compared is None:
        return [Panel("", results.cell_table)]
    before, after = words.rules_name(results.case, "rules"), words.rules_name(results.case, "compare")
    return [Panel(f"Before: {before}", results.cell_table), Panel(f"After: {after}", by_cell(results.compared))]


def _scale(panels: list[Panel]) -> Normalize | None:
    """One scale for all panels, over all but the outermost hundredths; None where nothing is served."""
    served = np.concatenate([p.table.rtt_ms_p50[np.array(p.table.reason) == Reason.SERVED.word] for p in panels])
    if len(served) == 0:
        return None
    low, high = np.floor(np.percentile(served, 1.0)), np.ceil(np.percentile(served, 99.0))
    return Normalize(low, max(high, low + 2.0), clip=True)


# --- the page -----------------------------------------------------------------------------------------------------


def page(frame: Frame, panels: int, below_in: float = 0.0) -> tuple[Figure, list[Axes]]:
    """A page of the panels' size with room for title, key and footer; all lengths in inches. More than two stand in
    two columns, or in one where they are wide; `below_in`: room for a key of its own below each.
    """
    stacked = panels > 1 and frame.aspect > WIDE
    across = 1 if stacked or panels == 1 else 2
    down = -(-panels // across)
    size = AREA_IN2 if panels == 1 else AREA_IN2 * 0.85
    wide = max((size * frame.aspect) ** 0.5, 5.6 if across == 1 else 0.0)
    tall = wide / frame.aspect
    head = PANEL_TITLE_IN if panels > 1 else 0.0
    page_wide = MARGIN_IN * 2 + across * wide + (across - 1) * GAP_IN
    page_tall = TITLE_IN + down * (tall + head + below_in) + (down - 1) * ROW_GAP_IN + KEY_IN + FOOT_IN
    figure = Figure(figsize=(page_wide, page_tall), dpi=DPI, facecolor="white")
    axes = []
    for number in range(panels):
        row, column = divmod(number, across)
        left = MARGIN_IN + column * (wide + GAP_IN)
        bottom = page_tall - TITLE_IN - (row + 1) * (tall + head) - row * (ROW_GAP_IN + below_in)
        axes.append(figure.add_axes((left / page_wide, bottom / page_tall, wide / page_wide, tall / page_tall)))
    return figure, axes


def window(ax: Axes, frame: Frame, title: str) -> None:
    """Show the frame, under a title."""
    ax.set_xlim(frame.west_deg, frame.east_deg)
    ax.set_ylim(frame.south_deg, frame.north_deg)
    ax.set_title(title, loc="left", fontsize=9.0, fontweight="bold", color=layers.INK, pad=5.0)


def headline(figure: Figure, case: Case, title: str) -> None:
    """The page's title, and the run in one line."""
    wide, tall = figure.get_size_inches()
    said = " · ".join([words.constellation_line(case), words.when(case.grid), words.slots(case.grid)])
    left = MARGIN_IN / wide
    plain: dict[str, Any] = {"parse_math": False}  # names come from files
    figure.text(left, 1.0 - 0.32 / tall, title, fontsize=14.0, fontweight="bold", color=layers.INK, **plain)
    figure.text(left, 1.0 - 0.55 / tall, said, fontsize=fitting(said, wide, 8.0), color=layers.QUIET, **plain)


def fitting(text: str, wide_in: float, size_pt: float, *, bold: bool = False) -> float:
    """A size at which the line stays on the page; DejaVu's letters are 0.55 em wide on average, 0.64 em where bold."""
    return min(size_pt, (wide_in - 2 * MARGIN_IN) * 72.0 / ((0.66 if bold else 0.56) * len(text)))


# --- key and footer -----------------------------------------------------------------------------------------------


def _key(figure: Figure, panels: list[Panel], scale: Normalize | None, contested: bool, shown: tuple[int, int]) -> None:
    wide, tall = figure.get_size_inches()
    top = (FOOT_IN + KEY_IN - 0.52) / tall
    bar_in = min(2.6, wide * 0.34)
    if scale is not None:
        axes = figure.add_axes((MARGIN_IN / wide, top - 0.13 / tall, bar_in / wide, 0.13 / tall))
        bar = figure.colorbar(
            ScalarMappable(scale, layers.rtt_colours()), cax=axes, orientation="horizontal", extend="neither"
        )
        bar.locator = MaxNLocator(nbins=7, integer=True)
        bar.update_ticks()
        bar.outline.set(linewidth=0.4)
        axes.tick_params(length=2.0, width=0.5, labelsize=6.5, pad=1.5, colors=layers.INK)
        axes.set_title("Served; median round-trip time (ms)", loc="left", fontsize=7.0, color=layers.INK, pad=3.0)
    handles = _handles(panels, contested, shown)
    left = (MARGIN_IN + (bar_in + 0.35 if scale is not None else 0.0)) / wide
    room_in = wide * (1.0 - left) - MARGIN_IN
    columns = max(1, min(len(handles), int(room_in / 1.75)))
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(left, (FOOT_IN + KEY_IN - 0.40) / tall), ncols=columns,
        fontsize=7.0, frameon=False, borderpad=0.0, borderaxespad=0.0, handlelength=1.7, handleheight=1.05,
        columnspacing=1.4, labelspacing=0.55, labelcolor=layers.INK,
    )  # fmt: skip


def _handles(panels: list[Panel], contested: bool, shown: tuple[int, int]) -> list[Patch | Line2D]:
    """Only what is on the map."""
    present = {word for panel in panels for word in panel.table.reason}
    handles: list[Patch | Line2D] = []
    for code, colour in layers.REASON_COLOURS.items():
        if code.word in present:
            hatch = layers.NOT_PERMITTED_HATCH if code is Reason.NOT_PERMITTED else None
            edge = layers.HATCH_COLOUR if hatch else colour
            label = words.REASON_WORDS[code.word].capitalize()
            handles.append(Patch(facecolor=colour, edgecolor=edge, hatch=hatch, linewidth=0.0, label=label))
    return [*handles, *ground_handles(contested, shown)]


def ground_handles(contested: bool, shown: tuple[int, int]) -> list[Patch | Line2D]:
    """For the key: contested areas, gateways and PoPs, as many as show."""
    handles: list[Patch | Line2D] = []
    if contested:
        handles.append(Patch(facecolor=layers.LAND, edgecolor=layers.INK, hatch=layers.CONTESTED_HATCH, linewidth=0.5,
                             linestyle=layers.DASHES, label="Contested area"))  # fmt: skip
    gateways, pops = shown
    for count, marker, face, label in ((gateways, "^", layers.INK, "Gateway"), (pops, "s", "white", "PoP")):
        if count:
            handles.append(Line2D([], [], linestyle="", marker=marker, markersize=5.5, markerfacecolor=face,
                                  markeredgecolor=layers.INK, markeredgewidth=0.7, label=label))  # fmt: skip
    return handles


def footer(figure: Figure, case: Case, meaning: str) -> None:
    """Sources, with what the map means."""
    wide, tall = figure.get_size_inches()
    inputs = case.inputs
    borders = inputs["territories"].source if "territories" in inputs else "Natural Earth"
    said = (
        f"Borders: {borders}. Contested areas stand for themselves; no side is taken. "
        f"Constellation: {inputs['constellation'].source}. Gateways: {inputs['gateways'].source}, by municipality. "
        f"{meaning} H3 resolution {case.resolution}; plate carrée. OpenLEO {openleo.__version__}."
    )
    lines = textwrap.wrap(said, int((wide - 2 * MARGIN_IN) * 72.0 / (0.53 * 6.0)), max_lines=4, placeholder=" …")
    figure.text(MARGIN_IN / wide, (FOOT_IN - 0.02) / tall, "\n".join(lines), fontsize=6.0, color=layers.QUIET, va="top",
                linespacing=1.35, parse_math=False)  # fmt: skip
