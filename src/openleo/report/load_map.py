"""A map of the whole Earth with its links by what they carry, as a PNG.

An inter-satellite link is drawn over the ground below it, with the greater of its two directions; links to places are
thin and grey. The fullest lie on top.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

import openleo
from openleo.errors import counted
from openleo.instants import instant_text
from openleo.network.load import ISL, Loads
from openleo.network.pairs import Places
from openleo.places.territories import territories
from openleo.report import map_layers as layers
from openleo.report.load import three_digits
from openleo.report.map_frame import Frame
from openleo.report.staging import StagedFile, blaming

Floats = NDArray[np.float64]

DPI = 160
STYLE: dict[Any, Any] = {"font.family": "DejaVu Sans", "font.size": 8.0}
PAGE_IN, MAP_IN = (12.0, 7.3), (0.5, 1.05, 11.0, 5.5)  # the map: left, bottom, width, height
LEAST_LATITUDE_DEG = 60.0  # the map shows at least this far north and south
STEPS = 12  # of a link on the map
THIN_PT, THICK_PT = 0.6, 3.0
OVER, GROUND_LINK = "#c4432b", "#8a939b"
MANY_PLACES = 40  # beyond, they are drawn without names


def draw(
    loads: Loads, places: Places, start: datetime, at_s: float, name: str, how: str, isl_mbps: float | None,
    target: Path,
) -> None:  # fmt: skip
    """Draw to a PNG file. `how`: the way of routing, in words; `isl_mbps`: what an inter-satellite link can carry."""
    isl, between, mbps = _both_ways(loads)
    spots = _longitude_latitude(places.position_km)
    lines_isl, lines_ground = _lines(loads, places, isl), _lines(loads, places, between)
    reach_deg = max([LEAST_LATITUDE_DEG, *(float(np.abs(one[:, 1]).max()) + 5.0 for one in (*lines_isl, spots))])
    frame = Frame(-180.0, 180.0, -min(reach_deg, 90.0), min(reach_deg, 90.0))
    scale = Normalize(0.0, float(mbps.max(initial=0.0)) or 1.0)
    with rc_context(STYLE):
        figure = Figure(figsize=PAGE_IN, dpi=DPI, facecolor="white")
        canvas = FigureCanvasAgg(figure)
        left, bottom, wide, tall = MAP_IN
        axes = figure.add_axes((left / PAGE_IN[0], bottom / PAGE_IN[1], wide / PAGE_IN[0], tall / PAGE_IN[1]))
        axes.set_xlim(frame.west_deg, frame.east_deg)
        axes.set_ylim(frame.south_deg, frame.north_deg)
        layers.draw_land(axes, frame)
        layers.draw_borders(axes, frame)
        layers.draw_graticule(axes, frame)
        axes.add_collection(
            LineCollection(
                [turned for line in lines_ground for turned in _turned(line)],
                colors=GROUND_LINK,
                linewidths=0.5,
                alpha=0.8,
                zorder=6,
            ),
            autolim=False,
        )
        over = mbps > (np.inf if isl_mbps is None else isl_mbps)
        _draw_links(axes, lines_isl, mbps, scale, over)
        names = layers.Names(axes, canvas.get_renderer())  # type: ignore[no-untyped-call]
        _draw_places(axes, spots, places.names, names)
        layers.draw_scale(axes, frame, names)
        at = instant_text(start + timedelta(seconds=at_s))
        _words(figure, loads, f"{name}, {at}: {how}", bool(over.any()), isl_mbps)
        if len(mbps):
            _colour_bar(figure, scale)
        with blaming(target), StagedFile(target) as path:
            figure.savefig(path, dpi=DPI, format="png", metadata={"Software": f"OpenLEO {openleo.__version__}"})


def _both_ways(loads: Loads) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """(inter-satellite links by their fuller direction, the emptiest first; links to places; Mbps of the former)."""
    used = np.flatnonzero(loads.flows)
    from_node, to_node = (nodes[used] for nodes in loads.graph.ends())
    is_isl = loads.kinds()[used] == ISL
    pair = np.minimum(from_node, to_node) * loads.graph.lengths_km.shape[0] + np.maximum(from_node, to_node)
    order = np.lexsort((-loads.mbps[used], pair))
    order = order[is_isl[order]]
    fuller = used[order[np.unique(pair[order], return_index=True)[1]]]
    fuller = fuller[np.argsort(loads.mbps[fuller], kind="stable")]
    return fuller, used[~is_isl], loads.mbps[fuller]


def _lines(loads: Loads, places: Places, links: NDArray[np.intp]) -> list[Floats]:
    """The ground below each link, (longitude, latitude) in degrees, longitudes running on past 180."""
    where = np.concatenate([loads.position_km, np.repeat(places.position_km, 2, axis=0)])
    from_node, to_node = (nodes[links] for nodes in loads.graph.ends())
    along = np.linspace(0.0, 1.0, STEPS + 1)[:, np.newaxis]
    found = []
    for here, there in zip(where[from_node], where[to_node], strict=True):
        line = _longitude_latitude(here + along * (there - here))
        line[:, 0] = np.unwrap(line[:, 0], period=360.0)
        found.append(line)
    return found


def _longitude_latitude(position_km: Floats) -> Floats:
    """Degrees, from the Earth's centre: on a map of the world the difference from geodetic latitudes does not show."""
    x, y, z = position_km.T
    found: Floats = np.degrees(np.stack([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))], axis=1))
    return found


