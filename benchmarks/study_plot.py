"""The picture of how studies scale: what was measured on two workers, and what is simulated for more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")
import matplotlib.pyplot as plt

from openleo.study.scaling import Simulated

PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "study-scaling.png"
MARKS = {"control": ("s", "0.55"), "threads": ("v", "#c1666b"), "processes": ("o", "#2e5e8c"), "dask": ("^", "#4f9d69")}
NAMES = {"control": "control: empty loops", "threads": "threads", "processes": "processes", "dask": "Dask, one machine"}
LINES = ("#2e5e8c", "#d08c34", "#6b4e9b")


def draw(gains: Mapping[str, Mapping[str, float]], plans: Mapping[str, Sequence[Simulated]], picture: Path) -> None:
    """Left: one and two workers as measured, steady. Right: simulated, start, hand-out and dataset included."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.2), layout="constrained", width_ratios=(1, 1.7))
    left.plot([1, 2], [1, 2], color="0.8", linestyle=":", label="twice as soon")
    for name, one in gains.items():
        mark, colour = MARKS[name]
        left.plot([1, 2], [1.0, one["gain"]], color=colour, marker=mark, label=f"{NAMES[name]} {one['gain']:.2f}×")
    left.set(xlabel="workers", ylabel="times sooner than one worker", title="measured: two processors, warm workers")
    left.set_xticks([1, 2])
    left.set_xlim(0.9, 2.1)
    left.set_ylim(0.9, 2.1)
    left.legend(loc="upper left", fontsize=8)
    counts = [one.workers for one in next(iter(plans.values()))]
    right.loglog(counts, counts, color="0.8", linestyle=":", label="as many times as workers")
    for (name, some), colour in zip(plans.items(), LINES, strict=False):
        right.loglog(counts, [one.speed_up for one in some], color=colour, marker=".", label=name)
    right.set(xlabel="workers", ylabel="times sooner than the runs alone", title="simulated, from times measured here")
    right.set_xticks(counts, [f"{count:,}" for count in counts], fontsize=7)
    right.minorticks_off()
    right.set_yticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
    right.grid(alpha=0.3)
    left.grid(alpha=0.3)
    right.legend(loc="upper left", fontsize=8)
    figure.savefig(picture, dpi=110)
    plt.close(figure)
