"""What a lower or higher bar would have done: recall of each kind against wrongly cut terminals, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from openleo.misuse.evaluation import PER, Evaluation, upper_bound
from openleo.misuse.thresholds import KINDS

# Okabe and Ito's, safe for colour-blind readers, and two greys.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999", "#b8a000")
DASHES = ("-", "--", "-.", ":", "-", "--", "-.", ":", "-")
TARGET_RECALL, TARGET_RATE = 0.9, 1.0  # held of each kind; wrongly cut per 10,000 terminal-days, at most


def draw(scored: Evaluation, target: Path) -> None:
    """Draw to a PNG file: above who is cut wrongly, below who is met rightly, by the factor on every hold."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 8.2))
    above: Any = figure.add_axes((0.09, 0.64, 0.68, 0.24))
    below: Any = figure.add_axes((0.09, 0.08, 0.68, 0.47))
    factors = [factor for factor, _, _ in scored.curve]
    rates = [wrong / max(1, scored.honest_days) * PER for _, wrong, _ in scored.curve]
    most = [upper_bound(wrong, scored.honest_days) * PER for _, wrong, _ in scored.curve]
    above.plot(factors, most, color="#d55e00", label="95 % upper bound")
    above.plot(factors, rates, color="#0072b2", label="in this trace")
    above.axhline(TARGET_RATE, color="0.5", linewidth=0.8, linestyle=":")
    above.set_yscale("symlog", linthresh=0.1)
    above.set_ylim(bottom=0.0)
    above.set_ylabel("honest terminals cut\nper 10,000 days", fontsize=9)
    above.legend(frameon=False, fontsize=8.5, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    for number, kind in enumerate(KINDS):
        shares = [recall[number] for _, _, recall in scored.curve]
        if shares[0] is not None:
            below.plot(factors, shares, color=COLOURS[number], linestyle=DASHES[number], label=str(kind), linewidth=1.6)
    below.axhline(TARGET_RECALL, color="0.5", linewidth=0.8, linestyle=":")
    below.set_ylabel("misusers whose renewal is held", fontsize=9)
    below.set_ylim(0.0, 1.03)
    below.set_xlabel("every hold at so many times its score (1: as frozen)", fontsize=9)
    below.legend(frameon=False, fontsize=8.5, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    for axes in (above, below):
        axes.set_xscale("log")
        axes.set_xlim(factors[0], factors[-1])
        axes.axvline(1.0, color="0.5", linewidth=0.8)
        axes.grid(color="0.92")
        axes.set_axisbelow(True)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        axes.set_xticks([0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 1.9], ["0.02", "0.05", "0.1", "0.2", "0.5", "1", "1.9"])
        axes.tick_params(labelsize=8.5)
        axes.minorticks_off()
    figure.text(
        0.02, 0.955, "Misuse told, and honest terminals cut, by the bar for a hold", fontsize=14, fontweight="bold"
    )
    figure.text(0.02, 0.92, scored.headline(), fontsize=9, color="0.35")
    figure.savefig(target, dpi=150, format="png")
