"""What came of a study's runs, drawn: what moves a figure, how each territory fares, how runs are distributed.

Takes a Side of the dataset; each picture is a Figure of matplotlib. Nothing that does not vary is drawn.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import openleo
from openleo.places.territories import display_name
from openleo.study.main_effects import Chance, Levels, MainEffect
from openleo.study.sides import SHARES, Side

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
# Okabe and Ito's, for the colour-blind too; the order is that of the levels.
LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
LOWER, UPPER, CHANCE, INK, QUIET = "#56b4e9", "#e69f00", "0.75", "#1d252b", "0.35"
NAMES = {
    "can_serve": "reached",
    "may_serve": "permitted",
    "served": "served",
    "rtt_ms_p50": "median round trip",
    "rtt_ms_p95": "95th percentile of the round trip",
    "down_mbps_p50": "median rate to a user",
    "up_mbps_p50": "median rate from a user",
}
UNITS = {"rtt_ms_p50": "ms", "rtt_ms_p95": "ms", "down_mbps_p50": "Mbit/s", "up_mbps_p50": "Mbit/s"}
MOST_PANELS = 12  # territories
MOST_LINES = len(LINES)
LETTER_IN = 0.068  # of a label beside a bar
MOST_LETTERS, MOST_ROW_LETTERS = 18, 42
MOST_LEVEL_LETTERS = 22  # of all levels of a small panel, side by side
COLUMNS = 4
DPI = 130


@dataclass(frozen=True)
class Moved:
    """What moves one figure: factors, the widest first, and what seeds do beside them, about the mean of all runs."""

    figure: str
    effects: Sequence[MainEffect]
    chance: Chance | None
    mean: float


def scaled(figure: str, values: Any) -> Any:
    """As it is drawn: shares in per cent."""
    return 100.0 * np.asarray(values) if figure in SHARES else values


def axis_name(figure: str) -> str:
    """What stands at the axis."""
    of = "% of people × time" if figure in SHARES else UNITS[figure]
    return f"{NAMES[figure]} ({of})"


def tornado(moved: Sequence[Moved]) -> Figure:
    """A panel a figure, and in it a bar a factor, from the least mean of its levels to the greatest."""
    rows = max(len(one.effects) + (one.chance is not None) for one in moved)
    wide, each, tall = 10.0, 10.0 / len(moved), 0.95 + 0.52 * rows
    figure = _figure(wide, tall)
    for number, one in enumerate(moved):
        at = ((number * each + 1.35) / wide, 0.62 / tall, (each - 1.75) / wide, (tall - 0.82) / tall)
        _tornado(figure.add_axes(at), one, rows, each - 1.75)
    return figure


def _tornado(axes: Axes, moved: Moved, rows: int, wide_in: float) -> None:
    centre, names = float(scaled(moved.figure, moved.mean)), []
    ends, letters = [centre], 0
    for place, one in enumerate(moved.effects):
        names.append(_cut(one.factor))
        if not one.moves:
            _beside(axes, centre, place, "no effect", "left")
            continue
        low, high = (float(scaled(moved.figure, one.mean[level])) for level in (one.least, one.greatest))
        said = _cut(one.labels[one.least]), _cut(one.labels[one.greatest])
        axes.barh(place, low - centre, left=centre, color=LOWER, height=0.5)
        axes.barh(place, high - centre, left=centre, color=UPPER, height=0.5)
        _beside(axes, low, place, said[0], "right")
        _beside(axes, high, place, said[1], "left")
        ends, letters = [*ends, low, high], max(letters, *map(len, said))
    if moved.chance is not None:
        low, high = (float(scaled(moved.figure, moved.mean + end)) for end in (moved.chance.low, moved.chance.high))
        axes.barh(len(names), high - low, left=low, color=CHANCE, height=0.5)
        names.append("chance")
        ends += [low, high]
    label_in = 0.12 + LETTER_IN * letters
    room = (max(ends) - min(ends)) * label_in / (wide_in - 2.0 * label_in) or 1.0
    axes.set_xlim(min(ends) - room, max(ends) + room)
    axes.axvline(centre, color=INK, linewidth=1.0)
    axes.set_yticks(range(len(names)), names, fontsize=9)
    _plain(axes.get_yticklabels())
    axes.set_ylim(rows - 0.4, -0.6)
    axes.set_xlabel(axis_name(moved.figure), fontsize=9)
    axes.locator_params(axis="x", nbins=5)
    if moved.figure in SHARES:
        axes.set_xticks([tick for tick in axes.get_xticks() if 0.0 <= tick <= 100.0])
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8)
    _bare(axes, "top", "right", "left")


def _cut(label: str, most: int = MOST_LETTERS) -> str:
    return label if len(label) <= most else label[: most - 1] + "…"


def _beside(axes: Axes, x: float, y: float, label: str, side: str) -> None:
    axes.annotate(label, (x, y), xytext=(-4 if side == "right" else 4, 0), textcoords="offset points", ha=side,
                  va="center", fontsize=8, color=QUIET, parse_math=False)  # fmt: skip


def multiples(side: Side, figure: str, factor: str, levels: Levels, which: Sequence[int]) -> Figure:
    """A small panel a territory: at each level of a factor the median, half of the runs, and nine of ten."""
    if max(map(len, levels.labels)) * len(levels.labels) > MOST_LEVEL_LETTERS:
        return _rows(side, figure, levels, which)
    drawn, grid = _panels(len(which))
    values = scaled(figure, side.figures[figure])
    low, high = _ends(values[:, list(which)])
    for number, territory in enumerate(which):
        axes = grid(number)
        for level in range(len(levels.labels)):
            own = values[levels.of_run == level, territory]
            _box(axes, level, own[~np.isnan(own)])
        axes.set_xlim(-0.6, len(levels.labels) - 0.4)
        axes.set_ylim(low, high)
        axes.set_title(display_name(side.territories[territory]), fontsize=9, loc="left", parse_math=False)
        last = number + COLUMNS >= len(which)
        axes.set_xticks(range(len(levels.labels)), levels.labels if last else [], fontsize=7.5)
        _plain(axes.get_xticklabels())
        if last:
            axes.set_xlabel(factor, fontsize=8.5, parse_math=False)
        if number % COLUMNS == 0:
            axes.set_ylabel(_short(figure), fontsize=8.5)
        else:
            axes.set_yticklabels([])
        _finish(axes)
    return drawn


def _rows(side: Side, figure: str, levels: Levels, which: Sequence[int]) -> Figure:
    """The same with levels below each other, whose names are long or many."""
    across = min(len(which), COLUMNS - 1)
    down, high = ceil(len(which) / across), 0.23 * len(levels.labels) + 0.85
    wide, tall, left_in = 10.0, down * high, 0.3 + LETTER_IN * min(MOST_ROW_LETTERS, max(map(len, levels.labels)))
    each = (wide - left_in - 0.2) / across
    drawn, values = _figure(wide, tall), scaled(figure, side.figures[figure])
    low, high_end = _ends(values[:, list(which)])
    for number, territory in enumerate(which):
        row, column = divmod(number, across)
        left, bottom = left_in + column * each, tall - (row + 1) * high + 0.5
        axes = drawn.add_axes((left / wide, bottom / tall, (each - 0.3) / wide, (high - 0.8) / tall))
        for level in range(len(levels.labels)):
            own = values[levels.of_run == level, territory]
            _box(axes, level, own[~np.isnan(own)], across=True)
        axes.set_ylim(len(levels.labels) - 0.4, -0.6)
        axes.set_xlim(low, high_end)
        axes.set_title(display_name(side.territories[territory]), fontsize=9, loc="left", parse_math=False)
        names = [_cut(label, MOST_ROW_LETTERS) for label in levels.labels]
        axes.set_yticks(range(len(names)), names if column == 0 else [], fontsize=8)
        _plain(axes.get_yticklabels())
        axes.set_xlabel(_short(figure), fontsize=8.5)
        _finish(axes)
    return drawn


def histograms(side: Side, figure: str, which: Sequence[int]) -> Figure:
    """A small panel a territory: how many of the runs have how much of a figure."""
    drawn, grid = _panels(len(which))
    values = scaled(figure, side.figures[figure])
    low, high = _ends(values[:, list(which)])
    bins = np.linspace(low, high, 31)
    counts = [np.histogram(values[~np.isnan(values[:, one]), one], bins)[0] for one in which]
    for number, territory in enumerate(which):
        axes = grid(number)
        axes.stairs(counts[number], bins, fill=True, color=LINES[0])
        axes.set_ylim(0.0, 1.08 * max(count.max() for count in counts))
        axes.set_title(display_name(side.territories[territory]), fontsize=9, loc="left", parse_math=False)
        if number + COLUMNS >= len(which):
            axes.set_xlabel(_short(figure), fontsize=8.5)
        if number % COLUMNS == 0:
            axes.set_ylabel("runs", fontsize=8.5)
        else:
            axes.set_yticklabels([])
        _finish(axes)
    return drawn


def cdfs(side: Side, figures: Sequence[tuple[str, str | None, Levels | None]]) -> Figure:
    """A panel a figure: the share of runs that have at most so much of it; a line a level of the factor named."""
    wide, tall = 10.0, 4.0
    drawn = _figure(wide, tall)
    each = wide / len(figures)
    for number, (figure, factor, levels) in enumerate(figures):
        axes = drawn.add_axes(((number * each + 0.6) / wide, 1.25 / tall, (each - 0.8) / wide, (tall - 1.5) / tall))
        values = scaled(figure, side.whole(figure))
        if factor is None or levels is None:
            _cdf(axes, values, LINES[0], None)
        else:
            for level, label in enumerate(levels.labels):
                _cdf(axes, values[levels.of_run == level], LINES[level], label)
            made = axes.legend(title=factor, fontsize=8, title_fontsize=8, frameon=False, loc="upper center",
                               bbox_to_anchor=(0.5, -0.17), ncols=3, columnspacing=1.2)  # fmt: skip
            _plain([made.get_title(), *made.get_texts()])
        axes.set_ylim(0.0, 1.02)
        axes.set_yticks([0.0, 0.05, 0.5, 0.95, 1.0], ["0", "5 %", "50 %", "95 %", "100 %"])
        axes.set_xlabel(axis_name(figure), fontsize=9)
        axes.locator_params(axis="x", nbins=5)
        if number == 0:
            axes.set_ylabel("share of runs with at most so much", fontsize=8.5)
        _finish(axes)
    return drawn


def _cdf(axes: Axes, values: Floats, colour: str, label: str | None) -> None:
    own = np.sort(values[~np.isnan(values)])
    if len(own):
        axes.step(np.r_[own[0], own], np.linspace(0.0, 1.0, len(own) + 1), where="post", color=colour, label=label)


def _box(axes: Axes, at: float, values: Floats, *, across: bool = False) -> None:
    if not len(values):
        return
    p5, p25, p50, p75, p95 = np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95)).tolist()

    def line(ends: list[float], **style: Any) -> None:
        level = [at] * len(ends)
        axes.plot(*((ends, level) if across else (level, ends)), **style)

    line([p5, p95], color=LINES[0], linewidth=1.2)
    line([p25, p75], color=LINES[0], linewidth=5.0, solid_capstyle="butt", alpha=0.6)
    line([p50], marker="o", markersize=4, color=INK)


def _panels(count: int) -> tuple[Figure, Any]:
    """A figure with room for so many, and what gives the axes of one of them."""
    across, down = min(count, COLUMNS), ceil(count / COLUMNS)
    wide, each, high, under = 10.0, (10.0 - 0.65) / max(across, 2), 1.75, 0.45
    tall = down * high + under
    figure = _figure(wide, tall)

    def grid(number: int) -> Axes:
        row, column = divmod(number, COLUMNS)
        left, bottom = 0.65 + column * each, tall - (row + 1) * high + 0.1
        return figure.add_axes((left / wide, bottom / tall, (each - 0.25) / wide, (high - 0.5) / tall))

    return figure, grid


def _ends(values: Floats) -> tuple[float, float]:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    room = 0.06 * (high - low) or 0.5
    return low - room, high + room


def _short(figure: str) -> str:
    return f"{NAMES[figure]} (%)" if figure in SHARES else f"{figure[:3].upper()} ({UNITS[figure]})"


def _figure(wide: float, tall: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(wide, tall))


def _finish(axes: Axes) -> None:
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)
    _bare(axes, "top", "right")


def _bare(axes: Axes, *sides: str) -> None:
    for side in sides:
        axes.spines[side].set_visible(False)


def _plain(texts: Sequence[Any]) -> None:
    """Names come from files: a dollar sign in them is a dollar sign."""
    for text in texts:
        text.set_parse_math(False)


def png(figure: Figure) -> bytes:
    """The picture as a file."""
    out = io.BytesIO()
    figure.savefig(out, dpi=DPI, format="png", metadata={"Software": f"OpenLEO {openleo.__version__}"})
    return out.getvalue()
