"""What territories depend on, as bars: for each, the share that is still served after each withdrawal.

Takes a Dependence; draws a panel a territory with the withdrawals that matter most to any of them, from the top.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import openleo
from openleo.errors import counted
from openleo.instants import instant_text
from openleo.report.staging import StagedFile, blaming
from openleo.study.dependence import Dependence, Dependent
from openleo.study.served import Share

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# By what is withdrawn: Okabe and Ito's, for the colour-blind too.
COLOURS = {
    "operator": "#d55e00",
    "country": "#0072b2",
    "gateway": "#56b4e9",
    "pop": "#009e73",
    "cable": "#cc79a7",
    "isls": "#e69f00",
    "plane": "#999933",
    "shell": "#882255",
    "several": "#1d252b",
}
LABELS = {"country": "a country's gateways", "pop": "PoP", "isls": "links between satellites", "several": "several"}
PALE = ("gateway", "isls", "cable")  # dark letters are read on them
QUIET = "0.35"
MOST_PANELS = 4
MOST_BARS = 16
DPI = 150


def drawn(found: Dependence, most_bars: int = MOST_BARS) -> Figure:
    """The picture of the first territories of a study."""
    from matplotlib.figure import Figure

    panels = found.before[:MOST_PANELS]
    names = ranking(found, panels)[:most_bars]
    tall, wide = 1.95 + 0.3 * max(len(names), 1), 3.4 + 2.9 * len(panels)
    figure = Figure(figsize=(wide, tall))
    left, bottom, top = 3.0 / wide, 0.75 / tall, 1.0 - 1.15 / tall
    each = (1.0 - left - 0.3 / wide) / max(len(panels), 1)
    for number, share in enumerate(panels):
        axes = figure.add_axes((left + number * each, bottom, each - 0.62 / wide, top - bottom))
        rows = {row.withdrawal.name: row for row in found.of(share.territory)}
        _panel(axes, share, [rows[name] for name in names])
        if number:
            axes.set_yticks([])
    figure.text(0.02, 1.0 - 0.36 / tall, f"{found.study.name}: what is served after a withdrawal", fontsize=13,
                fontweight="bold", parse_math=False)  # fmt: skip
    figure.text(0.02, 1.0 - 0.6 / tall, subtitle(found, len(names)), fontsize=8.5, color=QUIET, parse_math=False)
    _key(figure, found, names, tall)
    return figure


def subtitle(found: Dependence, bars: int) -> str:
    """Which operators, when, how long, and how much is left out."""
    case = next(iter(found.study.cases.values()))
    span = f"{instant_text(case.grid.start)}, {counted(case.grid.slots, 'slot')} of {case.grid.slot_s:g} s"
    others = len(found.study.withdrawals) - bars
    more = f" · {counted(others, 'withdrawal')} that matter less left out" if others > 0 else ""
    return f"{' + '.join(found.study.cases)} · {span} · reach of people × time, median round trip{more}"


def ranking(found: Dependence, panels: tuple[Share, ...]) -> list[str]:
    """The withdrawals by the most that any of the panels loses, then by the longest way round that is left."""
    shown = {share.territory for share in panels}
    worst: dict[str, tuple[float, float, str]] = {}
    for row in found.rows:
        if row.before.territory in shown:
            name = row.withdrawal.name
            worst[name] = min(worst.get(name, row.rank), row.rank)
    return sorted(worst, key=lambda name: worst[name])


def _panel(axes: Axes, share: Share, rows: list[Dependent]) -> None:
    for place, row in enumerate(rows):
        percent = 100.0 * row.after.served
        axes.barh(place, 100.0, color="0.94", height=0.66)
        axes.barh(place, percent, color=COLOURS[row.withdrawal.kind], height=0.66)
        rtt = f" · {row.after.rtt_ms_p50:.0f} ms" if row.after.rtt_ms_p50 is not None else ""
        inside = percent > 62.0
        axes.annotate(f"{percent_text(row.after.served)}{rtt}", (percent, place), xytext=(-4 if inside else 4, 0),
                      textcoords="offset points", ha="right" if inside else "left", va="center", fontsize=8,
                      color="white" if inside and row.withdrawal.kind not in PALE else "0.1")  # fmt: skip
    if share.served < 1.0:
        axes.axvline(100.0 * share.served, color="0.2", linewidth=1.0, linestyle=":")
    axes.set_yticks(range(len(rows)), [row.withdrawal.name for row in rows], fontsize=8.5)
    for label in axes.get_yticklabels():
        label.set_parse_math(False)  # names come from files
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    axes.set_xlim(0.0, 100.0)
    axes.set_xticks([0, 50, 100], ["0", "50", "100 %"], fontsize=8)
    of_whom = f"{share.people:,} people" if share.weighting == "population" else "of area: nobody lives there"
    rtt = f", {share.rtt_ms_p50:.0f} ms" if share.rtt_ms_p50 is not None else ""
    axes.set_title(share.name, fontsize=10, fontweight="bold", loc="left", pad=18, parse_math=False)
    axes.annotate(f"{of_whom}; {percent_text(share.served)}{rtt} before", (0.0, 1.0), xytext=(0, 6),
                  xycoords="axes fraction", textcoords="offset points", fontsize=8, color=QUIET)  # fmt: skip
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)


def percent_text(share: float) -> str:
    """A share as it is told: neither all nor nothing unless it is.

    >>> percent_text(1.0), percent_text(0.9999), percent_text(0.5), percent_text(0.0001), percent_text(0.0)
    ('100 %', '>99.9 %', '50.0 %', '<0.1 %', '0 %')
    """
    share = round(share, 6)
    if share in (0.0, 1.0):
        return f"{100 * share:.0f} %"
    return ">99.9 %" if share > 0.999 else "<0.1 %" if share < 0.001 else f"{100 * share:.1f} %"


def _key(figure: Figure, found: Dependence, names: list[str], tall: float) -> None:
    from matplotlib.patches import Patch

    kinds = {one.kind for one in found.study.withdrawals if one.name in names}
    handles = [
        Patch(facecolor=colour, label=LABELS.get(kind, kind)) for kind, colour in COLOURS.items() if kind in kinds
    ]
    figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.015, 0.06 / tall), ncols=9, fontsize=8.5,
                  frameon=False, borderpad=0.0, handlelength=1.2, columnspacing=1.4)  # fmt: skip


def picture(found: Dependence) -> bytes:
    """The PNG."""
    out = io.BytesIO()
    drawn(found).savefig(out, dpi=DPI, format="png", metadata={"Software": f"OpenLEO {openleo.__version__}"})
    return out.getvalue()


def draw(found: Dependence, target: Path) -> None:
    """Draw to a PNG file."""
    content = picture(found)
    with StagedFile(target) as staged, blaming(target):
        staged.write_bytes(content)
