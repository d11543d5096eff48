"""How full the network is: inter-satellite links by their load, and what lands at each gateway.

Takes the Tally of the computed slots. A link's load is what it carries over what it can; links on the ways that routing
chose are counted, each way by itself, in every computed slot.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

import openleo
from openleo import cells as h3cells
from openleo.errors import counted
from openleo.network.capacity.tally import LOAD_BINS, Tally
from openleo.report import map_layers as layers
from openleo.report import words
from openleo.report.load import three_digits
from openleo.report.map import DPI, FOOT_IN, KEY_IN, MARGIN_IN, STYLE, footer, ground_handles, headline, page, window
from openleo.report.map_frame import Frame, frame_of
from openleo.report.rate_map import LEGEND, round_rates
from openleo.report.words import rate

if TYPE_CHECKING:
    from openleo.network.ground.gateways import Gateways
    from openleo.results import Results

Floats = NDArray[np.float64]

WAYS = ("Down, to users", "Up, from users")
BAR, FULL, FULL_FROM = "#0072b2", "#d55e00", 0.8  # Okabe and Ito's; links as full as that are another colour
CIRCLE, LARGEST_PT = "#0072b2", 34.0  # across
MOST_NAMES = 12
SCALE_IN = 0.62  # the scale is so far below the map, right of the key
FRAMING_RESOLUTION = 3  # the part of the Earth that is drawn is known by cells of this size


# --- inter-satellite links ----------------------------------------------------------------------------------------


def isl_cap_mbps(results: Results) -> float:
    """What one inter-satellite link carries each way, infinite where nothing is said."""
    capacity = results.case.capacity
    return np.inf if capacity is None else float(capacity.caps().isl_mbps)


def isl_finding(tally: Tally, isl_mbps: float) -> str:
    """How many links carry something, and how full those are. Nothing where no way has such a link."""
    if tally.isl_used is None:
        return ""
    busy = [words.percent(round(float(part), 6)) for part in used(tally)]
    said = f"Of the inter-satellite links on chosen ways, {busy[0]} carry something down and {busy[1]} up"
    if not tally.isl_used or not np.isfinite(isl_mbps):
        limit = "" if np.isfinite(isl_mbps) else "; what one can carry is not limited in this run, so none has a load"
        return f"{said}{limit}."
    down, up = (f"{p95(share):.0%}" for share in shares(tally))
    return (
        f"{said}; 95% of those carry at most {down} down and {up} up of the {three_digits(isl_mbps / 1e3)} Gbit/s that "
        f"one can carry each way, the fullest up to {fullest(tally):.0%}."
    )


def fullest(tally: Tally) -> float:
    """The upper end of the last twentieth with a link in it; 0 where nothing is carried."""
    return float(np.flatnonzero(tally.isl_counts.sum(axis=0)).max(initial=0)) / (LOAD_BINS - 1)


def shares(tally: Tally) -> Floats:
    """Of the links × slots that carry anything, the share in each twentieth of the load, axes (way, twentieth)."""
    busy = tally.isl_counts[:, 1:]
    return np.asarray(busy / np.maximum(busy.sum(axis=1, keepdims=True), 1))


def used(tally: Tally) -> Floats:
    """Share of links × slots that carries anything, axis (way,)."""
    total = np.maximum(tally.isl_counts.sum(axis=1), 1)
    return np.asarray(1.0 - tally.isl_counts[:, 0] / total)


def p95(share: Floats) -> float:
    """The upper end of the twentieth that 95 % of a way's busy links do not exceed; 0 where none is busy.

    >>> p95(np.array([0.9, 0.04, 0.06, *[0.0] * 17]))
    0.15
    """
    if not share.any():
        return 0.0
    return round((int(np.searchsorted(np.cumsum(share), 0.95 - 1e-9)) + 1) / len(share), 6)


def isl_picture(results: Results) -> bytes | None:
    """The histogram as a PNG; None where there is no capacity, no such link, or none with a limit."""
    rates = results.service.rates
    if rates is None or rates.tally.isl_used is None or not np.isfinite(isl_cap_mbps(results)):
        return None
    with rc_context(STYLE):
        figure = isl_drawn(rates.tally, isl_cap_mbps(results), results.case.name)
        return _png(figure)


def isl_drawn(tally: Tally, isl_mbps: float, name: str) -> Figure:
    """Two histograms, down and up, on one scale; links that carry nothing stand apart, in words."""
    figure = Figure(figsize=(9.6, 3.9), dpi=DPI)
    of_way = shares(tally)
    top = max(float(of_way.max()) * 112.0, 1.0)
    label = f"load, % of the {three_digits(isl_mbps / 1e3)} Gbit/s that a link can carry"
    for number, (way, part, share) in enumerate(zip(WAYS, used(tally), of_way, strict=True)):
        axes = figure.add_axes((0.075 + 0.475 * number, 0.15, 0.43, 0.59))
        _histogram(axes, f"{way}: {words.percent(float(part))} carry something", share, top, label)
    figure.axes[0].set_ylabel("% of those that carry something")
    title = f"Load of inter-satellite links: {name}"
    figure.text(0.02, 0.93, title, fontsize=13.0, fontweight="bold", color=layers.INK, parse_math=False)
    said = f"Links × slots on the ways that routing chose, over {counted(tally.slots, 'computed slot')}"
    figure.text(0.02, 0.875, said, fontsize=8.5, color=layers.QUIET)
    return figure


def _histogram(axes: Axes, title: str, share: Floats, top: float, label: str) -> None:
    left = np.arange(len(share)) * 100.0 / len(share)
    colours = [FULL if start >= FULL_FROM * 100.0 else BAR for start in left]
    axes.bar(left, share * 100.0, width=100.0 / len(share), align="edge", color=colours, edgecolor="white",
             linewidth=0.6)  # fmt: skip
    if most := p95(share) * 100.0:
        axes.axvline(most, color=layers.INK, linewidth=0.9, linestyle=(0, (4, 2)))
        to_right = most <= 60.0
        axes.annotate(f"95% of them: at most {most:.0f}%", (most, top * 0.94), fontsize=8.0, color=layers.INK,
                      xytext=(4 if to_right else -4, 0), textcoords="offset points", va="top",
                      ha="left" if to_right else "right")  # fmt: skip
    axes.set_xlim(0.0, 100.0)
    axes.set_ylim(0.0, top)
    axes.set_xticks(range(0, 101, 10))
    axes.set_title(title, loc="left", fontsize=9.5, color=layers.INK)
    axes.set_xlabel(label)
    axes.grid(axis="y", color="0.92")
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


# --- gateways -----------------------------------------------------------------------------------------------------


def gateway_picture(results: Results) -> bytes | None:
    """The map of gateways by what they carry, as a PNG; None where there is no capacity, or nothing is carried."""
    rates = results.service.rates
    if rates is None or not (rates.tally.gateway_down_mbps > 0.0).any():
        return None
    with rc_context(STYLE):
        return _png(gateway_drawn(results, rates.tally))


def gateway_finding(gateways: Gateways, tally: Tally) -> str:
    """How many gateways carry something, and the busiest."""
    mbps = tally.gateway_down_mbps
    busy = np.argsort(-mbps, kind="stable")[:3]
    named = [f"{gateways.stations[n].name} ({rate(float(mbps[n]))})" for n in busy.tolist() if mbps[n] > 0.0]
    if not named:
        return "No gateway carries anything."
    count = int((mbps > 0.0).sum())
    most = "" if count == 1 else f"; most down: {words.listed(named)}" if count > 3 else f": {words.listed(named)}"
    return f"{count:,} of {len(mbps):,} gateways carry traffic of this run{most}."


def gateway_drawn(results: Results, tally: Tally) -> Figure:
    """Circles whose areas are the Mbit/s down at each gateway; the busiest by name."""
    gateways, mbps = results.case.network.gateways, tally.gateway_down_mbps
    frame = _frame(results, main_ones(mbps))
    figure, (ax,) = page(frame, 1)
    canvas = FigureCanvasAgg(figure)
    window(ax, frame, "")
    names = layers.Names(ax, canvas.get_renderer())  # type: ignore[no-untyped-call]
    layers.draw_land(ax, frame)
    layers.draw_graticule(ax, frame)
    layers.draw_borders(ax, frame)
    layers.draw_scale_below(ax, frame, SCALE_IN)
    contested = layers.draw_contested(ax, frame, names)
    shown = _draw_circles(ax, frame, gateways, mbps, names)
    headline(figure, results.case, f"What gateways carry: {results.case.name}")
    _gateway_key(figure, float(mbps.max()), contested)
    over = counted(tally.slots, "computed slot")
    meaning = f"Circles: what users of this run's area download through each gateway, mean over {over}."
    if beyond := int((mbps > 0.0).sum()) - shown:
        meaning += f" Beyond the map: {beyond} with {rate(beyond_mbps(frame, gateways, mbps))} together."
    footer(figure, results.case, meaning)
    return figure


def main_ones(mbps: Floats) -> NDArray[np.bool_]:
    """The fewest gateways that carry all but a hundredth, axis (gateway,): the map is around them."""
    order = np.argsort(-mbps, kind="stable")
    before = np.cumsum(mbps[order]) - mbps[order]
    found = np.zeros(len(mbps), np.bool_)
    found[order] = (before < 0.99 * mbps.sum()) & (mbps[order] > 0.0)
    return found


def _frame(results: Results, busy: NDArray[np.bool_]) -> Frame:
    gateways = results.case.network.gateways
    resolution = min(FRAMING_RESOLUTION, results.case.resolution)
    at = zip(gateways.latitude_deg[busy].tolist(), gateways.longitude_deg[busy].tolist(), strict=True)
    there = [h3cells.at(latitude, longitude, resolution) for latitude, longitude in at]
    cells = np.unique(np.concatenate([h3cells.parents(results.cells, resolution), np.array(there, np.uint64)]))
    return frame_of(cells, h3cells.outlines(cells))


def across_pt(mbps: Floats, most: float) -> Floats:
    """Diameters of circles whose areas are in the ratio of the rates."""
    return np.asarray(LARGEST_PT * np.sqrt(mbps / most))


def _draw_circles(ax: Axes, frame: Frame, gateways: Gateways, mbps: Floats, names: layers.Names) -> int:
    """How many show."""
    shown = np.flatnonzero((mbps > 0.0) & frame.holds(gateways.longitude_deg, gateways.latitude_deg))
    shown = shown[np.argsort(-mbps[shown], kind="stable")]
    x, y = frame.turned(gateways.longitude_deg[shown]), gateways.latitude_deg[shown]
    size = across_pt(mbps[shown], float(mbps.max()))
    ax.scatter(x, y, size**2, c=CIRCLE, alpha=0.55, edgecolors=layers.INK, linewidths=0.6, zorder=7)
    idle = np.flatnonzero((mbps == 0.0) & (gateways.pop >= 0))
    idle = idle[frame.holds(gateways.longitude_deg[idle], gateways.latitude_deg[idle])]
    at = frame.turned(gateways.longitude_deg[idle])
    ax.scatter(at, gateways.latitude_deg[idle], 9, c="white", marker="^", edgecolors=layers.INK, linewidths=0.4,
               zorder=6)  # fmt: skip
    for number, px, py, pt in zip(shown[:MOST_NAMES].tolist(), x, y, size, strict=False):
        names.write(px, py, gateways.stations[number].name, float(pt) / 2.0 + 1.5, fontsize=6.5, color=layers.INK)
    return len(shown)


def beyond_mbps(frame: Frame, gateways: Gateways, mbps: Floats) -> float:
    """What gateways carry that are not on the map."""
    return float(mbps[~frame.holds(gateways.longitude_deg, gateways.latitude_deg)].sum())


def key_rates(most_mbps: float) -> list[float]:
    """Three round rates up to the largest circle's, each about a fifth of the next.

    >>> key_rates(211_000.0), key_rates(0.7)
    ([10000.0, 50000.0, 200000.0], [0.02, 0.1, 0.5])
    """
    steps = round_rates()
    last = max(int(np.searchsorted(steps, most_mbps, "right")) - 1, 4)
    return [float(steps[last - 4]), float(steps[last - 2]), float(steps[last])]


def _gateway_key(figure: Figure, most: float, contested: bool) -> None:
    """Circles on one line, the rest on the next."""
    wide, tall = figure.get_size_inches()
    handles = [
        Line2D([], [], linestyle="", marker="o", markersize=float(across_pt(np.array(one), most)),
               markerfacecolor=CIRCLE, alpha=0.55, markeredgecolor=layers.INK, label=rate(one))
        for one in key_rates(most)
    ]  # fmt: skip
    below = Line2D([], [], linestyle="", marker="^", markersize=4.5, markerfacecolor="white",
                   markeredgecolor=layers.INK, markeredgewidth=0.5, label="Carries nothing")  # fmt: skip
    look = {"loc": "upper left", "handletextpad": 0.7, **LEGEND}
    left, top_in = MARGIN_IN / wide, FOOT_IN + KEY_IN
    figure.legend(handles=handles, ncols=len(handles), handlelength=LARGEST_PT / 7.0,
                  bbox_to_anchor=(left, (top_in - 0.46) / tall), **look)  # fmt: skip
    figure.legend(handles=[below, *ground_handles(contested, (0, 0))], ncols=2, handlelength=1.7, handleheight=1.05,
                  bbox_to_anchor=(left + 0.1 / wide, (top_in - 0.77) / tall), **look)  # fmt: skip


def _png(figure: Figure) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=DPI, metadata={"Software": f"OpenLEO {openleo.__version__}"})
    return out.getvalue()
