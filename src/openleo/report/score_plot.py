"""The scatter plots of a score: what the model says of each territory over what its users measured.

Round trips, and rates beside them where the model has any.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from openleo.report.staging import StagedFile, blaming
from openleo.score import Score

BAND_MS = 4.0
MODEL, NAIVE = "#0072b2", "0.6"
LEAST_MS, ROOM_MS = 10.0, 5.0
WAYS = {"down": ("o", "#0072b2"), "up": ("^", "#d55e00")}
TWICE, ROOM = 2.0, 1.3  # the band of rates; how far beyond the outermost ones the axes go
PANEL_IN, TOP_IN, LEFT_IN = 6.4, 0.95, 0.8


def draw(score: Score, title: str, target: Path) -> None:
    """Draw to a PNG file: one dot a territory, the naive model behind, the rows that miss by most by name."""
    from matplotlib.figure import Figure

    figures = score.as_json()
    panels = 2 if any(figures[way]["n"] for way in WAYS) else 1
    wide, tall = panels * (PANEL_IN + LEFT_IN) + 0.3, PANEL_IN + TOP_IN + 0.65
    figure = Figure(figsize=(wide, tall))

    def panel(number: int) -> Any:
        left = number * (PANEL_IN + LEFT_IN) + LEFT_IN
        return figure.add_axes((left / wide, 0.65 / tall, PANEL_IN / wide, PANEL_IN / tall))

    _round_trips(panel(0), score, figures["rtt"])
    if panels == 2:
        _rates(panel(1), score, figures)
    figure.text(LEFT_IN / wide, 1.0 - 0.45 / tall, title, fontsize=15, fontweight="bold")
    missing = len(score.rows) - len(score.found)
    said = f"{len(score.found)} territories, {missing} without a result · nearest PoPs: mean error "
    said += _said(figures["rtt"]["nearest_pop_mae_ms"])
    if panels == 2:
        said += " · numbers of subscribers are assumptions"
    figure.text(LEFT_IN / wide, 1.0 - 0.72 / tall, said, fontsize=9.5, color="0.35")
    with StagedFile(target) as path, blaming(target):
        figure.savefig(path, dpi=150, format="png")


def _round_trips(axes: Any, score: Score, figures: dict[str, Any]) -> None:
    measured = [row.measured.rtt_ms for row in score.found]
    modelled = [row.modelled.rtt_ms or 0.0 for row in score.found]
    naive = [error + there for error, there in zip(score.naive_error_ms.tolist(), measured, strict=True)]
    top = max([*measured, *modelled, *naive, LEAST_MS + ROOM_MS]) + ROOM_MS
    ends = [LEAST_MS, top]
    axes.fill_between(ends, [end - BAND_MS for end in ends], [end + BAND_MS for end in ends], color="0.93", linewidth=0)
    axes.plot(ends, ends, color="0.5", linewidth=1.0, label=f"equal; band ± {BAND_MS:g} ms")
    label = f"distance alone (mean error {_said(figures['naive_mae_ms'])})"
    axes.scatter(measured, naive, s=14, color=NAIVE, marker="x", linewidth=0.9, label=label)
    label = f"model (mean error {_said(figures['mae_ms'])})"
    axes.scatter(measured, modelled, s=26, color=MODEL, linewidth=0, label=label)
    for row in score.worst:
        _name(axes, row.modelled.iso3, row.measured.rtt_ms, row.modelled.rtt_ms or 0.0)
    axes.set_xlim(*ends)
    axes.set_ylim(*ends)
    _finish(axes, "median round trip (ms)")


def _rates(axes: Any, score: Score, figures: dict[str, Any]) -> None:
    pairs = {way: score.rates_mbps(way) for way in WAYS}
    values = [value for both in pairs.values() for value in both.ravel().tolist() if value > 0.0]
    ends = [min(values) / ROOM, max(values) * ROOM]
    axes.fill_between(ends, [end / TWICE for end in ends], [end * TWICE for end in ends], color="0.93", linewidth=0)
    axes.plot(ends, ends, color="0.5", linewidth=1.0, label="equal; band: half to twice")
    for way, (marker, color) in WAYS.items():
        of = figures[way]
        if not of["n"]:
            continue
        between = "" if of["spearman_95"] is None else "; 95 %: {} to {}".format(*of["spearman_95"])
        told = "modelled alike" if of["spearman"] is None else f"rank correlation {of['spearman']}{between}"
        label = f"{way} ({told})"
        axes.scatter(pairs[way][:, 1], pairs[way][:, 0], s=26, marker=marker, color=color, linewidth=0, label=label)
    for row, _ in score.worst_rates("down"):
        _name(axes, row.modelled.iso3, row.measured.down_mbps or 0.0, row.modelled.down_mbps or 0.0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(*ends)
    axes.set_ylim(*ends)
    for axis in (axes.xaxis, axes.yaxis):
        ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if ends[0] <= tick <= ends[1]]
        axis.set_ticks(ticks, labels=[str(tick) for tick in ticks])
        axis.set_ticks([], minor=True)
    _finish(axes, "median rate of a user's test (Mbit/s)", legend="lower left")


def _name(axes: Any, word: str, x: float, y: float) -> None:
    axes.annotate(word, (x, y), xytext=(5, -3), textcoords="offset points", fontsize=8)


def _finish(axes: Any, what: str, legend: str = "upper left") -> None:
    axes.set_aspect("equal")
    axes.set_xlabel(f"measured {what}")
    axes.set_ylabel(f"modelled {what}")
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    axes.legend(loc=legend, frameon=False, fontsize=9)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _said(value: float | None) -> str:
    return "not known" if value is None else f"{value:.2f} ms"