def _draw_links(axes: Axes, lines: list[Floats], mbps: Floats, scale: Normalize, over: NDArray[np.bool_]) -> None:
    """Each link by its load, once more on the other side where it crosses ±180°."""
    shown = [(turned, n) for n, line in enumerate(lines) for turned in _turned(line)]
    number = np.array([n for _, n in shown], np.intp)
    colours = layers.rtt_colours()(scale(mbps[number]))
    colours[over[number]] = (*(int(OVER[k : k + 2], 16) / 255.0 for k in (1, 3, 5)), 1.0)
    widths = THIN_PT + (THICK_PT - THIN_PT) * np.asarray(scale(mbps[number]))
    axes.add_collection(
        LineCollection([line for line, _ in shown], colors=colours, linewidths=widths, capstyle="round", zorder=7),
        autolim=False,
    )


def _turned(line: Floats) -> Iterator[Floats]:
    """The line as often as it shows between ±180°."""
    for turn in (-360.0, 0.0, 360.0):
        if line[:, 0].max() + turn > -180.0 and line[:, 0].min() + turn < 180.0:
            yield line + np.array([turn, 0.0])


def _draw_places(axes: Axes, spots: Floats, called: tuple[str, ...], names: layers.Names) -> None:
    axes.scatter(spots[:, 0], spots[:, 1], 16, c="white", edgecolors=layers.INK, linewidths=0.8, zorder=8)
    for x, y in spots.tolist():
        names.keep_clear(x, y, 2.5)
    if len(called) <= MANY_PLACES:
        for (x, y), name in zip(spots.tolist(), called, strict=True):
            names.write(x, y, name, 4.0, fontsize=7.0, color=layers.INK)


def _words(figure: Figure, loads: Loads, said: str, over: bool, isl_mbps: float | None) -> None:
    """Title, key of the lines that no colour bar explains, footer."""
    wide, tall = PAGE_IN
    lost = len(loads.unreachable)
    demands = counted(len(loads.demands), "demand") + (f", {lost} of them unreachable" if lost else "")
    figure.text(0.5 / wide, 1.0 - 0.35 / tall, "Load of inter-satellite links", fontsize=14.0, fontweight="bold",
                color=layers.INK)  # fmt: skip
    figure.text(0.5 / wide, 1.0 - 0.6 / tall, f"{said} · {demands}", fontsize=8.0, color=layers.QUIET)
    handles = [Line2D([], [], color=GROUND_LINK, linewidth=0.8, label="Link between place and satellite")]
    if over and isl_mbps is not None:
        handles.append(Line2D([], [], color=OVER, linewidth=2.0, label=f"Above {three_digits(isl_mbps)} Mbps"))
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(3.6 / wide, 0.78 / tall), ncols=2, fontsize=7.0,
                  frameon=False, labelcolor=layers.INK)  # fmt: skip
    known = next(iter(territories().values()))
    source = (
        f"The greater of a link's two directions, over the ground below it; nothing is turned away. Borders: "
        f"{known.source} {known.version}. Contested areas stand for themselves; no side is taken. Plate carrée. "
        f"OpenLEO {openleo.__version__}."
    )
    figure.text(0.5 / wide, 0.24 / tall, "\n".join(textwrap.wrap(source, 230)), fontsize=6.0, color=layers.QUIET,
                va="top")  # fmt: skip


def _colour_bar(figure: Figure, scale: Normalize) -> None:
    wide, tall = PAGE_IN
    axes = figure.add_axes((0.5 / wide, 0.5 / tall, 2.8 / wide, 0.13 / tall))
    bar = figure.colorbar(ScalarMappable(scale, layers.rtt_colours()), cax=axes, orientation="horizontal")
    bar.outline.set(linewidth=0.4)
    axes.tick_params(length=2.0, width=0.5, labelsize=6.5, pad=1.5, colors=layers.INK)
    axes.set_title("Inter-satellite link (Mbps)", loc="left", fontsize=7.0, color=layers.INK, pad=3.0)
