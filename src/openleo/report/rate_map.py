"""Maps of rates, as one would print them: `rates.png`.

Four panels of one area: the round-trip time, what a user's test of the line finds down and up, and what binds each
cell. A cell without a figure has the colour of the reason. Light is good on every scale, and a scale is in equal
ratios: 10 is to 20 as 100 is to 200.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import NDArray

import openleo
from openleo import cells as h3cells
from openleo.network.capacity.caps import Binding
from openleo.report import map_layers as layers
from openleo.report import words
from openleo.report.map import DPI, FOOT_IN, KEY_IN, MARGIN_IN, STYLE, footer, ground_handles, headline, page, window
from openleo.report.map_frame import frame_of
from openleo.results import Results
from openleo.service.serve import Reason
from openleo.service.summary import CellTable, by_cell

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

BELOW_IN = 0.62  # the key of one panel, under it
VALUE = 0  # the code of a cell that has a figure
NOBODY = max(Reason) + 1  # of one in which nobody asks for anything
ROUND = (1.0, 2.0, 5.0)


@dataclass(frozen=True)
class Look:
    """How cells of one code are drawn, and what the key says of them."""

    label: str
    colour: str
    edge: str = ""  # of its patch in the key, or of its hatching; by default as the colour
    hatch: str = ""


NOT_PERMITTED = Look("Not permitted", layers.REASON_COLOURS[Reason.NOT_PERMITTED], layers.HATCH_COLOUR,
                     layers.NOT_PERMITTED_HATCH)  # fmt: skip
NOBODY_ASKS = Look("Nobody subscribes", "#ffffff", "#c3cbd1")
WHY: Mapping[int, Look] = {
    Reason.NOT_PERMITTED: NOT_PERMITTED,
    **{
        reason: Look(words.REASON_WORDS[reason.word].capitalize(), layers.REASON_COLOURS[reason])
        for reason in (Reason.NO_SATELLITE, Reason.NO_GATEWAY, Reason.NO_CAPACITY)
    },
    NOBODY: NOBODY_ASKS,
}
# Okabe and Ito's, safe for colour-blind readers; what wants for nothing is a grey that steps back.
BOUND: Mapping[int, Look] = {
    Binding.DEMAND: Look("Nothing: it has what it asks for", "#b4bec6"),
    Binding.BEAM: Look("Beams", "#e69f00"),
    Binding.CELL: Look("Channels of the cell", "#56b4e9"),
    Binding.SATELLITE: Look("Satellite", "#0072b2"),
    Binding.FEEDER: Look("Feeder link or gateway", "#d55e00"),
    Binding.ISL: Look("Inter-satellite link", "#cc79a7"),
    Binding.POP: Look("PoP", "#009e73"),
    Binding.TERMINAL: Look("Terminals", "#f0e442"),
    Binding.POLICY: NOT_PERMITTED,
    Binding.NO_WAY: Look("No way to a gateway", layers.REASON_COLOURS[Reason.NO_SATELLITE]),
    max(Binding) + 1: NOBODY_ASKS,
}


@dataclass(frozen=True, eq=False)
class Panel:
    """One map: `value` (cell,) where `code` (cell,) is VALUE, and a look where it is not."""

    title: str
    value: Floats
    code: Codes
    looks: Mapping[int, Look]
    unit: str  # what the scale says
    scale: Normalize | None  # None: no cell has a figure
    colours: Colormap

    @property
    def present(self) -> list[Look]:
        """The looks that are on the map, each once."""
        return [look for code, look in self.looks.items() if (self.code == code).any()]


def picture(results: Results) -> bytes | None:
    """The maps under the rules in force, as a PNG; None where the run has no rates."""
    return None if results.service.rates is None else _png(results, results.cell_table, "")


def picture_after(results: Results) -> bytes | None:
    """The maps under the second rule set; None where there is none, or no rates."""
    if results.compared is None or results.compared.rates is None:
        return None
    return _png(results, by_cell(results.compared), f", after {words.rules_name(results.case, 'compare')}")


def _png(results: Results, table: CellTable, after: str) -> bytes:
    with rc_context(STYLE):
        figure = drawn(results, panels_of(table), after)
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=DPI, metadata={"Software": f"OpenLEO {openleo.__version__}"})
    return out.getvalue()


# --- what is shown ------------------------------------------------------------------------------------------------


def panels_of(table: CellTable) -> list[Panel]:
    """Round-trip time, down, up, and what binds."""
    return [
        _rtt(table),
        _rate("Download: what a user's test finds", table.down_mbps_p50, table),
        _rate("Upload: what a user's test finds", table.up_mbps_p50, table),
        _bound(table),
    ]


def _reason(table: CellTable) -> Codes:
    return np.array([Reason[word.upper()] for word in table.reason], np.intp)


def _rtt(table: CellTable) -> Panel:
    code = _reason(table)
    short = (code == Reason.NO_CAPACITY) & np.isfinite(table.rtt_ms_p50)  # reached, but given too little
    code = np.where(short, VALUE, code).astype(np.intp)
    value = np.where(code == VALUE, table.rtt_ms_p50, np.nan)
    known = value[np.isfinite(value)]
    scale = None
    if len(known):
        low, high = np.floor(np.percentile(known, 1.0)), np.ceil(np.percentile(known, 99.0))
        scale = Normalize(low, max(high, low + 2.0), clip=True)
    return Panel("Round-trip time", value, code, WHY, "median, ms", scale, layers.rtt_colours())


def _rate(title: str, mbps: Floats, table: CellTable) -> Panel:
    """Where there is no rate: not permitted, or never reached and why, or nobody there to measure it."""
    known = np.isfinite(mbps)
    out_of_reach = np.where(table.can_serve > 0.0, NOBODY, _reason(table))
    why = np.where(table.may_serve > 0.0, out_of_reach, Reason.NOT_PERMITTED)
    code = np.where(known, VALUE, why).astype(np.intp)
    unit = "median over subscribers and hours of a day, Mbit/s"
    return Panel(title, mbps, code, WHY, unit, rate_scale(mbps[known]), layers.rate_colours())


def _bound(table: CellTable) -> Panel:
    """The constraint that binds most often; nobody asking is told apart from having all that is asked for."""
    code = np.array([Binding[word.upper()] if word else Binding.NO_WAY for word in table.bound_by], np.intp)
    nobody = (code == Binding.DEMAND) & (table.asked_down_mbps + table.asked_up_mbps == 0.0)
    none = np.full(len(code), np.nan)
    code = np.where(nobody, max(Binding) + 1, code).astype(np.intp)
    return Panel("What binds, most of the time", none, code, BOUND, "", None, layers.rate_colours())


def rate_scale(mbps: Floats) -> LogNorm | None:
    """Over all but the outermost hundredths, widened to round rates; None of nothing.

    >>> scale = rate_scale(np.array([12.0, 88.0, 130.0]))
    >>> scale.vmin, scale.vmax
    (10.0, 200.0)
    """
    if len(mbps) == 0:
        return None
    low, high = (max(float(np.percentile(mbps, percent)), 0.01) for percent in (1.0, 99.0))
    steps = round_rates()
    first = max(int(np.searchsorted(steps, low, "right")) - 1, 0)
    last = max(min(int(np.searchsorted(steps, high * (1.0 - 1e-9), "left")), len(steps) - 1), first + 1)
    return LogNorm(steps[first], steps[last], clip=True)


def round_rates() -> Floats:
    """1, 2, 5, 10, …, from 0.01 Mbit/s to 50 Tbit/s."""
    return np.array([step * 10.0**power for power in range(-2, 8) for step in ROUND]).round(2)


def every_rate() -> Floats:
    """1, 2, 3, …, 9, 10, 20, …, likewise: for scales over less than a tenfold."""
    return np.array([step * 10.0**power for power in range(-2, 8) for step in range(1, 10)]).round(2)


# --- the page -----------------------------------------------------------------------------------------------------


def drawn(results: Results, panels: Sequence[Panel], after: str = "") -> Figure:
    """The page, not yet written; `after` names the rules that are not those in force."""
    case = results.case
    network = case.compare_network if after and case.compare_network else case.network
    outlines = h3cells.outlines(results.cells)
    frame = frame_of(results.cells, outlines)
    shapes = layers.shapes_of(frame, outlines)
    figure, axes = page(frame, len(panels), BELOW_IN)
    canvas = FigureCanvasAgg(figure)
    contested, shown = False, (0, 0)
    for ax, panel in zip(axes, panels, strict=True):
        window(ax, frame, panel.title)
        names = layers.Names(ax, canvas.get_renderer())  # type: ignore[no-untyped-call]
        layers.draw_land(ax, frame)
        draw_cells(ax, shapes, panel)
        layers.draw_graticule(ax, frame)
        layers.draw_borders(ax, frame)
        layers.draw_scale(ax, frame, names)
        shown = layers.draw_stations(ax, frame, network.gateways, names)
        contested = layers.draw_contested(ax, frame, names)
        _key(figure, ax, panel)
    headline(figure, case, f"Rates and what binds them: {case.name}{after}")
    wide, tall = figure.get_size_inches()
    figure.legend(
        handles=ground_handles(contested, shown), loc="upper left", ncols=3, handlelength=1.7, handleheight=1.05,
        bbox_to_anchor=(MARGIN_IN / wide, (FOOT_IN + KEY_IN - 0.62) / tall), **LEGEND,
    )  # fmt: skip
    meaning = (
        f"Class of terminals: {results.service.class_}. Round-trip time: over the slots in which a cell is reached. "
        "Rates: what others leave to one user who tests the line. What binds: the constraint of most slots allocated."
    )
    footer(figure, case, meaning)
    return figure


LEGEND: dict[str, Any] = {
    "fontsize": 7.0, "frameon": False, "borderpad": 0.0, "borderaxespad": 0.0, "columnspacing": 1.4,
    "labelspacing": 0.5, "labelcolor": layers.INK,
}  # fmt: skip


def draw_cells(axes: Axes, shapes: layers.CellShapes, panel: Panel) -> None:
    """Each cell by its figure, or by its reason."""
    code = panel.code[shapes.of]
    mine = np.flatnonzero(code == VALUE) if panel.scale is not None else np.zeros(0, np.intp)
    if len(mine):
        cells = PolyCollection([shapes.corners[number] for number in mine], linewidths=0.25, zorder=2)
        cells.set_array(panel.value[shapes.of[mine]])
        cells.set_cmap(panel.colours)
        cells.set_norm(panel.scale)
        cells.set_edgecolor("face")
        axes.add_collection(cells, autolim=False)
    for number, look in panel.looks.items():
        corners = [shapes.corners[row] for row in np.flatnonzero(code == number)]
        if not corners:
            continue
        axes.add_collection(
            PolyCollection(corners, facecolors=look.colour, edgecolors=look.colour, linewidths=0.25, zorder=2),
            autolim=False,
        )
        if look.hatch:
            axes.add_patch(layers.hatched(corners, look.edge, look.hatch))


def _key(figure: Figure, ax: Axes, panel: Panel) -> None:
    """Under the panel: its scale, and the reasons that are on it."""
    wide, tall = figure.get_size_inches()
    place = ax.get_position()
    wide_in = place.width * wide
    top_in, left_in = place.y0 * tall - 0.36, place.x0 * wide
    bar_in = min(2.9, wide_in * 0.48)
    if panel.scale is not None:
        bar = figure.add_axes((left_in / wide, (top_in - 0.15) / tall, bar_in / wide, 0.12 / tall))
        _colour_bar(figure, bar, panel, panel.scale)
        left_in += bar_in + 0.35
    room_in = (place.x0 + place.width) * wide - left_in
    handles = [
        Patch(facecolor=look.colour, edgecolor=look.edge or look.colour, hatch=look.hatch,
              linewidth=0.5 if look.edge and not look.hatch else 0.0, label=look.label)
        for look in panel.present
    ]  # fmt: skip
    columns = max(1, min(len(handles), int(room_in / (1.35 if panel.scale is not None else 1.9))))
    figure.legend(
        handles=handles, loc="upper left", ncols=columns, handlelength=1.5, handleheight=1.0,
        bbox_to_anchor=(left_in / wide, (top_in + 0.06) / tall), **LEGEND,
    )  # fmt: skip


def _colour_bar(figure: Figure, axes: Axes, panel: Panel, scale: Normalize) -> None:
    """Ends are pointed where cells lie beyond them."""
    known = panel.value[panel.code == VALUE]
    low, high = known.min() < (scale.vmin or 0.0), known.max() > (scale.vmax or 0.0)
    extend = "both" if low and high else "min" if low else "max" if high else "neither"
    mappable = ScalarMappable(scale, panel.colours)
    bar = figure.colorbar(mappable, cax=axes, orientation="horizontal", extend=extend, extendfrac=0.04)
    if isinstance(scale, LogNorm):
        few = (scale.vmax or 1.0) / (scale.vmin or 1.0) < 10.0
        ticks = every_rate() if few else round_rates()
        ticks = ticks[(ticks >= (scale.vmin or 0.0)) & (ticks <= (scale.vmax or 0.0))]
        bar.locator, bar.minorlocator = FixedLocator(ticks.tolist()), NullLocator()
        bar.formatter = FuncFormatter(lambda value, _: f"{value:,g}")
    else:
        bar.locator = MaxNLocator(nbins=7, integer=True)
    bar.update_ticks()
    bar.outline.set(linewidth=0.4)
    axes.tick_params(length=2.0, width=0.5, labelsize=6.5, pad=1.5, colors=layers.INK)
    axes.set_title(panel.unit[:1].upper() + panel.unit[1:], loc="left", fontsize=7.0, color=layers.INK, pad=3.0)
