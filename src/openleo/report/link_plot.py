"""A link budget as a waterfall: from what is radiated down to the Es/N0 that is left, one picture a direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openleo.report.staging import StagedFile, blaming

GAIN, LOSS, RESULT = "#009e73", "#d55e00", "#0072b2"  # Okabe and Ito's, safe for colour-blind readers
LEAST_SHOWN_DB = 0.05


@dataclass(frozen=True)
class Waterfall:
    """One direction: steps (what, dB) that add up to the result, which is drawn last."""

    title: str
    steps: tuple[tuple[str, float], ...]
    result: str
    result_db: float


def draw(waterfalls: Sequence[Waterfall], title: str, subtitle: str, target: Path) -> None:
    """Draw to a PNG file, side by side. Steps below 0.05 dB are left out."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.6 * len(waterfalls) + 1.4, 6.4))
    for number, one in enumerate(waterfalls):
        share = 1.0 / len(waterfalls)
        axes: Any = figure.add_axes((share * number + 0.33 * share, 0.1, 0.63 * share, 0.7))
        _bars(axes, one)
    figure.text(0.02, 0.945, title, fontsize=15, fontweight="bold")
    figure.text(0.02, 0.905, subtitle, fontsize=9.5, color="0.35")
    with StagedFile(target) as path, blaming(target):
        figure.savefig(path, dpi=150, format="png")


def _bars(axes: Any, one: Waterfall) -> None:
    shown = [step for step in one.steps if abs(step[1]) >= LEAST_SHOWN_DB]
    level = 0.0
    for row, (_, value) in enumerate(shown):
        axes.barh(row, value, left=level, color=GAIN if value > 0.0 else LOSS, height=0.62)
        level += value
        axes.plot([level, level], [row - 0.31, row + 1.31], color="0.6", linewidth=0.8)
        edge = max(level, level - value)
        axes.annotate(
            f"{value:+.1f}", (edge, row), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8.5
        )
    last = len(shown)
    axes.barh(last, one.result_db, color=RESULT, height=0.62)
    axes.annotate(
        f"{one.result_db:.1f} dB", (max(one.result_db, 0.0), last), xytext=(4, 0), textcoords="offset points",
        va="center", fontsize=9, fontweight="bold",
    )  # fmt: skip
    axes.set_yticks(range(last + 1), [*(name for name, _ in shown), one.result], fontsize=9)
    axes.invert_yaxis()
    low, high = axes.get_xlim()
    axes.set_xlim(low, high + 0.12 * (high - low))
    axes.axvline(0.0, color="0.3", linewidth=0.8)
    axes.grid(axis="x", color="0.92")
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("dB, step by step", fontsize=9)
    axes.set_title(one.title, fontsize=11, loc="left")
