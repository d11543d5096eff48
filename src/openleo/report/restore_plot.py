"""How much is served from which day on, as gateways come to stand: a panel for each question of a study."""

from __future__ import annotations

import io

import openleo
from openleo.errors import counted
from openleo.places.territories import display_name
from openleo.study.dependence import Dependence
from openleo.study.restore import Step
from openleo.study.sites import Sites

ALL, CHOSEN, QUIET = "#0072b2", "#d55e00", "0.35"
MOST_PANELS = 6
LONGEST = 40  # letters of what was withdrawn
DPI = 150


def restored_picture(found: Dependence) -> bytes:
    """The PNG."""
    from matplotlib.figure import Figure

    told = [one for one in found.sites if one.steps][:MOST_PANELS]
    tall = 0.7 + 2.5 * len(told)
    figure = Figure(figsize=(7.2, tall))
    for number, one in enumerate(told):
        axes = figure.add_axes((0.1, 1.0 - (2.6 + 2.5 * number) / tall, 0.86, 1.5 / tall))
        curves = [(one.restored.curve, ALL, "all candidates")] if one.restored else []
        end = 1.1 * max(day for steps in (one.steps, *(line[0] for line in curves)) for day, _ in steps) + 1.0
        for steps, colour, label in (*curves, (one.steps, CHOSEN, "the chosen sites")):
            days, shares = stairs(one, steps, end)
            axes.step(days, [100.0 * share for share in shares], where="post", color=colour, label=label)
        if one.restored:
            axes.axhline(100.0 * one.restored.wanted, color=QUIET, linewidth=0.8, linestyle=":")
        axes.set_xlim(0.0, end)
        axes.set_ylim(0.0, 105.0)
        axes.set_ylabel("served (%)", fontsize=8.5)
        axes.set_xlabel("days", fontsize=8.5)
        names = ", ".join(map(str, one.after))
        what = names if len(names) <= LONGEST else counted(len(one.after), "thing")
        after = f", {what} withdrawn" if one.after else ""
        axes.set_title(f"{display_name(one.territory)}, gateways of {one.operator}{after}", fontsize=9, loc="left",
                       parse_math=False)  # fmt: skip
        axes.legend(fontsize=8, frameon=False, loc="upper right", ncols=2, bbox_to_anchor=(1.0, -0.16), borderpad=0.0)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    figure.text(0.03, 1.0 - 0.36 / tall, f"{found.study.name}: what is served from which day on", fontsize=12,
                fontweight="bold", parse_math=False)  # fmt: skip
    out = io.BytesIO()
    figure.savefig(out, dpi=DPI, format="png", metadata={"Software": f"OpenLEO {openleo.__version__}"})
    return out.getvalue()


def stairs(one: Sites, steps: tuple[Step, ...], end: float) -> tuple[list[float], list[float]]:
    """A curve's days and shares, from what is served without any to the picture's end."""
    days = [0.0, *(day for day, _ in steps), end]
    shares = [one.before, *(share for _, share in steps)]
    return days, [*shares, shares[-1]]
