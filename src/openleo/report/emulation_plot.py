"""Round trips of an emulation, planned against measured, over the time of the run: one panel a terminal.

Hand-overs are thin lines, times without service are shaded with their reason, echoes that did not come back are marks
at the bottom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

import openleo
from openleo.errors import counted
from openleo.report.staging import StagedFile, blaming

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

# Okabe and Ito's, safe for colour-blind readers.
PLANNED, MEASURED, LOST = "#0072b2", "#d55e00", "#1d252b"
QUIET, DARK = "0.35", "0.88"
MOST_SHOWN = 6  # terminals
MOST_LABELLED = 0.06  # of the time: shorter shades have no room for their reason
HIGHEST = 0.98  # of what was measured is within the panel, and all that was planned
DPI = 150


@dataclass(frozen=True, eq=False)
class Panel:
    """A terminal: planned round trips at instants (NaN: none), measured ones at others, and what happened.

    hand_overs_s, lost_s: instants; dark: (from, to, why) without service.
    """

    name: str
    planned_s: Floats
    planned_ms: Floats
    measured_s: Floats
    measured_ms: Floats
    lost_s: Floats
    hand_overs_s: Sequence[float]
    dark: Sequence[tuple[float, float, str]]


def draw(panels: Sequence[Panel], title: str, said: str, warning: str, ran_s: float, target: Path) -> None:
    """Draw to a PNG file; `warning` stands in the picture where a run is not valid."""
    from matplotlib.figure import Figure

    shown = panels[:MOST_SHOWN]
    tall = 1.4 + 2.6 * len(shown)
    figure = Figure(figsize=(10.4, tall))
    figure.text(0.02, 1.0 - 0.38 / tall, title, fontsize=13, fontweight="bold", parse_math=False)
    more = f" · {counted(len(panels) - len(shown), 'more terminal')} not drawn" if len(panels) > len(shown) else ""
    figure.text(0.02, 1.0 - 0.62 / tall, said + more, fontsize=9, color=QUIET, parse_math=False)
    if warning:
        figure.text(0.02, 1.0 - 0.84 / tall, f"INVALID: {warning}", fontsize=9, color=MEASURED, fontweight="bold",
                    parse_math=False)  # fmt: skip
    for row, panel in enumerate(shown):
        bottom = (0.62 + 2.6 * (len(shown) - 1 - row)) / tall
        axes = figure.add_axes((0.075, bottom, 0.905, 1.98 / tall))
        _panel(axes, panel, ran_s)
        if row == len(shown) - 1:
            axes.set_xlabel("seconds of the run", fontsize=9)
    _key(figure, tall)
    with StagedFile(target) as staged, blaming(target):
        figure.savefig(staged, dpi=DPI, format="png", metadata={"Software": f"OpenLEO {openleo.__version__}"})


def _panel(axes: Axes, panel: Panel, ran_s: float) -> None:
    low, high = _range(panel)
    for begins, ends, why in panel.dark:
        axes.axvspan(begins, ends, color=DARK, linewidth=0.0)
        if ends - begins >= MOST_LABELLED * ran_s:
            axes.text((begins + ends) / 2.0, 0.5, f"not served:\n{_folded(why)}", transform=axes.get_xaxis_transform(),
                      ha="center", va="center", fontsize=8.5, color=QUIET, parse_math=False)  # fmt: skip
    for at_s in panel.hand_overs_s:
        axes.axvline(at_s, color="0.55", linewidth=0.9, linestyle=(0, (4, 3)))
    axes.plot(panel.measured_s, panel.measured_ms, ".", color=MEASURED, markersize=2.6, alpha=0.75, zorder=3)
    axes.plot(panel.planned_s, panel.planned_ms, color=PLANNED, linewidth=1.5, zorder=2)
    axes.plot(panel.lost_s, np.full(len(panel.lost_s), 0.02), "|", color=LOST, markersize=5.0, alpha=0.6,
              transform=axes.get_xaxis_transform())  # fmt: skip
    axes.set_xlim(0.0, ran_s)
    axes.set_ylim(low, high)
    axes.set_title(panel.name, fontsize=10, loc="left", parse_math=False)
    axes.set_ylabel("round trip, ms", fontsize=9)
    axes.tick_params(labelsize=8.5)
    axes.grid(axis="y", color="0.93")
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _range(panel: Panel) -> tuple[float, float]:
    """What the panel shows, in milliseconds: all that was planned, and most of what was measured."""
    planned = panel.planned_ms[~np.isnan(panel.planned_ms)]
    measured = panel.measured_ms[~np.isnan(panel.measured_ms)]
    ends = [float(value) for value in (planned.min(), planned.max())] if len(planned) else []
    ends += [float(value) for value in np.quantile(measured, [1.0 - HIGHEST, HIGHEST])] if len(measured) else []
    if not ends:
        return 0.0, 1.0
    room = max(0.12 * (max(ends) - min(ends)), 1.0)
    return max(0.0, min(ends) - 1.6 * room), max(ends) + room


def _folded(why: str) -> str:
    """A reason and its rules in two lines."""
    return why.replace("_", " ", 1).replace(" (", "\n(") if "(" in why else why.replace("_", " ")


def _key(figure: Figure, tall: float) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        Line2D([], [], color=PLANNED, linewidth=1.5, label="planned, of an empty link"),
        Line2D([], [], color=MEASURED, marker=".", linestyle="", label="measured by echoes"),
        Line2D([], [], color=LOST, marker="|", linestyle="", label="no answer"),
        Line2D([], [], color="0.55", linewidth=0.9, linestyle=(0, (4, 3)), label="hand-over"),
        Patch(facecolor=DARK, label="not served"),
    ]
    figure.legend(handles=handles, loc="upper right", bbox_to_anchor=(0.985, 1.0 - 0.12 / tall), ncols=3, fontsize=8.5,
                  frameon=False, borderpad=0.0, handlelength=1.6)  # fmt: skip
