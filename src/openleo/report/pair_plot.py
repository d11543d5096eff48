"""Round-trip times over time: a line a pair for a few pairs, how they spread for many."""

from __future__ import annotations

from datetime import datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.errors import counted
from openleo.instants import instant_text
from openleo.report.staging import StagedFile, blaming

Times = NDArray[np.float32]

MOST_LINES = 8
# Okabe and Ito's eight, safe for colour-blind readers; the yellow, faint on white, comes last.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#f0e442")
BAND = "#0072b2"
FEWEST_FOR_A_LINE = 30  # fewer instants are marked one by one


def draw(
    rtt_ms: Times, names: tuple[str, ...], seconds: list[float], start: datetime, title: str, target: Path
) -> None:
    """Draw to a PNG file. rtt_ms (instant, from, to), infinite without a way; `seconds` (instant) after `start`, which
    increase. There and back takes the same both ways, so that a pair is drawn once.
    """
    from matplotlib.figure import Figure

    pairs = list(combinations(range(len(names)), 2))
    minutes = np.asarray(seconds) / 60.0
    figure = Figure(figsize=(11.0, 6.0))
    axes: Any = figure.add_axes((0.07, 0.11, 0.68, 0.73))
    if len(pairs) <= MOST_LINES:
        _lines(axes, rtt_ms, names, pairs, minutes)
    else:
        _spread(axes, rtt_ms, pairs, minutes)
    axes.set_xlabel(f"minutes after {instant_text(start)}")
    axes.set_ylabel("there and back (ms)")
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.text(0.07, 0.93, title, fontsize=15, fontweight="bold")
    chosen = np.stack([rtt_ms[:, i, j] for i, j in pairs])
    unreachable = float((~np.isfinite(chosen)).mean())
    when = "one instant" if len(seconds) == 1 else f"{len(seconds)} instants"
    said = f"{counted(len(pairs), 'pair')} at {when} over satellites alone; light's time, nothing added"
    none = "a way at every instant" if unreachable == 0.0 else f"no way for {unreachable:.2%} of pairs and instants"
    figure.text(0.07, 0.89, f"{said} · {none}", fontsize=9.5, color="0.35")
    with StagedFile(target) as path, blaming(target):
        figure.savefig(path, dpi=150, format="png")


def _lines(
    axes: Any, rtt_ms: Times, names: tuple[str, ...], pairs: list[tuple[int, int]], minutes: NDArray[np.float64]
) -> None:
    marker = "o" if len(minutes) < FEWEST_FOR_A_LINE else None
    for (i, j), colour in zip(pairs, COLOURS, strict=False):
        times = np.where(np.isfinite(rtt_ms[:, i, j]), rtt_ms[:, i, j], np.nan)
        reached = times[np.isfinite(times)]
        figures = f"median {np.median(reached):.1f} ms" if len(reached) else "never a way"
        missing = len(times) - len(reached)
        if 0 < missing < len(times):
            figures += f", none at {missing}"
        label = f"{names[i]} – {names[j]}\n{figures}"
        axes.plot(minutes, times, color=colour, linewidth=1.4, marker=marker, markersize=3.5, label=label)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=9, labelspacing=0.9)


def _spread(axes: Any, rtt_ms: Times, pairs: list[tuple[int, int]], minutes: NDArray[np.float64]) -> None:
    """At each instant the pairs' median, middle half and middle nine tenths; pairs without a way left out."""
    bands = np.full((5, len(minutes)), np.nan)
    first, second = np.array(pairs).T
    for number, instant in enumerate(rtt_ms):
        times = instant[first, second]
        if len(reached := times[np.isfinite(times)]):
            bands[:, number] = np.percentile(reached, (5, 25, 50, 75, 95))
    for low, high, alpha, label in ((0, 4, 0.18, "middle nine tenths"), (1, 3, 0.35, "middle half")):
        look = {"color": BAND, "alpha": alpha, "label": label}
        if len(minutes) == 1:  # a band would have no width
            axes.vlines(minutes, bands[low], bands[high], linewidth=12.0, **look)
        else:
            axes.fill_between(minutes, bands[low], bands[high], linewidth=0.0, **look)
    marker = "o" if len(minutes) < FEWEST_FOR_A_LINE else None
    axes.plot(minutes, bands[2], color=BAND, linewidth=1.8, marker=marker, markersize=3.5, label="median of the pairs")
    axes.set_ylim(bottom=0.0)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=9)
