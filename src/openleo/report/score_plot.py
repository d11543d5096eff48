"""The scatter plot of a score: what the model says of each territory over what its users measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from openleo.report.staging import StagedFile, blaming
from openleo.score import Score

BAND_MS = 4.0
MODEL, NAIVE = "#0072b2", "0.6"
LEAST_MS, ROOM_MS = 10.0, 5.0


def draw(score: Score, title: str, target: Path) -> None:
    """Draw to a PNG file: one dot a territory, the naive model behind, the rows that miss by most by name."""
    from matplotlib.figure import Figure

    figures = score.as_json()["rtt"]
    figure = Figure(figsize=(8.0, 8.0))
    axes: Any = figure.add_axes((0.10, 0.08, 0.86, 0.80))
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
        place = (row.measured.rtt_ms, row.modelled.rtt_ms or 0.0)
        axes.annotate(row.modelled.iso3, place, xytext=(5, -3), textcoords="offset points", fontsize=8)
    axes.set_xlim(*ends)
    axes.set_ylim(*ends)
    axes.set_aspect("equal")
    axes.set_xlabel("measured median round trip (ms)")
    axes.set_ylabel("modelled median round trip (ms)")
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    axes.legend(loc="upper left", frameon=False, fontsize=9)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.text(0.10, 0.945, title, fontsize=15, fontweight="bold")
    missing = len(score.rows) - len(score.found)
    said = f"{len(score.found)} territories, {missing} without a result · nearest PoPs: mean error "
    figure.text(0.10, 0.915, f"{said}{_said(figures['nearest_pop_mae_ms'])}", fontsize=9.5, color="0.35")
    with StagedFile(target) as path, blaming(target):
        figure.savefig(path, dpi=150, format="png")


def _said(value: float | None) -> str:
    return "not known" if value is None else f"{value:.2f} ms"
