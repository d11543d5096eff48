"""How a place fell back on satellites, as stacked bars: of each class in each case, what carries what it asks for.

Takes a Fallback; draws a block a case with a bar a class; cases in which links on the ground carry everything are one
line. Bars are shares of what the class asks for, as classes differ
by orders of magnitude; Gbit/s stand beside them.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import openleo
from openleo.errors import counted
from openleo.instants import instant_text
from openleo.places.territories import display_name
from openleo.report.fallback_text import room_text, when
from openleo.study.fallback import Row
from openleo.study.fallback_run import Fallback

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's, for the colour-blind too; what is lost is pale, as nothing is there.
COLOURS = {"terrestrial": "#0072b2", "satellite": "#e69f00", "lost": "#e3e0db"}
LABELS = {"terrestrial": "other links", "satellite": "satellites", "lost": "not carried"}
QUIET = "0.35"
MOST_CASES = 8
MOST_NAMED = 8  # cases in which everything is carried
BAR_IN, HEAD_IN = 0.26, 0.52  # height of a bar, and of the lines above a case's bars
DPI = 150


def drawn(found: Fallback) -> Figure:
    """The picture of the first cases of a study."""
    from matplotlib.figure import Figure

    easy = [room.cut.name for room in found.rooms if found.on_the_ground(room.cut.name)]
    rooms = [room for room in found.rooms if room.cut.name not in easy][:MOST_CASES]
    block = HEAD_IN + BAR_IN * len(found.study.classes)
    wide, tall = 9.6, 1.15 + block * len(rooms) + 0.6
    figure = Figure(figsize=(wide, tall))
    for number, room in enumerate(rooms):
        top = tall - 0.9 - block * number
        height = BAR_IN * len(found.study.classes)
        axes = figure.add_axes((2.9 / wide, (top - HEAD_IN - height) / tall, 4.6 / wide, height / tall))
        _bars(axes, found.of(room.cut.name), last=number == len(rooms) - 1)
        figure.text(0.3 / wide, (top - 0.36) / tall, f"{room.cut.name}{when(room.cut)}", fontsize=9.5,
                    fontweight="bold", parse_math=False)  # fmt: skip
        figure.text(2.9 / wide, (top - 0.36) / tall, f"Gbit/s: {room_text(room)}", fontsize=8, color=QUIET)
    figure.text(0.3 / wide, 1.0 - 0.36 / tall, f"{found.study.name}: what carries each class", fontsize=13,
                fontweight="bold", parse_math=False)  # fmt: skip
    figure.text(0.3 / wide, 1.0 - 0.6 / tall, subtitle(found), fontsize=8.5, color=QUIET, parse_math=False)
    if easy:
        more = f" and {counted(len(easy) - MOST_NAMED, 'case')} more" if len(easy) > MOST_NAMED else ""
        said = f"All carried by other links with {', '.join(easy[:MOST_NAMED])}{more}."
        figure.text(0.3 / wide, 1.0 - 0.84 / tall, said, fontsize=8.5, color=QUIET, parse_math=False)
    _key(figure, wide, tall)
    return figure


def subtitle(found: Fallback) -> str:
    """Where, when, how many terminals, and how many cases are left out."""
    study = found.study
    grid, terminals = study.case.grid, study.satellites.terminals
    places = ", ".join(display_name(name) for name in study.place)
    whom = "as many terminals as it takes" if terminals is None else counted(terminals, "terminal", form=",")
    more = sum(not found.on_the_ground(room.cut.name) for room in found.rooms) - MOST_CASES
    left = f" · {counted(more, 'case')} left out" if more > 0 else ""
    span = f"{instant_text(grid.start)}, {found.slots} of {counted(grid.slots, 'slot')} of {grid.slot_s:g} s"
    return f"{places} · {span} · {whom} · shares of what is asked for{left}"


def _bars(axes: Axes, rows: list[Row], *, last: bool) -> None:
    for place, row in enumerate(rows):
        begin = 0.0
        for name, colour in COLOURS.items():
            gbps = getattr(row, f"{name}_gbps")
            share = 100.0 * gbps / row.asked_gbps if row.asked_gbps else 0.0
            axes.barh(place, share, left=begin, color=colour, height=0.74)
            begin += share
        lost = f", {row.lost_gbps:.2f} lost" if row.lost_gbps else ""
        axes.annotate(f"{row.asked_gbps:.2f} asked{lost}", (100.0, place), xytext=(6, 0), textcoords="offset points",
                      va="center", fontsize=8)  # fmt: skip
    axes.set_yticks(range(len(rows)), [row.class_ for row in rows], fontsize=8.5)
    for label in axes.get_yticklabels():
        label.set_parse_math(False)  # names come from files
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(0.0, 100.0)
    axes.set_xticks([0, 50, 100], ["0", "50", "100 %"] if last else ["", "", ""], fontsize=8)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _key(figure: Figure, wide: float, tall: float) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(facecolor=colour, label=LABELS[name]) for name, colour in COLOURS.items()]
    figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(2.8 / wide, 0.02 / tall), ncols=3, fontsize=8.5,
                  frameon=False, borderpad=0.0, handlelength=1.2, columnspacing=1.4)  # fmt: skip


def picture(found: Fallback) -> bytes:
    """The PNG."""
    out = io.BytesIO()
    drawn(found).savefig(out, dpi=DPI, format="png", metadata={"Software": f"OpenLEO {openleo.__version__}"})
    return out.getvalue()
